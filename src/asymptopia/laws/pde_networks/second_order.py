"""Residual networks with a velocity: waves that neither decay nor explode."""

from __future__ import annotations

from typing import Any

from ...contract.law import References
from ...numerics.arrays import Key
from .common import BIBTEX, CHANG, HAIRER, Leapfrog, Maker

RUTHOTTO_HABER = "Ruthotto and Haber, J. Math. Imaging Vis. 62 (2020) 352, equation 19"


class SecondOrder(Leapfrog):
    r"""A residual network whose layers are steps of a wave equation.

    The layers are leapfrog steps $h = T/n$ of

    $$\ddot y = -K^T \sigma(K y + b)$$

    with a linear map of norm 1, the same as $y_{k+1} = 2 y_k - y_{k-1} - h^2 K^T \sigma(K y_k + b)$ from two states in
    a row. The map of $(y, \dot y)$ preserves the `volume`, and with the same weights in all layers the energy
    $H = |\dot y|^2/2 + \sum S(K y + b)$, $S' = \sigma$, up to $O(h^2) = O(n^{-2})$: the `energy_drift` falls with
    exponent `rate` -2. A network whose layers differ is undone layer by layer; its input comes back up to round-off,
    `reconstruction_error` being the relative error over $4 m\, n\, \epsilon\, e^{\max(1, L) T}$, what n steps of m
    rounded numbers, of accuracy $\epsilon$, can make where the activation has the slope L. Backpropagation that
    recomputes the states needs the same scratch `memory` at every depth. No limit depends on `horizon`, which
    scales what is drift or round-off.
    """

    references = References(
        source=RUTHOTTO_HABER + "; " + CHANG + "; " + HAIRER,
        bibtex=r"""@article{RuthottoHaber2020,
  author = {Ruthotto, Lars and Haber, Eldad},
  title = {Deep neural networks motivated by partial differential equations},
  journal = {Journal of Mathematical Imaging and Vision}, volume = {62}, pages = {352--364}, year = {2020}
}
"""
        + BIBTEX,
    )

    def growth(self) -> float:
        return max(1.0, super().growth())

    @staticmethod
    def _layer(maker: Maker, key: Key, step: Any) -> Any:
        import equinox as eqx
        import jax

        from ...algorithms.pde_networks import SecondOrder as Layer

        first, second = jax.random.split(key)
        made = Layer(maker.operator(first), step, maker.activation)
        return eqx.tree_at(lambda m: m.bias, made, jax.random.normal(second, made.bias.shape))
