"""The exact rank against automatic differentiation, symmetries, dead and twin units."""

from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.measure.functional_dimension import functional_dimension
from asymptopia.measure.relu_dimension import relu_dimension


def network(widths, seed=0):
    rng = np.random.default_rng(seed)
    W = [rng.standard_normal((m, n)) for n, m in pairwise(widths)]
    return W, [rng.standard_normal(m) for m in widths[1:]], rng.standard_normal((120, widths[0]))


def outputs(x):
    def f(parameters):
        z = x
        for w, c in parameters[:-1]:
            z = jnp.maximum(z @ w.T + c, 0)
        return z @ parameters[-1][0].T + parameters[-1][1]

    return f


@pytest.mark.parametrize("widths", [(3, 4, 2), (2, 3, 3, 1), (4, 2, 3, 2, 2), (1, 6, 1)])
def test_the_rank_is_that_of_the_jacobian_by_automatic_differentiation(widths):
    for seed in range(2):
        W, b, x = network(widths, seed)
        exact = relu_dimension(W, b, x)
        numerical = functional_dimension(outputs(x), list(zip(W, b, strict=True)))
        assert (exact.rank, exact.parameters, exact.outputs) == (
            numerical.rank, numerical.parameters, numerical.outputs
        )  # fmt: skip
        assert exact.rank <= exact.parameters - sum(widths[1:-1])


def test_the_rank_does_not_change_with_the_scales_of_units_nor_with_their_order():
    W, b, x = network((3, 5, 4, 2))
    rank = relu_dimension(W, b, x).rank
    scale = np.array([2.0, 0.3, 1.7, 5.0, 1.1])
    scaled = [scale[:, None] * W[0], W[1] / scale, W[2]]
    assert relu_dimension(scaled, [scale * b[0], b[1], b[2]], x).rank == rank
    order = [2, 0, 3, 1]
    permuted = [W[0], W[1][order], W[2][:, order]]
    assert relu_dimension(permuted, [b[0], b[1][order], b[2]], x).rank == rank


def test_dead_units_twins_and_few_inputs_are_seen():
    W, b, x = network((3, 5, 1))
    b[0] = 0.2 * b[0]
    whole = relu_dimension(W, b, x)
    assert whole.identifiable and whole.rank == 21 and "certain" in str(whole)
    dead = [np.append(b[0][:4], -100.0), b[1]]
    assert relu_dimension(W, dead, x).rank == 17
    twins = [W[0].copy(), W[1]]
    twins[0][1] = 2 * W[0][0]
    assert relu_dimension(twins, [np.concatenate([b[0][:1], 2 * b[0][:1], b[0][2:]]), b[1]], x).rank == 17
    few = relu_dimension(W, b, x[:6])
    assert few.rank == 6 and "more inputs" in str(few)


def test_a_faint_unit_counts_although_its_singular_values_are_round_off():
    W, b, x = network((3, 5, 1))
    b[0] = 0.2 * b[0]
    W[1][0, 0] = 1e-12
    numerical = functional_dimension(outputs(x), list(zip(W, b, strict=True)), symmetries=5)
    assert relu_dimension(W, b, x).rank == 21 > numerical.rank


def test_bad_input_is_refused():
    W, b, x = network((3, 4, 1))
    with pytest.raises(StatementError, match="shapes"):
        relu_dimension(W, b, x[:, :2])
    with pytest.raises(StatementError, match="finite"):
        relu_dimension(W, b, x * np.nan)
    with pytest.raises(StatementError, match="no derivative"):
        relu_dimension(W, [0 * b[0], b[1]], 0 * x)
    with pytest.raises(StatementError, match="functional_dimension"):
        relu_dimension([np.ones((3000, 300)), np.ones((1, 3000))], [np.ones(3000), np.ones(1)], np.ones((1000, 300)))
