"""Identifiability of trees of convolutions against operators built in full, known cases, and bad input."""

import numpy as np
import pytest

from asymptopia.algorithms.factorise.kernels import balanced, fit_kernels, responses
from asymptopia.algorithms.factorise.network_paths import ConvolutionTree, chain_tree, identifiability
from asymptopia.contract.record import StatementError

UNEVEN = ConvolutionTree((-1, -1, 0, 0, 3), ((0, 1), (0, 2, 3), (0, 1), (0, 2), (1, 4)), 12)
TREES = {
    "distinct": chain_tree([(0, 1), (0, 2), (0, 4)], 1, 12),
    "colliding": chain_tree([(0, 1), (0, 1)], 1, 12),
    "branched": chain_tree([(0, 1), (0, 1, 4)], 2, 12),
    "uneven": UNEVEN,
    "wrapped": chain_tree([(0, 1), (0, 11)], 1, 12),
}


def operator(tree, entries):
    """All maps of the leaves, as products of circulant matrices."""
    n = tree.length
    shift = np.roll(np.eye(n), 1, axis=0)
    maps = []
    for way in tree.ways:
        total = np.eye(n)
        for e in way:
            kernel = entries[tree.offsets[e] : tree.offsets[e + 1]]
            powers = zip(kernel, tree.supports[e], strict=True)
            total = sum(k * np.linalg.matrix_power(shift, i) for k, i in powers) @ total
        maps.append(total)
    return np.array(maps)


def full_lifting(tree):
    """The lifted operator on every network path, one path at a time."""
    columns = []
    for leaf, (index, _) in enumerate(tree.paths):
        for path in index:
            entries = np.zeros(tree.offsets[-1])
            entries[path] = 1
            maps = operator(tree, entries)
            maps[np.arange(len(maps)) != leaf] = 0
            columns.append(maps.ravel())
    return np.array(columns).T


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
def test_singular_values_and_dimension_are_those_of_the_full_operator(tree):
    report = identifiability(tree)
    values = np.linalg.svd(full_lifting(tree), compute_uv=False)[::-1]
    assert (values > 1e-9).sum() == report.rank and len(values) == report.paths
    np.testing.assert_allclose(values[values > 1e-9] ** 2 / tree.length, report.multiplicities, atol=1e-12)
    assert report.lifting == (report.rank == report.paths)
    h, eps = np.random.default_rng(3).standard_normal(tree.offsets[-1]), 1e-6
    units = eps * np.eye(len(h))
    J = np.array([(operator(tree, h + u) - operator(tree, h - u)).ravel() / (2 * eps) for u in units])
    assert np.linalg.matrix_rank(J, tol=1e-6) == report.dimension


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
def test_responses_are_lifted_products(tree):
    h = np.random.default_rng(4).standard_normal(tree.offsets[-1])
    maps = operator(tree, h)
    np.testing.assert_allclose(responses(tree, h), maps[:, :, 0], atol=1e-13)
    places = [(leaf, p) for leaf, (_, sums) in enumerate(tree.paths) for p in np.unique(sums)]
    np.testing.assert_allclose([maps[q, p, 0] for q, p in places], tree.lifted(tree.products(h)), atol=1e-13)
    np.testing.assert_allclose(operator(tree, balanced(tree, h)), maps, atol=1e-12)


def test_the_three_levels():
    def levels(*supports):
        report = identifiability(chain_tree(supports))
        return report.lifting, report.secant, report.local

    assert levels((0, 1), (0, 2), (0, 4)) == (True, True, True)
    assert levels((0, 1, 5, 11), (0, 2, 7, 13)) == (False, True, True)
    assert levels((0, 1), (0, 1)) == (False, False, True)
    assert levels((0, 1), (0, 1), (0, 2), (0, 2), (0, 1))[2], "polynomials have finitely many factors"
    two = identifiability(ConvolutionTree((-1, 0), ((0, 1), (0, 1)), 2))
    assert not two.local and two.dimension == 2, "signals of length 2 have responses of two entries"


def test_ten_thousand_paths():
    supports = [tuple(10**k * np.arange(10)) for k in range(4)]
    report = identifiability(chain_tree(supports))
    assert report.paths == report.rank == 10_000 and report.lifting and report.dimension == 37
    colliding = identifiability(chain_tree([range(10)] * 4))
    assert colliding.rank == colliding.dimension == 37 and colliding.local and not colliding.secant


@pytest.mark.parametrize("name", ["distinct", "branched", "uneven"])
def test_kernels_are_found_from_exact_responses(name):
    tree, rng = TREES[name], np.random.default_rng(5)
    h = rng.uniform(0.5, 1.5, tree.offsets[-1])
    fit = fit_kernels(tree, responses(tree, h), rng)
    np.testing.assert_allclose(responses(tree, fit), responses(tree, h), atol=1e-7)
    if identifiability(tree).lifting:
        np.testing.assert_allclose(tree.products(fit), tree.products(h), atol=1e-7)


@pytest.mark.parametrize(
    ("parents", "supports", "message"),
    [
        ((), (), "one or more edges"),
        ((-1, 0), ((0, 1),), "one or more edges"),
        ((-1, 2, 1), ((0,),) * 3, "an edge before it"),
        ((-1,), ((),), "supports\\[0\\]"),
        ((-1,), ((1, 1),), "different"),
        ((-1,), ((0.5, 1),), "whole"),
    ],
)
def test_bad_trees(parents, supports, message):
    with pytest.raises(StatementError, match=message):
        ConvolutionTree(parents, supports)


def test_bad_responses():
    rng = np.random.default_rng(0)
    with pytest.raises(StatementError, match="`length`"):
        ConvolutionTree((-1,), ((0, 1),), 0)
    with pytest.raises(StatementError, match="`length`"):
        responses(chain_tree([(0, 1)]), np.ones(2))
    with pytest.raises(StatementError, match="shape"):
        fit_kernels(UNEVEN, np.ones((2, 12)), rng)
    with pytest.raises(StatementError, match="finite"):
        fit_kernels(UNEVEN, np.full((3, 12), np.nan), rng)
