"""Values that one giant step must reproduce."""

from ....contract.law import Landmark
from ....parts.activation import Erf, Tanh

GERACE = "random features with the square loss: Gerace et al., ICML 2020, by another solver"
CLOSED = "in closed form: 1 / sqrt(1 + pi / (2 alpha0))"
NETWORKS = "48 networks of 400 inputs; three standard errors"

STEEP = dict(step=4.0, activation=Erf())
SCARCE = dict(step=3.0, alpha0=0.8, alpha=4.0, features=1.0, activation=Tanh())

LANDMARKS = (
    Landmark(dict(step=0.0), "test_error", 0.22965178244031353, 1e-9, GERACE),
    Landmark(dict(step=0.0), "train_loss", 0.09424706689025387, 1e-9, GERACE),
    Landmark({}, "spike_overlap", 0.748397724149, 1e-10, CLOSED),
    Landmark(dict(alpha0=0.5), "spike_overlap", 0.491378679844, 1e-10, CLOSED),
    *(
        Landmark(fields, name, value, tolerance, NETWORKS)
        for fields, name, value, tolerance in (
            (STEEP, "test_error", 0.197927, 0.0048),
            (STEEP, "test_loss", 0.300758, 0.0067),
            (STEEP, "train_loss", 0.074811, 0.0041),
            (SCARCE, "test_error", 0.247146, 0.0062),
            (SCARCE, "test_loss", 0.36205, 0.0074),
            (SCARCE, "train_loss", 0.218238, 0.0054),
        )
    ),
)
