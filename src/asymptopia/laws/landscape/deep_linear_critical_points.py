"""All critical points of deep linear networks: their values, their indices, and no spurious minimum among them."""

from __future__ import annotations

import dataclasses
import math
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import ArrayLike, Key, PyTree
from ...numerics.compiled import compiled

BALDI_HORNIK = "Baldi and Hornik, Neural Networks 2 (1989) 53, fact 4"
ACHOUR = "Achour, Malgouyres and Gerchinovitz, J. Mach. Learn. Res. 25 (2024) 242, theorem 7 and proposition 5"
MOST = 5000  # critical values that are enumerated
BATCH, BATCHES = 256, 60
MEETINGS, STARTS = 4, 36  # how often each value is met, and starts for each, before a search ends
LABEL, LABELS = 1e-4, 1e-6  # shares of its scale below which a singular value is none, for the label and a stricter one
INDEX, INDICES = 1e-9, 1e-7  # shares of the largest eigenvalue below which a negative one is none, for the index
SAME = 1e-7  # losses that differ by less, relatively, are one critical value


class DeepLinearCriticalPoints(Law):
    r"""All critical points of deep linear networks on the square loss, of which no minimum is spurious.

    The loss is $L = \frac1{2n} \sum_\mu |y_\mu - W_H \cdots W_1 x_\mu|^2$ on n samples with standard normal inputs and
    $y = S x + \sqrt{\Delta}\, \xi$, where S has the singular values $s_1 > s_2 > ... > 0$, as many as the smaller of
    $d_0$ and $d_H$. At a critical point the product of the weights regresses y on x in some of the principal
    directions, a set J of at most $r_{max}$, the smallest width. As $n \to \infty$ the critical values tend, one for
    each such set, to

    $$L_J = \frac12 \Big( d_H \Delta + \sum_{i \notin J} s_i^2 \Big),$$

    in a sample with the squares of the singular values of $Y P_X$ over n for $s_i^2$. Only the lowest is a minimum.
    With $|J| = r_{max}$ the Hessian has

    $$k_J = \#\{(i, j) : i \in J,\ j \notin J,\ s_j > s_i\}$$

    negative eigenvalues; with fewer directions at least as many. A saddle is non-strict, without a negative
    eigenvalue, exactly if J is of the largest singular values, too few, and all pairs of layers are "tightened": see
    `measure.deep_linear`.

    In each sample critical points are searched for by descent on the norm of the gradient, from normal weights of
    random strength, until every value has been met four times, of at least 36 starts for each. `label_errors` is the
    share of points whose label, from ranks, is at odds with the Hessian's lowest eigenvalue; `spurious_minima` that of
    points above the global minimum without a negative eigenvalue whose loss does not fall nearby; `unconverged` that
    of the starts that did not reach a gradient of $10^{-10}$; `critical_value` is not a number where more or fewer
    values were found. Points whose label or index depends on what counts as zero, 1e-4 or 1e-6 of the singular values,
    1e-9 or 1e-7 of the eigenvalues, are degenerate up to round-off and count for neither.
    """

    widths: tuple[int, ...] = field((3, 2, 2, 3), "units of each layer, from the inputs to the outputs")
    singular_values: tuple[float, ...] = field((3.0, 2.0, 1.0), "of the map S, decreasing, > 0")
    noise: float = field(0.1, "variance of the noise of each output", at_least=0)

    defaults = Defaults(size="samples", sizes=(1000, 8000), seeds=50, block=10)
    references = References(
        source=f"{BALDI_HORNIK}; Kawaguchi, NIPS 29 (2016) 586, theorem 2.3; {ACHOUR}",
        status="proved",
        bibtex=r"""@article{BaldiHornik1989,
  author = {Baldi, Pierre and Hornik, Kurt},
  title = {Neural networks and principal component analysis: Learning from examples without local minima},
  journal = {Neural Networks}, volume = {2}, pages = {53--58}, year = {1989}
}
@inproceedings{Kawaguchi2016,
  author = {Kawaguchi, Kenji},
  title = {Deep learning without poor local minima},
  booktitle = {Advances in Neural Information Processing Systems}, volume = {29}, pages = {586--594}, year = {2016}
}
@article{AchourMalgouyresGerchinovitz2024,
  author = {Achour, El Mehdi and Malgouyres, Fran{\c{c}}ois and Gerchinovitz, S{\'e}bastien},
  title = {The loss landscape of deep linear neural networks: a second-order analysis},
  journal = {Journal of Machine Learning Research}, volume = {25}, number = {242}, pages = {1--76}, year = {2024}
}""",
    )
    observables = {
        "critical_value": Observable("L_J", "critical values, ascending", dims=("subset",)),
        "index": Observable(
            "k_J", "negative eigenvalues at full rank, by ascending loss", dims=("full",), scale=1.0, resolution=0.5
        ),
        "spurious_minima": Observable(
            "p_s", "share of critical points that are spurious minima", bound="every", resolution=0.1
        ),
        "label_errors": Observable(
            "p_l", "share of points labelled at odds with the Hessian", bound="every", resolution=0.1
        ),
        "unconverged": Observable(
            "p_u", "share of starts without a critical point", bound="every", scale=1.0, resolution=0.1
        ),
    }
    exercises = (dict(noise=2.0),)
    landmarks = (
        Landmark({}, "critical_value", 0.65, 1e-12, BALDI_HORNIK, at=(0,), note="one half of s_3**2 and the noise"),
        Landmark(
            dict(widths=(4, 3, 4), singular_values=(3.0, 2.0, 1.0, 0.5), noise=0.0),
            "critical_value",
            4.5,
            1e-12,
            "exact critical point of the network 4-3-4 with J = {2, 3, 4}",
            at=(7,),
        ),
        Landmark(
            dict(widths=(5, 3, 3, 4), singular_values=(3.0, 2.0, 1.0, 0.5)),
            "index",
            3.0,
            1e-12,
            "eigenvalues of the exact Hessian of the network 5-3-3-4 with J = {2, 3, 4}",
            at=(3,),
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        widths = self.widths
        whole = isinstance(widths, tuple) and all(type(w) is int and w >= 1 for w in widths)
        if not whole or len(widths) < 3:
            raise StatementError(
                f"`widths` of DeepLinearCriticalPoints must be three or more whole numbers >= 1, but is {widths}."
            )
        s, m = np.asarray(self.singular_values, float), min(widths[0], widths[-1])
        if s.shape != (m,) or not np.isfinite(s).all() or (s <= 0).any() or (np.diff(s) >= 0).any():
            raise StatementError(
                f"`singular_values` of DeepLinearCriticalPoints must be {m} decreasing numbers > 0, as many as the "
                f"smaller of the first and the last of the widths, but is {self.singular_values}."
            )
        count = sum(math.comb(m, r) for r in range(min(widths) + 1))
        if count > MOST:
            raise StatementError(f"`widths` of DeepLinearCriticalPoints must have at most {MOST} values, not {count}.")

    def predict(self) -> dict[str, Any]:
        s, m, top = np.array(self.singular_values), len(self.singular_values), min(self.widths)
        floor = self.widths[-1] * self.noise
        values, full = [], []
        for r in range(top + 1):
            for chosen in combinations(range(m), r):
                left = [i for i in range(m) if i not in chosen]
                value = (floor + float(np.sum(s[left] ** 2))) / 2
                values.append(value)
                if r == top:
                    full.append((value, sum(j < i for i in chosen for j in left)))
        return {
            "critical_value": np.sort(values),
            "index": np.array([k for _, k in sorted(full)], float),
            "spurious_minima": 0.0,
            "label_errors": 0.0,
            "unconverged": 0.01,
        }

    def coords(self) -> dict[str, Any]:
        m, top = min(self.widths[0], self.widths[-1]), min(self.widths)
        count = sum(math.comb(m, r) for r in range(top + 1))
        return {"subset": np.arange(count), "full": np.arange(math.comb(m, top))}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        rng = generator(key)
        root, target, left = self.sample(n, rng)
        points = search(self.widths, root, target, rng)
        sizes = {k: len(v) for k, v in self.coords().items()}
        good = points["converged"]
        values, index, labels = points["loss"][good], points["index"][good], points["label"][good]
        distinct = distinct_values(values)
        full, clear = points["rank"][good] == min(self.widths), points["clear"][good]
        tops = distinct_values(values[full])
        at = [index[full & clear & (abs(values - v) < SAME * max(abs(v), 1))] for v in tops]
        indices = [k.mean() if k.size else np.nan for k in at]
        above = (index == 0) & (values > distinct[0] + SAME * max(distinct[0], 1))
        stays = [not falls(self.widths, x, (root, target), rng) for x in points["point"][good][above]]
        nothing = {k: np.full(size, np.nan) for k, size in sizes.items()}
        return {
            "critical_value": distinct + left if len(distinct) == sizes["subset"] else nothing["subset"],
            "index": indices if len(tops) == sizes["full"] else nothing["full"],
            "spurious_minima": np.sum(stays) / len(values),
            "label_errors": np.mean((labels == "strict saddle")[clear] != (index > 0)[clear]),
            "unconverged": 1 - np.mean(good),
        }

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, float]:
        """A and B with L = |W A - B|**2 / 2 + a constant, and that constant, of a sample of size n."""
        inputs, outputs = self.widths[0], self.widths[-1]
        S = np.zeros((outputs, inputs))
        np.fill_diagonal(S, self.singular_values)
        X = rng.standard_normal((inputs, n))
        Y = S @ X + math.sqrt(self.noise) * rng.standard_normal((outputs, n))
        A = np.linalg.cholesky(X @ X.T / n)
        B = np.linalg.solve(A, X @ Y.T / n).T
        return A, B, float((Y**2).sum() / n - (B**2).sum()) / 2


def search(widths: tuple[int, ...], A: np.ndarray, B: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Critical points of |W_H .. W_1 A - B|**2 / 2 and what they are, until each value was met four times."""
    from ...algorithms.landscape.gradient_norm import find_critical_points
    from ...measure.deep_linear import linear_network_label

    layers = len(widths) - 1
    sigma = (np.linalg.norm(B, 2) / math.sqrt(math.prod(widths[1:-1]))) ** (1 / layers)
    columns: dict[str, list[Any]] = {}
    for _ in range(BATCHES):
        strength = sigma * np.exp(rng.uniform(-0.3, 1.1, (BATCH, 1)))
        starts = strength * rng.standard_normal((BATCH, sum(a * b for a, b in pairwise(widths))))
        points = find_critical_points(_Loss(widths), starts, (A, B))
        weights = [split_weights(x, widths) for x in points.point]
        product = [np.linalg.svd(_product(w) @ A, compute_uv=False) for w in weights]
        labels, stricter = (np.array([linear_network_label(w, A, B, t) for w in weights]) for t in (LABEL, LABELS))
        for name, column in {
            "converged": points.converged,
            "loss": points.loss,
            "index": points.index(INDEX),
            "clear": (points.index(INDEX) == points.index(INDICES)) & (labels == stricter),
            "point": points.point,
            "rank": np.array([(s > 1e-4 * np.linalg.norm(B, 2)).sum() for s in product]),
            "label": labels,
        }.items():
            columns.setdefault(name, []).extend(column)
        values = np.array(columns["loss"])[np.array(columns["converged"])]
        met = [np.sum(abs(values - v) < SAME * max(abs(v), 1)) for v in distinct_values(values)]
        if min(met) >= MEETINGS and len(values) >= STARTS * len(met):
            break
    return {k: np.array(v) for k, v in columns.items()}


def falls(widths: tuple[int, ...], x: np.ndarray, data: PyTree, rng: np.random.Generator) -> bool:
    """Whether descent from points nearby, a few hundredths away, ends lower than here."""
    from scipy.optimize import minimize

    loss = _Loss(widths)
    here = float(_value_and_gradient(loss, x, data)[0])
    options = dict(gtol=1e-12, ftol=0.0, maxiter=2000)  # a high saddle is left slowly
    for _ in range(5):
        start = x + 0.03 * rng.standard_normal(x.shape)
        end = minimize(
            lambda z: [np.asarray(a) for a in _value_and_gradient(loss, z, data)],
            start,
            jac=True,
            method="L-BFGS-B",
            options=options,
        )
        if end.fun < here - 1e-6 * max(abs(here), 1):
            return True
    return False


def distinct_values(values: np.ndarray) -> np.ndarray:
    """The different values, ascending: those closer than 1e-7, relatively, are one."""
    ordered = np.sort(values)
    new = np.diff(ordered, prepend=-np.inf) > SAME * np.maximum(np.abs(ordered), 1)
    return np.asarray(ordered[new])


def split_weights(x: Any, widths: tuple[int, ...]) -> list[Any]:
    """The matrices W_1, W_2, ... in a flat vector."""
    weights, start = [], 0
    for inputs, outputs in pairwise(widths):
        weights.append(x[start : start + inputs * outputs].reshape(outputs, inputs))
        start += inputs * outputs
    return weights


def _product(weights: list[Any]) -> Any:
    product = weights[0]
    for w in weights[1:]:
        product = w @ product
    return product


@dataclasses.dataclass(frozen=True)
class _Loss:
    """The loss of a network of these widths: equal ones share a compiled program."""

    widths: tuple[int, ...]

    def __call__(self, x: ArrayLike, data: PyTree) -> Any:
        A, B = data
        return ((_product(split_weights(x, self.widths)) @ A - B) ** 2).sum() / 2


@compiled("loss")
def _value_and_gradient(loss: Any, x: ArrayLike, data: PyTree) -> Any:
    import jax

    return jax.value_and_grad(loss)(x, data)
