"""From the posteriors of children to those of their parents, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def relabelled(posterior, chance):  # type: ignore[no-untyped-def]
    """Posteriors (P, M, k) whose first label is drawn from them, and whose other labels come in a random order.

    chance: uniform numbers (P, M, k), of which the first draws the label.
    """
    populations, members, k = posterior.shape
    out = posterior.copy()
    for p in range(populations):
        for m in range(members):
            row, label, below = out[p, m], 0, posterior[p, m, 0]
            while label < k - 1 and below < chance[p, m, 0]:
                label += 1
                below += posterior[p, m, label]
            row[0], row[label] = row[label], row[0]
            for i in range(1, k - 1):
                j = min(i + int(chance[p, m, i] * (k - i)), k - 1)
                row[i], row[j] = row[j], row[i]
    return out


@njit(cache=True)
def parents(told, children, drawn, label):  # type: ignore[no-untyped-def]
    """The posteriors (P, M, k) of parents with so many `children` (M,).

    told: what each member tells a parent of its own label, (P, M, k). drawn, label: which member each child is, and the
    label that it has instead of 0, (P, children of all members).
    """
    populations, members, k = told.shape
    out = np.ones_like(told)
    for p in range(populations):
        child = 0
        for m in range(members):
            row = out[p, m]
            for _ in range(children[m]):
                tells, named = told[p, drawn[p, child]], label[p, child]
                child += 1
                total = 0.0
                for s in range(k):
                    row[s] *= tells[named if s == 0 else 0 if s == named else s]
                    total += row[s]
                for s in range(k):
                    row[s] /= total
            total = row.sum()
            for s in range(k):
                row[s] /= total
    return out


@njit(cache=True)
def with_child(before, told, below, drawn, names, chance, wanted, after):  # type: ignore[no-untyped-def]
    """Write the posteriors of parents with one more child to `after` (N, k), and return its log-evidence, (N,).

    before: the posteriors without it, (N, k). told, below: what members tell, (N, k), and their cumulated posteriors,
    (N, k - 1). drawn: which member each child is. names: new names of its labels. chance: the uniform numbers that draw
    its label. wanted: what that label is named.
    """
    count, k = before.shape
    evidence, child = np.empty(count), np.empty(k)
    for i in range(count):
        d, label = drawn[i], 0
        for s in range(k):
            child[names[s]] = told[d, s]
            label += s < k - 1 and below[d, s] < chance[i]
        a, b = names[label], wanted[i]
        child[a], child[b] = child[b], child[a]
        total = 0.0
        for s in range(k):
            child[s] *= before[i, s]
            total += child[s]
        for s in range(k):
            after[i, s] = child[s] / total
        evidence[i] = np.log(total)
    return evidence
