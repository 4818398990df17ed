"""The command line: `asymptopia VERB ...`. Thin: every verb calls what Python users call."""

from __future__ import annotations

from typing import Any

import click

from ..contract.record import StatementError
from . import atlas, checking, extrapolate, folders, judging, phases, running, scaling, spectrum, theory, width


class Refused(click.ClickException):
    """Bad input: one readable message, exit status 2."""

    exit_code = 2


class Verbs(click.Group):
    """The verbs; what they refuse is a message, and an interruption is exit status 130."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except StatementError as error:
            raise Refused(str(error)) from None
        except KeyboardInterrupt as stop:
            click.echo("stopped", err=True)
            ctx.exit(128 + getattr(stop, "signal", 2))
        except RecursionError:
            raise Refused("What was given is nested too deeply.") from None
        except (ZeroDivisionError, OverflowError):
            raise
        except ArithmeticError as error:
            raise click.ClickException(f"The theory could not be computed: {type(error).__name__}: {error}") from None
        except RuntimeError as error:
            from ..engine import EngineError

            if isinstance(error, EngineError):
                raise click.ClickException(str(error)) from None
            raise


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="asymptopia")
def main() -> None:
    """State a learning problem once; compute its limit, run it at finite size, and confront the two.

    A statement is a law with its fields, as in "ERM(alpha=2.0, loss=Logistic(), ridge=0.01)"; what is left out takes
    its default, and a part without parentheses stands for its defaults (loss=Logistic). A range is 1,2,4,
    start:stop:count or log:start:stop:count.

    \b
    First steps:
      asymptopia list
      asymptopia show ERM
      asymptopia limit "ERM(loss=Logistic())" --sweep alpha=0.5:8:16
      asymptopia run "CurieWeiss(beta=0.5)"
      asymptopia forecast digits --target odd
      asymptopia extrapolate runs.csv --x flops --y loss --at 1e22

    Laws, losses and functions of your own: name the file (asymptopia run mylaw.py), or make it known with
    --with mylaw.py and use its names in a statement.

    \b
    Exit status: 0 done, 1 a failed cell (or, with --strict, a refuted law), 2 bad input, 130 interrupted.
    """


for _verb in (
    theory.list_laws, theory.show, theory.limit, theory.thresholds, phases.phases, width.width, atlas.atlas,
    spectrum.spectrum, scaling.scale,
    running.run, checking.check, judging.judge, running.forecast, extrapolate.extrapolate, running.slurm,
    folders.report, folders.status, folders.diff, folders.export, folders.doctor,
):  # fmt: skip
    main.add_command(_verb)

__all__ = ["main"]
