"""Majorization-minimization for a model of your own: an equinox module of dense and convolutional layers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, PyTree
from .affine_layers import (
    affine_layers,
    check_layers,
    checked_samples,
    input_rows,
    joined,
    no_push,
    output_rows,
    passed,
    split,
)
from .interface import Info, Solver, State
from .majorisers import LayerMajoriser, rank_one, weighted_gram
from .network import Parameters
from .program_majoriser import Field, check_field, has_softmax_curvature, loss_above, majorised
from .program_tape import recorded

Loss = Callable[[Any, jax.Array], jax.Array]
WORK = 2.0  # gradients that the majoriser of one layer costs


def layerwise_model(model: PyTree, loss: Loss, X: ArrayLike, y: ArrayLike) -> Solver:
    r"""Majorization-minimization (see `layerwise`) for an equinox model and a loss: `mean_i loss(y_i, model(x_i))`.

    One step is one sweep over the layers, from the last to the first; each is moved to the minimum of a quadratic that
    lies above the loss for all parameters of this layer. So the loss never rises, at any step, from any start, without
    a rate. It is checked after each layer. If it rises by more than rounding, the parameters and `guaranteed` are nan
    from this step on, and `run` raises `RuntimeError`.

    model: called with one sample x; its parameters are those of `equinox.nn.Linear` and `equinox.nn.Conv` layers (of
    any dimension, stride, padding and dilation, with one group), each applied once a sample. Between them may be what
    is linear (sums, skips, mean pooling, reshaping, products with constants) and tanh, sigmoid, softplus, gelu, silu,
    erf, sin, cos and relu, as a program writes them. The constant of relu grows without bound towards its kink.
    loss: of a label and the outputs of one sample: the square and other even functions of residuals whose slope divided
    by the residual does not rise (Huber's, log cosh), the logistic loss, cross-entropy of scores, and sums of these.
    X: shape (n, ...), y: n labels.

    The quadratic is carried backwards through the program (see `program_majoriser`). Functions are known by their
    values on a grid of about a thousand numbers with |z| <= 300, and at the fields that the model has at the data when
    the solver is made: one that differs between these, or beyond, is not seen until it raises the loss. The
    curvature of a convolution is shared by its locations: its quadratic is that of all patches.

    The parameters of the solver are the arrays of the model, `equinox.filter(model, equinox.is_inexact_array)`;
    `equinox.combine(parameters, model)` is the model with them. `guaranteed` is the sum of the falls of the quadratics.

    Raises `StatementError` for parameters outside of these layers, for grouped convolutions, for layers that are not
    applied once, and where there is no majoriser: products of two values that depend on one layer (gates, attention),
    maxima, normalisation, other functions and losses. It names the operation.
    """
    return sweeps(Objective.of(model, loss, X, y))


def sweeps(objective: Objective) -> Solver:
    """The solver of `layerwise_model` for an objective."""
    model = objective.model

    def init(parameters: PyTree) -> State:
        return State(joined(split(model, parameters), model), ())

    def step(state: State) -> tuple[State, Info]:
        matrices = list(split(model, state.parameters))
        values, granted, squares = [], jnp.zeros((), matrices[0].dtype), jnp.zeros((), matrices[0].dtype)
        slack = granted
        for place in range(len(matrices) - 1, -1, -1):
            majoriser, size = objective.layer(tuple(matrices), place)
            change = majoriser.minimiser()
            granted -= jnp.vdot(majoriser.gradient, change) / 2
            squares += jnp.sum(majoriser.gradient**2)
            slack = jnp.maximum(slack, 256 * np.finfo(change.dtype).eps * (jnp.abs(majoriser.value) + size))
            values.append(majoriser.value)
            matrices[place] = matrices[place] + change
        values.append(objective(tuple(matrices)))
        fell = jnp.stack([new <= old + slack for old, new in pairwise(values)]).all()
        moved = tuple(jnp.where(fell, W, jnp.nan) for W in matrices)
        work = jnp.asarray(WORK * len(matrices) + 1 / 3, granted.dtype)
        told = Info(values[0], jnp.sqrt(squares), jnp.where(fell, granted, jnp.nan), work)
        return State(joined(moved, model), ()), told

    return Solver(init, step, _check_descent)


def _check_descent(told: Info) -> None:
    """Raise `RuntimeError` if a step raised the loss."""
    failed = np.flatnonzero(np.isnan(np.asarray(told.guaranteed)))
    if len(failed):
        raise RuntimeError(
            f"Step {failed[0] + 1} of majorization raised the loss above {float(told.value[failed[0]]):.6g}, which no "
            "quadratic above it can: the model or the loss holds a function other than its values on a grid show, or "
            "depends on more than its inputs. Use `kfac_model` or `soap`."
        )


class Objective(eqx.Module):
    """The mean loss of a model, and its majorisers in one layer."""

    model: PyTree
    static: PyTree
    loss: Loss
    softmax: bool
    pushes: list[jax.Array]
    X: jax.Array
    y: jax.Array

    @classmethod
    def of(cls, model: PyTree, loss: Loss, X: ArrayLike, y: ArrayLike) -> Objective:
        """That of a model which has majorisers; raises `StatementError` as `layerwise_model`."""
        X, y = checked_samples(X, y)
        check_layers(model, X[0], "Majorization")
        static = eqx.filter(model, eqx.is_inexact_array, inverse=True)
        softmax = has_softmax_curvature(loss, y, jax.vmap(model)(X))
        objective = cls(model, static, loss, softmax, no_push(model, X[0]), X, y)
        objective.check_fields()
        return objective

    def check_fields(self) -> None:
        """Raise `StatementError` where there is no majoriser, also of a function where the data are."""
        met: list[Field] = []

        def values(x: jax.Array, label: jax.Array) -> list[jax.Array]:
            met.clear()
            for place in range(len(self.pushes)):
                self.sample(self.model, place, x, label, met)
            return [field.z for field in met]

        for field, z in zip(met, jax.jit(jax.vmap(values))(self.X, self.y), strict=True):
            check_field(field, np.asarray(z))

    def whole(self, matrices: Parameters) -> PyTree:
        """The model with these matrices."""
        return eqx.combine(joined(matrices, self.model), self.static)

    def __call__(self, matrices: Parameters) -> jax.Array:
        """The mean loss."""
        whole = self.whole(matrices)
        return jax.vmap(lambda x, label: self.loss(label, whole(x)))(self.X, self.y).mean()

    def layer(self, matrices: Parameters, place: int) -> tuple[LayerMajoriser, jax.Array]:
        """A quadratic above the loss in the matrix of one layer, and the size of the terms that it rounds."""
        whole = self.whole(matrices)
        value, size, slopes, bends, inputs = jax.vmap(lambda x, label: self.sample(whole, place, x, label))(
            self.X, self.y
        )
        n, locations = inputs.shape[:2]
        rows, bends = inputs.reshape(n * locations, -1), bends.reshape(n * locations, -1)
        units, samples = rank_one(bends)
        gradient = rows.T @ slopes.reshape(n * locations, -1) / n
        return LayerMajoriser(value.mean(), gradient, locations * weighted_gram(rows, samples), units), size.mean()

    def sample(
        self, whole: PyTree, place: int, x: jax.Array, label: jax.Array, fields: list[Field] | None = None
    ) -> tuple[jax.Array, ...]:
        """Loss, size of its terms, slopes and curvatures at the outputs of a layer, and its inputs, by location.

        fields: as of `majorised`.
        """
        pushes = list(self.pushes)

        def outputs(push: jax.Array) -> jax.Array:
            return passed(whole, [*pushes[:place], push, *pushes[place + 1 :]], x)[0]

        seen = passed(whole, pushes, x)[1][place]
        tape = recorded(outputs, pushes[place])
        z = tape.output.value
        slope, bend = loss_above(self.loss, self.softmax, label, z, fields)
        size = jnp.sum(jnp.abs(slope * z) + (0.0 if bend is None else bend * z**2))
        slope, bend = majorised(tape, slope, bend, fields)
        if bend is None:
            raise StatementError(f"The loss is linear in layer {place}: it has no minimum there.")
        layer = affine_layers(whole)[place]
        return self.loss(label, z), size, output_rows(slope), output_rows(bend), input_rows(layer, seen.inputs)
