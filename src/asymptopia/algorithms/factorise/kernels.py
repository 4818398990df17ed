"""Kernels of a tree of convolutions, fitted to the impulse responses of its leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ..checks import NotSolved
from .network_paths import ConvolutionTree

if TYPE_CHECKING:
    from jaxtyping import Float, Real

SWEEPS, STEPS, TOLERANCE = 5, 300, 1e-9


def responses(tree: ConvolutionTree, entries: Float[np.ndarray, " entries"]) -> Float[np.ndarray, "leaves length"]:
    """The response of the output to an impulse at place 0 of each leaf, (leaves, length).

    tree: whose edges have the kernels. entries: of all kernels, one after the other.
    """
    n = _length(tree)
    return np.array([_convolve(tree, entries, way, n) for way in tree.ways])


def fit_kernels(
    tree: ConvolutionTree, measured: Real[ArrayLike, "leaves length"], rng: np.random.Generator
) -> Float[np.ndarray, " entries"]:
    """The kernel entries whose impulse responses are nearest to those measured, (leaves, length).

    Least squares edge by edge, then damped Gauss-Newton steps until the slope, relative to the size of the responses
    and of their derivative, is below 1e-9. Finds a local minimum. Raises `NotSolved` if it does not settle.

    tree: whose edges have the kernels. measured: responses, (leaves, length). rng: of the start. Returns the entries of
    all kernels, one after the other.
    """
    measured = np.asarray(measured, float)
    n = _length(tree)
    if measured.shape != (len(tree.ways), n) or not np.isfinite(measured).all():
        raise StatementError(
            f"`measured` must be finite, of shape {(len(tree.ways), n)}, but has shape {measured.shape} and "
            f"{np.sum(~np.isfinite(measured))} entries that are not finite."
        )
    size = float(np.linalg.norm(measured)) or 1.0
    target = measured.ravel() / size
    h = rng.uniform(0.5, 1.5, tree.offsets[-1]) * rng.choice([-1.0, 1.0], tree.offsets[-1])
    for _ in range(SWEEPS):
        for e in range(len(tree.parents)):
            own = slice(tree.offsets[e], tree.offsets[e + 1])
            others = target - _flat(tree, h, blank=e)
            h[own] = np.linalg.lstsq(_columns(tree, h, own), others, rcond=1e-12)[0]
        h = balanced(tree, h)
    damping, everything = 1e-3, slice(0, int(tree.offsets[-1]))
    left = target - _flat(tree, h)
    for _ in range(STEPS):
        J = _columns(tree, h, everything)
        U, s, Vt = np.linalg.svd(J, full_matrices=False)
        keep = s > 1e-10 * s[0]
        along = U[:, keep].T @ left
        slope = float(np.linalg.norm(along * s[keep])) / s[0]
        if slope <= TOLERANCE:
            for e, up in enumerate(tree.parents):
                h[tree.offsets[e] : tree.offsets[e + 1]] *= size if up < 0 else 1
            return balanced(tree, h)
        step = Vt[keep].T @ (along * s[keep] / (s[keep] ** 2 + damping * s[0] ** 2))
        ahead = target - _flat(tree, h + step)
        better = ahead @ ahead < left @ left or damping < 1e-14
        damping *= 0.1 if better else 10.0
        if better:
            h, left = balanced(tree, h + step), ahead
    raise NotSolved(f"The kernels did not settle: the relative slope is {slope:.2g}.")


def balanced(tree: ConvolutionTree, entries: Float[np.ndarray, " entries"]) -> Float[np.ndarray, " entries"]:
    """The same network with its scales balanced: no kernel is much larger than those that feed it."""
    h = entries.copy()
    parts = [slice(tree.offsets[e], tree.offsets[e + 1]) for e in range(len(tree.parents))]
    for e in range(len(parts) - 1, -1, -1):  # every fed edge takes the root mean square of those that feed it
        feeders = [c for c, up in enumerate(tree.parents) if up == e]
        if feeders:
            below = np.sqrt(np.mean([np.mean(h[parts[c]] ** 2) for c in feeders]))
            own = np.sqrt(np.mean(h[parts[e]] ** 2))
            if below > 0 and own > 0:
                scale = np.sqrt(below / own)
                h[parts[e]] *= scale
                for c in feeders:
                    h[parts[c]] /= scale
    return h


def _length(tree: ConvolutionTree) -> int:
    if tree.length is None:
        raise StatementError("`length` of the tree must be a whole number >= 1 for responses, but is None.")
    return tree.length


def _convolve(
    tree: ConvolutionTree, entries: Float[np.ndarray, " entries"], way: list[int], n: int, skip: int = -1
) -> Float[np.ndarray, " length"]:
    """An impulse sent along a way, past the edge `skip`."""
    signal = np.zeros(n)
    signal[0] = 1.0
    for e in way:
        if e != skip:
            kernel = entries[tree.offsets[e] : tree.offsets[e + 1]]
            signal = sum(k * np.roll(signal, i) for k, i in zip(kernel, tree.supports[e], strict=True))
    return signal


def _flat(
    tree: ConvolutionTree, entries: Float[np.ndarray, " entries"], blank: int = -1
) -> Float[np.ndarray, " responses"]:
    """All responses, one after the other, as if the edge `blank` had no entries."""
    n = _length(tree)
    rows = [np.zeros(n) if blank in way else _convolve(tree, entries, way, n) for way in tree.ways]
    return np.concatenate(rows)


def _columns(
    tree: ConvolutionTree, entries: Float[np.ndarray, " entries"], own: slice
) -> Float[np.ndarray, "responses own"]:
    """The derivative of all responses in the entries of a slice."""
    n = _length(tree)
    out = np.zeros((len(tree.ways), n, own.stop - own.start))
    for row, way in enumerate(tree.ways):
        for e in way:
            if own.start <= tree.offsets[e] < own.stop:
                rest = _convolve(tree, entries, way, n, skip=e)
                for k, i in enumerate(tree.supports[e]):
                    out[row, :, tree.offsets[e] + k - own.start] = np.roll(rest, i)
    return out.reshape(-1, out.shape[-1])
