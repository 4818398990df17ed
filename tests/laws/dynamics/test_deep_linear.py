"""Deep linear networks: reference values, closed forms, saddles, networks of finite width, faults."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from asymptopia import StatementError, confront, parse
from asymptopia.laws.dynamics.deep_linear import DeepLinear, _flow, _layers, half_times

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "dynamics.json").read_text())
ROWS = [r for r in REFERENCE if r["statement"].startswith("DeepLinear")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["statement"])
def test_reference_values(row):
    limit = parse(row["statement"]).limit()["strength"].isel(time=0, mode=row["at"]["mode"])
    assert float(limit) == pytest.approx(row["value"], abs=1e-9)


def test_two_layers_integrated_are_the_closed_form():
    law = DeepLinear(layers=2, singular_values=(3.0, 1.0, 0.2), scale=1e-3, times=(0.5, 2.0, 8.0))
    s, t = np.array(law.singular_values), np.array(law.times)[:, None]
    np.testing.assert_allclose(law.predict()["strength"], law._integrated(s, law.scale, t), atol=1e-9)


@pytest.mark.parametrize("layers", [1, 2, 3, 5])
def test_a_mode_that_is_not_there_is_forgotten(layers):
    """Without a target du/dt = -L u**(3 - 2/L)."""
    law = DeepLinear(layers=layers, singular_values=(0.0,), scale=0.5, times=(0.0, 1.0, 4.0))
    t, p = np.array(law.times), 2 - 2 / layers
    expected = 0.5 * np.exp(-t) if layers == 1 else (0.5**-p + layers * p * t) ** (-1 / p)
    np.testing.assert_allclose(law.predict()["strength"][:, 0], expected, atol=1e-9)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_half_times_are_when_half_is_learned(layers):
    law = DeepLinear(layers=layers, singular_values=(3.0, 1.0), scale=0.01)
    for mode, time in enumerate(half_times(law)):
        strength = law.replace(times=(time,)).predict()["strength"][0, mode]
        assert strength == pytest.approx(law.singular_values[mode] / 2, rel=1e-8)
    assert half_times(law.replace(scale=2.0)).tolist() == [0.0, 0.0]


def test_small_starts_go_from_saddle_to_saddle():
    law = DeepLinear(layers=2, singular_values=(4.0, 1.0), scale=1e-8)
    first, second = half_times(law)
    between = law.replace(times=((first + second) / 2,)).limit()
    assert float(between.loss[0]) == pytest.approx(0.5, abs=5e-3)  # the strong mode is learned, the weak one is not
    assert first == pytest.approx(np.log(4e8) / 8, rel=1e-3) and second == pytest.approx(np.log(1e8) / 2, rel=1e-3)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_balanced_aligned_networks_follow_the_equation_at_any_width(layers):
    law = DeepLinear(layers=layers, times=(0.0, 0.3, 1.0))
    a = law.scale ** (1 / layers)
    ends = [np.eye(2)] + [np.eye(5)[:, :2]] * (layers - 1) + [np.eye(2)]
    weights = [a * left @ right.T for right, left in pairwise(ends)]
    maps = _flow(weights, np.diag(law.singular_values), np.array(law.times))
    np.testing.assert_allclose(np.diagonal(maps, axis1=1, axis2=2), law.predict()["strength"], atol=1e-4)
    np.testing.assert_allclose(maps[:, 0, 1], 0, atol=1e-12)


def test_wide_networks_start_at_the_scale():
    weights = _layers(np.random.default_rng(0), 3, 2, 4000, 0.5)
    np.testing.assert_allclose(weights[2] @ weights[1] @ weights[0], 0.125 * np.eye(2), atol=0.125 * 0.12)


def test_wrong_theories_are_refuted():
    class TwiceAsFast(DeepLinear):
        def predict(self):
            return DeepLinear(layers=2, times=tuple(2 * t for t in self.times)).predict()

    class OneLayerMore(DeepLinear):
        def predict(self):
            return DeepLinear(layers=3).predict()

    for law in (TwiceAsFast, OneLayerMore):
        confrontation = confront(law(layers=2), sizes=(30, 60), seeds=60)
        assert confrontation["strength"].verdict == confrontation["loss"].verdict == "disagrees"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(times=(1.0, 0.5)), "`times`"),
        (dict(singular_values=()), "`singular_values`"),
        (dict(singular_values=(1.0, -1.0)), "`singular_values`"),
        (dict(layers=0), "`layers`"),
        (dict(scale=0.0), "`scale`"),
    ],
)
def test_what_is_no_statement_is_refused(change, words):
    with pytest.raises(StatementError, match=words):
        DeepLinear(**change)
