"""From outcomes to the labelled whole, which is what `Statement.experiment` gives."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from asymptopia import StatementError, sweep
from asymptopia.engine import plan
from asymptopia.engine.cells import attempt
from asymptopia.engine.outcomes import Outcomes


@pytest.fixture(scope="module")
def statement(toys):
    return sweep(toys["Coin"](), p=(0.2, 0.6))


@pytest.fixture(scope="module")
def attempts(statement):
    return [attempt(c) for c in plan(statement, (10, 20), 12)]


def test_the_whole_is_the_experiment(statement, attempts):
    xr.testing.assert_identical(Outcomes(attempts).dataset(statement, (10, 20), 12), statement.experiment((10, 20), 12))


def test_array_observables_and_one_block_at_a_time(toys):
    law = toys["Wishart"]()
    outcomes = Outcomes(attempt(c) for c in plan(law, (6,), 4))
    xr.testing.assert_identical(outcomes.dataset(law, (6,), 4), law.experiment((6,), 4))


def test_any_selection_of_sizes_and_seeds(statement, attempts):
    seeds = (7, 0, 11)
    part = Outcomes(reversed(attempts)).dataset(statement, (20,), seeds)
    xr.testing.assert_equal(part, statement.experiment((10, 20), 12).sel(size=[20], seed=list(seeds)))


def test_what_is_missing_is_nan(statement, attempts, toys):
    data = Outcomes(attempts[1:]).dataset(statement, (10, 20), 12)
    assert np.isnan(data["mean"].values).sum() == 4
    assert np.isnan(data["mean"].sel(p=0.2, size=10).values[:4]).all()
    assert "failures" not in data.attrs
    empty = Outcomes().dataset(toys["Wishart"](), (6,), 3)
    assert empty["spectrum"].shape == (1, 3, 3) and np.isnan(empty["spectrum"].values).all()


def test_the_best_outcome_of_a_cell_counts(statement, attempts):
    first = attempts[0]
    nan = dataclasses.replace(
        first, status="nan", values={k: v * np.nan for k, v in first.values.items()}, error="m is nan"
    )
    failed = dataclasses.replace(first, status="failed", values={}, error="it broke")
    whole = statement.experiment((10, 20), 12)
    for order in ([failed, nan, first], [first, nan, failed], [first, failed]):
        xr.testing.assert_identical(Outcomes([*order, *attempts[1:]]).dataset(statement, (10, 20), 12), whole)
    data = Outcomes([failed, *attempts[1:]]).dataset(statement, (10, 20), 12)
    assert data.attrs["failures"] == "Coin(p=0.2, tilt=Fair()), size 10, seeds 0-3: it broke"
    assert Outcomes([failed, *attempts[1:]]).counts() == {"done": 11, "nan": 0, "failed": 1}


def test_only_missing_seeds_are_asked_for(statement, toys):
    law = toys["Coin"]()
    few = Outcomes(attempt(c) for c in plan(law, (10,), 6))
    left = few.missing(plan(law, (10,), 12))
    assert [c.seeds for c in left] == [(6, 7), (8, 9, 10, 11)]
    assert few.missing(plan(law, (10,), 5)) == []
    for cell in left:
        few.add(attempt(cell))
    xr.testing.assert_identical(few.dataset(law, (10,), 12), law.experiment((10,), 12))


def test_failed_cells_are_asked_for_on_request(statement, attempts):
    cells = plan(statement, (10, 20), 12)
    failed = [
        dataclasses.replace(attempts[0], status="failed", values={}),
        dataclasses.replace(attempts[1], status="nan"),
    ]
    outcomes = Outcomes([*failed, *attempts[2:]])
    assert outcomes.missing(cells) == []
    assert outcomes.missing(cells, retry_failed=True) == cells[:2]


def test_shapes_must_match(statement, attempts):
    bent = dataclasses.replace(attempts[0], values={k: np.zeros((4, 2)) for k in attempts[0].values})
    with pytest.raises(StatementError, match="different shape"):
        Outcomes([bent, *attempts[1:]]).dataset(statement, (10, 20), 12)
