"""Traces from few products: their intervals hold, and are far shorter than those of plain probes."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from asymptopia import StatementError
from asymptopia.measure.spectra import quadrature
from asymptopia.measure.trace import trace

N = 2500
BULK = 0.01 * np.random.default_rng(1).standard_normal(N - 30)
SPECTRUM = np.r_[BULK * np.exp(BULK * 50), np.geomspace(0.1, 10, 30)]


def operator():
    return LinearOperator(
        (N, N), matvec=lambda v: SPECTRUM * np.ravel(v), matmat=lambda V: SPECTRUM[:, None] * V, dtype=np.dtype(float)
    )


def test_intervals_hold_the_trace():
    measured = [trace(operator(), products=60, seed=seed) for seed in range(400)]
    held = np.mean([one.low <= SPECTRUM.sum() <= one.high for one in measured])
    assert abs(held - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 400)
    values = np.array([one.value for one in measured])
    assert abs(values.mean() - SPECTRUM.sum()) < 4 * values.std() / 20
    assert np.mean([one.error**2 for one in measured]) == pytest.approx(values.var(), rel=0.4)


def test_deflation_pays():
    """The error is that of the bulk alone, twice at most, where plain probes see the outliers."""
    bulk = np.sqrt(2 * np.sum(np.sort(SPECTRUM**2)[:-30]) / 40)
    plain = quadrature(operator(), probes=120, order=1).trace()[1]
    error = np.mean([trace(operator(), products=120, seed=seed).error for seed in range(5)])
    assert error < 2 * bulk < plain / 5


def test_small_operators_have_no_error():
    a = np.diag(np.arange(1.0, 101))
    assert trace(aslinearoperator(a)) == (5050.0, 0.0, 5050.0, 5050.0)


def test_bad_input_is_said():
    with pytest.raises(StatementError, match="`products` must be at least 9"):
        trace(operator(), products=5)
    with pytest.raises(StatementError, match="`level`"):
        trace(operator(), level=1.0)
    with pytest.raises(StatementError, match="symmetric"):
        trace(aslinearoperator(np.triu(np.ones((N, N)))))
