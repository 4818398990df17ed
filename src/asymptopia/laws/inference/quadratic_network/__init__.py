"""A teacher network of quadratic units, as wide as its input."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Landmark, Law, Observable, References
from ....contract.record import StatementError, field
from ..common import none_drawn

MAILLARD = "Maillard, Troiani, Martin, Krzakala and Zdeborova, NeurIPS 37 (2024), Bayes-optimal quadratic networks"
CUBIC = "the same equation with another quadrature of the density's cube"


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for alpha, kappa, noise, value in (
        (0.1, 0.5, 0.0, 1.4473548443002335),
        (0.2, 0.5, 0.0, 0.7843920347),
        (0.3, 0.5, 0.0, 0.2562617926),
        (0.4, 1.0, 0.0, 0.0842649373012454),
        (0.2, 2.0, 0.0, 0.2754649113459595),
        (0.3, 0.5, 0.5, 0.6713953620725399),
        (0.5, 1.0, 0.1, 0.13628936596095498),
        (2.0, 1.0, 1.0, 0.11654091184555315),
        (0.3, 0.25, 0.01, 0.013371228760199472),
    ):
        fields = dict(alpha=alpha, kappa=kappa, noise=noise)
        rows.append(Landmark(fields, "mse", value, 1e-9, MAILLARD if noise == 0 else CUBIC))
    rows += [
        Landmark(dict(noise=0.0), "perfect_recovery", 0.375, 1e-12, MAILLARD, along="alpha"),
        Landmark(dict(kappa=0.25, noise=0.0), "perfect_recovery", 0.21875, 1e-12, MAILLARD, along="alpha"),
        Landmark(dict(kappa=2.0, noise=0.0), "perfect_recovery", 0.5, 1e-12, MAILLARD, along="alpha"),
    ]
    return tuple(rows)


class QuadraticNetwork(Law):
    r"""Learning a network of quadratic units, in proportion as many as its inputs, from as many samples as weights.

    The teacher has $m = \kappa d$ hidden units of weights $w_k \sim N(0, I_d)$ and $S = \frac1m \sum_k w_k w_k^T$, so
    that the label of $x \sim N(0, I_d)$ is, with the mean taken off,

    $$y = \sqrt d \left( \frac{x^T S x}{d} - \frac{\mathrm{tr} S}{d} \right) + N(0, \Delta)
      = \mathrm{tr}(S Z) + N(0, \Delta), \qquad Z = \frac{x x^T - 1}{\sqrt d},$$

    with $\Delta$ the `noise`. There are $n = \alpha d^2$ samples. (A network that averages $(w_k \cdot x)^2/d$ is this
    one times $1/\sqrt d$; noise of variance $s^2$ inside the squares is $\Delta = 2 s^2 (2 + s^2)/\kappa$.)

    Limit: d to infinity. The Bayes-optimal estimate of S is as good as one from $R = S + \sigma H$, with H symmetric of
    variance 1/d off the diagonal. With $\rho$ the density of the eigenvalues of R, Marchenko and Pastur's law freely
    convolved with a semicircle,

    $$2\,\mathrm{mse} = 4 \alpha \sigma^2 - \Delta, \qquad
      \mathrm{mse} = \sigma^2 - \frac{4 \pi^2}{3} \sigma^4 \int \rho^3 .$$

    `mse` is $\mathrm{tr} E(\hat S - S)^2/d$, `test_error` = 2 mse the squared error of the label without noise. Without
    noise S is found exactly above `perfect_recovery`, $\alpha = \kappa - \kappa^2/2$ if $\kappa \le 1$, else 1/2.

    The system is approximate message passing with a spectral denoiser, damped: undamped it diverges for inputs of rank
    one.
    """

    alpha: float = field(0.3, "samples per squared dimension, n / d^2", above=0)
    kappa: float = field(0.5, "hidden units per dimension", above=0)
    noise: float = field(0.5, "variance of the noise of a label", at_least=0)

    defaults = Defaults(size="dimension", sizes=(40, 80, 160), seeds=48, block=4)
    references = References(
        source=MAILLARD,
        status="heuristic (Gaussian equivalence of x x^T and state evolution; partly proved by Maillard et al.)",
        bibtex="""@inproceedings{MaillardTroianiMartinKrzakalaZdeborova2024,
  author = {Maillard, Antoine and Troiani, Emanuele and Martin, Simon and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title = {Bayes-optimal learning of an extensive-width neural network from quadratically many samples},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {37}, year = {2024}
}""",
    )
    observables = {
        "mse": Observable(r"\mathrm{mse}", "squared error of S, per dimension", resolution=0.1),
        "test_error": Observable(r"\varepsilon", "squared error of the label without noise", resolution=0.1),
    }
    exercises = (dict(alpha=0.4, kappa=1.5, noise=0.3),)
    landmarks = _landmarks()

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"hidden units": self.kappa}, sizes)

    def valid(self) -> str | None:
        if self.noise == 0 and self.alpha > 0.9 * self._perfect():
            return (
                f"without noise and close to perfect recovery at alpha = {self._perfect():.6g} or beyond, message "
                "passing of a hundred dimensions does not settle"
            )
        return None

    def _perfect(self) -> float:
        return self.kappa - self.kappa**2 / 2 if self.kappa <= 1 else 0.5

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`, without noise: `perfect_recovery`; {} with noise."""
        if along != "alpha":
            raise StatementError(
                f"QuadraticNetwork has no known transition along {along!r}; there is one along 'alpha'."
            )
        return {"perfect_recovery": self._perfect()} if self.noise == 0 else {}
