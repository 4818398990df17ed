"""The bouncy particle in high dimension, against randomised Hamiltonian dynamics simulated on its own."""

import numpy as np
import pytest

from asymptopia import StatementError, confront
from asymptopia.laws.sampling.bouncy_particle import BouncyParticle


def hamiltonian(rng, count, rate, lag):
    """x(0) and x(lag) of dynamics that rotates in phase space, with velocities drawn anew at times of rate `rate`."""
    x, v = rng.standard_normal((2, count))
    begin, left = x.copy(), np.full(count, lag)
    while (left > 0).any():
        wait = rng.exponential(1 / rate, count)
        t = np.minimum(wait, left)
        x, v = x * np.cos(t) + v * np.sin(t), v * np.cos(t) - x * np.sin(t)
        v = np.where(wait < left, rng.standard_normal(count), v)
        left = left - t
    return begin, x


@pytest.mark.parametrize("rate", [0.5, 1.7])
def test_a_coordinate_follows_randomised_hamiltonian_dynamics(rate):
    rng = np.random.default_rng(1)
    law = BouncyParticle(refreshment=rate)
    prediction = law.predict()
    for i, lag in enumerate(law.times):
        x, y = hamiltonian(rng, 100_000, rate, lag)
        for name, product in (
            ("autocovariance", x * y),
            ("squared_autocovariance", (x**2 - 1) * (y**2 - 1) / 2),
        ):
            assert abs(product.mean() - prediction[name][i]) < 4 * product.std() / len(x) ** 0.5


def test_the_variances_are_integrals_of_the_autocovariances():
    law = BouncyParticle(refreshment=1.3, times=tuple(np.linspace(0.01, 40, 8000).tolist()))
    prediction, t = law.predict(), np.r_[0.0, law.times]
    linear, squares = (np.r_[1.0, prediction[k]] for k in ("autocovariance", "squared_autocovariance"))
    assert 2 * np.trapezoid(linear, t) == pytest.approx(prediction["asymptotic_variance"], rel=1e-4)
    slow = 4 * np.trapezoid((1 - t[t <= 1]) * np.exp(-1.3 * t[t <= 1]), t[t <= 1])  # of the energy, on [0, n]
    total = 4 * np.trapezoid(squares, t) + slow
    assert total == pytest.approx(prediction["second_moment_variance"], rel=2e-2)


def test_another_rate_of_refreshment_is_refuted():
    law = BouncyParticle(refreshment=1.6)
    confrontation = confront(BouncyParticle(), law.experiment((25, 50, 100), 600))
    assert {"autocovariance", "squared_autocovariance", "energy"} <= {
        j.observable for j in confrontation.judgements if j.verdict == "disagrees"
    }


def test_its_fields_are_checked():
    assert "rare" in BouncyParticle(refreshment=10.0).valid()
    with pytest.raises(StatementError, match="refreshment"):
        BouncyParticle(refreshment=-1.0)
    with pytest.raises(StatementError, match="times"):
        BouncyParticle(times=(2.0, 1.0))
