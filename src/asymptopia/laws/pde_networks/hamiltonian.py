"""Residual networks that preserve an energy and a volume, and can be run backwards."""

from __future__ import annotations

from functools import cache
from typing import Any

from ...contract.law import Law
from ...contract.record import field
from ...numerics.arrays import Key
from ...parts.activation import Activation, Tanh
from ...parts.architecture import Architecture, Dense
from .common import (
    BIBTEX,
    CHANG,
    HAIRER,
    LANDMARKS,
    OBSERVABLES,
    check_architecture,
    kinked,
    largest_slope,
    norm_of,
    observe,
    operator_of,
    prediction,
)


class Hamiltonian(Law):
    r"""A reversible residual network: leapfrog steps of Hamilton's equations.

    The layers are leapfrog steps $h = T/n$ on pairs of states,

    $$\dot y = K_1^T \sigma(K_1 z + b_1), \qquad \dot z = -K_2^T \sigma(K_2 y + b_2),$$

    with linear maps of norm 1. Each layer is symplectic: it preserves the `volume`, and with the same weights in all
    layers the energy $H = \sum S(K_1 z + b_1) + \sum S(K_2 y + b_2)$, $S' = \sigma$, is preserved up to
    $O(h^2) = O(n^{-2})$: the `energy_drift` falls with exponent `rate` -2. A network whose layers differ is undone
    layer by layer; its input comes back up to round-off, `reconstruction_error` being the relative error over
    $4 m\, n\, \epsilon\, e^{L T}$, what n steps of m rounded numbers, of accuracy $\epsilon$, can make where no step
    stretches by more than $1 + L h$, L the slope of the activation. Backpropagation that recomputes the states needs
    the same scratch `memory` at every depth.
    """

    activation: Activation = field(Tanh(), "activation, elementwise")
    horizon: float = field(2.0, "length T of the trajectory, steps times layers", above=0)
    features: int = field(8, "numbers in y and in z, or the side of square images of a convolutional one", at_least=1)
    hidden: int = field(8, "rows of each K, or channels that a convolution makes", at_least=1)
    architecture: Architecture = field(Dense(), "dense or convolutional layers (of `channels` periodic images)")

    size = "layers"
    sizes = (10, 20, 40, 80)
    seeds = 120
    block = 120
    bias = 2.0
    source = CHANG + "; " + HAIRER
    bibtex = BIBTEX
    status = "proved; the energy for smooth activations"
    observables = OBSERVABLES
    landmarks = LANDMARKS

    def __post_init__(self) -> None:
        super().__post_init__()
        check_architecture(self)

    def valid(self) -> str | None:
        return kinked(self)

    def predict(self) -> dict[str, Any]:
        return prediction()

    def realize_all(self, n: int, keys: Any) -> dict[str, Any]:
        make = _maker(self.activation, self.architecture, self.features, self.hidden)
        return observe(self, make, largest_slope(self.activation)[1], n, keys)

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        return {k: v[0] for k, v in self.realize_all(n, key[None]).items()}


@cache
def _maker(activation: Activation, architecture: Architecture, features: int, hidden: int) -> Any:
    def make(key: Key, step: Any) -> Any:
        import equinox as eqx
        import jax

        from ...algorithms.pde_networks import Hamiltonian as Layer

        def unit(key: Key) -> Any:
            operator = operator_of(architecture, features, hidden, key)
            return jax.tree.map(lambda w: w / norm_of(architecture, features, operator), operator)

        keys = jax.random.split(key, 4)
        made = Layer(unit(keys[0]), unit(keys[1]), step, activation)
        zeros = (made.first_bias, made.second_bias)
        biases = [jax.random.normal(k, b.shape) for k, b in zip(keys[2:], zeros, strict=True)]
        return eqx.tree_at(lambda m: (m.first_bias, m.second_bias), made, biases)

    return make
