"""Optimisers as parts of a statement: which one, and with what rates."""

from __future__ import annotations

from ..contract.record import Record, field

__all__ = ["GaussNewton", "GradientDescent", "HeavyBall", "Inertial", "KroneckerFactored", "Majorization", "Optimiser"]


class Optimiser(Record):
    """A method that trains on the gradient of all samples, with its rates."""


class GradientDescent(Optimiser):
    """Gradient descent, w' = w - rate g."""

    rate: float = field(2 / 3, "step", above=0)


class HeavyBall(Optimiser):
    """Gradient descent with Polyak's momentum, w' = w - rate g + momentum (w - w_before)."""

    rate: float = field(0.8, "step", above=0)
    momentum: float = field(0.5, "share of the last move that is kept", at_least=0, below=1)


class Inertial(Optimiser):
    """Inertial Newton steps (INNA): momentum with a friction that also acts on changes of the gradient."""

    step: float = field(0.3, "step in time", above=0)
    damping: float = field(0.3, "damping alpha", at_least=0)
    newtonian: float = field(0.5, "Newtonian damping beta", above=0)


class GaussNewton(Optimiser):
    """Gauss-Newton steps by conjugate gradients, with Levenberg-Marquardt damping."""

    damping: float = field(0.1, "damping of the first step", above=0)
    iterations: int = field(7, "iterations of conjugate gradients a step", at_least=1)


class KroneckerFactored(Optimiser):
    """Natural gradient with Kronecker factors (K-FAC) and momentum; a quadratic model sets the length of each step."""

    damping: float = field(1.0, "damping of the first step", above=0)


class Majorization(Optimiser):
    """Layer after layer, the minimum of a quadratic that lies above the loss."""
