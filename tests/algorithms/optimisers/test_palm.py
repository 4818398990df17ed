"""PALM: the granted descent holds and is sharp, inertia, convergence, and bad input."""

import numpy as np
import pytest

from asymptopia.algorithms.optimisers.palm import Block, palm
from asymptopia.contract.record import StatementError


def problem(seed, convex=True):
    """Least squares of a product of two factors, each nonnegative, or with three entries."""
    X = np.random.default_rng(seed).standard_normal((5, 4)) + 1

    def kept(v, t):
        return np.maximum(v, 0) if convex else np.where(np.abs(v) >= np.sort(np.abs(v), axis=None)[-3], v, 0)

    def top(A):
        return np.linalg.norm(A, 2) ** 2

    blocks = [
        Block(lambda x: (x[0] @ x[1] - X) @ x[1].T, lambda x: top(x[1]), kept, None, convex),
        Block(lambda x: x[0].T @ (x[0] @ x[1] - X), lambda x: top(x[0]), kept, None, convex),
    ]
    rng = np.random.default_rng(seed + 1)
    start = [rng.random((5, 2)), rng.random((2, 4))]
    return lambda x: np.sum((x[0] @ x[1] - X) ** 2) / 2, blocks, start


@pytest.mark.parametrize("inertia", [0.0, 0.2, 0.45])
@pytest.mark.parametrize("convex", [True, False])
def test_every_step_descends_as_granted(convex, inertia):
    for seed in range(20):
        smooth, blocks, start = problem(seed, convex)
        start = [b.proximal(s, 1.0) for b, s in zip(blocks, start, strict=True)]
        trail = palm(smooth, blocks, start, 80, inertia=inertia)
        assert (np.diff(trail.values) <= -trail.guaranteed + 1e-12 * trail.values[0]).all()
        assert trail.guaranteed.sum() <= trail.values[0]
        assert trail.moves[-1] < 0.1 * trail.moves[0] or not convex


def test_the_granted_descent_is_sharp_for_a_quadratic():
    block = Block(lambda x: 3 * x[0], lambda x: 3.0, lambda v, t: v, None, True)
    trail = palm(lambda x: 1.5 * np.sum(x[0] ** 2), [block], [np.array([2.0, -1.0])], 3)
    np.testing.assert_allclose(-np.diff(trail.values), trail.guaranteed, rtol=1e-12)


def test_too_small_a_modulus_breaks_the_promise():
    smooth, blocks, start = problem(0)
    wrong = [Block(b.gradient, lambda x, m=b.modulus: 0.3 * m(x), b.proximal, None, True) for b in blocks]
    trail = palm(smooth, wrong, start, 80)
    assert (np.diff(trail.values) > -trail.guaranteed + 1e-9).any()


def test_soft_thresholding_ends_at_the_known_minimum():
    target = np.array([2.0, 0.3, -1.0])
    block = Block(
        lambda x: x[0] - target,
        lambda x: 1.0,
        lambda v, t: np.sign(v) * np.maximum(np.abs(v) - 0.5 * t, 0),
        lambda v: 0.5 * np.abs(v).sum(),
        True,
    )
    result = palm(lambda x: np.sum((x[0] - target) ** 2) / 2, [block], [np.zeros(3)], 500, inertia=0.3, tolerance=1e-14)
    np.testing.assert_allclose(result.blocks[0], [1.5, 0, -0.5], atol=1e-12)
    assert len(result.moves) < 500


def test_bad_input():
    smooth, blocks, start = problem(0)
    missing = Block(blocks[1].gradient, blocks[1].modulus, None)
    with pytest.raises(StatementError, match=r"`blocks\[1\]` must have a proximal map"):
        palm(smooth, [blocks[0], missing], start, 5)
    with pytest.raises(StatementError, match="for 2 blocks"):
        palm(smooth, blocks, start[:1], 5)
    with pytest.raises(StatementError, match="finite"):
        palm(smooth, blocks, [start[0], np.nan * start[1]], 5)
    with pytest.raises(StatementError, match="< 1 for"):
        palm(smooth, blocks, start, 5, inertia=1.0)
    with pytest.raises(StatementError, match=r"< 0\.5 for"):
        palm(smooth, problem(0, False)[1], start, 5, inertia=0.5)
    with pytest.raises(StatementError, match="`factor`"):
        palm(smooth, blocks, start, 5, factor=0.9)
    with pytest.raises(StatementError, match="`steps`"):
        palm(smooth, blocks, start, 0)
    flat = Block(blocks[0].gradient, blocks[0].modulus, lambda v, t: v.ravel())
    with pytest.raises(StatementError, match="keep its shape"):
        palm(smooth, [flat, blocks[1]], start, 5)
