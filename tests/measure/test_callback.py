"""The callback of Lightning, on a trainer that calls its hooks as Lightning does."""

import math

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: the extra `torch`")

from asymptopia import StatementError  # noqa: E402
from asymptopia.measure.callback import lightning_callback  # noqa: E402
from asymptopia.measure.monitor import Monitor  # noqa: E402

CURVES = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)


class Module(torch.nn.Module):
    """Keeps what it is told to log."""

    def __init__(self):
        super().__init__()
        self.weight, self.logged = torch.nn.Parameter(torch.ones(3, dtype=torch.float64)), []

    def log_dict(self, values):
        self.logged.append(values)


class Trainer:
    """Gradient descent on a loss, with one hook before each step."""

    def __init__(self, callbacks):
        self.callbacks, self.global_step = callbacks, 0

    def fit(self, module, loss, steps):
        optimiser = torch.optim.SGD(module.parameters(), 0.1)
        for _ in range(steps):
            optimiser.zero_grad()
            loss(module).backward()
            for callback in self.callbacks:
                callback.on_before_optimizer_step(self, module, optimiser)
            optimiser.step()
            self.global_step += 1


def quadratic(module):
    return 0.5 * (CURVES * module.weight**2).sum()


def test_it_measures_and_logs_at_the_steps_asked_for():
    torch.manual_seed(0)
    samples = torch.randn(400, 3, dtype=torch.float64)
    monitor = Monitor(quadratic, 2, 0.1, lambda m, x: ((m.weight - x) ** 2).sum() / 2, samples)
    module = Module()
    Trainer([lightning_callback(monitor)]).fit(module, quadratic, 5)
    assert [m.step for m in monitor.moments] == [0, 2, 4] and len(module.logged) == 3
    first = module.logged[0]
    assert first["sharpness"] == pytest.approx(5.0) and first["edge"] == 20.0
    assert first["noise_scale_low"] < first["noise_scale"] < first["noise_scale_high"] < math.inf
    assert module.weight.grad is not None  # the gradients of the loop are left as they are


def test_measuring_takes_no_more_than_its_share():
    monitor = Monitor(quadratic, 1)
    Trainer([lightning_callback(monitor, 1e-9)]).fit(Module(), quadratic, 5)
    assert len(monitor.moments) == 1


def test_lightning_is_told_its_own_class(monkeypatch):
    class Callback:
        pass

    import sys
    import types

    monkeypatch.setitem(sys.modules, "pytorch_lightning", types.SimpleNamespace(Callback=Callback))
    assert isinstance(lightning_callback(Monitor(quadratic)), Callback)


def test_bad_input_is_said():
    with pytest.raises(StatementError, match="`share` must be above 0"):
        lightning_callback(Monitor(quadratic), 0.0)
