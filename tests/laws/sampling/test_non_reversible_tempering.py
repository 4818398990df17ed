"""Round trips against sampled barriers, an exact chain of machines, and wrong laws."""

import numpy as np
import pytest

from asymptopia import confront
from asymptopia.laws.sampling.non_reversible_tempering import (
    FieldSpins,
    GaussianScale,
    GaussianShift,
    NonReversibleTempering,
)

PATHS = [GaussianScale(variance=0.1, dimension=1), GaussianScale(), GaussianShift(2.0), FieldSpins(1.3, 7)]


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_rejections_and_barriers_are_those_of_samples(path):
    rng, ladder = np.random.default_rng(0), path.ladder(5)
    assert ladder[0] == 0 and ladder[-1] == 1 and (np.diff(ladder) > 0).all()
    V = path.draw(ladder, 200_000, rng)
    accepted = np.minimum(1, np.exp(np.diff(ladder) * np.diff(V, axis=1)))
    error = accepted.std(axis=0) / np.sqrt(len(V))
    assert (np.abs(1 - accepted.mean(axis=0) - path.rejections(ladder)) < 4.5 * error).all()
    b, w = np.polynomial.legendre.leggauss(60)
    b = (1 + b) / 2
    pairs = path.draw(b, 20_000, rng), path.draw(b, 20_000, rng)
    spread = np.abs(pairs[0] - pairs[1]) / 2 @ (w / 2)
    assert abs(spread.mean() - path.barrier()) < 4.5 * spread.std() / np.sqrt(len(spread)) + 1e-3 * path.barrier()


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_the_sum_of_rejections_tends_to_the_barrier(path):
    values = [path.rejections(path.ladder(n + 1)).sum() for n in (100, 200)]
    assert abs(values[1] - path.barrier()) < 0.3 * abs(values[0] - path.barrier()) + 1e-12
    assert values[1] == pytest.approx(path.barrier(), rel=1e-3)


def exact_rate(rejections, alternating):
    """Round trips of one machine per scan times the number of machines, from mean times of passage of its chain."""
    r = np.concatenate([[1.0], rejections, [1.0]])  # a machine at an end has no neighbour beyond
    n = len(r) - 1
    index = {(k, up): 2 * k + up for k in range(n) for up in (0, 1)}  # up: it proposes upwards in the next scan
    P = np.zeros((2 * n, 2 * n))
    for (k, up), i in index.items():
        stay = r[k + up]
        to = k + (1 if up else -1)
        if alternating:  # a machine that moves keeps its direction; one that is rejected turns
            P[i, index[k, 1 - up]] += stay
            if stay < 1:
                P[i, index[to, up]] += 1 - stay
        else:
            for after in (0, 1):
                P[i, index[k, after]] += stay / 2
                if stay < 1:
                    P[i, index[to, after]] += (1 - stay) / 2
    times = 0.0
    for source, target in ((0, n - 1), (n - 1, 0)):
        inside = [i for (k, _), i in index.items() if k != target]
        mean = np.zeros(2 * n)
        mean[inside] = np.linalg.solve(np.eye(len(inside)) - P[np.ix_(inside, inside)], np.ones(len(inside)))
        # where it is, and in which phase, when it arrives at the source from the other end
        came = 0 if source == 0 else 1
        start = [index[source, came]] if alternating else [index[source, 0], index[source, 1]]
        times += mean[start].mean()
    return n / times


@pytest.mark.parametrize("path", PATHS[1:], ids=repr)
@pytest.mark.parametrize("swaps", ["deterministic", "stochastic"])
def test_the_finite_rate_is_that_of_the_chain_of_one_machine(path, swaps):
    law = NonReversibleTempering(target=path, swaps=swaps, ladder=6)
    exact = exact_rate(path.rejections(path.ladder(6)), swaps == "deterministic")
    assert float(law.limit()["finite_round_trip_rate"]) == pytest.approx(exact, rel=1e-9)


def test_finite_rates_tend_to_the_limit():
    for swaps, scale in (("deterministic", 1), ("stochastic", 4000)):
        law = NonReversibleTempering(target=GaussianShift(), swaps=swaps, ladder=4000)
        limit = law.limit()
        assert scale * float(limit["finite_round_trip_rate"]) == pytest.approx(float(limit["scaled_rate"]), rel=2e-3)


class ReversibleRate(NonReversibleTempering):
    """Machines that diffuse: half of the rate."""

    def predict(self):
        prediction = super().predict()
        return prediction | {"round_trip_rate": prediction["round_trip_rate"] / 2}


class WithoutHalf(NonReversibleTempering):
    """The barrier as the mean distance of two copies, without the half."""

    def predict(self):
        prediction = super().predict()
        return prediction | {"barrier": 2 * prediction["barrier"]}


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = NonReversibleTempering(target=GaussianShift())
    experiment = law.experiment(sizes=(8, 16, 32), seeds=16)
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (ReversibleRate(target=GaussianShift()), WithoutHalf(target=GaussianShift())):
        assert confront(wrong, experiment).verdict == "disagrees"
    random = NonReversibleTempering(target=FieldSpins(), swaps="stochastic")
    assert confront(random, sizes=(12, 24, 48), seeds=16).verdict != "disagrees"
