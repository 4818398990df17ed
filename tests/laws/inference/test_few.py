"""Systems of which a number that is rounded to whole ones is small."""

import pytest

from asymptopia.laws import (
    ERM,
    BayesDeepLinear,
    BayesOptimal,
    ContextualBlockModel,
    GraphConvolution,
    L1Recovery,
    MultiLayerGLM,
    OneGiantStep,
    RandomFeatures,
    SpikedMatrix,
)
from asymptopia.laws.inference.common import few, nonzero_share
from asymptopia.parts.channel import Linear, ReLU
from asymptopia.parts.prior import GaussBernoulli, Laplace, SparseRademacher


@pytest.mark.parametrize(
    ("law", "enough"),
    [
        (ContextualBlockModel(aspect=1000.0), 5000),
        (GraphConvolution(aspect=260.0), 1300),
        (BayesDeepLinear(width=0.02), 250),
        (SpikedMatrix(aspect=0.001), 5000),
        (ERM(alpha=0.004), 250),
        (RandomFeatures(features=0.01), 100),
        (OneGiantStep(alpha0=0.001), 1000),
        (MultiLayerGLM(layers=((0.1, ReLU()), (0.05, Linear()))), 200),
        (L1Recovery(sparsity=0.05), 100),
        (BayesOptimal(prior=SparseRademacher(rho=0.002)), 2500),
    ],
)
def test_a_single_row_or_feature_is_not_taken_for_less_than_one(law, enough):
    assert f"it takes sizes of at least {enough}" in law.too_small(law.sizes)
    assert law.too_small((enough, 2 * enough)) is None
    assert type(law)().too_small(law.sizes) is None


def test_zeros_are_those_of_the_mixture():
    assert nonzero_share(GaussBernoulli(rho=0.3)) == 0.3 and nonzero_share(SparseRademacher(rho=0.3)) == 0.3
    assert nonzero_share(Laplace()) == pytest.approx(1)


def test_what_is_rounded_is_said():
    assert few("rows", 0.004, (300, 600)).startswith("at the smallest of the sizes there should be 1.2 rows, which is")
