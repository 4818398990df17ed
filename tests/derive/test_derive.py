"""Derived limits against closed forms and recursions by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special

from asymptopia import NoLimit, StatementError, derive

POINTS, NETS = 1024, 8


def limit_of(program, points=POINTS):
    return derive(program, points=points, nets=NETS)


def close(limit, name, exact, floor=1e-9):
    """Within four stated errors, which are themselves small."""
    error = limit[f"{name}_error"]
    assert np.all(error < 0.02)
    assert np.all(np.abs(limit[name] - exact) <= 4 * error + floor), (limit[name], exact, error)


def normals(key, *shapes):
    return [jax.random.normal(k, s) for k, s in zip(jax.random.split(key, len(shapes)), shapes, strict=True)]


def test_the_marchenko_pastur_moments_follow_from_products_with_a_matrix_and_its_transpose():
    def program(n, key):
        X, x = normals(key, (2 * n, n), (n,))
        moments, y = [], x
        for _ in range(3):
            y = X.T @ (X @ y) / (2 * n)
            moments.append(x @ y / n)
        return {"moments": jnp.stack(moments)}

    c = 1 / 2
    limit = limit_of(program)
    assert np.allclose(limit["moments"], [1, 1 + c, 1 + 3 * c + c**2], atol=1e-6)


def test_the_transpose_first_and_the_matrix_first_react_alike():
    def program(n, key):
        X, u = normals(key, (n // 2, n), (n // 2,))
        return {"moment": u @ (X @ (X.T @ (X @ (X.T @ u)))) / n**3}

    # the second moment of X X'/n, whose ratio is c = 1/2, times the size n/2 of u
    assert np.allclose(limit_of(program)["moment"], (1 + 0.5) / 2, atol=1e-6)


def test_symmetric_matrices_have_the_semicircle_moments():
    def program(n, key):
        G, x = normals(key, (n, n), (n,))
        A = (G + G.T) / jnp.sqrt(2.0 * n)
        return {"fourth": x @ (A @ (A @ (A @ (A @ x)))) / n, "third": x @ (A @ (A @ (A @ x))) / n}

    limit = limit_of(program)
    assert np.allclose(limit["fourth"], 2, atol=1e-6)  # Catalan
    assert np.allclose(limit["third"], 0, atol=1e-6)


def test_a_triangle_and_its_transpose_make_a_symmetric_matrix():
    def program(n, key):
        G, x = normals(key, (n, n), (n,))
        U = jnp.triu(G, 1)
        A = (U + U.T) / jnp.sqrt(n)
        return {"fourth": x @ (A @ (A @ (A @ (A @ x)))) / n}

    assert np.allclose(limit_of(program)["fourth"], 2, atol=1e-6)


def test_a_spike_is_found_by_one_step_of_power_iteration():
    def program(n, key):
        kx, kg, kw = jax.random.split(key, 3)
        x = jax.random.rademacher(kx, (n,), dtype=float)
        G = jax.random.normal(kg, (n, n))
        Y = 1.5 / n * jnp.outer(x, x) + (G + G.T) / jnp.sqrt(2.0 * n)
        v = 0.4 * x + jax.random.normal(kw, (n,))
        u = Y @ v
        return {"overlap": u @ x / n, "norm": u @ u / n}

    limit = limit_of(program)
    close(limit, "overlap", 1.5 * 0.4, 1e-6)
    close(limit, "norm", (1.5 * 0.4) ** 2 + 1 + 0.4**2, 1e-6)


def test_the_arc_cosine_kernel_of_two_layers():
    def program(n, key):
        W1, W2 = normals(key, (n, 2), (n, n))
        x = jnp.array([[1.0, 0.0], [0.6, 0.8]])
        h = jax.nn.relu(x @ W1.T)
        h = jax.nn.relu(h @ W2.T * jnp.sqrt(2.0 / n))
        return {"kernel": h @ h.T / n}

    def step(c):
        return (np.sqrt(1 - c**2) + c * (np.pi - np.arccos(c))) / np.pi

    limit = limit_of(program, 4096)
    close(limit, "kernel", np.array([[0.5, step(step(0.6)) / 2], [step(step(0.6)) / 2, 0.5]]))


def test_entries_of_any_law_act_alike_and_their_mean_is_of_rank_one():
    def program(n, key):
        k1, k2, k3 = jax.random.split(key, 3)
        W = jax.random.uniform(k1, (n, n), minval=0.0, maxval=1.0)
        mask = jax.random.bernoulli(k2, 0.25, (n, n))
        x = 1.0 + jax.random.normal(k3, (n,))
        y, z = W @ x, (mask * W) @ x
        square = W**2 @ x / n
        return {
            "mean": jnp.mean(y) / n, "spread": jnp.mean((y - jnp.mean(y)) ** 2) / n,
            "masked": jnp.mean(z) / n, "masked spread": jnp.mean((z - jnp.mean(z)) ** 2) / n,
            "square": jnp.mean(square),
        }  # fmt: skip

    limit = limit_of(program)
    exact = {
        "mean": 0.5,
        "spread": 2 / 12,
        "masked": 0.125,
        "masked spread": 2 * (0.25 / 3 - 0.125**2),
        "square": 1 / 3,
    }
    for name, value in exact.items():
        assert np.allclose(limit[name], value, atol=2e-4), name


def test_a_limit_that_is_random_is_averaged():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        x = jax.random.normal(k1, (3,))
        h = jax.random.normal(k2, (n, 3)) @ x
        return {"square": jnp.mean(h**2), "root": jnp.sqrt(jnp.mean(h**2))}

    limit = derive(program, points=2**14, nets=8)
    assert np.allclose(limit["square"], 3, atol=1e-6)
    assert abs(limit["root"] - np.sqrt(8 / np.pi)) < 4 * limit["root_error"] < 0.02


def test_readouts_of_order_one_are_normal_and_averaged():
    def program(n, key):
        W, v = normals(key, (n, 2), (n, 2))
        f = jax.nn.relu(jnp.array([[3.0, 4.0]]) @ W.T) @ v / jnp.sqrt(n)
        return {"square": jnp.mean(f**2), "cosine": jnp.mean(jnp.cos(f / 5))}

    limit = derive(program, points=2**13, nets=8)
    assert abs(limit["square"] - 12.5) < 4 * limit["square_error"] < 1
    close(limit, "cosine", np.exp(-0.25), 1e-4)


def test_a_pattern_taken_out_of_a_matrix_is_retrieved():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        patterns = jax.random.rademacher(k1, (n // 10, n), dtype=float)
        s = jnp.where(jax.random.bernoulli(k2, 0.8, (n,)), 1.0, -1.0) * patterns[0]
        return {"m": jnp.sign((patterns.T @ (patterns @ s) - n // 10 * s) / n) @ patterns[0] / n}

    # one step of Hopfield's memory: m = erf(m0 / sqrt(2 alpha))
    close(limit_of(program, 4096), "m", scipy.special.erf(0.6 / np.sqrt(0.2)), 2e-4)


def test_convolutions_of_wide_channels():
    def program(n, key):
        W1, W2 = normals(key, (n, 1, 3), (n, n, 3))
        h = jnp.array([[[1.0, 2.0, -1.0, 0.5]]])
        for W in (W1, W2 / jnp.sqrt(n)):
            h = jax.lax.conv_general_dilated(h, W, (1,), "SAME", dimension_numbers=("NCH", "OIH", "NCH"))
        return {"q": jnp.mean(h**2, axis=1)[0]}

    square = np.array([0, 1.0, 4.0, 1.0, 0.25, 0])
    once = np.r_[0, np.convolve(square, np.ones(3), "valid"), 0]
    assert np.allclose(limit_of(program)["q"], np.convolve(once, np.ones(3), "valid"), atol=1e-6)


def test_a_mask_of_a_symmetric_matrix_with_a_mean():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        A = jnp.triu(jax.random.bernoulli(k1, 0.3, (n, n)).astype(float), 1)
        A, x = A + A.T, jax.random.normal(k2, (n,))
        B = (A - 0.3) / jnp.sqrt(0.21 * n)
        return {"degree": jnp.mean(A @ jnp.ones(n)) / n, "fourth": x @ (B @ (B @ (B @ (B @ x)))) / n}

    limit = limit_of(program)
    assert np.allclose(limit["degree"], 0.3, atol=1e-4)
    assert np.allclose(limit["fourth"], 2, atol=1e-3)


def test_positions_along_a_wide_axis_are_uniform():
    def program(n, key):
        t = jnp.linspace(0.0, 1.0, n)
        i = jnp.arange(n)
        return {"t": jnp.mean(t**2), "half": jnp.mean(jnp.where(i < n // 4, 1.0, 0.0))}

    limit = limit_of(program)
    close(limit, "t", 1 / 3, 1e-6)
    close(limit, "half", 1 / 4, 1e-3)


def test_parts_of_a_wide_axis_are_populations_of_their_own():
    def program(n, key):
        W, x = normals(key, (3 * n, n), (n,))
        q, k, v = jnp.split(W @ x / jnp.sqrt(n), 3)
        heads = jnp.reshape(v, (4, n // 4))
        return {"qk": q @ k / n, "vv": v @ v / n, "heads": jnp.mean(heads**2, axis=1)}

    limit = limit_of(program)
    assert np.allclose(limit["qk"], 0, atol=1e-6)
    assert np.allclose(limit["vv"], 1, atol=1e-6)
    assert np.allclose(limit["heads"], 1, atol=1e-6)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda W, x, n: jnp.linalg.inv(W) @ x, "inverse"),
        (lambda W, x, n: jnp.linalg.eigvalsh(W)[:1] * x, "eigenvalues"),
        (lambda W, x, n: W @ x, "n\\*\\*0.5"),
        (lambda W, x, n: jnp.sort(x), "sorts"),
        (lambda W, x, n: jnp.roll(x, 1), "neighbours"),
        (lambda W, x, n: x * jnp.argmax(x), "extreme"),
        (lambda W, x, n: x * jnp.max(x), "largest"),
        (lambda W, x, n: jnp.cumsum(x) / n, "in order"),
        (lambda W, x, n: jnp.tanh(W @ W / n) @ x, "Gaussian equivalence"),
        (lambda W, x, n: jax.nn.softmax(jnp.sqrt(n) * x) * x, "diverge"),
        (lambda W, x, n: jax.lax.fori_loop(0, n, lambda i, y: y / 2, x), "steps"),
        (lambda W, x, n: x * np.linalg.norm(np.asarray(x)), "leaves JAX"),
        (lambda W, x, n: x + sum(x / n for _ in range(n)), "steps"),
    ],
)
def test_what_has_no_rule_is_refused_with_its_line(step, words):
    def program(n, key):
        W, x = normals(key, (n, n), (n,))
        y = step(W, x, n)
        return {"q": jnp.mean(y**2)}

    with pytest.raises(NoLimit, match=words) as error:
        derive(program)
    assert f"{__file__}:" in str(error.value)


def test_a_key_used_for_two_shapes_is_refused():
    def program(n, key):
        return {"q": jnp.mean(jax.random.normal(key, (n,)) ** 2) + jnp.mean(jax.random.normal(key, (2 * n,)))}

    with pytest.raises(NoLimit, match="split the key"):
        derive(program)


@pytest.mark.parametrize(("options", "words"), [({"points": 100}, "power of two"), ({"nets": 2}, "at least 3")])
def test_precision_is_checked(options, words):
    with pytest.raises(StatementError, match=words):
        derive(lambda n, key: {"x": jnp.ones(())}, **options)
