"""The verb that says what width or depth does to a training step of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ..contract.record import StatementError
from . import given
from .output import only_json, say, show_table
from .spectrum import named

if TYPE_CHECKING:
    from ..scale import Exponent, Row, Scale, Transfer


@click.command()
@given.json_option
@click.option(
    "--rates", type=given.Numbers(), help="Learning rates: does the best one transfer? Takes a third argument."
)
@click.option("--level", default=0.95, show_default=True, type=float, help="Probability that all intervals hold.")
@click.option(
    "--steps", default=None, type=click.IntRange(min=1), help="Training steps.  [default: 4; with --rates 50]"
)
@click.option("--seeds", default=4, show_default=True, type=click.IntRange(min=2), help="Runs at each size.")
@click.option("--depths", type=given.WholeNumbers(), help="Depths, instead of widths.")
@click.option("--widths", type=given.WholeNumbers(), help="Widths, at least three.")
@click.argument("step", metavar="FILE.py:STEP")
def scale(
    step: str, widths: tuple[int, ...] | None, depths: tuple[int, ...] | None, seeds: int, steps: int | None,
    level: float, rates: tuple[float, ...] | None, as_json: bool,
) -> None:  # fmt: skip
    """What grows, stays or vanishes with width in your own training step.

    STEP is a function of (size, seed) that returns (model, optimiser, loss): a PyTorch module, its optimiser and a
    function of the module; or a tree of JAX parameters, an optax transformation and a function of the parameters. The
    loss is of one fixed batch. With --rates it takes the rate as a third argument.

    Each quantity of each layer has its exponent in the size, with an interval, and a verdict. Judged are three gains of
    each layer, that of what enters, of its first change, and of the first change of the weights, and scores of
    attention; what breaks the limit is named with what would mend it.

    \b
    Examples:
      asymptopia scale mymodel.py:step --widths 64,128,256,512
      asymptopia scale mymodel.py:step --depths 4,8,16,32 --seeds 8
      asymptopia scale mymodel.py:step --widths 64,128,256 --rates 0.001,0.003,0.01,0.03,0.1

    --json prints {"step", "along", "sizes", "seeds", "level", "degree", "rows", "faults", "undecided", "unseen",
    "underived"}, a row being {"layer", "quantity", "exponent", "interval", "verdict", "expected", "mend", "derived"};
    with --rates {"step", "sizes", "rates", "best", "losses", "exponent", "interval", "verdict"}. "derived" is the
    exponent that the limit has by the step's code, null where "underived" says why, or where it could not be made sure.
    """
    from ..scale import scale as examine
    from ..scale import transfer

    if (widths is None) == (depths is None):
        raise StatementError("Give either --widths or --depths, such as --widths 64,128,256,512.")
    sizes, along = widths or depths or (), "width" if widths is not None else "depth"
    function = named(step, "FILE.py:STEP")
    with only_json(as_json) as printed:
        result = (
            transfer(function, sizes, rates, seeds, steps or 50, level)
            if rates
            else examine(function, sizes, along, seeds, steps or 4, level)
        )
        printed.append({"step": step, "along": along} | _plain(result))
    if not as_json:
        _show(step, result)


def _plain(result: Scale | Transfer) -> dict[str, Any]:
    from ..scale import Scale

    if not isinstance(result, Scale):
        return {
            "sizes": result.sizes, "rates": result.rates, "best": result.best, "losses": result.losses,
            **_exponent(result.exponent),
        }  # fmt: skip
    rows = {id(row): _row(row) for row in result.rows}
    return {
        "sizes": result.sizes, "seeds": result.seeds, "level": result.level, "degree": result.degree,
        "rows": list(rows.values()), "faults": [rows[id(row)] for row in result.faults],
        "undecided": [rows[id(row)] for row in result.undecided], "unseen": result.unseen,
        "underived": result.underived,
    }  # fmt: skip


def _row(row: Row) -> dict[str, Any]:
    said = {name: getattr(row, name) for name in ("layer", "quantity", "expected", "mend", "derived")}
    return said | _exponent(row.exponent)


def _exponent(e: Exponent) -> dict[str, Any]:
    return {"exponent": e.value, "interval": [e.low, e.high], "verdict": e.verdict}


def _show(step: str, result: Scale | Transfer) -> None:
    from ..scale import Scale

    if not isinstance(result, Scale):
        rows = [[str(n), ", ".join(f"{rate:.3g}" for rate in result.best[:, k])] for k, n in enumerate(result.sizes)]
        show_table(("size", "best rate, by seed"), rows, step, right=("size",))
        say(f"the best rate goes as size**{_interval(result.exponent)}: {result.exponent.verdict}")
        return
    rows = []
    for row in result.rows:
        derived = "" if row.derived is None else f"{row.derived:+g}"
        judged = "judged" if row.expected else ""
        rows.append([row.layer, row.quantity, _interval(row.exponent), derived, row.verdict, judged])
    show_table(("layer", "quantity", "exponent", "derived", "verdict", ""), rows, step)
    for row in result.faults:
        say(f"{row.layer} breaks the limit, by its {row.quantity}: {row.mend} would mend it")
    for row in result.undecided:
        needed = f"not decided at the level {result.level:g}; more seeds, or larger sizes, would"
        say(f"{row.layer}, {row.quantity}: {needed}")
    if result.underived:
        say(f"no exponents are derived: {result.underived}")
    if result.unseen:
        say(f"not seen at work, so not judged: {', '.join(result.unseen)}")
    if not result.faults and not result.undecided:
        say(f"sound: every judged exponent is as it must be, at the level {result.level:g}")


def _interval(e: Exponent) -> str:
    return "-" if e.value != e.value else f"{e.value:+.2f} ({e.low:+.2f} to {e.high:+.2f})"
