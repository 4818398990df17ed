"""Majorization on models of one's own: equal to that of our dense networks, above everywhere, monotone, refusals."""

import importlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.optimisers import Network, layerwise, layerwise_model, run
from asymptopia.algorithms.optimisers.affine_layers import split
from asymptopia.algorithms.optimisers.layerwise_model import Objective, sweeps
from asymptopia.algorithms.optimisers.linear_bounds import kernel_norm
from asymptopia.algorithms.optimisers.unit_bounds import known_curvature
from asymptopia.parts.activation import Tanh
from asymptopia.parts.loss import Square

KEY, nn = jax.random.key(3), eqx.nn


def square(label, z):
    return jnp.sum((label - z) ** 2) / 2


def huber(label, z):
    return jnp.sum(optax.huber_loss(z, label, delta=0.5))


def entropy(label, z):
    return optax.softmax_cross_entropy_with_integer_labels(z, label)


def binary(label, z):
    return optax.sigmoid_binary_cross_entropy(z, label).sum()


class Mine(eqx.Module):
    """A skip, a gate that does not depend on a layer, a mean of two features, and an activation written out."""

    first: nn.Linear
    last: nn.Linear

    def __init__(self, key, width=6, outputs=3):
        one, two = jax.random.split(key)
        self.first, self.last = nn.Linear(4, width, key=one), nn.Linear(width // 2, outputs, key=two)

    def __call__(self, x):
        z = self.first(x)
        a = z * jax.nn.sigmoid(z) + 0.5 * jnp.sin(z)
        return self.last(jnp.mean(a.reshape(2, -1), axis=0) * jnp.tanh(x[0])) + x[:3]


def convolutional(key, outputs=3):
    one, two, three = jax.random.split(key, 3)
    return nn.Sequential([
        nn.Conv2d(1, 3, 3, padding=2, dilation=2, key=one), nn.Lambda(jax.nn.gelu), nn.AvgPool2d(2, 2),
        nn.Conv2d(3, 2, 2, 2, padding=1, padding_mode="CIRCULAR", use_bias=False, key=two), nn.Lambda(jnp.tanh),
        nn.Lambda(jnp.ravel), nn.Linear(8, outputs, key=three),
    ])  # fmt: skip


def dense(activation, depth=1):
    return nn.MLP(4, 3, 5, depth, activation=activation, key=KEY)


def exact_gelu(z):
    return jax.nn.gelu(z, approximate=False)


QUICK = {"xla_backend_optimization_level": 0}  # to compile takes most of the time
RNG = np.random.default_rng(0)
X, IMAGES = RNG.standard_normal((20, 4)), RNG.standard_normal((12, 1, 4, 4))
LABELS, REALS = RNG.integers(0, 3, 20), RNG.standard_normal((20, 3))
CASES = {
    "gelu and softmax": (dense(exact_gelu), entropy, X, LABELS),
    "convolutions and softmax": (convolutional(KEY), entropy, IMAGES, LABELS[:12]),
    "my own and Huber": (Mine(KEY), huber, X, REALS),
    "softplus and binary": (dense(jax.nn.softplus, 2), binary, X, REALS > 0),
    "relu and square": (dense(jax.nn.relu), square, X, REALS),
}


def arrays(model, size=1.0):
    return jax.tree.map(lambda w: size * w, eqx.filter(model, eqx.is_inexact_array))


@pytest.mark.parametrize("name", CASES)
def test_it_touches_and_lies_above_and_the_loss_falls_by_what_is_granted(name, monkeypatch):
    model, loss, inputs, labels = CASES[name]
    objective = Objective.of(model, loss, inputs, labels)
    solver = sweeps(objective)

    def gaps(matrices, key):
        """Majoriser minus loss, relative, after random changes of one layer; and errors of value and slope."""
        value, slopes = jax.value_and_grad(objective)(matrices)
        apart, errors = [], []
        for place, W in enumerate(matrices):
            majoriser = objective.layer(matrices, place)[0]
            errors += [jnp.abs(value - majoriser.value), jnp.abs(slopes[place] - majoriser.gradient).max()]
            D = jax.random.normal(jax.random.fold_in(key, place), (40, *W.shape))
            D *= jnp.geomspace(0.01, 30.0, 40)[:, None, None] / jnp.sqrt(W.size)

            def gap(change, place=place, majoriser=majoriser):
                moved = (*matrices[:place], matrices[place] + change, *matrices[place + 1 :])
                return (majoriser(change) - objective(moved)) / (1 + value)

            apart.append(jax.lax.map(gap, D))
        return jnp.stack(apart).min(), jnp.stack(errors).max()

    def trail(size):
        start = arrays(model, size)
        told = jax.lax.scan(lambda s, _: solver.step(s), solver.init(start), length=15)[1]
        return told, gaps(split(model, start), KEY)

    monkeypatch.setattr("asymptopia.algorithms.optimisers.affine_layers.check_finite", lambda given: None)  # traced
    trails = jax.jit(lambda sizes: jax.lax.map(trail, sizes), compiler_options=QUICK)
    told, (lowest, error) = trails(jnp.asarray([0.3, 1.0, 3.0]))
    values, granted = np.asarray(told.value), np.asarray(told.guaranteed)
    assert (granted > 0).all()
    assert ((np.diff(values) + granted[:, :-1]) / (1 + values[:, :-1])).max() <= 1e-11
    assert (values[:, -1] < 0.93 * values[:, 0]).all()
    assert lowest.min() >= -1e-11
    assert error.max() < 1e-9 * (1 + values.max())


def test_a_dense_network_takes_the_steps_of_layerwise():
    network = Network((4, 6, 3), Tanh(), Square())
    parameters = network.draw(KEY)
    ours, told = run(layerwise(network, X, REALS), parameters, 8)
    model = nn.MLP(4, 3, 6, 1, activation=jnp.tanh, key=KEY)
    for k, W in enumerate(parameters):
        model = eqx.tree_at(lambda m: (m.layers[k].weight, m.layers[k].bias), model, (W[:-1].T, W[-1]))
    mine, same = run(layerwise_model(model, square, X, REALS), arrays(model), 8)
    np.testing.assert_allclose(same.value, told.value, rtol=1e-12)
    np.testing.assert_allclose(same.guaranteed, told.guaranteed, rtol=1e-9)
    for W, V in zip(ours, split(model, mine), strict=True):
        np.testing.assert_allclose(V, W, atol=1e-12)
    short = jax.tree.map(lambda leaf: leaf.astype(np.float32) if eqx.is_inexact_array(leaf) else leaf, model)
    told32 = run(layerwise_model(short, square, X.astype(np.float32), REALS.astype(np.float32)), arrays(short), 8)[1]
    assert told32.value.dtype == np.float32
    assert float(told32.value[0]) == pytest.approx(float(told.value[0]), rel=1e-6)
    # curvatures are quotients of differences, known to the root of the precision
    np.testing.assert_allclose(told32.value, told.value, rtol=np.finfo(np.float32).eps ** 0.5)


def test_a_quadratic_that_lies_below_is_caught(monkeypatch):
    """A third of the curvature of the loss: the step that it asks for raises the loss, and says so."""
    module = importlib.import_module("asymptopia.algorithms.optimisers.layerwise_model")  # the function has its name
    true = module.loss_above

    def flat(*given):
        slope, curvature = true(*given)
        return slope, curvature / 3

    monkeypatch.setattr(module, "loss_above", flat)
    model = nn.Sequential([nn.Linear(4, 3, key=KEY)])
    with pytest.raises(RuntimeError, match="Step 1 of majorization raised the loss above"):
        run(layerwise_model(model, square, X, REALS), arrays(model), 1)


@pytest.mark.parametrize("padding, size", [("SAME", 9), ("VALID", 9), ("SAME", 2)])
def test_the_norm_of_a_convolution_is_bounded_and_nearly_sharp(padding, size):
    kernel = jax.random.normal(KEY, (3, 2, 3, 2))
    x = jnp.zeros((2, size, size))

    def convolve(x):
        return jax.lax.conv_general_dilated(x[None], kernel, (1, 1), padding)[0].ravel()

    exact = np.linalg.norm(jax.jacobian(convolve)(x).reshape(-1, x.size), 2)
    bound = float(kernel_norm(kernel))
    assert exact <= bound
    assert size < 9 or bound < 1.15 * exact
    transform = np.fft.fftn(kernel, s=(200, 200), axes=(2, 3)).transpose(2, 3, 0, 1)
    assert np.linalg.norm(transform, 2, axis=(2, 3)).max() <= bound < 1.06 * np.linalg.norm(transform, 2, (2, 3)).max()


FUNCTIONS = {
    "silu": jax.nn.silu,
    "gelu by tanh": jax.nn.gelu,
    "erf": jax.scipy.special.erf,
    "sigmoid written out": lambda z: 1 / (1 + jnp.exp(-z)),
    "cos": jnp.cos,
    "Huber": optax.huber_loss,
    "log cosh": optax.losses.log_cosh,
    "Geman-McClure": lambda z: z**2 / (1 + z**2),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("h, d", [(1.0, None), (-1.0, None), (0.4, 0.8)])
def test_a_function_of_one_number_lies_below_its_majoriser(name, h, d):
    function, z = FUNCTIONS[name], np.concatenate([np.linspace(-4, 4, 41), [-30.0, -11.0, 9.0, 40.0]])
    curvature = known_curvature(function, np.dtype(float))
    c = np.asarray(curvature(jnp.full_like(z, h), None if d is None else jnp.full_like(z, d), jnp.asarray(z)))[:, None]
    slopes = jax.vmap(jax.grad(function))(jnp.asarray(z))[:, None]
    away = np.concatenate([np.linspace(-20, 20, 2000), np.geomspace(20, 1e4, 50), -np.geomspace(20, 1e4, 50)])
    change = np.asarray(function(jnp.asarray(z[:, None] + away)) - function(jnp.asarray(z))[:, None])
    q = h * change + (0 if d is None else d / 2 * change**2)
    assert ((q - h * np.asarray(slopes) * away) / away**2 - c / 2).max() <= 1e-9
    if d is None and (h > 0 or name in ("silu", "gelu by tanh", "erf")):
        less = (q - h * np.asarray(slopes) * away) / away**2 - 0.97 * c / 2
        assert less.max() > 0


def test_functions_without_a_majoriser_are_not_known():
    for function in (jnp.abs, jnp.exp, lambda z: z**3, lambda z: z**4, lambda z: jnp.abs(z) ** 1.5, jax.nn.leaky_relu):
        assert known_curvature(function, np.dtype(float)) is None


class Applied(eqx.Module):
    layer: nn.Linear
    what: object = eqx.field(static=True)

    def __call__(self, x):
        return self.what(self.layer(x))


FIELD = nn.Linear(4, 3, key=KEY)(jnp.asarray(X[3]))[1] + 1e-4


@pytest.mark.parametrize("what, loss, words", [
    (lambda z: z * jax.nn.sigmoid(z[::-1]), square, "two values that both depend on a layer are multiplied"),
    (lambda z: jax.nn.leaky_relu(z), square, "the function that ends in `select_n`: known are tanh"),
    (lambda z: z**2, square, "a square may stand only in the loss"),
    (lambda z: jnp.sort(z), square, "no majoriser for `sort`"),
    (lambda z: jax.lax.stop_gradient(jnp.tanh(z)), square, "no majoriser for `stop_gradient`"),
    (lambda z: jnp.tanh(z) + 3 * jax.lax.stop_gradient(z).sum(), square, "no majoriser for `stop_gradient`"),
    (lambda z: z, lambda label, z: square(label, z) + jax.lax.stop_gradient(z @ z), "no majoriser for `stop_grad"),
    (lambda z: (10 * jnp.tanh(z)).astype(int).astype(float), square, "ends in `convert_element_type`"),
    (lambda z: (10 * z).astype(int).sum()[None].astype(float), square, "ends in `convert_element_type`"),
    (lambda z: jnp.where(abs(z) < 400, z**2 / 2, 1e9 * (abs(z) - 400) + 8e4), square, "a square may stand only"),
    (lambda z: 500 * z, lambda label, z: jnp.where(abs(z) < 400, z**2 / 2, 1e9 * (abs(z) - 400) + 8e4).sum(),
     "ends in `select_n`: where the data are, between"),
    (lambda z: jnp.tanh(z) + jnp.exp(-(((z - float(FIELD)) / 1e-3) ** 2)), square, "where the data are"),
    (lambda z: z, lambda label, z: jnp.abs(label - z).sum(), "the function that ends in `abs`"),
    (lambda z: z, lambda label, z: jnp.sum(z * label), "The loss is linear in layer 0"),
], ids=["gate", "leaky", "square", "sort", "stopped", "stopped sum", "stopped loss", "integers", "integer sum",
        "far square", "far loss", "bump", "absolute", "linear"])  # fmt: skip
def test_what_it_refuses(what, loss, words):
    with pytest.raises(StatementError, match=words):
        layerwise_model(Applied(nn.Linear(4, 3, key=KEY), what), loss, X, REALS)


def test_parameters_outside_of_layers_are_refused_by_name():
    model = nn.Sequential([nn.Linear(4, 3, key=KEY), nn.LayerNorm(3)])
    with pytest.raises(StatementError, match="Majorization needs all parameters in"):
        layerwise_model(model, square, X, REALS)


def test_a_softmax_with_a_stopped_gradient_is_refused():
    def loss(label, z):
        return entropy(label, z) + jax.lax.stop_gradient(z @ z)

    with pytest.raises(StatementError, match="no majoriser for"):
        layerwise_model(nn.Sequential([nn.Linear(4, 3, key=KEY)]), loss, X, LABELS)
