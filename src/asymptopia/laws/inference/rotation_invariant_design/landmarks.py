"""Values recomputed from the R-transform of the spectrum, which the theory here does not use."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.singular_values import Geometric, MarchenkoPastur, RowOrthogonal

TRANSFORM = "the replica equations in the R-transform of X^T X (Takahashi and Kabashima 2020, section 3; recomputed)"
BAYATI = "Bayati and Montanari, IEEE Trans. Inf. Theory 58 (2012) 1997, corollary 1.6 (recomputed)"

LANDMARKS = tuple(
    Landmark(fields, name, value, 1e-12, TRANSFORM)
    for fields, values in (
        (dict(), (0.14948701398352, 0.15259414281266, 0.053620114845627, 0.43594453063243)),
        (
            dict(singular_values=Geometric(condition=10.0)),
            (0.12096980068914, 0.12840563168318, 0.086466030304907, 0.331747685572),
        ),
        (
            dict(alpha=1.5, ridge=0.3, noise=0.2),
            (0.15834452810379, 0.19712685251858, 0.080437796311005, 0.87411914619231),
        ),
        (
            dict(alpha=0.4, l1=0.02, noise=0.0, singular_values=RowOrthogonal()),
            (0.15064566828567, 0.13575416259009, 0.034462826018745, 0.36098410659408),
        ),
    )
    for name, value in zip(("overlap", "norm", "mse", "active"), values, strict=True)
) + tuple(
    Landmark(dict(alpha=alpha, l1=l1, noise=0.01, singular_values=MarchenkoPastur()), "mse", value, 1e-9, BAYATI)
    for alpha, l1, value in (
        (0.3, 1.0, 0.1966893722689852),
        (0.5, 0.01, 0.04257880840532191),
        (1.0, 0.1, 0.009178964617467205),
    )
)
