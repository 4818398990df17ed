"""The verb forecast: learning curves of a user's data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..contract.record import StatementError
from . import given
from .output import only_json
from .performing import finish, guard, performed
from .verdicts import done_json

if TYPE_CHECKING:
    from ..study import Study


@click.command()
@given.json_option
@given.runs
@click.option("--with", "files", multiple=True, metavar="FILE.py", help=given.WITH_HELP)
@click.option(
    "--level", type=float, default=0.01, show_default=True, metavar="P", help="Chance of refuting a true theory."
)
@click.option("--resolution", type=float, metavar="X", help="The discrepancy to resolve, relative to the scale.")
@click.option("--errors", type=given.Numbers(), help="Test errors for which the number of samples is wanted.")
@click.option("--seeds", type=int, metavar="N", help="Random subsets of each size.")
@click.option("--samples", type=given.WholeNumbers(), help="Numbers of training samples; by default eight.")
@click.option(
    "--ridge", default="auto", show_default=True, metavar="auto|VALUE", help="The ridge; auto is the best at each size."
)
@click.option(
    "--features",
    default="none",
    show_default=True,
    metavar="none|NAME:P|ntk:DEPTH|kernel:FILE.py:NET",
    help="P random features of an activation, as in relu:2000; the tangent kernel of a deep network, as in ntk:3, or "
    "that of your own, as the verb `kernels` takes it; or another kernel, as in kernel:RBF.",
)
@click.option("--no-header", "headless", is_flag=True, help="The first row is data; columns are x1, x2, ...")
@click.option("--encoding", metavar="NAME", help="Encoding of a text file, as latin-1.  [default: UTF-8]")
@click.option(
    "--missing", type=click.Choice(["drop", "median"]), help="Leave out rows with missing values, or fill them."
)
@click.option("--only", multiple=True, metavar="COLUMN", help="An input to keep; repeat. By default all columns.")
@click.option("--drop", multiple=True, metavar="COLUMN", help="A column to leave out; repeat.")
@click.option(
    "--task",
    type=click.Choice(["regression", "classification"]),
    help="What kind of target it is, if not seen.",
)
@click.option(
    "--loss",
    metavar="LOSS",
    help='Default: "Logistic()" for two classes, "Softmax()" for several, "Square()" for numbers.',
)
@click.option("--target", metavar="NAME", help='What to predict: a column, or "column=value" for one class.')
@click.argument("data", metavar="DATA")
def forecast(data: str, out: Path | None, as_json: bool, **options: Any) -> None:
    """Learning curves of your data.

    Predicted by theory, and measured by training on many random subsets.

    DATA is digits, breast_cancer, wine, diabetes, patches, or a file: CSV, NPZ, Parquet or JSON lines. Says also how
    many samples a test error takes, which ridge is best at each size, and whether the theory holds for these data.

    \b
    Examples:
      asymptopia forecast digits --target odd --loss "Logistic()"
      asymptopia forecast mine.csv --target price --features relu:2000
      asymptopia forecast mine.csv --target price --drop id --missing median
      asymptopia forecast digits --loss "Square()" --features ntk:3
      asymptopia forecast breast_cancer --features kernel:mymodel.py:net
      asymptopia forecast mine.csv --target kind=cat --ridge 0.1 --errors 0.1,0.05
      asymptopia forecast wine --target cultivar
    """
    from ..tables import name_of

    guard(options.pop("cell_timeout"))
    machine = {k: options.pop(k) for k in ("jobs", "scheduler", "retry_failed")}
    with only_json(as_json) as printed:
        study = _forecast(data, **options)
        slug = "forecast-" + name_of(data)
        done = performed(study, out or Path("results") / f"{slug}-{study.mark}", shard=None, **machine)
        printed.append(done_json(study, done))
    finish(study, done, as_json, strict=False, shard=None)


def _forecast(
    data: str,
    target: str | None,
    loss: str | None,
    features: str,
    ridge: str,
    samples: tuple[int, ...] | None,
    seeds: int | None,
    errors: tuple[float, ...] | None,
    level: float,
    resolution: float | None,
    files: Sequence[str],
    task: str | None,
    drop: Sequence[str],
    only: Sequence[str],
    missing: str | None,
    encoding: str | None,
    headless: bool,
) -> Study:
    from ..study import as_toml
    from ..study.schema import checked

    try:
        amount: float | str = ridge if ridge == "auto" else float(ridge)
    except ValueError:
        raise StatementError(f'`ridge` must be "auto" or a number > 0, but is {ridge!r}.') from None
    features, files = _own_kernel(features, files)
    entry = {
        "kind": "forecast", "data": data, "target": target, "loss": loss, "features": features, "ridge": amount,
        "samples": samples, "seeds": seeds, "errors": errors, "level": level, "resolution": resolution, "task": task,
        "drop": drop or None, "only": only or None, "missing": missing, "encoding": encoding,
        "header": False if headless else None,
    }  # fmt: skip
    return checked(as_toml(f"Forecast of {data}", [entry], files), Path("the forecast"), base=Path.cwd())


def _own_kernel(features: str, files: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Features such as `kernel:FILE.py:NET` as those of a function's name, and its file among the others."""
    from .spectrum import named

    asked = features.removeprefix("kernel:")
    if asked == features or ".py" not in asked.partition("(")[0]:
        return features, files
    path, _, network = asked.rpartition(":")
    if not path.endswith(".py"):
        raise StatementError(
            "`--features` must be kernel:FILE.py:NET, where NET is a function of the file that the verb `kernels` "
            f"takes, but is {features!r}."
        )
    named(asked)
    return f"kernel:{network}", [*files, path]
