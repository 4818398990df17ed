"""Alternating proximal gradient steps on a regularised matrix factorisation: descent, limit and linear rate."""

from __future__ import annotations

from ....contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ....contract.record import field

BOLTE = "Bolte, Sabach and Teboulle, Math. Program. 146 (2014) 459, theorem 1"
POCK = "Pock and Sabach, SIAM J. Imaging Sci. 9 (2016) 1756, theorem 4.1"


class PALM(Law):
    r"""A matrix is factorised in two under square penalties, by proximal gradient steps in one factor after the other.

    X, d x d with singular values $\sigma_i = q^{i-1}$ and random singular vectors, is approximated by W H of rank r
    that minimise $\frac12 \|W H - X\|^2 + \frac\lambda2 (\|W\|^2 + \|H\|^2)$. A step is
    $W^+ = \frac{\tau Y - \nabla}{\tau + \lambda}$ with $Y = W + \alpha (W - W_{before})$, the gradient there, and
    $\tau$ the `factor` times the largest eigenvalue of $H H^T$ (more with inertia $\alpha$); then the same for H.

    At every step the objective falls by at least what the theory of PALM grants: `decrease` is the largest shortfall
    relative to the first value, $\leq 0$. As the number n of steps grows the objective tends to the `value`

    $$\sum_{i \leq r} (\lambda \sigma_i - \lambda^2 / 2) + \frac12 \sum_{i > r} \sigma_i^2$$

    and, its Kurdyka-Lojasiewicz exponent being 1/2, the `distance` to a critical point shrinks in a step by a factor:
    the spectral radius of the derivative of the step at the minimum, less its eigenvalues 1 along the rotations
    $W Q, Q^T H$. The slowest direction is often $u_j e_i^T$ with $j = r + 1$, $i = r$: on the pair of its entry a in W
    and b in H, without inertia,

    $$a^+ = \frac{(\tau - \sigma_i + \lambda) a + \sigma_j b}{\tau + \lambda}, \qquad
      b^+ = \frac{(\tau - \sigma_i + \lambda) b + \sigma_j a^+}{\tau + \lambda} .$$

    The experiment starts at random factors and compares the lengths of the last step and of that at 3n/4.
    """

    rank: int = field(2, "columns of W", at_least=1)
    decay: float = field(0.6, "ratio q of neighbouring singular values", above=0, below=1)
    ridge: float = field(0.2, "strength of the penalties", above=0)
    inertia: float = field(0.0, "weight of the last move", at_least=0, below=1)
    factor: float = field(1.1, "curvature of a step over the modulus of the gradient", at_least=1)
    dimension: int = field(8, "side of X", at_least=2)

    defaults = Defaults(size="steps", sizes=(70, 90), seeds=80)
    references = References(
        source=f"{BOLTE}; {POCK}",
        status="proved (descent, convergence; the minimum); the rate is that of the linearised step",
        bibtex=r"""@article{BolteSabachTeboulle2014,
  author = {Bolte, J{\'e}r{\^o}me and Sabach, Shoham and Teboulle, Marc},
  title = {Proximal alternating linearized minimization for nonconvex and nonsmooth problems},
  journal = {Mathematical Programming}, volume = {146}, pages = {459--494}, year = {2014}
}
@article{PockSabach2016,
  author = {Pock, Thomas and Sabach, Shoham},
  title = {Inertial proximal alternating linearized minimization ({iPALM}) for nonconvex and nonsmooth problems},
  journal = {SIAM Journal on Imaging Sciences}, volume = {9}, pages = {1756--1787}, year = {2016}
}""",
    )
    observables = {
        "decrease": Observable(
            r"\Delta", "by how much a step fell short of its granted descent, over the first value", bound="every"
        ),
        "value": Observable("f", "objective", resolution=1e-3),
        "distance": Observable(
            r"\rho", "by what the distance to the critical point shrinks in a step", resolution=1e-3, scale=1.0
        ),
    }
    landmarks = (
        Landmark(dict(rank=1, ridge=0.2, decay=0.5), "value", 0.2 - 0.02 + (1 - 4.0**-7) / 6, 1e-12, "geometric sum"),
        Landmark(
            dict(rank=1, ridge=0.5, decay=1e-12, factor=2.0),
            "distance",
            1 / 3,
            1e-9,
            "one number: a+ = a / 3 and b+ = b / 3 around w = h, w h = 1/2, by hand",
        ),
    )

    def check(self) -> None:
        if self.rank >= self.dimension:
            raise NoLimit(f"`rank` of PALM must be below `dimension` = {self.dimension}, but is {self.rank}.")
        if self.ridge >= self.decay ** (self.rank - 1):
            raise NoLimit(
                f"`ridge` of PALM must be below the singular value {self.decay ** (self.rank - 1):.3g} of number "
                f"`rank`, as the component vanishes otherwise, but is {self.ridge:g}."
            )

    def valid(self) -> str | None:
        rate = self.predict()["distance"]
        if rate > 0.9:
            return f"steps shrink by {rate:.4g} only: many more steps are needed"
        if rate < 0.6:
            return f"steps shrink by {rate:.4g}: they reach round-off before the last one"
        return None
