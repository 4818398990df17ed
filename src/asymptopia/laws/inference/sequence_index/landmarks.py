"""Values that one layer of attention must reproduce."""

from ....contract.law import Landmark

CLOSED = "in closed form: labels without noise give the fields up to their sign"
NESTED = "nested adaptive quadrature of the curve alpha(m) without noise"

LANDMARKS = (
    *(
        Landmark(dict(tokens=tokens, noise=0.0), name, value, 1e-9, CLOSED, along="alpha")
        for tokens in (2, 3, 4)
        for name, value in (("weak_recovery", 1 / (tokens * (tokens + 1))), ("perfect_recovery", 1 / tokens))
    ),
    *(
        Landmark(dict(tokens=tokens, alpha=alpha, noise=0.0), "overlap", overlap, 1e-6, NESTED)
        for tokens, alpha, overlap in (
            (2, 0.37422924159183785, 0.5),
            (3, 0.213573414326711, 0.5),
            (4, 0.20414148150900338, 0.8),
        )
    ),
)
