r"""What a label says of its fields: $E|E[z|y]|^2$, and the spectral radius of $M \to E\,G M G$, $G = E[z z^T-1|y]$."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations_with_replacement, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .....contract.record import StatementError
from .....numerics.gaussian import legendre
from .. import Link

if TYPE_CHECKING:
    from scipy.interpolate import BSpline

STEP, DEPTH, REACH = 0.04, 42.0, 9.0
MOST = 200_000  # cells of a label


class Conditional(NamedTuple):
    """first: E |E[z | y]|^2. radius: of M -> E G M G on symmetric matrices M >= 0."""

    first: float
    radius: float


def monomial(powers: tuple[int, ...]) -> Conditional:
    """For products of powers, by convolving the densities of the logarithms of their absolute values."""
    odd = [k for k, p in enumerate(powers) if p % 2]
    f = _convolved(powers, {})
    seen = f > 1e-290

    def square(weights: dict[int, int], less: bool) -> float:
        excess = _convolved(powers, weights) - (f if less else 0.0)
        return float(np.sum(excess[seen] ** 2 / f[seen]))

    if len(odd) == 1:
        return Conditional(square({odd[0]: 1}, False), math.nan)
    F = np.diag([square({k: 2}, True) for k in range(len(powers))])
    if len(odd) == 2:
        j, k = odd
        F[j, k] = F[k, j] = square({j: 1, k: 1}, False)
    return Conditional(0.0, float(np.linalg.eigvalsh(F)[-1]))


def _convolved(powers: tuple[int, ...], weights: dict[int, int]) -> np.ndarray:
    """Masses of log|y| on a grid, each state weighted by |z_k| to the powers `weights`."""
    total = np.ones(1)
    for k, p in enumerate(powers):
        L = STEP * np.arange(-math.ceil(DEPTH * p / STEP), math.ceil(2.4 * p / STEP) + 1)
        u = L / p
        mass = STEP / p * math.sqrt(2 / math.pi) * np.exp(u * (1 + weights.get(k, 0)) - np.exp(2 * u) / 2)
        total = np.convolve(total, mass)
    return total


def noisy(link: Link, noise: float) -> Conditional:
    """For labels of one or two fields with Gaussian noise, by sums over two grids of the fields, which must agree."""
    fine, coarse = (_on_grid(link, noise, nodes) for nodes in ((12001, 9001) if link.size == 1 else (161, 129)))
    if abs(fine.radius - coarse.radius) > 1e-3 * fine.radius + 1e-9 or abs(fine.first - coarse.first) > 1e-4:
        raise StatementError(f"`noise` of {noise:g} is too small to resolve {link!r}: it varies too fast beside it.")
    return fine


def _on_grid(link: Link, noise: float, nodes: int) -> Conditional:
    p, z = link.size, np.linspace(-8, 8, nodes)
    grid = np.stack(np.meshgrid(*[z] * p, indexing="ij"), axis=-1).reshape(-1, p)
    w = np.exp(-np.sum(grid**2, axis=1) / 2)
    keep = w > 1e-17
    grid, w = grid[keep], w[keep] / w.sum()
    moments = [np.ones(len(w)), *grid.T, *(grid[:, i] * grid[:, j] for i in range(p) for j in range(i, p))]
    return _from_cells(_blurred(np.asarray(link(grid), float), np.array(moments) * w, math.sqrt(noise)), p)


def _blurred(y: np.ndarray, table: np.ndarray, sd: float) -> np.ndarray:
    """Masses (rows) at labels y after normal noise, on a grid of labels a third of its deviation apart."""
    step, low = sd / 3, float(y.min()) - 7 * sd
    count = _resolved((y.max() - low + 7 * sd) / step) + 2
    first = np.round((y - low) / step).astype(int) - 21
    sums = np.zeros((len(table), count))
    for shift in range(43):
        at = first + shift
        near = np.exp(-(((low + at * step - y) / sd) ** 2) / 2)
        at = np.clip(at, 0, count - 1)
        sums += [np.bincount(at, near * row, count) for row in table]
    return sums


def noisy_norm(p: int, noise: float) -> Conditional:
    """For the sum of p squares with Gaussian noise, by its square root: G = (E[|z|^2 | y] / p - 1) 1."""
    r = np.linspace(0, math.sqrt(p) + 9, 12001)
    w = (r / math.sqrt(p)) ** (p - 1) * np.exp((p - r**2) / 2)
    w[0] /= 2
    mass, square = _blurred(r**2, np.array([w, w * r**2 / p]), math.sqrt(noise))
    seen = mass > 1e-14 * mass.max()
    mass, square = mass[seen], square[seen]
    return Conditional(0.0, float(mass @ (square / mass - 1) ** 2 / mass.sum()))


def _resolved(cells: float) -> int:
    if cells > MOST:
        raise StatementError(f"`noise` is too small for the range of the labels, which is {cells:.3g} times as wide.")
    return int(cells)


def noisy_monomial(powers: tuple[int, ...], noise: float) -> Conditional:
    """For products of powers with Gaussian noise, by the densities of log|y| and of its moments before the noise."""
    p, sd = len(powers), math.sqrt(noise)
    odd = [k for k, power in enumerate(powers) if power % 2]
    signs = np.array([1.0, -1.0]) if odd else np.ones(1)
    even = np.ones(len(signs))
    moments: list[tuple[tuple[int, ...], np.ndarray | None]] = [((), even)]  # which fields, and the sign of the moment
    moments += [((k,), signs if odd == [k] else None) for k in range(p)]
    pairs = combinations_with_replacement(range(p), 2)
    moments += [((i, j), even if i == j else signs if odd == [i, j] else None) for i, j in pairs]
    L, dL = _nodes(powers, sd)
    y = np.outer(signs, np.exp(L)).ravel()
    used = [
        np.outer(sign / len(signs), dL * _density(powers, fields)(L)).ravel()
        for fields, sign in moments
        if sign is not None
    ]
    sums = iter(_blurred(y, np.array(used), sd))
    zero = np.zeros(1)
    return _from_cells(np.array(np.broadcast_arrays(*(zero if s is None else next(sums) for _, s in moments))), p)


def _nodes(powers: tuple[int, ...], sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of log|y|, on panels of |y| of width at most sd."""
    density = _density(powers, ())
    L = density.t
    mass = density(L)
    low, high = max(L[0], math.log(sd) - DEPTH), float(L[mass > 1e-16 * mass.max()].max())
    small = np.linspace(low, math.log(sd), max(2, math.ceil((math.log(sd) - low) / 0.4)))
    count = _resolved(math.exp(high) / sd)
    ends = np.concatenate([small, np.log(sd * np.arange(2, count + 1))])
    x, w = legendre(8)
    width = np.diff(ends)[:, None]
    return (ends[:-1, None] + width * x).ravel(), (width * w).ravel()


@lru_cache(maxsize=128)
def _density(powers: tuple[int, ...], fields: tuple[int, ...]) -> BSpline:
    """The density of log|y|, times the mean given y of the product of |z_k| over the fields k."""
    from scipy.interpolate import make_interp_spline

    masses = _convolved(powers, {k: fields.count(k) for k in fields})
    first = -sum(math.ceil(DEPTH * p / STEP) for p in powers)
    return make_interp_spline(STEP * (first + np.arange(len(masses))), masses / STEP, k=7)


def binned(link: Link) -> Conditional:
    """For noiseless labels of two fields: cells of the label, with their width extrapolated to zero."""
    from scipy.special import ndtri

    z = ndtri((np.arange(1200) + 0.5) / 1200)
    grid = np.stack(np.meshgrid(z, z, indexing="ij"), axis=-1).reshape(-1, 2)
    moments = np.array([np.ones(len(grid)), *grid.T, grid[:, 0] ** 2, grid[:, 0] * grid[:, 1], grid[:, 1] ** 2])
    _, label, counts = np.unique(np.asarray(link(grid), float), return_inverse=True, return_counts=True)
    below = (np.cumsum(counts) - counts) / len(grid)
    conditionals = []
    for cells in (300, 600):
        # a label with the mass of a cell is one of its own: none is cut in two
        cell = (2 * np.floor(below * cells) + (counts * cells > len(grid))).astype(int)[label]
        conditionals.append(_from_cells(np.array([np.bincount(cell, row) for row in moments / len(grid)]), 2))
    coarse, fine = conditionals
    first = fine.first if fine.first > 1e-3 else 0.0
    return Conditional(first, fine.radius + (fine.radius - coarse.radius) / 3)


def _from_cells(sums: np.ndarray, p: int) -> Conditional:
    """From masses and moments (1, z_k, z_i z_j) of cells of the label."""
    sums = sums[:, sums[0] > 1e-14 * sums[0].max()]
    share = sums[0] / sums[0].sum()
    means = sums / sums[0]
    first = float(share @ np.sum(means[1 : p + 1] ** 2, axis=0))
    G = np.zeros((len(share), p, p))
    k = p + 1
    for i in range(p):
        for j in range(i, p):
            G[:, i, j] = G[:, j, i] = means[k] - (i == j)
            k += 1
    # M -> E G M G keeps M >= 0, so that its spectral radius is its largest eigenvalue
    action = np.einsum("y,yij,ykl->ikjl", share, G, G, optimize=True).reshape(p * p, p * p)
    radius = float(np.linalg.eigvalsh(action)[-1])
    return Conditional(first if first > 1e-8 else 0.0, radius)


def single(link: Link, flip: float) -> Conditional:
    """For noiseless functions of one field."""
    if flip > 0:
        values, chance, moments = _levels(link, 2)
        opposite = np.array([int(np.flatnonzero(values == -v)[0]) for v in values])
        share = (1 - flip) * chance + flip * chance[opposite]
        mixed = ((1 - flip) * chance * moments + flip * (chance * moments)[opposite]) / share
        return Conditional(0.0, float(share @ mixed**2))
    return Conditional(hermite_given(link, 1), 2 * hermite_given(link, 2))


def hermite_with(link: Link, k: int) -> float:
    """E[y He_k(z)]^2 / k!."""
    z, w = _panels(_breaks(link))
    return float(w @ (_values(link, z) * _hermite(z, k))) ** 2 / math.factorial(k)


def hermite_given(link: Link, k: int) -> float:
    """E[E[He_k(z) | y]^2] / k!."""
    if _stepwise(link):
        _, chance, moments = _levels(link, k)
        return float(chance @ moments**2) / math.factorial(k)
    z, w = _panels(_breaks(link))
    return float(w @ (_hermite(z, k) * _average(link, z, k))) / math.factorial(k)


def _values(link: Link, z: np.ndarray) -> np.ndarray:
    return np.asarray(link(np.asarray(z, float)[..., None]), float)


def _hermite(z: np.ndarray, k: int) -> np.ndarray:
    return np.asarray(np.polynomial.hermite_e.hermeval(z, [0.0] * k + [1.0]))


def _stepwise(link: Link) -> bool:
    return len(np.unique(_values(link, np.linspace(-REACH, REACH, 4001)))) < 20


def _levels(link: Link, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of a piecewise constant link, their probabilities, and E[He_k(z)] given each."""
    from scipy.special import ndtr

    grid = np.linspace(-REACH - 1e-3, REACH, 4001)
    y = _values(link, grid)
    ends = [-np.inf]
    for i in np.flatnonzero(y[1:] != y[:-1]):
        low, high = grid[i], grid[i + 1]
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _values(link, np.array(middle)) == y[i] else (low, middle)
        ends.append((low + high) / 2)
    ends.append(np.inf)
    edges = np.array(ends)
    finite = np.where(np.isfinite(edges), edges, 0.0)
    # the integral of He_k phi is -He_{k-1} phi
    bell = np.where(
        np.isfinite(edges), _hermite(finite, k - 1) * np.exp(-(finite**2) / 2) / math.sqrt(2 * math.pi), 0.0
    )
    chance, moment = np.diff(ndtr(edges)), -np.diff(bell)
    pieces = np.concatenate([[y[0]], y[1:][y[1:] != y[:-1]]])
    values = np.unique(pieces)
    total = np.array([chance[pieces == v].sum() for v in values])
    return values, total, np.array([moment[pieces == v].sum() for v in values]) / total


def _turns(link: Link) -> np.ndarray:
    """The turning points of a link, without the ends."""
    from scipy.optimize import minimize_scalar

    grid = np.linspace(-REACH - 1e-3, REACH, 7203)  # no grid point, and no middle of two, at 0
    y = _values(link, grid)
    inner = np.flatnonzero((np.diff(y)[1:] * np.diff(y)[:-1]) < 0) + 1
    extrema = []
    for i in inner:
        sign = 1.0 if y[i] <= min(y[i - 1], y[i + 1]) else -1.0
        ends = (grid[i - 1], grid[i + 1])
        extrema.append(
            minimize_scalar(
                lambda t, s=sign: s * float(_values(link, np.array(t))), bounds=ends, method="bounded",
                options={"xatol": 1e-12},
            ).x
        )  # fmt: skip
    return np.array(extrema)


def _breaks(link: Link) -> np.ndarray:
    """Turning points, and all fields of the same label as one of them: there the number of branches changes."""
    if _stepwise(link):
        return _jumps(link)
    turns = _turns(link)
    breaks = list(turns)
    for v in _values(link, turns):
        breaks += [z for z in _branches(link, np.array([v]), turns).ravel() if np.isfinite(z)]
    return np.unique(np.round(breaks, 9)) if breaks else np.array([0.0])


def _jumps(link: Link) -> np.ndarray:
    grid = np.linspace(-REACH, REACH, 4001)
    y = _values(link, grid)
    return grid[:-1][y[1:] != y[:-1]]


def _panels(breaks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of an average over a standard normal field, crowded at the ends of panels."""
    ends = np.unique(np.concatenate([[-REACH], breaks[np.abs(breaks) < REACH], [REACH]]))
    t, w = legendre(120)
    half, angle = np.diff(ends)[:, None] / 2, np.pi * (t - 0.5)
    z = (ends[1:] + ends[:-1])[:, None] / 2 + half * np.sin(angle)
    weight = half * np.pi * np.cos(angle) * w * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    return z.ravel(), weight.ravel()


def _branches(link: Link, y: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """All fields of the labels y, nan where a monotone piece has none, shape (pieces, len(y))."""
    from .....numerics.roots import bracketed_roots

    ends = np.concatenate([[-REACH - 3], turns, [REACH + 3]])
    rows = []
    for low, high in pairwise(ends):
        rows.append(
            bracketed_roots(
                lambda x, members: _values(link, x) - y[members], np.full(len(y), low), np.full(len(y), high)
            )
        )
    return np.array(rows)


def _average(link: Link, z: np.ndarray, k: int) -> np.ndarray:
    """E[He_k | y] at the label of each field z, over the branches of that label."""
    turns = _turns(link)
    x = _branches(link, _values(link, z), turns)
    h = 1e-5
    slope = np.abs(_values(link, x + h) - _values(link, x - h)) / (2 * h)
    weight = np.where(np.isfinite(x), np.exp(-(x**2) / 2) / np.maximum(slope, 1e-12), 0.0)
    x = np.where(np.isfinite(x), x, 0.0)
    total = weight.sum(axis=0)
    return np.where(total > 0, (weight * _hermite(x, k)).sum(axis=0) / np.maximum(total, 1e-300), _hermite(z, k))
