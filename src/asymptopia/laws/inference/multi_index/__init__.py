"""Labels that depend on a few directions of the input: when are they learnable from a multiple of d samples?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ....contract.law import Defaults, Landmark, Law, Observable, References
from ....contract.record import Record, StatementError, field
from ....parts.own_function import OwnFunction
from ..common import none_drawn

TROIANI = "Troiani, Dandi, Defilippis, Zdeborova, Loureiro and Krzakala, AISTATS 2025, equation for alpha_c"
DAMIAN = "Damian, Pillaud-Vivien, Lee and Bruna, COLT 2024, the generative exponent"
CLOSED = "in closed form"
LOGS = "the density of log|z|, convolved"


class Link(Record):
    """A label as a function of the fields of `size` directions.

    A link of your own defines `size` and `__call__(self, z)`, elementwise over the leading axes of z (..., size).
    """

    @property
    def size(self) -> int:
        return 1

    def __call__(self, z: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} defines no `__call__(self, z)`.")

    @property
    def binary(self) -> bool:
        """Whether labels are +-1."""
        return False

    @classmethod
    def from_callable(cls, function: Callable[[np.ndarray], np.ndarray]) -> Link:
        """A link that is a plain function of the fields (..., size), with an attribute `size` (1 if it has none)."""
        return _Own(function)


class Square(Link):
    """z**2: phase retrieval."""

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return z[..., 0] ** 2


class Abs(Link):
    """|z|."""

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return np.abs(z[..., 0])


class Door(Link):
    """1 where |z| exceeds the width, else -1."""

    width: float = field(0.67449, "half the width of the interval of label -1", above=0)

    @property
    def binary(self) -> bool:
        return True

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return np.where(np.abs(z[..., 0]) > self.width, 1.0, -1.0)


class Bump(Link):
    """z**2 exp(-z**2)."""

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return z[..., 0] ** 2 * np.exp(-(z[..., 0] ** 2))


class Hermite(Link):
    """The Hermite polynomial He_order(z), of the probabilists."""

    order: int = field(3, "order", at_least=1, at_most=12)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return np.polynomial.hermite_e.hermeval(z[..., 0], [0.0] * self.order + [1.0])


class Norm(Link):
    """The sum of the squares."""

    size: int = field(2, "number of directions", at_least=1, at_most=20)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return np.sum(z**2, axis=-1)


class Product(Link):
    """The product of the fields."""

    size: int = field(2, "number of directions", at_least=1, at_most=8)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return np.prod(z, axis=-1)


class SignProduct(Link):
    """The sign of the product of the fields: a parity."""

    size: int = field(2, "number of directions", at_least=1, at_most=8)

    @property
    def binary(self) -> bool:
        return True

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return np.sign(np.prod(z, axis=-1))


class Monomial(Link):
    """A product of powers of the fields."""

    powers: tuple[int, ...] = field((2, 1), "whole powers >= 1, one for each direction")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.powers or any(int(p) != p or p < 1 for p in self.powers) or len(self.powers) > 4:
            raise StatementError(f"`powers` of Monomial must be 1 to 4 whole numbers >= 1, but is {self.powers}.")

    @property
    def size(self) -> int:
        return len(self.powers)

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return np.prod(z ** np.array(self.powers), axis=-1)


class _Own(OwnFunction, Link):
    """A plain function of the fields."""

    function: Callable[[np.ndarray], np.ndarray] = np.square

    @property
    def size(self) -> int:
        return int(getattr(self.function, "size", 1))

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return self.function(z)


def _landmarks() -> tuple[Landmark, ...]:
    recovery: tuple[tuple[Link, dict[str, float], float, float, str], ...] = (
        (Square(), {}, 0.5, 1e-9, CLOSED + ": 1/2 for links one-to-one in |z|"),
        (Norm(2), {}, 1.0, 1e-9, CLOSED + ": p / 2"),
        (Norm(3), {}, 1.5, 1e-9, CLOSED + ": p / 2"),
        (SignProduct(2), {}, math.pi**2 / 4, 1e-9, TROIANI),
        (SignProduct(2), dict(flip=0.1), math.pi**2 / 4 / 0.64, 1e-9, TROIANI),
        (Product(2), {}, 0.5937510982, 1e-8, TROIANI),
        (Product(2), dict(noise=1.0), 1.1863871079795356, 1e-7, "one smooth integral"),
        (Product(3), {}, 2.5651804019, 1e-7, LOGS),
        (Product(4), {}, 3.7250774241, 1e-7, LOGS),
        (Monomial((2, 2)), {}, 1.4615451158740156, 1e-8, LOGS),
        (Monomial((2, 1)), {}, 0.0, 1e-12, "E[z_2 | y] differs from 0"),
        (Hermite(3), {}, 0.0, 1e-12, DAMIAN),
        (Hermite(4), {}, 0.6448504699, 1e-6, "sums over the branches of He_4"),
    )
    rows = [
        Landmark(dict(link=link, **more), "weak_recovery", value, close, source, along="alpha")
        for link, more, value, close, source in recovery
    ]
    exponents: tuple[tuple[Link, int, int], ...] = (
        (Product(3), 3, 2),
        (SignProduct(2), 2, 2),
        (SignProduct(3), 3, 3),
        (Hermite(3), 3, 1),
        (Hermite(4), 4, 2),
        (Bump(), 4, 4),
    )
    for link, information, generative in exponents:
        rows.append(Landmark(dict(link=link), "information_exponent", information, 1e-12, DAMIAN))
        rows.append(Landmark(dict(link=link), "generative_exponent", generative, 1e-12, DAMIAN))
    overlaps: tuple[tuple[Link, float, float], ...] = (
        (Norm(2), 1.5, 0.27014191329843634),
        (Norm(3), 2.6, 0.5675633999626643),
        (SignProduct(2), 4.0, 0.6438410868163353),
        (SignProduct(2), 6.0, 0.8969249698350583),
    )
    for link, alpha, overlap in overlaps:
        rows.append(Landmark(dict(link=link, alpha=alpha), "overlap", overlap, 1e-8, "state evolution", at=(0, 0)))
    rows.append(Landmark(dict(link=Norm(2)), "algorithmic", 2.0267052970, 1e-7, "the curve alpha(m)", along="alpha"))
    return tuple(rows)


class MultiIndex(Law):
    r"""Learning labels that depend on a few unknown directions of the input.

    p vectors $w_k^\star$ of d independent standard normal weights, orthogonal and of norm $\sqrt d$ in the system, see
    inputs $x \sim N(0, I_d)$ through $z_k = w_k^\star \cdot x / \sqrt d$; the label is the `link` of z, plus
    $N(0, \text{noise})$, or with its sign flipped with the probability `flip`. There are $n = \alpha d$ samples.

    Limit: d to infinity, message passing with p x p overlaps. With $G(y) = E[z z^T - 1 | y]$ directions are found from
    nothing, if $E[z|y] = 0$, above `weak_recovery`,

    $$\alpha_c^{-1} = \sup_{M \ge 0, |M| = 1} \left| E_y\, G(y) M G(y) \right|,$$

    which is 0 if $E[z|y] \ne 0$ with positive probability, and infinite if $G = 0$ almost surely. `generative_exponent`
    is the least order k at which a Hermite tensor has $E[He_k(z)|y] \ne 0$, `information_exponent` that at which
    $E[y\,He_k(z)] \ne 0$; weak recovery is at 0, finite or infinite for a generative exponent 1, 2 or more.

    `overlap` is $\langle W \rangle^T W^\star / d$, after the best element of the link's symmetry group, for the links
    Norm, Square and SignProduct(2): a multiple m of the identity. For Norm

    $$\alpha(m) = \frac{m (1-m)}{E[y A^2]/p - m}, \qquad A = \frac{I_{p/2}}{I_{p/2-1}}
      \Big( \frac{\sqrt y\, |\omega|}{1-m} \Big), \quad \omega \sim N(0, m I_p),$$

    `algorithmic` its largest value, above which recovery is perfect, and `information_theoretic` p. `test_error` is the
    squared error of $|z|^2$'s best rotation-invariant guess, $2p(1-m^2)$, for Norm, and the share of wrong signs
    $2e(1-e)$, $e = \arccos(\sqrt m)/\pi$, for SignProduct(2). For other links, or with `noise`,
    `overlap` and `test_error` are not computed: nan, and `valid` says so. The thresholds are those of first-order
    methods. With noise they are known for products, monomials and norms, and for other links of at most two directions.
    """

    alpha: float = field(8.0, "samples per dimension, n / d", above=0)
    link: Link = field(
        SignProduct(2), "label as a function of the fields; any function of (..., p) with an attribute `size`"
    )
    flip: float = field(0.0, "probability that a sign label is flipped", at_least=0, below=0.5)
    noise: float = field(0.0, "variance added to real labels", at_least=0)
    start: str = field("uninformative", "where message passing starts", one_of=("uninformative",))

    defaults = Defaults(size="dimension", sizes=(100, 200, 400), seeds=80, block=10)
    references = References(
        source=f"{TROIANI}; {DAMIAN}",
        status="proved (state evolution of message passing); optimal among first-order methods",
        bibtex="""@inproceedings{TroianiDandiDefilippisZdeborovaLoureiroKrzakala2025,
  author = {Troiani, Emanuele and Dandi, Yatin and Defilippis, Leonardo and Zdeborov{\\'a}, Lenka and Loureiro, Bruno
            and Krzakala, Florent},
  title = {Fundamental computational limits of weak learnability in high-dimensional multi-index models},
  booktitle = {International Conference on Artificial Intelligence and Statistics}, year = {2025}
}
@inproceedings{DamianPillaudVivienLeeBruna2024,
  author = {Damian, Alex and Pillaud-Vivien, Loucas and Lee, Jason and Bruna, Joan},
  title = {Computational-statistical gaps in {G}aussian single-index models},
  booktitle = {Conference on Learning Theory}, year = {2024}
}""",
    )
    observables = {
        "overlap": Observable("M", "overlap of the estimate with the directions", dims=("unit", "unit2"), scale=1.0),
        "test_error": Observable(r"\varepsilon", "error on new labels without noise", resolution=0.1),
        "information_exponent": Observable("k_I", "least order of y's own Hermite tensors", limit_only=True),
        "generative_exponent": Observable("k_G", "least order of the Hermite tensors given y", limit_only=True),
    }
    exercises = (dict(alpha=6.0, flip=0.1),)
    landmarks = _landmarks()

    def coords(self) -> dict[str, Any]:
        units = np.arange(self.link.size)
        return {"unit": units, "unit2": units}

    def check(self) -> None:
        if self.noise > 0 and self.link.binary:
            raise StatementError("`noise` is added to real labels; labels +-1 of this link have a `flip`.")
        if self.flip > 0 and not self.link.binary:
            raise StatementError("`flip` is for labels +-1; real labels of this link have a `noise`.")

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha}, sizes)

    def valid(self) -> str | None:
        theory: Any = self.in_folder("theory")
        if not theory.curve_known(self):
            return "overlap and test_error are not computed for this link and noise; thresholds and exponents are"
        if isinstance(self.link, Norm):
            return (
                "message passing with one variance for each direction, as in the experiment, may not converge for Norm"
            )
        edge = theory.weak_recovery(self)
        if abs(self.alpha / edge - 1) < 0.25:
            return (
                f"close to weak recovery at alpha = {edge:.6g} message passing is slow and finite systems are smeared"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`: `weak_recovery` (inf: never); for Norm `algorithmic` and `information_theoretic` too."""
        if along != "alpha":
            raise StatementError(f"MultiIndex has no known transition along {along!r}; there are some along 'alpha'.")
        self.check()
        theory: Any = self.in_folder("theory")
        thresholds = {"weak_recovery": theory.weak_recovery(self)}
        if isinstance(self.link, Norm) and self.noise == 0 and self.link.size > 1:
            thresholds |= {
                "algorithmic": theory.algorithmic(self.link.size),
                "information_theoretic": float(self.link.size),
            }
        return thresholds
