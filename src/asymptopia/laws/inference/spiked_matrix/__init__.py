"""A signal of rank one in a noisy matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator
from ....contract.law import Landmark, Law, Observable
from ....contract.record import StatementError, field
from ....contract.transitions import FixedPoint, State
from ....parts.prior import Gaussian, Prior, Rademacher, SparseRademacher

if TYPE_CHECKING:
    from .theory import Spike

LESIEUR = "Lesieur, Krzakala and Zdeborova, J. Stat. Mech. (2017) 073403"
PECHE = "Benaych-Georges and Nadakuditi, Advances in Mathematics 227 (2011) 494"
BAIK = "Baik, Ben Arous and Peche, Annals of Probability 33 (2005) 1643; Paul, Statistica Sinica 17 (2007) 1617"
RECOMPUTED = "recomputed from the state evolution with other quadratures"


def _landmarks() -> tuple[Landmark, ...]:
    gauss, rare = Gaussian(), SparseRademacher(rho=0.02)
    rows = [
        Landmark(dict(snr=0.5, prior=gauss), "overlap", 0.0, 1e-12, f"{LESIEUR}, section 5.1: 1 - 1/snr above snr 1"),
        Landmark(dict(snr=4.0, prior=gauss), "overlap", 0.75, 1e-12, f"{LESIEUR}, section 5.1: 1 - 1/snr above snr 1"),
        Landmark(dict(snr=4.0, prior=gauss), "mse", 0.4375, 1e-12, "1 - overlap**2"),
        Landmark(dict(snr=1.5), "overlap", 0.39418613377182554, 1e-11, RECOMPUTED),
        Landmark(dict(snr=2.0), "overlap", 0.618447509348823, 1e-11, RECOMPUTED),
        Landmark(dict(snr=2.0), "mse", 0.6175226781802375, 1e-11, RECOMPUTED),
        Landmark(dict(snr=0.5, prior=rare, start="informative"), "overlap", 0.9079392963370982, 1e-9, RECOMPUTED),
        Landmark(dict(snr=2.0, prior=rare), "overlap", 0.999995986360678, 1e-9, RECOMPUTED),
        Landmark(dict(), "weak_recovery", 1.0, 1e-6, PECHE, along="snr"),
    ]
    for name, value in (
        ("informative_spinodal", 0.366348156762),
        ("information_theoretic", 0.392654983509),
        ("algorithmic", 1.000682296014),
    ):
        note = "not 1: a continuous branch of tiny overlap begins there" if name == "algorithmic" else ""
        rows.append(Landmark(dict(prior=rare), name, value, 1e-8, RECOMPUTED, along="snr", note=note))
    for snr, cosine, top in ((0.5, 0.0, 2.0), (1.5, 1 / 3, 2.041241452319315), (4.0, 0.75, 2.5)):
        rows.append(Landmark(dict(snr=snr), "pca_overlap", cosine, 1e-12, f"{PECHE}, section 3.1"))
        rows.append(Landmark(dict(snr=snr), "top_eigenvalue", top, 1e-12, f"{PECHE}, section 3.1"))
    for snr, aspect, cosine, top in (
        (0.5, 2.0, 0.0, 2.914213562373095),
        (1.0, 2.0, 1 / 3, 3.0),
        (3.0, 2.0, 17 / 21, 14 / 3),
        (3.0, 0.5, 7 / 15, 20 / 3),
    ):
        rows.append(Landmark(dict(snr=snr, aspect=aspect), "pca_overlap", cosine, 1e-12, BAIK))
        rows.append(Landmark(dict(snr=snr, aspect=aspect), "top_eigenvalue", top, 1e-12, BAIK))
    return tuple(rows)


class SpikedMatrix(Law):
    r"""A signal of rank one, hidden in a symmetric or rectangular matrix of noise.

    A vector x of N independent entries from the prior, of second moment r, is seen through

    $$Y = \sqrt{snr/N}\, x x^T + W,$$

    with W symmetric and Gaussian, of variance 1 (2 on the diagonal). With an `aspect` $\alpha$ the matrix has
    $M = \alpha N$ rows instead, $Y = \sqrt{snr/N}\, u x^T + W$, and u has independent entries from the prior of the
    rows, of second moment s: given x, rows are samples of covariance $I + snr\, x x^T/N$ if that is Gaussian.

    As $N \to \infty$ the overlap $q = \lim \hat x \cdot x / N$ of the posterior mean solves

    $$q = F_x(A), \qquad A = snr\, q \quad \text{or} \quad A = \alpha\, snr\, F_u(snr\, q),$$

    where $F(A) = E[E[x | \sqrt A x + z]^2]$ for one entry and a standard normal z; the matrix has mean square error
    $r^2 - q^2$, or $rs - F_x F_u$. Message passing reaches the stable solution of least overlap from an estimate that
    knows nothing, and that of largest from x itself (`start`); the posterior is at that of largest

    $$\phi = \frac{A r}{2} - I_x(A) - \frac{snr}{4} q^2,$$

    or, for a rectangular matrix,

    $$\phi = \frac{A r}{2} - I_x(A) + \alpha \left(\frac{snr\, q s}{2} - I_u(snr\, q) - \frac{snr}{2} F_x F_u\right),$$

    with I the mutual information of an entry. Principal components need no prior: with $\theta^2 = snr\, r^2$
    the largest eigenvalue of $Y/\sqrt N$ tends to $\theta + 1/\theta$, and the squared cosine of its eigenvector with
    x to $1 - 1/\theta^2$, if $\theta > 1$, else to 2 and 0. For $Y^T Y/M$, with $\ell = snr\, rs$ and
    $\gamma = 1/\alpha$, they are $(1 + \ell)(1 + \gamma/\ell)$ and $(1 - \gamma/\ell^2)/(1 + \gamma/\ell)$ if
    $\ell > \sqrt\gamma$, else $(1 + \sqrt\gamma)^2$ and 0.

    The system is one such matrix; its estimate is that of approximate message passing. Where -x is as probable as x,
    the sign of an overlap is its own.
    """

    snr: float = field(2.0, "signal-to-noise ratio", above=0)
    prior: Prior = field(Rademacher(), "law of the entries of x")
    start: str = field("uninformative", "where message passing starts", one_of=("uninformative", "informative"))
    aspect: float | None = field(None, "rows per column, M / N; None for a symmetric matrix", above=0)
    rows: Prior = field(Gaussian(), "law of the entries of u, if there is an aspect")

    size = "columns"
    sizes = (250, 500, 1000)
    seeds = 120
    block = 10
    source = f"{LESIEUR}; {PECHE}"
    bibtex = """@article{LesieurKrzakalaZdeborova2017,
  author = {Lesieur, Thibault and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title = {Constrained low-rank matrix estimation: phase transitions, approximate message passing and applications},
  journal = {Journal of Statistical Mechanics: Theory and Experiment},
  volume = {2017}, pages = {073403}, year = {2017}
}
@article{BenaychGeorgesNadakuditi2011,
  author = {Benaych-Georges, Florent and Nadakuditi, Raj Rao},
  title = {The eigenvalues and eigenvectors of finite, low rank perturbations of large random matrices},
  journal = {Advances in Mathematics},
  volume = {227}, pages = {494--521}, year = {2011}
}"""
    status = "proved (Miolane 2017; Lelarge and Miolane, Probab. Theory Relat. Fields 173 (2019) 859)"
    compiled = False
    observables = {
        "mse": Observable(r"\mathrm{MSE}", "mean square error of an entry of the signal's matrix", scale=1.0),
        "overlap": Observable("q", "overlap of the estimate of x with x", scale=1.0, self_averaging=True),
        "pca_overlap": Observable("c^2", "squared cosine of the leading eigenvector with x", scale=1.0),
        "top_eigenvalue": Observable(r"\lambda_1", r"largest eigenvalue of $Y/\sqrt N$, or of $Y^T Y/M$"),
    }

    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        from .theory import principal

        return {**self._state().values, **principal(self.spike(), self.snr)}

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        from ....algorithms.amp.low_rank import low_rank_amp

        rng = generator(key)
        rows = None if self.aspect is None else self.rows
        x = self.prior.signal(n, rng)
        u = x if self.aspect is None else self.rows.signal(max(1, round(self.aspect * n)), rng)
        Y = rng.standard_normal((len(u), n))
        if rows is None:
            Y = (Y + Y.T) / np.sqrt(2)
        Y += np.sqrt(self.snr / n) * np.outer(u, x)
        first = x if self.start == "informative" else 1e-4 * rng.standard_normal(n)
        own = self.prior.symmetric and (rows is None or rows.symmetric)
        starts = (first,) if own or self.start == "informative" else (first, -first)
        runs = [low_rank_amp(Y, self.prior, self.snr, rows=rows, start=s, damping=0.0) for s in starts]
        if not any(run.converged for run in runs):
            runs = [low_rank_amp(Y, self.prior, self.snr, rows=rows, start=s) for s in starts]
        best = max((r for r in runs if r.converged), key=lambda r: r.free_entropy, default=runs[0]).require()
        overlap = best.x.means @ x / n
        left = best.x if best.u is None else best.u
        error = np.mean(u**2) * np.mean(x**2) + np.mean(left.means**2) * np.mean(best.x.means**2)
        values = {
            "mse": error - 2 * overlap * (left.means @ u) / len(u),
            "overlap": abs(overlap) if own else overlap,
        }
        return values | _principal(Y if rows is None else Y.T @ Y / len(u) * np.sqrt(n), x)

    def fixed_points(self) -> list[FixedPoint]:
        from .theory import points

        return points(self.spike(), self.snr)

    def spike(self) -> Spike:
        """The problem without its snr, as the theory takes it."""
        from .theory import Spike

        return Spike(self.prior, None if self.aspect is None else self.rows, self.aspect)

    def check(self) -> None:
        if self.aspect is None and self.rows != Gaussian():
            raise StatementError(
                "`rows` is the law of u in a rectangular matrix: give it an `aspect`, or leave it out."
            )
        self.prior.check()
        self.rows.check()

    def valid(self) -> str | None:
        """Warns near the transition of principal components, and where the posterior is at another fixed point."""
        onset = self.spike().onset
        if abs(self.snr / onset - 1) < 0.05:
            return (
                f"close to the transition at snr {onset:.6g} overlaps of finite matrices are smeared and relax slowly"
            )
        state, here = State.of(self.fixed_points()), self._state()
        if here.free_entropy >= state.best.free_entropy:
            return None
        better = f"overlap {state.best.overlap:.6g} instead of {here.overlap:.6g}"
        if self.start == "uninformative":
            return f"hard phase: the posterior, with {better}, is not reached without knowledge of the signal"
        return f"the informed state is metastable: that of largest free entropy has {better}"

    def _state(self) -> FixedPoint:
        state = State.of(self.fixed_points())
        return state.high if self.start == "informative" else state.low


def _principal(Y: np.ndarray, x: np.ndarray) -> dict[str, float]:
    """The largest eigenvalue of Y / sqrt(N), and the squared cosine of its eigenvector with x."""
    from scipy.sparse.linalg import eigsh

    value, vector = eigsh(Y, 1, which="LA", v0=np.random.default_rng(0).standard_normal(len(x)))
    cosine = vector[:, 0] @ x / np.linalg.norm(x)
    return {"pca_overlap": cosine**2, "top_eigenvalue": value[0] / np.sqrt(len(x))}
