"""Optimisers on least squares, against gradients: how far each has come; and what is granted on deep networks."""

from __future__ import annotations

from ....contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ....contract.record import field
from ....parts.optimiser import HeavyBall, Optimiser

PEDREGOSA = "Pedregosa and Scieur, ICML 37 (2020) 7553, section 2 and theorem 2.1"
PAQUETTE = "Paquette, van Merrienboer, Paquette and Pedregosa, Found. Comput. Math. 23 (2023) 597, theorem 1.1"
MOMENTS = "moments of the Marchenko-Pastur distribution, by hand"
CHEBYSHEV = "sum of squares of Chebyshev polynomials of the second kind, by hand"


class TrainingRace(Law):
    r"""Optimisers race on least squares, each paying for its steps in gradients.

    m = `samples` n Gaussian inputs x in n dimensions have the labels $y = w^* \cdot x$ plus noise, $|w^*| = 1$, and
    $f(w) = \frac1{2m} \sum_i (y_i - w \cdot x_i)^2$ is trained from a random w of norm 1 that is
    orthogonal to $w^*$. A gradient of f is the unit
    of cost; a step of Gauss-Newton with k products costs $1 + (2 k + 1)/3$, one of K-FAC 3, all others 1
    (`asymptopia.algorithms.race`). As $n \to \infty$ every optimiser that turns with the space becomes a function
    $r_t(\lambda)$ of the curvature alone, what is left of the distance to the least-squares solution after cost t:
    $(1 - \eta\lambda)^t$ for gradient descent, and for those that adapt what moments over the spectrum of Marchenko
    and Pastur make of it. With $v(\lambda) = 2 + \sigma^2 n / m \lambda$ and $E$ over that spectrum

    $$f_t \to \tfrac12 \sigma^2 (1 - \tfrac nm) + \tfrac12 E\, \lambda\, v\, r_t^2, \qquad
      \text{accuracy} \to 1 - \tfrac1\pi \arccos \frac{E (1 - r_t)}{\sqrt{E [(1 - r_t)^2 (v - 1) + r_t^2]}} ,$$

    the share of new inputs on the same side for w as for $w^*$. No method that moves within the span of its gradients
    has after t of them a smaller loss than conjugate gradients, `best`.

    A ranking on networks that are not linear has no theory: there `asymptopia.algorithms.race` measures it, and the
    guide shows it. What is known there are guarantees: `shortfall` is the largest amount by which a step missed the
    descent that it grants (layer-wise and joint majorization, auxiliary coordinates), over 1 + f, on a tanh network
    that learns from another.
    """

    optimiser: Optimiser = field(HeavyBall(), "who runs")
    samples: float = field(2.0, "samples per dimension m/n", above=1)
    noise: float = field(0.1, "variance of the labels' noise", at_least=0)
    times: tuple[float, ...] = field(
        (0.0, 1.0, 3.0, 6.0, 12.0, 24.0), "costs in gradients, increasing", at_least=0, axis="time"
    )

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=120, block=60)
    references = References(
        source=PEDREGOSA + "; " + PAQUETTE,
        status=("proved on least squares; guarantees proved; the ranking on other networks is measured, not predicted"),
        bibtex=r"""@inproceedings{PedregosaScieur2020,
  author = {Pedregosa, Fabian and Scieur, Damien},
  title = {Acceleration through spectral density estimation},
  booktitle = {International Conference on Machine Learning}, volume = {37}, pages = {7553--7562}, year = {2020}
}
@article{PaquetteVanMerrienboerPaquettePedregosa2023,
  author = {Paquette, Courtney and van Merri{\"e}nboer, Bart and Paquette, Elliot and Pedregosa, Fabian},
  title = {Halting time is predictable for large models: a universality property and average-case analysis},
  journal = {Foundations of Computational Mathematics}, volume = {23}, pages = {597--673}, year = {2023}
}""",
    )
    observables = {
        "loss": Observable("f_t", "mean loss of the samples", dims=("time",)),
        "accuracy": Observable("a_t", "share of new inputs with the teacher's sign", dims=("time",)),
        "best": Observable("f_t^*", "least loss of any method of gradients", dims=("time",), limit_only=True),
        "shortfall": Observable(r"\Delta", "by how much a step of a network missed its granted descent", bound="every"),
    }
    landmarks = (
        Landmark(dict(noise=0.0, times=(0.0,)), "loss", 1.0, 1e-12, "half of |w - w*|^2 at the start", at=(0,)),
        Landmark(dict(noise=0.0, times=(0.0,)), "accuracy", 0.5, 1e-12, "a random start", at=(0,)),
        Landmark(dict(noise=0.0, times=(1.0,)), "loss", 0.36, 1e-12, MOMENTS, at=(0,)),
        Landmark(dict(times=(0.0,)), "loss", 1.05, 1e-12, "the same, and half the noise", at=(0,)),
        Landmark(dict(noise=0.0, times=(1.0,)), "best", 2 / 11, 1e-12, CHEBYSHEV, at=(0,)),
    )

    def check(self) -> None:
        from .theory import steps

        if steps.dispatch(type(self.optimiser)) is steps.dispatch(object):
            names = ", ".join(sorted(c.__name__ for c in steps.registry if c is not object))
            raise NoLimit(f"`optimiser` must be one that has a theory, but is {self.optimiser!r}. Those: {names}.")
