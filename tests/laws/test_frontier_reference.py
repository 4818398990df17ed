"""Every reference row of the laws of the frontier: values to 6 digits or the reference's own error."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from asymptopia import parse, thresholds
from asymptopia.contract.catalogue import law_modules

ROWS = json.loads((Path(__file__).parents[1] / "reference" / "frontier.json").read_text())
KNOWN = law_modules()


@cache
def limit_of(statement):
    """The limit of a statement, computed once for all its rows."""
    return parse(statement).limit()


@cache
def thresholds_of(statement, along):
    return thresholds(parse(statement), along=along)


def value_of(row):
    law = parse(row["statement"])
    if row["kind"] == "threshold":
        return thresholds_of(row["statement"], row["along"])[row["observable"]]
    values = limit_of(row["statement"])[row["observable"]]
    return float(values.isel(position(law, values, row["at"])) if row["at"] else values)


def position(law, values, at):
    """Indices: `at` has an index for each dim, or, where there is no such index, the coordinate."""
    coords, index = law.coords(), {}
    for dim, place in at.items():
        if isinstance(place, int) and place < values.sizes[dim]:
            index[dim] = place
        else:
            index[dim] = int(np.argmin(np.abs(np.asarray(coords[dim], float) - place)))
            assert coords[dim][index[dim]] == place
    return index


@pytest.mark.parametrize("row", [r for r in ROWS if r["statement"].split("(")[0] in KNOWN], ids=lambda r: r["id"])
def test_a_reference_value_is_reproduced(row):
    assert value_of(row) == pytest.approx(row["value"], rel=1e-6, abs=max(1e-9, 3 * row["abs_error"]))
