"""Majorization-minimization: above everywhere, touching, monotone in a thousand problems, and tight."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.optimisers import CrossEntropy, Network, extrapolated, joint, layerwise, run
from asymptopia.algorithms.optimisers import majorisers as module
from asymptopia.algorithms.optimisers.majorisers import forward, joint_majoriser, layer_majoriser
from asymptopia.parts.activation import Erf, Identity, Relu, Sigmoid, Softplus, Tanh
from asymptopia.parts.loss import Hinge, Logistic, Square

NETWORKS = [
    Network((3, 4, 3, 2), (Relu(), Tanh()), Square()),
    Network((3, 4, 2), Softplus(), Logistic()),
    Network((3, 3, 4, 3), (Sigmoid(), Relu()), CrossEntropy()),
    Network((3, 4, 2), Identity(), Square(), bias=False),
]
TIGHT = Network((3, 2), (), Square())
SAMPLES, PROBLEMS, STEPS = 12, 250, 12
QUICK = {"xla_backend_optimization_level": 0}  # most of the time is compilation


def problem(network, key):
    """Inputs, labels and parameters, some of them large."""
    one, two, three, four = jax.random.split(key, 4)
    X = jax.random.normal(one, (SAMPLES, network.widths[0]))
    raw = jax.random.normal(two, (SAMPLES, network.widths[-1]))
    y = {Square: raw, Logistic: jnp.sign(raw), CrossEntropy: jnp.argmax(raw, axis=1)}[type(network.loss)]
    size = jnp.exp(jax.random.normal(three))
    return X, y, tuple(size * W for W in network.draw(four))


def trail(network, method, key):
    """Values along a run, and what each step was granted."""
    X, y, parameters = problem(network, key)
    solver = method(network, X, y)
    told = jax.lax.scan(lambda s, _: solver.step(s), solver.init(parameters), length=STEPS)[1]
    return told.value, told.guaranteed


def pair(network, key):
    """Majoriser minus loss after random changes, and errors of value and slope at the present point."""
    X, y, parameters = problem(network, key)
    passed = forward(network, parameters, X)
    value, gradient = jax.value_and_grad(network.objective)(parameters, X, y)
    together = joint_majoriser(network, parameters, X, y, 0.3)
    directions = [jax.random.normal(jax.random.fold_in(key, 7 + i), W.shape) for i, W in enumerate(parameters)]
    steps = tuple(D * r / jnp.linalg.norm(D) for D, r in zip(directions, together.radii, strict=True))
    gaps = [together(steps) - network.objective(tuple(map(jnp.add, parameters, steps)), X, y)]
    errors = [value - together.value, *map(jnp.subtract, gradient, together.gradients)]
    for layer, D in enumerate(directions):
        alone = layer_majoriser(network, parameters, y, passed, layer)
        errors += [value - alone.value, gradient[layer] - alone.gradient]
        for size in (0.1, 1.0, 10.0):
            moved = (*parameters[:layer], parameters[layer] + size * D, *parameters[layer + 1 :])
            gaps.append(alone(size * D) - network.objective(moved, X, y))
    return jnp.stack(gaps), jnp.stack([jnp.abs(e).max() for e in errors]), value


def unchecked(patch):
    patch.setattr(Network, "checked", lambda self, X, y: (X, y))
    patch.setattr(Network, "check_parameters", lambda self, parameters: None)


def shortfall(value, granted):
    """By how much each step fell short of what it was granted, relative to the value."""
    value, granted = np.asarray(value), np.asarray(granted)
    assert np.isfinite(value).all() and (granted >= 0).all()
    return (np.diff(value, axis=1) + granted[:, :-1]) / (1 + value[:, :-1])


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda n: f"{type(n.loss).__name__}-{len(n.widths)}")
def trails(request):
    """Everything about one network, compiled once: two trails, and pairs of points."""
    network = request.param

    def everything(key):
        return trail(network, layerwise, key), trail(network, joint, key), pair(network, key)

    with pytest.MonkeyPatch.context() as patch:
        unchecked(patch)
        return jax.jit(jax.vmap(everything), compiler_options=QUICK)(jax.random.split(jax.random.key(1), PROBLEMS))


def test_in_a_thousand_problems_the_loss_falls_by_what_is_granted(trails):
    for value, granted in trails[:2]:
        short = shortfall(value, granted)
        assert short.shape == (PROBLEMS, STEPS - 1)
        assert short.max() <= 1e-11


def test_it_touches_and_lies_above_for_random_pairs(trails):
    gaps, errors, values = map(np.asarray, trails[2])
    assert (gaps >= -1e-11 * (1 + values)[:, None]).all()
    assert (errors <= 1e-11 * (1 + values)[:, None]).all()


def test_with_one_per_cent_less_curvature_it_does_not(monkeypatch):
    unchecked(monkeypatch)
    keys = jax.random.split(jax.random.key(1), 50)
    assert shortfall(*jax.vmap(lambda k: trail(TIGHT, layerwise, k))(keys)).max() <= 1e-13
    true = module.loss_curvature
    monkeypatch.setattr(module, "loss_curvature", lambda loss, z: 0.99 * true(loss, z))
    assert (shortfall(*jax.vmap(lambda k: trail(TIGHT, layerwise, k))(keys))[:, 0] > 1e-6).all()


def test_extrapolation_stays_monotone_and_is_faster():
    network = NETWORKS[1]
    X, y, parameters = problem(network, jax.random.key(0))
    plain = layerwise(network, X, y)
    fast = extrapolated(plain, lambda p: network.objective(p, X, y))
    slow = np.asarray(run(plain, parameters, 100)[1].value)
    quick = np.asarray(run(fast, parameters, 100)[1].value)
    assert (np.diff(quick) <= 0).all()
    assert quick[-1] < 0.9 * slow[-1]


def test_what_it_cannot_do_is_named():
    with pytest.raises(StatementError, match=r"activation Erf\(scale=1.0\).*Identity, Relu, Sigmoid, Softplus, Tanh"):
        Network((2, 3, 1), Erf())
    with pytest.raises(StatementError, match="loss Hinge.*Square, Logistic, CrossEntropy"):
        Network((2, 1), (), Hinge())
    with pytest.raises(StatementError, match="`widths`"):
        Network((2, 0, 1))
    with pytest.raises(StatementError, match="2 hidden layers"):
        Network((2, 3, 3, 1), (Relu(),))
    network = Network((2, 3, 1), Relu())
    X, y = np.ones((4, 2)), np.ones(4)
    with pytest.raises(StatementError, match="shape"):
        layerwise(network, np.ones((4, 3)), y)
    with pytest.raises(StatementError, match="`X` must be finite"):
        layerwise(network, X * np.nan, y)
    with pytest.raises(StatementError, match="`radius` must be finite and > 0, but is -1"):
        joint(network, X, y, radius=-1.0)
    good = network.draw(jax.random.key(0))
    with pytest.raises(StatementError, match="parameters must be finite"):
        run(layerwise(network, X, y), (good[0] * np.nan, good[1]), 1)
    with pytest.raises(StatementError, match="parameters must have shapes"):
        run(layerwise(network, X, y), good[:1], 1)
    with pytest.raises(StatementError, match="whole numbers from 0 to 2"):
        layerwise(Network((2, 3), (), CrossEntropy()), X, np.full(4, 3))
    with pytest.raises(StatementError, match="labels -1 and 1"):
        layerwise(Network((2, 1), (), Logistic()), X, np.zeros(4))
