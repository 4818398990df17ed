"""Phase diagrams of a law whose phases are known in closed form, and of compressed sensing; their figure and verb."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from asymptopia import Law, field, thresholds
from asymptopia.cli import main
from asymptopia.contract.fields import holder, vary
from asymptopia.contract.phases import EASY, HARD, IMPOSSIBLE, phase_diagram
from asymptopia.contract.record import StatementError
from asymptopia.contract.transitions import FixedPoint
from asymptopia.laws.inference.bayes_optimal import BayesOptimal
from asymptopia.parts.channel import Linear
from asymptopia.parts.prior import GaussBernoulli
from asymptopia.report.phases import draw_phases, save_phases

SENSING = BayesOptimal(prior=GaussBernoulli(rho=0.2), channel=Linear())


class Landau(Law):
    """Stationary points of a m**2 + b m**4 - m**6, which equilibrium maximises, with a = x - 2, by the overlap m**2."""

    x: float = field(1.0, "temperature, in a way", above=0)
    b: float = field(1.0, "sign of the quartic term")
    part: GaussBernoulli = field(GaussBernoulli(), "a part that changes nothing")

    def fixed_points(self):
        a, solutions = self.x - 2, [(0.0, self.x <= 2)]
        root = self.b**2 + 3 * a
        for sign in (-1, 1) if root >= 0 else ():
            s = (self.b + sign * np.sqrt(root)) / 3
            if s > 0:
                solutions.append((s, sign > 0))
        return [FixedPoint({"overlap": s}, a * s + self.b * s**2 - s**3, stable) for s, stable in solutions]


@pytest.fixture(scope="module")
def landau():
    return phase_diagram(Landau(), x=("x", np.linspace(1.5, 2.2, 36)), y=("b", np.linspace(-1.0, 1.0, 21)))


def test_phases_of_a_landau_theory(landau):
    assert landau.phase.dims == ("b", "x")
    x, b = landau.x.values, landau.b.values[:, None]
    crossing = np.where(b > 0, 2 - b**2 / 4, 2.0)
    expected = np.where(x < crossing, IMPOSSIBLE, np.where(x < 2, HARD, EASY))
    clear = (np.abs(x - crossing) > 1e-9) & (np.abs(x - 2) > 1e-9)
    assert np.array_equal(landau.phase.values[clear], expected[clear])
    positive = landau.b > 0.05
    assert np.allclose(landau.information_theoretic[positive], 2 - landau.b[positive] ** 2 / 4, atol=1e-6)
    assert np.allclose(landau.informative_spinodal[positive], 2 - landau.b[positive] ** 2 / 3, atol=1e-6)
    assert np.allclose(landau.algorithmic[positive], 2, atol=1e-6)
    assert np.isnan(landau.information_theoretic[landau.b < -0.05]).all()
    assert np.allclose(landau.weak_recovery, 2, atol=1e-6)


def test_the_axes_may_be_exchanged(landau):
    other = phase_diagram(Landau(), x=("b", landau.b.values), y=("x", landau.x.values[::5]))
    assert np.array_equal(other.phase.values.T, landau.phase.values[:, ::5])


def test_thresholds_follow_from_fixed_points_alone():
    transitions = thresholds(Landau(), "x")
    assert transitions["information_theoretic"] == pytest.approx(2 - 1 / 4, rel=1e-8)
    assert thresholds(Landau(), "part.rho") == {}
    with pytest.raises(StatementError, match="no lower bound"):
        thresholds(Landau(), "b")
    with pytest.raises(StatementError, match="must be a real number to vary"):
        thresholds(Landau(), "part")


def test_fields_of_parts():
    assert vary(SENSING, "prior.rho", 0.4).prior == GaussBernoulli(rho=0.4)
    assert holder(SENSING, "prior.rho") == (SENSING.prior, "rho")
    for name, message in (("prior.ro", "no field 'ro'"), ("pior.rho", "no field 'pior'"), ("alpha.x", "no fields")):
        with pytest.raises(StatementError, match=message):
            holder(SENSING, name)


def test_compressed_sensing():
    """Perfect recovery is impossible below alpha = rho, and hard up to the transition of message passing."""
    diagram = phase_diagram(SENSING, x=("alpha", [0.1, 0.15, 0.25, 0.3, 0.5]), y=("prior.rho", [0.2, 0.4]))
    assert diagram.phase.values.tolist() == [[0, 0, 1, 1, 2], [0, 0, 0, 0, 1]]
    assert diagram.algorithmic.values[0] == pytest.approx(0.3554108, abs=1e-6)
    assert diagram.algorithmic.isnull().values.tolist() == [False, True]
    assert float(diagram.overlap[0, 4]) == pytest.approx(0.2) and float(diagram.best_overlap[0, 2]) == pytest.approx(
        0.2
    )


def test_what_is_no_diagram():
    for x, y, message in (
        (("alpha", [0.1]), ("prior.rho", [0.1, 0.2]), "at least two values"),
        (("alpha", [0.1, 0.2]), ("alpha", [0.1, 0.2]), "needs two fields"),
        (("alpha", [0.1, 0.2]), ("prior.rho", [0.1, 1.2]), "`rho`"),
    ):
        with pytest.raises(StatementError, match=message):
            phase_diagram(SENSING, x=x, y=y)


def test_the_figure_shows_regions_and_lines(landau):
    figure = draw_phases(landau, "a title")
    axes = figure.axes[0]
    assert {t.get_text() for t in axes.texts} == {"impossible", "hard", "easy"}
    labels = {line.get_label() for line in axes.get_lines()}
    assert {"algorithmic", "information theoretic", "weak recovery", "informative spinodal"} <= labels
    place = {t.get_text(): t.get_position() for t in axes.texts}
    b = place["hard"][1]
    assert 2 - b**2 / 4 < place["hard"][0] < 2 < place["easy"][0]


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_the_same_diagram_gives_the_same_bytes(landau, tmp_path, kind):
    one, two = (save_phases(landau, tmp_path / folder / f"a.{kind}") for folder in ("one", "two"))
    assert one.read_bytes() == two.read_bytes() and one.stat().st_size > 5000


SAID = ("phases", "BayesOptimal(prior=GaussBernoulli(), channel=Linear())", "--sweep", "alpha=0.1,0.3,0.5")


def test_the_verb(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    out = tmp_path / "cs.pdf"
    done = CliRunner().invoke(main, [*SAID, "--sweep", "prior.rho=0.2,0.4", "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["values"]["phase"] == [[0, 1, 2], [0, 0, 1]] and answer["dims"]["phase"] == ["prior.rho", "alpha"]
    assert answer["values"]["algorithmic"][1] is None and out.read_bytes().startswith(b"%PDF")
    table = CliRunner().invoke(main, [*SAID, "--sweep", "prior.rho=0.2,0.4"])
    assert "impossible, hard, easy" in table.output and "0.355411" in table.output


@pytest.mark.parametrize(
    "words, message",
    [
        (SAID, "needs --sweep twice"),
        ((*SAID, "--sweep", "prior.rh=1,2"), "no field 'rh'"),
        ((*SAID, "--sweep", "prior.rho=0.1,0.2", "--out", "a.jpg"), "--out must end in"),
        (("phases", "ERM()", "--sweep", "alpha=1,2", "--sweep", "ridge=1,2"), "does not give the fixed points"),
    ],
)
def test_bad_words(words, message):
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == 2 and message in done.output
