"""Closed forms of short spectra and published exponents of functional scaling laws."""

from __future__ import annotations

import math
from typing import Any

from ....contract.law import Landmark
from ....parts.schedule import Constant, Cosine, PowerDecay

LI = "Li, Chen, Huang, Wang and Wu, arXiv:2509.19189 (2025) (from memory; rederived, and seen in the solution)"
OPTIMAL = "optimal schedules of functional scaling laws, COLT 2026 (PMLR 336): (1 - u)**(2 beta - 1), easy tasks"
ONE_MODE = "one mode: a linear equation, whose rate is 2 - rate / batch"
ODE = "the equations in time by an explicit method of order 8, tolerance 1e-12, in eight digits"


def landmarks() -> tuple[Landmark, ...]:
    """The landmarks of `FunctionalScalingLaw`."""
    floor = math.pi**2 / 6 - 1  # of width 1, with s beta = 1
    one: dict[str, Any] = dict(spectrum_exponent=2.0, target_exponent=0.5, width=1, schedule=Constant(), rate=0.5)
    late = 0.5 * (0.1 + floor) / 1.5
    risk = late + (1 - late) * math.exp(-1.5 * 0.5 * 3.0) + floor
    rows = [
        Landmark(one | dict(times=(3.0,)), "test_error", risk, 1e-11, ONE_MODE, at=(0,)),
        Landmark(one | dict(times=(3.0,)), "flow_risk", math.exp(-3.0) + floor, 1e-12, ONE_MODE, at=(0,)),
        Landmark(one, "floor", floor, 1e-13, "pi**2 / 6 - 1, the sum of 1 / j**2 from 2 on"),
    ]
    easy = dict(spectrum_exponent=2.0, target_exponent=1.0)
    for schedule, value, source in (
        (Constant(), 1 / 2, LI),
        (PowerDecay(1.0), 2 / 3, LI),
        (PowerDecay(3.0), 2 / 3, OPTIMAL),
        (Cosine(final=0.1), 1 / 2, LI),
    ):
        rows.append(Landmark(easy | dict(schedule=schedule), "sample_exponent", value, 1e-12, source))
    rows.append(Landmark(easy, "loss_exponent", 1 / 2, 1e-12, LI))
    rows.append(Landmark(easy, "width_exponent", 1 / 4, 1e-12, LI))
    hard = dict(spectrum_exponent=3.0, target_exponent=0.3)
    rows.append(Landmark(hard, "sample_exponent", 0.3, 1e-12, LI))
    runs: tuple[tuple[dict[str, Any], tuple[float, ...]], ...] = (
        ({}, (0.22838612, 0.1049088, 0.05980878)),
        (dict(schedule=Cosine()), (0.20786942, 0.09051236, 0.06325519)),
        (dict(schedule=PowerDecay(2.0), batch=4, rate=0.8), (0.08134909, 0.0380628, 0.03005569)),
        (dict(hard, spectrum_exponent=2.0, schedule=Constant(), noise=0.0), (1.10699694, 0.81948339, 0.67754443)),
    )
    for fields, values in runs:
        for k, value in enumerate(values):
            rows.append(Landmark(fields, "test_error", value, 2e-7 * value, ODE, at=(k,)))
    return tuple(rows)


LANDMARKS = landmarks()
