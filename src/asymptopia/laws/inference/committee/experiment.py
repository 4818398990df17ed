"""A random committee, the data that it labels, and what message passing learns of it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key
from ....parts.activation import Sign

if TYPE_CHECKING:
    from . import Committee

TESTS = 30_000
SETTLED = 1e-3
"""Message passing stops at so small a share of what the estimates fluctuate by, 1/sqrt(d)."""

CERTAIN = 1e-3
"""Share of the weights' variance that an informed start leaves: little, but not perfect recovery."""


def realize(law: Committee, n: int, key: Key) -> dict[str, Any]:
    """Overlaps and test error of one student of n inputs."""
    from ....algorithms.amp.committee import committee

    d, rng = n, generator(key)
    samples = whole(law.alpha * d, rng)
    teacher = _teacher(law, d, rng)
    X = rng.standard_normal((samples, d), np.float32) / np.float32(np.sqrt(d))
    y = _labels(law, X @ teacher, rng)
    informed, noise = None, law.noise or 0.0
    if law.start == "informative":
        informed = teacher, CERTAIN * float(law.prior.second_moment) * np.eye(law.K)
    seed, tolerance = int(rng.integers(2**31)), SETTLED / np.sqrt(d)
    estimate = committee(X, y, law.prior, law.K, law.activation, noise, start=informed, tolerance=tolerance, seed=seed)
    overlap = estimate.means.T @ teacher / d
    order = max(itertools.permutations(range(law.K)), key=lambda p: np.trace(overlap[list(p)]))
    error = _error(law, estimate.means, estimate.covariance, teacher, rng)
    return {"overlap": overlap[list(order)], "test_error": error}


def _teacher(law: Committee, d: int, rng: np.random.Generator) -> np.ndarray:
    """Weights (d, K); where their values are continuous, of exactly the expected norms and overlaps."""
    w = law.prior.sample((d, law.K), rng)
    other = w[w != 0]
    if len(other) and len(np.unique(other)) == len(other) and law.prior.mean == 0:
        values, axes = np.linalg.eigh(w.T @ w / d)
        w = w @ (axes / np.sqrt(values)) @ axes.T * np.sqrt(float(law.prior.second_moment))
    return np.asarray(w)


def _labels(law: Committee, fields: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels of the fields (n, K) of the teacher's units."""
    if isinstance(law.activation, Sign):
        return np.sign(np.sign(fields).sum(axis=1))
    y = np.asarray(law.activation(fields), float).sum(axis=1) / np.sqrt(law.K)
    return np.asarray(y + np.sqrt(law.noise or 0.0) * rng.standard_normal(len(y)))


def _error(law: Committee, means: np.ndarray, V: np.ndarray, teacher: np.ndarray, rng: np.random.Generator) -> float:
    """The error on new inputs, of which only the fields of student and teacher matter, jointly normal."""
    from ....algorithms.amp.committee_parts import expected_output, outputs, vote_probabilities

    both = np.concatenate([means, teacher], axis=1)
    values, axes = np.linalg.eigh(both.T @ both / len(both))
    vote = isinstance(law.activation, Sign)
    drawn = rng.standard_normal((TESTS if vote and law.K < 3 else TESTS // 5, 2 * law.K))
    fields = drawn * np.sqrt(np.maximum(values, 0)) @ axes.T
    student, fields = fields[:, : law.K], fields[:, law.K :]
    V = V + 1e-10 * float(law.prior.second_moment) * np.eye(law.K)  # that of a recovered teacher vanishes
    if vote:
        labels, probabilities = vote_probabilities(student, V)
        return float(np.mean(labels[probabilities.argmax(axis=1)] != _labels(law, fields, rng)))
    guess = expected_output(student, V, law.activation, law.noise or 0.0)
    return float(np.mean((guess - outputs(fields, law.activation)) ** 2))
