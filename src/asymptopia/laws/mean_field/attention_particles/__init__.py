"""Tokens of attention as noisy particles on a sphere: they cluster, or noise keeps them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator
from ....contract.law import Defaults, Landmark, Law, Observable, References
from ....contract.record import field

if TYPE_CHECKING:
    import jax

GESHKOVSKI = "Geshkovski, Letrouit, Polyanskiy and Rigollet, Bull. Amer. Math. Soc. 62 (2025) 427"
MUN = "Mun and Rosenzweig, arXiv:2606.05140 (2026), K_# = 1 / (2 T) and the tricritical beta"
STABILITY = "linear stability of the uniform distribution of softmax attention: I_{d/2} / (beta I_{d/2-1})"
BRANCH = "the zonal self-consistent equation by another discretisation"
FLOW = "the mean-field flow with another number of modes"


def _landmarks() -> tuple[Landmark, ...]:
    usa = dict(attention="unnormalised")
    rows = [
        Landmark(dict(beta=0.5) | usa, "linear", 0.5157886107817926, 1e-10, MUN, along="temperature"),
        Landmark(dict(beta=6.0, dimension=8) | usa, "linear", 0.6161686821407667, 1e-10, MUN, along="temperature"),
        Landmark(dict(beta=2.0), "linear", 0.348887328982004, 1e-10, STABILITY, along="temperature"),
        Landmark(dict(beta=2.0, dimension=3), "linear", 0.268657360363774, 1e-10, STABILITY, along="temperature"),
        Landmark(dict(beta=1e-4), "linear", 0.5, 1e-6, "Kuramoto's model: 1/d", along="temperature"),
    ]
    for d, value in ((2, 2.4469183112890462), (3, 1.816154525435884), (8, 1.2665530245209171)):
        rows.append(Landmark(dict(dimension=d) | usa, "tricritical", value, 1e-9, MUN, along="beta"))
    for beta, d, spinodal, transition in (
        (5.0, 2, 5.425915867284077, 5.319832971028389),
        (2.4, 3, 0.5884284900167506, 0.5841188807261035),
    ):
        fields = dict(beta=beta, dimension=d) | usa
        rows.append(Landmark(fields, "spinodal", spinodal, 1e-6, BRANCH, along="temperature"))
        rows.append(Landmark(fields, "transition", transition, 1e-6, BRANCH, along="temperature"))
    for beta, attention, temperature, d, value in (
        (1.0, "softmax", 0.2, 2, 0.8530084368752996),
        (1.0, "softmax", 0.4, 2, 0.4434483177484596),
        (4.0, "softmax", 0.2, 2, 0.5351154),
        (3.0, "unnormalised", 1.2, 2, 0.7922685409992564),
        (2.0, "unnormalised", 0.4, 3, 0.8428102259600552),
    ):
        fields = dict(beta=beta, attention=attention, temperature=temperature, dimension=d)
        rows.append(Landmark(fields, "stationary_order", value, 1e-7, BRANCH))
    for beta, temperature, concentration, values in (
        (2.0, 0.1, 0.5, (0.30730582728495515, 0.4788433310426239, 0.9263057459125876)),
        (1.0, 0.6, 2.0, (0.5424774746326021, 0.3657308814818037, 0.11619003948187936)),
    ):
        fields = dict(beta=beta, temperature=temperature, concentration=concentration)
        rows += [Landmark(fields, "order", x, 1e-7, FLOW, at=(i,)) for i, x in enumerate(values)]
    return tuple(rows)


class AttentionParticles(Law):
    r"""Many tokens on a sphere attend to each other, and noise works against their clustering.

    n tokens on the unit sphere of $R^d$ start independent with a density proportional to $e^{\kappa x_1}$ and obey

    $$dx_i = P_{x_i} \frac{1}{Z_i} \sum_j e^{\beta x_i \cdot x_j} x_j\, dt + \sqrt{2T}\, dB_i, \qquad P_x = 1 - x x^T,$$

    with Brownian motion on the sphere and $Z_i = \sum_j e^{\beta x_i \cdot x_j}$ (`softmax`) or $Z_i = n$
    (`unnormalised`).

    Limit: n to infinity at fixed times. The density $\rho$ with respect to the uniform distribution obeys, with
    $(K\rho)(x) = \int e^{\beta x \cdot y} \rho(y)$,

    $$\partial_t \rho = T \Delta \rho - \nabla \cdot (\rho\, \nabla \psi), \qquad \psi = \frac1\beta \log K\rho
      \quad \text{or} \quad \frac1\beta K\rho,$$

    for softmax or not. `order` is $R = |\int x \rho|$. Stationary densities are $\propto e^{\psi/T}$;
    `stationary_order` is that of the branch of largest order, on which a concentrated start ends; 0 where it is gone.
    Below the temperature `linear` the uniform distribution is unstable,

    $$T = \frac{I_{d/2}(\beta)}{\beta I_{d/2-1}(\beta)} \quad \text{or} \quad
      \Gamma(d/2) \Big(\frac2\beta\Big)^{d/2-1} \frac{I_{d/2}(\beta)}{\beta} .$$

    For softmax the transition there is continuous. Unnormalised it is so up to the $\beta$ `tricritical`,
    $I_{d/2+1}/I_{d/2} = 1/d$; beyond, the clustered branch ends at a higher temperature, `spinodal`, and has the free
    energy $T \int \rho \log \rho - \frac{1}{2\beta} \int\int e^{\beta x \cdot y} \rho\rho$ of the uniform law at
    `transition`. Softmax attention is no gradient flow of such an energy.

    The flow is solved in zonal harmonics, without noise along characteristics. The system is integrated by Heun's
    method with steps that shrink as 1/n; R of few tokens is biased upward by 1/n.
    """

    beta: float = field(1.0, "inverse temperature of attention", above=0, at_most=50)
    attention: str = field("softmax", "how weights are normalised", one_of=("softmax", "unnormalised"))
    dimension: int = field(2, "dimension d of the space; 2 for the circle", at_least=2, at_most=64)
    temperature: float = field(0.1, "temperature T of the noise", at_least=0)
    concentration: float = field(0.5, "of the start around one point", above=0, at_most=50)
    times: tuple[float, ...] = field((1.0, 3.0, 10.0), "times, increasing", at_least=0, axis="time")

    defaults = Defaults(size="tokens", sizes=(25, 50, 100), seeds=160, block=40)
    references = References(
        source=f"{GESHKOVSKI}; {MUN}",
        status="proved (propagation of chaos at fixed times); thresholds of softmax derived by linear stability",
        bibtex="""@article{GeshkovskiLetrouitPolyanskiyRigollet2025,
  author = {Geshkovski, Borjan and Letrouit, Cyril and Polyanskiy, Yury and Rigollet, Philippe},
  title = {A mathematical perspective on transformers},
  journal = {Bulletin of the American Mathematical Society},
  volume = {62}, pages = {427--479}, year = {2025}
}
@article{MunRosenzweig2026,
  author = {Mun, Kyunghoo and Rosenzweig, Matthew},
  title = {Phase transitions for the noisy transformer model in arbitrary dimension},
  journal = {arXiv:2606.05140}, year = {2026}
}""",
    )
    observables = {
        "order": Observable("R", "length of the mean token", dims=("time",), scale=1.0, resolution=0.1),
        "stationary_order": Observable(r"R_\infty", "the same on the clustered branch", limit_only=True),
    }
    exercises = (dict(beta=3.0, temperature=0.3, concentration=1.3),)
    landmarks = _landmarks()

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        from ....algorithms.particles.attention import around_pole, noisy_attend

        rng = generator(key)
        x = around_pole(n, self.dimension, self.concentration, rng)
        path = noisy_attend(x, self.beta, self.temperature, self.times, self.attention, 1.5 / n, rng)
        return {"order": np.linalg.norm(path.mean(axis=1), axis=1)}

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `temperature`: `linear`, and where the transition is of first order `transition` and `spinodal`.

        Along `beta`, unnormalised: `tricritical`, above which it is of first order.
        """
        from .theory import thresholds

        return thresholds(self, along)

    def valid(self) -> str | None:
        from .theory import linear

        edge = linear(self.beta, self.dimension, self.attention)
        if abs(self.temperature / edge - 1) < 0.05:
            return (
                f"close to the temperature {edge:.6g} where the uniform density is marginal, fluctuations grow for "
                "a long time and finite systems are smeared"
            )
        return None
