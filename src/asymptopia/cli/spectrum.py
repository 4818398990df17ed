"""The verb that draws the Hessian spectrum of a user's model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..contract.record import StatementError, nearest
from ..contract.statement import load_file
from .output import number, only_json, say, show_table
from .phases import KINDS

if TYPE_CHECKING:
    from ..measure.random_matrix import CovarianceLaw


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output, nothing else.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The figure's file.")
@click.option("--at", "at", default="parameters", show_default=True, help="The function that returns the parameters.")
@click.option("--count", default=3, show_default=True, type=click.IntRange(min=1), help="Extreme eigenvalues a side.")
@click.option("--probes", default=10, show_default=True, type=click.IntRange(min=2), help="Random vectors.")
@click.option("--order", default=80, show_default=True, type=click.IntRange(min=1), help="Products with each.")
@click.argument("model", metavar="FILE.py:LOSS")
def spectrum(model: str, count: int, probes: int, order: int, at: str, out: Path | None, as_json: bool) -> None:
    """The Hessian spectrum of your own model.

    LOSS is a function of the parameters, written with JAX, in a file that also has a function without arguments that
    returns them, as any tree of arrays.

    \b
    Examples:
      asymptopia spectrum mymodel.py:loss --out spectrum.pdf
      asymptopia spectrum mymodel.py:loss --at trained --json

    --json prints {"model", "size", "trace", "trace_error", "trace_interval", "smallest", "largest", "grid", "density",
    "density_error", "density_low", "density_high", "marchenko_pastur"}; errors are standard errors over the probes,
    intervals hold the truth in 95 % of repetitions. Where the spectrum is that of a sample covariance matrix the last
    has "ratio" (dimensions per sample), "variance", "edges", "outliers" and the "population" variance of each; else it
    is null.
    """
    from ..measure.operators import hessian
    from ..measure.random_matrix import covariance_law
    from ..measure.spectra import extremes, quadrature

    if out is not None and out.suffix.lower() not in KINDS:
        raise StatementError(f"--out must end in {', '.join(KINDS)}, but is {str(out)!r}.")
    loss, parameters = _named(model, at)
    with only_json(as_json) as printed:
        operator = hessian(loss, parameters())
        size = operator.shape[0]
        count = min(count, max(1, size // 2))
        seen = quadrature(operator, probes, order)
        values = extremes(operator, count)[0]
        trace, trace_error = seen.trace()
        low, high = seen.trace_interval()
        flat = values[-1] - values[0] <= 1e-12 * max(abs(values[0]), abs(values[-1]))
        density = None if flat else seen.density()
        law = None if density is None else covariance_law(seen, values[count:])
        if out is not None and density is not None:
            from ..report.spectrum import save_spectrum

            drawn = None if law is None else density.smoothed(law.density)
            figure = save_spectrum(density.grid, density.value, (density.low, density.high), values, out, drawn)
            say(f"figure: {figure}")
        found: dict[str, Any] = {
            "model": model, "size": size, "trace": trace, "trace_error": trace_error,
            "trace_interval": [low, high],
            "smallest": values[:count].tolist(), "largest": values[count:].tolist(),
        }  # fmt: skip
        curves = ("grid", "value", "error", "low", "high") if density is not None else ()
        names = {"grid": "grid", "value": "density"} | {k: f"density_{k}" for k in ("error", "low", "high")}
        found |= {names[k]: getattr(density, k).tolist() for k in curves}
        printed.append(found | {"marchenko_pastur": _described(law)})
    if not as_json:
        rows = [["parameters", str(size)], ["trace", number(trace, trace_error)]]
        rows += [["95 % interval", f"{number(low)} to {number(high)}"]]
        rows += [
            ["smallest", ", ".join(map(number, values[:count]))],
            ["largest", ", ".join(map(number, values[count:]))],
        ]
        if law is not None:
            edges = " to ".join(map(number, law.edges()))
            rows += [["Marchenko-Pastur", f"{number(law.ratio)} dimensions a sample, {edges}"]]
        show_table(("Hessian", model), rows)


def _described(law: CovarianceLaw | None) -> dict[str, Any] | None:
    if law is None:
        return None
    population = [float(v) if v == v else None for v in law.population]
    return {
        "ratio": law.ratio, "variance": law.variance, "edges": list(law.edges()),
        "outliers": law.outliers.tolist(), "population": population,
    }  # fmt: skip


def _named(model: str, at: str) -> tuple[Callable[[Any], Any], Callable[[], Any]]:
    """The loss and the function that returns the parameters, from `FILE.py:LOSS`."""
    path, colon, name = model.rpartition(":")
    if not colon or not path.endswith(".py"):
        raise StatementError(f"The model must be FILE.py:LOSS, but is {model!r}.")
    names = load_file(path)
    for wanted in (name, at):
        if wanted not in names:
            raise StatementError(f"{Path(path).name} defines no function {wanted!r}.{nearest(wanted, names)}")
    return names[name], names[at]
