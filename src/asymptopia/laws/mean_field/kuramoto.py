"""Coupled oscillators of different frequencies, with noise: when and how far they synchronise."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key
from ...parts.frequencies import Frequencies, GaussianFrequencies, Lorentzian, UniformFrequencies

if TYPE_CHECKING:
    import jax

STROGATZ = "Strogatz, Physica D 143 (2000) 1, eq. 4.5 to 4.10"
OTT = "Ott and Antonsen, Chaos 18 (2008) 037113, eq. 10 and 11"
SAKAGUCHI = "Sakaguchi, Prog. Theor. Phys. 79 (1988) 39"
PAZO = "Pazo, Phys. Rev. E 72 (2005) 046211: the jump pi/4 of uniform frequencies"
HILDEBRAND = "Hildebrand, Buice and Chow, Phys. Rev. Lett. 98 (2007) 054101: 1 / (1 - K / K_c) of the incoherent state"
LEVELS, TOLERANCE = 6, 1e-5
BEYOND = 100.0  # logarithm of a fluctuation that no system is large enough to have


def _landmarks() -> tuple[Landmark, ...]:
    gauss, flat = GaussianFrequencies(1.0), UniformFrequencies(1.0)
    bessel = "closed form of the integral over locked oscillators, K**2 r**2 / 4 in Bessel functions"
    edge = dict(frequencies=flat, noise=0.0, coupling=1.2732396)
    return (
        Landmark(dict(frequencies=Lorentzian(1.0), noise=0.0), "synchronisation", 2.0, 1e-12, STROGATZ, "coupling"),
        Landmark(dict(frequencies=Lorentzian(1.0), noise=0.5), "synchronisation", 3.0, 1e-12, SAKAGUCHI, "coupling"),
        Landmark(
            dict(frequencies=gauss, noise=0.0), "synchronisation", 1.5957691216057308, 1e-12, STROGATZ, "coupling"
        ),
        Landmark(dict(frequencies=flat, noise=0.0), "synchronisation", 4 / math.pi, 1e-12, PAZO, "coupling"),
        Landmark(edge, "stationary_order", math.pi / 4, 1e-4, PAZO),
        Landmark(
            dict(frequencies=gauss, noise=0.0, coupling=2.0), "stationary_order", 0.7151739566831841, 1e-10, bessel
        ),
        Landmark(dict(noise=0.0, coupling=2.0), "stationary_order", math.sqrt(0.5), 1e-10, OTT),
        Landmark(dict(coupling=0.6, times=(40.0,)), "fluctuation", 2.0, 1e-5, HILDEBRAND, at=(0,)),
    )


class Kuramoto(Law):
    r"""Oscillators of different frequencies that pull each other synchronise above a critical coupling.

    n phases obey, with frequencies $\omega_i$ drawn once and independent noise,

    $$d\theta_i = \omega_i\,dt + K\,\mathrm{Im}(Z e^{-i\theta_i})\,dt + \sqrt{2D}\,dW_i, \qquad
    Z = \frac1n \sum_j e^{i\theta_j} .$$

    Phases start independent, with the density of Poisson's kernel: $E e^{ik\theta} = r_0^k$.

    Limit: n to infinity at fixed times. The moments $z_k(\omega, t) = E(e^{ik\theta} \mid \omega)$ obey

    $$\dot z_k = (i k \omega - k^2 D) z_k + \frac{kK}{2} r (z_{k-1} - z_{k+1}), \qquad r = E_\omega z_1,$$

    and `order` is r, `second_order` $E_\omega z_2$. Without noise $z_k = z_1^k$ for ever (Ott and Antonsen); for
    Lorentzian frequencies of width w the mean over $\omega$ is the value at $\omega = i w$, so that together
    $\dot r = (K/2 - w) r - K r^3 / 2$. `stationary_order` solves $r = E_\omega z_1$ in the stationary state under the
    drive K r; it is 0 up to the critical coupling (`synchronisation` along `coupling`)

    $$K_c = 2 \Big/ \int_0^\infty E e^{i\omega t} e^{-Dt}\,dt ,$$

    which is $2(w + D)$, or $2 / \pi g(0)$ without noise. `fluctuation` is the limit of $n E|Z|^2$ for phases that start
    uniform: they respond linearly to their own finite number,
    $Z(t) = Z_0(t) + \frac K2 \int_0^t E e^{i\omega(t-s)} e^{-D(t-s)} Z(s)\,ds$, with $Z_0$ that of free oscillators.
    `fluctuation` counts as infinite where $(K - K_c)\, t > 100$: no system is so large.

    Phases are measured from that of the start, so that `order` is the mean of cosines, with corrections of 1/n also
    where r = 0 (there |Z| is of order $n^{-1/2}$). The system takes steps of order $n^{-1/2}$, each exact for the Z of
    its middle.
    """

    coupling: float = field(1.5, "coupling K", at_least=0, unit="1/time")
    frequencies: Frequencies = field(Lorentzian(), "distribution of the natural frequencies")
    noise: float = field(0.1, "diffusion D of a phase", at_least=0, unit="1/time")
    start: float = field(0.8, "order r0 at the start", at_least=0, at_most=1)
    times: tuple[float, ...] = field((0.25, 0.5, 1.0), "times, increasing", at_least=0, axis="time")

    defaults = Defaults(size="oscillators", sizes=(30, 60, 120, 240), seeds=4000, block=1000)
    references = References(
        source=f"Kuramoto (1975); {STROGATZ}; {OTT}; {SAKAGUCHI}",
        status=(
            "proved at fixed times; fluctuations to leading order in 1/n; the stationary order as the largest solution"
        ),
        bibtex="""@article{Strogatz2000,
  author = {Strogatz, Steven H.},
  title = {From {K}uramoto to {C}rawford: exploring the onset of synchronization in populations of coupled oscillators},
  journal = {Physica D},
  volume = {143}, pages = {1--20}, year = {2000}
}
@article{OttAntonsen2008,
  author = {Ott, Edward and Antonsen, Thomas M.},
  title = {Low dimensional behavior of large systems of globally coupled oscillators},
  journal = {Chaos},
  volume = {18}, pages = {037113}, year = {2008}
}""",
    )
    observables = {
        "order": Observable("r", "order parameter, mean cosine of the phases", dims=("time",), scale=1.0),
        "second_order": Observable("r_2", "mean cosine of twice the phases", dims=("time",), scale=1.0),
        "fluctuation": Observable(r"n E|Z|^2", "n |Z|**2 from a uniform start", dims=("time",), resolution=0.1),
        "stationary_order": Observable(r"r_\infty", "order parameter after a long time", limit_only=True),
    }
    exercises = (
        dict(frequencies=GaussianFrequencies(0.7), noise=0.3, coupling=2.5, times=(0.5, 1.5)),
        dict(frequencies=UniformFrequencies(0.8), noise=0.0, coupling=1.0, start=0.9),
    )
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        prediction: dict[str, Any] = {"stationary_order": self.stationary()}
        for names, computed in ((("order", "second_order"), self._moments), (("fluctuation",), self._fluctuations)):
            values, errors = _refined(computed)
            for name, value, error in zip(names, values, errors, strict=True):
                prediction |= {name: value, f"{name}_error": error}
        return prediction

    def _moments(self, level: int) -> np.ndarray:
        """Order and second order at the times, (2, T), by steps of fourth order between which free phases turn."""
        modes = 1 if self.noise == 0 else 8 * 2**level
        turns = math.ceil(2 * self.frequencies.spread() * self.times[-1])
        finer = 2**level if self.noise == 0 else 1 + level  # noise makes the moments smooth in the frequency
        omega, weight = self.frequencies.nodes(min(16 + turns, 1000) * finer)
        k = np.arange(1, modes + 1)
        free, half = 1j * k * omega[:, None] - self.noise * k**2, self.coupling / 2 * k
        around = np.ones((len(omega), modes + 2), complex)  # moments from 0 to one beyond the last

        def pull(z: np.ndarray) -> np.ndarray:
            around[:, 1:-1] = z
            np.multiply(z[:, -1], z[:, 0], out=around[:, -1])
            r = weight @ z[:, 0].real
            return half * r * (around[:, :-2] - around[:, 2:])

        z = np.broadcast_to(self.start ** k.astype(float), free.shape).astype(complex)
        rate = self.coupling * modes + self.noise + self.frequencies.spread()
        rows = []
        for begin, end in pairwise((0.0, *self.times)):
            steps = max(1, math.ceil((end - begin) * rate * (1 if modes > 1 else 2**level)))
            z = _march(pull, free, z, (end - begin) / steps, steps)
            second = z[:, 1] if modes > 1 else z[:, 0] ** 2
            rows.append((weight @ z[:, 0].real, weight @ second.real))
        return np.array(rows).T

    def _fluctuations(self, level: int) -> np.ndarray:
        """n E |Z|**2 at the times: what Z answers to itself by the trapezoidal rule, extrapolated once."""

        def once(t: float, steps: int) -> float:
            h = t / steps
            clock = h * np.arange(steps + 1)
            memory = self.frequencies.transform(clock) * np.exp(-self.noise * clock)
            gain = h * self.coupling / 2
            answer = self.coupling / 2 * memory
            for i in range(1, steps + 1):
                inner = memory[i - 1 : 0 : -1] @ answer[1:i] + memory[i] * answer[0] / 2
                answer[i] = (answer[i] + gain * inner) / (1 - gain / 2)
            weights = h * answer
            weights[[0, -1]] /= 2
            weights[0] += 1
            return float(weights @ matmul_toeplitz(memory, weights))

        from scipy.linalg import matmul_toeplitz

        rate = self.coupling + self.noise + self.frequencies.spread()
        counts = [math.ceil((8 + t * rate) * 2**level) for t in self.times]
        values = [
            math.inf if self._growth(t) > BEYOND else (4 * once(t, 2 * m) - once(t, m)) / 3
            for t, m in zip(self.times, counts, strict=True)
        ]
        return np.array([values])

    def _growth(self, t: float) -> float:
        """The logarithm by which fluctuations above the critical coupling have grown."""
        return (self.coupling - self.frequencies.critical(self.noise)) * t

    def stationary(self) -> float:
        """The largest r that the drive K r sustains."""
        from scipy.optimize import brentq

        K = self.coupling
        if self.frequencies.critical(self.noise) * (1 + 1e-12) >= K:
            return 0.0
        if K * self._response(K) >= K:
            return 1.0
        return float(brentq(lambda x: K * self._response(x) - x, 1e-7 * K, K, xtol=1e-14 * K, rtol=1e-13)) / K

    def _response(self, drive: float) -> float:
        """The stationary mean cosine in the drive x: z_1 of a continued fraction, without noise of a quadratic."""
        omega, weight = self.frequencies.nodes(256, drive)
        turn = -1j * omega
        if self.noise == 0:
            ratio = (np.sqrt(drive**2 + turn**2 + 0j) - turn) / drive
            return float(weight @ ratio.real)
        ratio = np.zeros(len(omega), complex)
        for k in range(math.ceil(30 + 12 * math.sqrt(drive / self.noise)), 0, -1):
            ratio = drive / 2 / (k * self.noise + turn + drive / 2 * ratio)
        return float(weight @ ratio.real)

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        first, second, third = jax.random.split(key, 3)
        omega = jax.vmap(lambda k: self.frequencies.draw(k, n))(jax.random.split(first))
        circle = jnp.exp(2j * jnp.pi * jax.random.uniform(second, (2, n)))
        order = jnp.array([self.start, 0.0])[:, None]
        z = (circle + order) / (1 + order * circle)
        rows = []
        rate = (self.coupling + self.noise + self.frequencies.spread()) * n**0.5 / 3
        for i, (begin, end) in enumerate(pairwise((0.0, *self.times))):
            steps = jnp.maximum(1, jnp.ceil((end - begin) * rate)).astype(int)
            z = self._run(z, omega, (end - begin) / steps, steps, jax.random.fold_in(third, i))
            rows.append((z[0].real.mean(), (z[0] ** 2).real.mean(), n * jnp.abs(z[1].mean()) ** 2))
        order, double, square = (jnp.stack(row) for row in zip(*rows, strict=True))
        return {"order": order, "second_order": double, "fluctuation": square}

    def _run(self, z: jax.Array, omega: jax.Array, step: jax.Array, steps: jax.Array, key: jax.Array) -> jax.Array:
        """Points on the circle (2, n) after so many steps: noise, the pull of Z half way through, and noise."""
        import jax
        import jax.numpy as jnp

        def once(i: jax.Array, z: jax.Array) -> jax.Array:
            turns = jax.random.normal(jax.random.fold_in(key, i), (2, *z.shape)) * jnp.sqrt(self.noise * step)
            z = z * jnp.exp(1j * turns[0])
            half = _pulled(z, omega, self.coupling * z.mean(axis=1, keepdims=True), step / 2)
            z = _pulled(z, omega, self.coupling * half.mean(axis=1, keepdims=True), step)
            return z * jnp.exp(1j * turns[1])

        return jax.lax.fori_loop(0, steps, once, z)

    def valid(self) -> str | None:
        gap = self._growth(self.times[-1])
        if gap > 6:
            return (
                "above the critical coupling the fluctuations of phases that start uniform grow for so long that "
                f"`fluctuation` is reached only for n much larger than {math.exp(min(gap, 600)):.1e}"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """`synchronisation`: the critical `coupling`, or the `noise` at which a coupling is critical."""
        from scipy.optimize import brentq

        if along == "coupling":
            return {"synchronisation": self.frequencies.critical(self.noise)}
        if along != "noise":
            raise StatementError(f"Kuramoto has no known transition along {along!r}, but along 'coupling' and 'noise'.")
        if self.coupling <= self.frequencies.critical(0.0):
            return {}
        return {"synchronisation": brentq(lambda d: self.frequencies.critical(d) - self.coupling, 0, self.coupling)}


def _refined(computed: Callable[[int], np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """An array computed ever more finely, and what the last refinement changed."""
    before = computed(0)
    for level in range(1, LEVELS):
        with np.errstate(all="ignore"):
            now = computed(level)
            error = np.where(now == before, 0.0, np.abs(now - before))
        if (error <= TOLERANCE * np.maximum(1.0, np.abs(now))).all():
            return now, error
        before = now
    raise ArithmeticError(
        f"The moments of the phases change by {error.max():.1e} at the last refinement: the last of `times` is too "
        "late for the `coupling`, or `noise` too weak; without noise the equations are simpler."
    )


def _march(
    pull: Callable[[np.ndarray], np.ndarray], free: np.ndarray, z: np.ndarray, h: float, steps: int
) -> np.ndarray:
    """z after so many steps h of z' = free z + pull(z): the classical Runge-Kutta steps of exp(-free t) z."""
    turn = np.exp(free * h / 2)
    for _ in range(steps):
        a = pull(z)
        b = pull(turn * (z + h / 2 * a))
        c = pull(turn * z + h / 2 * b)
        d = pull(turn * (turn * z + h * c))
        z = turn * (turn * (z + h / 6 * a) + h / 3 * (b + c)) + h / 6 * d
    return z


def _pulled(z: jax.Array, omega: jax.Array, drive: jax.Array, h: jax.Array) -> jax.Array:
    """Points z on the circle after a time h of z' = i omega z + (drive - conj(drive) z**2) / 2: a map of Moebius."""
    import jax.numpy as jnp

    square = (jnp.abs(drive) ** 2 - omega**2) / 4
    root = jnp.sqrt(jnp.abs(square)) * h
    grow = jnp.minimum(root, 300.0)
    cosine = jnp.where(square > 0, jnp.cosh(grow), jnp.cos(root))
    sine = h * jnp.where(square > 0, jnp.sinh(grow) / jnp.maximum(grow, 1e-30), jnp.sinc(root / jnp.pi))
    turn = 0.5j * omega
    moved = (cosine * z + sine * (turn * z + drive / 2)) / (cosine + sine * (jnp.conj(drive) / 2 * z - turn))
    return moved / jnp.abs(moved)
