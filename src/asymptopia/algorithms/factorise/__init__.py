"""Factorisations of a matrix of your own: nonnegative, by any beta-divergence, and products of structured factors."""

from __future__ import annotations

from .beta_divergence import beta_divergence, exponent
from .butterfly import ButterflyFactors, Pattern, bit_reversal, butterfly, dyadic
from .nmf import NMF
from .nmf_coordinates import newton
from .nmf_majorisers import equalise, heuristic, joint, mm
from .nmf_problem import Problem, objective
from .nmf_solvers import Factorisation, factorise

__all__ = [
    "NMF",
    "ButterflyFactors",
    "Factorisation",
    "Pattern",
    "Problem",
    "beta_divergence",
    "bit_reversal",
    "butterfly",
    "dyadic",
    "equalise",
    "exponent",
    "factorise",
    "heuristic",
    "joint",
    "mm",
    "newton",
    "objective",
]
