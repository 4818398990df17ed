"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

import math

from ....contract.law import Landmark
from ....parts.graph import Lattice, RandomRegular

YANG = "Yang, Phys. Rev. 85 (1952) 808, equation 96"
ONSAGER = "Onsager, Phys. Rev. 65 (1944) 117, equations 116 and 117"
DEMBO_MONTANARI = "Dembo and Montanari, Ann. Appl. Probab. 20 (2010) 565, theorem 2.4"


def landmarks() -> tuple[Landmark, ...]:
    square, cubic, random = Lattice(dimension=2), Lattice(dimension=3), RandomRegular(degree=3)
    chain = Lattice(dimension=1)
    integral = "derivatives of the double integral for the free energy, in high precision"
    return (
        Landmark(dict(beta=0.5), "magnetisation", 0.911319378, 1e-9, YANG),
        Landmark(dict(graph=square), "transition", 1 / 2.269185314, 1e-10, ONSAGER, along="beta"),
        Landmark(dict(beta=0.5), "energy", -1.745564575312554, 1e-12, integral),
        Landmark(dict(beta=0.3), "heat_capacity", 0.28629020287204578, 1e-12, integral),
        Landmark(dict(graph=random), "transition", math.log(3) / 2, 1e-12, DEMBO_MONTANARI, along="beta"),
        Landmark(dict(graph=chain, beta=0.7), "energy", -math.tanh(0.7), 1e-12, "Ising, Z. Phys. 31 (1925) 253"),
        Landmark(
            dict(graph=cubic), "bethe", math.log(1.5) / 2, 1e-12, "Bethe, Proc. R. Soc. A 150 (1935) 552", along="beta"
        ),
        Landmark(
            dict(graph=square), "naive", 0.25, 1e-12, "Bragg and Williams, Proc. R. Soc. A 145 (1934) 699", along="beta"
        ),
    )


LANDMARKS = landmarks()
