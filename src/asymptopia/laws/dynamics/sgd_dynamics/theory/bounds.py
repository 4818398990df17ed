"""Bounds for SGD and its limit: rates at which no step can blow up, and the memory there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .....contract.record import StatementError
from .....numerics.memory import available, largest
from .....parts.loss import Loss

if TYPE_CHECKING:
    from .. import SGDDynamics

NETS = 16
MOST_STEPS = 10_000  # two coordinates of a Sobol net a step


def stable_rate(law: SGDDynamics) -> float | None:
    r"""$2 / (\lambda + c (\sqrt\alpha + 1/\sqrt b)^2)$, below which every step contracts; None if nothing is known.

    c bounds the curvature of a convex loss. The Hessian of a batch of bn samples is at most c/b times the largest
    eigenvalue $(1 + \sqrt{\alpha b})^2$ of their inputs. For the square loss on the full batch the value is sharp.
    A mixture adds its squared separation along one direction.
    """
    lowest, highest = curvatures(law.loss)
    if lowest < 0 or highest == np.inf:
        return None
    if highest == 0 == law.ridge:
        return float("inf")
    edge = (np.sqrt(law.alpha) + 1 / np.sqrt(law.batch)) ** 2
    separation = float(getattr(law.teacher, "separation", 0.0))
    return float(2 / (law.ridge + highest * (edge + law.alpha * separation**2 / law.batch)))


def curvatures(loss: Loss) -> tuple[float, float]:
    """The smallest and largest curvature of a loss on a grid of fields; inf if it keeps growing with the field."""
    z = np.sinh(np.linspace(-7.0, 7.0, 4001))
    labels = (-1.0, 1.0) if loss.margin else (-1.0, 0.0, 1.0)
    bends = np.array([loss.curvature(np.full_like(z, y), z) for y in labels])
    far = np.abs(z) > 30
    inner, outer = np.abs(bends[:, ~far]).max(), np.abs(bends[:, far]).max()
    return float(bends.min()), float(bends.max()) if outer <= inner * (1 + 1e-9) else float("inf")


def points_of_a_net(law: SGDDynamics) -> int:
    """The smallest power of two with which all nets together have the points asked for."""
    return 2 ** max(6, int(np.ceil(np.log2(law.samples / NETS))))


def check_memory(law: SGDDynamics) -> None:
    """Raise `StatementError`, with the numbers that would do, if the limit needs more memory than there is."""
    if law.steps > MOST_STEPS and not law.closed:
        raise StatementError(f"`steps` must be at most {MOST_STEPS} where points are drawn, but is {law.steps}.")
    there, needed = available(), _bytes_of_limit(law)
    if needed <= there:
        return
    steps = largest(law.steps, lambda n: _bytes_of_limit(law.replace(steps=n)) <= there)
    samples = largest(law.samples, lambda n: _bytes_of_limit(law.replace(samples=max(n, 1))) <= there)
    other = f", or samples={samples}" if samples else ""
    raise StatementError(
        f"The limit takes about {needed / 1e9:.3g} GB with steps={law.steps} and samples={law.samples}, but "
        f"{there / 1e9:.3g} GB are free: steps={steps}{other} would fit."
    )


def _bytes_of_limit(law: SGDDynamics) -> float:
    """The net and its normal numbers, forces, gains and tangents of one net; the kernels of every net."""
    T = law.steps + 1
    of_one = 0 if law.closed else 7 * points_of_a_net(law)
    paths = 2 * law.loss.kinks(np.array([1.0])).size * min(points_of_a_net(law), 64 + law.samples) * T
    return 8.0 * T * (of_one + paths + 6 * T * (1 if law.closed else NETS))
