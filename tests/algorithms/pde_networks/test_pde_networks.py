"""Layers from differential equations: norms, stability, invariants, and reversible backpropagation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia.algorithms.pde_networks import (
    Convolution,
    Dense,
    Hamiltonian,
    Parabolic,
    SecondOrder,
    backprop_bytes,
    propagate,
    propagate_reversibly,
    stack,
)
from asymptopia.algorithms.pde_networks.layers import primitive
from asymptopia.algorithms.pde_networks.operators import adjoint

KEY = jax.random.key(0)
D = 6


def hamiltonian(key, step=0.1):
    return Hamiltonian(Dense.random(D, 5, key), Dense.random(D, 5, jax.random.fold_in(key, 1)), step)


def second_order(key, step=0.1):
    return SecondOrder(Dense.random(D, 5, key), step)


def parabolic(key):
    return Parabolic.stable(Dense.random(D, 9, key))


def random_state(seed=3):
    return tuple(jax.random.normal(jax.random.key(seed), (2, D)))


def test_a_convolution_and_its_adjoint_and_norm():
    convolution = Convolution.random(2, 3, KEY)
    y, z = jax.random.normal(KEY, (2, 6, 6)), jax.random.normal(KEY, (3, 6, 6))
    assert jnp.vdot(convolution(y), z) == pytest.approx(float(jnp.vdot(y, adjoint(convolution, y, z))), rel=1e-12)
    matrix = jax.jacobian(lambda v: convolution(v.reshape(2, 6, 6)).ravel())(jnp.zeros(72))
    largest = float(jnp.linalg.norm(matrix, 2))
    assert convolution.norm(6) == pytest.approx(largest, rel=1e-12)
    bound = float(convolution.norm())
    for side in (3, 5, 9, 31, 200):
        assert convolution.norm(side) <= bound * (1 + 1e-12)
    assert bound < 1.005 * float(convolution.norm(255))
    with pytest.raises(ValueError, match="`size` must be odd"):
        Convolution.random(1, 1, KEY, size=2)


@pytest.mark.parametrize("activation", [jnp.tanh, jax.nn.relu])
def test_no_distance_grows_at_any_depth_over_ten_thousand_pairs(activation):
    layers = stack(lambda k: Parabolic.stable(Dense.random(D, 9, k), 1.0, activation), 60, KEY)
    pairs = jax.random.normal(KEY, (2, 10_000, D)) * jnp.geomspace(1e-3, 10, 10_000)[:, None]
    moving, fixed = eqx.partition(layers, eqx.is_array)

    def step(at, layer):
        after = jax.vmap(jax.vmap(eqx.combine(layer, fixed)))(at)
        return after, jnp.linalg.norm(after[0] - after[1], axis=-1)

    distances = jax.jit(lambda p: jax.lax.scan(step, p, moving)[1])(pairs)
    before = jnp.concatenate([jnp.linalg.norm(pairs[0] - pairs[1], axis=-1)[None], distances[:-1]])
    assert (distances <= before * (1 + 1e-9) + 1e-13).all()
    assert (distances[-1] < 0.9 * before[0]).mean() > 0.5


def test_distances_grow_when_the_step_is_too_long():
    operator = Dense.random(D, 9, KEY)
    direction = jnp.linalg.svd(operator.weight)[2][0]
    for share, ratio in ((0.5, 0.0), (1.0, 1.0), (1.2, 1.4)):
        layer = Parabolic.stable(operator, share)
        grown = jnp.linalg.norm(layer(1e-5 * direction) - layer(-1e-5 * direction)) / 2e-5
        assert grown == pytest.approx(ratio, abs=1e-6)


def test_the_parabolic_layer_descends_its_energy():
    layer = parabolic(KEY)
    y = 3 * jax.random.normal(KEY, (D,))
    np.testing.assert_allclose(y - layer.step * jax.grad(layer.energy)(y), layer(y), rtol=1e-10)
    assert layer.energy(layer(y)) < layer.energy(y)


def test_the_primitive_of_an_activation():
    field = jnp.array([-3.0, 0.2, 5.0])
    assert primitive(jnp.tanh, field) == pytest.approx(float(jnp.log(jnp.cosh(field)).sum()), rel=1e-12)


@pytest.mark.parametrize("make", [hamiltonian, second_order])
def test_layers_are_undone_preserve_volume_and_obey_their_equation(make):
    layer, state = make(KEY), random_state()
    for a, b in zip(layer.inverse(layer(state)), state, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-14)
    jacobian = jax.jacobian(lambda v: jnp.concatenate(layer((v[:D], v[D:]))))(jnp.concatenate(state))
    assert jnp.linalg.det(jacobian) == pytest.approx(1, abs=1e-12)
    tiny = make(KEY, 1e-6)
    y, z = ((after - before) / 1e-6 for after, before in zip(tiny(state), state, strict=True))
    by_y, by_z = jax.grad(layer.energy)(state)
    np.testing.assert_allclose(y, by_z, atol=1e-5)
    np.testing.assert_allclose(z, -by_y, atol=1e-5)


@pytest.mark.parametrize("make", [hamiltonian, second_order])
def test_the_energy_drifts_by_the_modified_hamiltonian(make):
    r"""By backward error analysis $H + h^2 (T_z V_{yy} T_z / 12 - V_y T_{zz} V_y / 24)$ is kept to $O(h^4)$."""
    state = random_state()
    for step in (0.2, 0.1):
        layer = make(KEY, step)

        def correction(state, layer=layer):
            by_y, by_z = jax.grad(layer.energy)(state)
            (yy, _), (_, zz) = jax.hessian(layer.energy)(state)
            return by_z @ yy @ by_z / 12 - by_y @ zz @ by_y / 24

        end = jax.lax.fori_loop(0, round(4 / step), lambda _, s, layer=layer: layer(s), state)
        drift = layer.energy(end) - layer.energy(state)
        explained = -(step**2) * (correction(end) - correction(state))
        assert abs(drift) > 1e-6
        assert abs(drift - explained) < 2 * step**4 * abs(explained) / step**2


@pytest.mark.parametrize("make", [hamiltonian, second_order])
def test_reversible_backpropagation_gives_the_same_gradients(make):
    layers, state = stack(make, 40, KEY), random_state()

    def loss(run):
        return jax.grad(lambda pair: sum(jnp.sum(x**2) for x in run(*pair)), allow_int=True)

    plain, recomputed = (jax.tree.leaves(loss(run)((layers, state))) for run in (propagate, propagate_reversibly))
    for a, b in zip(plain, recomputed, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_the_memory_of_reversible_layers_does_not_grow_with_depth():
    state = random_state()
    stored = {n: backprop_bytes(propagate, stack(hamiltonian, n, KEY), state) for n in (10, 1000)}
    kept = {n: backprop_bytes(propagate_reversibly, stack(hamiltonian, n, KEY), state) for n in (10, 1000)}
    assert kept[10] == kept[1000]
    assert stored[1000] > 50 * stored[10]


def test_layers_are_trained_like_any_module():
    layers = stack(lambda k: Parabolic.stable(Convolution.random(1, 4, k)), 3, KEY)
    images = jax.random.normal(KEY, (5, 1, 8, 8))
    out = jax.vmap(lambda y: propagate(layers, y))(images)
    assert out.shape == images.shape
    gradient = eqx.filter_grad(lambda m: jnp.sum(jax.vmap(lambda y: propagate(m, y))(images) ** 2))(layers)
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in jax.tree.leaves(gradient))


def test_bad_layers_are_refused():
    with pytest.raises(ValueError, match="`step` must be > 0"):
        SecondOrder(Dense.random(D, 5, KEY), 0.0)
    with pytest.raises(ValueError, match="`depth` must be a whole number >= 1"):
        stack(hamiltonian, 0, KEY)
