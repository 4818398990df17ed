"""The equations of online learning, four units each, to t = 10**4: against small fixed steps, at equal accuracy.

The peer is what public code does: Euler steps of one fixed size on the equations of Saad and Solla, compiled (numba
here, Cython there). Its step is the largest whose overlaps on the way out of the plateau are as exact as ours; both are
compared with a solution at much smaller tolerance. The peer runs one trajectory for a part of the time, and its cost is
scaled up, since it is proportional to both.
"""

from __future__ import annotations

import numba
import numpy as np
from timing import pick, row, seconds

from asymptopia.laws.dynamics.online_sgd.theory import State, Task, trajectories
from asymptopia.parts.activation import Erf

UNITS, CHECK, RATE = 4, 300.0, 0.5
COUNT, LAST = pick((100, 1e4), (2, 600.0))
LOOSE = 1e3  # a tolerance of 1e-7 a step


@numba.njit(cache=False)
def euler(Q, R, T, rate, step, steps):  # type: ignore[no-untyped-def]
    """Q and R after this many steps."""
    K, M = R.shape
    P = K + M
    C, c = np.empty((P, P)), np.ones(P)
    C[:K, :K], C[:K, K:], C[K:, :K], C[K:, K:] = Q, R, R.T, T
    c[K:] = -1.0
    new = np.empty((K, P))
    for _ in range(steps):
        for i in range(K):
            for b in range(P):
                total = 0.0
                for a in range(P):
                    det = (1 + C[i, i]) * (1 + C[a, a]) - C[i, a] ** 2
                    total += c[a] * (C[b, a] * (1 + C[i, i]) - C[i, b] * C[i, a]) / ((1 + C[i, i]) * np.sqrt(det))
                new[i, b] = -rate * 2 / np.pi * total
        for i in range(K):
            for b in range(K, P):
                C[b, i] = C[i, b] + step * new[i, b]
        for i in range(K):
            for k in range(i, K):
                total = 0.0
                ii, kk, ik = 1 + C[i, i], 1 + C[k, k], C[i, k]
                det = ii * kk - ik**2
                for a in range(P):
                    ua, va = C[i, a], C[k, a]
                    own_a = det * (1 + C[a, a]) - va**2 * ii - ua**2 * kk + 2 * ik * ua * va
                    for b in range(P):
                        ub, vb = C[i, b], C[k, b]
                        own_b = det * (1 + C[b, b]) - vb**2 * ii - ub**2 * kk + 2 * ik * ub * vb
                        across = det * C[a, b] - va * vb * ii - ua * ub * kk + ik * (ua * vb + va * ub)
                        total += c[a] * c[b] * np.arcsin(across / np.sqrt(own_a * own_b))
                Q[i, k] = C[i, k] + step * (new[i, k] + new[k, i] + rate**2 * 4 / np.pi**2 * total / np.sqrt(det))
                Q[k, i] = Q[i, k]
        for i in range(K):
            for b in range(K, P):
                C[i, b] = C[b, i]
            for k in range(K):
                C[i, k] = Q[i, k]
    return C[:K, :K].copy(), C[:K, K:].copy()


def start(count: int) -> tuple[State, Task]:
    """Random students of half the teachers' length, in 1000 dimensions."""
    rng = np.random.default_rng(0)
    students = rng.normal(size=(count, UNITS, 1000)) / 2
    teachers = np.linalg.qr(rng.normal(size=(1000, UNITS)))[0].T * np.sqrt(1000)
    ones, zero = np.ones((count, UNITS)), np.zeros(count)
    T = np.broadcast_to(np.eye(UNITS), (count, UNITS, UNITS))
    Q, R = students @ students.transpose(0, 2, 1) / 1000, students @ teachers.T / 1000
    return State(Q, R, ones), Task(T, ones, np.full(count, RATE), zero, zero)


def ours(state: State, task: Task, loose: float = LOOSE) -> tuple[np.ndarray, np.ndarray]:
    """R of all trajectories on the way out of the plateau, and the errors in the end."""
    found = trajectories(Erf(scale=2**-0.5), state, task, (CHECK, LAST), loose=loose)
    return found.R[:, 0], found.test_error[:, 1]


def main() -> None:
    """Print the ratio of processor times, compilation apart."""
    state, task = start(COUNT)
    exact, _ = ours(state, task, 1.0)
    first, _ = seconds(lambda: ours(state, task))
    spent, (R, final) = seconds(lambda: ours(state, task))
    error = np.abs(R - exact).max()
    note = f"{first - spent:.1f} s more at first, errors of R {error:.1e}, test errors in the end <= {final.max():.1e}"
    row(f"{COUNT} trajectories, K = M = {UNITS}, to {LAST:g}", spent, note=note)
    step, peer_error = 0.1, np.inf
    one = (state.Q[0], state.R[0], task.T[0], RATE)
    mine = np.abs(R[0] - exact[0]).max()
    euler(*(x.copy() for x in one[:3]), RATE, step, 2)
    while peer_error > max(mine, pick(1e-5, 1e-4)):
        step /= 4
        copies = [x.copy() for x in one[:3]]
        spent_peer, (_, R_peer) = seconds(lambda: euler(*copies, RATE, step, round(CHECK / step)))
        peer_error = np.abs(R_peer - exact[0]).max()
        whole = spent_peer * LAST / CHECK * COUNT
        row("the same", spent, whole, f"fixed steps of {step:g}", note=f"error {peer_error:.1e}; ours {mine:.1e}")


if __name__ == "__main__":
    main()
