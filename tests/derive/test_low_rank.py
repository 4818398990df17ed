"""Inner products of matrices of low rank, taken at once, are those of their entries."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import derive
from asymptopia.derive.rules import products


@pytest.mark.parametrize("equation", ["iab,jab->ij", "iab,jba->ij", "aib,bja->ij", "ikab,jkab->ij", "ab,jba->j"])
def test_all_pairs_at_once_are_each_pair(equation, monkeypatch):
    def program(n, key):
        a, b = (jax.random.normal(k, (2, 3, n)) for k in jax.random.split(key))
        W = jnp.einsum("ria,rib->iab", a, jnp.sin(a + b))
        first, second = equation.split("->")[0].split(",")
        shapes = {"i": 3, "j": 3, "k": 3}

        def operand(letters):
            whole = W if "k" not in letters else jnp.stack([W, 2 * W[::-1], W[::-1]])
            whole = whole if {"i", "j"} & set(letters) else W[1]
            narrow = [c for c in letters if c in shapes]
            return jnp.einsum(f"{''.join(narrow)}ab->{letters}", whole)

        return {"out": jnp.einsum(equation, operand(first), operand(second)) / n**2}

    quick = derive(program, points=64, nets=3)["out"]
    monkeypatch.setattr(products, "inner_products", lambda *given: None)
    np.testing.assert_allclose(quick, derive(program, points=64, nets=3)["out"], rtol=1e-9, atol=1e-12)
    assert np.ptp(quick) > 0.1
