"""Loss curves of scaling laws and the mean field of attention: against their equations, step by step.

The peers are written here as one writes them first. Of SGD on random features: draw the features, diagonalise their
covariance, and take the exact mean of every step mode by mode; it runs a part of the steps, and its cost, which is
proportional to them, is scaled up. Of tokens on the circle: central differences of the Fokker-Planck equation on a grid
fine enough for four digits, integrated by SciPy.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp
from timing import pick, row, seconds

from asymptopia.laws.dynamics.scaling_phases import ScalingPhases
from asymptopia.laws.mean_field.attention_particles import AttentionParticles

STEPS, LAST, FEATURES = pick((20_000, 10**8, 8), (2_000, 10**6, 4))
GRID, LATE = pick((400, 100.0), (100, 3.0))


def mode_by_mode(law: ScalingPhases, steps: int, rng: np.random.Generator) -> float:
    """The mean loss after these steps, of random features of the law and over its samples."""
    j = np.arange(1, round(law.ratio * law.width) + 1.0)
    deviation = j**-law.alpha
    W = deviation[:, None] * rng.standard_normal((len(j), law.width)) / np.sqrt(law.width)
    target = deviation * j**-law.beta
    values, vectors = np.linalg.eigh(W.T @ W)
    best = vectors.T @ np.linalg.lstsq(W, target, rcond=None)[0]
    floor = float(np.sum((W @ (vectors @ best) - target) ** 2))
    rate = law.rate / np.sum(deviation**2)
    square = best**2
    for _ in range(steps):
        loss = values @ square + floor
        square = (1 - 2 * rate * values + 2 * rate**2 * values**2) * square + rate**2 * values * loss
    return float(values @ square + floor)


def scaling() -> None:
    """A loss curve to many steps."""
    law = ScalingPhases(alpha=1.0, beta=0.3, width=100, times=(STEPS, LAST))
    law.limit()  # what is imported at first
    spent, limit = seconds(law.limit)
    rng = np.random.default_rng(0)
    taken = [seconds(lambda: mode_by_mode(law, STEPS, rng)) for _ in range(FEATURES)]
    losses = np.array([loss for _, loss in taken])
    whole = float(np.median([s for s, _ in taken])) * LAST / STEPS
    gap = losses.mean() / float(limit["test_error"][0]) - 1
    allowed = 2 / law.width + 4 * losses.std(ddof=1) / losses.mean() / np.sqrt(FEATURES)
    if abs(gap) > allowed:
        raise ArithmeticError(f"The two losses differ by {gap:.2g}, and {allowed:.2g} is allowed.")
    note = f"differ by {gap:.1e} at {STEPS} steps, of order 1/width"
    row(f"loss of width {law.width} to {LAST:.0e} steps", spent, whole, "NumPy, mode by mode", note=note)


def on_a_grid(law: AttentionParticles, points: int) -> float:
    """The order in the end, from central differences on the circle."""
    angle = 2 * np.pi * np.arange(points) / points
    apart = angle[:, None] - angle
    kernel, h = np.exp(law.beta * np.cos(apart)), 2 * np.pi / points
    start = np.exp(law.concentration * np.cos(angle))

    def change(_: float, rho: np.ndarray) -> np.ndarray:
        flow = rho * ((-np.sin(apart) * kernel) @ rho) / (kernel @ rho)
        spread = (np.roll(rho, 1) - 2 * rho + np.roll(rho, -1)) / h**2
        return law.temperature * spread - (np.roll(flow, -1) - np.roll(flow, 1)) / (2 * h)

    run = solve_ivp(change, (0, law.times[-1]), start / start.sum(), "LSODA", rtol=1e-7, atol=1e-9)
    return float(abs(run.y[:, -1] @ np.exp(1j * angle)))


def attention() -> None:
    """The mean field of tokens on the circle."""
    law = AttentionParticles(beta=3.0, temperature=0.1, times=(1.0, LATE))
    law.limit()
    spent, limit = seconds(law.limit)
    spent_peer, order = seconds(lambda: on_a_grid(law, GRID))
    gap = abs(order - float(limit["order"][-1]))
    if gap > pick(1e-3, 1e-2):
        raise ArithmeticError(f"The two orders differ by {gap:.2g}.")
    note = f"differ by {gap:.1e}; ours states {float(limit['order_error'][-1]):.0e}"
    row(f"tokens on the circle to t = {LATE:g}", spent, spent_peer, f"SciPy, grid of {GRID}", note=note)


if __name__ == "__main__":
    scaling()
    attention()
