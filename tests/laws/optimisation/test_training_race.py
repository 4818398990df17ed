"""The race on least squares: identities of its theory, and every optimiser where the theory says it is."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError
from asymptopia.laws.optimisation.training_race import TrainingRace
from asymptopia.parts.optimiser import (
    GaussNewton,
    GradientDescent,
    HeavyBall,
    Inertial,
    KroneckerFactored,
    Majorization,
    Optimiser,
)

OTHERS = (GradientDescent(), Inertial(), GaussNewton(), KroneckerFactored(), Majorization())


@pytest.mark.parametrize("optimiser", OTHERS, ids=lambda o: type(o).__name__)
def test_each_is_where_it_should_be(optimiser):
    law = TrainingRace(optimiser=optimiser)
    limit, seen = law.limit(), law.experiment((150,), 60).isel(size=0)
    for name in ("loss", "accuracy"):
        off = (seen[name].mean("seed") - limit[name]).values
        error = (seen[name].std("seed", ddof=1) / 60**0.5).values
        assert (np.abs(off) <= 4 * error + 1e-12 + 0.01 * (limit[name].values > 0)).all(), (name, off, error)
    assert (seen["shortfall"] <= 0).all()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_gauss_newton_without_damping_is_conjugate_gradients(count):
    cost = 1 + (2 * count + 1) / 3
    law = TrainingRace(optimiser=GaussNewton(damping=1e-13, iterations=count), times=(cost,))
    best = law.replace(times=(float(count),)).limit()["best"]
    assert float(law.limit()["loss"][0]) == pytest.approx(float(best[0]), rel=1e-9)


@pytest.mark.parametrize("optimiser", [HeavyBall(), GradientDescent(), Inertial()], ids=lambda o: type(o).__name__)
def test_nobody_is_ahead_of_conjugate_gradients(optimiser):
    times = tuple(map(float, range(13)))
    limit = TrainingRace(optimiser=optimiser, times=times).limit()
    assert (limit["loss"] >= limit["best"] - 1e-12).all()
    assert (np.diff(limit["best"]) < 0).all()


def test_polyaks_rates_are_the_best_of_heavy_balls_in_the_long_run():
    def late(rate, momentum):
        law = TrainingRace(optimiser=HeavyBall(rate=rate, momentum=momentum), noise=0.0, times=(40.0,))
        return float(law.limit()["loss"][0])

    best = late(1.0, 0.5)
    assert all(best < late(*other) for other in ((0.6, 0.5), (1.1, 0.5), (1.0, 0.7), (1.0, 0.2)))


def test_the_majoriser_of_one_layer_ends_at_least_squares():
    limit = TrainingRace(optimiser=Majorization(), samples=4.0, noise=0.3, times=(0.5, 1.0)).limit()
    assert float(limit["loss"][0]) == pytest.approx(1 + 0.15)
    assert float(limit["loss"][1]) == pytest.approx(0.15 * 3 / 4)
    exact = 1 - np.arccos(1 / np.sqrt(1 + 0.3 / 3)) / np.pi  # E 1/x = s / (s - 1)
    assert float(limit["accuracy"][1]) == pytest.approx(exact, abs=1e-12)


def test_bad_input_is_named():
    with pytest.raises(NoLimit, match=r"`optimiser` must be one that has a theory.*GradientDescent"):
        TrainingRace(optimiser=Optimiser()).limit()
    with pytest.raises(StatementError, match="`samples` of TrainingRace must be > 1"):
        TrainingRace(samples=1.0)
    with pytest.raises(StatementError, match="`times`"):
        TrainingRace(times=(3.0, 1.0))
    with pytest.raises(StatementError, match="`rate` of HeavyBall must be > 0"):
        HeavyBall(rate=-1.0)
