"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.activation import Erf, Relu, Tanh

RECOMPUTED = "independent roots in high precision"


def landmarks() -> tuple[Landmark, ...]:
    rows = []
    lines = {
        Tanh(): {0.001: 1.189189585, 0.01: 1.42420529, 0.05: 1.76095464, 0.1: 1.986072641, 0.5: 2.84316746},
        Erf(): {0.001: 0.932583134, 0.05: 1.375839007, 0.1: 1.552117855, 0.5: 2.233659635},
    }
    note = "Schoenholz et al. print 1.7603 for tanh at bias variance 0.05"
    for activation, line in lines.items():
        for bias, weight in line.items():
            fields = dict(activation=activation, bias_variance=bias)
            said = note if activation == Tanh() and bias == 0.05 else ""
            rows.append(Landmark(fields, "order_to_chaos", weight, 1e-8, RECOMPUTED, "weight_variance", note=said))
    he = "He, Zhang, Ren and Sun, ICCV (2015), equation 10"
    fields = dict(activation=Relu(), bias_variance=0.0)
    rows.append(Landmark(fields, "order_to_chaos", 2.0, 1e-12, he, "weight_variance"))
    for weight, bias, value in ((2.0, 0.05, 0.7217618726520714), (4.0, 0.05, 2.195493928034488)):
        rows.append(Landmark(dict(weight_variance=weight, bias_variance=bias), "length", value, 1e-10, RECOMPUTED))
    return tuple(rows)


LANDMARKS = landmarks()
