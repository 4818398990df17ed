"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.loss import Square

BAYES = "Mignacco et al. (2020), section 3: Q(1 / sqrt(D (1 + D / alpha))) with D = 1 / separation**2"
COVER = "Cover, IEEE Trans. EC-14 (1965) 326: labels without meaning"
DISCRIMINANT = "the discriminant of known centres, Q(separation)"
DIRECT = "the integral of phi(t) (1 - Phi(t + a)**(K-1)), a**2 = s**2 K / ((K-1) (1 + (K-1) / (alpha s**2)))"


def landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark(dict(alpha=a, separation=s), "bayes_error", value, 1e-9, BAYES)
        for a, s, value in (
            (2.0, 1.5, 0.08742221680520751),
            (0.5, 1.0, 0.28185143082538655),
            (4.0, 2.0, 0.026172531636581602),
        )
    ]
    hebb = dict(loss=Square(), ridge=1e7)
    rows += [
        Landmark(dict(alpha=2.0, separation=1.5) | hebb, "test_error", 0.08742221680520751, 1e-6, BAYES),
        Landmark(dict(alpha=0.5, separation=1.0) | hebb, "test_error", 0.28185143082538655, 1e-6, BAYES),
        Landmark(dict(alpha=1e9, separation=1.5), "test_error", 0.06680720126885807, 1e-8, DISCRIMINANT),
        Landmark(dict(alpha=1e9, separation=1.0), "test_error", 0.15865525393145707, 1e-8, DISCRIMINANT),
        Landmark(dict(separation=1e-4), "separability", 2.0, 1e-6, COVER, along="alpha"),
    ]
    for K, value in ((3, 0.2275382753162182), (5, 0.4346100194879273)):
        rows.append(Landmark(dict(clusters=K, loss=Square()), "bayes_error", value, 1e-9, DIRECT))
        rows.append(Landmark(dict(clusters=K) | hebb, "test_error", value, 1e-6, DIRECT))
    return tuple(rows)


LANDMARKS = landmarks()
