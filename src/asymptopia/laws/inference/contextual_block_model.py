"""Two communities seen through a dense graph and through features of its nodes."""

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

DESHPANDE = "Deshpande, Montanari, Mossel and Sen, NeurIPS 31 (2018), theorems 4 and 6"
RECOMPUTED = "the fixed point by another quadrature and a bracketed root"
EDGE = f"{DESHPANDE}: graph^2 + features^2 / aspect = 1"


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for graph, features, aspect, overlap, error in (
        (0.5, 1.2, 1.0, 0.2812912088743867, 0.27064348627137347),
        (0.0, 2.0, 1.0, 0.5707398982713301, 0.15091782652723484),
        (1.5, 0.0, 1.0, 0.6922946549484442, 0.1060038670935688),
        (0.9, 1.0, 0.5, 0.6305090064022195, 0.1285689135870446),
        (0.6, 2.0, 4.0, 0.13676294270069128, 0.34614202507914016),
    ):
        fields = dict(graph=graph, features=features, aspect=aspect)
        rows.append(Landmark(fields, "overlap", overlap, 1e-10, RECOMPUTED))
        rows.append(Landmark(fields, "test_error", error, 1e-10, RECOMPUTED))
    rows += [
        Landmark(dict(features=0.5), "weak_recovery", 0.75**0.5, 1e-12, EDGE, along="graph"),
        Landmark(dict(features=0.8, aspect=2.0), "weak_recovery", 0.68**0.5, 1e-12, EDGE, along="graph"),
        Landmark(dict(graph=0.9, aspect=4.0), "weak_recovery", 0.76**0.5, 1e-12, EDGE, along="features"),
    ]
    return tuple(rows)


class ContextualBlockModel(Law):
    r"""Two communities of nodes, hidden in a dense noisy graph and in noisy features.

    Labels $v_i = \pm 1$ of n nodes are seen through a symmetric matrix and, with $u \sim N(0, I_p)$ and
    $n = \gamma p$, through p features of each node,

    $$A = \frac{\lambda}{n} v v^T + W, \qquad B = \sqrt{\mu/n}\, v u^T + Z,$$

    with W symmetric of variance 1/n and Z of variance 1; $\lambda$ is `graph`, $\mu$ is `features`, $\gamma$ is
    `aspect`. A sparse graph of large mean degree is equivalent to A.

    Limit: n to infinity. A node's posterior is that of its label seen in Gaussian noise with signal-to-noise ratio h,

    $$h = \lambda^2 q + \frac{\mu^2}{\gamma} \frac{q}{1 + \mu q}, \qquad q = E \tanh(h + \sqrt h\, \xi),$$

    with a standard normal $\xi$. The `overlap` $q = v \cdot E[v|A, B]/n$ is the largest solution, positive if and only
    if $\lambda^2 + \mu^2/\gamma > 1$ (`weak_recovery`); `test_error` $= P(N(h, h) < 0)$ is the share of wrong labels.
    Both are up to a global sign.

    The system runs approximate message passing on both matrices; it starts at the labels, so that their sign is mostly
    the right one (a small system that loses it is turned back, as results are up to a global sign), and forgets them
    where there is nothing to find.
    """

    graph: float = field(1.2, "signal of the graph, lambda", at_least=0)
    features: float = field(1.0, "signal of the features, mu", at_least=0)
    aspect: float = field(1.0, "nodes per feature, n / p", above=0)

    defaults = Defaults(size="nodes", sizes=(300, 600, 1200), seeds=150, block=10)
    references = References(
        source=DESHPANDE,
        status="proved for Gaussian observations",
        bibtex="""@inproceedings{DeshpandeMontanariMosselSen2018,
  author = {Deshpande, Yash and Montanari, Andrea and Mossel, Elchanan and Sen, Subhabrata},
  title = {Contextual stochastic block models},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {31}, year = {2018}
}""",
    )
    observables = {
        "overlap": Observable("q", "overlap of the posterior mean with the labels", scale=1.0, self_averaging=True),
        "test_error": Observable(r"\varepsilon", "share of wrong labels", self_averaging=True, resolution=0.1),
    }
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        from scipy.optimize import brentq
        from scipy.special import ndtr

        if self._signal() <= 1:
            return {"overlap": 0.0, "test_error": 0.5}

        def excess(log_q: float) -> float:
            q = math.exp(log_q)
            return mean_tanh(self._ratio(q)) / q - 1

        low = -1.0
        while excess(low) < 0 and low > -60:
            low *= 2
        q = math.exp(brentq(excess, low, 0.0, xtol=1e-15, rtol=1e-15)) if excess(low) > 0 else 0.0
        return {"overlap": q, "test_error": float(ndtr(-math.sqrt(self._ratio(q))))}

    def _signal(self) -> float:
        return self.graph**2 + self.features**2 / self.aspect

    def _ratio(self, q: float) -> float:
        return self.graph**2 * q + self.features**2 / self.aspect * q / (1 + self.features * q)

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        from ...algorithms.graphs.contextual import contextual_graph

        p = max(1, round(n / self.aspect))
        v, A, B = contextual_graph(generator(key), n, p, self.graph, self.features)
        local = self._message_passing(A, B, v)
        if v @ np.tanh(local) < -math.sqrt(n):  # the global sign, lost in a small system
            local = -local
        return {"overlap": v @ np.tanh(local) / n, "test_error": np.mean((1 - np.sign(v * local)) / 2)}

    def _message_passing(self, A: np.ndarray, B: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The fields of the labels at the end of message passing on A (n, n) and B (n, p), from the labels v.

        Some systems near the threshold oscillate, unless some of the old messages is kept. Raises `NotSolved` if they
        oscillate still.
        """
        from ...algorithms.checks import NotSolved

        n, p = B.shape
        mu, lam = self.features, self.graph
        for kept, rounds in ((0.0, 300), (0.3, 2000), (0.7, 6000)):
            now, before, means, pull = v, np.zeros(n), np.zeros(p), np.zeros(n)
            for _ in range(rounds):
                free = 1 - np.mean(now**2)
                shrink = 1 + mu * np.mean(now**2)
                fresh = (np.sqrt(mu / n) * (now @ B) - mu * free * means) / shrink
                fresh_pull = np.sqrt(mu / n) * (B @ fresh)
                means, pull = kept * means + (1 - kept) * fresh, kept * pull + (1 - kept) * fresh_pull
                rest = lam * (A @ now) - lam**2 * free * before - mu * p / (n * shrink) * now
                moved = np.max(np.abs(np.tanh(rest + fresh_pull) - now))  # by a step without damping
                if moved < 1e-6:
                    return rest + fresh_pull
                before, now = now, kept * now + (1 - kept) * np.tanh(rest + pull)
        raise NotSolved(
            f"Message passing of {self.short()} on {n} nodes did not settle: a mean still changes by {moved:.1e}."
        )

    def valid(self) -> str | None:
        signal = self._signal()
        if abs(signal - 1) < 0.1:
            return (
                f"close to the threshold of weak recovery (graph^2 + features^2 / aspect = {signal:.3g}, threshold 1) "
                "finite systems are smeared and messages relax slowly"
            )
        return None

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return few("features", 1 / self.aspect, sizes)

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `graph` or `features`: `weak_recovery`, where that signal begins to suffice beside the other one."""
        if along == "graph":
            return {"weak_recovery": math.sqrt(max(0.0, 1 - self.features**2 / self.aspect))}
        if along == "features":
            return {"weak_recovery": math.sqrt(max(0.0, self.aspect * (1 - self.graph**2)))}
        raise StatementError(
            f"ContextualBlockModel has no known transition along {along!r}; there is one along 'graph' and 'features'."
        )


def mean_tanh(h: float) -> float:
    """E tanh(h + sqrt(h) xi) for a standard normal xi, by the trapezoidal rule."""
    spacing = min(0.05, 0.2 / math.sqrt(1 + h))
    z = spacing * np.arange(-math.ceil(12 / spacing), math.ceil(12 / spacing) + 1)
    return float(spacing / math.sqrt(2 * math.pi) * np.exp(-(z**2) / 2) @ np.tanh(h + math.sqrt(h) * z))
