"""The most likely evolution of a cloud of Brownian particles between two given laws."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key
from ...parts.potential import Normal

MALLASTO = "Mallasto, Gerolin and Minh, Information Geometry 5 (2022) 289, theorem 1"
BUNNE = "Bunne, Hsieh, Cuturi and Krause, AISTATS 206 (2023) 5802, theorem 3"


class SchroedingerBridge(Law):
    r"""Brownian particles with given distributions at time 0 and at time 1.

    Among all processes on [0, 1] with the distributions `start` $N(m_0, v_0)$ and `end` $N(m_1, v_1)$ at the ends it is
    the one of smallest entropy relative to $dX = \sigma\,dW$. Its ends minimise

    $$E\,\tfrac12 (X_0 - X_1)^2 + \sigma^2\,\mathrm{KL}(\pi \,|\, \mathrm{start} \otimes \mathrm{end}),$$

    are jointly normal with `covariance` $C = \frac12 (\sqrt{4 v_0 v_1 + \sigma^4} - \sigma^2)$, and between them the
    process is a Brownian bridge: its variance is

    $$v_t = (1-t)^2 v_0 + t^2 v_1 + 2 t (1-t)\,C + \sigma^2 t (1-t) .$$

    `cost` is $E (X_0 - X_1)^2$ and `relative_entropy` $\mathrm{KL} = -\frac12 \log(1 - C^2 / v_0 v_1)$.

    The system is n random points of each end, whose optimal coupling Sinkhorn's iterations find to rounding.
    Its deviations are of order 1/n.
    """

    start: Normal = field(Normal(mean=0.0, variance=1.0), "distribution at time 0")
    end: Normal = field(Normal(mean=1.0, variance=0.25), "distribution at time 1")
    diffusion: float = field(1.0, "standard deviation sigma of the Brownian motion at time 1", above=0)
    times: tuple[float, ...] = field(
        (0.25, 0.5, 0.75), "times between 0 and 1, increasing", at_least=0, at_most=1, axis="time"
    )

    defaults = Defaults(size="particles", sizes=(32, 64, 128), seeds=400, block=100)
    references = References(
        source=MALLASTO + "; " + BUNNE,
        status="proved",
        bibtex="""@article{MallastoGerolinMinh2022,
  author = {Mallasto, Anton and Gerolin, Augusto and Minh, H{\\`a} Quang},
  title = {Entropy-regularized 2-{Wasserstein} distance between {Gaussian} measures},
  journal = {Information Geometry},
  volume = {5}, pages = {289--323}, year = {2022}
}
@inproceedings{BunneHsiehCuturiKrause2023,
  author = {Bunne, Charlotte and Hsieh, Ya-Ping and Cuturi, Marco and Krause, Andreas},
  title = {The {Schr{\\"o}dinger} bridge between {Gaussian} measures has a closed form},
  booktitle = {Proceedings of the 26th International Conference on Artificial Intelligence and Statistics},
  series = {Proceedings of Machine Learning Research}, volume = {206}, pages = {5802--5833}, year = {2023}
}""",
    )
    observables = {
        "mean": Observable("m", "mean position", dims=("time",), scale=1.0),
        "variance": Observable("v", "variance of the position", dims=("time",)),
        "covariance": Observable("C", "covariance of the ends", scale=1.0),
        "cost": Observable("K", "mean squared distance of the ends"),
        "relative_entropy": Observable(r"\mathrm{KL}", "of the ends, relative to independent ones"),
    }
    landmarks = (
        Landmark(
            dict(end=Normal(mean=0.0, variance=0.25), diffusion=0.5),
            "variance",
            0.5701941016011038,
            1e-12,
            BUNNE,
            at=(1,),
        ),
        Landmark(dict(end=Normal(mean=1.0, variance=2.25)), "covariance", 1.0811388300841898, 1e-12, MALLASTO),
        Landmark(
            dict(end=Normal(mean=1.0, variance=2.25), diffusion=0.5**0.5),
            "covariance",
            1.2706906,
            1e-7,
            "closed form of entropic transport at regularisation 1 of the squared distance",
        ),
        Landmark(
            dict(end=Normal(mean=1.0, variance=2.25), diffusion=0.5**0.5),
            "cost",
            1.7086187,
            1e-7,
            "closed form of entropic transport at regularisation 1 of the squared distance",
        ),
    )

    def predict(self) -> dict[str, Any]:
        t, noise = np.array(self.times), self.diffusion**2
        v0, v1 = self.start.variance, self.end.variance
        covariance = 2 * v0 * v1 / (np.sqrt(4 * v0 * v1 + noise**2) + noise)
        apart = (self.start.mean - self.end.mean) ** 2 + v0 + v1 - 2 * covariance
        return {
            "mean": (1 - t) * self.start.mean + t * self.end.mean,
            "variance": (1 - t) ** 2 * v0 + t**2 * v1 + t * (1 - t) * (2 * covariance + noise),
            "covariance": np.array(covariance),
            "cost": np.array(apart),
            # C**2 = v0 v1 - noise C, so that 1 - C**2 / (v0 v1) = noise / (noise + C)
            "relative_entropy": np.array(np.log1p(covariance / noise) / 2),
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.transport.entropic import sinkhorn

        rng = generator(key)
        x, y = (law.mean + np.sqrt(law.variance) * rng.standard_normal(n) for law in (self.start, self.end))
        noise = self.diffusion**2
        squares = (x[:, None] - y) ** 2 / 2
        coupling = sinkhorn(squares, noise)
        t = np.array(self.times)[:, None, None]
        between = (1 - t) * x[:, None] + t * y
        mean = (coupling * between).sum(axis=(1, 2))
        spread = (coupling * between**2).sum(axis=(1, 2)) - mean**2
        return {
            "mean": mean,
            "variance": spread + noise * (t * (1 - t)).ravel(),
            "covariance": x @ coupling @ y - x.mean() * y.mean(),
            "cost": 2 * (coupling * squares).sum(),
            "relative_entropy": (coupling * np.log(np.maximum(coupling * n**2, 1e-300))).sum(),
        }
