"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.propensity import GammaPropensities

DECELLE = "Decelle, Krzakala, Moore and Zdeborova, Phys. Rev. E 84 (2011) 066106"
COLOURING = "Zdeborova and Krzakala, Phys. Rev. E 76 (2007) 031131, table I"
CORRECTED = "Gulikers, Lelarge and Massoulie, Annals of Applied Probability 28 (2018) 3002"
CORRECTED_SPECTRUM = "Gulikers, Lelarge and Massoulie, ITCS 67 (2017) 44: c E theta^2 |lambda|"
DENSITY = "recomputed: density evolution of the log-odds on a grid, by Fourier transforms, children negative binomial"
SPECTRAL = "Bordenave, Lelarge and Massoulie, Annals of Probability 46 (2018) 1, theorem 4"


def landmarks() -> tuple[Landmark, ...]:
    stigum = [(2, 3.0, 0.26794919), (2, 5.0, 0.38196601), (3, 4.0, 0.25)]
    rows = [
        Landmark(
            dict(groups=k, degree=c),
            "kesten_stigum",
            (1 - ratio) / (1 + (k - 1) * ratio),
            1e-8,
            f"{DECELLE}, equation 46",
            along="assortativity",
            note=f"c_out / c_in = {ratio:g} there",
        )
        for k, c, ratio in stigum
    ]
    colours = dict(groups=4, assortativity=-1 / 3)
    rows += [
        Landmark(colours, "informative_spinodal", 8.353, 0.03, COLOURING, "degree", note="the paper prints 8.353(3)"),
        Landmark(colours, "information_theoretic", 8.46, 0.03, COLOURING, "degree", note="the paper prints 8.46(1)"),
        Landmark(colours, "kesten_stigum", 9.0, 1e-12, COLOURING, "degree"),
    ]
    rows.append(Landmark(dict(assortativity=2 / 3), "kesten_stigum", 2.25, 1e-12, f"{DECELLE}, equation 46", "degree"))
    rows.append(Landmark(dict(assortativity=2 / 3), "top_nonbacktracking", 3.0, 1e-12, SPECTRAL))
    rows.append(Landmark(dict(assortativity=2 / 3), "second_nonbacktracking", 2.0, 1e-12, SPECTRAL))
    rows.append(Landmark(dict(assortativity=0.5), "second_nonbacktracking", 3**0.5, 1e-12, SPECTRAL))
    hubs = dict(degree=2.0, assortativity=0.6, propensities=GammaPropensities(shape=1.0))
    rows.append(Landmark(hubs, "kesten_stigum", 1 / 0.72, 1e-9, CORRECTED, "degree", note="E theta^2 = 2"))
    rows.append(Landmark(hubs, "kesten_stigum", 0.5, 1e-9, CORRECTED, "assortativity"))
    rows.append(Landmark(hubs, "second_nonbacktracking", 2.4, 1e-9, CORRECTED_SPECTRUM))
    rows.append(Landmark(hubs, "overlap", 0.27093, 2e-3, DENSITY))
    rows.append(Landmark(hubs, "posterior_overlap", 0.16115, 2e-3, DENSITY))
    return tuple(rows)


LANDMARKS = landmarks()
