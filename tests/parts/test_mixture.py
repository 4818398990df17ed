"""Two clusters: their labels."""

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.parts.mixture import Mixture


def test_labels_are_as_often_positive_as_stated():
    y = Mixture(balance=0.3).sample(40_000, np.random.default_rng(0))
    assert set(y) == {-1.0, 1.0} and abs((y > 0).mean() - 0.3) < 4 * np.sqrt(0.21 / 40_000)


def test_both_clusters_must_be_there():
    with pytest.raises(StatementError, match="`balance` of Mixture must be > 0 and < 1, but is 1"):
        Mixture(balance=1.0)
