"""Realisations: what JAX traces is compiled, with numbers traced or fixed; everything else is called seed by seed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import Law, Observable, field, generator, sweep
from asymptopia.contract.batching import compiled_as, equal_width, realize_block, stacked
from asymptopia.laws import CurieWeiss


class Mean(Law):
    """The mean of normal numbers around `centre`."""

    centre: float = field(1.0, "where they are")
    alpha: float = field(0.5, "share of n", above=0)
    observables = {"mean": Observable("m", "mean")}
    sizes = (8,)


class Traced(Mean):
    def realize(self, n, key):
        return {"mean": self.centre + jax.random.normal(key, (n,)).mean()}


class Shaped(Mean):
    def realize(self, n, key):
        return {"mean": self.centre + jax.random.normal(key, (round(self.alpha * n),)).mean()}


class Plain(Mean):
    def realize(self, n, key):
        return {"mean": self.centre + generator(key).normal(size=n).mean()}


class Many(Mean):
    def realize_all(self, n, keys):
        return {"mean": np.array([generator(k).normal(size=n).mean() for k in keys])}


@pytest.mark.parametrize(("law", "how"), [(Traced, "traced"), (Shaped, "static"), (Plain, None), (Many, None)])
def test_how_a_law_is_compiled_follows_from_its_code(law, how):
    assert compiled_as(law(), 8) == how
    many = realize_block(law(), 8, range(3))["mean"]
    each = [realize_block(law(), 8, [s])["mean"][0] for s in range(3)]
    np.testing.assert_allclose(many, each, rtol=1e-14)
    assert len(set(many)) == 3


def test_numbers_that_decide_on_shapes_may_be_swept():
    values = [realize_block(Shaped(alpha=a), 8, [0])["mean"][0] for a in (0.5, 1.0)]
    assert values[0] != values[1]
    np.testing.assert_allclose(realize_block(Shaped(centre=3.0), 8, [0])["mean"][0], values[0] + 2)


def test_an_error_in_the_users_code_is_shown_as_it_is():
    class Broken(Mean):
        def realize(self, n, key):
            return {"mean": jnp.ones(n) @ jnp.ones(n + 1)}

    with pytest.raises(TypeError, match="dot_general requires contracting dimensions"):
        realize_block(Broken(), 8, [0])


def test_a_record_is_a_pytree_of_its_numbers():
    law = CurieWeiss(beta=0.5, h=0.1)
    assert jax.tree.leaves(law) == [0.5, 0.1]
    assert jax.tree.unflatten(jax.tree.structure(law), [0.5, 0.1]) == law
    assert jax.grad(lambda at: at.beta**2 * at.h)(law).beta == pytest.approx(2 * 0.5 * 0.1)


def test_how_many_statements_arrays_stand_for():
    assert stacked(CurieWeiss()) == 1
    assert stacked(CurieWeiss(beta=np.array([0.1, 0.2, 0.3]))) == 3


class Listed(Mean):
    """Both methods return plain lists, of two numbers."""

    observables = {"mean": Observable("m", "mean", dims=("k",))}

    def predict(self):
        return {"mean": [self.centre, self.centre / 2]}

    def realize(self, n, key):
        noise = jax.random.normal(key, (n,)).mean()
        return {"mean": [self.centre + noise, noise]}


def test_lists_keep_their_axes_when_many_are_computed_at_once():
    statement = sweep(Listed(), centre=(1.0, 2.0, 4.0))
    np.testing.assert_array_equal(statement.limit()["mean"], [[1, 0.5], [2, 1], [4, 2]])
    values = realize_block(Listed(), 8, range(5))["mean"]
    np.testing.assert_allclose(values[:, 0] - values[:, 1], 1)


@pytest.mark.parametrize(
    ("count", "most", "width"),
    [(500, 200, 125), (2400, 400, 400), (160, 64, 40), (60, 64, 60), (1, 64, 64), (7, 3, 3), (0, 64, 64)],
)
def test_blocks_are_equal_where_they_can_be(count, most, width):
    assert equal_width(count, most) == width
