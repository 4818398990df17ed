"""The verb that draws the Hessian spectrum of a user's model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..contract.record import StatementError, nearest
from ..contract.statement import load_file
from .output import number, only_json, say, show_table
from .phases import KINDS

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator

    from ..measure.overview import Spectrum
    from ..measure.random_matrix import CovarianceLaw


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output, nothing else.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The figure's file.")
@click.option("--population", metavar="NAME", help="The function that returns (variances, samples): the law of these.")
@click.option("--at", "at", default="parameters", show_default=True, help="The function that returns the parameters.")
@click.option("--count", default=3, show_default=True, type=click.IntRange(min=1), help="Extreme eigenvalues a side.")
@click.option("--probes", default=10, show_default=True, type=click.IntRange(min=2), help="Random vectors.")
@click.option("--order", default=80, show_default=True, type=click.IntRange(min=1), help="Products with each.")
@click.argument("model", metavar="FILE.py:LOSS")
def spectrum(
    model: str, count: int, probes: int, order: int, at: str, population: str | None, out: Path | None, as_json: bool
) -> None:
    """The Hessian spectrum of your own model.

    LOSS is a function of the parameters, written with JAX or PyTorch, in a file that also has a function without
    arguments that returns them, as any tree of JAX arrays or as a PyTorch module.

    \b
    Examples:
      asymptopia spectrum mymodel.py:loss --out spectrum.pdf
      asymptopia spectrum mymodel.py:loss --at trained --json
      asymptopia spectrum mymodel.py:loss --population features

    Up to 2,000 parameters all eigenvalues are computed, and nothing has an error; beyond, the density is seen through
    random probes, and the trace through about as many products as two of them take.

    With --population, NAME is a function of the file without arguments that returns the eigenvalues of the population's
    covariance, and the number of samples: is the spectrum that of a sample covariance matrix of this population?

    --json prints {"model", "size", "exact", "trace", "trace_error", "trace_interval", "smallest", "largest",
    "smallest_errors", "largest_errors", "grid", "density", "density_error", "density_low", "density_high",
    "marchenko_pastur", "p_value"}, and "population_p_value" with --population; errors are standard errors over the
    probes, intervals hold the truth in 95 % of repetitions, and an eigenvalue lies within its error. "p_value" is that
    of the law of Marchenko and Pastur, null where there is no such law to fit. Unless it is below 0.005,
    "marchenko_pastur" has "ratio" (dimensions per sample), "variance", "edges", "outliers", the "population" variance
    of each and "outlier_count", the least and the most.
    """
    from ..measure.overview import spectrum_of

    if out is not None and out.suffix.lower() not in KINDS:
        raise StatementError(f"--out must end in {', '.join(KINDS)}, but is {str(out)!r}.")
    operator = _hessian(model, at)
    with only_json(as_json) as printed:
        seen = spectrum_of(operator, count, probes, order, _population(model, population) if population else None)
        if out is not None and seen.density is not None:
            say(f"figure: {_drawn(seen, out)}")
        printed.append({"model": model} | _found(seen))
    if not as_json:
        show_table(("Hessian", model), _rows(seen))


def _population(model: str, name: str) -> tuple[Any, int]:
    """What the function of this name in the model's file returns."""
    function = named(model, also=name, role=" that returns (variances, samples)")[1]
    try:
        variances, samples = function()
    except Exception as error:
        raise StatementError(f"{name!r} must return (variances, samples): {type(error).__name__}: {error}") from error
    return variances, int(samples)


def _drawn(seen: Spectrum, out: Path) -> Path:
    """The figure, with the law that describes the spectrum."""
    from ..report.spectrum import save_spectrum

    density, law = seen.density, seen.law
    assert density is not None
    drawn = None
    if seen.population is not None and seen.of_population:
        drawn = density.smoothed(seen.population.density)
    elif law is not None and seen.described:
        drawn = density.smoothed(law.density)
    return save_spectrum(density.grid, density.value, (density.low, density.high), seen.values, out, drawn)


def _hessian(model: str, at: str) -> LinearOperator:
    """The operator of the Hessian of the loss that `FILE.py:LOSS` names."""
    from ..measure.functions import check_arguments
    from ..measure.operators import hessian

    loss, parameters = named(model, also=at, role=" that returns the parameters; `--at` names another one")
    check_arguments(parameters, "function of the parameters", 0, "no arguments")
    try:
        start = parameters()
    except Exception as error:
        raise StatementError(f"{at!r} fails: {type(error).__name__}: {error}") from error
    return hessian(loss, start)


def _found(seen: Spectrum) -> dict[str, Any]:
    half = len(seen.values) // 2
    plain: dict[str, Any] = {
        "size": seen.size, "exact": seen.exact,
        "trace": seen.trace.value, "trace_error": seen.trace.error, "trace_interval": [seen.trace.low, seen.trace.high],
        "smallest": seen.values[:half].tolist(), "largest": seen.values[half:].tolist(),
        "smallest_errors": seen.errors[:half].tolist(), "largest_errors": seen.errors[half:].tolist(),
    }  # fmt: skip
    if seen.density is not None:
        names = {"grid": "grid", "value": "density"} | {k: f"density_{k}" for k in ("error", "low", "high")}
        plain |= {name: getattr(seen.density, k).tolist() for k, name in names.items()}
    law = seen.law
    described = _described(law) if law is not None and seen.described else None
    measured = {} if seen.population is None else {"population_p_value": seen.population.p_value}
    return plain | {"marchenko_pastur": described, "p_value": None if law is None else law.p_value} | measured


def _rows(seen: Spectrum) -> list[list[str]]:
    half, law = len(seen.values) // 2, seen.law
    shown = [
        number(v, e if e > 1e-6 * abs(seen.values).max() else None)
        for v, e in zip(seen.values, seen.errors, strict=True)
    ]
    rows = [["parameters", str(seen.size)], ["trace", number(seen.trace.value, seen.trace.error or None)]]
    if not seen.exact:
        rows += [["95 % interval", f"{number(seen.trace.low)} to {number(seen.trace.high)}"]]
    rows += [["smallest", ", ".join(shown[:half])], ["largest", ", ".join(shown[half:])]]
    if seen.population is not None:
        said = "describes it" if seen.of_population else "refuted"
        rows += [["law of the population", f"{said}: p-value {seen.population.p_value:.2g}"]]
    if law is None:
        return rows
    if not seen.described:
        return [*rows, ["Marchenko-Pastur", f"refuted: p-value {law.p_value:.2g}"]]
    edges = " to ".join(map(number, law.edges()))
    least, most = law.outlier_count
    many = str(least) if least == most else f"{least} to {most}"
    return [
        *rows,
        ["Marchenko-Pastur", f"{number(law.ratio)} dimensions a sample, {edges}; p-value {law.p_value:.2g}"],
        ["outliers", many],
    ]


def _described(law: CovarianceLaw) -> dict[str, Any]:
    population = [float(v) if v == v else None for v in law.population]
    return {
        "ratio": law.ratio, "variance": law.variance, "edges": list(law.edges()),
        "outliers": law.outliers.tolist(), "population": population, "outlier_count": list(law.outlier_count),
    }  # fmt: skip


def named(model: str, form: str = "FILE.py:LOSS", also: str | None = None, role: str = "") -> Any:
    """The function that `FILE.py:NAME` names, or a pair of it and another of the same file, of which `role` says what
    it returns.
    """
    path, colon, name = model.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise StatementError(f"The model must be {form}, but is {model!r}.")
    names = load_file(path)
    for wanted, what in ((name, ""), (also, role)):
        if wanted is not None and wanted not in names:
            raise StatementError(f"{Path(path).name} defines no function {wanted!r}{what}.{nearest(wanted, names)}")
    return names[name] if also is None else (names[name], names[also])
