"""Communities: thresholds, the cavity overlap by a second method and in its dense limit, and random graphs."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from command_line import succeed

from asymptopia import NoLimit, StatementError, confront, parse, thresholds
from asymptopia.contract.law import label
from asymptopia.laws.inference.spiked_matrix import SpikedMatrix
from asymptopia.laws.inference.stochastic_block_model import StochasticBlockModel
from asymptopia.laws.inference.stochastic_block_model import theory as stochastic_block_model_theory
from asymptopia.laws.inference.stochastic_block_model.theory import branch, reconstruct
from asymptopia.numerics.fixed_points import NotConverged
from asymptopia.parts.propensity import EqualPropensities, GammaPropensities, PowerLawPropensities, TwoPropensities

OTHER = {
    r["id"]: r
    for r in json.loads((Path(__file__).parents[2] / "reference" / "other.json").read_text())
    if "sbm" in r["id"]
}


@pytest.mark.parametrize("name", [k for k in OTHER if ".KS." in k])
def test_the_threshold_of_kesten_and_stigum(name, monkeypatch):
    monkeypatch.setattr(branch, "hard_phase", lambda *statement: "none")
    k, c, expected = OTHER[name]["params"]["k"], OTHER[name]["params"]["c"], OTHER[name]["value"]
    law = StochasticBlockModel(groups=k, degree=c)
    at = thresholds(law, "assortativity")["kesten_stigum"]
    affinity = law.replace(assortativity=at).affinity()
    assert affinity[0, 0] == pytest.approx(expected["c_in"], rel=1e-12)
    assert affinity[0, 1] / affinity[0, 0] == pytest.approx(expected["epsilon_out_over_in"], rel=1e-12)
    assert thresholds(law.replace(assortativity=at), "degree")["kesten_stigum"] == pytest.approx(c, rel=1e-12)
    assert law.affinity().mean() == pytest.approx(c)


def test_the_spectrum():
    row = OTHER["B_lowrank.sbm.nonbacktracking"]
    law = StochasticBlockModel(groups=2, degree=3.0, assortativity=(5 - 1) / (2 * 3))
    prediction = law.predict()
    assert prediction["top_nonbacktracking"] == pytest.approx(row["value"]["lambda1"], rel=1e-12)
    assert prediction["second_nonbacktracking"] == pytest.approx(row["value"]["lambda2"], rel=1e-12)
    below = law.replace(assortativity=-0.5).predict()
    assert below["second_nonbacktracking"] == pytest.approx(row["value"]["bulk_radius"], rel=1e-12)


def log_odds(c, copied, shape=np.inf, points=2**12, reach=40.0):
    """For two groups: the law of half the log-odds on a tree, on a grid, as a compound law by FFT.

    Numbers of children are Poisson or, if expected degrees have a gamma distribution, negative binomial.
    """
    x = (np.arange(points) - points // 2) * (2 * reach / points)
    child = np.arctanh(copied * np.tanh(x))
    p = np.exp(-((x - 0.5) ** 2) / 0.4)
    p /= p.sum()
    for _ in range(200):
        told = np.zeros(points)
        for sign, weight in ((1, (1 + copied) / 2), (-1, (1 - copied) / 2)):
            at = (sign * child + reach) / (2 * reach / points)
            low = np.floor(at).astype(int)
            np.add.at(told, low, weight * p * (low + 1 - at))
            np.add.at(told, low + 1, weight * p * (at - low))
        more = c * (np.fft.fft(np.fft.ifftshift(told)) - 1)
        generated = [np.exp(more)] * 2 if shape == np.inf else [(1 - more / shape) ** -(shape + e) for e in (0, 1)]
        root, p = (np.fft.fftshift(np.fft.ifft(g).real) for g in generated)
        p /= p.sum()
    return (root * np.tanh(np.abs(x))).sum(), (root * np.tanh(x) ** 2).sum()


@pytest.mark.parametrize(("c", "copied", "shape"), [(3.0, 0.8, np.inf), (3.0, -0.7, np.inf), (2.0, 0.6, 1.0)])
def test_the_overlap_by_density_evolution(c, copied, shape):
    propensities = None if shape == np.inf else GammaPropensities(shape=shape)
    reconstruction = reconstruct(2, c, copied, False, propensities)
    overlap, drawn = log_odds(c, copied, shape)
    assert abs(reconstruction["overlap"] - overlap) < 4 * reconstruction["overlap_error"] + 1e-4
    assert abs(reconstruction["posterior_overlap"] - drawn) < 4 * reconstruction["posterior_overlap_error"] + 1e-4
    assert reconstruction["overlap_error"] < 2e-3


@pytest.mark.parametrize(
    ("propensities", "square"),
    [
        (GammaPropensities(shape=0.5), 3.0),
        (TwoPropensities(ratio=4.0, hubs=0.2), 1.5625),
        (PowerLawPropensities(exponent=4.0, cut=100.0), (1 - 1e-2) * (1 - 1e-6) / 3 / ((1 - 1e-4) / 2) ** 2),
    ],
    ids=str,
)
def test_unequal_degrees_move_the_threshold_by_their_mean_square(propensities, square):
    """Gulikers, Lelarge and Massoulie, Annals of Applied Probability 28 (2018) 3002; spectrum by the same factor."""
    law = StochasticBlockModel(degree=2.0, assortativity=0.9, propensities=propensities)
    assert thresholds(law, "degree")["kesten_stigum"] == pytest.approx(1 / (0.81 * square), rel=1e-5)
    both = thresholds(law, "assortativity")
    assert both["kesten_stigum"] == -both["kesten_stigum_disassortative"] == pytest.approx((2 * square) ** -0.5, 1e-5)
    below = law.replace(assortativity=0.95 * (2 * square) ** -0.5).predict()
    assert below["overlap"] == 0
    assert below["top_nonbacktracking"] == pytest.approx(2 * square, rel=1e-5)
    assert below["second_nonbacktracking"] == pytest.approx((2 * square) ** 0.5, rel=1e-5)


def test_statements_of_before_mean_what_they_did():
    old = "StochasticBlockModel(groups=2, degree=3.0, assortativity=0.8, start='uninformative')"
    assert parse(old) == StochasticBlockModel() == StochasticBlockModel(propensities=EqualPropensities())
    assert StochasticBlockModel().short() == "StochasticBlockModel()"


def test_the_start_does_not_matter_where_there_is_one_fixed_point(monkeypatch):
    monkeypatch.setattr(stochastic_block_model_theory, "MEMBERS", 1000)
    one, two = (reconstruct(3, 4.0, 0.7, informative) for informative in (False, True))
    for name in ("overlap", "posterior_overlap"):
        assert abs(one[name] - two[name]) < 4 * np.hypot(one[f"{name}_error"], two[f"{name}_error"])


@pytest.mark.parametrize("k", [2, 3])
def test_at_high_degree_it_is_a_dense_matrix(k, monkeypatch):
    """At fixed c lambda**2 labels are seen in Gaussian noise as c grows; the mean over signs of lambda is 1/c off."""
    monkeypatch.setattr(stochastic_block_model_theory, "MEMBERS", 1000)
    dense = {2: float(SpikedMatrix(snr=2.0).limit().overlap), 3: OTHER["B_lowrank.sbm.dense.k3.l2.0"]["value"]["m"]}[k]
    degrees = np.array([8.0, 24.0])
    means = [
        np.mean([reconstruct(k, c, s * np.sqrt(2 / c), False)["posterior_overlap"] for s in (1, -1)]) for c in degrees
    ]
    assert abs(means[0] - dense) > 0.01
    assert np.diff(degrees * means)[0] / np.diff(degrees)[0] == pytest.approx(dense, abs=0.01)


def test_below_the_threshold_nothing_is_found():
    law = StochasticBlockModel(assortativity=0.5)
    prediction = law.predict()
    assert prediction["overlap"] == prediction["overlap_error"] == 0.0
    informed = law.replace(start="informative").predict()
    assert informed["overlap"] < 1e-6 and law.valid() is None
    assert "close to the threshold" in law.replace(assortativity=0.59).valid()
    assert "hard phase" in StochasticBlockModel(groups=5, assortativity=0.4).valid()


def test_bad_statements_are_refused():
    with pytest.raises(NoLimit, match="-0.5"):
        StochasticBlockModel(groups=3, assortativity=-0.6).limit()
    with pytest.raises(NoLimit, match="giant component"):
        StochasticBlockModel(degree=0.5).limit()
    with pytest.raises(StatementError, match="'degree'"):
        thresholds(StochasticBlockModel(), "groups")


@pytest.mark.parametrize(
    "law",
    [
        StochasticBlockModel(degree=6.0),
        StochasticBlockModel(groups=3, degree=6.0, assortativity=-0.49),
        StochasticBlockModel(degree=4.0, assortativity=0.3),
    ],
    ids=lambda law: law.short(),
)
def test_random_graphs_agree(law):
    confrontation = confront(law, sizes=(1000, 4000), seeds=10)
    assert confrontation.verdict != "disagrees", confrontation


def test_a_wrong_limit_is_refuted():
    """Half the mean degree; the overlap of labels in place of that of their marginals."""
    law = StochasticBlockModel()
    limit, experiment = law.limit(), law.experiment((2000, 4000), 12)
    wrong = limit.assign(posterior_overlap=limit.overlap, second_nonbacktracking=limit.second_nonbacktracking / 2)
    confrontation = confront(law, experiment, wrong)
    assert confrontation["posterior_overlap"].verdict == confrontation["second_nonbacktracking"].verdict == "disagrees"
    assert confrontation["overlap"].verdict != "disagrees"


def test_the_limit_of_equal_degrees_is_refuted_by_others():
    """The limit of the right propensities is not; and of their mean square alone, in a denser graph, it is."""
    law = StochasticBlockModel(degree=4.0, assortativity=0.7, propensities=GammaPropensities(shape=1.0))
    experiment = law.experiment((1000, 4000), 8)
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (law.replace(propensities=EqualPropensities()), StochasticBlockModel(degree=8.0, assortativity=0.7)):
        confrontation = confront(law, experiment, wrong.limit())
        assert confrontation["overlap"].verdict == confrontation["posterior_overlap"].verdict == "disagrees"


def test_the_hard_phase_of_five_colours(monkeypatch):
    """Zdeborova and Krzakala, Phys. Rev. E 76 (2007) 031131: 12.837(3) and 13.23(1), Kesten and Stigum's at 16."""
    monkeypatch.setattr(branch, "MEMBERS", 120)
    monkeypatch.setattr(branch, "STEP", 0.2)
    branch.hard_phase.cache_clear()
    hard = branch.hard_phase(5, branch.Line(-0.25))
    branch.hard_phase.cache_clear()
    assert abs(hard.spinodal - 12.837) < 4 * np.hypot(hard.spinodal_error, 0.003)
    assert abs(hard.equilibrium - 13.23) < 4 * np.hypot(hard.equilibrium_error, 0.01)
    assert max(hard.spinodal_error, hard.equilibrium_error) < 0.12


@pytest.mark.parametrize(
    ("line", "propensities"),
    [
        (branch.Line(-1 / 3), EqualPropensities()),
        (branch.Line(-1 / 3, 8.6), EqualPropensities()),
        (branch.Line(-1 / 3), TwoPropensities(ratio=2.0, hubs=0.3)),
    ],
)
def test_the_free_entropy_is_the_integral_of_its_derivatives(line, propensities, monkeypatch):
    """Two routes to one threshold: Bethe's free entropy itself, and its derivatives along the line, integrated."""
    monkeypatch.setattr(branch, "MEMBERS", 240)
    monkeypatch.setattr(branch, "STEP", 0.2)
    states = branch.follow(4, line, propensities)
    signal, told, slope = (
        np.concatenate([[start], v.mean(axis=1)])
        for start, v in (
            (1 / propensities.second_moment(), states.signal),
            (0.0, states.information),
            (0.0, states.slope),
        )
    )
    copied = np.minimum(np.sqrt(signal / (line.degree or 1e-9)), 1 / 3)
    degree = signal / copied**2
    steps = (told[1:] + told[:-1]) / 4 * np.diff(degree)
    steps += (degree[1:] + degree[:-1]) * (slope[1:] + slope[:-1]) / 8 * np.diff(np.log(copied))
    integral = np.cumsum(steps)
    error = states.free_entropy.std(axis=1, ddof=1) / np.sqrt(branch.POPULATIONS)
    z = (states.free_entropy.mean(axis=1) - integral) / np.hypot(error, 1e-3)
    assert np.abs(z).max() < 4
    if line.degree is None and propensities == EqualPropensities():
        assert (states.free_entropy.mean(axis=1) / error).min() < -4  # metastable before it is the equilibrium


def test_thresholds_along_the_assortativity_are_those_of_colours(monkeypatch):
    """At the degree where the colouring of five colours has its threshold, -1/4 is one (see above)."""
    monkeypatch.setattr(branch, "MEMBERS", 120)
    monkeypatch.setattr(branch, "STEP", 0.2)
    branch.hard_phase.cache_clear()
    hard = branch.hard_phase(5, branch.Line(-0.25, 13.23))
    branch.hard_phase.cache_clear()
    assert abs(hard.equilibrium - 0.25) < 4 * hard.equilibrium_error < 4e-3
    assert hard.spinodal + 2 * hard.spinodal_error < hard.equilibrium


@pytest.mark.parametrize(
    ("law", "moduli", "names"),
    [
        (StochasticBlockModel(groups=5, degree=13.0), (0.24, 0.26), ["kesten_stigum", "", "it", "d"]),
        (StochasticBlockModel(groups=5, degree=20.0), (0.2, 0.21), ["kesten_stigum", "", "it", "ks_d", "d", "it_d"]),
        (StochasticBlockModel(groups=5, degree=9.0), (0.3, 0.31), ["kesten_stigum", "", "it"]),
        (StochasticBlockModel(groups=20, degree=9.0), (0.3, 0.31), ["kesten_stigum", "", "it"]),
    ],
    ids=lambda v: v.short() if isinstance(v, StochasticBlockModel) else None,
)
def test_transitions_are_named_on_either_side_where_they_are_admitted(law, moduli, names, monkeypatch):
    """Disassortative graphs of k groups end at -1/(k-1); lines that start at a degree above 100 are not followed."""
    monkeypatch.setattr(branch, "hard_phase", lambda *statement: branch.Thresholds(*moduli, 0.01, 0.02))
    transitions = thresholds(law, "assortativity")
    long = {
        "": "informative_spinodal",
        "it": "information_theoretic",
        "ks_d": "kesten_stigum_disassortative",
        "d": "informative_spinodal_disassortative",
        "it_d": "information_theoretic_disassortative",
    }
    assert sorted(k for k in transitions if not k.endswith("_error")) == sorted(long.get(n, n) for n in names)
    for name, value in transitions.items():
        if not name.endswith("_error"):
            assert (value < 0) == name.endswith("disassortative")
            assert abs(value) in (*moduli, law.degree**-0.5)
    assert transitions["informative_spinodal_error"] == 0.01


def test_up_to_three_groups_no_hard_phase_is_found(monkeypatch):
    monkeypatch.setattr(branch, "MEMBERS", 120)
    branch.hard_phase.cache_clear()
    assert "none is seen" in branch.hard_phase(3, branch.Line(-0.5))
    branch.hard_phase.cache_clear()
    assert list(thresholds(StochasticBlockModel(groups=3), "degree")) == ["kesten_stigum"]


def test_no_hard_phase_is_sought_in_very_dense_graphs(monkeypatch):
    monkeypatch.setattr(branch, "hard_phase", None)
    hubs = TwoPropensities(ratio=50.0, hubs=0.01)
    for law in (
        StochasticBlockModel(groups=4, assortativity=0.01),
        StochasticBlockModel(groups=4, assortativity=0.06, propensities=hubs),
    ):
        assert list(thresholds(law, "degree")) == ["kesten_stigum"]
        assert "none is sought" in law.threshold_notes("degree")[0] and law.slow_thresholds("degree") is None


def test_a_line_that_does_not_settle_leaves_the_other_thresholds(monkeypatch):
    """On one side only; Kesten and Stigum's is known in any case, and a note tells why the others are not."""

    def follow(groups, line, propensities, finer=1.0):
        raise NotConverged("It does not settle.")

    law = StochasticBlockModel(groups=5, degree=20.0)
    edge = 20.0**-0.5
    monkeypatch.setattr(branch, "follow", follow)
    branch.hard_phase.cache_clear()
    assert "populations" in law.slow_thresholds("assortativity")
    at = thresholds(law, "assortativity")
    assert at == {"kesten_stigum": pytest.approx(edge), "kesten_stigum_disassortative": pytest.approx(-edge)}
    assert law.threshold_notes("assortativity") == [
        "no hard phase is given: the branch of fixed points could not be followed. It does not settle."
    ]
    branch.hard_phase.cache_clear()
    monkeypatch.setattr(branch, "hard_phase", lambda k, line, *_: "why" if line.assortativity > 0 else hard)
    hard = branch.Thresholds(0.24, 0.26, 0.01, 0.01)
    told = succeed("thresholds", repr(law), "--along", "assortativity").stderr.splitlines()
    assert told[0].startswith("seeking a hard phase along assortativity")
    assert told[1:] == ["note: no hard phase of assortative graphs is given: why"]
    assert law.threshold_notes("assortativity") == ["no hard phase of assortative graphs is given: why"]
    hard = branch.Thresholds(0.255, 0.26, 0.01, 0.01)
    assert law.threshold_notes("assortativity")[1].endswith("it would start at -0.255, beyond -0.25")


def test_degrees_go_down_to_the_giant_component(monkeypatch):
    """Where Kesten and Stigum's threshold is a degree, it can be stated: hubs hold a graph of degrees below 1."""
    monkeypatch.setattr(stochastic_block_model_theory, "MEMBERS", 1000)
    law = StochasticBlockModel(assortativity=0.95, propensities=GammaPropensities(shape=0.5))
    at = thresholds(law, "degree")["kesten_stigum"]
    assert at == pytest.approx(1 / (3 * 0.95**2), rel=1e-5) and at < 1
    below, above = (law.replace(degree=c * at).predict() for c in (0.95, 2.0))
    assert below["overlap"] == 0 and above["overlap"] > 0.05
    with pytest.raises(NoLimit, match="giant component"):
        law.replace(degree=0.33).limit()


@pytest.mark.parametrize(
    ("propensities", "n", "words"),
    [
        (PowerLawPropensities(exponent=2.5, cut=1000.0), 1000, "rests on 0.44 of 1000 nodes.* at least 112"),
        (PowerLawPropensities(exponent=2.5, cut=1000.0), 12_000, "share more than one edge"),
        (TwoPropensities(ratio=50.0, hubs=0.01), 1000, "share more than one edge.*(4[0-9]) % less"),
        (TwoPropensities(ratio=50.0, hubs=0.01), 8000, None),
        (PowerLawPropensities(exponent=2.5, cut=20.0), 1000, None),
        (GammaPropensities(shape=0.5), 1000, None),
        (EqualPropensities(), 100, None),
    ],
)
def test_hubs_that_are_too_few_or_joined_too_often_are_warned_of(propensities, n, words):
    why = StochasticBlockModel(propensities=propensities).too_small((n, 4 * n))
    assert why is None if words is None else re.search(words, why)


def test_a_true_law_of_few_hubs_is_not_refuted(monkeypatch):
    """Whose largest eigenvalues are 9, 11 and 13 where the limit is 33."""
    monkeypatch.setattr(stochastic_block_model_theory, "MEMBERS", 100)
    law = StochasticBlockModel(propensities=PowerLawPropensities(exponent=2.5, cut=1000.0))
    n = np.array([1000, 2000, 4000])
    top = np.array([8.9, 10.9, 13.2])[:, None] + np.linspace(-0.2, 0.2, 8)
    values = dict.fromkeys(law.observables, top)
    seen = label(law, {k: v[None] for k, v in values.items()}, size=n, seed=np.arange(8))
    assert confront(law, seen)["top_nonbacktracking"].verdict == "inconclusive"
