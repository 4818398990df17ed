"""The dynamical mean-field theory of SGD in one causal pass against the way it was published.

That is an iteration of the whole history: draw trajectories of the effective process with the kernels at hand, with the
response of each to every earlier time, average, solve for new kernels, mix with the old, until they stand still.

    python benchmarks/dmft.py

Both are NumPy and solve the same equations, checked against a third run with many more points, from which the errors
are taken too. Process CPU time, one thread, the two interleaved, medians of three rounds. The error of independent
trajectories falls as the root of their number and their cost is linear in it (two numbers are run), which gives the
time at equal error. About five minutes.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import statistics  # noqa: E402

import numpy as np  # noqa: E402
from timing import pick, row, seconds  # noqa: E402

from asymptopia.laws.dynamics.sgd_dynamics import SGDDynamics  # noqa: E402

LAW = SGDDynamics(alpha=2.0, ridge=0.1, rate=0.4, batch=0.5, steps=pick(50, 20))
MIXING, TOLERANCE, MOST = 0.5, 1e-3, 200
COUNTS = pick((500, 2000), (500,))
TRUTH = pick(1_000_000, 100_000)
LARGER = pick(((100, 20_000), (200, 100_000)), ())


def peer(law: SGDDynamics, count: int, seed: int) -> tuple[np.ndarray, int]:
    """The overlap at each step by damped iteration of the whole history; and how many iterations.

    The random numbers are the same in every iteration, so that it can be seen to converge.
    """
    T = law.steps + 1
    m, K, R = np.zeros(T), np.zeros((T, T)), np.eye(T)
    for turn in range(1, MOST + 1):
        new = kernels(law, *averages(law, m, K, R, count, np.random.default_rng(seed)))
        change = max(np.abs(a - b).max() / (1 + np.abs(b).max()) for a, b in zip(new, (m, K, R), strict=True))
        m, K, R = (MIXING * a + (1 - MIXING) * b for a, b in zip(new, (m, K, R), strict=True))
        if change < TOLERANCE:
            return m, turn
    raise ArithmeticError("The peer did not converge.")


def averages(
    law: SGDDynamics, m: np.ndarray, K: np.ndarray, R: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E f star, E f f and E d f / d kappa over new trajectories."""
    T = len(m)
    values, vectors = np.linalg.eigh(K)
    kappa = rng.standard_normal((count, T)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    star = rng.standard_normal(count)
    y = np.where(star >= 0, 1.0, -1.0)
    f, gain, tangent = np.zeros((count, T)), np.zeros((count, T)), np.zeros((count, T, T))
    for t in range(T):
        reaction = law.rate * R[t, 1 : t + 1]
        z = m[t] * star + kappa[:, t] - f[:, :t] @ reaction
        member = (rng.random(count) < law.batch) / law.batch
        f[:, t], gain[:, t] = member * law.loss.gradient(y, z), member * law.loss.curvature(y, z)
        tangent[:, t, :t] = -np.einsum("nk,nks->ns", gain[:, :t] * reaction, tangent[:, :t, :t])
        tangent[:, t, t] = 1.0
    memory = np.einsum("nt,nts->ts", gain, tangent, optimize=True) / count
    return f.T @ star / count, f.T @ f / count, memory


def kernels(
    law: SGDDynamics, signal: np.ndarray, forces: np.ndarray, memory: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """m, K and R that these averages imply."""
    T, eta, alpha, decay = len(signal), law.rate, law.alpha, 1 - law.rate * law.ridge
    m, R = np.zeros(T), np.eye(T)
    for t in range(T - 1):
        m[t + 1] = decay * m[t] - eta * alpha * signal[t]
        R[t + 1, : t + 1] = decay * R[t, : t + 1] - eta * alpha * memory[t, : t + 1] @ R[: t + 1, : t + 1]
    K = eta**2 * alpha * R[:, 1:] @ forces[:-1, :-1] @ R[:, 1:].T
    return m, K, R


def main() -> None:
    truth = LAW.replace(samples=TRUTH).predict()["overlap"]
    LAW.replace(steps=2).predict()  # imports
    ours, theirs = [], {n: [] for n in COUNTS}
    for seed in range(pick(3, 1)):
        spent, found = seconds(LAW.predict)
        ours.append(spent)
        for n in COUNTS:
            slow, (m, turns) = seconds(lambda n=n, seed=seed: peer(LAW, n, seed))
            theirs[n].append((slow, turns, size(m - truth)))
    mine, error, stated = statistics.median(ours), size(found["overlap"] - truth), size(found["overlap_error"])
    row(f"{LAW.steps} steps, {LAW.samples} points", mine, note=f"error {error:.1e}, stated {stated:.1e}")
    if error > 4 * stated:
        raise ArithmeticError("The stated error is too small.")
    for n, rows in theirs.items():
        slow, turns, _ = (statistics.median(column) for column in zip(*rows, strict=True))
        far = size(np.array([row[2] for row in rows]))
        if far > 4 / np.sqrt(n):
            raise ArithmeticError("The two do not solve the same equations.")
        equal = slow * (far / max(error, stated)) ** 2
        note = f"{slow:.2f} s, {turns:.0f} iterations, error {far:.1e} with {n} points"
        row("the same, at equal error", mine, equal, "whole history", note=note)
    for steps, points in LARGER:
        spent, found = seconds(LAW.replace(steps=steps, samples=points).predict)
        note = f"largest stated error {found['overlap_error'].max():.1e}"
        row(f"{steps} steps, {points} points", spent, note=note)


def size(errors: np.ndarray) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(np.square(errors))))


if __name__ == "__main__":
    main()
