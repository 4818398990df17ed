"""Convolutional linear networks: which kernels can be known from what the network computes, and how stably."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key, PyTree

MALGOUYRES = "Malgouyres and Landsberg, SIAM J. Math. Data Sci. 1 (2019) 446"
NOISES = 32
"""The most noises of one system: those of the defaults have as many directions within their reach."""
COLLIDING = dict(supports="(0 1)(0 1)", branches=1)


class ConvolutionalLinearNetwork(Law):
    r"""The kernels of a tree of convolutions, recovered from its linear map with noise.

    One edge leads to the output, `branches` edges feed each other edge, K in a row; an edge convolves periodic signals
    of length n with a kernel whose support, the same for all edges of a depth, is given from the output on. The map of
    each leaf, n x n, is linear in the products of kernel entries along network paths (one entry of each edge on the
    way): the lifted operator A. The columns of two paths of a leaf are orthogonal, or equal if their places have the
    same sum. So with m the number of paths with one sum, the squared singular values of A are the numbers $n m$:
    `smallest` and `largest` are those of $A / \sqrt n$, the first 0 if A is not injective.

    If all sums of a leaf differ, A is $\sqrt n$ times an isometry and, up to scales that move along paths, kernels
    whose map is within $\eta$ of data that are within $\delta$ of the truth h have, of every leaf, for kernels of equal
    largest entries and S entries each,

    $$\|\hat h - h\| \leq 7 \sqrt{K S} \,
      \max(\|P\|_\infty, \|\hat P\|_\infty)^{1/K - 1} \frac{\delta + \eta}{\sqrt n}$$

    with P the products along paths: `recovery` is the largest ratio of the two sides, and no random start `fails`. If
    not, there may be other kernels with the same map, as the two of (0 1)(0 1) can be exchanged.

    Noise of standard deviation s on each entry leaves an error of the fitted map, whose square over $s^2$ has as mean
    the `dimension` of the set of maps as $n \to \infty$: the rank of the derivative of the map. If it is the number of
    entries less one for each edge that is fed, `local` is 1: no other kernels are near. `secant` is 1 if A keeps the
    dimension of the differences of two path products.

    The theory counts sums of places; the experiment applies convolutions to every signal basis vector, takes singular
    values, and fits kernels of random sign and moduli in [1/2, 3/2] from random starts, one for each of several noises.
    These are normal and orthogonal to each other, as many as there are directions within the reach of the supports if
    these are at most 32, and each squared error is compared with the square of its own noise: so their mean hardly
    depends on the noises drawn. No limit depends on `noise`, to which errors are relative.
    """

    supports: str = field("(0 1)(0 2)(0 4)", "places where kernels may have entries, by depth from the output on")
    branches: int = field(2, "edges that feed an edge", at_least=1, at_most=8)
    noise: float = field(0.1, "standard deviation of the noise on an entry of the map", above=0, at_most=0.5)

    defaults = Defaults(size="signal length", sizes=(16, 48), seeds=96, block=12)
    references = References(
        source=MALGOUYRES + "; Malgouyres, Adv. Comput. Math. 46 (2020)",
        status=(
            "proved (lifting and the bound); the dimension from least squares with small noise, at general kernels"
        ),
        bibtex=r"""@article{MalgouyresLandsberg2019,
  author = {Malgouyres, Fran{\c{c}}ois and Landsberg, Joseph},
  title = {Multilinear compressive sensing and an application to convolutional linear networks},
  journal = {SIAM Journal on Mathematics of Data Science}, volume = {1}, pages = {446--475}, year = {2019}
}""",
    )
    observables = {
        "smallest": Observable(
            r"\sigma_-", "smallest singular value of the lifted operator / root n", scale=1.0, resolution=0.1
        ),
        "largest": Observable(r"\sigma_+", "largest singular value of the lifted operator over root n", resolution=0.1),
        "dimension": Observable(
            "D", "squared error of the fitted map over the variance of the noise", resolution=0.045
        ),
        "recovery": Observable("r", "error of the kernels over the bound, worst leaf and noise", bound="every"),
        "fails": Observable("f", "share of random starts that ended at other kernels", bound="every"),
        "rank": Observable("R", "rank of the lifted operator", limit_only=True),
        "secant": Observable(r"I_2", "whether differences of path products keep their dimension", limit_only=True),
        "local": Observable(r"I_1", "whether no other kernels are near", limit_only=True),
    }
    landmarks = (
        Landmark({}, "smallest", 1.0, 1e-14, MALGOUYRES),
        Landmark(COLLIDING, "rank", 3.0, 1e-14, "1, z and z^2 of (a + b z)(c + d z)"),
        Landmark(COLLIDING, "local", 1.0, 1e-14, "a product of coprime polynomials determines them up to order"),
        Landmark(COLLIDING, "largest", 2**0.5, 1e-14, "two paths have the sum 1"),
        Landmark(dict(supports="(0 1 2)(0 1 2)", branches=1), "dimension", 5.0, 1e-14, "polynomials of degree 4"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        places(self.supports)

    def predict(self) -> dict[str, Any]:
        from ...algorithms.factorise.network_paths import chain_tree, identifiability

        report = identifiability(chain_tree(places(self.supports), int(self.branches)))
        return {
            "smallest": float(report.lifting),
            "largest": float(np.sqrt(report.multiplicities[-1])),
            "dimension": float(report.dimension),
            "recovery": 1.0,
            "fails": float(not report.lifting),
            "rank": float(report.rank),
            "secant": float(report.secant),
            "local": float(report.local),
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        return {k: v[0] for k, v in self.realize_all(n, [key]).items()}

    def realize_all(self, n: int, keys: Any) -> dict[str, Any]:
        from ...algorithms.factorise.network_paths import chain_tree

        reach = len(self._reached()) - 1
        if n <= reach:
            raise StatementError(f"`sizes` must exceed {reach}, how far the supports reach, but one is {n}.")
        tree = chain_tree(places(self.supports), int(self.branches), n)
        A = lifted_operator(tree)
        values = np.linalg.svd(A, compute_uv=False)
        low = float(values[-1]) if len(values) == A.shape[1] and values[-1] > 1e-9 * values[0] else 0.0
        rows = [self._fitted(tree, low, generator(key)) for key in keys]
        spectrum = {"smallest": np.full(len(rows), low), "largest": np.full(len(rows), values[0])}
        return spectrum | {k: np.array([row[k] for row in rows]) for k in rows[0]}

    def _reached(self) -> range:
        """The places from the least to the largest sum of places."""
        supports = places(self.supports)
        return range(sum(map(min, supports)), sum(map(max, supports)) + 1)

    def _fitted(self, tree: PyTree, low: float, rng: np.random.Generator) -> dict[str, float]:
        """Fits, or nan for those of one system of which one does not converge: the others stand."""
        from ...algorithms.checks import NotSolved

        n = tree.length
        h = rng.uniform(0.5, 1.5, tree.offsets[-1]) * rng.choice([-1.0, 1.0], tree.offsets[-1])
        noise = float(self.noise) * rng.standard_normal((len(tree.ways), n, n))
        unseen = np.sum(noise**2, axis=(1, 2)) - n * np.sum(unrolled(noise) ** 2, axis=1)  # by convolutions
        reached = np.array(self._reached()) % n
        seen = float(self.noise) / np.sqrt(n) * orthogonal_noises(len(tree.ways), n, reached, rng)
        try:
            fits = [self._fit(tree, low, h, E, unseen, rng) for E in seen]
        except NotSolved:
            return dict.fromkeys(("dimension", "recovery", "fails"), float("nan"))
        scale = np.mean(seen[:, :, reached] ** 2, axis=(1, 2))
        errors, ratios, fails = np.transpose(fits)
        return {"dimension": float(np.mean(errors / scale)), "recovery": ratios.max(), "fails": fails.mean()}

    def _fit(
        self, tree: PyTree, low: float, h: np.ndarray, E: np.ndarray, unseen: np.ndarray, rng: np.random.Generator
    ) -> tuple[float, float, float]:
        """Squared error, error over its bound and whether the kernels are others, of a fit to responses with noise E.

        `low` is the smallest singular value over root n; `unseen` the square of the rest of the noise, by leaf.
        """
        from ...algorithms.factorise.kernels import fit_kernels, responses

        n = tree.length
        truth = responses(tree, h)
        fit = fit_kernels(tree, truth + E, rng)
        moved = responses(tree, fit) - truth
        delta, eta = (np.sqrt(unseen + n * np.sum(e**2, axis=1)) for e in (E, moved - E))
        risks = (delta + eta) / np.sqrt(n)
        P, Q = tree.products(h), tree.products(fit)
        recovery = max(low * ratio(tree, w, h, fit, r) for w, r in zip(tree.ways, risks, strict=True))
        return float(np.sum(moved**2)), float(recovery), float(np.abs(P - Q).max() > np.abs(P).max() / 2)

    def valid(self) -> str | None:
        if self.predict()["local"] < 1:
            return "arbitrarily close kernels have the same product: the kernels of a fit are not determined"
        return None


def places(supports: str) -> tuple[tuple[int, ...], ...]:
    """The supports that a text such as "(0 1)(0 2)" states. Raises `StatementError` if it states none."""
    groups = re.findall(r"\(([^()]*)\)", supports)
    good = re.fullmatch(r"(\s*\(\s*(-?\d+\s+)*-?\d+\s*\)\s*)+", supports)
    stated = tuple(tuple(int(i) for i in g.split()) for g in groups) if good else ()
    if not stated or any(len(set(s)) < len(s) for s in stated):
        raise StatementError(
            f'`supports` must be one or more lists of different whole numbers, as "(0 1)(0 2)", but is {supports!r}.'
        )
    return stated


def orthogonal_noises(leaves: int, n: int, reached: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Standard normal responses (noises, leaves, n), orthogonal to each other at the places `reached`.

    There are as many as directions there, at most `NOISES`. Each has independent coordinates: the frame is uniformly
    distributed, and its lengths are those of independent normal vectors.
    """
    directions = leaves * len(reached)
    noises = rng.standard_normal((min(directions, NOISES), leaves, n))
    within = noises[:, :, reached].reshape(len(noises), directions)
    frame, triangle = np.linalg.qr(rng.standard_normal((directions, len(noises))))
    frame = (frame * np.sign(np.diag(triangle))).T * np.linalg.norm(within, axis=1)[:, None]
    noises[:, :, reached] = frame.reshape(len(noises), leaves, len(reached))
    return noises


def unrolled(maps: np.ndarray) -> np.ndarray:
    """The impulse responses (leaves, n) of the convolutions nearest to linear maps (leaves, n, n)."""
    n = maps.shape[-1]
    rows = (np.arange(n)[:, None] + np.arange(n)) % n
    return np.asarray(maps[:, rows, np.arange(n)].mean(axis=-1))


def lifted_operator(tree: PyTree) -> np.ndarray:
    """The responses (leaves * n, paths) of the network of each network path alone, by convolving."""
    from ...algorithms.factorise.kernels import responses

    columns = []
    for leaf, (index, _) in enumerate(tree.paths):
        for entries in index:
            h = np.zeros(tree.offsets[-1])
            h[entries] = 1.0
            alone = np.zeros((len(tree.ways), tree.length))
            alone[leaf] = responses(tree, h)[leaf]
            columns.append(alone.ravel())
    return np.stack(columns, axis=1)


def ratio(tree: PyTree, way: list[int], h: np.ndarray, g: np.ndarray, risk: float) -> float:
    """The distance of the kernels along a way to the output, over its bound."""
    pairs = [[e[tree.offsets[i] : tree.offsets[i + 1]] for i in way] for e in (h, g)]
    sizes = [np.array([np.abs(k).max() for k in kernels]) for kernels in pairs]
    level = [s.prod() ** (1 / len(way)) for s in sizes]
    one, other = (
        [lv * k / s for k, s in zip(ks, ss, strict=True)] for ks, ss, lv in zip(pairs, sizes, level, strict=True)
    )
    signs = np.array([np.sign(a @ b) or 1.0 for a, b in zip(one, other, strict=True)])
    gaps = np.array(
        [[np.sum((a - s * t * b) ** 2) for t in (1, -1)] for a, b, s in zip(one, other, signs, strict=True)]
    )
    flip = 0.0 if signs.prod() > 0 else (gaps[:, 1] - gaps[:, 0]).min()  # signs must cancel along the way
    entries = len(way) * max(len(k) for k in pairs[0])
    bound = 7 * np.sqrt(entries) * max(level) ** (1 - len(way)) * risk
    return float(np.sqrt(gaps[:, 0].sum() + flip) / bound)
