"""State evolution of attention: a curve in closed form without noise, nets of random points with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.fixed_points import NotConverged

if TYPE_CHECKING:
    from . import SequenceIndex

NETS, POINTS = 8, 1024  # independent scrambled nets, and the points of each
SEEN = 5.0  # fields beyond this have no weight
SMALL, LARGE = 1e-5, 1 - 1e-5  # overlaps between which solutions are sought without noise
RESOLVED, NARROWEST = 0.99, 0.07  # the largest overlap sought with noise, and the least width of a posterior
PILOT, CHUNK = 256, 256


def predict(law: SequenceIndex) -> dict[str, Any]:
    """The overlap reached from nothing, and the error of attention on new sentences, with their errors."""
    if law.alpha <= weak_recovery(law):
        overlaps = np.zeros(NETS)
    elif law.noise == 0:
        overlaps = np.full(NETS, _overlap_without_noise(law))
    else:
        overlaps = _overlaps_with_noise(law)
    errors = np.array([_error(law, m, k) for k, m in enumerate(overlaps)])
    means = {"overlap": overlaps, "test_error": errors}
    spread = {f"{name}_error": np.std(values, ddof=1) / np.sqrt(NETS) for name, values in means.items()}
    return {name: float(np.mean(values)) for name, values in means.items()} | spread


def weak_recovery(law: SequenceIndex) -> float:
    """Samples per dimension above which the weights are found from nothing."""
    return 1 / (law.tokens * (law.tokens + 1)) if law.noise == 0 else _noisy_edge(law.beta, law.noise)


def samples(law: SequenceIndex, m: float, net: int, points: int = POINTS) -> float:
    """alpha at which the overlap is m, with noise, by one net of random points: m / ((1 - m) Q(m))."""
    omega, h, xi = _normals(6, net)[:points].reshape(-1, 3, 2).swapaxes(0, 1)
    omega, v, left = np.sqrt(m) * omega, 2 * law.noise, 1 - m
    y = shares(omega + np.sqrt(left) * h, law.beta) + np.sqrt(v) * xi
    nodes = _nodes(law, np.sqrt(left))
    seen = shares(nodes, law.beta)
    # single precision: logarithms of weights are right to 1e-5, and their exponentials take half the time
    to_nodes, to_seen = (np.asarray(part.T, np.float32) for part in (nodes / left, seen / v))
    fixed = np.sum(nodes**2, axis=1) / (2 * left) + np.sum(seen**2, axis=1) / (2 * v)
    fixed = fixed.astype(np.float32)
    total = 0.0
    for some in range(0, points, CHUNK):
        part = slice(some, some + CHUNK)
        logs = omega[part].astype(np.float32) @ to_nodes + y[part].astype(np.float32) @ to_seen - fixed
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        mean = weights @ nodes / weights.sum(axis=1, keepdims=True)
        total += float(np.sum((mean - omega[part]) ** 2))
    return m * left / (total / points)


def shares(h: np.ndarray, beta: float) -> np.ndarray:
    """2 S_ll - 1 of the two tokens, shape (..., 2): all that the labels of two tokens hold."""
    return np.asarray(np.tanh(beta * h * (h - h[..., ::-1]) / 2))


def curve_without_noise(m: float, tokens: int) -> float:
    """alpha at which the overlap is m where labels give the fields up to their sign."""
    s = m / (1 - m)
    length = np.exp(np.linspace(np.log(1e-6), np.log(11), 1200))
    weight = length**tokens * np.exp(-(length**2) / 2)  # of log |h|
    weight /= weight.sum()
    xi = np.linspace(-8, 8, 401)
    normal = np.exp(-(xi**2) / 2)
    normal /= normal.sum()
    pull = s * length[:, None] ** 2
    steep = np.exp(-2 * np.abs(pull + np.sqrt(pull) * xi))
    gap = weight @ (length**2 * ((4 * steep / (1 + steep) ** 2) @ normal))  # E r (1 - tanh^2)
    return float(m * (1 - m) / (tokens * (1 - m) - gap))


def _overlap_without_noise(law: SequenceIndex) -> float:
    if law.alpha * law.tokens >= 1:
        return 1.0
    return _first(lambda m: curve_without_noise(m, law.tokens), law.alpha)


def _overlaps_with_noise(law: SequenceIndex) -> np.ndarray:
    """The overlap by each net, shape (NETS,), by secants from that of a few points."""
    from scipy.optimize import root_scalar

    rough = _first(lambda m: samples(law, m, 0, PILOT), law.alpha, RESOLVED)
    if rough in (0.0, 1.0):
        why = "too close to weak recovery" if rough == 0 else f"so large that the overlap exceeds {RESOLVED}"
        raise NotConverged(f"With noise the overlap of {law!r} is not resolved: `alpha` is {why}.")
    overlaps = []
    for net in range(NETS):
        start = (rough, 0.98 * rough)
        with np.errstate(invalid="ignore"):  # of negative overlaps, from which secants do not return
            solved = root_scalar(
                lambda m, k=net: np.log(samples(law, m, k) / law.alpha), x0=start[0], x1=start[1], xtol=1e-6
            )
        if not (solved.converged and 0 < solved.root < 1 - NARROWEST**2):
            raise NotConverged(
                f"The overlap of {law!r} was not reached by secants from {rough:.4g}: `alpha` is too close to weak "
                f"recovery, or the overlap to {RESOLVED}."
            )
        overlaps.append(solved.root)
    return np.array(overlaps)


def _first(curve: Callable[[float], float], alpha: float, largest: float = LARGE) -> float:
    """The smallest overlap that the curve gives to alpha; bracketed where it first exceeds it.

    0 if it is below `SMALL`, and 1 if it is beyond the largest.
    """
    from scipy.optimize import brentq

    low = SMALL
    if curve(low) > alpha:
        return 0.0
    for high in (*np.linspace(0.1, 0.9, 9), 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, LARGE):
        if high > largest:
            return 1.0
        if curve(high) > alpha:
            break
        low = high
    else:
        return 1.0
    return float(brentq(lambda m: curve(m) - alpha, low, high, xtol=1e-7))


def _noisy_edge(beta: float, noise: float) -> float:
    """1 / E |E[h h' | y] - 1|^2 for two tokens, by the trapezoid over h and over the two numbers in a label."""
    v = 2 * noise
    axis = np.arange(-SEEN, SEEN + 1e-9, min(0.25, 0.5 * np.sqrt(v) / beta))
    h = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    p = np.exp(-np.sum(h**2, axis=1) / 2)
    p /= p.sum()
    reach = 1 + 6.5 * np.sqrt(v)
    y = np.linspace(-reach, reach, int(reach / (0.2 * np.sqrt(v))) + 1)
    first, second = (np.exp(-((y[:, None] - s) ** 2) / (2 * v)) for s in shares(h, beta).T)
    density = (first * p) @ second.T
    total = 0.0
    for (i, j), copies in (((0, 0), 1), ((0, 1), 2), ((1, 1), 1)):
        moment = (first * (p * (h[:, i] * h[:, j] - (i == j)))) @ second.T
        total += copies * float(np.sum(moment**2 / np.maximum(density, 1e-300)))
    return float(density.sum() / total)


def _error(law: SequenceIndex, m: float, net: int) -> float:
    """Half the squared distance of the attention of two fields that are equal but for what is not known."""
    common, one, other = _normals(3 * law.tokens, net).reshape(-1, 3, law.tokens).swapaxes(0, 1)
    pair = [_attention(np.sqrt(m) * common + np.sqrt(1 - m) * own, law.beta) for own in (one, other)]
    return float(np.mean((pair[0] - pair[1]) ** 2) / 2)


def _attention(h: np.ndarray, beta: float) -> np.ndarray:
    from scipy.special import softmax

    return np.asarray(softmax(beta * h[:, :, None] * h[:, None, :], axis=2))


def _normals(size: int, net: int) -> np.ndarray:
    """Points of a scrambled Sobol net as standard normal numbers, shape (POINTS, size)."""
    from scipy.special import ndtri
    from scipy.stats.qmc import Sobol

    return np.asarray(ndtri(Sobol(size, seed=np.random.default_rng(net)).random(POINTS)))


def _nodes(law: SequenceIndex, width: float) -> np.ndarray:
    """Trapezoidal nodes for the fields of two tokens, shape (nodes, 2), where fields have this standard deviation.

    Their step is at most the width of a label's band.
    """
    step = min(0.25, 1.4 * np.sqrt(2 * law.noise) / law.beta, 1.1 * max(width, NARROWEST))
    axis = np.arange(-SEEN, SEEN + 1e-9, step)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
