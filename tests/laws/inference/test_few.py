"""Systems of which a number that is rounded to whole ones is small."""

import pytest

from asymptopia.laws import BayesDeepLinear, ContextualBlockModel, GraphConvolution, SpikedMatrix
from asymptopia.laws.inference.common import few


@pytest.mark.parametrize(
    ("law", "enough"),
    [
        (ContextualBlockModel(aspect=1000.0), 5000),
        (GraphConvolution(aspect=260.0), 1300),
        (BayesDeepLinear(width=0.02), 250),
        (SpikedMatrix(aspect=0.001), 5000),
    ],
)
def test_a_single_row_or_feature_is_not_taken_for_less_than_one(law, enough):
    assert f"it takes sizes of at least {enough}" in law.too_small(law.sizes)
    assert law.too_small((enough, 2 * enough)) is None
    assert type(law)().too_small(law.sizes) is None


def test_what_is_rounded_is_said():
    assert few("rows", 0.004, (300, 600)).startswith("at the smallest of the sizes there should be 1.2 rows, which is")
