"""The contract: what is asked of a law, and what is said when it is not kept."""

import re

import numpy as np
import pytest

from asymptopia import Law, NoLimit, Observable, StatementError, sweep, thresholds
from asymptopia.contract.batching import generator, seed_keys


class Kept(Law):
    """A law that keeps the contract.

    Nothing else.
    """

    a: float = 1.0
    observables = {"x": Observable("x", "x")}

    def predict(self):
        return {"x": self.a}

    def realize(self, n, key):
        return {"x": self.a}


def variant(**methods):
    return type("Broken", (Kept,), methods)()


def test_summary_is_the_first_sentence():
    assert Kept.summary() == "A law that keeps the contract."


@pytest.mark.parametrize(
    ("law", "message"),
    [
        (variant(predict=lambda self: {"y": 1.0}), "`predict` of Broken returned 'y'"),
        (
            variant(predict=lambda self: {}),
            "`predict` of Broken did not return its observable 'x'; it returned nothing",
        ),
        (variant(predict=lambda self: {"x": [1.0, 2.0]}), "'x' of Broken has dims (), but a value of shape (2,)"),
    ],
)
def test_a_prediction_must_be_of_the_observables(law, message):
    with pytest.raises(StatementError) as caught:
        law.limit()
    assert message in str(caught.value)


def test_a_realisation_must_be_of_the_observables():
    with pytest.raises(StatementError, match="`realize` of Broken returned 'z'"):
        variant(realize=lambda self, n, key: {"x": 1.0, "z": 1.0}).experiment((10,), 2)


@pytest.mark.parametrize(
    ("value", "message"),
    [(1j, "gives complex numbers for 'x'"), ([1.0, 2.0], "gives 'x' in the shape (2,), but it declares no axes")],
)
def test_a_realisation_is_real_and_has_the_axes_that_are_declared(value, message):
    for many in (
        {"realize": lambda self, n, key: {"x": np.asarray(value)}},
        {"realize_all": lambda self, n, keys: {"x": np.stack([np.asarray(value)] * len(keys))}},
    ):
        with pytest.raises(StatementError) as caught:
            variant(**many).experiment((10,), 2)
        assert message in str(caught.value)


def test_missing_methods_are_named():
    class Empty(Law):
        observables = Kept.observables

    with pytest.raises(NotImplementedError, match="Empty does not say what it predicts"):
        Empty().limit()
    with pytest.raises(NotImplementedError, match="Empty cannot be realised"):
        Empty().experiment((10,), 2)


@pytest.mark.parametrize(
    ("sizes", "seeds", "message"),
    [
        ((), 5, "`sizes` must be"),
        ((10, 10), 5, "`sizes` must be different"),
        ((0,), 5, "`sizes` must be"),
        ((1.5,), 5, "`sizes` must be"),
        ((10, 10**9), 5, "`sizes` must be at most 100000000"),
        ((10,), 10**9, "`seeds` must be at most 1000000"),
        (tuple(range(1, 20)), 10**6, "realisations"),
        ((10,), 1, "`seeds` must be at least 2 to give an error bar, but is 1"),
        ((10,), (3,), "`seeds` must be at least 2"),
        ((10,), (3, 3), "`seeds` must be different"),
        ((10,), (-1, 3), "`seeds` must be different whole numbers >= 0"),
    ],
)
def test_sizes_and_seeds_are_checked(sizes, seeds, message):
    with pytest.raises(StatementError, match=message):
        Kept().experiment(sizes, seeds)


def lost(where, dims=()):
    """Realisations that are nan at the seeds where `where` says so."""
    shape = (3,) * len(dims)

    def realize_all(self, n, keys):
        return {"x": np.stack([np.full(shape, np.nan if where(n, k) else 1.0) for k in range(len(keys))])}

    return dict(realize_all=realize_all, observables={"x": Observable("x", "x", dims=dims)}, block=8)


def test_realisations_without_a_number_are_told():
    some = variant(**lost(lambda n, k: n == 20 and k == 1)).experiment((10, 20), 4)
    assert some.attrs["failures"] == "Broken(a=1.0), size 20: x is nan in 1 of 4 realisations"
    assert "failures" not in variant(**lost(lambda n, k: False)).experiment((10, 20), 4).attrs
    for dims in ((), ("rank",)):
        none = variant(**lost(lambda n, k: n == 20, dims)).experiment((10, 20), 4)
        assert none.attrs["failures"] == "Broken(a=1.0), size 20: x is nan in 4 of 4 realisations"


def test_what_is_undefined_by_design_is_no_failure():
    undefined = lost(lambda n, k: True) | {"observables": {"x": Observable("x", "x", conditional=True)}}
    data = variant(**undefined).experiment((10, 20), 4)
    assert np.isnan(data["x"]).all() and "failures" not in data.attrs


def test_a_problem_without_a_limit_is_refused_before_any_work():
    class Never(Kept):
        def check(self):
            if self.a > 2:
                raise NoLimit(f"there is no limit for a > 2, but a is {self.a:g}")

        def predict(self):
            raise AssertionError("no work may be done")

    for work in (Never(a=3).limit, Never(a=3).experiment, sweep(Never(), a=(1, 3)).limit):
        with pytest.raises(NoLimit, match="a is 3"):
            work()


def test_warnings_name_the_point_of_a_sweep():
    class Doubtful(Kept):
        def valid(self):
            return "too large" if self.a > 1 else None

    assert Doubtful(a=2).warnings() == ["too large"] and Doubtful().warnings() == []
    assert sweep(Doubtful(), a=(1, 2)).warnings() == ["Doubtful(a=2.0): too large"]


def test_thresholds_are_asked_along_a_field():
    with pytest.raises(StatementError, match="no field 'b'"):
        thresholds(Kept(), along="b")
    with pytest.raises(StatementError, match="no known transition along 'a'"):
        thresholds(Kept(), along="a")


def test_python_laws_get_generators_of_their_own():
    keys = seed_keys(100, (0, 1))
    first, second = generator(keys[0]).normal(size=4), generator(keys[1]).normal(size=4)
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(first, generator(seed_keys(100, (0,))[0]).normal(size=4))
    assert not np.allclose(first, generator(seed_keys(101, (0,))[0]).normal(size=4))


def test_theory_errors_stand_beside_their_observable():
    class Numerical(Kept):
        def predict(self):
            return {"x": self.a, "x_error": 0.1}

    limit = sweep(Numerical(), a=(1, 2)).limit()
    assert list(limit.data_vars) == ["x", "x_error"] and limit["x_error"].dims == ("a",)


@pytest.mark.parametrize(
    ("name", "dims", "said"),
    [("a/b", (), "'a/b'"), ("", (), "''"), ("vector", ("x\ny",), "x\\ny"), ("vector", ("seed",), "'seed'")],
)
def test_names_that_cannot_label_arrays_are_refused(name, dims, said):
    with pytest.raises(StatementError, match=re.escape(said)):
        type("Mine", (Law,), {"observables": {name: Observable("x", "x", dims=dims)}})


def test_a_statistic_of_what_is_not_observed_is_refused():
    observables = {"energy": Observable("e", "energy"), "spread": Observable("v", "spread", fluctuation_of="enrgy")}
    with pytest.raises(StatementError, match="'enrgy', which is no observable. Did you mean 'energy'"):
        type("Mine", (Law,), {"observables": observables})


def test_a_law_without_observables_says_how_to_declare_them():
    class Undeclared(Law):
        def predict(self):
            return {"mean": 0.0}

    with pytest.raises(StatementError, match="Declare it: `observables = {'mean'"):
        Undeclared().limit()


def test_the_name_of_an_error_is_not_that_of_an_observable():
    observables = {"x": Observable("x", "x"), "x_error": Observable("e", "e")}
    with pytest.raises(StatementError, match="'x_error' of Mine has the name that stands for the theory's error"):
        type("Mine", (Law,), {"observables": observables})


@pytest.mark.parametrize("name", ["valid", "axes", "sizes"])
def test_a_field_may_not_have_the_name_of_what_every_law_has(name):
    with pytest.raises(StatementError, match=f"Own has a field `{name}`, but every law.*: admit, axes, .*, warnings"):
        type("Own", (Law,), {"__annotations__": {name: float}, name: 0.5})


def test_names_of_fields_are_taken_by_what_the_library_reads_alone():
    """A further public name of `Law` breaks laws of users with a field of it: begin it with `_`, or list it here."""
    law = type("Own", (Law,), {"__annotations__": {"plot": float}, "plot": 0.5})(plot=0.7)
    assert repr(law) == "Own(plot=0.7)"
    names = """admit axes bias bibtex block called check controls coords defaults exercises experiment fixed_points
        fixed_points_along gives_many in_folder is_derived landmarks law limit observables observed plot points predict
        predict_many predicts_many realize realize_all realized reason_to_doubt references replace seeds short size
        sizes sizes_and_seeds slow_thresholds source status summary threshold_notes thresholds too_small unstable valid
        warnings"""
    assert [name for name in dir(Law) if not name.startswith("_")] == names.split()
