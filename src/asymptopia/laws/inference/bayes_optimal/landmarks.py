"""Published and recomputed values of Bayes-optimal inference."""

from __future__ import annotations

from typing import Any

from ....contract.law import Landmark
from ....parts.channel import Abs, Door, Linear
from ....parts.prior import GaussBernoulli, Rademacher

RECOMPUTED = "recomputed independently: adaptive quadrature and root finding"
OPPER_HAUSSLER = "Opper and Haussler, Phys. Rev. Lett. 66 (1991) 2677: 0.442 / alpha (recomputed)"
GYORGYI = "Gyorgyi, Phys. Rev. A 41 (1990) 7097: 1.245 (recomputed)"
SEUNG = "Seung, Sompolinsky and Tishby, Phys. Rev. A 45 (1992) 6056: 1.493 (recomputed)"
BARBIER = "Barbier, Krzakala, Macris, Miolane and Zdeborova, PNAS 116 (2019) 5451 (recomputed)"
MONDELLI = "Mondelli and Montanari, Found. Comput. Math. 19 (2019) 703"
MAILLARD = "Maillard, Loureiro, Krzakala and Zdeborova, NeurIPS 33 (2020) 11071 (recomputed)"
KRZAKALA = "Krzakala, Mezard, Sausset, Sun and Zdeborova, Phys. Rev. X 2 (2012) 021005 (recomputed)"
WU_VERDU = "Wu and Verdu, IEEE Trans. Inf. Theory 56 (2010) 3721: the information dimension of the prior"
TULINO_VERDU = "Tulino and Verdu, Found. Trends Commun. Inf. Theory 1 (2004) 1: root of a quadratic equation"
DISPUTED = "1.249, quoted since 2019, is not reproduced; 1.245 of 1990 is"
QUARTILE = 0.6744897501960817

PERCEPTRON = (  # alpha, overlap, test error, free entropy
    (0.5, 0.2803257343706422, 0.32239533960616973, -0.32166580761133445),
    (1.0, 0.48626363701611647, 0.2543729703393752, -0.5964412556889798),
    (1.5, 0.6299975176413202, 0.20813953456547268, -0.8305517854752604),
    (4.0, 0.9002573064802168, 0.10227979886333424, -1.6094661160656716),
    (8.0, 0.9714270315051975, 0.05406522372849577, -2.265422636324068),
    (16.0, 0.9925773536167681, 0.02745795887359645, -2.9484437624758115),
)
BINARY_PERCEPTRON = (
    (1.2, 0.6686613798669454, 0.1952393171745836, -0.6751821719309062),
    (1.4, 0.7896990395019512, 0.15164383929961242, -0.7495738114744899),
)
SENSING = (  # rho, alpha, noise, start, mse
    (0.2, 0.5, 0.01, "uninformative", 0.024572506826466806),
    (0.2, 0.5, 0.0001, "uninformative", 9.051575874960587e-05),
    (0.2, 0.3, 0.0001, "informative", 0.08410803563185892),
    (0.2, 0.25, 1e-05, "uninformative", 0.1138380676795265),
    (0.1, 0.2, 0.001, "uninformative", 0.03509263666039595),
    (0.4, 0.5, 1e-08, "uninformative", 0.13086873973626062),
    (0.4, 0.55, 1e-08, "uninformative", 0.0890612087566729),
)
SPINODALS = ((0.1, 0.20756), (0.2, 0.3554108279575984), (0.4, 0.5892460011308949))
TRANSITIONS: tuple[tuple[dict[str, Any], str, float, str, str], ...] = (
    (dict(prior=Rademacher()), "information_theoretic", 1.2446839898506898, GYORGYI, DISPUTED),
    (dict(prior=Rademacher()), "algorithmic", 1.4926318182303522, SEUNG, ""),
    (dict(prior=Rademacher(), channel=Door(width=QUARTILE)), "weak_recovery", 1.3604593043119546, BARBIER, ""),
    (dict(prior=Rademacher(), channel=Door(width=QUARTILE)), "information_theoretic", 1.0, BARBIER, ""),
    (dict(prior=Rademacher(), channel=Door(width=QUARTILE)), "algorithmic", 1.5664330561078124, BARBIER, ""),
    (dict(channel=Abs()), "weak_recovery", 0.5, MONDELLI, ""),
    (dict(channel=Abs()), "information_theoretic", 1.0, MAILLARD, ""),
    (dict(channel=Abs()), "algorithmic", 1.1284714066721722, MAILLARD, "printed as 1.13"),
)


def landmarks() -> tuple[Landmark, ...]:
    """The landmarks of `BayesOptimal`."""
    rows = []
    fields: dict[str, Any]
    for fields, table in ({}, PERCEPTRON), (dict(prior=Rademacher()), BINARY_PERCEPTRON):
        for alpha, *values in table:
            for name, value in zip(("overlap", "test_error", "free_entropy"), values, strict=True):
                rows.append(Landmark(dict(alpha=alpha) | fields, name, value, 1e-9, RECOMPUTED))
    rows.append(Landmark(dict(alpha=10_000.0), "test_error", 0.441700e-4, 2e-9, OPPER_HAUSSLER))
    rows.append(Landmark(dict(alpha=0.8, channel=Abs()), "overlap", 0.2162274902956635, 1e-8, RECOMPUTED))
    for rho, alpha, noise, start, mse in SENSING:
        fields = dict(alpha=alpha, prior=GaussBernoulli(rho=rho), channel=Linear(noise=noise), start=start)
        rows.append(Landmark(fields, "mse", mse, 1e-9, RECOMPUTED))
    root = (-1.5 + (1.5**2 + 4 * 0.5) ** 0.5) / 2
    rows.append(Landmark(dict(channel=Linear(noise=0.5)), "mse", root, 1e-9, TULINO_VERDU))
    for fields, name, value, source, note in TRANSITIONS:
        rows.append(Landmark(fields, name, value, 1e-6, source, along="alpha", note=note))
    for rho, value in SPINODALS:
        fields = dict(prior=GaussBernoulli(rho=rho), channel=Linear())
        rows.append(Landmark(fields, "algorithmic", value, 2e-6, KRZAKALA, along="alpha"))
        rows.append(Landmark(fields, "information_theoretic", rho, 1e-5, WU_VERDU, along="alpha"))
    return tuple(rows)


LANDMARKS = landmarks()
