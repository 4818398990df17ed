"""Linear separability: Cover's two samples per dimension, shared knowledge, and a published value."""

import numpy as np
import pytest

from asymptopia.parts.channel import Logit, Probit, Sign
from asymptopia.theory.separability import separability


def test_labels_without_meaning_are_separable_up_to_two_samples_per_dimension():
    assert separability(Sign(flip=0.5)) == pytest.approx(2, rel=1e-9)
    assert separability(Sign(), known=1e-12) == pytest.approx(2, rel=1e-4)


def test_labels_of_a_plane_are_always_separable():
    assert separability(Sign()) == float("inf")


def test_what_the_inputs_do_not_tell_is_noise():
    """A teacher of whose field a share c is known is one with noise (1 - c) / c."""
    for c in (0.2, 0.7):
        assert separability(Sign(), known=c) == pytest.approx(separability(Probit(noise=(1 - c) / c)), rel=1e-8)
    alphas = [separability(Sign(), known=c) for c in (0.1, 0.5, 0.9)]
    assert np.all(np.diff(alphas) > 0)


def test_the_threshold_of_logistic_regression():
    """Candes and Sur, Ann. Statist. 48 (2020) 27."""
    assert 1 / separability(Logit(scale=1.0), 5.0) == pytest.approx(0.325589, abs=1e-6)
