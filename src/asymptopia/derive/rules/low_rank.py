"""Inner products of many matrices of low rank: of the gradients at every pair of inputs, say."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..context import Context
from ..matrix import Matrix
from ..wide import Wide


def inner_products(ctx: Context, a: Any, b: Any, over: Any) -> np.ndarray | None:
    r"""The sums of $A_i \circ B_j$ over all that `over` names, for every i and j; a and b are the arrays of A and B.

    Of $A = \sum_r l_r m_r^T$ and $B = \sum_s p_s q_s^T$ it is $\sum_{rs} (l_r \cdot p_s) (m_r \cdot q_s)$. None where a
    wide axis is left, or a matrix is more than one of low rank. ctx: the state of the run.
    """
    if not (isinstance(a, Wide) and isinstance(b, Wide)):
        return None
    if not {a.first, a.second} <= set(over[0]) or over[1][over[0].index(a.first)] not in (b.first, b.second):
        return None
    turned = over[1][over[0].index(a.first)] == b.second
    left, right = _factors(a, over[0], False), _factors(b, over[1], turned)
    if left is None or right is None:
        return None
    total: Any = 1.0
    for wide, p, q in zip((a.rows, a.cols), left, right, strict=True):
        total = total * np.einsum("iopr,jops->ijors", p * ctx.space.in_sum(wide)[:, None], q, optimize=True)
    free = [w.shape[i] for w, o in ((a, over[0]), (b, over[1])) for i in range(w.ndim) if i not in o]
    return np.asarray(total.sum(axis=(2, 3, 4))).reshape(free)


def _factors(w: Wide, over: list[int], turned: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """The columns l and m of all matrices, (free, summed, points, rank)."""
    cells = list(w.cells.flat)
    if not all(isinstance(c, Matrix) and not c.words and not c.triangle and c.left is not None for c in cells):
        return None
    if len({c.left.shape[1] for c in cells}) > 1:
        return None
    narrow = w.narrow()
    order = [narrow.index(i) for i in range(w.ndim) if i in narrow and i not in over]
    order += [narrow.index(i) for i in over if i in narrow]
    summed = int(np.prod([w.shape[i] for i in over if i in narrow], dtype=int))
    pair = []
    for name in ("right", "left") if turned else ("left", "right"):
        columns = np.stack([getattr(c, name) for c in cells])
        columns = columns.reshape(*w.cells.shape, *columns.shape[1:])
        columns = columns.transpose(*order, columns.ndim - 2, columns.ndim - 1)
        pair.append(columns.reshape(-1, summed, *columns.shape[-2:]))
    return pair[0], pair[1]
