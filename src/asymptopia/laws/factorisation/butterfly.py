"""Fast transforms found from their dense matrices: exactly, and with noise as well as least squares could."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key

ZHENG = "Zheng, Riccietti and Gribonval, SIAM J. Math. Data Sci. 5 (2023) 22"
EXACT = 1e-12


class Butterfly(Law):
    r"""The dense matrix of a fast transform is factorised into its sparse butterfly factors.

    An n x n matrix is the product of $J = \log_2 n$ factors with supports $I_{2^{k-1}} \otimes 1_{2 \times 2} \otimes
    I_{n / 2^k}$: Hadamard's, Fourier's with columns in bit-reversed order, or one of independent normal entries. The
    product of the first factor and the others falls into n disjoint blocks of rank one, so that each split is an exact
    problem, and the factors follow in $O(n^2)$ operations; they have $2 n \log_2 n$ entries. A product is found to
    round-off (`error`), and its `factors` up to the diagonal that neighbours can exchange.

    Of the product plus independent noise E of small variance $s^2$, the first split keeps of each 2 x n/2 block, with
    unit vectors u and v, the noise along u exactly and of the rest what lies along v. The first is again noise of
    variance $s^2$ on the remaining n x n/2 entries, the second n numbers orthogonal to it. Hence

    $$E \|\hat A - A\|^2 = s^2 [(J - 1) n + 2 n] = s^2 n (\log_2 n + 1) ,$$

    whatever the factors: the dimension $2 n J - n (J - 1)$ of the set of butterflies, so no unbiased method does
    better. `amplification` is the squared error over the squared norm of the noise, times $n / (\log_2 n + 1)$. With
    any noise the result is at most $\sqrt{J - 1}$ times as far from the given matrix as the nearest butterfly:
    `excess` is the distance over that of the true product, and over $\sqrt{J - 1}$. No limit depends on `noise`, which
    all are relative to.
    """

    matrix: str = field("random", "the transform", one_of=("random", "hadamard", "fourier"))
    noise: float = field(1e-3, "norm of the noise relative to that of the matrix", above=0, at_most=1)

    defaults = Defaults(size="dimension", sizes=(16, 64, 256), seeds=24)
    references = References(
        source=ZHENG,
        status="recovery and the bound proved; the amplification derived here to first order in the noise",
        bibtex=r"""@article{ZhengRicciettiGribonval2023,
  author = {Zheng, L{\'e}on and Riccietti, Elisa and Gribonval, R{\'e}mi},
  title = {Efficient identification of butterfly sparse matrix factorizations},
  journal = {SIAM Journal on Mathematics of Data Science}, volume = {5}, pages = {22--49}, year = {2023}
}""",
    )
    observables = {
        "error": Observable(r"\epsilon", "relative error of the product without noise", bound="every"),
        "factors": Observable(r"\epsilon_X", "largest relative error of a factor without noise", bound="every"),
        "amplification": Observable(r"a", "squared error over squared noise, times n / (log2 n + 1)"),
        "excess": Observable(r"c", "distance to the matrix over that of the truth and over its bound", bound="every"),
        "parameters": Observable("p", "entries of the factors over n log2 n", limit_only=True),
    }
    landmarks = (Landmark({}, "parameters", 2.0, 1e-12, "Cooley and Tukey, Math. Comp. 19 (1965) 297"),)

    def predict(self) -> dict[str, Any]:
        return {"error": EXACT, "factors": EXACT, "amplification": 1.0, "excess": 1.0, "parameters": 2.0}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.factorise.butterfly import butterfly

        rng, J = generator(key), int(n).bit_length() - 1
        if n != 2**J or J < 2:
            raise StatementError(f"`sizes` of Butterfly must be powers of two >= 4, but one is {n}.")
        truth = transform(self.matrix, n, rng)
        A = np.linalg.multi_dot(truth)
        size, product = np.linalg.norm(A), butterfly(A)
        true, mine = unit_columns(truth), unit_columns(product.factors())
        E = rng.standard_normal((n, n)) + (1j * rng.standard_normal((n, n)) if np.iscomplexobj(A) else 0)
        E *= float(self.noise) * size / np.linalg.norm(E)
        noisy = butterfly(A + E).dense()
        squared = (np.linalg.norm(noisy - A) / np.linalg.norm(E)) ** 2
        return {
            "error": np.linalg.norm(product.dense() - A) / size,
            "factors": max(np.linalg.norm(X - Y) / np.linalg.norm(Y) for X, Y in zip(mine, true, strict=True)),
            "amplification": squared * n / (J + 1),
            "excess": np.linalg.norm(A + E - noisy) / np.linalg.norm(E) / math.sqrt(J - 1),
        }

    def valid(self) -> str | None:
        if self.noise > 0.03:
            return "the theory holds for small noise: blocks weaker than their noise lose even their sign"
        return None


def transform(kind: str, n: int, rng: np.random.Generator) -> list[np.ndarray]:
    """The dense factors of a transform by its definition: of Fourier's, with columns in bit-reversed order."""
    factors = []
    for k in range(int(n).bit_length() - 1):
        repeats, half = 2**k, n >> (k + 1)
        if kind == "fourier":
            twiddles = np.diag(np.exp(-1j * np.pi * np.arange(half) / half))
            factors.append(np.kron(np.eye(repeats), np.block([[np.eye(half), twiddles], [np.eye(half), -twiddles]])))
        else:
            stage = [[1, 1], [1, -1]] if kind == "hadamard" else [[1, 1], [1, 1]]
            factor = np.kron(np.eye(repeats), np.kron(stage, np.eye(half)))
            factors.append(factor * rng.standard_normal((n, n)) if kind == "random" else factor)
    return factors


def unit_columns(factors: list[np.ndarray]) -> list[np.ndarray]:
    """The factors scaled to columns of norm 1 with a first entry > 0, except the last factor."""
    done, right = [], factors[0]
    for after in factors[1:]:
        first = np.take_along_axis(right, np.argmax(right != 0, axis=0)[None], 0)[0]
        scale = np.linalg.norm(right, axis=0) * first / np.abs(first)
        done.append(right / scale)
        right = scale[:, None] * after
    return [*done, right]
