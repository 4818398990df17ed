"""Networks that learn features, trained by gradient descent in the maximal-update parametrisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...parts.activation import Activation, Tanh

if TYPE_CHECKING:
    import jax

YANG = "Yang and Hu, ICML 139 (2021) 11727: tensor programs IV, theorem 6.4"
BORDELON = "Bordelon and Pehlevan, NeurIPS 35 (2022) 32240: self-consistent dynamical field theory"
SKETCH = "another interpreter of the same program, 6 draws of 20,000 points, and networks of width 512"
PARTICLES = "one hidden layer: its units as particles, by quadrature"
PARTICLE_VALUES = {"loss": 0.11671885, "kernel_change": 0.17549851, "alignment": 0.73752379}
DATA = ((1.0, 0.5, 1.0), (0.2, -1.0, -1.0), (-0.7, 0.4, 0.5))


class FeatureLearning(Law):
    r"""A deep network of infinite width that learns features by gradient descent on a few samples.

    A network of `depth` hidden layers of n units, $h^1 = U x$, $h^{l+1} = W^l \phi(h^l) / \sqrt n$,
    $f = v \cdot \phi(h^L) / n$, all entries of U, W and v standard normal at the start, minimises
    $\frac{1}{2P} \sum_\mu (f(x_\mu) - y_\mu)^2$ over P samples by full-batch gradient descent. In the maximal-update
    parametrisation the readout is divided by n and the step is `rate` times n for every weight: then features of every
    layer move by order one. Inputs are given as they are, without normalisation; `data` are rows of input and label.

    Limit: n to infinity at a fixed number of steps. The loss and the kernel $\Phi = \phi(h^L) \phi(h^L)^T / n$ of the
    last hidden layer are deterministic. `loss` is that above; `kernel_change` the distance
    $\| \Phi_t - \Phi_0 \| / \| \Phi_0 \|$ (Frobenius), 0 for ever in a lazy network; `alignment` the cosine
    $y^T \Phi y / (|y|^2 \| \Phi \|)$. With $\Delta_\nu = (y_\nu - f_\nu) / P$ and the gradients
    $g^l = \phi'(h^l) z^l$, $z^L = v$,

    $$h^l_\mu(t) = \chi^l_\mu(t) + \sum_{s < t, \nu} [A^{l-1}_{\mu\nu}(t, s)
      + \text{rate}\, \Delta_\nu(s)\, \Phi^{l-1}_{\mu\nu}(t, s)]\, g^l_\nu(s) ,$$

    $\chi$ Gaussian with the covariance $\Phi^{l-1}(t, s)$ over steps, A the response of $\phi(h^{l-1})$ to what the
    backward pass sends, and z likewise from above: dynamical mean-field theory in discrete time. It is derived from the
    program of the network by `asymptopia.derive`. Corrections are of order 1/n.
    """

    depth: int = field(2, "number of hidden layers", at_least=1, at_most=6)
    activation: Activation = field(Tanh(), "function of a unit")
    steps: int = field(4, "steps of gradient descent", at_least=1, at_most=12)
    rate: float = field(0.5, "step size, by the width", above=0)
    data: tuple[tuple[float, ...], ...] = field(DATA, "samples: rows of the coordinates of an input, and its label")

    defaults = Defaults(size="width", sizes=(64, 128, 256), seeds=192, block=64)
    references = References(
        source=f"{YANG}; {BORDELON}",
        status="proved (tensor programs), for activations that grow no faster than a power",
        bibtex="""@inproceedings{YangHu2021,
  author = {Yang, Greg and Hu, Edward J.},
  title = {Tensor programs {IV}: feature learning in infinite-width neural networks},
  booktitle = {International Conference on Machine Learning}, volume = {139}, pages = {11727--11737}, year = {2021}
}
@inproceedings{BordelonPehlevan2022,
  author = {Bordelon, Blake and Pehlevan, Cengiz},
  title = {Self-consistent dynamical field theory of kernel evolution in wide neural networks},
  booktitle = {Advances in Neural Information Processing Systems}, volume = {35}, pages = {32240--32256}, year = {2022}
}""",
    )
    observables = {
        "loss": Observable(r"\mathcal{L}", "half the mean squared error on the samples", dims=("step",)),
        "kernel_change": Observable(
            r"\|\Delta\Phi\|", "relative change of the last features' kernel", dims=("step",), resolution=0.1
        ),
        "alignment": Observable(r"\cos", "cosine of that kernel with the labels'", dims=("step",)),
    }
    landmarks = (
        *(
            Landmark({}, "loss", value, 2e-3, SKETCH, at=(k,))
            for k, value in enumerate((0.3746, 0.2642, 0.1889, 0.1324, 0.0898))
        ),
        *(Landmark(dict(depth=1), name, value, 1e-4, PARTICLES, at=(3,)) for name, value in PARTICLE_VALUES.items()),
        Landmark({}, "kernel_change", 0.0, 1e-12, "nothing has moved at the start", at=(0,)),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        rows = self.data if isinstance(self.data, tuple) else ()
        lengths = {len(row) if isinstance(row, tuple) else 0 for row in rows}
        if len(lengths) != 1 or min(lengths) < 2 or not np.isfinite(np.asarray(rows, float)).all():
            raise StatementError(
                "`data` of FeatureLearning must be rows of one length >= 2, an input's coordinates and its label, "
                f"but is {self.data!r}."
            )
        if not any(row[-1] for row in rows):
            raise StatementError("`data` of FeatureLearning must have a label that is not 0, but all are.")

    def coords(self) -> dict[str, Any]:
        return {"step": np.arange(self.steps + 1)}

    def unstable(self, n: int) -> str | None:
        return (
            f"{self.steps} steps of `rate` {self.rate:g} throw the weights off, the more so where {self.activation!r} "
            "grows fast; take a smaller rate or fewer steps."
        )

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        table = jnp.array(self.data, float)
        x, y = table[:, :-1], table[:, -1]
        k0, k1, *keys = jax.random.split(key, self.depth + 1)
        weights = (
            jax.random.normal(k0, (n, x.shape[1])),
            [jax.random.normal(k, (n, n)) for k in keys],
            jax.random.normal(k1, (n,)),
        )

        def features(weights: Any) -> jax.Array:
            first, hidden, _ = weights
            f = self.activation(x @ first.T)
            for W in hidden:
                f = self.activation(f @ W.T / jnp.sqrt(n))
            return f

        def loss(weights: Any) -> tuple[jax.Array, jax.Array]:
            f = features(weights)
            return jnp.mean((f @ weights[2] / n - y) ** 2) / 2, f @ f.T / n

        losses: list[jax.Array] = []
        kernels: list[jax.Array] = []
        for step in range(self.steps + 1):
            (value, kernel), gradient = jax.value_and_grad(loss, has_aux=True)(weights)
            losses, kernels = [*losses, value], [*kernels, kernel]
            if step < self.steps:
                weights = jax.tree.map(lambda w, g: w - self.rate * n * g, weights, gradient)
        K = jnp.stack(kernels)
        norm = jnp.sqrt(jnp.sum(K**2, axis=(1, 2)))
        change = jnp.sum((K - K[0]) ** 2, axis=(1, 2))
        return {
            "loss": jnp.stack(losses),
            "kernel_change": jnp.sqrt(change) / norm[0],
            "alignment": jnp.einsum("tij,i,j->t", K, y, y) / jnp.sum(y**2) / norm,
        }
