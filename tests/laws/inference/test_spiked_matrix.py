"""A spiked matrix: reference values, closed forms, symmetries, hard phases of own priors, and finite matrices."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import StatementError, confront, parse, sweep, thresholds
from asymptopia.contract.record import field
from asymptopia.laws.inference.spiked_matrix import SpikedMatrix
from asymptopia.parts.prior import GaussBernoulli, Gaussian, Laplace, Prior, Rademacher, SparseRademacher

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "inference.json").read_text())
ROWS = [r for r in REFERENCE if r["statement"].startswith("SpikedMatrix")]


class TwoGroups(Prior):
    """Two values of mean 0 and mean square 1: the larger one with probability p."""

    p: float = field(0.25, "share of the smaller group", above=0, below=1)

    def sample(self, size, rng):
        return np.where(rng.random(size) < self.p, np.sqrt((1 - self.p) / self.p), -np.sqrt(self.p / (1 - self.p)))

    def components(self):
        return (self.p, 1 - self.p), (np.sqrt((1 - self.p) / self.p), -np.sqrt(self.p / (1 - self.p))), (0.0, 0.0)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['statement']} {r['observable']}")
def test_reference_values(row):
    law = parse(row["statement"])
    if row["kind"] == "threshold":
        assert thresholds(law, row["along"])[row["observable"]] == pytest.approx(row["value"], rel=1e-8)
    else:
        assert float(law.limit()[row["observable"]]) == pytest.approx(row["value"], abs=1e-9)


def test_gaussian_entries_are_known_in_closed_form():
    """Symmetric: q = 1 - 1/snr. Rectangular: q = (alpha snr**2 - 1) / (snr (1 + alpha snr))."""
    for snr in (1.2, 3.0, 20.0):
        limit = SpikedMatrix(snr=snr, prior=Gaussian()).limit()
        assert float(limit.overlap) == pytest.approx(1 - 1 / snr, abs=1e-12)
        assert float(limit.overlap) == pytest.approx(float(limit.pca_overlap), abs=1e-12)
        for aspect in (0.3, 2.0):
            rectangular = SpikedMatrix(snr=snr, prior=Gaussian(), aspect=aspect).limit()
            q = max(aspect * snr**2 - 1, 0) / (snr * (1 + aspect * snr))
            assert float(rectangular.overlap) == pytest.approx(q, abs=1e-11)
            assert float(rectangular.pca_overlap) == pytest.approx(q, abs=1e-11)


def test_rows_and_columns_may_be_exchanged():
    """Y^T has aspect 1/alpha and snr alpha snr: the same matrix, and the same error."""
    law = SpikedMatrix(snr=0.9, prior=SparseRademacher(rho=0.1), aspect=2.0, rows=Rademacher())
    turned = SpikedMatrix(snr=1.8, prior=Rademacher(), aspect=0.5, rows=SparseRademacher(rho=0.1))
    assert float(law.limit().mse) == pytest.approx(float(turned.limit().mse), abs=1e-10)
    assert float(law.limit().mse) < 0.99


def test_the_scale_of_the_prior_is_one_of_the_snr():
    """GaussBernoulli has second moment rho: everything starts at snr rho**2 = 1."""
    law = SpikedMatrix(prior=GaussBernoulli(rho=0.5), snr=6.0)
    assert thresholds(law, "snr")["weak_recovery"] == pytest.approx(4, rel=1e-6)
    assert float(law.limit().pca_overlap) == pytest.approx(1 - 1 / 1.5, abs=1e-12)
    assert 0 < float(law.limit().mse) < 0.25 - float(law.limit().overlap) ** 2 + 1e-12


def test_no_estimate_is_better_than_that_of_the_posterior():
    for prior in (Rademacher(), SparseRademacher(rho=0.3), Laplace()):
        limit = sweep(SpikedMatrix(prior=prior), snr=(1.3, 2.0, 4.0)).limit()
        assert (limit.overlap > limit.pca_overlap).all()


def test_the_fixed_points_are_stationary_points_of_the_free_entropy():
    """d phi / d snr = q**2 / 4 along each branch."""
    law, h = SpikedMatrix(snr=0.5, prior=SparseRademacher(rho=0.02)), 1e-5
    middle = law.fixed_points()
    assert [p.stable for p in middle] == [True, False, True]
    up, down = law.replace(snr=0.5 + h).fixed_points(), law.replace(snr=0.5 - h).fixed_points()
    for here, above, below in zip(middle, up, down, strict=True):
        slope = (above.free_entropy - below.free_entropy) / (2 * h)
        assert slope == pytest.approx(here.overlap**2 / 4, abs=1e-8)


def test_two_groups_of_unequal_size_are_tricritical():
    """p = (1 - 1/sqrt 3)/2: the transition at snr 1 is continuous above, and has a hard phase below."""
    tricritical = (1 - 3**-0.5) / 2
    above = thresholds(SpikedMatrix(prior=TwoGroups(p=tricritical + 0.01)), "snr")
    assert set(above) == {"weak_recovery"} and above["weak_recovery"] == pytest.approx(1, abs=1e-6)
    below = thresholds(SpikedMatrix(prior=TwoGroups(p=tricritical - 0.08)), "snr")
    assert below["informative_spinodal"] < below["information_theoretic"] < 1 - 1e-5
    curves = [SpikedMatrix(prior=TwoGroups(p=tricritical + s), snr=1.0).fixed_points() for s in (1e-3, -1e-3)]
    assert len(curves[0]) == 1 and len(curves[1]) > 1


def test_the_hard_phase_is_said():
    law = SpikedMatrix(snr=0.6, prior=SparseRademacher(rho=0.02))
    assert "hard phase" in law.valid() and law.replace(start="informative").valid() is None
    assert "metastable" in law.replace(snr=0.38, start="informative").valid()
    assert law.replace(snr=0.38).valid() is None
    assert "close to the transition" in SpikedMatrix(snr=1.02).valid()


def test_bad_statements_are_refused():
    with pytest.raises(StatementError, match="`aspect`"):
        SpikedMatrix(rows=Rademacher()).limit()
    with pytest.raises(StatementError, match="`snr`"):
        SpikedMatrix(snr=0.0)
    with pytest.raises(StatementError, match="`start`"):
        SpikedMatrix(start="informed")


AGREES = [
    SpikedMatrix(snr=6.0, prior=Laplace()),
    SpikedMatrix(snr=4.0, prior=TwoGroups(p=0.3)),
    SpikedMatrix(snr=5.0, aspect=0.5, rows=Gaussian()),
    SpikedMatrix(snr=3.0, prior=SparseRademacher(rho=0.5), aspect=3.0, rows=Rademacher(), start="informative"),
]


@pytest.mark.parametrize("law", AGREES, ids=lambda law: law.short())
def test_finite_matrices_agree(law):
    confrontation = confront(law, sizes=(150, 300), seeds=30)
    assert confrontation.verdict != "disagrees", confrontation


def test_a_wrong_limit_is_refuted():
    """The error of a vector in place of the matrix's; an overlap that is not squared."""
    law = SpikedMatrix(snr=2.0)
    limit, experiment = law.limit(), law.experiment((100, 200, 400), 60)
    wrong = limit.assign(mse=1 - limit.overlap, pca_overlap=np.sqrt(limit.pca_overlap))
    confrontation = confront(law, experiment, wrong)
    assert confrontation["mse"].verdict == confrontation["pca_overlap"].verdict == "disagrees"
    assert confrontation["overlap"].verdict != "disagrees"
