"""The command line: `asymptopia VERB ...`. Thin: every verb calls what Python users call."""

from __future__ import annotations

import errno
import importlib
import sys
from typing import Any

import click

VERBS = {
    "list": "catalogue", "show": "showing", "limit": "theory", "thresholds": "theory", "phases": "phases",
    "width": "width", "atlas": "atlas", "spectrum": "spectrum", "scale": "scaling", "kernels": "kernels",
    "run": "running", "check": "checking", "judge": "judging", "forecast": "forecasting",
    "extrapolate": "extrapolate", "slurm": "running", "report": "folders", "status": "folders", "diff": "folders",
    "export": "folders", "doctor": "folders",
}  # fmt: skip
"""Each verb and its module, which is loaded when the verb is asked for."""
LONGEST = 60  # characters of a name that a message repeats


class Refused(click.ClickException):
    """Bad input: one readable message, exit status 2."""

    exit_code = 2


class Verbs(click.Group):
    """The verbs; what they refuse is a message, and an interruption is exit status 130."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"{__name__}.{VERBS[cmd_name]}")
        return getattr(module, "list_laws" if cmd_name == "list" else cmd_name)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        from ..contract.refusal import nearest

        if args and args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(f"There is no command {args[0]!r}.{nearest(args[0], VERBS)}")
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Do what is asked; threads that a law left behind do not hold the process at its end."""
        try:
            return super().main(*args, **kwargs)
        except SystemExit as end:
            watch = sys.modules.get("asymptopia.engine.watch")
            if watch is not None and watch.guarded():
                watch.leave(end.code)
            raise

    def invoke(self, ctx: click.Context) -> Any:
        from ..contract.refusal import StatementError

        try:
            return super().invoke(ctx)
        except StatementError as error:
            raise Refused(str(error)) from None
        except KeyboardInterrupt as stop:
            click.echo("stopped", err=True)
            ctx.exit(128 + getattr(stop, "signal", 2))
        except RecursionError:
            raise Refused("What was given is nested too deeply.") from None
        except UnicodeEncodeError as error:
            raise Refused(f"{error.object[error.start : error.end]!r} in a name is not text in UTF-8.") from None
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise Refused(f"{_shortened(error.filename)} is too long for the name of a file or folder.") from None
        except (ZeroDivisionError, OverflowError):
            raise
        except ArithmeticError as error:
            raise click.ClickException(f"The theory could not be computed: {type(error).__name__}: {error}") from None
        except RuntimeError as error:
            from ..engine import EngineError

            if isinstance(error, EngineError):
                raise click.ClickException(str(error)) from None
            raise


def _shortened(name: object) -> str:
    text = repr(name)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


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

    \b
    Completion of verbs and laws with the Tab key, in ~/.bashrc (zsh: zsh_source in ~/.zshrc; fish: fish_source):
      eval "$(_ASYMPTOPIA_COMPLETE=bash_source asymptopia)"

    Laws, losses and functions of your own: name the file (asymptopia run mylaw.py), or make it known with
    --with mylaw.py and use its names in a statement.

    \b
    Exit status: 0 done, 1 a failed cell (or, with --strict, a refuted law), 2 bad input, 130 interrupted.
    """


__all__ = ["main"]
