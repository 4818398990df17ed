"""Sparse counts: the same factors as for the dense matrix, in the memory of the entries."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array, random_array

from asymptopia import StatementError
from asymptopia.algorithms.factorise.nmf import NMF
from asymptopia.algorithms.factorise.nmf_majorisers import mm
from asymptopia.algorithms.factorise.nmf_online import VISIT, factorise_in_batches
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


def test_one_batch_of_all_rows_is_a_step_of_majorisation():
    X = Counts(csr_array(counts(30, 20)), (0.1, 0.2))
    W, Ht = X.start(3, np.random.default_rng(1))
    online = factorise_in_batches(X, W, Ht, 30, 1, 0.0, np.random.default_rng(0))
    for _ in range(VISIT):
        W = X.step(W, Ht, 0)
    rows = np.diff(X.X.indptr) > 0
    np.testing.assert_allclose(online.W[rows], W[rows], rtol=1e-12)
    np.testing.assert_allclose(online.H.T, X.step(W, Ht, 1), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("l1", [(0.0, 0.0), (0.2, 0.1)])
def test_batches_reach_the_objective_of_all_rows_in_fewer_passes(l1):
    X = Counts(csr_array(counts(600, 40, rank=3)), l1)
    start = X.start(3, np.random.default_rng(4))
    whole = factorise_counts(X, *start, 2000, 1e-7)
    online = factorise_in_batches(X, *start, 50, 60, 0.0, np.random.default_rng(5))
    assert online.objectives[-1] <= whole.objectives[-1] * 1.005
    equal = 20 * (VISIT + 1) // 2  # a pass takes VISIT steps of W and one of H, an iteration one of each
    assert online.objectives[20] < factorise_counts(X, *start, equal, 0.0).objectives[-1]
    assert online.objectives[-1] == pytest.approx(X.objective(online.W, online.H.T))


def test_the_estimator_in_batches():
    X = csr_array(np.vstack([counts(200, 30, rank=2), np.zeros((3, 30))]))
    fitted = NMF(2, batch=32, random_state=0, max_iter=200, tol=1e-4).fit(X)
    all_rows = NMF(2, random_state=0, tol=1e-7, max_iter=3000).fit(X)
    assert fitted.reconstruction_err_ < 1.01 * all_rows.reconstruction_err_ and fitted.n_iter_ < 200
    assert fitted.transform(X)[-1].max() < 1e-6
    narrow = NMF(2, batch=32, random_state=0, max_iter=200, tol=1e-4).fit(X.astype(np.float32))
    assert narrow.components_.dtype == np.float32
    for batch in (0, 2.5, np.nan, "8"):
        with pytest.raises(StatementError, match="`batch` must be a whole number of rows"):
            NMF(2, batch=batch).fit(X)
    with pytest.raises(StatementError, match="`batch` must be None for a dense"):
        NMF(2, batch=8).fit(X.toarray())
