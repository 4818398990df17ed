"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.channel import Linear, Logit, Probit
from ....parts.loss import Hinge, Logistic, Square
from ....parts.prior import GaussBernoulli

CANDES_SUR = "Candes and Sur, Ann. Statist. 48 (2020) 27, theorem 1, without intercept"
SUR_CANDES = "Sur and Candes, PNAS 116 (2019) 14516, equation 5 (recomputed)"
BAYATI = "Bayati and Montanari, IEEE Trans. Inf. Theory 58 (2012) 1997, corollary 1.6 (recomputed)"
HASTIE = "Hastie, Montanari, Rosset and Tibshirani, Ann. Statist. 50 (2022) 949, corollary 5 (recomputed)"
RECOMPUTED = "independent high-precision solution of the fixed point"


def landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark(
            dict(loss=Logistic(), ridge=0.0, teacher=Logit(scale=s)), "existence", value, 1e-5, CANDES_SUR, "alpha"
        )
        for s, value in (
            (0.0, 1 / 0.5),
            (1.0, 1 / 0.438939),
            (5**0.5, 1 / 0.325589),
            (3.0, 1 / 0.272522),
            (5.0, 1 / 0.185052),
        )
    ]
    for kappa, slope, spread in ((0.2, 1.499350, 4.743553), (0.1, 1.167782, 3.346564)):
        fields = dict(alpha=1 / kappa, ridge=0.0, loss=Logistic(), teacher=Logit(scale=5**0.5))
        rows.append(Landmark(fields, "overlap", slope * 5**0.5, 1e-5, SUR_CANDES))
        rows.append(Landmark(fields, "norm", 5 * slope**2 + kappa * spread**2, 1e-4, SUR_CANDES))
    lasso = dict(ridge=0.0, loss=Square(), teacher=Linear(noise=0.01), prior=GaussBernoulli(rho=0.2))
    for alpha, l1, value in (
        (0.3, 1.0, 0.1966893722689852),
        (0.5, 0.01, 0.04257880840532191),
        (1.0, 0.1, 0.009178964617467205),
    ):
        rows.append(Landmark(dict(alpha=alpha, l1=l1) | lasso, "test_error", value, 1e-9, BAYATI))
    square, logistic, hinge = Square(), Logistic(), Hinge()
    for alpha, ridge, loss, name, value in (
        (4.0, 1.0, square, "test_error", 0.12879110233246746),
        (1.0, 0.001, square, "norm", 6.17306269571326),
        (2.0, 0.001, logistic, "norm", 67.55188522841583),
        (2.0, 0.1, logistic, "overlap", 1.7203130925926764),
        (8.0, 0.01, hinge, "test_error", 0.05945427259934757),
    ):
        rows.append(Landmark(dict(alpha=alpha, ridge=ridge, loss=loss), name, value, 1e-9 * max(value, 1), RECOMPUTED))
    for alpha, ridge, noise, name, value in (
        (1.0, 1.0, 0.01, "test_error", 0.44892179943245747),
        (4.0, 0.1, 0.25, "test_error", 0.07782588921798128),
        (8.0, 0.001, 0.25, "train_loss", 0.10937500928995443),
    ):
        fields = dict(alpha=alpha, ridge=ridge, loss=square, teacher=Linear(noise=noise))
        rows.append(Landmark(fields, name, value, 1e-9, HASTIE))
    probit = dict(alpha=4.0, ridge=0.01, loss=logistic, teacher=Probit(noise=0.25))
    rows.append(Landmark(probit, "test_error", 0.21579202461100225, 1e-9, RECOMPUTED))
    return tuple(rows)


LANDMARKS = landmarks()
