"""Ridge regression on one convolution of a graph: labels of nodes from the features of their neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from .common import few

if TYPE_CHECKING:
    import jax

SHI = "Shi, Pan, Hu and Dokmanic, Proc. Natl. Acad. Sci. USA 121 (2024) e2309504121"
DURANTHON = "Duranthon and Zdeborova, Learning on Graphs Conference (2024), arXiv 2402.03818"
CAVITY = "the cavity equations of a node with all its responses, solved along decreasing ridge"
EDGE = "as many labelled nodes as features"


def _landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark(dict(aspect=2.0), "interpolation", 0.5, 1e-12, EDGE, along="labelled"),
        Landmark(dict(graph=0.0), "test_error", 0.5, 1e-12, "without communities in the graph labels are drawn"),
    ]
    names = ("overlap", "test_error", "test_loss", "train_loss")
    for given, values in (
        ((1.5, 1.0, 1.0, 0.5, 1.0), (0.4246956159878572, 0.1527983976998738, 0.251408180495496, 0.09279040932028648)),
        ((0.8, 2.0, 2.0, 0.3, 0.1), (0.2371903303714044, 0.3872241657263953, 0.6334934263163938, 0.0257345040537626)),
        ((1.2, 0.5, 0.5, 0.5, 0.01), (0.4584437161847677, 0.292686909133300, 0.499718660501090, 0.000316022065877)),
        ((2.5, 0.0, 3.0, 0.6, 0.2), (0.6216012623947147, 0.1531843768768799, 0.2562438977836, 0.08091658948249551)),
        ((1.0, 4.0, 0.3, 0.9, 3.0), (0.3463863193473266, 0.1863301232825010, 0.2890881202847158, 0.18296580922266062)),
    ):
        fields = dict(zip(("graph", "features", "aspect", "labelled", "ridge"), given, strict=True))
        rows += [Landmark(fields, k, v, 1e-9, CAVITY) for k, v in zip(names, values, strict=True)]
    return tuple(rows)


class GraphConvolution(Law):
    r"""Labels of nodes are learned by ridge regression on features that are averaged over their neighbours.

    Labels $v_i = \pm 1$ of n nodes are hidden in a dense graph and in p features, $n = \gamma p$,

    $$A = \frac{\lambda}{n} v v^T + W, \qquad B = \sqrt{\mu/n}\, v u^T + Z,$$

    with W symmetric Gaussian of variance 1/n, Z of variance 1 and $|u|^2 = p$; $\lambda$ is `graph`, $\mu$ is
    `features`, $\gamma$ is `aspect`. A graph convolution without hidden units, $z = A B w / \sqrt p$, is trained on a
    share $\ell$ (`labelled`) of the nodes,

    $$\min_w\; \frac12 \sum_{i\ \mathrm{labelled}} (v_i - z_i)^2 + \frac r2 |w|^2 ,$$

    and predicts the others by the sign of z.

    Limit: n to infinity. Let y be the solution in $(0, \min(\ell, 1, 1/\gamma))$ of

    $$(1 - \gamma y)(\ell - y)(1 - y) = r y, \qquad c = \frac{1 - \gamma y}{r}, \quad t = \ell - y .$$

    For unlabelled nodes $z = \lambda m v + \sqrt Q\, \xi$ with a standard normal $\xi$, so that `overlap` $= E v z =
    \lambda m$ and `test_error` $= P(\lambda m + \sqrt Q\, \xi < 0)$, where

    $$m = \frac{\lambda g}{1 + \lambda^2 g}, \qquad g = \frac{c t (1 + \mu)}{1 + c t (1 + \mu)},$$

    and Q solves, with $e = 1 - \lambda m$ and $k = \lambda t e / (1 + c t (1 + \mu))$, the linear equations

    $$Q = m^2 + (1-y)^2 (Q_w + c^2 Q_a), \quad Q_a = \frac{t^2}{\ell} (e^2 + Q), \quad
    Q_w = \gamma c^2 (\mu k^2 + Q_b), \quad Q_b = k^2 + (1-y)^2 (Q_a + t^2 Q_w) .$$

    `test_loss` is $(e^2 + Q)/2$, the mean of $(v - z)^2/2$ over unlabelled nodes, and `train_loss`, over labelled ones,
    $Q_a/2\ell$. These follow from the cavity method; that W is symmetric changes nothing, as its reaction on a node
    cancels. Without ridge there is a peak where labelled nodes are as many as features (`interpolation`).
    """

    graph: float = field(1.5, "signal of the graph, lambda", at_least=0)
    features: float = field(1.0, "signal of the features, mu", at_least=0)
    aspect: float = field(1.0, "nodes per feature, n / p", above=0)
    labelled: float = field(0.5, "share of the nodes whose label is known", above=0, below=1)
    ridge: float = field(1.0, "strength of the penalty on the weights", above=0)

    defaults = Defaults(size="nodes", sizes=(100, 200, 400), seeds=150, block=25)
    references = References(
        source=f"{SHI}; {DURANTHON}",
        status="heuristic: by the cavity method",
        bibtex=r"""@article{ShiPanHuDokmanic2024,
  author = {Shi, Cheng and Pan, Liming and Hu, Hong and Dokmani{\'c}, Ivan},
  title = {Homophily modulates double descent generalization in graph convolution networks},
  journal = {Proceedings of the National Academy of Sciences},
  volume = {121}, pages = {e2309504121}, year = {2024}
}
@inproceedings{DuranthonZdeborova2024,
  author = {Duranthon, O. and Zdeborov{\'a}, L.},
  title = {Asymptotic generalization error of a single-layer graph convolutional network},
  booktitle = {Learning on Graphs Conference}, year = {2024}
}""",
    )
    observables = {
        "overlap": Observable(r"\lambda m", "mean of label times output, of unlabelled nodes", scale=1.0),
        "test_error": Observable(r"\varepsilon", "share of wrong labels", self_averaging=True, resolution=0.1),
        "test_loss": Observable(r"L_\mathrm{test}", "mean loss of an unlabelled node"),
        "train_loss": Observable(r"L_\mathrm{train}", "mean loss of a labelled node"),
    }
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        from scipy.special import ndtr

        lam, mu, gamma, share = self.graph, self.features, self.aspect, self.labelled
        y, c, t = self._responses()
        seen = c * t * (1 + mu)
        m = lam * seen / (1 + (1 + lam**2) * seen)
        e = 1 - lam * m
        k = lam * t * e / (1 + seen)
        shrink, gain = (1 - y) ** 2, gamma * c**2
        # the unknowns Q, Q_a, Q_w, Q_b
        equations = np.array(
            [
                [1.0, -shrink * c**2, -shrink, 0.0],
                [-(t**2) / share, 1.0, 0.0, 0.0],
                [0.0, 0.0, 1.0, -gain],
                [0.0, -shrink, -shrink * t**2, 1.0],
            ]
        )
        Q, Qa, Qw, _ = np.linalg.solve(equations, [m**2, t**2 / share * e**2, gain * mu * k**2, k**2])
        if not (Q > 0 and Qa > 0 and Qw >= 0):
            raise ArithmeticError("The equations of GraphConvolution have no solution of positive variances here.")
        return {
            "overlap": lam * m,
            "test_error": float(ndtr(-lam * m / math.sqrt(Q))),
            "test_loss": (e**2 + Q) / 2,
            "train_loss": Qa / (2 * share),
        }

    def _responses(self) -> tuple[float, float, float]:
        """y, c and t."""
        from scipy.optimize import brentq

        gamma, share, r = self.aspect, self.labelled, self.ridge
        most = min(share, 1 / gamma)

        def excess(s: float) -> float:
            y = most * s
            return (1 - gamma * y) * (share - y) * (1 - y) - r * y

        y = most * float(brentq(excess, 0.0, 1.0, xtol=1e-300, rtol=1e-15))
        c = (1 - gamma * y) / r
        return y, c, y / ((1 - y) * c) if c > 0 else share - y

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        from ...algorithms.graphs.contextual import contextual_graph

        p = max(1, round(n / self.aspect))
        v, A, B = contextual_graph(generator(key), n, p, self.graph, self.features)
        convolved = A @ B / np.sqrt(p)
        known = np.arange(n) < min(max(round(self.labelled * n), 1), n - 1)
        X = convolved[known]
        if len(X) < p:
            w = X.T @ np.linalg.solve(X @ X.T + self.ridge * np.eye(len(X)), v[known])
        else:
            w = np.linalg.solve(X.T @ X + self.ridge * np.eye(p), X.T @ v[known])
        z = convolved @ w
        loss, right = (v - z) ** 2 / 2, v * z
        return {
            "overlap": right[~known].mean(),
            "test_error": np.mean(right[~known] < 0),
            "test_loss": loss[~known].mean(),
            "train_loss": loss[known].mean(),
        }

    def valid(self) -> str | None:
        """At the peak of interpolation."""
        if abs(self.labelled * self.aspect - 1) < 0.1 and self.ridge < 0.01:
            return "there are about as many labelled nodes as features: without much ridge the loss has a peak there"
        return None

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return few("features", 1 / self.aspect, sizes)

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `labelled`: `interpolation`, above which labels are no longer fitted exactly without ridge, if ever."""
        if along != "labelled":
            raise StatementError(
                f"GraphConvolution has no known transition along {along!r}; there is one along 'labelled'."
            )
        return {"interpolation": 1 / self.aspect} if self.aspect > 1 else {}
