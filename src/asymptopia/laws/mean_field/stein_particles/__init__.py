"""Particles that sample a target without noise, by a kernel: Stein variational gradient descent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import Record, field
from ....numerics.arrays import ArrayLike
from ....parts.potential import Normal, Potential, Quadratic
from .landmarks import LANDMARKS

LU = "Lu, Lu and Nolen, SIAM J. Math. Anal. 51 (2019) 648"
GAUSSIAN = "Liu, Ghosal, Balasubramanian and Pillai, NeurIPS 36 (2023)"


class SteinKernel(Record):
    """What two particles at x and y know of each other: k(x, y), and its derivative in y, elementwise."""

    def __call__(self, x: ArrayLike, y: ArrayLike) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no `__call__(self, x, y)`.")

    def derivative(self, x: ArrayLike, y: ArrayLike) -> Any:
        """The derivative of k(x, y) in y."""
        raise NotImplementedError(f"{type(self).__name__} defines no `derivative(self, x, y)`.")


class Bilinear(SteinKernel):
    """The kernel 1 + x y, with which normal distributions stay normal."""

    def __call__(self, x: ArrayLike, y: ArrayLike) -> Any:
        return 1 + x * y

    def derivative(self, x: ArrayLike, y: ArrayLike) -> Any:
        return x + 0 * y


class Radial(SteinKernel):
    """The kernel exp(-(x - y)**2 / (2 width**2))."""

    width: float = field(1.0, "distance over which particles know of each other", above=0)

    def __call__(self, x: ArrayLike, y: ArrayLike) -> Any:
        return np.exp(-(((x - y) / self.width) ** 2) / 2)

    def derivative(self, x: ArrayLike, y: ArrayLike) -> Any:
        return (x - y) / self.width**2 * self(x, y)


class SteinParticles(Law):
    r"""Particles that descend a target together, held apart by a kernel: Stein variational gradient descent.

    n particles start independent from a normal distribution and obey, for the target $e^{-V}$ and a kernel k,

    $$\dot x_i = \frac1n \sum_j \big( \partial_y k(x_i, x_j) - k(x_i, x_j) V'(x_j) \big),$$

    the derivative being in the second argument.

    Limit: n to infinity at fixed times. The density obeys $\partial_t \rho = -\partial_x (\rho\, u)$ with $u(x) = \int
    (\partial_y k(x, y) - k(x, y) V'(y)) \rho(y)\,dy$, and its relative entropy to the target falls.

    With the kernel $1 + xy$ (`Bilinear`) it stays normal in any potential, with expectations under $N(m, v)$ in

    $$\dot m = m\,g - E V', \qquad \dot v = 2 v\,g, \qquad g = 1 - E\,x V' .$$

    In the potential $k x^2 / 2$ that is, with $r = m_0^2 / v_0$,

    $$\frac1v = k + \Big( \frac{1}{v_0} - k \Big) e^{-2t} + r k\, \frac{e^{-2kt} - e^{-2t}}{1 - k}, \qquad
    m^2 = r\, v\, e^{-2kt}$$

    (for k = 1 the last term is $2 r t e^{-2t}$). With the kernel $e^{-(x-y)^2/2w^2}$ (`Radial`) the map from the start
    to $\rho$ is followed on nodes of a quadrature; `<name>_error` is what more nodes change.

    The system is integrated to 1e-7. Corrections are of the order 1/n.
    """

    target: Potential = field(Quadratic(2.0), "potential V of the target exp(-V), or a function of x")
    kernel: SteinKernel = field(Bilinear(), "what two particles know of each other")
    start: Normal = field(Normal(mean=1.0, variance=0.25), "law of the particles at the start")
    times: tuple[float, ...] = field((0.25, 0.5, 1.0, 2.0), "times, increasing", at_least=0, axis="time")

    defaults = Defaults(size="particles", sizes=(16, 32, 64, 128), seeds=150, block=50)
    references = References(
        source=f"Liu and Wang, NIPS 29 (2016) 2378, algorithm 1; {LU}; {GAUSSIAN}",
        status="proved",
        bibtex="""@inproceedings{LiuWang2016,
  author = {Liu, Qiang and Wang, Dilin},
  title = {Stein variational gradient descent: A general purpose {Bayesian} inference algorithm},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {29}, pages = {2378--2386}, year = {2016}
}
@article{LuLuNolen2019,
  author = {Lu, Jianfeng and Lu, Yulong and Nolen, James},
  title = {Scaling limit of the {Stein} variational gradient descent: The mean field regime},
  journal = {SIAM Journal on Mathematical Analysis},
  volume = {51}, pages = {648--671}, year = {2019}
}
@inproceedings{LiuGhosalBalasubramanianPillai2023,
  author = {Liu, Tianle and Ghosal, Promit and Balasubramanian, Krishnakumar and Pillai, Natesh},
  title = {Towards understanding the dynamics of {Gaussian-Stein} variational gradient descent},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {36}, year = {2023}
}""",
    )
    observables = {
        "mean": Observable("m", "mean position", dims=("time",), scale=1.0),
        "variance": Observable("v", "variance of the position", dims=("time",)),
    }
    exercises = (dict(target=Quadratic(stiffness=1.5), start=Normal(mean=-0.5, variance=0.5)),)
    landmarks = LANDMARKS

    def check(self) -> None:
        if self.target.basin(1.0) is None:
            raise NoLimit(
                "`target` of SteinParticles must be confining, that is rise by 40 above its minimum on both sides "
                f"within |x| < 2048, but {self.target!r} does not."
            )

    def valid(self) -> str | None:
        """Where a kernel is so narrow that few particles know of each other."""
        if isinstance(self.kernel, Radial):
            spread = math.sqrt(self.start.variance) / self.kernel.width
            if spread > 10:
                return (
                    f"the start is {spread:.3g} times as wide as the kernel: particles that are alone descend without "
                    f"the others, and the limit is reached only for n much larger than {spread:.3g}"
                )
        return None
