"""The command line: how wide a network must be for its limit to describe it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from ..contract.record import StatementError
from . import given
from .output import console, only_json, warn


@click.command()
@given.json_option
@click.option("--accuracy", type=float, default=0.05, show_default=True, help="Distance of outputs to the limit.")
@given.takes_statement
def width(statement: str, law: str | None, files: Sequence[str], accuracy: float, as_json: bool) -> None:
    """The width at which a two-layer network is described by its limit.

    The fewest neurons with which outputs lie within the accuracy of the mean-field limit, in the root mean square over
    networks, at every time and probe of the statement; from the central limit theorem.

    \b
    Examples:
      asymptopia width "TwoLayer(times=(0.5, 1.0))" --accuracy 0.02
      asymptopia width "TwoLayer(data=Table('FILE.csv', target='y'))"

    --json prints {"statement", "accuracy", "width"}.
    """
    from ..laws.mean_field.two_layer import TwoLayer
    from ..laws.mean_field.two_layer_fluctuations import TwoLayerFluctuations
    from ..theory.two_layer.width import required_width

    with only_json(as_json) as out:
        chosen = given.one_statement(statement, law, files)
        if not isinstance(chosen, TwoLayer | TwoLayerFluctuations):
            raise StatementError(f"STATEMENT must be a TwoLayer or TwoLayerFluctuations, but is {chosen!r}.")
        warn(chosen.warnings())
        neurons = required_width(chosen, accuracy)
        out.append({"statement": repr(chosen), "accuracy": accuracy, "width": neurons})
    if not as_json:
        console().print(f"{neurons} neurons bring outputs within {accuracy:g} of the limit")
