"""Stochastic Lanczos quadrature against dense eigenvalues, laws of random matrices, and its own error bars."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.linalg import aslinearoperator
from scipy.stats import t as student

from asymptopia import StatementError
from asymptopia.measure.extremes import extremes
from asymptopia.measure.operators import fisher, gauss_newton, hessian, tangent_kernel
from asymptopia.measure.spectra import quadrature


def goe(n, seed=7):
    a = np.random.default_rng(seed).standard_normal((n, n))
    return (a + a.T) / np.sqrt(2 * n)


def test_as_many_products_as_dimensions_are_exact():
    a = goe(30)
    density = quadrature(aslinearoperator(a), probes=400, order=30)
    np.testing.assert_allclose(np.sort(density.eigenvalues[0]), np.linalg.eigvalsh(a), atol=1e-12)
    values = np.linalg.eigvalsh(a)
    for f in (lambda x: x, np.square, np.exp):
        mean, error = density.mean(f)
        assert abs(mean - f(values).mean()) < 4 * error


def test_the_density_of_a_random_matrix_is_the_semicircle():
    spectrum = quadrature(aslinearoperator(goe(1000)), probes=16, order=60)
    grid = np.linspace(-1.8, 1.8, 30)
    density = spectrum.density(grid, width=0.1)
    z = np.linspace(-2, 2, 20001)[None]
    kernel = np.exp(-(((grid[:, None] - z) / 0.1) ** 2) / 2) / (np.sqrt(2 * np.pi) * 0.1)
    smooth = np.trapezoid(kernel * np.sqrt(4 - z**2) / (2 * np.pi), z[0])
    assert (np.abs(density.value - smooth) < 4.5 * density.error + 0.003).all() and density.error.max() < 0.015
    low, high = spectrum.ends()
    assert low == pytest.approx(-2, abs=0.05) and high == pytest.approx(2, abs=0.05)
    share, error = spectrum.distribution(np.array([0.0, 3.0]))
    assert abs(share[0] - 0.5) < 0.05 and share[1] == pytest.approx(1.0) and error[0] > 0


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e12])
def test_scales_change_nothing_but_the_scale(scale):
    a = goe(200)
    one, other = (quadrature(aslinearoperator(s * a), probes=3, order=40) for s in (1.0, scale))
    np.testing.assert_allclose(other.eigenvalues, scale * one.eigenvalues, rtol=1e-8, atol=1e-10 * scale)
    np.testing.assert_allclose(other.weights, one.weights, rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(
        extremes(aslinearoperator(scale * a))[0], scale * np.linalg.eigvalsh(a)[[0, -1]], rtol=1e-10
    )


def test_intervals_of_the_trace_cover_it():
    a = goe(60) @ np.diag(np.linspace(0.1, 3, 60))
    a = a @ a.T
    truth, quantile = np.trace(a), student.ppf(0.975, 9)
    covered = 0
    for seed in range(400):
        value, error = quadrature(aslinearoperator(a), probes=10, order=3, seed=seed).trace()
        covered += abs(value - truth) <= quantile * error
    assert covered >= 0.93 * 400 - 3 * np.sqrt(400 * 0.07 * 0.93)


def test_intervals_hold_the_truth_where_few_eigenvalues_are_seen():
    """The bulk and outliers of a network; the spread between 10 probes would hold 87 % of the densities."""
    rng = np.random.default_rng(0)
    bulk = 0.01 * rng.standard_normal(300) * np.exp(rng.standard_normal(300))
    values, width, repeated = np.r_[bulk, 0.3, 0.5, 0.52, 0.8, 1.0, 2.0], 0.02, 150
    operator = aslinearoperator(scipy.sparse.diags(values))
    grid = np.r_[np.linspace(-0.05, 0.1, 16), 0.28, 0.3, 0.5, 0.52, 0.81, 1.0, 2.0, 2.03]
    kernel = np.exp(-(((grid[:, None] - values) / width) ** 2) / 2) / (np.sqrt(2 * np.pi) * width)
    held, traces = np.zeros(len(grid)), 0
    for seed in range(repeated):
        spectrum = quadrature(operator, probes=10, order=50, seed=seed)
        density = spectrum.density(grid, width)
        held += (density.low <= kernel.mean(axis=1)) & (kernel.mean(axis=1) <= density.high)
        low, high = spectrum.trace_interval()
        traces += low <= values.sum() <= high
    assert held.mean() / repeated >= 0.93
    assert traces / repeated >= 0.93 - 3 * np.sqrt(0.07 * 0.93 / repeated)
    assert (held / repeated).min() >= 0.93 - 3.5 * np.sqrt(0.07 * 0.93 / repeated)
    low, high = spectrum.trace_interval(level=0.5)
    assert high - low < 0.4 * np.ptp(spectrum.trace_interval())


def test_log_determinant_intervals():
    a = np.diag(np.r_[np.linspace(1, 3, 200), 50.0, 1e-3])
    truth, held = np.log(np.diag(a)).sum(), 0
    for seed in range(100):
        low, high = quadrature(aslinearoperator(a), probes=10, order=40, seed=seed).log_determinant_interval()
        held += low <= truth <= high
    assert held >= 93 - 3 * np.sqrt(100 * 0.07 * 0.93)
    with pytest.raises(StatementError, match="level"):
        quadrature(aslinearoperator(a)).trace_interval(level=1.0)


def test_log_determinant():
    a = np.diag(np.linspace(1, 3, 200))
    value, error = quadrature(aslinearoperator(a), probes=40, order=30).log_determinant()
    assert abs(value - np.log(np.diag(a)).sum()) < 4 * error
    with pytest.raises(StatementError, match="positive"):
        quadrature(aslinearoperator(goe(50))).log_determinant()


@pytest.mark.parametrize("matrix", [np.eye(40), np.zeros((40, 40)), np.diag(np.r_[np.ones(39), 100.0])])
def test_few_different_eigenvalues_end_the_iteration(matrix):
    density = quadrature(aslinearoperator(matrix), probes=4, order=20)
    assert (density.weights > 0).sum(axis=1).max() <= 2
    low, high = density.trace_interval(level=0.999)
    assert low - 1e-9 <= np.trace(matrix) <= high + 1e-9


def network(parameters, x):
    (w, b), v = parameters["hidden"], parameters["out"]
    return jnp.tanh(x @ w + b) @ v


@pytest.fixture
def problem():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    parameters = {"hidden": (jnp.asarray(rng.standard_normal((4, 5))), jnp.zeros(5)), "out": jnp.ones(5)}
    return parameters, x, y


def test_operators_are_the_dense_matrices(problem):
    from jax.flatten_util import ravel_pytree

    parameters, x, y = problem
    flat, unravel = ravel_pytree(parameters)

    def model(p):
        return network(p, x)

    def loss(z):
        return jnp.mean(jnp.logaddexp(0, -y * z))

    jacobian = jax.jacobian(lambda f: model(unravel(f)))(flat)
    middle = jax.hessian(loss)(model(parameters))
    one = np.eye(flat.size)
    dense = jax.hessian(lambda f: loss(model(unravel(f))))(flat)
    np.testing.assert_allclose(hessian(lambda p: loss(model(p)), parameters) @ one, dense, atol=1e-12)
    np.testing.assert_allclose(gauss_newton(model, loss, parameters) @ one, jacobian.T @ middle @ jacobian, atol=1e-12)
    np.testing.assert_allclose(tangent_kernel(model, parameters) @ np.eye(20), jacobian @ jacobian.T, atol=1e-12)
    np.testing.assert_allclose(fisher(model, parameters) @ one, jacobian.T @ jacobian / 20, atol=1e-12)
    values, vectors, _ = extremes(hessian(lambda p: loss(model(p)), parameters), 2)
    np.testing.assert_allclose(values, np.linalg.eigvalsh(dense)[[0, 1, -2, -1]], atol=1e-10)
    np.testing.assert_allclose(dense @ vectors, vectors * values, atol=1e-8)


@jax.custom_vjp
def once(p):
    """Has a gradient by hand, in NumPy, which has none."""
    return jnp.sum(p**2)


def _backward(p, g):
    return (jax.pure_callback(lambda p, g: np.asarray(2 * g * p), jax.ShapeDtypeStruct(p.shape, p.dtype), p, g),)


once.defvjp(lambda p: (once(p), p), _backward)


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_scale_of_a_loss_changes_the_scale_alone(problem, scale):
    parameters, x, y = problem
    loss = lambda p: jnp.mean((network(p, x) - y) ** 2)  # noqa: E731
    one, other = (hessian(lambda p, s=s: s * loss(p), parameters) for s in (1.0, scale))
    a, b = (quadrature(h, probes=4, order=10) for h in (one, other))
    np.testing.assert_allclose(b.eigenvalues, scale * a.eigenvalues, rtol=1e-10, atol=1e-10 * scale * a.ends()[1])
    np.testing.assert_allclose(np.array(b.trace_interval()) / scale, a.trace_interval(), rtol=1e-10)
    c, d = a.density(), b.density()
    np.testing.assert_allclose(d.grid / scale, c.grid, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(d.value * scale, c.value, rtol=1e-9, atol=1e-10 * c.value.max())
    np.testing.assert_allclose(extremes(other, 2)[0], scale * extremes(one, 2)[0], rtol=1e-10)


def test_bad_input_is_said(problem):
    parameters, x, _ = problem
    with pytest.raises(StatementError, match="scalar"):
        hessian(lambda p: network(p, x), parameters)
    with pytest.raises(StatementError, match="finite"):
        hessian(lambda p: jnp.sum(network(p, x)), parameters | {"out": jnp.full(5, jnp.nan)})
    with pytest.raises(StatementError, match="floating-point numbers, but the array is int"):
        hessian(lambda p: jnp.sum(p**2), jnp.arange(3))
    with pytest.raises(StatementError, match="cannot be differentiated as often"):
        hessian(once, jnp.ones(3))
    with pytest.raises(StatementError, match="cannot be differentiated as often"):
        hessian(lambda p: jnp.linalg.norm(p) ** 3, jnp.zeros(3)) @ np.ones(3)
    with pytest.raises(StatementError, match="written with JAX"):
        hessian(lambda p: float(p[0]) ** 2, jnp.ones(3))
    with pytest.raises(StatementError, match="no parameters"):
        hessian(lambda p: 1.0, {})
    with pytest.raises(StatementError, match="square"):
        quadrature(aslinearoperator(np.ones((3, 4))))
    with pytest.raises(StatementError, match="symmetric"):
        quadrature(aslinearoperator(np.triu(np.ones((30, 30)))))
    with pytest.raises(StatementError, match="at least 2"):
        quadrature(aslinearoperator(np.eye(3)), probes=1)
