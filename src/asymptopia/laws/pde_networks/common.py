"""What the laws of this field share: layers and their slopes; the energy, volume and memory of leapfrog networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ...algorithms.checks import NotSolved
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import ArrayLike, Key, PyTree
from ...numerics.compiled import compiled
from ...parts.activation import Activation, Tanh
from ...parts.architecture import Architecture, Convolutional, Dense

HAIRER = "Hairer, Lubich and Wanner, Geometric Numerical Integration (2006), theorem IX.8.1"
CHANG = "Chang, Meng, Haber, Ruthotto, Begert and Holtham, AAAI Conf. Artif. Intell. 32 (2018) 2811, section 3"
SHALLOW = 10  # layers of the network to whose memory that of deep ones is compared

OBSERVABLES = {
    "energy_drift": Observable(r"|H_n - H_0|/H_0", "change of the energy along the network", scale=0.01),
    "rate": Observable("b", "exponent of that change in the number of layers", exponent_of="energy_drift"),
    "reconstruction_error": Observable(
        r"|x - \Phi^{-1} \Phi x|/\epsilon", "error of the recomputed input, over what round-off can make", bound="every"
    ),
    "volume": Observable(r"|\log|\det \partial \Phi||", "change of volume of a layer", bound="every"),
    "memory": Observable(r"M_n/M_{10}", "scratch memory of backpropagation, over that of ten layers"),
}
LANDMARKS = (
    Landmark({}, "rate", -2.0, 1e-12, HAIRER),
    Landmark({}, "memory", 1.0, 1e-12, CHANG),
)
BIBTEX = r"""@book{HairerLubichWanner2006,
  author = {Hairer, Ernst and Lubich, Christian and Wanner, Gerhard},
  title = {Geometric Numerical Integration},
  edition = {2}, publisher = {Springer}, year = {2006}
}
@inproceedings{Chang2018,
  author = {Chang, Bo and Meng, Lili and Haber, Eldad and Ruthotto, Lars and Begert, David and Holtham, Elliot},
  title = {Reversible architectures for arbitrarily deep residual neural networks},
  booktitle = {AAAI Conference on Artificial Intelligence}, volume = {32}, pages = {2811--2818}, year = {2018}
}"""

_GRID = np.concatenate([np.linspace(-30, 30, 60_001), np.linspace(-1e3, 1e3, 2_001)])


def check_architecture(law: Law) -> None:
    """Raise `StatementError` unless the layers of the law are dense, or convolutional with an odd window."""
    architecture = law.architecture  # type: ignore[attr-defined]
    name = type(law).__name__
    if not isinstance(architecture, Dense | Convolutional):
        raise StatementError(f"`architecture` of {name} must be Dense() or Convolutional(), but is {architecture!r}.")
    if isinstance(architecture, Convolutional) and (architecture.window % 2 == 0 or architecture.pooling):
        raise StatementError(
            f"`architecture` of {name} needs an odd `window` and no `pooling`, but is {architecture!r}."
        )


def operator_of(architecture: Architecture, features: int, hidden: int, key: Key) -> Any:
    """A random linear map of a layer."""
    from ...algorithms import pde_networks

    if isinstance(architecture, Convolutional):
        return pde_networks.Convolution.random(architecture.channels, hidden, key, architecture.window)
    return pde_networks.Dense.random(features, hidden, key)


def norm_of(architecture: Architecture, features: int, operator: Any) -> Any:
    """The norm of a linear map on the states of the law."""
    return operator.norm(features) if isinstance(architecture, Convolutional) else operator.norm()


def state_shape(architecture: Architecture, features: int) -> tuple[int, ...]:
    """The shape of a state: a vector, or square images of so many channels."""
    return (architecture.channels, features, features) if isinstance(architecture, Convolutional) else (features,)


def largest_slope(activation: Activation) -> tuple[float, float]:
    """The least and the largest slope of the activation, on a fine grid of fields up to 1000."""
    breaks = np.array(activation.breaks())
    x = np.concatenate([_GRID, breaks - 1e-9, breaks + 1e-9])
    slopes = np.asarray(activation.derivative(x), float)
    return float(slopes.min()), float(slopes.max())


class Maker(NamedTuple):
    """Makes a layer from a key and a step; equal ones share a compiled program.

    layer: of the maker, a key and a step.
    """

    layer: Callable[[Maker, Key, Any], Any]
    activation: Activation
    architecture: Architecture
    features: int
    hidden: int

    def __call__(self, key: Key, step: Any) -> Any:
        return self.layer(self, key, step)

    def operator(self, key: Key) -> PyTree:
        """A random linear map of norm 1."""
        import jax

        drawn = operator_of(self.architecture, self.features, self.hidden, key)
        return jax.tree.map(lambda w: w / norm_of(self.architecture, self.features, drawn), drawn)


class Leapfrog(Law):
    """The statement of a network of leapfrog steps, and what holds for every such network."""

    activation: Activation = field(Tanh(), "activation, elementwise")
    horizon: float = field(2.0, "length T of the trajectory, steps times layers", above=0)
    features: int = field(8, "numbers in a state, or the side of the square images of a convolutional one", at_least=1)
    hidden: int = field(8, "rows of each linear map, or channels that a convolution makes", at_least=1)
    architecture: Architecture = field(Dense(), "dense or convolutional layers (of `channels` periodic images)")

    defaults = Defaults(size="layers", sizes=(10, 20, 40, 80), seeds=480, bias=2.0, block=120)
    references = References(status="proved; the energy for smooth activations")
    observables = OBSERVABLES
    landmarks = LANDMARKS

    @staticmethod
    def _layer(maker: Maker, key: Key, step: Any) -> Any:
        """A random layer of this kind of network."""
        raise NotImplementedError

    def maker(self) -> Maker:
        """What makes a layer from a key and a step."""
        return Maker(type(self)._layer, self.activation, self.architecture, self.features, self.hidden)

    def growth(self) -> float:
        """The largest rate at which layers can amplify a difference."""
        return largest_slope(self.activation)[1]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_architecture(self)

    def valid(self) -> str | None:
        """Warns where the activation is not smooth."""
        if self.activation.breaks():
            return "the activation is not smooth: the energy drifts by more than n**-2 where a field meets a kink"
        return None

    def predict(self) -> dict[str, Any]:
        return {"energy_drift": 0.0, "rate": -2.0, "reconstruction_error": 1.0, "volume": 0.0, "memory": 1.0}

    def realize_all(self, n: int, keys: Any) -> dict[str, Any]:
        growth = self.horizon * self.growth()
        if growth > 700:
            raise NotSolved(f"States may grow by exp({growth:.3g}), beyond all numbers: take a smaller `horizon`.")
        shape, make = state_shape(self.architecture, self.features), self.maker()
        values = {k: np.asarray(v) for k, v in _observed(keys, self.horizon / n, make, shape, n).items()}
        round_off = 4 * 2 * math.prod(shape) * n * np.spacing(1.0) * math.exp(growth)
        values["reconstruction_error"] = values["reconstruction_error"] / round_off
        ratio = scratch(make, shape, n) / scratch(make, shape, SHALLOW)
        return values | {"memory": np.full(len(keys), ratio)}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        return {k: v[0] for k, v in self.realize_all(n, key[None]).items()}


@cache
def scratch(make: Callable[[Any, Any], Any], shape: tuple[int, ...], n: int) -> int:
    """Bytes that backpropagation through n reversible layers needs besides layers, states and gradients."""
    import jax
    import jax.numpy as jnp

    from ...algorithms.pde_networks import backprop_bytes, propagate_reversibly, stack

    layers = stack(lambda key: make(key, 0.1), n, jax.random.key(0))
    return backprop_bytes(propagate_reversibly, layers, (jnp.ones(shape), jnp.ones(shape)))


@compiled("make", "shape", "n")
def _observed(keys: Key, step: ArrayLike, make: Callable[[Any, Any], Any], shape: tuple[int, ...], n: int) -> Any:
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    def one(key: Key) -> dict[str, Any]:
        first, second, third = jax.random.split(key, 3)
        state = tuple(jax.random.normal(third, (2, *shape)))
        layer = make(first, step)

        def steps(y: PyTree) -> Any:
            return jax.lax.fori_loop(0, n, lambda _, x: layer(x), y)

        begun, ended = layer.energy(state), layer.energy(steps(state))
        many = jax.random.split(second, n)
        there = jax.lax.scan(lambda x, k: (make(k, step)(x), None), state, many)[0]
        back = jax.lax.scan(lambda x, k: (make(k, step).inverse(x), None), there, many, reverse=True)[0]
        flat, unravel = ravel_pytree(state)
        away, met = ravel_pytree(back)[0] - flat, ravel_pytree(there)[0]
        jacobian = jax.jacobian(lambda v: ravel_pytree(layer(unravel(v)))[0])(flat)
        return {
            "energy_drift": jnp.abs(ended - begun) / begun,
            "reconstruction_error": jnp.linalg.norm(away) / jnp.maximum(jnp.linalg.norm(flat), jnp.linalg.norm(met)),
            "volume": jnp.abs(jnp.linalg.slogdet(jacobian)[1]),
        }

    return jax.vmap(one)(keys)
