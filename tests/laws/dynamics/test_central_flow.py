"""The edge of stability: the flow integrated, its stability against the steps' own map, and wrong laws."""

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from asymptopia import NoLimit, confront
from asymptopia.laws.dynamics.central_flow import CentralFlow


@pytest.mark.parametrize("fields", [{}, dict(rate=1.5, target=2.0, angle=0.3, times=(0.2, 0.9))])
def test_the_closed_form_solves_the_central_flow(fields):
    law = CentralFlow(**fields)
    radius, goal = np.sqrt(2 / law.rate), np.array([law.target, 0.0])

    def flow(t, y):
        w = y[:2]
        down, rise = w - goal, 2 * w
        squared = -2 * down @ rise / (rise @ rise)
        return [*(-down - squared / 2 * rise), w @ w * squared / 2 + down @ down / 2, w @ w]

    start = [radius * np.cos(law.angle), radius * np.sin(law.angle), 0.0, 0.0]
    x, y, *sums = solve_ivp(flow, (0, law.times[-1]), start, "DOP853", law.times, rtol=1e-11, atol=1e-12).y
    spans = np.diff(law.times, prepend=0.0)
    limit = law.limit()
    np.testing.assert_allclose(limit["angle"], np.arctan2(y, x), rtol=1e-8)
    for name, total in zip(("loss", "sharpness"), sums, strict=True):
        np.testing.assert_allclose(limit[name], np.diff(total, prepend=0.0) / spans, rtol=1e-8)


def test_a_realisation_takes_the_steps_of_gradient_descent():
    law, n = CentralFlow(times=(0.05, 0.1)), 100
    key = jax.random.key(3)
    u, w, goal = float(jax.random.normal(key)) / 10, 2 * np.array([np.cos(0.8), np.sin(0.8)]), np.array([3.2, 0.0])
    losses, sharp = [], []
    for _ in range(20):
        losses.append(n / 2 * (w @ w) * u**2 + (w - goal) @ (w - goal) / 2)
        sharp.append(w @ w)
        u, w = u - 0.5 * (w @ w) * u, w - 0.5 * u**2 * w - 0.5 / n * (w - goal)
    found = law.realize(n, key)
    np.testing.assert_allclose(found["loss"], [np.mean(losses[:10]), np.mean(losses[10:])], rtol=1e-9)
    np.testing.assert_allclose(found["sharpness"], [np.mean(sharp[:10]), np.mean(sharp[10:])], rtol=1e-9)
    assert float(found["angle"][1]) == pytest.approx(np.arctan2(w[1], w[0]), rel=1e-9)


def test_cycles_grow_as_the_linearised_step_does():
    """At rest, where w is along its target: the determinant of the map of (log n u**2, |w|**2), by differences."""
    rate, n, target = 0.5, 1e5, 2.6
    squared = target / 2 - 1

    def step(p, kappa):
        u, w = np.sqrt(squared * np.exp(p) / n), np.sqrt(kappa)
        w, u = w - rate / n * (w - target) - rate * u**2 * w, (1 - rate * kappa) * u
        return np.array([np.log(n * u**2 / squared), w**2])

    h = 1e-4
    columns = [step(h, 4.0) - step(-h, 4.0), step(0.0, 4 + h) - step(0.0, 4 - h)]
    determinant = np.linalg.det(np.array(columns) / (2 * h))
    assert (determinant - 1) * n / rate == pytest.approx(7 * squared - 1, rel=0.01)


def test_where_there_is_no_flow_along_the_edge_it_is_refused_or_said():
    with pytest.raises(NoLimit, match="outward"):
        CentralFlow(target=1.9).limit()
    with pytest.raises(NoLimit, match="times"):
        CentralFlow(times=(0.0, 1.0)).limit()
    with pytest.raises(NoLimit, match="Cycles"):
        CentralFlow(target=50.0).limit()
    with pytest.raises(NoLimit, match="apart"):
        CentralFlow(times=(0.5, 0.505)).limit()
    assert "cycles" in CentralFlow(target=3.5, times=(1.0, 1.5)).valid()


class Unpinned(CentralFlow):
    """Gradient flow without the oscillation: w goes straight to its target."""

    def predict(self):
        t, w = np.array(self.times), 2 * np.array([np.cos(0.8), np.sin(0.8)])
        path = np.array([3.2, 0.0]) + np.exp(-t)[:, None] * (w - np.array([3.2, 0.0]))
        return super().predict() | {"sharpness": (path**2).sum(axis=1), "angle": np.arctan2(path[:, 1], path[:, 0])}


class WithoutTheLossOfTheOscillation(CentralFlow):
    """The loss of the outer weights alone."""

    def predict(self):
        found = super().predict()
        return found | {"loss": 2 * found["loss"] + (4 - 3.2**2) / 2}


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = CentralFlow()
    experiment = law.experiment(sizes=(400, 800, 1600), seeds=60)
    assert confront(law, experiment, resolution=0.1).verdict != "disagrees"
    for wrong in (Unpinned(), WithoutTheLossOfTheOscillation()):
        assert confront(wrong, experiment).verdict == "disagrees"
