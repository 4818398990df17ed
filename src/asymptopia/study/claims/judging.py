"""The verdict on a claim: our limit, or our finite systems, against what was printed."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Law
from ...contract.record import StatementError
from ...verdict.judgement import AGREES, DISAGREES, INCONCLUSIVE
from . import Claim
from .formula import element, evaluate, names_in
from .schema import numbers_of

if TYPE_CHECKING:
    from ...verdict.judgement import Judgement

COARSEST = 0.05
"""A limit whose own error is a larger share of the value decides nothing."""
STEP = 2.0
"""The ratio of the field's values from which a slope is taken."""
FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Ruling:
    """What became of a claim.

    ours, error:     our value and its own error; nan where only the experiment judged.
    estimate, spread: the experiment's, extrapolated to infinite size; nan where there was none.
    precision:       the largest relative deviation that an agreeing claim can have.
    seconds:         CPU time spent.
    """

    verdict: str
    ours: float
    error: float
    estimate: float
    spread: float
    precision: float
    seconds: float
    reason: str


def rule(claim: Claim, level: float = 0.01) -> Ruling:
    """Compute what the claim is about, and judge it.

    The limit *agrees* if it lies within the half-width of the print and its own error, *disagrees* if not, and is
    *inconclusive* if its own error exceeds both the half-width and 5 % of the value. The experiment is judged as in
    any confrontation, against the printed value, at `level`.
    """
    start = time.process_time()
    ours = error = estimate = spread = math.nan
    outcomes: list[tuple[str, str, float]] = []
    try:
        if claim.said.theory:
            ours, error = quantity(claim)
            error += claim.said.reading
            verdict, reason, precision = compare(claim, ours, error)
            outcomes.append((verdict, reason, precision))
        if claim.said.experiment:
            judged = measured(claim, level)
            estimate, spread = (float(judged.table[k]) for k in ("estimate", "error"))
            outcomes.append((judged.verdict, f"Experiment: {judged.reason}", judged.precision))
    except (StatementError, ArithmeticError, RuntimeError, KeyError) as problem:
        return Ruling(FAILED, ours, error, estimate, spread, math.nan, _since(start), f"{problem}")
    verdict = next(v for v in (DISAGREES, AGREES, INCONCLUSIVE) if v in [o[0] for o in outcomes])
    sharpest = min(o[2] for o in outcomes if o[0] == verdict)
    reason = " ".join(o[1] for o in outcomes)
    return Ruling(verdict, ours, error, estimate, spread, sharpest, _since(start), reason)


def quantity(claim: Claim) -> tuple[float, float]:
    """Our value of what a claim is about, and its error."""
    said, law = claim.said, claim.law
    if said.slope:
        return _slope(claim, *said.slope)
    if said.minimum:
        return _minimum(claim, *said.minimum)
    if said.along:
        return _threshold(claim, said.along), 0.0
    return _formula(claim, law)


def compare(claim: Claim, ours: float, error: float) -> tuple[str, str, float]:
    """The verdict on our value, the reason in words, and the relative precision."""
    value, width, relation = claim.value, claim.width, claim.said.relation
    scale = abs(value) or 1.0
    excess = {"=": abs(ours - value), "<=": ours - value, ">=": value - ours}[relation]
    precision = (max(excess, 0.0) + error) / scale
    shown = f"{ours:.8g}" + (f" ± {error:.1g}" if error else "")
    if math.isnan(ours) or error > max(width, COARSEST * scale):
        return INCONCLUSIVE, f"Our value {shown} is too uncertain.", math.nan
    if excess > width + error:
        far = f"{excess / width:.3g} half-units of the last digit" if "." in claim.said.value else f"{excess:.3g}"
        return DISAGREES, f"Our value {shown} lies {far} away.", precision
    return AGREES, f"Our value {shown}.", precision


def measured(claim: Claim, level: float) -> Judgement:
    """The experiment against the published value: the theory of the law has no part in it."""
    import xarray as xr

    from ...verdict.judge import judge

    said, asked = claim.said, claim.said.experiment
    assert asked is not None
    name, index = element(said.quantity) or ("", ())
    observable = claim.law.observables[name]
    place = dict(zip(observable.dims, index, strict=True))
    found = claim.law.experiment(asked.sizes, asked.seeds)
    source = observable.derived_from or name
    limit = xr.Dataset({name: float(claim.value), f"{name}_error": claim.width})
    return judge(claim.law, name, limit, found[[source]].isel(place), level, asked.resolution)


def _formula(claim: Claim, law: Law) -> tuple[float, float]:
    """The value of the claim's formula at a statement, with the errors of its observables carried along."""
    limit, quantity = law.limit(), claim.said.quantity
    used = [n for n in names_in(quantity) if n in law.observables]
    names: dict[str, float | np.ndarray] = {**numbers_of(law), **{n: limit[n].values for n in used}}
    value = evaluate(quantity, names)
    errors = {n: limit[f"{n}_error"].values for n in used if f"{n}_error" in limit}
    moved = [evaluate(quantity, names | {n: limit[n].values + e}) - value for n, e in errors.items()]
    return value, math.sqrt(sum(m * m for m in moved))


def _threshold(claim: Claim, along: str) -> float:
    found = claim.law.thresholds(along)
    return evaluate(claim.said.quantity, {**numbers_of(claim.law), **{k: float(v) for k, v in found.items()}})


def _slope(claim: Claim, start: float, stop: float) -> tuple[float, float]:
    """The logarithmic slope of the formula at the end of a range, and how far it has still to go."""
    along = str(claim.said.along)
    points = [start, math.sqrt(start * stop), stop]
    ratio = STEP ** (1 if stop > start else -1)
    slopes = []
    for x in points[1:]:
        low, high = (_formula(claim, claim.law.replace(**{along: v}))[0] for v in (x / ratio, x))
        if not low * high > 0:
            raise StatementError(f"The quantity changes its sign between {along} = {x / ratio:g} and {x:g}.")
        slopes.append(math.log(high / low) / math.log(ratio))
    return slopes[1], abs(slopes[1] - slopes[0])


def _minimum(claim: Claim, low: float, high: float) -> tuple[float, float]:
    """Where along a field the formula is smallest, strictly inside a range."""
    from scipy.optimize import minimize_scalar

    along = str(claim.said.along)

    def height(log: float) -> float:
        return _formula(claim, claim.law.replace(**{along: math.exp(log)}))[0]

    ends = math.log(low), math.log(high)
    found = minimize_scalar(height, bounds=ends, method="bounded", options={"xatol": 1e-7})
    if not ends[0] + 1e-4 < found.x < ends[1] - 1e-4:
        raise StatementError(f"The quantity has no minimum between {along} = {low:g} and {high:g}.")
    return math.exp(found.x), 1e-4 * math.exp(found.x)


def _since(start: float) -> float:
    return time.process_time() - start


def plain(claim: Claim, ruling: Ruling) -> dict[str, Any]:
    """A claim and its ruling as plain values, for JSON."""
    said = claim.said
    told = {k: getattr(said, k) for k in ("claim", "paper", "year", "place", "found", "law", "quantity")}
    place = {"along": said.along, "relation": said.relation, "published": said.value, "value": claim.value}
    return {"name": claim.name, **told, **place, **dataclasses.asdict(ruling), "note": said.note}
