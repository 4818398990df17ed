"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from typing import Any

from ....contract.law import Landmark

RECOMPUTED = "the equations of Saad and Solla, integrated independently"
TWO_UNITS = dict(
    student_overlaps=((0.2, 0.01), (0.01, 0.3)), cross_overlaps=((0.02, -0.01), (0.0, 0.03)), noise=0.0, rate=1.5
)
LEARNED = dict(student_overlaps=((1.0,),), cross_overlaps=((1.0,),))


def landmarks() -> tuple[Landmark, ...]:
    def mark(time: float, value: float, at: dict[str, Any], **fields: Any) -> Landmark:
        where = dict(observable="test_error", at=(0,)) | at
        return Landmark(
            TWO_UNITS | fields | dict(times=(time,)), value=value, tolerance=1e-8, source=RECOMPUTED, **where
        )

    return (
        mark(20.0, 0.015130402907734125, {}, rate=0.5),
        mark(50.0, 0.010244798296770913, {}),
        mark(100.0, 0.007457587215374956, {}, noise=0.01),
        mark(4000.0, 0.011798503151949441, {}, **LEARNED, noise=0.1, rate=1.0),
        mark(200.0, 0.876105851394653, dict(observable="Q", at=(0, 0, 0)), rate=0.5),
        mark(200.0, 0.9343278701064055, dict(observable="R", at=(0, 0, 0)), rate=0.5),
    )


LANDMARKS = landmarks()
