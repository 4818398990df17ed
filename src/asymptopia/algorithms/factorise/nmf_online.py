"""Nonnegative factorisation of sparse counts by mini-batches of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from .nmf_solvers import Factorisation
from .nmf_sparse import TINY, Counts

if TYPE_CHECKING:
    from jaxtyping import Float, Int

VISIT = 4  # steps of the rows' W at each visit, which goes on from the last one
DECAY = 0.7  # of a batch's weight from pass to pass; between 1/2 and 1 the averages converge


def factorise_in_batches(
    counts: Counts,
    W: Float[np.ndarray, "n r"],
    Ht: Float[np.ndarray, "m r"],
    batch: int,
    passes: int,
    tolerance: float,
    rng: np.random.Generator,
) -> Factorisation:
    """Pass over the rows of X in batches until a pass changes the objective by at most `tolerance`, relatively.

    Each batch moves its own rows of W, and H towards the quotient of two averages over batches: what majorisation
    would divide, of which a batch of the t-th pass gets the weight t**-DECAY. With one batch of all rows and weight 1
    that is `Counts.step`. The order of the batches is random; `iterations` are passes, and the objective may rise.

    Sources: Lefevre, Bach and Fevotte, IEEE WASPAA (2011) 313 (online factorisation); Cappe and Moulines, J. R. Stat.
    Soc. B 71 (2009) 593 (the weights).
    """
    groups = _groups(counts, batch, rng)
    values, converged, done = [counts.objective(W, Ht)], False, 0
    push, pull = np.zeros_like(Ht), np.zeros(Ht.shape[1])
    W = W.copy()
    filled = sum(len(rows) for rows, _ in groups)
    W[np.diff(counts.X.indptr) == 0] = TINY
    while done < passes and not converged:
        weight = (done + 1) ** -DECAY
        for k in rng.permutation(len(groups)):
            rows, part = groups[k]
            W[rows], new_push, new_pull = _visited(part, W[rows], Ht)
            share = filled / len(rows)
            push = ((1 - weight) * push + weight * share * new_push).astype(Ht.dtype)
            pull = (1 - weight) * pull + weight * share * new_pull
            moved = push / np.maximum(pull + counts.l1[1], 1e-300)
            Ht = np.maximum(moved, TINY * max(float(moved.max()), TINY)).astype(Ht.dtype)
        done += 1
        values.append(counts.objective(W, Ht))
        converged = tolerance > 0 and abs(values[-2] - values[-1]) <= tolerance * abs(values[-1])
    return Factorisation(W, np.ascontiguousarray(Ht.T), np.array(values), done, converged)


def _groups(counts: Counts, batch: int, rng: np.random.Generator) -> list[tuple[Int[np.ndarray, " _rows"], Counts]]:
    """The rows of X in random groups of at most `batch`, and the counts of each; rows without entries are left out."""
    if isinstance(batch, bool) or not isinstance(batch, int | float | np.number) or batch % 1 != 0 or batch < 1:
        raise StatementError(f"`batch` must be a whole number of rows >= 1, but is {batch!r}.")
    rows = rng.permutation(np.flatnonzero(np.diff(counts.X.indptr)))
    parts = np.array_split(rows, -(-len(rows) // int(batch))) if len(rows) else []
    return [(part, Counts(counts.X[part], counts.l1)) for part in parts]


def _visited(
    part: Counts, W: Float[np.ndarray, "n r"], Ht: Float[np.ndarray, "m r"]
) -> tuple[Float[np.ndarray, "n r"], Float[np.ndarray, "m r"], Float[np.ndarray, " r"]]:
    """W of these rows after some steps, and what a majorisation step of H would divide by what."""
    for _ in range(VISIT):
        W = part.step(W, Ht, 0)
    ratio = part.X.copy()
    ratio.data = part.X.data / part.product(W, Ht)
    return W, Ht * (ratio.T @ W), W.sum(axis=0, dtype=float)
