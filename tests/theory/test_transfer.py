"""Transfer operators: the normal chain in closed form, functions with kinks, and what is too sharp."""

import numpy as np
import pytest

from asymptopia import NoLimit
from asymptopia.theory.transfer import TransferOperator, refined, smoothed


def _normal_chain(count):
    x = 9 * (2 * np.arange(count) / count - 1)
    well = x**2 / 2
    return TransferOperator.of(x, -(well[:, None] + well) / 2 - np.subtract.outer(x, x) ** 2)


def test_a_normal_chain_has_its_variance_and_correlations():
    # curvature 1, stiffness 2: variance 1 / sqrt(1 * 9), neighbours' ratio r with r + 1/r = 2 + 1/2
    operator = _normal_chain(128)
    x = operator.points
    assert operator.mean(x**2) == pytest.approx(1 / 3, abs=1e-12)
    assert operator.correlation(x, (0, 1, 3)) == pytest.approx([1 / 3, 1 / 6, 1 / 24], abs=1e-12)
    assert operator.bond_mean(np.subtract.outer(x, x) ** 2) == pytest.approx(1 / 3, abs=1e-12)
    assert operator.susceptibility(x) == pytest.approx(1.0, abs=1e-11)
    assert operator.too_short(12) is None
    assert "rings of fewer than 12" in operator.too_short(11)


@pytest.mark.parametrize("barrier", [40.0, 400.0])
def test_a_chain_that_stays_in_one_of_two_wells_has_no_susceptibility(barrier):
    x = 2 * (2 * np.arange(256) / 256 - 1)
    well = barrier * (x**2 - 1) ** 2
    operator = TransferOperator.of(x, -(well[:, None] + well) / 2 - 40 * np.subtract.outer(x, x) ** 2)
    assert "no ring is like" in operator.too_short(10**9)
    with pytest.raises(NoLimit, match="Correlations do not fall"):
        operator.susceptibility(x)
    assert operator.mean(x**2) == pytest.approx(1.0, abs=0.1)


def test_the_mean_of_a_function_with_a_kink():
    operator = _normal_chain(128)
    mean = operator.mean(smoothed(np.abs, operator.points))
    assert mean == pytest.approx((2 / np.pi / 3) ** 0.5, abs=1e-8)
    assert operator.mean(np.abs(operator.points)) != pytest.approx((2 / np.pi / 3) ** 0.5, abs=1e-5)


def test_a_kernel_that_the_points_do_not_resolve_is_refused():
    with pytest.raises(NoLimit, match="The limit of a chain is not resolved by 256 points"):
        refined(lambda count: {"mean": 1 / count}, "The limit of a chain", last=256)
