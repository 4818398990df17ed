"""What laws of this field share: densities of particles in cells, and the statement of two-layer networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...contract.law import Law, NoLimit, References
from ...contract.record import StatementError, check_increasing, field
from ...numerics.arrays import Key
from ...parts.activation import Activation, Tanh
from ...parts.data import Data
from ...parts.inputs import Curve, Inputs, IsotropicGaussians, Rows, inputs_of
from ...parts.neurons import Neurons, Weights

if TYPE_CHECKING:
    import jax

    from ...theory.two_layer import Setting

MOST_ROWS, TESTED = 20_000, 2000
BIBTEX = r"""@article{MeiMontanariNguyen2018,
  author = {Mei, Song and Montanari, Andrea and Nguyen, Phan-Minh},
  title = {A mean field view of the landscape of two-layer neural networks},
  journal = {Proceedings of the National Academy of Sciences},
  volume = {115}, pages = {E7665--E7671}, year = {2018}
}
@article{SirignanoSpiliopoulos2020,
  author = {Sirignano, Justin and Spiliopoulos, Konstantinos},
  title = {Mean field analysis of neural networks: a central limit theorem},
  journal = {Stochastic Processes and their Applications},
  volume = {130}, pages = {1820--1852}, year = {2020}
}"""


class CellDensity:
    """For laws of particles on the line with a density in each cell between neighbouring `edges`."""

    edges: tuple[float, ...]
    cells: ClassVar[str] = "position"

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[misc]
        check_increasing(self, "edges", "two or more numbers that increase", at_least=-np.inf, count=2)  # type: ignore[arg-type]

    def coords(self) -> dict[str, Any]:
        """The axes of the fields, and the middle of every cell on the axis named by `cells`."""
        ends = np.array(self.edges)
        return super().coords() | {self.cells: (ends[1:] + ends[:-1]) / 2}  # type: ignore[misc]


class _Network(Law):
    """The statement of a two-layer network."""

    activation: Activation = field(Tanh(), "what a neuron makes of its field")
    data: Inputs | Data = field(Curve(), "inputs and labels: a distribution, or the rows of a data set")
    start: Neurons = field(Weights(), "what a neuron is, and the distribution from which neurons start")
    rate: float = field(1.0, "rate a", above=0)
    noise: float = field(0.1, "variance of the noise that SGD finds on labels", at_least=0)
    batch: int = field(1, "samples a step of SGD, of a/N each; 0 for gradient flow", at_least=0)
    times: tuple[float, ...] = field(
        (0.25, 0.5, 1.0), "times, increasing: N steps make one unit of time", at_least=0, axis="time"
    )
    probes: tuple[Any, ...] = field((), "inputs at which outputs are looked at; empty for four that suit the data")

    size = "neurons"
    references = References(bibtex=BIBTEX)

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.data, IsotropicGaussians) and self.batch == 0:
            raise StatementError(
                f"`batch` of {type(self).__name__} must be >= 1 on IsotropicGaussians: gradient flow would need "
                "averages over all its inputs."
            )
        probes = np.asarray(self.probes, float) if self.probes else np.zeros((1, 1))
        if probes.ndim > 2 or not np.isfinite(probes).all():
            raise StatementError(
                f"`probes` of {type(self).__name__} must be numbers, or points of equally many numbers, all finite, "
                f"but is {self.probes}."
            )

    def check(self) -> None:
        if not np.isfinite(self.start.second_moment()):
            raise NoLimit(
                f"`start` of {type(self).__name__} must have a second moment, but {self.start!r} has none: "
                "Student has one for `degrees` > 2."
            )
        moving = np.abs(self.activation.derivative(np.linspace(-3.0, 3.0, 61))).max() > 0
        if not moving and isinstance(self.start, Weights):
            raise NoLimit(f"{self.activation!r} has slope 0 almost everywhere: such neurons never move.")

    def unstable(self, n: int) -> str | None:
        if not self.batch:
            return None
        return (
            f"steps of rate / n = {self.rate / n:g} can be too long for {n} neurons of {self.activation!r}, though not "
            "for the limit, whose steps vanish; take more neurons or a smaller `rate`."
        )

    def coords(self) -> dict[str, Any]:
        probes = self.where(inputs_of(self.data))
        return {
            "time": np.array(self.times),
            "probe": probes[:, 0] if probes.shape[1] == 1 else np.arange(len(probes)),
        }

    def where(self, inputs: Any) -> np.ndarray:
        """The probes, shape (P, d)."""
        if not self.probes:
            return np.asarray(inputs.probes())
        probes = np.asarray(self.probes, float)
        if probes.size % inputs.dimension or (probes.ndim == 2 and probes.shape[1] != inputs.dimension):
            raise StatementError(
                f"`probes` of {type(self).__name__} must be points of {inputs.dimension} numbers each, but is "
                f"{self.probes}."
            )
        return probes.reshape(-1, inputs.dimension)

    def read(self) -> Any:
        """The inputs; raises `StatementError` for a data set of too many rows."""
        inputs = inputs_of(self.data)
        if isinstance(inputs, Rows) and len(inputs.y) > MOST_ROWS:
            raise StatementError(
                f"`data` of {type(self).__name__} has {len(inputs.y)} rows, all of which each step of the limit goes "
                f"through: at most {MOST_ROWS} can be served."
            )
        return inputs

    def setting(self) -> Setting:
        """The problem that the theory solves, without the nodes."""
        from ...theory.two_layer import Setting

        inputs = self.read()
        return Setting(
            self.activation,
            self.start,
            inputs,
            self.where(inputs),
            self.times,
            float(self.rate),
            int(self.batch),
            float(self.noise),
        )

    def trained(self, n: int, key: Key) -> tuple[Any, Any]:
        """Outputs (T, P) and risk (T,) of one random network of n neurons."""
        import jax
        import jax.numpy as jnp

        from ...algorithms.particles.wide_network import flow, stochastic_descent

        inputs = inputs_of(self.data)
        first, second, third = jax.random.split(key, 3)
        theta = self.start.draw(first, n, inputs.dimension)

        def outputs(t: jax.Array, X: jax.Array) -> Any:
            return self.start.outputs(self.activation, t, X)

        def draw(one: Any) -> tuple[Any, Any]:
            where, what = jax.random.split(one)
            X, y = inputs.draw(where, self.batch)
            return X, y + jnp.sqrt(self.noise) * jax.random.normal(what, y.shape)

        if self.batch:
            steps = np.diff(np.round(n * np.array(self.times)).astype(int), prepend=0)
            path = stochastic_descent(outputs, theta, draw, self.rate, [int(s) for s in steps], second)
        else:
            X, y, weight = map(jnp.asarray, inputs.rule())
            path = flow(outputs, theta, X, y, weight, self.rate, self.times)
        if isinstance(inputs, IsotropicGaussians) or (isinstance(inputs, Rows) and len(inputs.y) > TESTED):
            (X, y), weight = inputs.draw(third, TESTED), jnp.full(TESTED, 1 / TESTED)
        else:
            X, y, weight = map(jnp.asarray, inputs.rule())
        both = jnp.concatenate([jnp.asarray(self.where(inputs)), X])
        outputs_on_path = jnp.stack([outputs(theta, both).mean(axis=0) for theta in path])
        P = len(both) - len(y)
        return outputs_on_path[:, :P], (outputs_on_path[:, P:] - y) ** 2 @ weight / 2
