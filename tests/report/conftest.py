"""Small laws with exact limits, and confrontations of each shape that a report must hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from asymptopia.contract.batching import generator
from asymptopia.contract.law import Landmark, Law, Observable
from asymptopia.contract.record import Record, field
from asymptopia.contract.sweep import sweep
from asymptopia.report import Curve, Measured, Section, Table, curve_figure, write_report
from asymptopia.verdict.confront import confront


class Noise(Record):
    """A family of parts: how the noise of `Mean` is distributed."""


class Gauss(Noise):
    """Standard normal noise."""


class Coin(Noise):
    """Signs, each with probability one half."""

    price: str = field("$5 < $6", "a text with characters that mean something elsewhere")


class Mean(Law):
    r"""The mean of n noisy copies of a shifted signal, squared.

    Each copy is $y_i = \mu + \sigma \xi_i$ with independent $\xi_i$ of unit variance. As $n \to \infty$

        \overline{y}^2 \to \mu^2, \qquad n \, \mathrm{Var}(\overline{y}) \to \sigma^2,

    and the correction to the first is `sigma**2 / n`:

        mean(y)**2 = mu**2 + sigma**2 / n

    - the noise may be `Gauss` or `Coin`;
    - nothing else is assumed.
    """

    mu: float = field(0.5, "signal", unit="V")
    sigma: float = field(1.0, "standard deviation of the noise", above=0)
    noise: Noise = field(Gauss(), "distribution of the noise")
    offset: float = field(0.0, "an error put into the prediction, to be found out")

    size = "copies"
    sizes = (50, 100, 200, 400)
    seeds = 24
    source = "Laplace, Theorie analytique (1812), chapter 4"
    bibtex = (
        "@book{laplace1812,\n  author = {Laplace, P.-S.},\n  title = {Th{\\'e}orie analytique},\n  year = {1812}\n}"
    )
    status = "proved"
    landmarks = (Landmark({"mu": 1.0}, "square", 1.0, 1e-12, "by hand"),)
    observables = {
        "square": Observable(r"\overline{y}^2", "squared mean", unit="V^2", scale=1.0, resolution=0.1),
        "mean": Observable(r"\bar y", "mean of the copies", scale=1.0),
        "fluctuation": Observable(r"n\,\mathrm{Var}(\bar y)", "variance of the mean, times n", fluctuation_of="mean"),
    }

    def predict(self) -> dict[str, Any]:
        return {"square": self.mu**2 + self.offset, "mean": self.mu, "fluctuation": self.sigma**2}

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        rng = generator(key)
        noise = rng.normal(size=n) if isinstance(self.noise, Gauss) else rng.choice((-1.0, 1.0), n)
        mean = self.mu + self.sigma * noise.mean()
        return {"square": mean**2, "mean": mean}

    def valid(self) -> str | None:
        return "the signal is hidden by the noise" if self.sigma > 2 else None


class Histogram(Law):
    """The density of a uniform variable, in ten bins."""

    sizes = (100, 400)
    seeds = 12
    width: float = field(1.0, "width of the interval", above=0)
    observables = {
        "density": Observable(r"\rho(x)", "density of the samples", dims=("x",), resolution=0.1),
        "largest": Observable(r"x_{\max}", "largest sample", bound="every"),
        "spread": Observable("s", "standard deviation of the bins' frequencies"),
        "rate": Observable("b", "how the spread falls", exponent_of="spread", resolution=0.1),
    }

    def coords(self) -> dict[str, Any]:
        return {"x": (np.arange(10) + 0.5) / 10}

    def predict(self) -> dict[str, Any]:
        return {"density": np.ones(10) / self.width, "largest": self.width, "spread": 0.0, "rate": -0.5}

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        x = generator(key).uniform(0, self.width, n)
        counts = np.histogram(x, 10, (0, self.width))[0] / n
        return {"density": counts * 10 / self.width, "largest": x.max(), "spread": counts.std()}


class Narrow(Mean):
    """One observable, to be swept along two fields."""

    observables = {"square": Mean.observables["square"], "mean": replace(Mean.observables["mean"], limit_only=True)}

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        return {"square": super().realize(n, key)["square"]}

    def predict(self) -> dict[str, Any]:
        return {"square": self.mu**2, "mean": self.mu}


class Broken(Mean):
    """Fails to give a number in some realisations, and says <b>nothing</b> about it."""

    observables = {"square": Mean.observables["square"], "mean": Mean.observables["mean"]}

    def predict(self) -> dict[str, Any]:
        return {"square": self.mu**2, "mean": self.mu}

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        realisation = super().realize(n, key)
        return realisation | ({"square": np.nan} if self.mu > 1 else {})


def hostile_law() -> type[Law]:
    """A law whose name, words and symbols try to become markup."""

    class Hostile(Mean):
        """<script>alert('docstring')</script> & <img src=x onerror=alert(1)>, "quoted", costs $5."""

        note: str = field("</script><script>alert('field')</script>", "<i>meaning</i>", unit="<u>")
        source = "<script>alert('source')</script>"
        bibtex = "@misc{x, note = {</pre><script>alert('bibtex')</script>}}"
        observables = {
            "square": Observable("</span><script>x</script>", "<script>alert('doc')</script> of $y", unit="<b>"),
            "mean": Observable(r"\undefinedmacro{y}", "mean"),
        }

        def predict(self) -> dict[str, Any]:
            return {"square": self.mu**2, "mean": self.mu}

    Hostile.__name__ = Hostile.__qualname__ = "<script>alert('name')</script>"
    return Hostile


def many_law(count: int) -> type[Law]:
    """A law with `count` observables, all alike."""

    class Many(Law):
        """Many means at once."""

        mu: float = field(0.5, "signal")
        sizes = (50, 100)
        seeds = 8
        observables = {f"mean_{k}": Observable(f"y_{{{k}}}", f"mean number {k}", scale=1.0) for k in range(count)}

        def predict(self) -> dict[str, Any]:
            return {name: self.mu for name in self.observables}

        def realize(self, n: int, key: Any) -> dict[str, Any]:
            return dict(
                zip(self.observables, self.mu + generator(key).normal(size=(count, n)).mean(axis=1), strict=True)
            )

    return Many


PROVENANCE = {
    "command": "asymptopia run studies/demo.toml " + "x" * 300,
    "asymptopia": "0.1.0",
    "time": "2026-01-01 12:00 UTC",
    "versions": {"numpy": "2.1"},
    "machine": "<b>x86</b>",
    "seeds": [0, 1, 2],
}


def forecast_section() -> Section:
    """What a forecast adds to a page: text, a table and a chart of its own."""
    n = np.array([50.0, 100, 200, 400])
    curves = []
    for ridge in (0.1, 1.0):
        measured = Measured("measured", n, ridge / n, 0.1 / n)
        curves.append(Curve(rf"$\lambda = {ridge}$", n, ridge / n, None, (measured,), n, np.zeros(4), np.full(4, 3.0)))
    chart = curve_figure(curves, name="learning", title="Test error", xlabel="samples $n$", ylabel="error")
    table = Table(["samples", "best ridge"], [["100", "0.1"], ["200", "<u>0.05</u>"]], "Best $\\lambda$")
    formula = "\\begin{aligned}\n    a &= b \\\\\n    c &= \\int_0^1 f\n    \\end{aligned}"
    body = f"How many?\n\n- about `300`.\n\n    {formula}\n\nend"
    return Section("Forecast <digits>", body, [table], [chart], "agrees")


@pytest.fixture(scope="session")
def reported(shapes: SimpleNamespace) -> list[Any]:
    """What the page of the tests is about."""
    return [shapes.single, shapes.wrong, shapes.narrow, shapes.array, shapes.broken, shapes.hostile]


@pytest.fixture(scope="session")
def report(reported: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with every kind of figure."""
    return write_report(
        tmp_path_factory.mktemp("report") / "report.html",
        reported,
        title="Laws & <script>alert(1)</script>",
        provenance=PROVENANCE,
        extra_sections=[forecast_section()],
        downloads=["a b.nc"],
    )


@pytest.fixture(scope="session")
def laws() -> SimpleNamespace:
    """The laws themselves."""
    return SimpleNamespace(Mean=Mean, Histogram=Histogram, Broken=Broken, many=many_law, hostile=hostile_law)


@pytest.fixture(scope="session")
def shapes() -> SimpleNamespace:
    """Confrontations of every shape."""
    return SimpleNamespace(
        single=confront(Mean()),
        wrong=confront(Mean(offset=0.5), seeds=200),
        swept=confront(sweep(Mean(), mu=(0.25, 0.5, 1.0, 2.0, 4.0))),
        narrow=confront(sweep(Narrow(), mu=(0.5, 1.0, 2.0), noise=(Gauss(), Coin())), sizes=(50, 100, 200), seeds=12),
        parts=confront(sweep(Mean(), mu=(0.5, 1.0, 2.0), noise=(Gauss(), Coin()))),
        grid=confront(sweep(Mean(), mu=(0.5, 1.0, 2.0, 4.0), sigma=(0.5, 1.0, 1.5))),
        array=confront(sweep(Histogram(), width=(1.0, 2.0)), sizes=(100, 200, 400)),
        array_single=confront(Histogram(), sizes=(100, 200, 400)),
        one_size=confront(Mean(), sizes=(200,)),
        broken=confront(sweep(Broken(), mu=(0.5, 1.0, 2.0))),
        hostile=confront(hostile_law()()),
        longer=confront(sweep(Mean(), mu=tuple(np.linspace(1, 2, 16))), sizes=(20, 40), seeds=4),
        many=confront(many_law(40)(), sizes=(50,)),
    )
