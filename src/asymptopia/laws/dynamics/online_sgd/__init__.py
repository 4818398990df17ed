"""Stochastic gradient descent on fresh samples: a two-layer network learns another."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import StatementError, check_increasing, field
from ....parts.activation import Activation, Erf, Sign
from .landmarks import LANDMARKS

SAAD_SOLLA = "Saad and Solla, Phys. Rev. E 52 (1995) 4225"
GOLDT = "Goldt, Advani, Saxe, Krzakala and Zdeborova, NeurIPS 32 (2019) 6981"
Matrix = tuple[tuple[float, ...], ...]


class OnlineSGD(Law):
    r"""A two-layer network learns another from a stream of samples, each used once.

    The teacher labels $x \sim N(0, I_d)$ with $y = \sum_{m \le M} v^\star_m g(w^\star_m \cdot x/\sqrt d) + \xi$, the
    noise $\xi$ of variance $\sigma^2$. The student $f(x) = \sum_{i \le K} v_i g(w_i \cdot x/\sqrt d)$ takes steps on
    $(f(x) - y)^2/2$, with $\Delta = f(x) - y$ and $\lambda_i = w_i \cdot x/\sqrt d$,

    $$w_i \gets w_i - \frac{\eta}{\sqrt d} v_i g'(\lambda_i) \Delta\, x,
      \qquad v_i \gets v_i - \frac{\eta_v}{d} g(\lambda_i) \Delta.$$

    At time t, after t d steps, the overlaps $Q_{ik} = w_i \cdot w_k/d$ and $R_{im} = w_i \cdot w^\star_m/d$ tend, as
    $d \to \infty$, to the solution of

    $$\dot R_{im} = -\eta v_i E[g'(\lambda_i) \rho_m \Delta], \qquad \dot v_i = -\eta_v E[g(\lambda_i) \Delta],$$

    $$\dot Q_{ik} = -\eta v_i E[g'(\lambda_i) \lambda_k \Delta] - \eta v_k E[g'(\lambda_k) \lambda_i \Delta]
      + \eta^2 v_i v_k E[g'(\lambda_i) g'(\lambda_k) \Delta^2],$$

    with $\rho_m = w^\star_m \cdot x/\sqrt d$; $(\lambda, \rho)$ is normal with covariance Q, R and
    $T_{mn} = w^\star_m \cdot w^\star_n/d$. The averages are closed for erf and linear units, a smooth integral along a
    line for relu, and quadrature for any other activation. `test_error` is half the mean squared error on labels
    without noise. Units that start alike stay on a plateau, which they leave after a time that grows with the logarithm
    of their difference; `online_plateau` has its height and its length.

    Errors of integration and quadrature stand beside each observable, from a second, coarser solution.
    """

    student_overlaps: Matrix = field(((0.5, 0.1), (0.1, 0.4)), "overlaps Q of the student's units at the start, K x K")
    cross_overlaps: Matrix = field(((0.3, 0.0), (0.0, 0.3)), "overlaps R with the teacher's units at the start, K x M")
    teacher_overlaps: Matrix | None = field(None, "overlaps T of the teacher's units, M x M; None: the identity")
    activation: Activation = field(Erf(scale=0.7071067811865476), "of the units of both networks")
    rate: float = field(0.8, "learning rate of the first layer", above=0)
    noise: float = field(0.05, "variance of the noise of the labels", at_least=0)
    second_layer: tuple[float, ...] | None = field(None, "the student's second layer at the start; None: all 1")
    teacher_second_layer: tuple[float, ...] | None = field(None, "the teacher's second layer; None: all 1")
    second_layer_rate: float = field(0.0, "learning rate of the second layer; 0: it stays as it is", at_least=0)
    times: tuple[float, ...] = field((0.5, 1.0, 2.0, 5.0, 10.0), "times, in steps per dimension, increasing")

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=192, block=64)
    references = References(
        source=f"{SAAD_SOLLA}; {GOLDT}, equations 7 to 9",
        status="proved for smooth activations (Goldt et al. 2019, theorem 1); heuristic for relu",
        bibtex="""@article{SaadSolla1995,
  author = {Saad, David and Solla, Sara A.},
  title = {On-line learning in soft committee machines},
  journal = {Physical Review E}, volume = {52}, number = {4}, pages = {4225--4243}, year = {1995}
}
@inproceedings{GoldtAdvaniSaxeKrzakalaZdeborova2019,
  author = {Goldt, Sebastian and Advani, Madhu S. and Saxe, Andrew M. and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title = {Dynamics of stochastic gradient descent for two-layer neural networks in the teacher-student setup},
  booktitle = {Advances in Neural Information Processing Systems}, volume = {32}, year = {2019}
}""",
    )
    observables = {
        "Q": Observable(
            "Q", "overlaps of the student's units", dims=("time", "student", "student2"), self_averaging=True
        ),
        "R": Observable(
            "R", "overlaps of student and teacher", dims=("time", "student", "teacher"), scale=1.0, self_averaging=True
        ),
        "v": Observable("v", "second layer of the student", dims=("time", "student"), self_averaging=True),
        "test_error": Observable(
            r"\varepsilon_g", "half the mean squared error on labels without noise", dims=("time",)
        ),
    }
    exercises = (
        dict(
            teacher_overlaps=((1.0, 0.2), (0.2, 1.0)), second_layer=(0.4, 1.6), teacher_second_layer=(1.2, 0.8),
            rate=1.5, second_layer_rate=0.9, noise=0.8, times=(0.5, 1.0, 2.0),
        ),
    )  # fmt: skip
    landmarks = LANDMARKS

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_statement(self)

    def overlaps(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Q, R and T at the start."""
        Q, R = np.array(self.student_overlaps, float), np.array(self.cross_overlaps, float)
        T = np.eye(R.shape[1]) if self.teacher_overlaps is None else np.array(self.teacher_overlaps, float)
        return Q, R, T

    def second_layers(self) -> tuple[np.ndarray, np.ndarray]:
        """Those of the student at the start, and of the teacher."""
        K, M = np.shape(self.cross_overlaps)
        v = np.ones(K) if self.second_layer is None else np.array(self.second_layer, float)
        u = np.ones(M) if self.teacher_second_layer is None else np.array(self.teacher_second_layer, float)
        return v, u

    def coords(self) -> dict[str, Any]:
        K, M = np.shape(self.cross_overlaps)
        units = dict(student=np.arange(K), student2=np.arange(K), teacher=np.arange(M))
        return dict(time=np.array(self.times)) | units

    def check(self) -> None:
        if isinstance(self.activation, Sign):
            raise NoLimit("`activation` must have a gradient to descend, but that of Sign() is zero.")
        if _grows(self.activation):
            from .theory import check_bounded

            check_bounded(self)

    def unstable(self, n: int) -> str | None:
        return (
            f"steps of `rate` {self.rate:g} on single samples can throw a student of dimension {n} off, though not "
            "the limit, whose fluctuations vanish; take a larger dimension or a smaller rate."
        )

    def valid(self) -> str | None:
        Q, R, _ = self.overlaps()
        v, _ = self.second_layers()
        for i, k in zip(*np.triu_indices(len(Q), 1), strict=True):
            swap = np.arange(len(Q))
            swap[[i, k]] = k, i
            if np.array_equal(Q[np.ix_(swap, swap)], Q) and np.array_equal(R[swap], R) and v[i] == v[k]:
                return (
                    f"the student's units {i} and {k} start alike and stay alike in the limit; finite systems tell "
                    "them apart after a time that grows as the logarithm of their dimension"
                )
        return None


def _grows(activation: Activation) -> bool:
    """Whether it is unbounded; steps with a bounded one make overlaps grow linearly in time at most."""
    near, far = (np.abs(np.asarray(activation(np.array([-z, z])), float)).max() for z in (1e6, 1e12))
    return bool(far > 2 * near)


def _check_statement(law: OnlineSGD) -> None:
    """Shapes, symmetry, positivity, and the order of the times."""
    K, M = _shape(law.cross_overlaps, "cross_overlaps")
    for name, value, n in (
        ("student_overlaps", law.student_overlaps, K),
        ("teacher_overlaps", law.teacher_overlaps, M),
    ):
        if value is not None and _shape(value, name) != (n, n):
            raise StatementError(
                f"`{name}` of OnlineSGD must be {n} x {n} to go with `cross_overlaps`, but is {value}."
            )
        if value is not None and not np.allclose(value, np.transpose(value), rtol=0, atol=1e-12):
            raise StatementError(f"`{name}` of OnlineSGD must be symmetric, but is {value}.")
    for name, layer, n in (
        ("second_layer", law.second_layer, K),
        ("teacher_second_layer", law.teacher_second_layer, M),
    ):
        if layer is not None and not (np.shape(layer) == (n,) and np.isfinite(layer).all()):
            raise StatementError(f"`{name}` of OnlineSGD must be {n} numbers, but is {layer}.")
    Q, R, T = law.overlaps()
    gram = np.block([[Q, R], [R.T, T]])
    smallest = float(np.linalg.eigvalsh(gram)[0])
    if smallest < -1e-10 * np.trace(gram) or (np.diagonal(gram) <= 0).any():
        raise StatementError(
            "`student_overlaps`, `cross_overlaps` and `teacher_overlaps` of OnlineSGD must be those of nonzero "
            f"vectors, so that ((Q, R), (R^T, T)) has no negative eigenvalue, but it has {smallest:.6g}."
        )
    check_increasing(law, "times")


def _shape(value: Any, name: str) -> tuple[int, int]:
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise StatementError(f"`{name}` of OnlineSGD must be rows of numbers, all of one length, but is {value!r}.")
    return array.shape[0], array.shape[1]
