"""Sparse counts: the same factors as for the dense matrix, in the memory of the entries."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array, random_array

from asymptopia import StatementError
from asymptopia.algorithms.factorise.nmf import NMF
from asymptopia.algorithms.factorise.nmf_majorisers import mm
from asymptopia.algorithms.factorise.nmf_solvers import factorise
from asymptopia.algorithms.factorise.nmf_sparse import Counts, factorise_counts


def counts(n, m, seed=0, rank=3):
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.gamma(0.3, 1.0, (n, rank)) @ rng.gamma(0.3, 1.0, (rank, m))).astype(float)


@pytest.mark.parametrize("l1", [(0.0, 0.0), (0.3, 0.2)])
def test_steps_are_those_on_the_dense_matrix(l1):
    X = counts(30, 20)
    sparse = Counts(csr_array(X), l1)
    W, Ht = sparse.start(3, np.random.default_rng(1))
    dense = factorise(X, 3, step=mm, l1=l1, start=(W, Ht.T), iterations=40, tolerance=0)
    found = factorise_counts(sparse, W, Ht, 40, 0.0)
    np.testing.assert_allclose(found.objectives, dense.objectives, rtol=1e-10)
    np.testing.assert_allclose(found.W @ found.H, dense.W @ dense.H, rtol=1e-7, atol=1e-9)
    assert (np.diff(found.objectives) <= 0).all()


def test_the_estimator_ends_where_the_dense_solver_finds_nothing_better():
    X = counts(30, 20, rank=2)
    sparse = NMF(2, random_state=0, tol=1e-9, max_iter=3000).fit(csr_array(X))
    W = sparse.transform(csr_array(X))
    on = factorise(X, 2, start=(W, sparse.components_), iterations=50)
    assert on.objectives[0] == pytest.approx(sparse.reconstruction_err_, rel=1e-6)
    assert on.objectives[-1] == pytest.approx(on.objectives[0], rel=1e-5)
    np.testing.assert_allclose(W, sparse.transform(X), rtol=1e-3, atol=1e-4 * W.max())


def test_numbers_of_32_bits_stay_such_and_agree():
    X = csr_array(counts(50, 30))
    W = NMF(3, random_state=1, tol=1e-5).fit_transform(X.astype(np.float32))
    assert W.dtype == np.float32
    wide = NMF(3, random_state=1, tol=1e-5).fit(X)
    narrow = NMF(3, random_state=1, tol=1e-5).fit(X.astype(np.float32))
    assert narrow.components_.dtype == np.float32
    assert narrow.reconstruction_err_ == pytest.approx(wide.reconstruction_err_, rel=1e-3)


def test_memory_is_that_of_the_entries():
    X = random_array((4000, 3000), density=0.002, rng=np.random.default_rng(2), format="csr")
    tracemalloc.start()
    factorise_counts(Counts(X), *Counts(X).start(4, np.random.default_rng(0)), 2, 0.0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 0.25 * 8 * 4000 * 3000


def test_empty_rows_and_repeated_entries():
    X = coo_array(([1.0, 2.0, 3.0, 0.0], ([0, 0, 2, 3], [0, 0, 1, 2])), shape=(4, 3))
    found = NMF(2, random_state=0, tol=1e-12, max_iter=3000).fit(X)
    W = found.transform(X)
    np.testing.assert_allclose(W @ found.components_, [[3, 0, 0], [0, 0, 0], [0, 3, 0], [0, 0, 0]], atol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"beta": 2.0}, "beta"), ({"smooth": (1.0, 1.0)}, "smooth"), ({"l1": (1.0, 0.0)}, "void")],
)
def test_what_needs_all_entries_is_refused(options, message):
    with pytest.raises(StatementError, match=message):
        NMF(2, **options).fit(csr_array(counts(9, 8)))
    with pytest.raises(StatementError, match="rank"):
        NMF(9).fit(csr_array(counts(9, 8)))
