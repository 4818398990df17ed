"""The zig-zag process on the line, against its generator on a grid, and its failures."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.sampling.zig_zag import ZigZag
from asymptopia.parts.potential import DoubleWell, Quadratic


def variance_on_grid(law, f, points, reach):
    """2 <f, h> for h solving the discretised equation of the generator -L h = f, upwind, reflected at the ends."""
    x = np.linspace(-reach, reach, points)
    step = x[1] - x[0]
    force = np.asarray(law.potential.slope(x)) / law.temperature
    weight = np.exp(-law.potential.values(x) / law.temperature)
    weight /= 2 * weight.sum()
    ahead = sp.diags([np.r_[-np.ones(points - 1), 0.0], np.ones(points - 1)], [0, 1]) / step
    back = sp.diags([np.r_[0.0, -np.ones(points - 1)], np.ones(points - 1)], [0, -1]) / step
    up = sp.diags(np.maximum(force, 0) + law.refreshment)
    down = sp.diags(np.maximum(-force, 0) + law.refreshment)
    generator = sp.bmat([[ahead - up, up], [down, back - down]]).tolil()
    values = np.tile(f(x) - 2 * (weight * f(x)).sum(), 2)
    generator[points // 2, :] = 0.0  # the solution is known up to a constant
    generator[points // 2, points // 2] = 1.0
    right = -values
    right[points // 2] = 0.0
    h = spsolve(generator.tocsc(), right)
    return 2 * (np.tile(weight, 2) * values * h).sum()


@pytest.mark.parametrize(
    "law",
    [ZigZag(refreshment=0.3), ZigZag(potential=DoubleWell(), temperature=0.4), ZigZag(potential=Quadratic(2.0))],
    ids=["refreshed", "double well", "stiff"],
)
def test_the_asymptotic_variances_are_those_of_the_generator_on_a_grid(law):
    prediction = law.predict()
    for name, f in (("asymptotic_variance", lambda x: x), ("second_moment_variance", np.square)):
        coarse, fine = (variance_on_grid(law, f, points, 6.0) for points in (1001, 2001))
        assert prediction[name] == pytest.approx(2 * fine - coarse, rel=3e-3)


def test_a_potential_of_ones_own_is_followed():
    law = ZigZag(potential=lambda x: x**4 / 4)
    confrontation = confront(law, sizes=(20, 40), seeds=300)
    assert not [j for j in confrontation.judgements if j.verdict == "disagrees"]
    assert law.predict()["second_moment"] == pytest.approx(0.6759782400672, rel=1e-9)  # 2 Gamma(3/4) / Gamma(1/4)


def test_where_it_cannot_be_trusted():
    assert "longer paths" in ZigZag(potential=DoubleWell(), temperature=0.03).valid()
    with pytest.raises(NoLimit, match="confining"):
        ZigZag(potential=lambda x: 0.0 * x).limit()
    with pytest.raises(StatementError, match="refreshment"):
        ZigZag(refreshment=-0.1)
