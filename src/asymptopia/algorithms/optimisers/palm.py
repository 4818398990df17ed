"""Proximal alternating linearised minimisation (PALM) and its inertial form."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from .interface import check_steps

if TYPE_CHECKING:
    from jaxtyping import Float

Blocks = list[np.ndarray]


@dataclasses.dataclass(frozen=True)
class Block:
    """One block of unknowns: gradient, Lipschitz modulus, proximal map and penalty.

    gradient: of f in this block, at all blocks.
    modulus:  a Lipschitz constant of that gradient as the block varies and the others stay, at all blocks.
    proximal: (v, t) -> argmin of penalty(p) + |p - v|^2 / 2t over p; for a constraint, its projection of v.
    penalty:  its value at a block; None for a constraint.
    convex:   whether the penalty (the constraint) is convex: more descent is then granted.
    """

    gradient: Callable[[Blocks], Float[np.ndarray, "..."]]
    modulus: Callable[[Blocks], float]
    proximal: Callable[[Float[np.ndarray, "..."], float], Float[np.ndarray, "..."]] | None
    penalty: Callable[[Float[np.ndarray, "..."]], float] | None = None
    convex: bool = False


@dataclasses.dataclass(frozen=True)
class BlockTrail:
    """The final blocks, and the objective at each point visited, (steps + 1,).

    guaranteed: the descent that theory grants each step, (steps,).
    moves:      the length of each step, (steps,).
    """

    blocks: Blocks
    values: Float[np.ndarray, " points"]
    guaranteed: Float[np.ndarray, " steps"]
    moves: Float[np.ndarray, " steps"]


def palm(
    smooth: Callable[[Blocks], float],
    blocks: Sequence[Block],
    start: Sequence[Any],
    steps: int,
    factor: float = 1.1,
    inertia: float = 0.0,
    tolerance: float = 0.0,
) -> BlockTrail:
    r"""Minimise f(x_1, ..., x_m) plus penalties by a proximal gradient step in each block in turn.

    $x^+ = \mathrm{prox}_{1/\tau}(y - \nabla_i f(y) / \tau)$ at $y = x + \alpha (x - x_{before})$, with
    $\alpha$ the `inertia`. Without it, $\tau$ is `factor` times the modulus L, and every step lowers the objective by
    at least $\sum_i (\tau_i - L_i) d_i^2 / 2$ (for a convex penalty $(2 \tau_i - L_i)$), with $d_i$ how far block i
    moved: the lengths are square-summable, and iterates that stay bounded converge if the objective is semialgebraic,
    linearly where its Kurdyka-Lojasiewicz exponent is at most 1/2. With inertia, $\alpha < 1/2$, or 1 for convex
    penalties, and with $\epsilon$ half of what $\alpha$ leaves, $\delta = 2 \alpha L / (1 - \epsilon - 2 \alpha)$ and
    $\tau = ((1 + \epsilon) \delta + (1 + \alpha) L) / (1 - \alpha)$ (convex: $3 \alpha L / 2 (1 - \epsilon - \alpha)$
    and the same over $2 - \alpha$, but at least L), times `factor`. A step then grants $c \, d^2 - c' e^2$, with e how
    far the block moved before, $2 c = (1 - \alpha) \tau - (1 + \alpha) L$ (convex: $2 - \alpha$) and
    $2 c' = \alpha (\tau + L)$.

    Ends early at a step no longer than `tolerance` times the norm of the unknowns. Raises `StatementError` for a block
    without a proximal map, and where values are not finite. Source: Bolte, Sabach and Teboulle, Math. Program. 146
    (2014) 459; Pock and Sabach, SIAM J. Imaging Sci. 9 (2016) 1756.

    smooth: f, of the list of blocks. blocks: of each its gradient, modulus and proximal map. start: the blocks to begin
    at. steps: of all blocks in turn, at most.
    """
    x = _checked(blocks, start, steps, factor, inertia)
    before = [b.copy() for b in x]

    def objective(at: Blocks) -> float:
        penalties = sum(b.penalty(v) for b, v in zip(blocks, at, strict=True) if b.penalty is not None)
        return float(smooth(at) + penalties)

    values, granted, moves = [objective(x)], [], []
    for k in range(steps):
        told = [_move(x, before, i, block, factor, inertia, k) for i, block in enumerate(blocks)]
        promise, moved = (sum(column) for column in zip(*told, strict=True))
        values.append(objective(x))
        granted.append(promise)
        moves.append(math.sqrt(moved))
        if moves[-1] <= tolerance * math.sqrt(sum(float(np.sum(b * b)) for b in x)):
            break
    return BlockTrail(x, np.array(values), np.array(granted), np.array(moves))


def _move(
    x: Blocks, before: Blocks, i: int, block: Block, factor: float, inertia: float, step: int
) -> tuple[float, float]:
    """Moves block i of x; what that grants, and the square of its length."""
    now, e = x[i], x[i] - before[i]
    L = float(block.modulus(x))
    tau = _curvature(L, factor, inertia, block.convex) or 1.0
    x[i] = y = now + inertia * e
    new = np.asarray(block.proximal(y - block.gradient(x) / tau, 1 / tau), float)  # type: ignore[misc]
    if new.shape != now.shape or not np.isfinite(new).all() or not math.isfinite(L):
        raise StatementError(
            f"`blocks[{i}]` must keep its shape {now.shape} and finite values, but gave shape {new.shape} and "
            f"{np.sum(~np.isfinite(new))} values that are not finite in step {step}."
        )
    d = new - now
    before[i], x[i] = now, new
    share = (2 if block.convex else 1) - inertia
    d2, e2 = float(np.sum(d * d)), float(np.sum(e * e))
    return ((share * tau - (1 + inertia) * L) * d2 - inertia * (tau + L) * e2) / 2, d2


def _curvature(L: float, factor: float, inertia: float, convex: bool) -> float:
    """The constant tau of a step, for a modulus L."""
    if inertia == 0:
        return factor * L
    room = 1 - inertia if convex else 1 - 2 * inertia
    epsilon = room / 2
    delta = 1.5 * inertia * L / (room - epsilon) if convex else 2 * inertia * L / (room - epsilon)
    tau = ((1 + epsilon) * delta + (1 + inertia) * L) / ((2 if convex else 1) - inertia)
    return factor * max(tau, L)


def _checked(blocks: Sequence[Block], start: Sequence[Any], steps: int, factor: float, inertia: float) -> Blocks:
    check_steps(steps)
    x = [np.array(b, float) for b in start]
    if not blocks or len(blocks) != len(x):
        raise StatementError(
            f"`start` must have an array for each of one or more blocks, but has {len(x)} for {len(blocks)} blocks."
        )
    for i, (block, b) in enumerate(zip(blocks, x, strict=True)):
        if block.proximal is None:
            raise StatementError(
                f"`blocks[{i}]` must have a proximal map, (v, t) -> argmin of penalty(p) + |p - v|^2 / 2t, but has "
                "none; for a block without a penalty it is (v, t) -> v."
            )
        if not np.isfinite(b).all():
            raise StatementError(f"`start[{i}]` must be finite, but {np.sum(~np.isfinite(b))} of its entries are not.")
    limit = 1.0 if all(b.convex for b in blocks) else 0.5
    if not 0 <= inertia < limit:
        raise StatementError(f"`inertia` must be >= 0 and < {limit:g} for these penalties, but is {inertia}.")
    if not (math.isfinite(factor) and factor >= 1):
        raise StatementError(f"`factor` must be finite and >= 1, but is {factor}.")
    return x
