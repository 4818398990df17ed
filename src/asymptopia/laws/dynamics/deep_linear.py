"""Deep linear networks learn the modes of their task one after the other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key

SAXE = "Saxe, McClelland and Ganguli, ICLR 2014, arXiv:1312.6120, equations 9 to 13"
RECOMPUTED = "the equation of a mode, integrated independently"
RTOL = 1e-6  # of the gradient flow of a network, far below its fluctuations


def _landmarks() -> tuple[Landmark, ...]:
    def mark(layers: int, s: float, scale: float, time: float, value: float, source: str) -> Landmark:
        stated = dict(layers=layers, singular_values=(s,), scale=scale, times=(time,))
        return Landmark(stated, "strength", value, 1e-9, source, at=(0, 0))

    return (
        mark(2, 3.0, 0.01, 1.0, 1.7230022340915365, SAXE),
        mark(2, 1.0, 0.001, 3.0, 0.287664368675717, SAXE),
        mark(3, 2.0, 0.05, 0.5, 0.1822968138816038, RECOMPUTED),
        mark(4, 2.0, 0.05, 0.5, 0.1525981610584589, RECOMPUTED),
        mark(6, 2.0, 0.05, 2.0, 1.9999999971850477, RECOMPUTED),
    )


class DeepLinear(Law):
    r"""A deep linear network learns the modes of a linear map, the strong ones first.

    Inputs are white, and the map $S = U\, \mathrm{diag}(s_1, \dots, s_r) V^T$ is to be learned by gradient flow on

    $$\mathcal L = \frac12 |S - W_L \cdots W_1|^2,$$

    half the mean squared error. The hidden layers have n units, all; they carry r random directions,
    $W_1 = a G_1 V^T$, $W_l = a G_l G_{l-1}^T$ and $W_L = a U G_{L-1}^T$, with $a^L$ = `scale` and $G_l$ an n x r matrix
    of independent entries N(0, 1/n). In wide layers these directions become orthonormal: the layers are then balanced
    and aligned, modes do not mix, and the strength $u_k$ of each in the product tends, as $n \to \infty$, to

    $$\dot u = L\, u^{2 - 2/L} (s - u), \qquad u(0) = a^L,$$

    the loss to $\frac12 \sum_k (s_k - u_k)^2$. For one and two layers

    $$u = s + (u_0 - s) e^{-t}, \qquad u = \frac{s}{1 + (s/u_0 - 1) e^{-2 s t}};$$

    for more the equation is integrated. A small `scale` makes the loss a staircase, from saddle to saddle: mode k is
    learned at a time of order $\log(s_k/u_0)/2 s_k$ (two layers) or $u_0^{2/L - 1}/((L - 2) s_k)$ (more).
    """

    layers: int = field(3, "number of weight matrices", at_least=1)
    singular_values: tuple[float, ...] = field((3.0, 1.5), "of the map to be learned, each >= 0")
    scale: float = field(0.1, "strength of every mode at the start", above=0)
    times: tuple[float, ...] = field((0.2, 0.4, 0.6, 0.8, 1.2), "times, increasing", at_least=0, axis="time")

    defaults = Defaults(size="width", sizes=(40, 80, 160), seeds=200, block=50)
    references = References(
        source=SAXE,
        status="proved",
        bibtex="""@inproceedings{SaxeMcClellandGanguli2014,
  author = {Saxe, Andrew M. and McClelland, James L. and Ganguli, Surya},
  title = {Exact solutions to the nonlinear dynamics of learning in deep linear neural networks},
  booktitle = {International Conference on Learning Representations}, year = {2014}
}""",
    )
    observables = {
        "strength": Observable("u", "strength of each mode in the network's map", dims=("time", "mode")),
        "loss": Observable(r"\mathcal L", "half the squared distance to the map", dims=("time",)),
    }
    landmarks = _landmarks()

    def __post_init__(self) -> None:
        super().__post_init__()
        s = np.asarray(self.singular_values, float)
        if s.ndim != 1 or not len(s) or not np.isfinite(s).all() or (s < 0).any():
            stated = self.singular_values
            raise StatementError(
                f"`singular_values` of DeepLinear must be numbers >= 0, at least one, but is {stated}."
            )

    def predict(self) -> dict[str, Any]:
        s, t = np.array(self.singular_values), np.array(self.times)
        solve = {1: _one_layer, 2: _two_layers}.get(self.layers, self._integrated)
        u = solve(s, self.scale, t[:, None])
        return {"strength": u, "loss": ((s - u) ** 2).sum(axis=1) / 2}

    def _integrated(self, s: np.ndarray, start: float, t: np.ndarray) -> np.ndarray:
        """log u solves d(log u)/dt = L u**(1 - 2/L) (s - u), which is stiff once the modes are learned."""
        from scipy.integrate import solve_ivp

        L, power = self.layers, 1 - 2 / self.layers

        def speed(_: float, x: np.ndarray) -> np.ndarray:
            return L * np.exp(power * x) * (s - np.exp(x))

        def jacobian(_: float, x: np.ndarray) -> np.ndarray:
            u = np.exp(x)
            return np.diag(L * u**power * (power * (s - u) - u))

        x0 = np.full(len(s), np.log(start))
        if t[-1, 0] == 0:
            return np.exp(x0)[None]
        solution = solve_ivp(
            speed, (0.0, t[-1, 0]), x0, "Radau", t[:, 0], jac=jacobian, rtol=1e-11, atol=1e-12, vectorized=False
        )
        if not solution.success:
            raise ArithmeticError(f"The equation of the modes could not be integrated: {solution.message}")
        return np.exp(solution.y.T)

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        s, a = np.array(self.singular_values), self.scale ** (1 / self.layers)
        weights = _layers(generator(key), self.layers, len(s), n, a)
        maps = _flow(weights, np.diag(s), np.array(self.times))
        loss = ((np.diag(s) - maps) ** 2).sum(axis=(1, 2)) / 2
        return {"strength": np.diagonal(maps, axis1=1, axis2=2), "loss": loss}

    def coords(self) -> dict[str, Any]:
        return {"time": np.array(self.times), "mode": np.arange(len(self.singular_values))}


def half_times(law: DeepLinear) -> np.ndarray:
    """The time at which each mode reaches half its strength, the steps of the loss; 0 if it starts above."""
    from scipy.integrate import quad

    L, start, crossings = law.layers, law.scale, []
    for s in law.singular_values:
        if s / 2 <= start:
            crossings.append(0.0)
        elif L == 1:
            crossings.append(np.log(2 * (s - start) / s))
        else:  # dt = d(log u) u**(2/L - 1) / (L (s - u))
            f = quad(
                lambda x, s=s: np.exp((2 / L - 1) * x) / (L * (s - np.exp(x))),
                np.log(start),
                np.log(s / 2),
                epsrel=1e-12,
            )
            crossings.append(f[0])
    return np.array(crossings)


def _one_layer(s: np.ndarray, start: float, t: np.ndarray) -> np.ndarray:
    return s + (start - s) * np.exp(-t)


def _two_layers(s: np.ndarray, start: float, t: np.ndarray) -> np.ndarray:
    """s / (1 + (s/start - 1) exp(-2 s t)), which tends to start / (1 + 2 start t) as s does to 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.where(s > 0, -np.expm1(-2 * s * t) / np.where(s > 0, s, 1.0), 2 * t)
    return start / (np.exp(-2 * s * t) + start * grown)


def _layers(rng: np.random.Generator, layers: int, r: int, n: int, a: float) -> list[np.ndarray]:
    """The weights at the start, with U and V the first r unit vectors."""
    ends = [np.eye(r)] + [rng.standard_normal((n, r)) / np.sqrt(n) for _ in range(layers - 1)] + [np.eye(r)]
    return [a * left @ right.T for right, left in pairwise(ends)]


def _flow(weights: list[np.ndarray], target: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The network's map (T, r, r) at these times, by gradient flow on all weights, with controlled error."""
    from scipy.integrate import solve_ivp

    shapes = [w.shape for w in weights]
    ends = np.cumsum([w.size for w in weights])[:-1]

    def unpack(x: np.ndarray) -> list[np.ndarray]:
        return [p.reshape(shape) for p, shape in zip(np.split(x, ends), shapes, strict=True)]

    def speed(_: float, x: np.ndarray) -> np.ndarray:
        inputs = [np.eye(shapes[0][1])]
        w = unpack(x)
        for layer in w:
            inputs.append(layer @ inputs[-1])
        back, gradients = target - inputs[-1], []
        for layer, seen in zip(reversed(w), reversed(inputs[:-1]), strict=True):
            gradients.append((back @ seen.T).ravel())
            back = layer.T @ back
        return np.concatenate(gradients[::-1])

    def product(x: np.ndarray) -> np.ndarray:
        return np.linalg.multi_dot([*unpack(x)[::-1], np.eye(shapes[0][1])])

    x = np.concatenate([w.ravel() for w in weights])
    maps, now = [], 0.0
    for time in times:
        if time > now:
            solved = solve_ivp(speed, (now, time), x, "DOP853", [time], rtol=RTOL, atol=RTOL / 100)
            if not solved.success:
                raise ArithmeticError(f"The gradient flow could not be integrated: {solved.message}")
            x, now = solved.y[:, -1], time
        maps.append(product(x))
    return np.array(maps)
