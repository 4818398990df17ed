"""Functional scaling: the exact second moments of SGD as a second route, exponents seen in the solution, wrong laws."""

import numpy as np
import pytest
from scipy.special import zeta

from asymptopia import StatementError, confront
from asymptopia.laws.dynamics.functional_scaling_law import FunctionalScalingLaw
from asymptopia.laws.dynamics.functional_scaling_law.experiment import tail
from asymptopia.laws.dynamics.functional_scaling_law.theory import Modes, exponents, predict, risks, whole_numbers
from asymptopia.parts.schedule import Constant, Cosine, PowerDecay, WarmupStableDecay


def exact_mean(law, n):
    """The mean risk of the system of n copies at the last time, from the second moments of its errors, step by step."""
    j = np.arange(1, law.width + 1.0)
    lam, power = j**-law.spectrum_exponent, 1 + law.target_exponent * law.spectrum_exponent
    D, left = j**-power / lam, zeta(power, law.width + 1)
    steps = round(law.times[-1] * n)
    rates = law.rate * law.schedule((np.arange(steps) + 0.5) / steps)
    for rate in rates:
        kept = 1 - 2 * rate * lam / n + (1 + 1 / law.batch) * (rate * lam / n) ** 2
        D = kept * D + rate**2 / law.batch * lam / n * (lam @ D + left + law.noise)
    return lam @ D + left


@pytest.mark.parametrize("schedule", [Constant(), Cosine(final=0.1), PowerDecay(3.0), WarmupStableDecay(0.3, 0.5)])
def test_means_of_finite_systems_tend_to_the_limit(schedule):
    law = FunctionalScalingLaw(schedule=schedule, width=8, batch=2, rate=0.6, times=(20.0,))
    few, many = exact_mean(law, 200), exact_mean(law, 400)
    limit = float(law.limit()["test_error"][0])
    assert 2 * many - few == pytest.approx(limit, rel=2e-5)
    assert many != pytest.approx(limit, rel=2e-5)


def test_sums_over_blocks_of_modes_are_sums_over_modes():
    j = np.arange(1.0, 5001)
    points, weights = whole_numbers(5000)
    assert len(points) < 300
    for f in (lambda x: x**-1.5, lambda x: np.exp(-50 * x**-1.2), lambda x: x**-2 * np.exp(-3e3 * x**-1.5)):
        assert weights @ f(points) == pytest.approx(np.sum(f(j)), rel=1e-9)


def test_what_is_beyond_the_width_is_a_zeta_function():
    for power, start in ((1.02, 2), (1.5, 33), (4.0, 2)):
        assert tail(power, start) == pytest.approx(zeta(power, start), rel=1e-12)


@pytest.mark.parametrize(
    ("beta", "s", "schedule", "peak"),
    [(2.0, 1.0, Constant(), 1 / 2), (2.0, 1.0, PowerDecay(3.0), 1 / 3), (3.0, 0.3, PowerDecay(1.0), 0.0)],
)
def test_exponents_are_slopes_of_the_solution(beta, s, schedule, peak):
    law = FunctionalScalingLaw(beta, s, 30_000, noise=1.0, schedule=schedule)
    runs = [law.replace(rate=0.5 * (N / 1e3) ** -peak, times=(N,)) for N in (1e6, 1e7)]
    first, second = (risks(run, Modes.of(run), first=0.01, growth=3.0)[0] for run in runs)
    assert np.log10(first / second) == pytest.approx(exponents(law)["sample_exponent"], abs=0.015)


def test_the_order_of_a_schedule_of_your_own_is_found():
    assert FunctionalScalingLaw(schedule=lambda u: (1 - u) ** 2 * (1 + u)).schedule.order() == pytest.approx(
        2, abs=1e-4
    )
    assert FunctionalScalingLaw(schedule=lambda u: 2 - u).schedule.order() == pytest.approx(0, abs=1e-4)


def test_without_noise_of_labels_or_model_a_constant_rate_forgets_the_start_as_the_flow_does():
    """s = 0.5 < 2 - 1/beta: the noise of SGD multiplies the risk of the flow by a constant."""
    law = FunctionalScalingLaw(2.0, 0.5, 10**6, noise=0.0, schedule=Constant(), times=(1e4, 1e5))
    limit = law.limit()
    ratio = (limit["test_error"] / limit["flow_risk"]).values
    assert 1 < ratio[0] == pytest.approx(ratio[1], rel=0.01)


def test_statements_are_checked():
    with pytest.raises(StatementError, match="negative|>= 0"):
        FunctionalScalingLaw(schedule=lambda u: 0.5 - u).limit()
    with pytest.raises(StatementError, match="warm-up"):
        WarmupStableDecay(0.6, 0.6)
    with pytest.raises(StatementError, match="times"):
        FunctionalScalingLaw(times=(3.0, 2.0))
    assert "diverges" in FunctionalScalingLaw(rate=1.5).valid()
    assert FunctionalScalingLaw(rate=1.5, batch=4).valid() is None


class Flow(FunctionalScalingLaw):
    """Gradient flow: no noise of SGD."""

    def predict(self):
        prediction = predict(self)
        return prediction | {"test_error": prediction["flow_risk"]}


class WithoutDecay(FunctionalScalingLaw):
    """The peak throughout, for the same intrinsic time: the rate at the end forgotten."""

    def predict(self):
        share = float(np.mean(self.schedule((np.arange(4000) + 0.5) / 4000)))
        times = tuple(t * share for t in self.times)
        return predict(self.replace(schedule=Constant(), times=times))


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    fields = dict(width=8, batch=2, rate=0.8, noise=0.5, times=(20.0,))
    law = FunctionalScalingLaw(**fields)
    experiment = law.experiment(sizes=(4, 8, 16), seeds=128)
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (Flow, WithoutDecay):
        assert confront(wrong(**fields), experiment).verdict == "disagrees"
