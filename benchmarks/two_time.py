"""Correlation and response of the spherical p-spin model against the equations written out in NumPy on a uniform grid.

    python benchmarks/two_time.py

The peer is the usual programme: Euler steps, or Heun's (of second order), with the integrals as sums over the whole
uniform past, one matrix product a step. Energies of p = 3 at T = 0.2 are compared at time 10 and 40; each peer takes
the largest step that reaches the accuracy asked for, by halving. Then the quench to T = 0 is followed to time 10**4
and its energy extrapolated to the threshold. Process CPU time, one thread, medians of three interleaved rounds.
About three minutes.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import statistics  # noqa: E402

import numpy as np  # noqa: E402
from timing import options, pick, row, seconds  # noqa: E402

from asymptopia.numerics.two_time import solve_two_time  # noqa: E402

TRIPLES = (0, 0, 0, 0.5)
TEMPERATURE = 0.2
REACHED = pick({10.0: 5e-3, 40.0: 2e-2}, {10.0: 5e-3})  # what first order can reach at all on such grids
SECOND = pick({10.0: 1e-4, 40.0: 1e-3}, {10.0: 1e-3})


def peer(last: float, h: float, order: int) -> float:
    """The energy at time `last`, first or second order in the step."""
    n = round(last / h)
    C, R = np.eye(n + 1), np.eye(n + 1)
    C_slope, R_slope = np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        _slopes(C, R, i, h, C_slope, R_slope, order)
        old = C[i, : i + 1].copy(), R[i, : i + 1].copy(), C_slope[: i + 1].copy(), R_slope[: i + 1].copy()
        _place(C, R, i, old[0] + h * old[2], old[1] + h * old[3])
        if order == 2:
            _slopes(C, R, i + 1, h, C_slope, R_slope, order)
            C_mean, R_mean = (old[2] + C_slope[: i + 1]) / 2, (old[3] + R_slope[: i + 1]) / 2
            _place(C, R, i, old[0] + h * C_mean, old[1] + h * R_mean)
    return -float(_weights(n, h, order) @ (1.5 * C[n] ** 2 * R[n]))


def _weights(i: int, h: float, order: int) -> np.ndarray:
    """Of the integral over the past of node i: left rectangles, or trapezoids."""
    w = np.full(i + 1, h)
    if order == 1 or i == 0:
        w[-1] = 0
    else:
        w[0] = w[-1] = h / 2
    return w


def _slopes(C, R, i, h, C_slope, R_slope, order) -> None:
    past = slice(0, i + 1)
    w = _weights(i, h, order)
    sigma, kernel = w * 3 * C[i, past] * R[i, past], w * 1.5 * C[i, past] ** 2
    mu = TEMPERATURE + sigma @ C[i, past] + kernel @ R[i, past]
    triangle = R[past, past]
    C_slope[past] = C[past, past] @ sigma + triangle @ kernel - mu * C[i, past]
    R_slope[past] = sigma @ triangle - mu * R[i, past]
    if order == 2:  # trapezoids that end or begin on the diagonal, where R jumps from 1 to 0
        C_slope[past] -= np.diag(triangle) * kernel / 2
        R_slope[past] -= sigma * np.diag(triangle) / 2
        C_slope[0], C_slope[i] = C_slope[0] - kernel[0] / 2, -TEMPERATURE
        R_slope[i] = -mu


def _place(C, R, i, c, r) -> None:
    C[i + 1, : i + 1] = C[: i + 1, i + 1] = c
    R[i + 1, : i + 1] = r


def largest_step(last: float, goal: float, exact: float, order: int) -> float:
    """The first of 0.1, 0.05, ... at which the peer is as accurate as asked."""
    h = 0.1
    while abs(peer(last, h, order) - exact) > goal:
        h /= 2
        if last / h > 6000:
            raise ArithmeticError(f"The peer of order {order} does not reach {goal:g} at time {last:g}.")
    return h


def compare() -> None:
    for order, goals in ((1, REACHED), (2, SECOND)):
        for last, goal in goals.items():
            exact = float(solve_two_time(TRIPLES, TEMPERATURE, (last,)).energy[0])
            h = largest_step(last, goal, exact, order)
            rounds = [
                (
                    seconds(lambda last=last, h=h, order=order: peer(last, h, order))[0],
                    seconds(lambda last=last: solve_two_time(TRIPLES, TEMPERATURE, (last,)))[0],
                )
                for _ in range(pick(3, 1))
            ]
            theirs, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
            peer_name = f"uniform grid of order {order}, step {h:g}"
            row(f"energy of p = 3 at time {last:g}, to {goal:g}", ours, theirs, peer_name)


def quench() -> None:
    times = np.geomspace(100, 1e4, 17)
    spent, found = seconds(lambda: solve_two_time(TRIPLES, 0.0, times))
    late = times >= 300
    terms = np.stack([np.ones(late.sum()), times[late] ** (-2 / 3), times[late] ** (-4 / 3)], axis=1)
    limit = np.linalg.lstsq(terms, found.energy[late])[0][0]
    apart = limit + 2 / np.sqrt(3)
    note = f"stated error {found.energy_error.max():.0e}, extrapolates to {limit:.6f}, {apart:+.0e} from the threshold"
    row("quench to time 10^4", spent, note=note)
    if abs(apart) > 1e-4:
        raise ArithmeticError("The quench does not extrapolate to the threshold.")


def main() -> None:
    """Compare at equal accuracy, then follow a quench."""
    given = options(__doc__, quench=(1, 0))
    solve_two_time(TRIPLES, TEMPERATURE, (1.0,))
    compare()
    if given.quench:
        quench()


if __name__ == "__main__":
    main()
