"""Information that a noisy real output of smooth units carries about their fields: Fisher, entropy, errors."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .....numerics.fixed_points import NotConverged
from .....parts.activation import Activation
from .....parts.dual import dual

SPAN = 7.0
FINE = 1.0
CHUNK = 4_000_000
MOST_ENTRIES = 600_000_000


@lru_cache(maxsize=64)
def ball(steps: tuple[float, ...], span: float = SPAN) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (N, K) and weights of a standard normal vector: the trapezoidal rule on a ball, a step for each axis."""
    lines = [step * np.arange(-np.ceil(span / step), np.ceil(span / step) + 1) for step in steps]
    t = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, len(steps))
    t = t[(t**2).sum(axis=1) < span**2]
    w = np.exp(-(t**2).sum(axis=1) / 2)
    return t, w / w.sum()


def units(modes: np.ndarray) -> np.ndarray:
    """Fields of the units from those of the modes along the last axis; the map is its own inverse."""
    if modes.shape[-1] == 1:
        return modes
    return np.stack([modes[..., 0] + modes[..., 1], modes[..., 0] - modes[..., 1]], axis=-1) / np.sqrt(2)


def matrix(modes: np.ndarray, K: int) -> np.ndarray:
    """The (K, K) matrix of K units with these eigenvalues for their sum and differences."""
    if K == 1:
        return modes[:, None]
    same, other = (modes[0] + (K - 1) * modes[1]) / K, (modes[0] - modes[1]) / K
    return np.where(np.eye(K) > 0, same, other)


def output(
    q: np.ndarray, V: np.ndarray, activation: Activation, noise: float, fine: float = FINE
) -> tuple[np.ndarray, float]:
    """For y = sum_k f(z_k) / sqrt(K) + N(0, noise): the information E (d log p / d omega)**2 on each mode, E log p.

    Trapezoidal rules, `fine` times finer than 1e-7 needs for analytic units, in fields and labels alike. The fields of
    each mode are put on one grid for all their means, or, where that would be larger, on one about each mean.
    """
    slope = _steepest(activation)
    inner = np.round(0.9 / fine / np.sqrt(1 + V * slope**2 / noise), 3)
    if not inner.all():
        raise NotConverged(f"The labels of {activation!r} units are too sharp for averages: `noise` is {noise:g}.")
    smooth = V + noise / slope**2
    outer = np.round(0.65 / fine * np.sqrt(smooth / (smooth + q)), 3)
    point = np.zeros((1, 1)), np.ones(1)
    means = [ball((float(step),)) if v > 0 else point for step, v in zip(outer, q, strict=True)]
    common = np.prod(2 * SPAN * np.sqrt(q + V) / (inner * np.sqrt(V)))
    near = np.prod([2 * SPAN / step * len(m[1]) for step, m in zip(inner, means, strict=True)]) / 2
    result = (_common if len(q) == 2 and common < near else _near)(q, V, activation, noise, fine, inner, means)
    information = result[0] / V
    if len(q) == 2:
        information[1] *= q[1] > 0
    return information, result[1]


Nodes = list[tuple[np.ndarray, np.ndarray]]


def _common(
    q: np.ndarray, V: np.ndarray, activation: Activation, noise: float, fine: float, inner: np.ndarray, means: Nodes
) -> tuple[np.ndarray, float]:
    """The averages by one grid of fields for all means."""
    kernels, lines = [], []
    for k in range(2):
        step = float(inner[k] * np.sqrt(V[k]))
        count = np.ceil(SPAN * np.sqrt(q[k] + V[k]) / step)
        z = step * np.arange(-count, count + 1)
        t = (z - means[k][0] * np.sqrt(q[k])) / np.sqrt(V[k])
        law = np.exp(-(t**2) / 2) * inner[k] / np.sqrt(2 * np.pi)
        kernels.append(np.concatenate([law, law * t]))
        lines.append(z)
    half = means[1][0][:, 0] >= 0
    f = _outputs(np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1), activation)
    step = 0.7 * np.sqrt(noise) / fine
    y = np.arange(f.min() - 8.5 * np.sqrt(noise), f.max() + 8.5 * np.sqrt(noise), step)
    if f.size * len(y) > MOST_ENTRIES:
        raise NotConverged(f"The averages over fields and labels would need {f.size * len(y):.0e} entries.")
    likelihood = np.exp(-((f[..., None] - y) ** 2) / (2 * noise)) / np.sqrt(2 * np.pi * noise)
    sums = np.tensordot(kernels[1], np.tensordot(kernels[0], likelihood, (1, 0)), (1, 1))
    sums = sums.reshape(2, len(half), 2, len(means[0][1]), len(y))[:, half]
    weight = step * np.outer((means[1][1] * np.where(means[1][0][:, 0] > 0, 2.0, 1.0))[half], means[0][1])
    p = np.maximum(sums[0, :, 0], 1e-300)
    squares = [np.einsum("ij,ijy->", weight, part**2 / p) for part in (sums[0, :, 1], sums[1, :, 0])]
    return np.array(squares), float(np.einsum("ij,ijy->", weight, p * np.log(p)))


def _near(
    q: np.ndarray, V: np.ndarray, activation: Activation, noise: float, fine: float, inner: np.ndarray, means: Nodes
) -> tuple[np.ndarray, float]:
    """The averages by a grid of fields about each mean."""
    K = len(q)
    omega = np.stack(np.meshgrid(*(m[0][:, 0] for m in means), indexing="ij"), axis=-1).reshape(-1, K)
    weight = np.prod(np.stack(np.meshgrid(*(m[1] for m in means), indexing="ij"), axis=-1), axis=-1).ravel()
    keep = (omega**2).sum(axis=1) < SPAN**2
    if K == 2:
        keep &= omega[:, 1] >= 0
        weight = weight * np.where(omega[:, 1] > 0, 2.0, 1.0)
    omega, weight = omega[keep], weight[keep]
    t, mass = ball(tuple(float(v) for v in inner))
    information, entropy = np.zeros(K), 0.0
    for some in np.array_split(np.arange(len(omega)), max(1, len(omega) * len(t) * 40 // CHUNK)):
        f = _outputs(omega[some, None] * np.sqrt(q) + t * np.sqrt(V), activation)
        averages = _information(f, t, mass, noise, fine)
        information += weight[some] @ averages[0]
        entropy += float(weight[some] @ averages[1])
    return information, entropy


def _outputs(modes: np.ndarray, activation: Activation) -> np.ndarray:
    return np.asarray(activation(units(modes)), float).sum(axis=-1) / np.sqrt(modes.shape[-1])


def _information(
    f: np.ndarray, t: np.ndarray, mass: np.ndarray, noise: float, fine: float
) -> tuple[np.ndarray, np.ndarray]:
    """Sums over labels for outputs f (n, N) at nodes t of the fields: sqrt(V) d log p / d omega squared, and log p."""
    mean = f @ mass
    spread = np.sqrt(noise + (f - mean[:, None]) ** 2 @ mass)
    step = 0.7 * np.sqrt(noise) / fine
    count = int(np.ceil(8.5 * spread.max() / step))
    labels = mean[:, None] + step * np.arange(-count, count + 1)
    square, entropy = np.zeros((len(f), t.shape[1])), np.zeros(len(f))
    moments = np.concatenate([np.ones((len(t), 1)), t], axis=1) * mass[:, None]
    for y in labels.T:
        averages = np.exp(-((y[:, None] - f) ** 2) / (2 * noise)) @ moments / np.sqrt(2 * np.pi * noise)
        p = np.maximum(averages[:, :1], 1e-300)
        square += step * averages[:, 1:] ** 2 / p
        entropy += step * (p * np.log(p))[:, 0]
    return square, entropy


def _steepest(activation: Activation) -> float:
    z = np.linspace(-6, 6, 1201)
    return float(np.max(np.abs(np.diff(np.asarray(activation(z), float)) / np.diff(z)))) + 1e-9


def output_error(overlap: np.ndarray, moment: np.ndarray, activation: Activation) -> float:
    """The mean squared error of the posterior mean of the output without noise.

    overlap, moment: (K, K) covariances of the posterior means of the fields, and of the fields.
    """
    K = len(moment)
    own = np.full((K, K), moment[0, 0])
    correlated = [np.sum(dual(activation, own, own, 2 * (own - C))[0]) for C in (moment, overlap)]
    return float(correlated[0] - correlated[1]) / K


def resolved(activation: Activation, noise: float, K: int, variance: float) -> bool:
    """Whether a finer quadrature changes the information by less than 1e-6: not so for kinks, jumps, sharp labels."""
    q = np.full(K, variance / 2)
    try:
        coarse, fine = (output(q, q, activation, noise, f)[0] for f in (FINE, 1.37))
    except NotConverged:
        return False
    return bool(np.all(np.abs(coarse - fine) <= 1e-6 * fine.max()))
