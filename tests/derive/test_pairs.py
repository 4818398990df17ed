"""Wide matrices multiplied entry by entry, with each other and with transposes; sums of all their entries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import NoLimit, derive

SLOPE = 0.605706  # mean derivative of tanh at a standard normal number


def normal(key, *shape):
    return jax.random.normal(key, shape)


def answer(matrix):
    """The mean square of y = S x, and the mean of x times S tanh(y): the share of S that is symmetric, times SLOPE."""

    def program(n, key):
        draws, start = jax.random.split(key)
        S, x = matrix(n, draws) / jnp.sqrt(n), normal(start, n)
        y = S @ x
        return {"square": jnp.mean(y**2), "back": jnp.mean(x * (S @ jnp.tanh(y)))}

    return derive(program, points=1024)


@pytest.mark.parametrize("chance", [0.3, 0.5])
def test_a_mask_that_chooses_between_a_matrix_and_its_transpose_makes_it_partly_symmetric(chance):
    def matrix(n, key):
        k1, k2 = jax.random.split(key)
        A = normal(k1, n, n)
        return jnp.where(jax.random.bernoulli(k2, chance, (n, n)), A, A.T)

    limit = answer(matrix)
    assert limit["square"] == pytest.approx(1, abs=2e-3)
    assert limit["back"] == pytest.approx(2 * chance * (1 - chance) * SLOPE, abs=5e-3)


@pytest.mark.parametrize(("join", "chance"), [(jnp.logical_or, 0.36), (jnp.logical_xor, 0.32)])
def test_a_mask_joined_with_its_transpose_is_symmetric(join, chance):
    def matrix(n, key):
        A = jax.random.bernoulli(key, 0.2, (n, n))
        return (join(A, A.T) - chance) / np.sqrt(chance * (1 - chance))

    limit = answer(matrix)
    assert limit["square"] == pytest.approx(1, abs=2e-3)
    assert limit["back"] == pytest.approx(SLOPE, abs=5e-3)


def test_a_product_of_random_matrices_times_a_third_one_has_independent_entries():
    def matrix(n, key):
        a, b, c = jax.random.split(key, 3)
        scale = 1 + jnp.arange(n) / n
        return (
            ((normal(a, n, 2 * n) * jnp.ones(2 * n)) @ normal(b, 2 * n, n)) / jnp.sqrt(2 * n) * normal(c, n, n) * scale
        )

    limit = answer(matrix)
    assert limit["square"] == pytest.approx(7 / 3, rel=5e-3)
    assert abs(limit["back"]) < 5e-3


def test_the_same_product_is_the_same_matrix_again():
    def program(n, key):
        k = jax.random.split(key, 4)
        A, B, C, x = normal(k[0], n, n), normal(k[1], n, n), normal(k[2], n, n), normal(k[3], n)
        P = (A @ B) * C / n
        Q = ((B.T @ A.T) * C.T).T / n
        return {"difference": jnp.mean((P @ x - Q @ x) ** 2), "square": jnp.mean((P @ x) ** 2)}

    limit = derive(program, points=256)
    assert limit["square"] == pytest.approx(1, abs=1e-6)
    assert abs(limit["difference"]) < 1e-12


def test_moments_of_a_sample_covariance_are_sums_and_traces():
    def program(n, key):
        A = normal(key, n, 2 * n) / jnp.sqrt(n)
        G = A @ A.T
        return {"sum": jnp.sum(G * G) / n, "trace": jnp.trace(G @ G) / n, "norm": jnp.linalg.norm(G) / jnp.sqrt(n)}

    limit = derive(program, points=1024)
    assert [limit[k] for k in ("sum", "trace", "norm")] == pytest.approx([6, 6, 6**0.5], abs=1e-6)


def test_squares_of_entries_of_a_product_act_on_no_vector():
    def program(n, key):
        A = normal(key, n, n) / jnp.sqrt(n)
        G = A @ A.T
        return {"a": jnp.mean((G * G) @ jnp.ones(n))}

    with pytest.raises(NoLimit, match="entrywise product of such wide matrices"):
        derive(program)


def test_a_convolution_in_groups_of_wide_channels_keeps_them_apart():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        images = jnp.concatenate([normal(k1, 1, n // 2, 4), jnp.zeros((1, n // 2, 4))], axis=1)
        filters = normal(k2, n, n // 2, 1) / jnp.sqrt(n // 2)
        out = jax.lax.conv_general_dilated(images, filters, (1,), "VALID", feature_group_count=2)
        return {"halves": jnp.mean(out.reshape(2, n // 2, 4) ** 2, axis=(1, 2))}

    assert np.allclose(derive(program, points=256)["halves"], [1, 0], atol=1e-6)


@pytest.mark.parametrize("pick", ["randint", "permutation", "choice"])
def test_rows_at_random_positions_are_refused_with_what_to_do_instead(pick):
    def program(n, key):
        k1, k2 = jax.random.split(key)
        at = {
            "randint": lambda: jax.random.randint(k1, (n // 2,), 0, n),
            "permutation": lambda: jax.random.permutation(k1, n)[: n // 2],
            "choice": lambda: jax.random.choice(k1, n, (n // 2,), replace=False),
        }[pick]()
        return {"a": jnp.mean(normal(k2, n, n)[at] @ jnp.ones(n)) / jnp.sqrt(n)}

    with pytest.raises(NoLimit, match=r"jax\.random\.bernoulli"):
        derive(program)


def products_of_dependent_entries():
    """Entrywise products of matrices of which one is itself a product that has the other in it."""

    def draws(n, key):
        return [normal(k, n, n) for k in jax.random.split(key, 3)]

    def cubic(n, key):
        A, B, C = draws(n, key)
        return ((A @ B) * C * (A @ B)) / n

    def square_times_transpose(n, key):
        A = draws(n, key)[0]
        return (A * A.T) * A

    def scaled_product(n, key):
        A, B, C = draws(n, key)
        m = jax.nn.relu(normal(key, n))
        return ((A * m) @ B * C + A @ B * C) / jnp.sqrt(n)

    def signs_squared(n, key):
        R = jax.random.rademacher(key, (n, n), dtype=float)
        S = jnp.triu(R) + jnp.triu(R, 1).T
        return S * S

    def triangle_beside_the_whole(n, key):
        A = draws(n, key)[0]
        return jnp.triu(A) + jnp.triu(A).T + A

    return [cubic, square_times_transpose, scaled_product, signs_squared, triangle_beside_the_whole]


@pytest.mark.parametrize("matrix", products_of_dependent_entries(), ids=lambda f: f.__name__)
def test_products_of_entries_that_depend_on_each_other_are_refused(matrix):
    with pytest.raises(NoLimit, match=r"entrywise product of such|by a triangle"):
        answer(matrix)


def test_sums_of_squares_of_products_with_a_transpose():
    def program(n, key):
        A = normal(key, n, n)
        mask = A > 0.5
        S = (mask | mask.T).astype(float)
        return {"pair": jnp.sum((A * A.T) ** 2) / n**2, "mask": jnp.mean(S * S) - jnp.mean(S)}

    limit = derive(program, points=1024)
    assert limit["pair"] == pytest.approx(1, abs=1e-6)
    assert abs(limit["mask"]) < 2e-4


def test_diagonals_of_a_matrix_and_of_functions_of_it_are_taken_together():
    def program(n, key):
        A = normal(key, n, n)
        return {"square": jnp.mean(jnp.diag(A) * jnp.diag(A.T)), "odd": jnp.mean(jnp.diag(A) * jnp.diag(jnp.tanh(A)))}

    limit = derive(program, points=1024)
    assert [limit["square"], limit["odd"]] == pytest.approx([1, SLOPE], abs=2e-3)


@pytest.mark.parametrize(
    "matrix", [lambda A: A * A.T, lambda A: jnp.tril(A, -1) + jnp.tril(A, -1).T], ids=["product", "triangles"]
)
def test_diagonals_that_are_not_like_the_other_entries_are_refused(matrix):
    def program(n, key):
        return {"a": jnp.mean(jnp.diag(matrix(normal(key, n, n))) ** 2)}

    with pytest.raises(NoLimit, match="the diagonal of an entrywise product"):
        derive(program)
