"""State evolution and its transitions against the way they are usually computed.

That is one point at a time, by plain iteration, with SciPy's adaptive quadrature for both scalar averages; a threshold
by bisection on whether the iteration stays below perfect recovery.

    python benchmarks/state_evolution.py

Both solve the same equations to the same tolerance, checked against each other. Process CPU time, one thread, the two
interleaved, medians of three rounds; ours with nothing cached, and once with a cold process. A minute or two.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import resource  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
from scipy.integrate import quad  # noqa: E402
from scipy.special import log_ndtr  # noqa: E402
from timing import pick, row, seconds  # noqa: E402

TOLERANCE = 1e-8
ALPHAS = tuple(float(a) for a in np.linspace(0.4, 1.8, 15))
COARSE = 1e-4  # to this relative accuracy the peer finds the threshold; ours to 1e-9
STATEMENT = "BayesOptimal(prior=Rademacher(), channel=Sign())"
COLD = f"""
from asymptopia import parse, thresholds
found = thresholds(parse("{STATEMENT}"), "alpha")
assert abs(found["algorithmic"] - 1.4926318) < 1e-5
"""


def bell(t: float) -> float:
    return float(np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi))


def coordinate(A: float) -> float:
    """The posterior variance of a spin seen as A w + sqrt(A) z: E 1 / cosh(A + sqrt(A) z)**2."""
    return quad(lambda z: bell(z) / np.cosh(min(abs(A + np.sqrt(A) * z), 300)) ** 2, -12, 12, epsabs=1e-12)[0]


def label(v: float) -> float:
    """E (phi / Phi)**2 over the label of a field N(omega, v), omega ~ N(0, 1 - v)."""
    q = 1 - v

    def integrand(t: float) -> float:
        u = np.sqrt(q / v) * t
        return bell(t) * np.exp(-(u**2) - np.log(2 * np.pi) - log_ndtr(u))

    return 2 * quad(integrand, -12, 12, epsabs=1e-12, limit=200, points=[0.0])[0] / v


def peer(alpha: float) -> tuple[float, int]:
    """The posterior variance that plain iteration reaches without knowledge, and how many steps it took."""
    v = 1 - 1e-12
    for count in range(1, 5000):
        new = coordinate(alpha * label(v))
        if new < 1e-7 or abs(new - v) < TOLERANCE:
            return new, count
        v = new
    raise ArithmeticError("The peer did not converge.")


def retrieval(v: float) -> float:
    """The same for absolute values of the field: E ((y tanh(omega y / v) - omega) / v)**2, nested quadrature."""

    def given(omega: float) -> float:
        def integrand(t: float) -> float:
            y = abs(omega + np.sqrt(v) * t)
            return bell(t) * ((y * np.tanh(omega * y / v) - omega) / v) ** 2

        return quad(integrand, -8, 8, epsabs=1e-8, epsrel=1e-8)[0]

    scale = np.sqrt(1 - v)
    return 2 * quad(lambda t: bell(t) * given(scale * t), 0, 8, epsabs=1e-8, epsrel=1e-8)[0]


def peer_retrieval() -> float:
    """The posterior variance of a Gaussian signal at alpha = 0.8, from a little knowledge."""
    v = 0.9
    for _ in range(1000):
        new = 1 / (1 + 0.8 * retrieval(v))
        if abs(new - v) < 1e-6:
            return new
        v = new
    raise ArithmeticError("The peer did not converge.")


def peer_threshold() -> float:
    """alpha above which the iteration recovers the spins, by bisection."""
    low, high = 1.4, 1.6
    while high - low > COARSE * low:
        middle = (low + high) / 2
        low, high = (low, middle) if peer(middle)[0] < 1e-7 else (middle, high)
    return (low + high) / 2


def cold() -> float:
    """CPU seconds of a new process that imports the package and finds the transitions."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", COLD], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    from asymptopia import parse, sweep, thresholds
    from asymptopia.contract import transitions
    from asymptopia.laws.inference.bayes_optimal.theory import curve

    law = parse(STATEMENT)
    line = sweep(law, alpha=ALPHAS)
    line.limit()  # imports xarray
    retrieval_line = sweep(
        parse("BayesOptimal(channel=Abs())"), alpha=(0.6, 0.65, 0.7, 0.75, 0.8, *np.linspace(0.82, 1.0, 10))
    )

    def ours() -> Any:
        curve.cache_clear()
        return line.limit().mse.values

    def our_threshold() -> float:
        curve.cache_clear()
        transitions._transitions_along.cache_clear()
        return thresholds(law, "alpha")["algorithmic"]

    def theirs() -> Any:
        return np.array([peer(a)[0] for a in ALPHAS])

    def our_retrieval() -> float:
        curve.cache_clear()
        return float(retrieval_line.limit().mse[4])

    sides = {
        "limit": (ours, theirs), "threshold": (our_threshold, peer_threshold),
        "retrieval": (our_retrieval, peer_retrieval),
    }  # fmt: skip
    taken: dict[str, list[list[float]]] = {name: [[], []] for name in sides}
    for _ in range(pick(3, 1)):
        for name, pair in sides.items():
            values = []
            for side, function in enumerate(pair):
                spent, value = seconds(function)
                taken[name][side].append(spent)
                values.append(value)
            if np.max(np.abs(values[0] - values[1])) > (COARSE * 1.5 if name == "threshold" else 2e-5):
                raise ArithmeticError(f"The two do not agree: {values}.")
    words = {
        "limit": "perceptron, a value of alpha among 15",
        "threshold": f"its transitions (peer: one, to {COARSE:g})",
        "retrieval": "phase retrieval, a value among 15",
    }
    points = {"limit": (15, 15), "threshold": (1, 1), "retrieval": (15, 1)}
    for name, (mine, other) in taken.items():
        a, b = (statistics.median(times) / count for times, count in zip((mine, other), points[name], strict=True))
        row(words[name], a, b, "SciPy quad")
    row("transitions, cold process included", statistics.median(cold() for _ in range(pick(3, 1))))


if __name__ == "__main__":
    main()
