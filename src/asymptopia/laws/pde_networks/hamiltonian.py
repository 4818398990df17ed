"""Residual networks that preserve an energy and a volume, and can be run backwards."""

from __future__ import annotations

from typing import Any

from ...contract.law import References
from ...numerics.arrays import Key
from .common import BIBTEX, CHANG, HAIRER, Leapfrog, Maker


class Hamiltonian(Leapfrog):
    r"""A reversible residual network: leapfrog steps of Hamilton's equations.

    The layers are leapfrog steps $h = T/n$ on pairs of states,

    $$\dot y = K_1^T \sigma(K_1 z + b_1), \qquad \dot z = -K_2^T \sigma(K_2 y + b_2),$$

    with linear maps of norm 1. Each layer is symplectic: it preserves the `volume`, and with the same weights in all
    layers the energy $H = \sum S(K_1 z + b_1) + \sum S(K_2 y + b_2)$, $S' = \sigma$, is preserved up to
    $O(h^2) = O(n^{-2})$: the `energy_drift` falls with exponent `rate` -2. A network whose layers differ is undone
    layer by layer; its input comes back up to round-off, `reconstruction_error` being the relative error over
    $4 m\, n\, \epsilon\, e^{L T}$, what n steps of m rounded numbers, of accuracy $\epsilon$, can make where no step
    stretches by more than $1 + L h$, L the slope of the activation. Backpropagation that recomputes the states needs
    the same scratch `memory` at every depth. No limit depends on `horizon`, which scales what is drift or round-off.
    """

    references = References(source=CHANG + "; " + HAIRER, bibtex=BIBTEX)

    @staticmethod
    def _layer(maker: Maker, key: Key, step: Any) -> Any:
        import equinox as eqx
        import jax

        from ...algorithms.pde_networks import Hamiltonian as Layer

        keys = jax.random.split(key, 4)
        made = Layer(maker.operator(keys[0]), maker.operator(keys[1]), step, maker.activation)
        zeros = (made.first_bias, made.second_bias)
        biases = [jax.random.normal(k, b.shape) for k, b in zip(keys[2:], zeros, strict=True)]
        return eqx.tree_at(lambda m: (m.first_bias, m.second_bias), made, biases)
