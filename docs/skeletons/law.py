"""The sample covariance: a skeleton to copy. Say here in one line what the file holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from asymptopia import Defaults, Landmark, Law, NoLimit, Observable, References, field, generator

QUADRATURE = "quadrature of log(x) and 1/x over the density of Marchenko and Pastur"


class SampleCovariance(Law):
    r"""Volume and mean inverse of the covariance of $\alpha n$ samples of n independent normal numbers.

    The system: $S = X^T X / m$ with the entries of X, of shape (m, n), normal and independent, and $m = \alpha n$.
    As $n \to \infty$ with $\alpha > 1$ fixed, the eigenvalues of S follow the distribution of Marchenko and Pastur, and

    $$\tfrac1n \log\det S \to (1 - \alpha) \log(1 - \tfrac1\alpha) - 1, \qquad
    \tfrac1n \mathrm{tr}\, S^{-1} \to \frac{\alpha}{\alpha - 1} .$$

    Corrections fall as 1/n.
    """

    alpha: float = field(3.0, "samples per dimension", above=0)

    defaults = Defaults(size="dimension", sizes=(20, 40, 80, 160), seeds=200)
    references = References(
        source="Marchenko and Pastur, Mathematics of the USSR-Sbornik 1 (1967) 457, eq. 1.14",
        status="proved",
        bibtex="""@article{MarchenkoPastur1967,
  author = {Marchenko, V. A. and Pastur, L. A.},
  title = {Distribution of eigenvalues for some sets of random matrices},
  journal = {Mathematics of the USSR-Sbornik},
  volume = {1}, pages = {457--483}, year = {1967}
}""",
    )
    observables = {
        "log_volume": Observable(r"\ell", "mean logarithm of an eigenvalue", scale=1.0),
        "mean_inverse": Observable(r"\tau", "mean inverse of an eigenvalue", scale=1.0),
    }
    landmarks = (
        Landmark(dict(alpha=2.0), "log_volume", -0.306852819440, 1e-11, QUADRATURE),
        Landmark(dict(alpha=2.0), "mean_inverse", 2.0, 1e-11, QUADRATURE),
    )

    def check(self) -> None:
        if self.alpha <= 1:
            raise NoLimit(f"`alpha` must be > 1, else S has no inverse, but is {self.alpha:g}.")

    def predict(self) -> dict[str, Any]:
        a = self.alpha
        return {"log_volume": (1 - a) * np.log1p(-1 / a) - 1, "mean_inverse": a / (a - 1)}

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        m = round(self.alpha * n)
        values = np.linalg.svd(generator(key).standard_normal((m, n)), compute_uv=False) ** 2 / m
        return {"log_volume": np.log(values).mean(), "mean_inverse": (1 / values).mean()}

    def valid(self) -> str | None:
        return "near alpha = 1 the smallest eigenvalue dominates the inverse" if self.alpha < 1.05 else None
