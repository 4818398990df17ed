"""Values that attention must reproduce."""

from ....contract.law import Landmark

CURVES = (
    "theory curves in the paper's public repository, SPOC-group/positional-and-semantic-attention, by a quadrature of "
    "low order"
)

SEMANTIC = dict(alpha=2.0, variance=0.25, ridge=0.01)
POSITIONAL = dict(alpha=0.7927272727, variance=0.25, ridge=0.01, start="positional")

LANDMARKS = (
    *(
        Landmark(fields, name, value, min(0.02 * value, 0.01), CURVES)
        for fields, name, value in (
            (SEMANTIC, "semantic_overlap", 0.93863),
            (SEMANTIC, "norm", 0.456601),
            (SEMANTIC, "test_error", 0.00139654),
            (POSITIONAL, "positional_overlap", 0.62025),
            (POSITIONAL, "test_error", 0.00329633),
        )
    ),
    Landmark(dict(alpha=1.3, variance=0.25, ridge=0.01), "semantic", 1.262, 0.0126, CURVES, along="alpha"),
)
