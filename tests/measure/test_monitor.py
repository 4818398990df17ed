"""The callback measures what the functions do, at the steps asked for, in JAX and in PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.measure.monitor import Monitor

CURVES = np.array([1.0, 2.0, 5.0])


def loss(p):
    return 0.5 * jnp.sum(CURVES * p**2)


def test_a_loop_in_jax():
    """Samples x with loss |p - x|^2 / 2 have the noise scale d / |p - mean|^2 of d unit variances."""
    samples = np.random.default_rng(0).standard_normal((4000, 3))
    monitor = Monitor(loss, 5, rate=0.1, sample_loss=lambda p, x: jnp.sum((p - x) ** 2) / 2, samples=samples)
    p = jnp.full(3, 2.0)
    for step in range(11):
        monitor(step, p)
        p = p - 0.1 * jax.grad(loss)(p)
    assert [m.step for m in monitor.moments] == [0, 5, 10] and monitor.edge == 20.0
    assert [m.sharpness for m in monitor.moments] == pytest.approx([5.0] * 3)
    noise = monitor.moments[0].noise
    assert abs(noise.value - 3 / 12) < 4 * noise.error and 0 < monitor.share <= 1


def test_a_loop_in_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")
    module = torch.nn.Linear(3, 1, bias=False).double()
    curves = torch.tensor(CURVES)
    monitor = Monitor(lambda m: 0.5 * (curves * m.weight[0] ** 2).sum(), 2)
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    for step in range(5):
        monitor(step, module)
        optimiser.zero_grad()
        monitor.loss(module).backward()
        optimiser.step()
    assert [m.sharpness for m in monitor.moments] == pytest.approx([5.0] * 3)
    assert monitor.moments[0].loss > monitor.moments[-1].loss and np.isnan(monitor.edge)


def test_bad_input_is_said():
    with pytest.raises(StatementError, match="`every` must be at least 1"):
        Monitor(loss, 0)
    with pytest.raises(StatementError, match="go together"):
        Monitor(loss, samples=np.ones(3))
