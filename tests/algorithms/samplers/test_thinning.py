"""Zig-zag, bouncy particle and boomerang of any density: invariance, exact averages, faults that are not silent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from asymptopia import StatementError
from asymptopia.algorithms.samplers import boomerang, bouncy_particle, run, thinning, zig_zag
from asymptopia.algorithms.samplers.thinning import Process, advance, segment, start

LEVEL = 0.01


def centre(target):
    return np.zeros(target.dimension)


SAMPLERS = {
    "zig-zag": lambda t: zig_zag(t.logdensity, 1.0),
    "bouncy particle": lambda t: bouncy_particle(t.logdensity, 1.0, refreshment=0.7),
    "boomerang": lambda t: boomerang(t.logdensity, 1.0, centre(t), np.diag(t.covariance), refreshment=0.7),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_path_leaves_its_target_invariant(name, target, invariance):
    assert invariance(target, SAMPLERS[name](target), steps=10 if target.dimension > 50 else 60) > LEVEL


def steepest(target):
    """A bound on the curvature of the log-density of a target in the plane, from a grid."""
    grid = np.stack(np.meshgrid(np.linspace(-8, 8, 81), np.linspace(-6, 6, 61)), -1).reshape(-1, 2)
    hessians = jax.jit(jax.vmap(jax.hessian(target.logdensity)))(grid)
    return 1.1 * float(np.abs(np.linalg.eigvalsh(hessians)).max())


def test_with_a_lipschitz_constant_too(targets, invariance):
    target = targets["mixture"]
    sampler = boomerang(target.logdensity, 1.0, np.zeros(2), np.ones(2), lipschitz=steepest(target) + 1)
    assert invariance(target, sampler, steps=30) > LEVEL


def averages(state, info):
    return jnp.concatenate([info.mean, info.second_moment])


def test_averages_along_the_path_have_the_targets_moments(targets):
    target = targets["mixture"]
    sampler = zig_zag(target.logdensity, 1.0, lipschitz=steepest(target))
    keys = jax.random.split(jax.random.key(5), 2)
    starts = jax.vmap(target.draw)(jax.random.split(keys[0], 200))
    mean = np.asarray(run(keys[1], sampler, starts, 25, keep=averages).draws).mean(axis=1)
    second = np.diag(target.covariance) + np.array([target.moments[0], 0.0]) ** 2
    exact = np.r_[target.moments[0], 0.0, second]
    assert (np.abs(mean.mean(axis=0) - exact) < 4 * mean.std(axis=0) / 200**0.5).all()


def test_the_integrals_of_an_ellipse_are_those_of_its_points():
    begin = start(jnp.array([1.0, 2.0]))._replace(velocity=jnp.array([0.3, -0.7]))
    # a normal distribution of this mean and covariance is followed without events
    m, s = np.array([0.5, -1.0]), np.array([2.0, 1.0])
    sampler = boomerang(lambda x: -jnp.sum((x - m) ** 2 / s) / 2, 3.0, m, s, refreshment=0.0)
    state, info = jax.jit(sampler.step)(jax.random.key(0), begin)
    t = np.linspace(0, 3, 10_001)[:, None]
    path = m + (np.array([1.0, 2.0]) - m) * np.cos(t) + np.array([0.3, -0.7]) * np.sin(t)
    assert info.events == 0 and state.position == pytest.approx(path[-1])
    assert info.mean == pytest.approx(integrate.trapezoid(path, t, axis=0) / 3, rel=1e-6)
    assert info.second_moment == pytest.approx(integrate.trapezoid(path**2, t, axis=0) / 3, rel=1e-6)


def test_a_wrong_reflection_is_caught(targets, invariance):
    target = targets["correlated"]
    slope = jax.grad(lambda x: -target.logdensity(x))

    def turn(x, v, i):
        g = slope(x)
        return v - 1.6 * g * (v @ g) / (g @ g)  # 2 would be right

    process = Process(
        flow=lambda x, v, t: (x + v * t, v),
        slopes=lambda x, v: (v @ slope(x))[None],
        turn=turn,
        draw=lambda key: jax.random.normal(key, (target.dimension,)),
        integral=segment,
        rate=1.0,
    )
    right = bouncy_particle(target.logdensity, 1.0)
    wrong = right._replace(step=lambda key, state: advance(process, 1.0, key, state))
    assert invariance(target, wrong, steps=100) < LEVEL


def test_a_wrong_bound_is_an_error_and_would_be_a_bias(targets, invariance, monkeypatch):
    target = targets["gaussian-1"]
    with pytest.raises(StatementError, match=r"bound on the rate of events was violated.*state is \(.*of chain"):
        invariance(target, zig_zag(target.logdensity, 1.0, lipschitz=0.2), steps=20)
    monkeypatch.setattr(thinning, "ROUNDING", np.inf)
    assert invariance(target, zig_zag(target.logdensity, 1.0, lipschitz=0.2), steps=100) < LEVEL


def test_a_path_stays_where_it_failed():
    sampler = zig_zag(lambda x: -jnp.sum(x**4), 1.0, lipschitz=0.5)
    state = start(jnp.ones(2))
    step = jax.jit(sampler.step)
    for k in range(3):
        before = state
        state, info = step(jax.random.key(k), state)
    assert state.fault == thinning.BOUND and (state.position == before.position).all()
    assert info.events == 0


def test_a_gradient_that_is_not_a_number_is_named():
    def holed(x):
        return -jnp.sum(x**2) / 2 + jnp.sum(jnp.where(x > 1.5, jnp.nan, 0.0) * x)

    with pytest.raises(StatementError, match=r"The state is \(1\.\d+\) of chain"):
        run(jax.random.key(0), zig_zag(holed, 1.0), jnp.zeros((4, 1)), 50)


def test_a_density_with_a_kink_is_sampled():
    sampler = zig_zag(lambda x: -jnp.sum(jnp.abs(x)), 4.0)
    result = run(jax.random.key(1), sampler, jnp.full((100, 1), 0.1), 40, burn_in=10, keep=averages)
    second = np.asarray(result.draws)[:, :, 1].mean(axis=1)
    assert abs(second.mean() - 2) < 4 * second.std() / 100**0.5


def test_positions_may_be_trees():
    def density(p):
        return -jnp.sum(p["a"] ** 2) / 2 - (p["b"] - 1) ** 2

    sampler = boomerang(density, 1.0, {"a": np.zeros(2), "b": 1.0}, np.array([1.0, 1.0, 0.5]))
    begin = sampler.init({"a": jnp.zeros(2), "b": jnp.zeros(())})
    state, info = jax.eval_shape(sampler.step, jax.random.key(0), begin)
    for tree in (state.position, info.mean, info.second_moment):
        assert tree["a"].shape == (2,) and tree["b"].shape == ()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: zig_zag(f, 0.0), "length"),
        (lambda f: zig_zag(f, 1.0, refreshment=-1.0), "refreshment"),
        (lambda f: bouncy_particle(f, 1.0, refreshment=np.nan), "refreshment"),
        (lambda f: zig_zag(f, 1.0, lipschitz=-1.0), "lipschitz"),
        (lambda f: boomerang(f, 1.0, [0.0, 0.0], [[1.0, 2.0], [2.0, 1.0]]), "positive definite"),
        (lambda f: boomerang(f, 1.0, [0.0, 0.0], [[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (lambda f: boomerang(f, 1.0, [0.0, 0.0], [1.0]), "covariance"),
    ],
)
def test_bad_input_is_named(make, said):
    with pytest.raises(StatementError, match=said):
        make(lambda x: -jnp.sum(x**2) / 2)


def test_a_density_without_a_normalisation_is_refused():
    with pytest.raises(StatementError, match="cannot be normalised"):
        run(jax.random.key(0), zig_zag(lambda x: -(x[0] ** 2) / 2, 1.0), jnp.zeros((1, 2)), 1)


def positive(x):
    return x[0]


def slab(x):
    return jnp.array([x[0], 1 - x[0]])


EDGES = {
    "exponential": (lambda x: jnp.where(x[0] > 0, -x[0], -jnp.inf), positive, 1.0),
    "half normal": (lambda x: jnp.where(x[0] > 0, -(x[0] ** 2) / 2, -jnp.inf), positive, (2 / np.pi) ** 0.5),
    "uniform": (lambda x: jnp.where((x[0] > 0) & (x[0] < 1), 0.0, -jnp.inf), slab, 0.5),
    "jump": (lambda x: -(x[0] ** 2) / 2 - jnp.where(x[0] > 0, 1.5, 0.0), positive, -0.5067755362017066),
    "in a ball": (lambda x: jnp.where(x[0] ** 2 < 1, -x[0], -jnp.inf), lambda x: 1 - x[0] ** 2, 1 - 1 / np.tanh(1.0)),
}
PATHS = {
    "zig-zag": lambda f, walls: zig_zag(f, 1.0, refreshment=0.3, constraints=walls),
    "bouncy particle": lambda f, walls: bouncy_particle(f, 1.0, constraints=walls),
    "boomerang": lambda f, walls: boomerang(f, 1.0, [0.0], [1.0], constraints=walls),
}


@pytest.mark.parametrize(
    ("name", "edge"),
    [
        ("zig-zag", "exponential"),
        ("zig-zag", "uniform"),
        ("bouncy particle", "jump"),
        ("boomerang", "half normal"),
        ("boomerang", "in a ball"),
    ],
)
def test_edges_that_are_stated_are_respected(name, edge):
    """Without reflections the mean of the exponential law came out as -299."""
    density, walls, mean = EDGES[edge]
    result = run(
        jax.random.key(3), PATHS[name](density, walls), jnp.full((100, 1), 0.3), 200, burn_in=40, keep=averages
    )
    means = np.asarray(result.draws)[:, :, 0].mean(axis=1)
    assert abs(means.mean() - mean) < 4 * means.std() / 100**0.5
    assert np.isfinite(np.asarray(result.states.logdensity)).all()


@pytest.mark.parametrize(
    ("name", "edge"), [("zig-zag", "exponential"), ("bouncy particle", "uniform"), ("boomerang", "jump")]
)
def test_edges_that_are_not_stated_stop_the_path(name, edge):
    with pytest.raises(StatementError, match=r"has an edge just ahead.*`constraints`"):
        run(jax.random.key(3), PATHS[name](EDGES[edge][0], None), jnp.full((20, 1), 0.3), 100)


def test_an_edge_is_seen_under_a_lipschitz_constant_too():
    sampler = zig_zag(EDGES["half normal"][0], 1.0, lipschitz=1.0)
    with pytest.raises(StatementError, match="has an edge just ahead"):
        run(jax.random.key(3), sampler, jnp.full((20, 1), 0.3), 100)


def test_oblique_edges_in_the_plane():
    """A normal distribution on the half plane x + 2 y > 0; its mean is along the normal of the edge."""

    def density(x):
        return jnp.where(x[0] + 2 * x[1] > 0, -(x @ x) / 2, -jnp.inf)

    sampler = zig_zag(density, 1.0, refreshment=0.5, constraints=lambda x: x[0] + 2 * x[1])
    result = run(jax.random.key(4), sampler, jnp.ones((200, 2)) / 2, 100, burn_in=40, keep=averages)
    means = np.asarray(result.draws)[:, :, :2].mean(axis=1)
    right = np.array([1.0, 2.0]) / 5**0.5 * (2 / np.pi) ** 0.5
    assert (np.abs(means.mean(axis=0) - right) < 4 * means.std(axis=0) / 200**0.5).all()


def test_constraints_must_be_numbers():
    sampler = zig_zag(lambda x: -jnp.sum(x**2), 1.0, constraints=lambda x: jnp.log(x[0] - 2))
    with pytest.raises(StatementError, match="`constraints` must be finite"):
        run(jax.random.key(0), sampler, jnp.ones((2, 1)), 5)
