"""Kernel ridge regression in high dimension, and on data sets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import StatementError, field
from ....numerics.harmonics import harmonics
from ....parts.data import Data
from ....parts.kernel import NTK, Kernel
from ....parts.network import NetworkKernel
from .landmarks import LANDMARKS

CANATAR = "Canatar, Bordelon and Pehlevan, Nature Communications 12 (2021) 2914, equations 4 and 5"
XIAO = "Xiao, Hu, Misiakiewicz, Lu and Pennington, NeurIPS 35 (2022) 4558, theorem 3"
_FEWEST_TESTS, _LARGEST, _DETERMINED = 20, 6000, 0.3


class _Sizes:
    """The sizes of a default experiment: of a law as stated, or of the class."""

    growing = {1: (50, 100, 200), 2: (16, 24, 32), 3: (8, 10, 12)}

    def __get__(self, law: KernelRegression | None, owner: type) -> tuple[int, ...]:
        if law is None:
            return self.growing[1]
        return self.growing[law.degree] if law.data is None else (law.data.samples().shape[1],)


class KernelRegression(Law):
    r"""Regression with a kernel and a ridge, on a sphere of growing dimension or on a data set.

    From samples $y_i = f(x_i) + $ noise the student minimises
    $\sum_{i=1}^n (y_i - g(x_i))^2 / 2 + \frac{\text{ridge}}{2} |g|_k^2$ over the functions of the kernel k.

    Inputs are uniform on the sphere $|x|^2 = d$, where the kernel is a series $k = \sum_j a_j (x \cdot y / d)^j$ in
    high dimension and f has the variance `target[j]` in harmonics of degree j. There are $N_j \sim d^j / j!$ harmonics,
    each with an eigenvalue near $a_j / N_j$, and $n = \alpha N_D$ samples, with D the `degree`. For d to infinity lower
    degrees are learned, higher ones act as a ridge and as noise, and

    $$\kappa = \text{ridge} + \sum_{j > D} a_j + \frac{\kappa a_D}{\kappa + \alpha a_D}, \quad
      \gamma = \frac{\alpha a_D^2}{(\kappa + \alpha a_D)^2},$$

    $$\varepsilon_{test} + \text{noise} = \frac{1}{1 - \gamma} \Big[ \text{target}_D
      \frac{\kappa^2}{(\kappa + \alpha a_D)^2} + \sum_{j > D} \text{target}_j + \text{noise} \Big], \quad
      \ell_{train} = \frac{\text{ridge}^2}{2 \kappa^2} (\varepsilon_{test} + \text{noise}).$$

    A degree $j < D$ with $a_j = 0$ is learned through $a_k$ with k = j + 2, j + 4, ... below 2 D - j, in part through
    $a_{2D-j}$ alone, where it adds $\text{target}_j (\kappa / (\kappa + s_j))^2$ to the bracket with
    $s_j = \alpha a_{2D-j} \frac{(2D-j)!}{D!\,2^{D-j} (D-j)!}$, and never ($s_j = 0$) without: a kernel of odd powers
    knows no offset.

    With a data set as `data` the dimension is that of the data, an experiment trains on n = alpha d rows drawn without
    replacement and tests on the rest. Theory takes eigenvalues $\lambda_i$ and the target's coefficients from the
    kernel's matrix of all rows, corrected for their number, and solves
    $n = \text{ridge} / \kappa + \sum_i \lambda_i / (\lambda_i + \kappa)$; it holds where the eigenfunctions are as good
    as independent Gaussian ones. The target of a regression has unit variance; classes are numbers -1 and 1, and errors
    squared, of the labels as they are. For a spectrum without a kernel see `GaussianCovariate`.
    """

    alpha: float = field(2.0, "samples per harmonic of `degree`, or per dimension of the data", above=0)
    kernel: Kernel | NetworkKernel = field(NTK(), "the kernel, or a network of your own, for its tangent kernel")
    ridge: float = field(0.5, "weight of half the squared norm", at_least=0)
    noise: float = field(0.1, "variance of what is added to the labels; 0 for data", at_least=0)
    target: tuple[float, ...] = field((0.0, 1.0, 0.2), "variance of the target in each degree, from 0")
    degree: int = field(1, "degree of the harmonics that are as many as samples", at_least=1, at_most=3)
    data: Data | None = field(None, "a data set; None for inputs on a sphere")

    sizes = _Sizes()
    defaults = Defaults(size="dimension", seeds=60)
    references = References(
        source=f"{CANATAR}; on spheres: {XIAO}",
        status="proved on spheres; heuristic for data, an assumption that the experiment tests",
        bibtex="""@article{CanatarBordelonPehlevan2021,
  author = {Canatar, Abdulkadir and Bordelon, Blake and Pehlevan, Cengiz},
  title = {Spectral bias and task-model alignment explain generalization in kernel regression and infinitely wide
           neural networks},
  journal = {Nature Communications}, volume = {12}, pages = {2914}, year = {2021}
}
@inproceedings{XiaoEtAl2022,
  author = {Xiao, Lechao and Hu, Hong and Misiakiewicz, Theodor and Lu, Yue and Pennington, Jeffrey},
  title = {Precise learning curves and higher-order scalings for dot-product kernel regression},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {35}, pages = {4558--4570}, year = {2022}
}""",
    )
    exercises = (dict(alpha=1.5, ridge=2.0, noise=1.5),)
    landmarks = LANDMARKS
    observables = {
        "test_error": Observable(r"\varepsilon_{test}", "mean squared error on new samples", resolution=0.08),
        "train_loss": Observable(
            r"\ell_{train}", "half the mean squared error on the training samples", scale=0.05, resolution=0.15
        ),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            given = tuple(map(float, self.target))
        except (TypeError, ValueError):
            given = ()
        if not given or not np.isfinite(given).all() or min(given) < 0:
            raise StatementError(f"`target` of KernelRegression must be numbers >= 0, but is {self.target!r}.")
        object.__setattr__(self, "target", given)
        if self.data is not None:
            object.__setattr__(self, "bias", math.inf)  # the theory is of these data, whose size is what it is

    def samples_drawn(self, d: int) -> int:
        """The number n of training samples in dimension d."""
        return max(round(self.alpha * (d if self.data is not None else harmonics(d, self.degree))), 1)

    def sizes_and_seeds(self, sizes: Any, seeds: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        chosen = super().sizes_and_seeds(sizes, seeds)
        if self.data is not None and chosen[0] != self.sizes:
            raise StatementError(f"`sizes` must be {self.sizes}, the dimension of the data, but is {chosen[0]}.")
        return chosen

    def check(self) -> None:
        """Raise `NoLimit` where the minimiser is not unique, or the data set does not suit."""
        from .theory import rest

        if self.data is not None:
            self._check_data(self.data)
        elif self.ridge == 0 and rest(self.kernel, self.kernel.powers(self.degree)) == 0:
            raise NoLimit(
                f"`ridge` of KernelRegression must be > 0, but is 0, and {self.kernel!r} has nothing beyond degree "
                f"{self.degree} to act as one."
            )

    def _check_data(self, data: Data) -> None:
        N, d = data.samples().shape
        if N > _LARGEST:
            raise NoLimit(f"The matrix of the kernel is for at most {_LARGEST} samples, but {data!r} has {N}.")
        n, least = self.samples_drawn(d), min(_FEWEST_TESTS, N // 5)
        if not 2 <= n <= N - least:
            raise NoLimit(
                f"`alpha` must be between {2 / d:.4g} and {(N - least) / d:.4g}, so that of the {N} samples at least "
                f"2 train and {least} test, but is {self.alpha:.4g} ({n} samples)."
            )
        if self.ridge == 0:
            raise NoLimit("`ridge` of KernelRegression must be > 0 for data, but is 0.")

    def valid(self) -> str | None:
        from .theory import resolved

        if self.data is None:
            return None
        n = self.samples_drawn(self.data.samples().shape[1])
        if resolved(self.data.pinned(), self.kernel, float(self.ridge), n) > _DETERMINED:
            return (
                "With so little ridge the student fits more directions than the rows of the data determine: what is "
                "predicted rests on corrections for Gaussian data, and real errors are often a tenth larger. Give more "
                "ridge, or fewer samples."
            )
        return None
