"""Factorisations of your own matrix: nonnegative, butterfly, and products of structured factors."""

from __future__ import annotations

from .beta_divergence import beta_divergence, exponent
from .butterfly import ButterflyFactors, Pattern, bit_reversal, butterfly, digit_reversal, dyadic, mixed_radix
from .butterfly_orders import OrderedFactors, ordered_butterfly
from .constraints import Constraint, Diagonals, Free, Nonnegative, Normalised, Sparse, Support
from .hierarchical import hierarchical
from .kernels import fit_kernels, responses
from .lifting import Layers, Lifting, fit_layers, lifting, null_space_constant
from .network_paths import ConvolutionTree, Identifiability, chain_tree, identifiability
from .nmf import NMF
from .nmf_coordinates import newton
from .nmf_majorisers import equalise, heuristic, joint, mm
from .nmf_problem import Problem, objective, random_factors
from .nmf_solvers import Factorisation, factorise
from .nmf_start import svd_factors
from .structured import Product, structured

__all__ = [
    "NMF",
    "ButterflyFactors",
    "Constraint",
    "ConvolutionTree",
    "Diagonals",
    "Factorisation",
    "Free",
    "Identifiability",
    "Layers",
    "Lifting",
    "Nonnegative",
    "Normalised",
    "OrderedFactors",
    "Pattern",
    "Problem",
    "Product",
    "Sparse",
    "Support",
    "beta_divergence",
    "bit_reversal",
    "butterfly",
    "chain_tree",
    "digit_reversal",
    "dyadic",
    "equalise",
    "exponent",
    "factorise",
    "fit_kernels",
    "fit_layers",
    "heuristic",
    "hierarchical",
    "identifiability",
    "joint",
    "lifting",
    "mixed_radix",
    "mm",
    "newton",
    "null_space_constant",
    "objective",
    "ordered_butterfly",
    "random_factors",
    "responses",
    "structured",
    "svd_factors",
]
