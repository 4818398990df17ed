"""Dense memories against binomial sums, the random energy model summed up, and wrong laws."""

import math

import numpy as np
import pytest
from scipy.special import gammaln, logsumexp

from asymptopia import StatementError, confront, parse, thresholds
from asymptopia.laws.spins.dense_associative_memory import DenseAssociativeMemory, Exponential, Polynomial
from asymptopia.laws.spins.dense_associative_memory.theory import ENSEMBLES, free_entropy

LN2 = math.log(2)


def typical_sum(n, slope, load):
    """(1/n) log of the sum over levels of exp(slope n m), with the levels where patterns are expected at all."""
    k = np.arange(n + 1)
    m = 2 * k / n - 1
    count = load * n + gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) - n * LN2
    return logsumexp(np.where(count > 0, count + slope * n * m, -np.inf)) / n


@pytest.mark.parametrize(("slope", "load"), [(1.0, 0.1), (1.0, 0.5), (2.0, 0.3), (0.5, 0.6)])
def test_the_noise_is_the_sum_over_levels(slope, load):
    entropy = free_entropy(ENSEMBLES["spins"], slope, load)
    coarse, fine = (typical_sum(n, slope, load) for n in (20_000, 80_000))
    assert abs(fine - entropy) < 4e-4 and abs(fine - entropy) < abs(coarse - entropy) + 1e-14


@pytest.mark.parametrize("name", ENSEMBLES)
def test_rate_functions_are_legendre_transforms(name):
    patterns = ENSEMBLES[name]
    for slope in (0.3, 1.0, 2.5):
        m, d = patterns.tilted(slope), 1e-6
        assert (patterns.rate(m + d) - patterns.rate(m - d)) / (2 * d) == pytest.approx(slope, rel=1e-6)
        if patterns.rate(m) < LN2:
            assert patterns.overlap(patterns.rate(m)) == pytest.approx(m, rel=1e-9)
    edge = patterns.rate(patterns.tilted(1.0))
    below, above = (free_entropy(patterns, 1.0, edge * s) for s in (1 - 1e-7, 1 + 1e-7))
    assert below == pytest.approx(above, abs=1e-6)


@pytest.mark.parametrize("patterns", ["spins", "spherical", "gaussian"])
@pytest.mark.parametrize("update", ["sign", "softmax"])
def test_retrieval_is_where_signal_and_noise_meet(patterns, update):
    for sharpness, start in ((0.4, 1.0), (1.0, 0.7), (3.0, 0.9)):
        law = DenseAssociativeMemory(Exponential(sharpness), patterns=patterns, update=update, start=start)
        load = thresholds(law, along="load")["retrieval"]
        noise = free_entropy(ENSEMBLES[patterns], 2 * sharpness, load) / 2
        if update == "softmax":
            noise = float(law.replace(load=load).limit()["noise_free_entropy"])
        assert noise == pytest.approx(sharpness * start, abs=1e-9)
        assert float(law.replace(load=0.99 * load).limit()["overlap"]) == 1
        assert float(law.replace(load=1.01 * load).limit()["overlap"]) == 0
        assert "corrections" in law.replace(load=load).valid()


def test_degree_two_is_one_step_of_hopfields_model():
    for load in (0.05, 0.2):
        stated = float(DenseAssociativeMemory(Polynomial(2), load=load).limit()["overlap"])
        assert stated == pytest.approx(math.erf(1 / math.sqrt(2 * load)), abs=1e-14)


def test_statements_are_checked():
    with pytest.raises(StatementError, match="Exponential"):
        parse('DenseAssociativeMemory(update="softmax")').limit()
    with pytest.raises(StatementError, match="Exponential"):
        thresholds(DenseAssociativeMemory(), along="load")
    with pytest.raises(StatementError, match="smaller `sizes`"):
        DenseAssociativeMemory(Exponential(), load=0.5).experiment(sizes=(100,), seeds=2)


class WithoutDoubleFactorial(DenseAssociativeMemory):
    """The noise of a pattern as if its overlap were a sign: moments 1 instead of (2 p - 3)!!."""

    def predict(self):
        prediction = super().predict()
        return prediction | {"overlap": math.erf(1 / math.sqrt(2 * self.load))}


class OneStepMore(DenseAssociativeMemory):
    """The map of one step, applied twice."""

    def predict(self):
        return DenseAssociativeMemory(load=self.load, start=super().predict()["overlap"]).predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = DenseAssociativeMemory(load=0.3)
    experiment = law.experiment(seeds=120)
    assert confront(law, experiment, resolution=0.1).verdict != "disagrees"
    assert confront(WithoutDoubleFactorial(load=0.3), experiment).verdict == "disagrees"
    assert confront(OneStepMore(load=0.3), experiment).verdict == "disagrees"


@pytest.mark.parametrize(
    ("statement", "sizes"),
    [
        ("load=0.1, start=0.8", (40, 80)),
        ('load=0.2, update="softmax", patterns="spherical"', (30, 50)),
        ('load=0.15, update="softmax", patterns="gaussian"', (36, 72)),
        ('load=1.5, update="softmax"', (5, 8)),
    ],
)
def test_exponential_memories_recall_below_the_threshold_and_not_above(statement, sizes):
    law = parse(f"DenseAssociativeMemory(Exponential(sharpness=1.0), {statement})")
    runs = law.experiment(sizes=sizes, seeds=40)["overlap"].values
    small, large = np.abs(runs.mean(axis=1) - float(law.limit()["overlap"]))
    assert large < 0.25 and large <= small + 3 * runs.std(axis=1).max() / np.sqrt(40)


def test_few_patterns_make_no_noise():
    law = DenseAssociativeMemory(energy=Exponential(100.0), load=0.002, start=0.02)
    assert "1.1 patterns at the smallest of the sizes" in law.too_small((40, 80)) and law.too_small((1000,)) is None
