"""Measures while Lightning trains."""

from __future__ import annotations

from typing import Any

from ..contract.record import StatementError
from .monitor import Moment, Monitor

PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def lightning_callback(monitor: Monitor, share: float | None = None) -> Any:
    """A callback for Lightning's trainer, `Trainer(callbacks=[lightning_callback(monitor)])`.

    It measures at the steps of the optimiser that the monitor asks for, before the step is taken, and logs `sharpness`,
    `edge` where the monitor knows the rate, and `noise_scale` with its interval. The monitor keeps all moments.
    Import Lightning before the callback is made, so that it is one of its own.

    Arguments:
        monitor: its loss is a function of the LightningModule, on data that stay the same.
        share:   moments are left out while measuring has taken more than this part of the time, above 0 and at most 1.
                 By default none is.

    Raises: `StatementError` if `share` is not such a number.
    """
    if share is not None and not 0 < share <= 1:
        raise StatementError(f"`share` must be above 0 and at most 1, but is {share!r}.")

    class Recorder(_base()):  # type: ignore[misc]
        """Measures before each step of the optimiser."""

        def on_before_optimizer_step(self, trainer: Any, module: Any, optimizer: Any) -> None:
            if share is not None and monitor.share > share:
                return
            moment = monitor(int(trainer.global_step), module)
            if moment is not None and callable(getattr(module, "log_dict", None)):
                module.log_dict(_logged(monitor, moment))

    return Recorder()


def _logged(monitor: Monitor, moment: Moment) -> dict[str, float]:
    values = {"sharpness": moment.sharpness}
    if monitor.rate is not None:
        values["edge"] = monitor.edge
    if moment.noise is not None:
        noise = moment.noise
        values |= {"noise_scale": noise.value, "noise_scale_low": noise.low, "noise_scale_high": noise.high}
    return values


def _base() -> type:
    """The class of Lightning's callbacks, of the package that is loaded; `object` without one."""
    import sys

    return next((sys.modules[name].Callback for name in PACKAGES if name in sys.modules), object)
