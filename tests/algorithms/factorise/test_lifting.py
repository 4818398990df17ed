"""The lifted operator, its verdicts and constants, against definitions, dimension counts and each other."""

import numpy as np
import pytest

from asymptopia.algorithms.factorise.lifting import (
    Layers,
    class_bound,
    class_distance,
    fit_layers,
    lifting,
    null_space_constant,
    partial,
    tensor,
)
from asymptopia.algorithms.factorise.network_paths import chain_tree, identifiability
from asymptopia.contract.record import StatementError


def gaussian(K, S, n, seed=0):
    return Layers(list(np.random.default_rng(seed).standard_normal((K, S, n, n))))


@pytest.mark.parametrize(("K", "S"), [(2, 3), (3, 2), (4, 2)])
def test_products_are_lifted_tensors(K, S):
    layers, rng = gaussian(K, S, 4), np.random.default_rng(1)
    h = [rng.standard_normal(S) for _ in range(K)]
    np.testing.assert_allclose(layers.lifted @ tensor(h), layers.product(h).ravel(), rtol=1e-10, atol=1e-10)
    for k in range(K):
        np.testing.assert_allclose(partial(h, k) @ h[k], tensor(h), rtol=1e-12)


@pytest.mark.parametrize(
    ("S", "n", "levels"),
    [(3, 3, (True, True, True)), (6, 5, (False, True, True)), (4, 3, (False, False, True)), (4, 2, (False,) * 3)],
)
def test_general_layers_are_decided_by_counting_dimensions(S, n, levels):
    lifted = lifting(gaussian(2, S, n))
    pairs = 4 * (S - 1)  # the dimension of matrices of rank 2, S x S: 2 (2 S - 2)
    assert (lifted.lifting, lifted.secant, lifted.local) == levels
    assert levels == (n * n >= S * S, n * n >= min(pairs, S * S), n * n >= 2 * S - 1)
    assert lifted.rank == min(n * n, S * S) and lifted.dimension == min(n * n, 2 * S - 1)


def test_convolutions_agree_with_their_path_sums():
    n, shift = 12, np.roll(np.eye(12), 1, axis=0)
    for supports in ([(0, 1), (0, 2), (0, 4)], [(0, 1), (0, 1)], [(0, 1, 5, 11), (0, 2, 7, 3)]):
        layers = Layers([np.array([np.linalg.matrix_power(shift, i) for i in s]) for s in supports])
        one, other = lifting(layers), identifiability(chain_tree(supports, 1, n))
        assert (one.rank, one.dimension) == (other.rank, other.dimension)
        assert (one.lifting, one.secant, one.local) == (other.lifting, other.secant, other.local)
        assert one.smallest**2 == pytest.approx(n * other.multiplicities[0])
        assert one.largest**2 == pytest.approx(n * other.multiplicities[-1])


def test_the_constant_is_one_finite_or_infinite_as_the_levels_say():
    assert null_space_constant(gaussian(2, 3, 3)) == 1
    assert null_space_constant(gaussian(2, 4, 3), starts=3) > 1e8
    layers = gaussian(2, 6, 5)
    gamma = null_space_constant(layers)
    assert 1 < gamma < 1e3
    _, s, Vt = np.linalg.svd(layers.lifted, full_matrices=False)
    rng, shares = np.random.default_rng(2), []
    for _ in range(2000):
        T = tensor([rng.standard_normal(6) for _ in range(2)]) - tensor([rng.standard_normal(6) for _ in range(2)])
        shares.append(np.linalg.norm(T) / np.linalg.norm(Vt[s > 1e-10] @ T))
    assert max(shares) <= gamma


def test_the_constant_of_one_known_null_vector():
    # A keeps all 2 x 2 matrices but I / sqrt(2), which is itself of rank 2: nothing is kept of it
    units = np.eye(4).reshape(2, 2, 2, 2)
    keep = np.eye(4) - np.outer(np.eye(2).ravel(), np.eye(2).ravel()) / 2
    layers = Layers([units[0], units[1]])
    layers.__dict__["lifted"] = keep
    assert null_space_constant(layers, starts=3) > 1e7
    # of 3 x 3 matrices, without I / sqrt(3): rank 2 keeps at least the third singular direction, 1 - 2/3
    three = Layers([np.ones((3, 1, 1))] * 2)
    three.__dict__["lifted"] = np.eye(9) - np.outer(np.eye(3).ravel(), np.eye(3).ravel()) / 3
    assert null_space_constant(three) == pytest.approx(np.sqrt(3), rel=1e-6)


@pytest.mark.parametrize(("K", "S", "n"), [(2, 4, 6), (3, 3, 6), (2, 6, 5)])
def test_layers_are_recovered_and_the_bound_holds(K, S, n):
    layers, rng = gaussian(K, S, n), np.random.default_rng(3)
    h = [rng.uniform(0.5, 1.5, S) for _ in range(K)]
    gamma, sigma = null_space_constant(layers), lifting(layers).smallest
    for noise in (0, 1e-3, 0.1):
        E = noise * rng.standard_normal((n, n))
        fit = min(
            (fit_layers(layers, layers.product(h) + E, rng) for _ in range(4)),
            key=lambda g: np.linalg.norm(layers.product(g) - layers.product(h) - E),
        )
        rest = np.linalg.norm(layers.product(fit) - layers.product(h) - E)
        apart = gamma * (np.linalg.norm(E) + rest) / sigma
        assert np.linalg.norm(tensor(fit) - tensor(h)) <= apart + 1e-6
        if noise:
            assert class_distance(h, fit) <= class_bound(h, fit, apart)


def test_the_distance_is_between_classes():
    h = [np.array([1.0, -2.0]), np.array([0.5, 3.0]), np.array([1.0, 1.0])]
    assert class_distance(h, [-4 * h[0], h[1] / 2, -h[2] / 2]) < 1e-12
    assert class_distance(h, [-h[0], h[1], h[2]]) > 0.5


@pytest.mark.parametrize(
    ("bases", "message"),
    [
        ([], "one or more"),
        ([np.ones((2, 2))], "arrays"),
        ([np.ones((0, 2, 2))], "arrays"),
        ([np.ones((2, 2, 3)), np.ones((2, 2, 2))], "as many columns"),
        ([np.full((1, 2, 2), np.nan)], "finite"),
        ([np.stack([np.eye(2), np.zeros((2, 2))])], "zero"),
    ],
)
def test_bad_layers(bases, message):
    with pytest.raises(StatementError, match=message):
        Layers(bases)


def test_bad_matrices():
    with pytest.raises(StatementError, match="shape"):
        fit_layers(gaussian(2, 2, 3), np.ones((2, 3)), np.random.default_rng(0))
