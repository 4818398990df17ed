r"""Identifiability of products of layers: linear maps of the tensor product of the layers' parameters.

Layer k is $M_k(h_k) = \sum_s h_{k,s} M_{k,s}$, and $M_1(h_1) \cdots M_K(h_K) = A \, (h_1 \otimes ... \otimes h_K)$
with the lifted operator A: what is known of the parameters, up to scales that cancel, depends on how A acts on
differences of two such tensors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property, reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real

Parameters = list[np.ndarray]


class Layers:
    """The layers from left to right, each as its matrices M_{k,s}: arrays (S_k, rows, columns)."""

    def __init__(self, bases: Sequence[Any]) -> None:
        self.bases = [np.asarray(b, float) for b in bases]
        shapes = [b.shape for b in self.bases]
        if not shapes or any(len(s) != 3 or 0 in s for s in shapes):
            raise StatementError(f"`bases` must be one or more arrays (S, rows, columns), but have shapes {shapes}.")
        if any(a[2] != b[1] for a, b in pairwise(shapes)):
            raise StatementError(f"Layers must have as many columns as the next has rows, but have shapes {shapes}.")
        for k, b in enumerate(self.bases):
            if not np.isfinite(b).all() or not np.any(b, axis=(1, 2)).all():
                raise StatementError(f"`bases[{k}]` must hold finite matrices, none of them zero.")

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of parameters of each layer."""
        return tuple(len(b) for b in self.bases)

    @cached_property
    def lifted(self) -> Float[np.ndarray, "product parameters"]:
        """The lifted operator as a matrix (entries of the product, S_1 ... S_K)."""
        out = self.bases[0]
        for b in self.bases[1:]:
            out = (out[:, None] @ b[None]).reshape(-1, out.shape[1], b.shape[2])
        return out.reshape(len(out), -1).T

    @cached_property
    def reduced(self) -> tuple[Float[np.ndarray, "product rank"], Float[np.ndarray, "rank parameters"]]:
        """Orthonormal columns Q and the triangle R with A = Q R; A has the singular values of R."""
        Q, R = np.linalg.qr(self.lifted)
        return Q, R

    def product(self, h: Parameters) -> Float[np.ndarray, "rows columns"]:
        """The product M_1(h_1) ... M_K(h_K) at parameters h."""
        return np.asarray(reduce(np.matmul, [np.tensordot(v, b, 1) for v, b in zip(h, self.bases, strict=True)]))


def tensor(h: Parameters) -> Float[np.ndarray, " parameters"]:
    """The entries of the tensor product of all layers' parameters, (S_1 ... S_K,)."""
    return np.asarray(reduce(np.multiply.outer, h, np.ones(()))).ravel()


def partial(h: Parameters, k: int) -> Float[np.ndarray, "parameters layer"]:
    """The derivative of `tensor` with respect to the parameters of layer k, (S_1 ... S_K, S_k)."""
    left, right, count = tensor(h[:k]), tensor(h[k + 1 :]), len(h[k])
    return np.einsum("a,st,b->asbt", left, np.eye(count), right).reshape(-1, count)


@dataclasses.dataclass(frozen=True)
class Lifting:
    """Whether, and how stably, a product determines the parameters of its layers.

    rank, columns: of the lifted operator.
    smallest, largest: its singular values, of those that are not zero.
    dimension: of the set of products, at a general point.
    lifting: the operator is injective. secant: it keeps the dimension of differences of two tensors (from the tangents
    at two general points; if not, some parameters cannot be told apart). local: no other parameters are near a general
    point.
    """

    rank: int
    columns: int
    smallest: float
    largest: float
    dimension: int
    lifting: bool
    secant: bool
    local: bool


def lifting(layers: Layers, seed: int = 0) -> Lifting:
    """Decide whether a product determines its layers' parameters, at three levels; each implies the next.

    Ranks are taken at random points, and are those of general ones with probability one. Source:
    Malgouyres and Landsberg, SIAM J. Math. Data Sci. 1 (2019) 446.

    layers: the linear maps from parameters to matrices. seed: of the random points.
    """
    A, rng = layers.lifted, np.random.default_rng(seed)
    values = np.linalg.svd(A, compute_uv=False)
    positive = values[values > values[0] * max(A.shape) * np.finfo(float).eps]
    tangents = [
        np.hstack([partial(h, k) for k in range(len(h))])
        for h in ([rng.standard_normal(s) for s in layers.sizes] for _ in range(2))
    ]
    free = sum(layers.sizes) - len(layers.sizes) + 1
    both = np.hstack(tangents)
    local = int(np.linalg.matrix_rank(A @ tangents[0]))
    secant = int(np.linalg.matrix_rank(A @ both)) == int(np.linalg.matrix_rank(both))
    injective = len(positive) == A.shape[1]
    return Lifting(
        len(positive), A.shape[1], float(positive[-1]), float(positive[0]), local, injective, secant and local == free,
        local == free,
    )  # fmt: skip


def null_space_constant(layers: Layers, starts: int = 20, seed: int = 0) -> float:
    r"""The constant $\gamma$ of the deep null space property, $\|T\| \leq \gamma \|T - T'\|$ if $A T' = 0$.

    T is any difference of two tensors; $\gamma$ is the largest ratio of T to its part orthogonal to the null space of
    A, 1 if A is injective, and large where some parameters cannot be told apart. Else it is found by alternating over
    layers, each an eigenvalue problem in both tensors' parameters, from random starts: local maxima, of which the
    largest is returned, so that it can only be too small. If the product of layers is known within $\delta$ and fitted
    within $\eta$, tensors differ by at most $\gamma (\delta + \eta) / \sigma$, with $\sigma$ the smallest singular
    value that is not zero.

    layers: the linear maps from parameters to matrices. starts: how many random starts, drawn by `seed`.
    """
    A = layers.lifted
    _, s, Vt = np.linalg.svd(layers.reduced[1], full_matrices=False)
    rows = Vt[s > s[0] * max(A.shape) * np.finfo(float).eps]
    if len(rows) == A.shape[1]:
        return 1.0
    rng, least = np.random.default_rng(seed), 1.0
    for _ in range(starts):
        pair = [[rng.standard_normal(n) for n in layers.sizes] for _ in range(2)]
        least = min(least, _smallest_share(rows, pair))
    return 1 / max(least, np.finfo(float).eps)


def _smallest_share(rows: Float[np.ndarray, "rank parameters"], pair: list[Parameters], sweeps: int = 500) -> float:
    """A local minimum of the share of a difference of tensors that lies along orthonormal rows."""
    last = 2.0
    for _ in range(sweeps):
        for k in range(len(pair[0])):
            span = np.hstack([partial(h, k) for h in pair])
            U, s, Vt = np.linalg.svd(span, full_matrices=False)
            keep = s > 1e-8 * s[0]
            _, share, W = np.linalg.svd(rows @ U[:, keep])
            least = float(share[-1]) if len(share) == len(W) else 0.0
            z = Vt[keep].T @ (W[-1] / s[keep])
            for h, v in zip(pair, np.split(z, 2), strict=True):
                size = np.linalg.norm(v)
                h[k] = v / size if size > 0 else h[k]
        if last - least <= 1e-10 * last:
            break
        last = least
    return least


def fit_layers(
    layers: Layers,
    matrix: Real[ArrayLike, "rows columns"],
    rng: np.random.Generator,
    steps: int = 5000,
    tolerance: float = 1e-10,
) -> Parameters:
    """Parameters whose product is nearest to a matrix, by PALM from a random start; a local minimum.

    layers: the linear maps from parameters to matrices. matrix: to be approximated. rng: of the start. steps: at most
    so many. tolerance: of the length of a step, relative to the parameters. Raises `StatementError` for a matrix of
    another shape, or one that is not finite.
    """
    from ..optimisers.palm import Block, palm

    X = np.asarray(matrix, float)
    expected = (layers.bases[0].shape[1], layers.bases[-1].shape[2])
    if X.shape != expected or not np.isfinite(X).all():
        raise StatementError(f"`matrix` must be finite, of shape {expected}, but has shape {X.shape}.")
    Q, R = layers.reduced
    target, size = Q.T @ X.ravel(), float(np.linalg.norm(X)) or 1.0

    def block(k: int) -> Block:
        def gradient(h: Parameters) -> np.ndarray:
            J = R @ partial(h, k)
            return np.asarray(J.T @ (J @ h[k] - target))

        return Block(gradient, lambda h: float(np.linalg.norm(R @ partial(h, k), 2)) ** 2, lambda v, t: v, None, True)

    start = [rng.standard_normal(s) for s in layers.sizes]
    scale = (size / float(np.linalg.norm(R @ tensor(start)))) ** (1 / len(start))
    start = [scale * v for v in start]
    blocks = [block(k) for k in range(len(start))]
    return palm(
        lambda h: float(np.sum((R @ tensor(h) - target) ** 2) / 2), blocks, start, steps, 1.0, 0.0, tolerance
    ).blocks


def class_distance(h: Parameters, g: Parameters) -> float:
    """The distance of two sets of parameters up to scales that cancel: the largest entries are made equal."""
    pairs = []
    for v in (h, g):
        sizes = np.array([np.abs(x).max() for x in v])
        level = np.exp(np.mean(np.log(sizes)))
        pairs.append([level * x / s for x, s in zip(v, sizes, strict=True)])
    signs = np.array([1.0 if a @ b >= 0 else -1.0 for a, b in zip(*pairs, strict=True)])
    gaps = np.array(
        [[np.sum((a - s * b) ** 2), np.sum((a + s * b) ** 2)] for a, b, s in zip(*pairs, signs, strict=True)]
    )
    flip = 0.0 if signs.prod() > 0 else float((gaps[:, 1] - gaps[:, 0]).min())  # signs must cancel
    return float(np.sqrt(gaps[:, 0].sum() + flip))


def class_bound(h: Parameters, g: Parameters, apart: float) -> float:
    r"""Malgouyres and Landsberg's bound on `class_distance` for tensors P, Q at most `apart`.

    $7 \sqrt{K S} \max(\|P\|_\infty, \|Q\|_\infty)^{1/K - 1} \|P - Q\|$, S the largest layer, if
    $\|P - Q\|_\infty \leq \frac12 \max(\|P\|_\infty, \|Q\|_\infty)$.
    """
    K, S = len(h), max(len(v) for v in h)
    top = max(float(np.prod([np.abs(x).max() for x in v])) for v in (h, g))
    return float(7 * np.sqrt(K * S) * top ** (1 / K - 1) * apart)
