"""The fixed point of the Gaussian covariate model, for Gaussian models and for data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....parts.covariance import Resolvents
from ....parts.data import Data

if TYPE_CHECKING:
    from ....theory.readout import Readout
    from ....theory.several_classes import ClassState
    from . import GaussianCovariate


_EXACT, _TABULATED = 1e-9, 1e-6
_EXPONENTS = np.arange(4.0, -5.0, -1.0)
_NO_TRAINING = 1e-13
_SHARE = 0.9
_WARM, _ROUNDS, _FAR = 12, 15, 1e3

Moments = Callable[[np.ndarray, float, float, float], tuple[float, float, np.ndarray, float]]
"""(m, q, V, intercept) -> E[f**2], E[df/d omega], E[f nu] (K,), E[f]."""


class NotSolved(ArithmeticError):
    """The fixed point was not reached; the message says how far it was."""


@dataclasses.dataclass(frozen=True)
class State:
    """Overlaps m = E[z nu] (K,) and q = E[z**2], the variance V, the student's intercept, the undamped residual,
    kappa = ridge / V_hat, the scale of eigenvalues below which the student learns little, and the part of q that
    differs from one training set to another."""

    m: np.ndarray
    q: float
    V: float
    intercept: float
    residual: float
    kappa: float
    spread: float


def solve(
    alpha: float,
    ridge: float,
    traces: Resolvents,
    moments: Moments,
    tolerance: float,
    intercept: float = 0.0,
    start: State | None = None,
) -> State:
    """The solution of the fixed-point equations in the docstring of `GaussianCovariate`.

    intercept: 0, or 1/d for a student with an intercept, which is such that E[f] = 0. It is one more dimension, without
               penalty, and its fluctuations matter where n is not large.

    Raises `NotSolved` if the undamped residual, relative to each unknown's size, stays above the tolerance.
    """
    from scipy.optimize import root

    inverse, scale = np.linalg.inv(traces.rho), np.sqrt(np.diag(traces.rho))

    def improved(x: np.ndarray) -> np.ndarray:
        m, q, V, shift = _unpacked(x, inverse, scale)
        f2, slope, teacher, drift = moments(m, q, V, shift)
        V_hat = max(-alpha * slope, 1e-150)
        gain = inverse @ (alpha * teacher / V_hat + m)
        t = traces.at(ridge / V_hat)
        new_m = t.power @ gain
        new_q = alpha * f2 / V_hat**2 * (t.degrees2 + intercept) + gain @ t.power2 @ gain
        width2 = max(new_q - new_m @ inverse @ new_m, 1e-14 * max(new_q, 1e-300))
        shift -= drift / slope if intercept else shift
        return np.r_[np.log((t.degrees + intercept) / V_hat), np.log(width2), new_m / scale, shift]

    def residual(x: np.ndarray) -> np.ndarray:
        x = np.clip(x, -200.0, 200.0)
        try:
            return improved(x) - x
        except ArithmeticError:
            return np.full_like(x, _FAR)

    x, size, done = _first(scale) if start is None else _packed(start, inverse, scale), np.inf, 0
    try:
        for k in range(_ROUNDS):
            damped = _WARM * (1 + 2 * k) if k or start is None else 2
            for _ in range(damped):
                x = 0.5 * (x + improved(x))
            done += damped
            solution = root(residual, x, method="hybr", options={"xtol": 1e-3 * tolerance, "maxfev": 200})
            size = float(np.abs(solution.fun).max())
            if np.isfinite(solution.x).all() and size <= tolerance:
                m, q, V, shift = _unpacked(solution.x, inverse, scale)
                f2, slope = moments(m, q, V, shift)[:2]
                V_hat = max(-alpha * slope, 1e-150)
                spread = alpha * f2 / V_hat**2 * (traces.at(ridge / V_hat).degrees2 + intercept)
                return State(m, q, V, shift, size, ridge / V_hat, spread)
    except ArithmeticError:
        size = np.inf
    raise NotSolved(
        f"The fixed point at alpha = {alpha:g}, ridge = {ridge:g} was not reached: "
        f"the residual is {size:.1e} after {done} steps."
    )


def _unpacked(x: np.ndarray, inverse: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, float, float, float]:
    """m, q, V and the shift of the unknowns log V, log(q - m rho^-1 m), m / scale, shift."""
    m = x[2:-1] * scale
    return m, float(np.exp(x[1]) + m @ inverse @ m), float(np.exp(x[0])), float(x[-1])


def _packed(state: State, inverse: np.ndarray, scale: np.ndarray) -> np.ndarray:
    width2 = max(state.q - state.m @ inverse @ state.m, 1e-300)
    return np.concatenate([[np.log(state.V), np.log(width2)], state.m / scale, [state.intercept]])


def _first(scale: np.ndarray) -> np.ndarray:
    m = np.zeros(len(scale))
    m[0] = 0.3
    return np.concatenate([[0.0, np.log(0.5)], m, [0.0]])


def predicted(
    law: GaussianCovariate, ridge: float, start: Any = None, errors_alone: bool = False
) -> tuple[dict[str, float], Any]:
    """The observables at a given ridge, and the solution, a `State` or `ClassState`; `start` is one nearby.

    errors_alone: without scores and intervals, which of two classes take half as long as the solution.
    """
    if not isinstance(law.data, Data):
        return _model(law, ridge, start)
    if law.data.samples(law.features).kind == "classes":
        return _several(law, ridge, start)
    return _data(law, ridge, start, errors_alone)


def _several(law: GaussianCovariate, ridge: float, start: ClassState | None) -> tuple[dict[str, float], ClassState]:
    from ....theory.class_scores import predicted_scores
    from ....theory.several_classes import classes_of, solve_classes

    people = classes_of(law.data.pinned(), law.features)  # type: ignore[attr-defined]
    d = law.data.samples(law.features).shape[1]  # type: ignore[attr-defined]
    try:
        state, solver = solve_classes(people, law.loss, law.alpha, ridge, d, start)
    except ArithmeticError as error:
        raise NotSolved(str(error)) from None
    return predicted_scores(people, law.loss, state, solver), state


def unresolved(law: GaussianCovariate) -> bool:
    """Whether the student resolves eigenvalues that the samples of a data set do not determine."""
    from ....theory.population import population
    from ....theory.several_classes import classes_of

    samples = law.data.samples(law.features)  # type: ignore[attr-defined]
    if samples.kind == "classes":
        finest = classes_of(law.data.pinned(), law.features).finest  # type: ignore[attr-defined]
        return bool(finest and predicted(law, law.chosen_ridge())[1].kappa.min() < finest)
    scored = samples.kind == "classification" and not law.loss.location
    people = population(law.data.pinned(), law.features, scored)  # type: ignore[attr-defined]
    if not people.finest:
        return False
    return bool(predicted(law, law.chosen_ridge())[1].kappa < people.finest)


def best_ridge(law: GaussianCovariate) -> tuple[float, Any]:
    """The ridge of least test error in theory, between 1e-4 and 1e4, to a few per cent; and the solution nearby."""
    return _best_ridge(law.replace(ridge="auto"))


@lru_cache(maxsize=256)
def _best_ridge(law: GaussianCovariate) -> tuple[float, Any]:
    from scipy.optimize import minimize_scalar

    errors, states = _scanned(law)
    k = int(np.argmin(errors))
    near = states[k]
    if near is None:
        raise NotSolved(f"No ridge between 1e-4 and 1e4 gives a fixed point at alpha = {law.alpha:g}.")
    if isinstance(law.data, Data):
        return _middle(law, errors), near
    low, high = sorted((_EXPONENTS[max(k - 1, 0)], _EXPONENTS[min(k + 1, len(_EXPONENTS) - 1)]))
    if k + 1 < len(states) and states[k + 1] is None:
        low = _EXPONENTS[k]
    minimum = minimize_scalar(
        lambda e: predicted(law, 10.0**e, near)[0]["test_error"],
        bounds=(low, high),
        method="bounded",
        options={"xatol": 0.02},
    )
    return float(10.0 ** (minimum.x if minimum.fun < errors[k] else _EXPONENTS[k])), near


def _scanned(law: GaussianCovariate) -> tuple[np.ndarray, list[Any]]:
    """The test errors (G,) at the ridges, infinite where not solved, and the solutions.

    Of several classes the equations take long: a population of fewer points says which ridges are worth solving for.
    """
    errors, states = np.full(len(_EXPONENTS), np.inf), [None] * len(_EXPONENTS)
    tried, starts = _worth_trying(law)
    state = None
    for k in tried:
        try:
            near = state if starts[k] is None else starts[k]
            values, state = predicted(law, 10.0 ** _EXPONENTS[k], near, errors_alone=True)
        except NotSolved:
            break
        errors[k], states[k] = values["test_error"], state
    return errors, states


def _worth_trying(law: GaussianCovariate) -> tuple[np.ndarray, list[Any]]:
    """Places among the ridges, and solutions nearby.

    Those between the first and the last that a few points cannot tell from the best, and one more at each end.
    """
    from ....theory.class_scores import predicted_scores
    from ....theory.several_classes import WAYS, classes_of, solve_classes

    everywhere = np.arange(len(_EXPONENTS))
    states: list[Any] = [None] * len(_EXPONENTS)
    if not isinstance(law.data, Data) or law.data.samples(law.features).kind != "classes":
        return everywhere, states
    people = classes_of(law.data.pinned(), law.features).thinned()
    if people is None:
        return everywhere, states
    errors, state = np.full(len(everywhere), np.inf), None
    d = law.data.samples(law.features).shape[1]
    for k in everywhere:
        try:
            state, solver = solve_classes(people, law.loss, law.alpha, 10.0 ** _EXPONENTS[k], d, state, WAYS[:1])
        except ArithmeticError:
            break
        states[k], errors[k] = state, predicted_scores(people, law.loss, state, solver)["test_error"]
    good = np.flatnonzero(errors <= 2 * _as_good(law, errors) - errors.min()) if state is not None else everywhere
    return everywhere[max(good[0] - 1, 0) : good[-1] + 2], states


def _middle(law: GaussianCovariate, errors: np.ndarray) -> float:
    """The middle, in its logarithm, of the ridges whose errors (G,) the rows of the data cannot tell from the least."""
    k, bound = int(np.argmin(errors)), _as_good(law, errors)

    def end(step: int) -> float:
        here = k
        while 0 <= here + step < len(errors) and errors[here + step] <= bound:
            here += step
        beyond = here + step
        if not 0 <= beyond < len(errors) or not np.isfinite(errors[beyond]):
            return float(_EXPONENTS[here])
        part = (bound - errors[here]) / (errors[beyond] - errors[here])
        return float(_EXPONENTS[here] + part * (_EXPONENTS[beyond] - _EXPONENTS[here]))

    return float(10.0 ** (0.5 * (end(-1) + end(1))))


def _as_good(law: GaussianCovariate, errors: np.ndarray) -> float:
    """Up to where errors, estimated from N rows, are as good as the least: a quarter of their standard error above."""
    samples, least = law.data.samples(law.features), float(errors.min())  # type: ignore[attr-defined]
    spread = np.sqrt(least * max(1 - least, 0.0)) if samples.kind != "regression" else np.sqrt(2) * least
    return float(least + 0.25 * spread / np.sqrt(len(samples.y)))


def _data(
    law: GaussianCovariate, ridge: float, start: State | None, errors_alone: bool
) -> tuple[dict[str, float], State]:
    from ....theory.population import population
    from ....theory.readout import Readout

    samples = law.data.samples(law.features)  # type: ignore[attr-defined]
    classes = samples.kind == "classification"
    people = population(law.data.pinned(), law.features, classes and not law.loss.location)  # type: ignore[attr-defined]
    readout = Readout(people, law.loss)
    inverse = np.linalg.inv(people.resolvents.rho)

    def place(m: np.ndarray, q: float) -> tuple[np.ndarray, float]:
        direction = inverse @ m
        return direction, float(np.sqrt(max(q - m @ direction, 1e-24 * q)))

    def moments(m: np.ndarray, q: float, V: float, intercept: float) -> tuple[float, float, np.ndarray, float]:
        averages = readout.moments(*place(m, q), V, intercept)
        return averages.f2, averages.slope, averages.teacher, averages.drift

    state = solve(law.alpha, ridge, people.resolvents, moments, _TABULATED, 1 / samples.shape[1], start=start)
    at = (*place(state.m, state.q), state.V, state.intercept)
    if classes:
        left_over = max(1 - law.alpha * samples.shape[1] / len(people.rows.y), 0.0)
        fields = readout.new_fields(state.m, state.q, state.kappa, state.intercept, left_over * state.spread)
        new = readout.new_wrong_signs(*fields)
        train = readout.wrong_signs(*at)
    else:
        new, train = readout.squared_errors(*at)
    errors = {"test_error": new, "train_error": train, "train_loss": readout.train_loss(*at)}
    if errors_alone:
        return errors, state
    if not classes:
        return errors | {"conformal_width": readout.interval(*at[:2], state.intercept, _SHARE)}, state
    return errors | _scores(law, readout, *fields), state


def _scores(law: GaussianCovariate, readout: Readout, field: np.ndarray, width: float) -> dict[str, float]:
    """What new samples' fields, of these means (N,) and this width, and the probabilities stated by them are worth."""
    from ....parts.classes import Softmax
    from ....parts.loss import Logistic

    area = {"auc": readout.area(field, width)}
    if not isinstance(law.loss, (Logistic, Softmax)):
        return area
    return area | readout.new_scores(field, width, 2.0 if isinstance(law.loss, Softmax) else 1.0)


def _model(law: GaussianCovariate, ridge: float, start: State | None) -> tuple[dict[str, float], State]:
    from ....parts.loss import Square
    from ....theory.replica import Averages, output_averages

    teacher, paired = law.label_law, law.data.paired()  # type: ignore[attr-defined]
    rho = float(paired.rho[0, 0])

    def averages(m: np.ndarray, q: float, V: float) -> Averages:
        return output_averages(law.loss, teacher, m, q, V, rho)

    def moments(m: np.ndarray, q: float, V: float, intercept: float) -> tuple[float, float, np.ndarray, float]:
        values = averages(m, q, V)
        return float(values.f2[0]), float(values.slope[0]), m * values.slope + rho * values.signal, 0.0

    state = solve(law.alpha, ridge, paired, moments, _EXACT, start=start)
    values = averages(state.m, state.q, state.V)
    new = output_averages(Square(), teacher.noiseless(), state.m, state.q, _NO_TRAINING, rho)
    return {
        "test_error": float(new.error[0]),
        "train_error": float(values.error[0]),
        "train_loss": float(values.loss[0]),
    }, state


def predict(law: GaussianCovariate) -> dict[str, Any]:
    """The observables in the limit."""

    ridge, start = best_ridge(law) if isinstance(law.ridge, str) else (law.ridge, None)
    return predicted(law, ridge, start)[0] | {"chosen_ridge": ridge}
