"""Derivatives and minima of a limit along a field of its law."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .batching import predict_all
from .law import Law, label
from .record import StatementError, field_types, nearest

if TYPE_CHECKING:
    import xarray as xr


def derivative(law: Law, along: str, step: float = 1e-3) -> xr.Dataset:
    """The derivative of every observable's limit with respect to one number field.

    law: the statement. along: the field's name. step: of the differences, relative to the field where it is positive.

    Returns a Dataset with the variables of `Law.limit`. Where JAX can trace `predict` the derivative is exact (through
    fixed points by the implicit function theorem); elsewhere it comes from central differences of fourth order, with a
    relative error of about 1e-9. Raises `StatementError` if there is no such field or it holds no number.
    """
    value = _number(law, along)
    law.admit()
    exact = _traced(law, along, value)
    if exact is None:
        scale = abs(value) or 1.0
        points = [law.replace(**{along: value + k * step * scale}) for k in (-2, -1, 1, 2)]
        limits = predict_all(points)
        weights = np.array([1.0, -8.0, 8.0, -1.0]) / (12 * step * scale)
        exact = {k: np.tensordot(weights, np.stack([np.asarray(f[k]) for f in limits]), 1) for k in law.observables}
    return label(law, {k: np.asarray(exact[k], float)[None] for k in law.observables})


def minimise(law: Law, observable: str, along: str, low: float, high: float, count: int = 25) -> tuple[float, float]:
    """The value of a field at which the limit of an observable is least, and that least limit.

    law: the statement. along: the field's name; it is searched in [low, high]. A logarithmic grid of `count` values,
    predicted at once, brackets the minimum; Brent's method finishes it. Raises `StatementError` for an unknown field or
    observable, or unless 0 < low < high.
    """
    from scipy.optimize import minimize_scalar

    _number(law, along)
    if observable not in law.observables:
        hint = nearest(observable, law.observables)
        raise StatementError(f"{type(law).__name__} has no observable {observable!r}.{hint}")
    if not 0 < low < high < math.inf:
        raise StatementError(f"The range of {along!r} must have 0 < low < high, but is {low!r} to {high!r}.")
    grid = np.linspace(math.log(low), math.log(high), count)

    def limits(logs: np.ndarray) -> np.ndarray:
        laws = [law.replace(**{along: float(np.clip(math.exp(x), low, high))}) for x in logs]
        return np.array([float(f[observable]) for f in predict_all(laws)])

    k = int(np.argmin(limits(grid)))
    ends = (grid[max(k - 1, 0)], grid[min(k + 1, count - 1)])
    best = minimize_scalar(lambda x: limits(np.array([x]))[0], bounds=ends, method="bounded", options={"xatol": 1e-7})
    return math.exp(best.x), float(best.fun)


def _number(law: Law, along: str) -> float:
    types = field_types(type(law))
    if along not in types or not hasattr(law, along):
        raise StatementError(f"{type(law).__name__} has no field {along!r}.{nearest(along, types)}")
    value = getattr(law, along)
    if not isinstance(value, float):
        raise StatementError(f"`{along}` of {type(law).__name__} must be a number, but is {value!r}.")
    return value


def _traced(law: Law, along: str, value: float) -> dict[str, np.ndarray] | None:
    if law.predicts_many():
        return None
    import jax

    try:
        return dict(jax.jvp(lambda x: law.replace(**{along: x}).predict(), (value,), (1.0,))[1])
    except Exception:  # not traceable: the differences call it point by point, and say what is wrong if something is
        return None
