"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.prior import Gaussian, SparseRademacher

LESIEUR = "Lesieur, Krzakala and Zdeborova, J. Stat. Mech. (2017) 073403"
PECHE = "Benaych-Georges and Nadakuditi, Advances in Mathematics 227 (2011) 494"
BAIK = "Baik, Ben Arous and Peche, Annals of Probability 33 (2005) 1643; Paul, Statistica Sinica 17 (2007) 1617"
RECOMPUTED = "recomputed from the state evolution with other quadratures"


def landmarks() -> tuple[Landmark, ...]:
    gauss, rare = Gaussian(), SparseRademacher(rho=0.02)
    rows = [
        Landmark(dict(snr=0.5, prior=gauss), "overlap", 0.0, 1e-12, f"{LESIEUR}, section 5.1: 1 - 1/snr above snr 1"),
        Landmark(dict(snr=4.0, prior=gauss), "overlap", 0.75, 1e-12, f"{LESIEUR}, section 5.1: 1 - 1/snr above snr 1"),
        Landmark(dict(snr=4.0, prior=gauss), "mse", 0.4375, 1e-12, "1 - overlap**2"),
        Landmark(dict(snr=1.5), "overlap", 0.39418613377182554, 1e-11, RECOMPUTED),
        Landmark(dict(snr=2.0), "overlap", 0.618447509348823, 1e-11, RECOMPUTED),
        Landmark(dict(snr=2.0), "mse", 0.6175226781802375, 1e-11, RECOMPUTED),
        Landmark(dict(snr=0.5, prior=rare, start="informative"), "overlap", 0.9079392963370982, 1e-9, RECOMPUTED),
        Landmark(dict(snr=2.0, prior=rare), "overlap", 0.999995986360678, 1e-9, RECOMPUTED),
        Landmark(dict(), "weak_recovery", 1.0, 1e-6, PECHE, along="snr"),
    ]
    for name, value in (
        ("informative_spinodal", 0.366348156762),
        ("information_theoretic", 0.392654983509),
        ("algorithmic", 1.000682296014),
    ):
        note = "not 1: a continuous branch of tiny overlap begins there" if name == "algorithmic" else ""
        rows.append(Landmark(dict(prior=rare), name, value, 1e-8, RECOMPUTED, along="snr", note=note))
    for snr, cosine, top in ((0.5, 0.0, 2.0), (1.5, 1 / 3, 2.041241452319315), (4.0, 0.75, 2.5)):
        rows.append(Landmark(dict(snr=snr), "pca_overlap", cosine, 1e-12, f"{PECHE}, section 3.1"))
        rows.append(Landmark(dict(snr=snr), "top_eigenvalue", top, 1e-12, f"{PECHE}, section 3.1"))
    for snr, aspect, cosine, top in (
        (0.5, 2.0, 0.0, 2.914213562373095),
        (1.0, 2.0, 1 / 3, 3.0),
        (3.0, 2.0, 17 / 21, 14 / 3),
        (3.0, 0.5, 7 / 15, 20 / 3),
    ):
        rows.append(Landmark(dict(snr=snr, aspect=aspect), "pca_overlap", cosine, 1e-12, BAIK))
        rows.append(Landmark(dict(snr=snr, aspect=aspect), "top_eigenvalue", top, 1e-12, BAIK))
    return tuple(rows)


LANDMARKS = landmarks()
