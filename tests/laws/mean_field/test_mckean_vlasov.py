"""Particles drawn to their mean: Gaussians, no coupling, branches and their transition, bad statements, faults."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, sweep, thresholds
from asymptopia.laws.mean_field import mckean_vlasov
from asymptopia.laws.mean_field.fokker_planck import FokkerPlanck
from asymptopia.laws.mean_field.mckean_vlasov import McKeanVlasov
from asymptopia.parts.potential import Normal, Quadratic

TIMES = (0.3, 1.0)


def test_in_a_quadratic_potential_the_mean_knows_of_no_coupling():
    k, c, T = 0.8, 1.5, 0.4
    limit = McKeanVlasov(Quadratic(k), c, T, Normal(1.2, 0.3), TIMES).limit()
    t = np.array(TIMES)
    np.testing.assert_allclose(limit["mean"], 1.2 * np.exp(-k * t), atol=1e-5)
    spread = 0.3 * np.exp(-2 * (k + c) * t) + T / (k + c) * (1 - np.exp(-2 * (k + c) * t))
    np.testing.assert_allclose(limit["variance"], spread, atol=1e-5)
    noise = 0.3 * np.exp(-2 * k * t) + T / k * (1 - np.exp(-2 * k * t))
    np.testing.assert_allclose(limit["fluctuation"], noise, atol=1e-4)


def test_without_coupling_it_is_the_fokker_planck_equation():
    start = Normal(-0.5, 0.2)
    limit = McKeanVlasov(coupling=0.0, temperature=0.3, start=start, times=TIMES).limit()
    exact = FokkerPlanck(temperature=0.3, start=start, times=TIMES).limit()
    for name in ("mean", "variance", "density", "fluctuation"):
        np.testing.assert_allclose(limit[name], exact[name], atol=2e-5, err_msg=name)


def test_in_the_end_it_is_one_of_the_fixed_points():
    law = McKeanVlasov(temperature=0.2, start=Normal(0.8, 0.1), times=(8.0,), edges=(-1.0, 1.0))
    points = law.fixed_points()
    assert [p.stable for p in points] == [True, False, True]
    assert points[0].overlap == pytest.approx(-points[2].overlap, abs=1e-10) and abs(points[1].overlap) < 1e-10
    assert points[0].free_entropy == pytest.approx(points[2].free_entropy, abs=1e-10)
    assert points[0].free_entropy > points[1].free_entropy
    limit = law.limit()
    assert float(limit["mean"][0]) == pytest.approx(points[2].overlap, abs=1e-4)
    assert float(limit["variance"][0]) == pytest.approx(points[2].values["variance"], abs=1e-4)


def test_the_branches_meet_at_the_transition():
    critical = thresholds(McKeanVlasov(), along="temperature")["transition"]
    assert len(McKeanVlasov(temperature=1.001 * critical).fixed_points()) == 1
    below = [McKeanVlasov(temperature=critical * (1 - e)).fixed_points()[-1].overlap for e in (2e-3, 5e-4)]
    assert below[0] / below[1] == pytest.approx(2, rel=0.01), "the mean grows as the root of the distance"


def test_the_transition_by_another_quadrature():
    from scipy.integrate import quad

    critical = thresholds(McKeanVlasov(coupling=1.0), along="temperature")["transition"]
    weight, second = (quad(lambda x, p=p: x**p * np.exp(-(x**4) / 4 / critical), -5, 5)[0] for p in (0, 2))
    assert second / weight == pytest.approx(critical, rel=1e-9)


def test_a_quadratic_potential_has_no_transition():
    assert thresholds(McKeanVlasov(Quadratic()), along="temperature") == {}
    with pytest.raises(StatementError, match="no known transition along 'coupling'"):
        thresholds(McKeanVlasov(), along="coupling")
    with pytest.raises(StatementError, match="in a symmetric potential"):
        thresholds(McKeanVlasov(lambda x: x**4 + x), along="temperature")


def test_relaxation_slows_down_at_the_transition():
    """Above it the mean decays ever more slowly, and the fluctuations in the end are ever larger."""
    rates, spreads = [], []
    for temperature in (1.0, 0.7, 0.55):
        limit = McKeanVlasov(temperature=temperature, start=Normal(0.1, 0.5), times=(1.5, 2.5)).limit()
        rates.append(float(np.log(limit["mean"][0] / limit["mean"][1])))
        spreads.append(float(limit["fluctuation"][1]))
    assert rates[0] > 2 * rates[1] > 4 * rates[2] * 0.9 and spreads[0] < spreads[1] < spreads[2]
    assert "critical temperature 0.456947" in McKeanVlasov(temperature=0.46).valid()


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (dict(temperature=-0.1), StatementError, "`temperature` of McKeanVlasov must be > 0, but is -0.1"),
        (dict(coupling=-1.0), StatementError, "`coupling` of McKeanVlasov must be >= 0"),
        (dict(times=(1.0, 0.5)), StatementError, "`times` of McKeanVlasov must be numbers >= 0 that increase"),
        (dict(edges=(1.0, 1.0)), StatementError, "`edges` of McKeanVlasov must be two or more"),
        (dict(potential=lambda x: -(x**2)), NoLimit, "`potential` of McKeanVlasov must be confining"),
    ],
)
def test_bad_statements_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        McKeanVlasov(**fields).limit()


def test_they_agree_on_a_branch():
    law = sweep(McKeanVlasov(temperature=0.25, times=(0.5, 1.5)), coupling=(0.5, 2.0))
    confrontation = confront(law, sizes=(30, 60), seeds=150)
    assert all(confrontation[k].verdict != "disagrees" for k in law.law.observables if k != "distance_exponent")


def test_the_distance_of_linear_particles_in_closed_form():
    """In a quadratic potential the means of n and 2n differ by a process that all particles follow alike."""
    k, c, T, n, t = 0.5, 2.0, 0.8, 40, 1.5
    law = McKeanVlasov(Quadratic(k), c, T, Normal(0.0, 0.3), (t,))
    seen = law.experiment((n,), 2000)["distance"].values[0, :, 0] ** 2
    # its difference has the variance of a mean of 2n, and arrives through exp(-k s) - exp(-(k + c) s)
    from scipy.integrate import quad

    spread = 0.3 * (np.exp(-k * t) - np.exp(-(k + c) * t)) ** 2
    spread += 2 * T * quad(lambda s: (np.exp(-k * s) - np.exp(-(k + c) * s)) ** 2, 0, t)[0]
    error = seen.std() / len(seen) ** 0.5
    assert seen.mean() == pytest.approx(spread / (2 * n), abs=4 * error + 0.02 * spread / (2 * n))


@pytest.mark.runs_long
def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    class Uncoupled(McKeanVlasov):
        def predict(self):
            return McKeanVlasov(coupling=0.9 * self.coupling).predict()

    class Independent(McKeanVlasov):
        """Particles that fluctuate as if they did not feel each other."""

        def predict(self):
            prediction = super().predict()
            return prediction | {"fluctuation": prediction["variance"]}

    experiment = McKeanVlasov().experiment(sizes=(25, 50, 100), seeds=3000)
    assert confront(McKeanVlasov(), experiment).verdict != "disagrees"
    assert confront(Uncoupled(), experiment)["variance"].verdict == "disagrees"
    assert confront(Independent(), experiment)["fluctuation"].verdict == "disagrees"


@pytest.mark.parametrize(
    ("stiffness", "coupling", "time"), [(20.0, 1.0, 0.5), (1.0, 12.0, 1.0), (1.0, 20.0, 1.0), (200.0, 0.0, 0.1)]
)
def test_stiff_particles_stay_normal(stiffness, coupling, time):
    law = McKeanVlasov(Quadratic(stiffness), coupling, 0.5, Normal(1.0, 0.5), (time,))
    prediction, k = law.predict(), stiffness + coupling
    assert prediction["mean"][0] == pytest.approx(np.exp(-stiffness * time), abs=2e-5)
    spread = 0.5 * np.exp(-2 * k * time) + 0.5 / k * (1 - np.exp(-2 * k * time))
    assert prediction["variance"][0] == pytest.approx(spread, rel=1e-4)
    noise = 0.5 * np.exp(-2 * stiffness * time) + 0.5 / stiffness * (1 - np.exp(-2 * stiffness * time))
    assert prediction["fluctuation"][0] == pytest.approx(noise, rel=1e-3)


def test_stiff_particles_agree_with_their_limit():
    """With steps that ignore the stiffness the variance is 8 % too large at every size."""
    law = McKeanVlasov(Quadratic(20.0), 1.0, 0.5, Normal(1.0, 0.5), (0.5,), edges=(-0.2, 0.0, 0.2))
    measured, limit = law.experiment((50, 200), 200)["variance"], law.predict()["variance"][0]
    near, far = (float(np.mean(measured.sel(size=n) if "size" in measured.dims else measured)) for n in (50, 200))
    assert abs(far / limit - 1) < 0.04 and abs(far - limit) < abs(near - limit) + 0.02 * limit


@pytest.mark.parametrize(
    ("stiffness", "coupling", "temperature", "start", "times"),
    [
        (300.0, 0.0, 2.0, (1.0, 0.0), (0.001, 0.05)),
        (1.0, 0.0, 1.0, (8.85, 1e-4), (0.05,)),
        (5.0, 30.0, 0.01, (-3.0, 0.3), (0.01, 0.2)),
    ],
)
def test_rough_linear_problems_are_within_their_errors(stiffness, coupling, temperature, start, times):
    """Noise of points outside the basin and near its edge met a wall; a density is narrower than the spacing."""
    law = McKeanVlasov(Quadratic(stiffness), coupling, temperature, Normal(*start), times)
    limit, t, pull = law.predict(), np.array(times), stiffness + coupling
    decay = np.exp(-2 * pull * t), np.exp(-2 * stiffness * t)
    exact = {
        "mean": start[0] * np.exp(-stiffness * t),
        "variance": start[1] * decay[0] + temperature / pull * (1 - decay[0]),
        "fluctuation": start[1] * decay[1] + temperature / stiffness * (1 - decay[1]),
    }
    for name, value in exact.items():
        assert (np.abs(limit[name] - value) <= limit[f"{name}_error"] + 1e-9).all(), name


def test_flows_of_too_many_steps_are_refused_and_long_or_stiff_ones_are_not(monkeypatch):
    """A long time was called a fast relaxation, by the cost of a grid that it does not need."""
    McKeanVlasov(times=(1.0, 200.0)).check()
    McKeanVlasov(coupling=877.0).check()
    for fields, remedy in (
        (dict(times=(1.0, 2000.0)), r"time 2000 .*take `times` up to 868, or a potential with less curvature"),
        (dict(coupling=9000.0), r"take `times` up to 0\.\d+, or a smaller `coupling`"),
        (dict(times=tuple(np.arange(1, 1001) / 1000)), "take fewer `times`"),
    ):
        with pytest.raises(StatementError, match=remedy):
            McKeanVlasov(**fields).check()
    taken, law = [], McKeanVlasov(times=(0.01,))
    monkeypatch.setattr(
        McKeanVlasov, "_on_grid", lambda _, parts: taken.append(parts) or {"mean": np.array([2.0**-parts])}
    )
    law.predict()
    monkeypatch.setattr(mckean_vlasov, "MOST_TO_REFINE", 15 * 3 - 1)
    law.predict()
    assert taken == [1, 2, 4, 8, 1, 2, 4]
