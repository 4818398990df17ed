"""The spectrum of the non-backtracking matrix of a sparse graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from .graph import Graph, adjacency

if TYPE_CHECKING:
    from jaxtyping import Complex


def nonbacktracking(
    graph: Graph, count: int = 2, *, nodes: int | None = None, tolerance: float = 1e-6
) -> Complex[np.ndarray, " count"]:
    r"""The `count` eigenvalues of largest modulus of a graph's non-backtracking matrix, complex.

    Its rows and columns are the directed edges; $B_{(i \to j), (k \to l)} = 1$ if $j = k$ and $l \neq i$. By the
    formula of Ihara and Bass its eigenvalues other than $\pm 1$ are those of

    $$\begin{pmatrix} A & I - D \\ I & 0 \end{pmatrix}$$

    with A the adjacency matrix, (n, n), and D the diagonal matrix of degrees. In a block model of mean degree c the
    bulk fills a disc of radius $\sqrt c$; groups that can be found have real eigenvalues outside of it.

    graph: a symmetric SciPy sparse matrix (n, n), or an integer array (edges, 2); `nodes` is then n.
    tolerance: of the residual of an eigenvector, relative to the eigenvalue; inside the bulk it takes long to reach.
    Source: Krzakala, Moore, Mossel, Neeman, Sly, Zdeborova and Zhang, PNAS 110 (2013) 20935.
    """
    from scipy.sparse import block_array, csr_array, diags_array, eye_array
    from scipy.sparse.linalg import eigs

    A = adjacency(graph, nodes)
    n = A.shape[0]
    if not 1 <= count <= 2 * n:
        raise StatementError(f"`count` must be >= 1 and <= 2 n = {2 * n}, but is {count}.")
    one = eye_array(n)
    M = csr_array(block_array([[A, one - diags_array(A.sum(axis=1))], [one, None]]))
    if count >= 2 * n - 1:
        values = np.linalg.eigvals(M.toarray())
    else:
        start = np.random.default_rng(0).standard_normal(2 * n)
        space = min(2 * n, 2 * count + 36)
        values = eigs(M, count, which="LM", v0=start, ncv=space, tol=tolerance, return_eigenvectors=False)
    return values[np.argsort(-np.abs(values), kind="stable")][:count]
