"""The limit of logistic ERM against the way it is usually computed.

That is one point at a time, by adaptive quadrature in SciPy with a scalar minimiser for the proximal map inside.

    python benchmarks/erm_limit.py

Both solve the same equations to the same tolerance, checked against each other. Process CPU time, one thread, the two
interleaved, medians of three rounds; a cold process (import included) is a row of its own. About two minutes.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import resource  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402

import numpy as np  # noqa: E402
from scipy.integrate import quad  # noqa: E402
from scipy.optimize import minimize_scalar  # noqa: E402
from scipy.special import expit, ndtr  # noqa: E402
from timing import pick, row, seconds  # noqa: E402

TOLERANCE = 1e-6
RIDGE = 0.1
PEER_ALPHAS = pick((0.5, 2.0), (2.0,))
OUR_ALPHAS = tuple(np.unique(np.r_[PEER_ALPHAS, np.linspace(0.5, 8.0, 199)]))
COLD = """
import numpy as np
from asymptopia import parse, sweep
limit = sweep(parse("ERM(ridge={ridge}, loss=Logistic())"), alpha=tuple(np.linspace(0.5, 8.0, 200))).limit()
assert np.isfinite(limit.test_error).all()
"""


def peer(alpha: float) -> tuple[float, float, int]:
    """Overlap and norm by damped iteration of m, q, V; and how many iterations."""
    m, q, V = 0.2, 0.3, 1 / (1 + alpha)
    for count in range(1, 2000):
        f2, slope, signal = peer_averages(m, q, V)
        m_hat, q_hat, V_hat = alpha * signal, alpha * f2, -alpha * slope
        new = m_hat / (RIDGE + V_hat), (m_hat**2 + q_hat) / (RIDGE + V_hat) ** 2, 1 / (RIDGE + V_hat)
        residual = max(abs(a - b) for a, b in zip(new, (m, q, V), strict=True))
        if residual < TOLERANCE:
            return new[0], new[1], count
        m, q, V = (0.5 * a + 0.5 * b for a, b in zip(new, (m, q, V), strict=True))
    raise ArithmeticError("The peer did not converge.")


def peer_averages(m: float, q: float, V: float) -> tuple[float, float, float]:
    """E f**2, E df/d omega and E f d log P / d mean for the sign teacher, label +1 twice by symmetry."""
    left = 1 - m**2 / q

    def proximal(omega: float) -> float:
        def cost(z: float) -> float:
            return np.logaddexp(0.0, -z) + (z - omega) ** 2 / (2 * V)

        return float(minimize_scalar(cost, bounds=(omega, omega + V), method="bounded", options={"xatol": 1e-9}).x)

    def integral(function) -> float:
        def integrand(t: float) -> float:
            omega = np.sqrt(q) * t
            return function(omega, proximal(omega)) * np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi)

        return 2 * quad(integrand, -8, 8, epsabs=1e-8, epsrel=1e-8, limit=200)[0]

    def chance(omega: float) -> float:
        return float(ndtr(m / q * omega / np.sqrt(left)))

    def bell(omega: float) -> float:
        return float(np.exp(-((m / q * omega) ** 2) / (2 * left)) / np.sqrt(2 * np.pi * left))

    def curvature(z: float) -> float:
        return float(expit(z) * expit(-z))

    f2 = integral(lambda omega, z: chance(omega) * ((z - omega) / V) ** 2)
    slope = integral(lambda omega, z: -chance(omega) * curvature(z) / (1 + V * curvature(z)))
    return f2, slope, integral(lambda omega, z: bell(omega) * (z - omega) / V)


def cold() -> float:
    """CPU seconds of a new process that imports the package and computes all of our points."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", COLD.format(ridge=RIDGE)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    from asymptopia import parse, sweep

    law = parse(f"ERM(ridge={RIDGE}, loss=Logistic())")
    ours, theirs, starts = [], {alpha: [] for alpha in PEER_ALPHAS}, []
    for number in range(pick(3, 1)):
        spent, limit = seconds(lambda: sweep(law, alpha=OUR_ALPHAS).limit())
        ours.append(spent / limit.sizes["alpha"])
        starts.append(cold() / len(OUR_ALPHAS))
        for alpha in PEER_ALPHAS if number == 0 else PEER_ALPHAS[:1]:
            spent, (m, q, count) = seconds(lambda alpha=alpha: peer(alpha))
            theirs[alpha].append(spent)
            here = limit.sel(alpha=alpha)
            apart = max(abs(m / float(here.overlap) - 1), abs(q / float(here.norm) - 1))
            print(f"  peer, alpha={alpha:g}: {spent:.1f} s, {count} steps, {apart:.0e} from ours", file=sys.stderr)
            if apart > 1e-4:
                raise ArithmeticError("The two do not solve the same equations.")
    warm, first = statistics.median(ours), statistics.median(starts)
    for alpha, times in theirs.items():
        slow = 1e3 * statistics.median(times)
        row(f"alpha = {alpha:g}, a point of 200", 1e3 * warm, slow, "SciPy quad", "ms")
        row("the same, a cold process shared among them", 1e3 * first, slow, "SciPy quad", "ms")


if __name__ == "__main__":
    main()
