"""Products summed over axes: vectors with vectors, matrices with vectors, matrices with matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..context import Context
from ..entrywise import multiply
from ..matrix import Cell, Matrix
from ..refusal import Equation, Refused
from ..trace import is_wide, wide_axes
from ..wide import Flat, Wide, cells_of, lift, transpose
from . import lazy
from .low_rank import inner_products
from .sums import total


def dot_general(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Sums over the contracted axes of both, for every index of the batch and of the free axes."""
    (over, batch) = equation.params["dimension_numbers"]
    shapes = [tuple(v.aval.shape) for v in equation.invars]
    return [dot(ctx, args[0], args[1], shapes[0], shapes[1], over, batch)]


def dot(ctx: Context, a: Any, b: Any, sa: tuple[int, ...], sb: tuple[int, ...], over: Any, batch: Any) -> Any:
    """The product of two arrays a and b, of shapes `sa` and `sb` in the program.

    over, batch: the axes of each that are summed over, and that go side by side. Returns the array, narrow or wide.
    """
    if isinstance(a, Flat) or isinstance(b, Flat):
        return _dot_flat(ctx, a, b)
    over, batch = [list(map(int, x)) for x in over], [list(map(int, x)) for x in batch]
    if not (isinstance(a, Wide) or isinstance(b, Wide)):
        return _dot_dense(ctx, np.asarray(a), np.asarray(b), sa, sb, over, batch)
    wide_batch = any(is_wide(sa[i]) for i in batch[0])
    contracted = sum(is_wide(sa[i]) for i in over[0])
    if contracted > 1 and not batch[0]:
        quick = inner_products(ctx, a, b, over)
        if quick is not None:
            return quick
    if wide_batch or contracted > 1 or not contracted:
        return _by_entries(ctx, a, b, sa, sb, over, batch)
    if isinstance(a, Wide) and isinstance(b, Wide):
        return _matrices(ctx, a, b, over, batch)
    if isinstance(a, Wide):
        return _applied(ctx, a, b, sb, over, batch, True)
    return _applied(ctx, b, a, sa, over[::-1], batch[::-1], False)


def _free(ndim: int, over: list[int], batch: list[int]) -> list[int]:
    return [i for i in range(ndim) if i not in over and i not in batch]


def _dot_dense(ctx: Context, a: np.ndarray, b: np.ndarray, sa: Any, sb: Any, over: Any, batch: Any) -> Any:
    free = _free(len(sa), over[0], batch[0]), _free(len(sb), over[1], batch[1])
    if any(is_wide(sa[i]) for i in free[0]) and any(is_wide(sb[i]) for i in free[1]):
        if any(is_wide(sa[i]) for i in batch[0]):
            raise Refused("cannot derive: an array with three wide axes has no rule.")
        return _outer(a, b, sa, sb, over, batch, free)
    if ctx.settings.lazy and not batch[0] and len(over[0]) == 1 and is_wide(sa[over[0][0]]):
        return _near_the_start(ctx, a, b, sa[over[0][0]], over, free)
    return _contracted(ctx, a, b, sa, over, batch, free)


def _near_the_start(ctx: Context, a: np.ndarray, b: np.ndarray, length: int, over: Any, free: Any) -> np.ndarray:
    """A sum over one wide axis where readouts of order one may be in it."""
    x, y = (np.asarray(v, float).transpose(o + f) for v, o, f in zip((a, b), over, free, strict=True))
    points = ctx.space.count(length)
    out = lazy.product(ctx, x.reshape(points, -1), y.reshape(points, -1), length)
    return out.reshape((*x.shape[1:], *y.shape[1:]))


def _contracted(ctx: Context, a: np.ndarray, b: np.ndarray, sa: Any, over: Any, batch: Any, free: Any) -> np.ndarray:
    for i in over[0]:
        if is_wide(sa[i]):
            weight = ctx.space.in_sum(sa[i])
            a = a * weight.reshape([-1 if j == i else 1 for j in range(a.ndim)])
    x = a.transpose(batch[0] + free[0] + over[0])
    y = b.transpose(batch[1] + over[1] + free[1])
    head = [a.shape[i] for i in batch[0]]
    tail = [a.shape[i] for i in free[0]], [b.shape[i] for i in free[1]]
    inner = int(np.prod([a.shape[i] for i in over[0]], dtype=int))
    out = np.matmul(
        x.reshape(*head, int(np.prod(tail[0], dtype=int)), inner),
        y.reshape(*head, inner, int(np.prod(tail[1], dtype=int))),
    )
    return out.reshape((*head, *tail[0], *tail[1]))


def _outer(a: np.ndarray, b: np.ndarray, sa: Any, sb: Any, over: Any, batch: Any, free: Any) -> Wide:
    """A wide axis is left in both: matrices of low rank."""
    wa, wb = (next(i for i in f if is_wide(s[i])) for f, s in ((free[0], sa), (free[1], sb)))
    na, nb = [i for i in free[0] if i != wa], [i for i in free[1] if i != wb]
    x = a.transpose(batch[0] + na + [wa] + over[0])
    y = b.transpose(batch[1] + nb + [wb] + over[1])
    head = [a.shape[i] for i in batch[0]]
    fa, fb = [a.shape[i] for i in na], [b.shape[i] for i in nb]
    size = [int(np.prod(k, dtype=int)) for k in (head, fa, fb)]
    x = x.reshape(size[0], size[1], a.shape[wa], -1)
    y = y.reshape(size[0], size[2], b.shape[wb], -1)
    cells: list[Cell] = [
        Matrix(sa[wa], sb[wb], (), x[i, j], y[i, k])
        for i in range(size[0])
        for j in range(size[1])
        for k in range(size[2])
    ]
    order = [*(("b", i) for i in range(len(head))), *(("a", i) for i in free[0]), *(("b2", i) for i in free[1])]
    first, second = order.index(("a", wa)), order.index(("b2", wb))
    return Wide(cells_of((*head, *fa, *fb), cells), first, second)


def _applied(ctx: Context, w: Wide, b: Any, sb: Any, over: Any, batch: Any, matrix_first: bool) -> Any:
    """Matrices times vectors: one wide axis is summed over, the other one is left."""
    b = np.asarray(b, float)
    summed = next(i for i in over[0] if i in (w.first, w.second))
    left = w.second if summed == w.first else w.first
    partner = over[1][over[0].index(summed)]
    free_w, free_b = _free(w.ndim, over[0], batch[0]), _free(b.ndim, over[1], batch[1])
    if any(is_wide(sb[i]) for i in free_b):
        raise Refused("cannot derive: an array with three wide axes has no rule.")
    narrow = w.narrow()
    inner = [(i, j) for i, j in zip(over[0], over[1], strict=True) if i != summed]
    kept = [i for i in free_w if i != left]
    cells = w.cells.transpose([narrow.index(i) for i in (*batch[0], *kept, *(i for i, _ in inner))])
    vector = b.transpose([*batch[1], *(j for _, j in inner), partner, *free_b])
    head, mid = [b.shape[i] for i in batch[1]], [b.shape[j] for _, j in inner]
    tail, rows = [b.shape[i] for i in free_b], [w.shape[i] for i in kept]
    size = [int(np.prod(k, dtype=int)) for k in (head, rows, mid, tail)]
    cells = cells.reshape(size[0], size[1], size[2])
    vector = vector.reshape(size[0], size[2], b.shape[partner], size[3])
    points = ctx.space.count(w.shape[left])
    out = np.zeros((size[0], size[1], points, size[3]))
    for i, j, k in np.ndindex(size[0], size[1], size[2]):
        cell: Any = cells[i, j, k]
        out[i, j] += ctx.world.apply(cell if summed == w.second else cell.T, vector[i, k])
    out = out.reshape((*head, *rows, points, *tail))
    # order of the axes: batch, then free of the first operand, then free of the second
    names = [*(("h", i) for i in range(len(head))), *(("w", i) for i in kept), ("w", left), *(("b", i) for i in free_b)]
    mine, theirs = [("w", i) for i in free_w], [("b", i) for i in free_b]
    wanted = [*(("h", i) for i in range(len(head))), *(mine + theirs if matrix_first else theirs + mine)]
    return out.transpose([names.index(x) for x in wanted])


def _matrices(ctx: Context, a: Wide, b: Wide, over: Any, batch: Any) -> Wide:
    """Matrices times matrices."""
    ia = next(i for i in over[0] if i in (a.first, a.second))
    ib = over[1][over[0].index(ia)]
    la, lb = (w.second if i == w.first else w.first for w, i in ((a, ia), (b, ib)))
    inner = [(i, j) for i, j in zip(over[0], over[1], strict=True) if i != ia]
    free = _free(a.ndim, over[0], batch[0]), _free(b.ndim, over[1], batch[1])
    ka, kb = [i for i in free[0] if i != la], [i for i in free[1] if i != lb]
    na, nb = a.narrow(), b.narrow()
    x = a.cells.transpose([na.index(i) for i in (*batch[0], *ka, *(i for i, _ in inner))])
    y = b.cells.transpose([nb.index(j) for j in (*batch[1], *kb, *(j for _, j in inner))])
    head, fa, fb = x.shape[: len(batch[0])], [a.shape[i] for i in ka], [b.shape[i] for i in kb]
    mid = int(np.prod([a.shape[i] for i, _ in inner], dtype=int))
    x = x.reshape(int(np.prod(head, dtype=int)), int(np.prod(fa, dtype=int)), mid)
    y = y.reshape(int(np.prod(head, dtype=int)), int(np.prod(fb, dtype=int)), mid)
    cells: list[Cell] = []
    for i, j, k in np.ndindex(x.shape[0], x.shape[1], y.shape[1]):
        whole: Cell | None = None
        for m in range(mid):
            p, q = x[i, j, m], y[i, k, m]
            new = ctx.world.product(p if ia == a.second else p.T, q if ib == b.first else q.T)
            whole = new if whole is None else ctx.world.add(whole, new)
        assert whole is not None
        cells.append(whole)
    order = [*(("h", i) for i in range(len(head))), *(("a", i) for i in free[0]), *(("b", i) for i in free[1])]
    return Wide(cells_of((*head, *fa, *fb), cells), order.index(("a", la)), order.index(("b", lb)))


def _by_entries(ctx: Context, a: Any, b: Any, sa: Any, sb: Any, over: Any, batch: Any) -> Any:
    """Entrywise products, summed afterwards: where both wide axes are shared, or only narrow ones are summed."""
    free = _free(len(sa), over[0], batch[0]), _free(len(sb), over[1], batch[1])
    axes = [("h", i) for i in range(len(batch[0]))]
    labels_a: list[Any] = [None] * len(sa)
    labels_b: list[Any] = [None] * len(sb)
    for n, (i, j) in enumerate(zip(batch[0], batch[1], strict=True)):
        labels_a[i] = labels_b[j] = ("h", n)
    for n, (i, j) in enumerate(zip(over[0], over[1], strict=True)):
        labels_a[i] = labels_b[j] = ("o", n)
    for i in free[0]:
        labels_a[i] = ("a", i)
    for j in free[1]:
        labels_b[j] = ("b", j)
    axes += [("a", i) for i in free[0]] + [("b", j) for j in free[1]] + [("o", n) for n in range(len(over[0]))]
    sizes = dict(zip(labels_a, sa, strict=True)) | dict(zip(labels_b, sb, strict=True))
    shape = tuple(sizes[x] for x in axes)
    if len(wide_axes(shape)) > 2:
        raise Refused("cannot derive: an array with three wide axes has no rule; write it as products of matrices.")
    x, y = _spread(ctx, a, labels_a, axes, shape), _spread(ctx, b, labels_b, axes, shape)
    cells = [multiply(ctx.world, p, q) for p, q in zip(x.cells.flat, y.cells.flat, strict=True)]
    product = Wide(cells_of(x.cells.shape, cells), x.first, x.second)
    begin = len(axes) - len(over[0])
    return total(ctx, product, shape, range(begin, len(axes)))


def _spread(ctx: Context, value: Any, labels: list[Any], axes: list[Any], shape: tuple[int, ...]) -> Wide:
    """An array with its axes in the order of `axes`, repeated along those that it lacks."""
    order = [labels.index(x) for x in axes if x in labels]
    if isinstance(value, Wide):
        moved = transpose(value, order)
        first, second = (axes.index(labels[order[i]]) for i in (moved.first, moved.second))
        narrow = [i for i in range(len(axes)) if i not in (first, second)]
        view = moved.cells.reshape([shape[i] if axes[i] in labels else 1 for i in narrow])
        return Wide(np.broadcast_to(view, [shape[i] for i in narrow]), first, second)
    array = np.asarray(value, float).transpose(order)
    lengths = iter(array.shape)
    return lift(ctx.world, array.reshape([next(lengths) if x in labels else 1 for x in axes]), shape)


def _dot_flat(ctx: Context, a: Any, b: Any) -> Any:
    if not (isinstance(a, Flat) and isinstance(b, Flat) and a.shapes == b.shapes):
        raise Refused("cannot derive: the product of an array laid out flat and one that is not.")
    out = np.zeros(())
    for x, y, s in zip(a.pieces, b.pieces, a.shapes, strict=True):
        axes = list(range(len(s)))
        out = out + dot(ctx, x, y, s, s, (axes, axes), ([], []))
    return out
