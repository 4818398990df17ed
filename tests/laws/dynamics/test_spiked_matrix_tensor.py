"""Spiked matrix-tensor: thresholds, the posterior's symmetry, recovery, and the finite system."""

import numpy as np
import pytest

from asymptopia import StatementError, confront, thresholds
from asymptopia.laws.dynamics.spiked_matrix_tensor import SpikedMatrixTensor
from asymptopia.theory import glassy as theory


@pytest.mark.parametrize("p", [3, 4, 5])
@pytest.mark.parametrize("delta_p", [0.5, 1.0, 4.0])
def test_the_threshold_of_gradient_flow(p, delta_p):
    law = SpikedMatrixTensor(p=p, snr3=1 / delta_p, temperature=0.0)
    delta2 = (-delta_p + np.sqrt(delta_p**2 + 4 * (p - 1) * delta_p)) / (2 * (p - 1))
    transitions = thresholds(law, "snr2")
    assert transitions["recovery"] == pytest.approx(1 / delta2, rel=1e-12)
    assert transitions["weak_recovery"] == 1
    at = law.replace(snr2=1 / delta2)
    assert thresholds(at, "snr3")["recovery"] == pytest.approx(1 / delta_p, rel=1e-10)
    chi = theory.marginal_response(at.landscape(), 0.0)
    assert 2 * at.landscape()[2] * chi == pytest.approx(1, rel=1e-10)


@pytest.mark.parametrize("delta3", [0.5, 1.0, 1.8, 4.0])
def test_the_threshold_of_langevin_dynamics(delta3):
    threshold = thresholds(SpikedMatrixTensor(snr3=1 / delta3), "snr2")["recovery"]
    assert threshold == pytest.approx(max(1, 1 / np.sqrt(delta3 / 2)), rel=1e-9)


@pytest.mark.parametrize(("snr2", "exponentially"), [(2.8, True), (1.6, False)])
def test_a_small_overlap_grows_exponentially_beyond_the_threshold_only(snr2, exponentially):
    law = SpikedMatrixTensor(snr2=snr2, snr3=1.0, temperature=0.0, start_overlap=1e-9, times=(10.0, 20.0, 40.0))
    early, late = np.diff(np.log(law.limit()["overlap"].values)) / (10.0, 20.0)
    assert late > 0.7 * early if exponentially else late < 0.55 * early  # a power of time halves its rate


def test_at_temperature_one_the_posterior_is_reached():
    law = SpikedMatrixTensor(times=(2.0, 40.0))
    m, energy, stable = theory.signal_state(law.landscape(), 1.0, 1.0)
    limit = law.limit()
    assert stable < 1
    assert m == pytest.approx(np.sqrt(3) - 1)  # m / (1 - m) = f'(m) = 3 m + m**2
    assert float(limit["overlap"][-1]) == pytest.approx(m, abs=1e-4)
    assert float(limit["energy"][-1]) == pytest.approx(energy, abs=1e-4)
    assert energy == pytest.approx(-sum(law.landscape()))  # Nishimori: as if the signal were a sample


def test_without_a_tensor_it_is_the_spiked_matrix():
    law = SpikedMatrixTensor(snr3=0.0, snr2=4.0, temperature=0.0, times=(60.0,))
    assert float(law.limit()["overlap"][0]) == pytest.approx(np.sqrt(1 - 1 / 4.0), abs=1e-4)  # principal component


def test_times_must_increase_and_an_overlap_of_zero_is_warned_of():
    with pytest.raises(StatementError, match="`times` of SpikedMatrixTensor"):
        SpikedMatrixTensor(times=(2.0, 1.0))
    assert "log n" in SpikedMatrixTensor(start_overlap=0.0).valid()
    with pytest.raises(StatementError, match="'snr2' and 'snr3'"):
        thresholds(SpikedMatrixTensor(), "temperature")


class TwiceTheTensor(SpikedMatrixTensor):
    """Wrong: the tensor counted twice."""

    def predict(self):
        return SpikedMatrixTensor(snr3=2 * self.snr3, times=self.times, start_overlap=self.start_overlap).predict()


def test_the_finite_system_agrees_and_a_wrong_law_does_not():
    settings = dict(sizes=(10, 20, 40), seeds=100)
    fields = dict(times=(0.5, 1.0), start_overlap=0.7)
    confrontation = confront(SpikedMatrixTensor(**fields), **settings)
    assert {confrontation[name].verdict for name in ("overlap", "energy")} <= {"agrees", "inconclusive"}
    assert confront(TwiceTheTensor(**fields), **settings)["energy"].verdict == "disagrees"
