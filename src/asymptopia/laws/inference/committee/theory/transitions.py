"""The transitions of the committee machine: where its curves of fixed points turn, meet, or cross in free entropy."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from . import (
    Machine,
    Path,
    State,
    apart,
    at,
    atoms,
    branch,
    crossings,
    informative,
    recovered,
    solve,
    specialisation,
    together,
    uninformative,
)

STRAIGHT = 1e-3  # relative to alpha: a smaller turn is rounding


def transitions(machine: Machine) -> dict[str, float]:
    """alpha at the transitions, by name.

    specialisation: the units are told apart, continuously. algorithmic: the branch reached without knowledge of the
    teacher ends. informative_spinodal: that reached from the teacher begins. information_theoretic: the two have the
    same free entropy.
    """
    paths: list[Path] = [branch(machine, together)]
    thresholds: dict[str, float] = {}
    special = specialisation(machine, paths[0]) if machine.K > 1 else None
    if special is not None:
        thresholds["specialisation"] = special.alpha
        x = float(np.log(special.A[0]))
        before: Path = [*(p for p in paths[0] if p[1] < x), (together, x)]
        if np.all(np.diff([at(machine, p).alpha for p in before]) > 0):
            paths = [before, branch(machine, apart)]
            if machine.wide:
                return thresholds | jump(machine, special.alpha, paths[1])
    ends = [turn for path in paths for turn in turns(machine, path)]
    top = next((s for s, kind in ends if kind > 0), None)
    bottom = next((s for s, kind in ends if top is not None and kind < 0 and s.q.sum() > top.q.sum()), None)
    if top is not None:
        thresholds["algorithmic"] = top.alpha
    if bottom is not None:
        thresholds["informative_spinodal"] = bottom.alpha
    if atoms(machine):
        crossing = recovery(machine, paths)
    else:
        crossing = None if top is None or bottom is None else coexistence(machine, bottom.alpha, top.alpha)
    return thresholds if crossing is None else thresholds | {"information_theoretic": crossing}


def jump(machine: Machine, special: float, path: Path) -> dict[str, float]:
    """The transitions of a specialisation of first order: the branch that starts there turns back and then up again."""
    from scipy.optimize import brentq

    alphas = np.array([at(machine, p).alpha for p in path])
    if not alphas.size or alphas.min() > special * (1 - STRAIGHT):
        return {}
    lowest = min(turns(machine, path), key=lambda turn: turn[0].alpha)[0]

    def gain(x: float) -> float:
        s = apart(machine, float(x))
        return s.free_entropy(s.alpha) - next(crossings(machine, together, s.alpha)).free_entropy(s.alpha)

    x = float(np.log(lowest.A[1]))
    turned = {"algorithmic": special, "informative_spinodal": lowest.alpha}
    above = next((p[1] for p in path if p[1] > x and gain(p[1]) > 0), None)
    if above is None:
        return turned
    root = float(brentq(gain, x, above, xtol=1e-4))
    return turned | {"information_theoretic": apart(machine, root).alpha}


def turns(machine: Machine, path: Path) -> list[tuple[State, int]]:
    """Maxima (1) and minima (-1) of alpha along a path."""
    from scipy.optimize import minimize_scalar

    extrema = []
    alphas = [at(machine, p).alpha for p in path]
    for i in range(1, len(path) - 1):
        kind = int(np.sign(alphas[i] - alphas[i - 1]) - np.sign(alphas[i + 1] - alphas[i])) // 2
        if kind and path[i][0] is path[i + 1][0]:
            curve = path[i][0]
            best = minimize_scalar(
                lambda x, c=curve, k=kind: -k * c(machine, float(x)).alpha,
                bounds=(path[i - 1][1], path[i + 1][1]),
                method="bounded",
                options={"xatol": 1e-3 if machine.wide else 1e-6},
            )
            extrema.append((curve(machine, float(best.x)), kind))
    return extrema


def recovery(machine: Machine, paths: list[Path]) -> float | None:
    """The alpha beyond which the teacher itself has the larger free entropy."""

    def excess(s: State) -> float:
        return s.free_entropy(s.alpha) - recovered(machine).tilt

    for path in paths:
        for low, high in pairwise(path):
            if excess(at(machine, low)) > 0 > excess(at(machine, high)):
                return solve(machine, low[0], excess, low[1], high[1]).alpha
    return None


def coexistence(machine: Machine, low: float, high: float) -> float:
    """The alpha at which the fixed points of smallest and largest overlap have the same free entropy."""
    from scipy.optimize import brentq

    def excess(alpha: float) -> float:
        return informative(machine, alpha).free_entropy(alpha) - uninformative(machine, alpha).free_entropy(alpha)

    margin = 1e-6 * (high - low)
    return float(brentq(excess, low + margin, high - margin, xtol=1e-9, rtol=1e-12))
