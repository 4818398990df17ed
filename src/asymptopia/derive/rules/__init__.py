"""The rule of every primitive, by its name.

A rule is called as `rule(ctx, equation, args)` and returns the list of outputs of an equation of the jaxpr. `ctx` is
the state of the run; `args` are the inputs, in which points stand for the coordinates of wide axes: arrays of NumPy,
`Wide` arrays of matrices, `Flat` ones, random keys. It raises `Refused`, with the reason, for what has no rule. Loops,
branches and called functions are also given `run`, which interprets a jaxpr inside theirs, and `wanted`, whether each
output is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..context import Context
from . import control, convolution, elementwise, indexing, products, randoms, shapes, sums

Rule = Callable[[Context, Any, list[Any]], list[Any]]

CALLS = {
    "jit": control.call,
    "pjit": control.call,
    "closed_call": control.call,
    "core_call": control.call,
    "remat": control.call,
    "remat2": control.call,
    "checkpoint": control.call,
    "custom_jvp_call": control.call,
    "custom_vjp_call": control.call,
    "custom_vjp_call_jaxpr": control.call,
    "custom_lin": control.call,
    "cond": control.cond,
    "custom_linear_solve": control.solve,
    "while": control.while_loop,
    "scan": control.scan,
}

RULES: dict[str, Rule] = {
    "iota": shapes.iota,
    "broadcast_in_dim": shapes.broadcast_in_dim,
    "reshape": shapes.reshaped,
    "transpose": shapes.transposed,
    "squeeze": shapes.squeeze,
    "slice": shapes.sliced,
    "split": shapes.split,
    "concatenate": shapes.concatenate,
    "stack": shapes.stack,
    "unstack": shapes.unstack,
    "tile": shapes.tile,
    "dynamic_slice": indexing.dynamic_slice,
    "dynamic_update_slice": indexing.dynamic_update_slice,
    "gather": indexing.gather,
    "scatter": indexing.scatter,
    "scatter-add": indexing.scatter,
    "scatter-mul": indexing.scatter,
    "scatter-sub": indexing.scatter,
    "scatter-max": indexing.scatter,
    "scatter-min": indexing.scatter,
    "pad": indexing.pad,
    "rev": indexing.along_narrow,
    "sort": indexing.along_narrow,
    "argmax": indexing.along_narrow,
    "argmin": indexing.along_narrow,
    "top_k": indexing.along_narrow,
    "cumsum": indexing.along_narrow,
    "cumprod": indexing.along_narrow,
    "cummax": indexing.along_narrow,
    "cummin": indexing.along_narrow,
    "cumlogsumexp": indexing.along_narrow,
    "reduce_window_sum": indexing.windows,
    "reduce_window_max": indexing.windows,
    "reduce_window_min": indexing.windows,
    "select_and_scatter_add": indexing.windows,
    "select_and_gather_add": indexing.windows,
    "reduce_sum": sums.reduce_sum,
    "reduce_max": sums.reduce_extreme,
    "reduce_min": sums.reduce_extreme,
    "reduce_prod": sums.reduce_narrow,
    "reduce_and": sums.reduce_narrow,
    "reduce_or": sums.reduce_narrow,
    "dot_general": products.dot_general,
    "conv_general_dilated": convolution.convolution,
    "random_bits": randoms.random_bits,
    "random_split": randoms.random_split,
    "random_fold_in": randoms.random_fold_in,
    "random_gamma": randoms.random_gamma,
}

# functions of JAX that are known as a whole, by the name of their jaxpr
NAMED: dict[str, Rule] = {
    "_normal": randoms.normal,
    "_normal_real": randoms.normal,
    "_randint": randoms.randint,
    "_poisson": randoms.poisson,
    "_binomial": randoms.binomial,
}

ELEMENTWISE = elementwise.NAMES

SPECTRAL = {
    "svd": "the singular values", "eigh": "the eigenvalues", "eig": "the eigenvalues", "schur": "the Schur form",
    "lu": "the inverse or determinant", "qr": "the QR factors", "cholesky": "the Cholesky factor",
    "triangular_solve": "the inverse", "householder_product": "the orthogonal factor", "geqrf": "the QR factors",
    "lu_solve": "the inverse", "tridiagonal": "the eigenvalues", "hessenberg": "the Hessenberg form",
    "tridiagonal_solve": "the inverse", "geqp3": "the QR factors", "ormqr": "the QR factors",
    "linear_solve": "the inverse",
}  # fmt: skip
