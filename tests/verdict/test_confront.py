"""The laboratory on coins: true laws are rejected as rarely as stated, false ones are caught, nan never agrees."""

import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from asymptopia import Law, Observable, StatementError, confront, sweep


class Coin(Law):
    """A biased coin whose mean has a finite-size correction."""

    mean: float = 1.0
    bias_at_one: float = 0.5

    observables = {"x": Observable("x", "the mean")}

    def predict(self):
        return {"x": self.mean}


class Several(Coin):
    """Coins along an axis."""

    observables = {"x": Observable("x", "the means", dims=("i",))}

    def predict(self):
        return {"x": np.full(8, self.mean)}

    def coords(self):
        return {"i": np.arange(8)}


def law_of(kind, statistic="x", **attributes):
    """A law whose only prediction is `statistic` of the realised x."""
    predicted = {"x": Observable("x", "x"), "y": Observable("y", "y", **attributes)}
    observables = predicted if kind else {"x": Observable("x", "x", **attributes)}

    class Stated(Law):
        value: float = 1.0
        x: float = 0.0

        def predict(self):
            return {"x": self.x, "y": self.value} if kind else {"x": self.value}

    Stated.observables = observables
    return Stated


def experiment(law, draw, sizes=(100, 200, 400), seeds=40, rng=None, name="x", shape=()):
    """A Dataset as `law.experiment` gives it, with draw(n, shape, rng) for the values."""
    rng = np.random.default_rng(0) if rng is None else rng
    values = np.stack([draw(n, (*shape, seeds), rng) for n in sizes], -2)
    dims = law.observables[name].dims
    coords = {"size": list(sizes), "seed": range(seeds)}
    return xr.Dataset({name: ((*dims, "size", "seed"), values)}, coords).transpose("size", "seed", ...)


def noisy(mean=1.0, correction=0.5, spread=0.5, power=1.0):
    return lambda n, shape, rng: mean + correction / n**power + spread * rng.normal(size=shape) / math.sqrt(n)


def verdict(law, data, **options):
    return confront(law, data, **options).judgements[-1].verdict


def copies(law, count):
    """The law many times over, as components along `copy`."""

    class Copies(type(law)):
        observables = {k: replace(o, dims=("copy", *o.dims)) for k, o in law.observables.items()}

        def predict(self):
            return {k: np.broadcast_to(v, (count, *np.shape(v))) for k, v in law.predict().items()}

        def coords(self):
            return {"copy": np.arange(count), **law.coords()}

    return Copies()


def rejections(law, draw, repetitions, rng, **options):
    """How many of independent confrontations refute the law, each at the level 0.01."""
    many = copies(law, repetitions)
    shape = (repetitions, 8) if isinstance(law, Several) else (repetitions,)
    data = experiment(many, draw, rng=rng, shape=shape, **options)
    judgements = confront(many, data, level=1 - 0.99**repetitions).judgements
    refuted = [j.table["refuted"].values.reshape(repetitions, -1).any(axis=1) for j in judgements]
    return int(np.any(refuted, axis=0).sum())


@pytest.mark.parametrize("law", [Coin(), Several()])
def test_a_true_law_is_refuted_as_rarely_as_stated(law):
    # 1000 confrontations at level 0.01: ten expected; 22 or more happen with probability 1e-3
    assert rejections(law, noisy(), 1000, np.random.default_rng(1)) < 22


def test_few_seeds_do_not_refute_more_often():
    assert rejections(Coin(), noisy(), 1000, np.random.default_rng(2), seeds=4) < 22


def test_skewed_seeds_do_not_refute_more_often():
    def draw(n, shape, rng):
        return rng.gamma(2.0, 0.5, size=(*shape, 16)).mean(axis=-1)

    assert rejections(Coin(), draw, 1000, np.random.default_rng(3)) < 30


def test_a_law_five_percent_off_is_caught():
    assert rejections(Coin(mean=1.05), noisy(), 200, np.random.default_rng(4)) >= 190


def test_a_strong_finite_size_correction_is_extrapolated_away():
    data = experiment(Coin(), noisy(correction=20.0), sizes=(100, 200, 400, 800, 1600, 3200), seeds=200)
    judged = confront(Coin(), data)["x"]
    assert judged.verdict == "agrees" and 0 < judged.precision < 0.05
    assert abs(float(judged.by_size["value"][0]) - 1) > 0.15
    assert verdict(Coin(mean=1.1), data) == "disagrees"


def test_a_second_order_correction_is_found():
    def draw(n, shape, rng):
        return 1 + 5 / n - 3000 / n**2 + 1e-3 * rng.normal(size=shape)

    assert verdict(Coin(), experiment(Coin(), draw, sizes=(50, 100, 200, 400))) == "inconclusive"
    assert verdict(Coin(), experiment(Coin(), draw, sizes=(50, 100, 200, 400, 800, 1600))) == "agrees"


def test_the_stated_exponent_of_the_correction_is_used():
    data = experiment(Coin(), noisy(correction=2.0, power=0.5, spread=0.05))

    class Slow(Coin):
        bias = 0.5

    slow, fast = confront(Slow(), data)["x"], confront(Coin(), data)["x"]
    assert abs(slow.table["estimate"] - 1) < 4 * slow.table["error"]
    assert abs(fast.table["estimate"] - 1) < 0.05  # a wrong one is given up where it misfits
    assert "disagrees" not in (slow.verdict, fast.verdict)


def test_too_few_seeds_are_inconclusive_and_say_how_many_would_do():
    judged = confront(Coin(), experiment(Coin(), noisy(spread=5.0), seeds=10))["x"]
    assert judged.verdict == "inconclusive"
    needed = int(judged.advice.split()[1])
    assert 400 < needed < 4000
    enough = experiment(Coin(), noisy(spread=5.0), seeds=2 * needed, rng=np.random.default_rng(5))
    assert verdict(Coin(), enough) == "agrees"


def test_a_finer_resolution_needs_more():
    data = experiment(Coin(), noisy())
    assert verdict(Coin(), data) == "agrees"
    assert verdict(Coin(), data, resolution=0.001) == "inconclusive"


@pytest.mark.parametrize("where", [(0, 0), (2, 39)])
def test_nan_in_the_experiment_never_agrees(where):
    data = experiment(Coin(), noisy())
    data["x"][where] = np.nan
    judged = confront(Coin(), data)["x"]
    assert judged.verdict == "inconclusive" and "1 of 120" in judged.reason
    assert int(judged.table["failed"]) == 1


def test_nan_does_not_hide_a_wrong_law():
    data = experiment(Coin(), noisy())
    data["x"][0, 0] = np.nan
    assert verdict(Coin(mean=1.3), data) == "disagrees"


def test_nothing_but_nan_is_inconclusive():
    data = experiment(Coin(), noisy()) * np.nan
    assert verdict(Coin(), data) == "inconclusive"


def test_a_limit_that_is_nan_never_agrees():
    class Unknown(Coin):
        def predict(self):
            return {"x": math.nan}

    judged = confront(Unknown(), experiment(Unknown(), noisy()))["x"]
    assert judged.verdict == "inconclusive" and "not a number" in judged.reason


def test_unanimous_seeds_resolve_no_better_than_three_over_their_number():
    same = lambda n, shape, rng: np.full(shape, 1.0)  # noqa: E731
    assert verdict(Coin(), experiment(Coin(), same, seeds=20)) == "inconclusive"
    assert verdict(Coin(), experiment(Coin(), same, seeds=400)) == "agrees"
    assert verdict(Coin(mean=1.5), experiment(Coin(), same, seeds=40)) == "inconclusive"  # a rare jump of 100
    assert verdict(Coin(mean=1.5), experiment(Coin(), same, seeds=400)) == "disagrees"
    assert verdict(Coin(mean=1.02), experiment(Coin(), same, seeds=20)) == "inconclusive"
    twos = lambda n, shape, rng: np.full(shape, 2.0)  # noqa: E731  (no indicators)
    for seeds, resolved in ((59, "inconclusive"), (61, "agrees")):  # 3 / 60 is the resolution
        assert verdict(Coin(mean=2.0), experiment(Coin(), twos, seeds=seeds)) == resolved
    assert verdict(Coin(mean=2.12), experiment(Coin(), twos, seeds=61)) == "inconclusive"


def test_unanimous_self_averaging_seeds_resolve_as_many_draws_as_their_systems_hold():
    none = lambda n, shape, rng: np.zeros(shape)  # noqa: E731
    averaging = law_of(False, self_averaging=True, scale=0.1)
    assert verdict(averaging(value=1e-9), experiment(averaging(), none, seeds=20)) == "agrees"
    assert verdict(averaging(value=0.01), experiment(averaging(), none, seeds=20)) == "disagrees"
    single = law_of(False, scale=0.1)
    assert verdict(single(value=1e-9), experiment(single(), none, seeds=20)) == "inconclusive"


def test_a_probability_near_one_is_not_refuted_by_unanimous_indicators():
    law = Coin(mean=0.99)
    ones = lambda n, shape, rng: np.ones(shape)  # noqa: E731
    assert verdict(law, experiment(law, ones, seeds=40)) != "disagrees"
    draw = lambda n, shape, rng: (rng.random(shape) < 0.99).astype(float)  # noqa: E731
    assert rejections(law, draw, 500, np.random.default_rng(6)) < 15


@pytest.mark.parametrize("sizes", [(400,), (400, 480), (400, 404, 408)])
def test_sizes_that_are_as_good_as_one_decide_nothing_unless_there_is_no_correction(sizes):
    def draw(shift, spread=0.1):
        return experiment(Coin(), noisy(mean=1 + shift, correction=0, spread=spread), sizes=sizes)

    class Finite(Coin):
        bias = math.inf

    for shift in (0.0, 0.02, 0.2, 20.0):
        for spread in (0.0, 1e-6, 0.1):
            judged = confront(Coin(), draw(shift, spread))["x"]
            assert judged.verdict == "inconclusive" and "cannot tell a finite-size correction" in judged.reason
    assert verdict(Finite(), draw(0.02)) == "agrees"
    assert verdict(Finite(), draw(0.2)) == "disagrees"
    assert verdict(Finite(), draw(0.05)) == "inconclusive"


@pytest.mark.parametrize("kind", ["fluctuation_of", "exponent_of"])
def test_fluctuations_and_exponents_need_sizes_that_are_apart_too(kind):
    law, value = law_of(True, **{kind: "x"}), {"fluctuation_of": 0.25, "exponent_of": 0.0}[kind]
    draw = lambda n, shape, rng: 1 + 0.5 * rng.normal(size=shape) / math.sqrt(n)  # noqa: E731
    for claimed in (value, 5.0):
        near = experiment(law(value=claimed, x=1.0), draw, sizes=(400, 420, 440), seeds=4000)
        assert confront(law(value=claimed, x=1.0), near)["y"].verdict == "inconclusive"
    apart = experiment(law(value=5.0, x=1.0), draw, sizes=(100, 200, 400, 800), seeds=4000)
    assert confront(law(value=5.0, x=1.0), apart)["y"].verdict == "disagrees"


def test_two_sizes_show_nothing_of_the_next_order():
    # -5/n + 500/n^2 cancels at 100: the two sizes seem to say that the mean grows away from its limit
    draw = noisy(correction=0.0, spread=1e-5)
    bent = lambda n, shape, rng: draw(n, shape, rng) - 5 / n + 500 / n**2  # noqa: E731
    assert verdict(Coin(), experiment(Coin(), bent, sizes=(100, 200))) != "disagrees"
    assert verdict(Coin(mean=1.2), experiment(Coin(), bent, sizes=(100, 200))) == "disagrees"


def test_two_sizes_extrapolate_exactly():
    judged = confront(Coin(), experiment(Coin(), noisy(correction=3.0, spread=0.05), sizes=(100, 300)))["x"]
    assert judged.verdict == "agrees"
    np.testing.assert_allclose(judged.by_size["fit"], judged.by_size["value"], rtol=1e-12)


class TestFluctuation:
    def law(self, value=0.25):
        return law_of(True, fluctuation_of="x")(value=value, x=1.0)

    def draw(self, seeds, rng, sizes=(100, 200, 400)):
        return experiment(self.law(), noisy(correction=0.0), seeds=seeds, rng=rng, sizes=sizes)

    def test_true_and_false(self):
        data = self.draw(16000, np.random.default_rng(7))
        assert verdict(self.law(), data) == "agrees"
        assert verdict(self.law(0.32), data) == "disagrees"

    def test_level(self):
        draw = lambda n, shape, rng: 1 + 0.5 * rng.normal(size=shape) / math.sqrt(n)  # noqa: E731
        assert rejections(self.law(), draw, 600, np.random.default_rng(8), seeds=60) < 16

    def test_level_for_coins(self):
        def draw(n, shape, rng):
            return 1 + rng.choice([-1.0, 1.0], size=shape) * 0.5 / math.sqrt(n)

        assert rejections(self.law(), draw, 300, np.random.default_rng(9), seeds=200) < 10

    def test_unanimous_seeds_say_nothing(self):
        same = experiment(self.law(), lambda n, shape, rng: np.ones(shape))
        assert verdict(self.law(), same) == "inconclusive"


class TestExponent:
    law = law_of(True, exponent_of="x")

    def draw(self, exponent, seeds=200):
        return lambda n, shape, rng: 3.0 * n**exponent * (1 + 0.1 * rng.normal(size=shape))

    def test_true_and_false(self):
        sizes = (100, 200, 400, 800)
        data = experiment(self.law(), self.draw(-0.5), sizes=sizes, seeds=200)
        assert verdict(self.law(value=-0.5), data) == "agrees"
        assert verdict(self.law(value=-0.6), data) == "disagrees"

    def test_without_a_correction_a_power_law_is_all_there_is(self):
        pure = law_of(True, exponent_of="x", bias=math.inf)
        data = experiment(pure(), self.draw(-0.5), seeds=200)
        assert verdict(pure(value=-0.5), data) == "agrees"
        assert verdict(self.law(value=-0.5), data) == "inconclusive"  # a correction may hide in three sizes
        assert verdict(pure(value=-0.6), data) == "disagrees"
        bent = experiment(pure(), lambda n, shape, rng: self.draw(-0.5)(n, shape, rng) * (1 + 20 / n), seeds=200)
        assert verdict(pure(value=-0.5), bent) == "disagrees"
        assert verdict(self.law(value=-0.5), bent) != "disagrees"
        straight = experiment(pure(), lambda n, shape, rng: n**-0.5 * np.ones(shape), seeds=20)
        assert verdict(pure(value=-0.5), straight) == "agrees"

    def test_two_sizes_are_not_enough(self):
        data = experiment(self.law(), self.draw(-0.5), sizes=(100, 200))
        judged = confront(self.law(value=-0.5), data)["y"]
        assert judged.verdict == "inconclusive" and "three sizes" in judged.reason


class TestBound:
    def test_on_the_mean(self):
        law = law_of(False, bound="mean")
        data = experiment(law(), noisy(mean=0.9, correction=0.0))
        assert verdict(law(value=1.0), data) == "agrees"
        assert verdict(law(value=0.8), data) == "disagrees"
        wide = experiment(law(), noisy(mean=0.95, correction=0.0, spread=20.0))
        assert verdict(law(value=1.0), wide) == "inconclusive"

    def test_on_the_mean_it_is_violated_no_more_often_than_stated(self):
        law = law_of(False, bound="mean")(value=1.0)
        assert rejections(law, noisy(correction=0.0), 1000, np.random.default_rng(10)) < 22

    def test_on_every_realisation(self):
        law = law_of(False, bound="every")
        data = experiment(law(), lambda n, shape, rng: rng.random(shape))
        assert verdict(law(value=1.0), data) == "agrees"
        data["x"][1, 7] = 1.0 + 1e-6
        assert verdict(law(value=1.0), data) == "disagrees"
        few = experiment(law(), lambda n, shape, rng: rng.random(shape), seeds=3)
        assert verdict(law(value=1.0), few) == "inconclusive"

    def test_only_two_kinds(self):
        with pytest.raises(ValueError, match='"mean" or "every"'):
            Observable("x", "x", bound="most")


def test_the_error_of_the_theory_counts():
    class Numerical(Coin):
        def predict(self):
            return {"x": 1.05, "x_error": 0.05}

    data = experiment(Coin(), noisy())
    judged = confront(Numerical(), data)["x"]
    assert judged.verdict == "inconclusive" and abs(float(judged.table["z"])) < 2
    assert verdict(Coin(mean=1.05), data) == "disagrees"


def test_limit_only_observables_are_not_judged():
    class More(Coin):
        observables = Coin.observables | {"f": Observable("f", "free entropy", limit_only=True)}

        def predict(self):
            return {"x": 1.0, "f": 2.0}

    assert [j.observable for j in confront(More(), experiment(More(), noisy())).judgements] == ["x"]


def test_a_sweep_is_judged_as_one_family():
    class Drawn(Coin):
        observables = {"x": Observable("x", "the mean", resolution=0.2)}

        def realize(self, n, key):
            import jax

            return {"x": self.mean + 0.2 * jax.random.normal(key) / n**0.5}

    c = confront(sweep(Drawn(), mean=(1.0, 2.0, 3.0)), seeds=20)
    assert c.verdict == "agrees" and c["x"].table["z"].shape == (3,)
    assert float(c["x"].table["critical"].min()) > float(confront(Drawn(), seeds=20)["x"].table["critical"])
    assert "agrees" in str(c) and "mean" in c["x"].by_size.dims


def test_warnings_of_the_statement_are_carried():
    class Doubtful(Coin):
        def valid(self):
            return "replica symmetry is broken"

    assert confront(Doubtful(), experiment(Coin(), noisy())).warnings == ("replica symmetry is broken",)


@pytest.mark.parametrize("options", [{"level": 0.0}, {"level": 1.5}, {"resolution": 0.2}, {"resolution": 0.0}])
def test_bad_options_are_refused(options):
    with pytest.raises(StatementError, match="must be >"):
        confront(Coin(), **options)
