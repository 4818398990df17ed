"""Bayesian learning with a deep linear network."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ....contract.record import field
from ..common import few

LI = "Li and Sompolinsky, Phys. Rev. X 11 (2021) 031059, equation 13"
HANIN = "Hanin and Zlokapa, Proc. Natl. Acad. Sci. 120 (2023), exact evidence of deep linear networks"
NISHIMORI = "Nishimori's identity: the prior and the noise are those of the teacher"
INTEGRALS = "the same exponent, with integrals over Marchenko and Pastur's law by quadrature"


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for layers in (1, 2, 3, 4):
        rows.append(Landmark(dict(layers=layers), "scale", 1.0, 1e-12, NISHIMORI))
    for alpha, values in (
        (0.5, (-1.35080180527414, 0.574165738677394, 0.5741657386773941, 0.014833147735478816)),
        (2.0, (-0.9627615101232985, 0.08442887702247595, 0.08442887702247595, 0.0542214438511238)),
    ):
        for name, value in zip(("evidence", "test_error", "variance", "train_loss"), values, strict=True):
            rows.append(Landmark(dict(alpha=alpha), name, value, 1e-10, INTEGRALS))
    deep = dict(alpha=1.0, width=0.3, layers=3, weight_variance=1.5, temperature=0.05, noise=0.25)
    for name, value in (
        ("scale", 0.3686124698571498),
        ("evidence", -1.5150104170090026),
        ("test_error", 0.7278697516605289),
        ("variance", 0.28148006694167516),
        ("train_loss", 0.02224877916021812),
    ):
        rows.append(Landmark(deep, name, value, 1e-9, INTEGRALS))
    cold = dict(alpha=0.5, width=0.5, temperature=0.0, noise=0.5)
    # q = 1 - (alpha / width)(1 - r0 / q) with r0 = 1 + noise / (1 - alpha) = 2: q**2 = 2
    rows.append(Landmark(cold, "scale", 2**0.5, 1e-12, LI))
    rows.append(Landmark(cold, "test_error", 1.0, 1e-12, "least squares of least norm: 1 - a + noise a / (1 - a)"))
    return tuple(rows)


class BayesDeepLinear(Law):
    r"""The posterior of a deep linear network whose layers are as wide as its samples are many.

    The network $f(x) = a \cdot W_L \cdots W_1 x / \sqrt{N^L d}$ has L hidden layers of N = `width` d units, and a prior
    N(0, `weight_variance`) on every weight. It sees $\alpha d$ samples $x \sim N(0, I_d)$,
    $y = w^\star \cdot x / \sqrt d + N(0, \text{noise})$, $|w^\star|^2 = d$; the likelihood is
    $\exp(-\sum (y - f)^2 / 2T)$ with the `temperature` T.

    Given $Q$, a product of L independent $\chi^2_N / N$, the network is a linear function with prior
    $N(0, v^{L+1} Q\, I)$ on its coefficients, v the variance of a weight: its posterior is a mixture over Q of ridge
    regressions.

    Limit: d to infinity. Q concentrates at $q^L$ with the q that maximises evidence times prior per dimension. With
    $S = v^{L+1} q^L$, $\lambda = T/S$, c an eigenvalue of $X^T X / d$ (Marchenko and Pastur's law) and
    $p = E[\lambda/(c + \lambda)]$, $p' = dp/d\lambda = E[c/(c+\lambda)^2]$, it is a root of

    $$\text{width}\,(1 - q) = 1 - p - \frac{1 - p - \lambda p' + \text{noise}\, p'}{S} .$$

    For T to 0 and $\alpha < 1$ the right side is $\alpha (1 - r_0 / S)$ with $r_0 = 1 + \text{noise}/(1 - \alpha)$: Li
    and Sompolinsky's renormalisation of the kernel. `scale` is $q^L$;
    `test_error` $= E(\lambda/(c+\lambda))^2 + \text{noise}\, p'$ is that of the posterior mean, without noise;
    `variance` $= S p$ the posterior variance of f; `train_loss` the mean squared residual (without 1/2); `evidence` the
    logarithm of $p(y | X)$ per sample, with the constant of the Gaussian. Where prior and noise are the teacher's
    (weight_variance 1, temperature = noise) the scale is 1 for any depth.

    The system is the exact mixture, integrated over Q. Corrections are of order 1/d.
    """

    alpha: float = field(1.0, "samples per dimension, n / d", above=0)
    width: float = field(1.0, "units of a hidden layer per dimension, N / d", above=0)
    layers: int = field(1, "number of hidden layers L", at_least=1)
    weight_variance: float = field(1.0, "prior variance of a weight", above=0)
    temperature: float = field(0.1, "variance T of the likelihood; 0 if alpha < 1", at_least=0)
    noise: float = field(0.1, "variance of the noise of the labels", at_least=0)

    defaults = Defaults(size="dimension", sizes=(25, 50, 100), seeds=320, block=40)
    references = References(
        source=f"{LI}; {HANIN}",
        status="proved: a one-dimensional Laplace integral over exact ridge regressions",
        bibtex="""@article{LiSompolinsky2021,
  author = {Li, Qianyi and Sompolinsky, Haim},
  title = {Statistical mechanics of deep linear neural networks: the backpropagating kernel renormalization},
  journal = {Physical Review X},
  volume = {11}, pages = {031059}, year = {2021}
}
@article{HaninZlokapa2023,
  author = {Hanin, Boris and Zlokapa, Alexander},
  title = {{B}ayesian interpolation with deep linear networks},
  journal = {Proceedings of the National Academy of Sciences},
  volume = {120}, year = {2023}
}""",
    )
    observables = {
        "scale": Observable("Q", "posterior mean of the scale of the kernel", resolution=0.1),
        "evidence": Observable(r"\frac1n \log p(y|X)", "log-evidence per sample", scale=1.0),
        "test_error": Observable(r"\varepsilon", "squared error of the posterior mean", resolution=0.1),
        "variance": Observable("V", "posterior variance of the output", resolution=0.1),
        "train_loss": Observable(r"\varepsilon_t", "mean squared residual of the posterior mean", resolution=0.1),
    }
    exercises = (dict(alpha=0.8, width=0.3, weight_variance=2.0, temperature=0.2, noise=0.2),)
    landmarks = _landmarks()

    def check(self) -> None:
        if self.temperature == 0 and self.alpha >= 1:
            raise NoLimit(f"`alpha` must be < 1 at temperature 0, where labels are fitted, but is {self.alpha:g}.")

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return few("hidden units", self.width, sizes)

    def valid(self) -> str | None:
        if abs(self.alpha - 1) < 0.1 and self.temperature < 1e-3 * self.weight_variance ** (self.layers + 1):
            return "close to alpha = 1 and with little temperature the errors of finite systems are heavy-tailed"
        return None
