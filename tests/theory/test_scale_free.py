"""The table of labels without a scale: against the integrals, and in phase diagrams."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from asymptopia.laws.inference.bayes_optimal.theory import fixed_points
from asymptopia.parts.channel import Abs, Linear, Probit
from asymptopia.parts.prior import GaussBernoulli
from asymptopia.theory.scale_free import MANY, label_from_table, tabulated
from asymptopia.theory.seen import label


def test_it_is_the_integral_at_any_scale_within_and_beyond_the_table():
    u = np.array([-40.0, -23.3, -7.1, -0.4, 0.2, 5.5, 17.9, 32.6, 35.0])
    for size in (1.0, 0.03):
        q, v = size / (1 + np.exp(-u)), size / (1 + np.exp(u))
        ours, direct = label_from_table(Abs(), q, v), label(Abs(), q, v)
        assert_allclose(ours.information, direct.information, rtol=2e-10)
        assert_allclose(ours.log_likelihood, direct.log_likelihood, rtol=0, atol=2e-9)


def test_many_priors_share_it_and_have_the_same_fixed_points():
    assert tabulated(Abs(), MANY) and not tabulated(Abs(), MANY - 1)
    assert not tabulated(Probit(noise=0.1), MANY) and not tabulated(Linear(noise=0.1), MANY)
    alphas, prior = [0.3, 0.55, 1.1], GaussBernoulli(rho=0.3)
    for one, many in zip(fixed_points(prior, Abs(), alphas), fixed_points(prior, Abs(), alphas, MANY), strict=True):
        assert [p.stable for p in one] == [p.stable for p in many]
        assert_allclose([p.q for p in one], [p.q for p in many], atol=1e-10)
        assert_allclose([p.free_entropy for p in one], [p.free_entropy for p in many], atol=1e-9)
