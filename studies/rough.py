"""Rough statements: random admissible ones over the whole range of every field, and what their answers must satisfy.

    python studies/rough.py [LAW ...] [--examples 20] [--first 0] [--seconds 60] [--only limit|experiment]

goes through all laws or those named. The limit, and the experiment at the smallest of the default sizes, must be finite
and keep their invariants (variances and densities >= 0, shares in [0, 1], the inequality of Cauchy and Schwarz between
overlaps), or be refused in a sentence. Everything else is printed with its statement: nan, a broken invariant, a
traceback, more than `--seconds` of CPU, a process that had to be ended. A process goes through `TOGETHER` laws; one
that hangs or crashes is ended, and the next begins behind that statement. The exit status is the number of faults, at
most 100.

The statements are seeded, by a law's name: they are the same in every run, and a law's own fields alone change them.
"""

import argparse
import dataclasses
import itertools
import json
import re
import resource
import selectors
import signal
import subprocess
import sys
import traceback
import warnings
from collections.abc import Iterator

import numpy as np

from asymptopia import NoLimit, StatementError
from asymptopia.algorithms.checks import NotSolved
from asymptopia.contract.catalogue import law_classes
from asymptopia.contract.record import Record, field_types
from asymptopia.contract.statement import parts_of

REFUSALS = (NoLimit, StatementError, NotSolved, ArithmeticError)
SHARES = re.compile(r"^(share|probability|fraction|whether)\b", re.IGNORECASE)
POSITIVE = re.compile(r"(^|_)variance|density|mse|risk|_error$|second_moment|(train|test)_loss")
DECADES = 3  # above and below the default of a number whose range is open
LARGEST = 8  # of a whole number without a largest value
DEEPEST = 2  # parts within parts


PATIENCE = 20  # times the seconds of CPU, on the clock, before a process that does not answer is ended
MEMORY = 6 << 30  # bytes of one process
TOGETHER = 8  # laws of one process, which all wait for it to start
SEED = 20261130
TRIES = 20  # records drawn for one that is admissible and new


class Slow(BaseException):
    """A statement took longer than it was given; nothing that catches exceptions may catch it."""


def number(field, rng):
    """A number that a field admits; with an open end within `DECADES` of the default, evenly in logarithms."""
    limits, default = field.metadata, field.default
    low, high = _ends(limits)
    if low is not None and high is not None and np.isfinite(high):
        small = 10.0 ** rng.uniform(-6, 0)
        even = rng.integers(0, 1001) / 1000
        share = (even, small, 1 - small, 0.0, 1.0)[rng.choice(5, p=(0.4, 0.25, 0.25, 0.05, 0.05))]
        return float(low + (high - low) * share)
    scale = abs(default) if isinstance(default, float) and default else 1.0
    power = rng.uniform(-DECADES, DECADES) if rng.random() < 0.9 else rng.integers(-DECADES, DECADES + 1)
    size = scale * 10.0 ** float(power)
    if low is not None:
        return float(low) if limits.get("above") is None and rng.random() < 0.1 else float(low + size)
    if high is not None:
        return float(high - size)
    return 0.0 if rng.random() < 0.1 else float(size * rng.choice((-1.0, 1.0)))


def whole_number(field, rng):
    """A whole number that a field admits, at most `LARGEST` or its default where it has no largest."""
    limits = field.metadata
    low, high = _ends(limits)
    least = 0 if low is None else int(low) + (limits.get("above") is not None)
    most = int(high or 0) - (limits.get("below") is not None)
    if high is None:
        most = max(least, int(field.default or 0), LARGEST)
    return int(rng.choice((least, most)) if rng.random() < 0.1 else rng.integers(least, most + 1))


def _ends(limits):
    low = next((limits[k] for k in ("above", "at_least") if limits.get(k) is not None), None)
    return low, next((limits[k] for k in ("below", "at_most") if limits.get(k) is not None), None)


def value(cls, field, depth, rng):
    """A value for a field of a record."""
    hint, limits = field_types(cls)[field.name], field.metadata
    if limits.get("one_of"):
        return limits["one_of"][rng.integers(len(limits["one_of"]))]
    if hint is bool:
        return bool(rng.integers(2))
    if hint is float or (hint == float | None and field.default is not None):
        return number(field, rng)
    if hint is int:
        return whole_number(field, rng)
    if rng.random() < 0.5:
        return field.default
    if field.name == "times" and isinstance(field.default, tuple):
        stretch = 10.0 ** rng.uniform(-1.5, 0.5)
        return tuple(float(t * stretch) for t in field.default)
    parts = [p for p in parts_of(hint).values() if depth > 0 and _by_default(p)]
    return record(parts[rng.integers(len(parts))], rng, depth - 1) if parts else field.default


def record(cls, rng, depth=DEEPEST):
    """A random record of a class; None where the values drawn do not go together."""
    fields = [f for f in dataclasses.fields(cls) if f.default is not dataclasses.MISSING]
    drawn = {f.name: value(cls, f, depth, rng) for f in fields}
    given = {k: v for k, v in drawn.items() if not (v is None and cls.__dataclass_fields__[k].default is not None)}
    try:
        return cls(**given)
    except (ValueError, TypeError):
        return None


def _by_default(cls):
    try:
        return isinstance(cls(), Record)
    except (TypeError, ValueError):
        return False


def faults(law, observed, limit=True):
    """What is wrong with these observables of a law, as sentences."""
    for name, value in observed.items():
        plain = name.removesuffix("_error") if name not in law.observables else name
        observable = law.observables.get(plain)
        value = np.asarray(value, float)
        if observable is None:
            yield f"{name} is no observable"
        elif name != plain:
            if not (np.isfinite(value) & (value >= 0)).all():
                yield f"{name} = {value.ravel()[:4]} is no error"
        elif observable.bound and not np.isnan(value).any():
            continue
        elif not np.isfinite(value).all() and "nan" not in observable.doc and not _nan_is_documented(law, name):
            yield f"{name} = {value.ravel()[:4]} is not finite"
        else:
            yield from _signs(name, observable, value[np.isfinite(value)], limit)
    yield from _beyond_cauchy_schwarz(law, observed)


def _beyond_cauchy_schwarz(law, observed):
    """Overlap, norm and the signal's second moment, where a law has all three under these names."""
    if {"overlap", "norm"} <= observed.keys() and hasattr(law, "prior"):
        m, q = (np.asarray(observed[k], float) for k in ("overlap", "norm"))
        if np.any(m**2 > q * float(law.prior.second_moment) * (1 + 1e-6) + 1e-9):
            yield f"overlap = {m.ravel()[:4]} is too large for norm = {q.ravel()[:4]}"


def _signs(name, observable, value, limit):
    room = 1e-6 * max(1.0, np.abs(value).max(initial=0.0))
    if (
        SHARES.search(observable.doc)
        and "over its width" not in observable.doc
        and ((value < -room) | (value > 1 + room)).any()
    ):
        yield f"{name} = {value.ravel()[:4]} is no share"
    if limit and POSITIVE.search(name) and not observable.exponent_of and (value < -room).any():
        yield f"{name} = {value.ravel()[:4]} is negative"


def _nan_is_documented(law, name):
    paragraphs = (type(law).__doc__ or "").split("\n\n")
    return any(f"`{name}`" in p and re.search(r"\b(nan|infinite|minus infinity)\b", p) for p in paragraphs)


def tried(law, act, seconds):
    """None if an answer is sound or a refusal a sentence, else what is wrong; `seconds` are of CPU."""

    def late(*_):
        raise Slow

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            law.admit()
            wrong = list(faults(law, *act(law)))
        return "; ".join(wrong) or None
    except Slow:
        return f"slow: more than {seconds:g} s"
    except REFUSALS as reason:
        return None if _is_sentence(str(reason)) else f"{type(reason).__name__} says only {str(reason)!r}"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{where.filename.rpartition('asymptopia/')[2]}:{where.lineno}"
        return f"{type(error).__name__}: {str(error)[:160]} ({place})"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _is_sentence(text):
    return len(text.split()) >= 5 and text.rstrip()[-1] in ".?!"


def limit_of(law):
    """The limit, and that it is one."""
    return law.predict(), True


def experiment_of(law):
    """One realisation at the smallest of the default sizes."""
    block = law.realized(min(law.sizes), (0,))
    return {k: v for k, v in block.items() if k in law.observables}, False


def examples(cls, count):
    """Random statements of a law, none twice; of a smaller count the same, and the same in every run."""
    rng, drawn = np.random.default_rng([SEED, *cls.__name__.encode()]), []
    for _ in range(TRIES * count):
        law = record(cls, rng)
        if law is not None and law not in drawn:
            drawn.append(law)
        if len(drawn) == count:
            break
    return drawn


def answers(asked):
    """In a process of its own: a line of JSON before each statement, and one with what is wrong with it after."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    acts = [a for a in (limit_of, experiment_of) if not asked.only or a.__name__.startswith(asked.only)]
    for name in asked.laws:
        begin, end = asked.begin if name == asked.laws[0] else asked.first, asked.first + asked.examples
        if begin >= end:
            continue
        print(json.dumps({"name": name, "at": end, "law": "its statements could not be drawn"}), flush=True)
        for at, law in list(enumerate(examples(law_classes()[name], end)))[begin:]:
            print(json.dumps({"name": name, "at": at, "law": repr(law)}), flush=True)
            wrong = [(act.__name__.removesuffix("_of"), tried(law, act, asked.seconds)) for act in acts]
            print(json.dumps({"wrong": [f"{act}: {what}" for act, what in wrong if what]}), flush=True)
    print(json.dumps({"done": True}), flush=True)


def lines(process, seconds) -> Iterator[dict]:
    """What a process prints; it is ended if it prints nothing for `seconds`."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while waiting.select(seconds):
            if not (line := process.stdout.readline()):
                break
            if line.startswith("{"):
                yield json.loads(line)
    process.kill()
    process.wait()


def judged(names, asked) -> Iterator[tuple[str, str, list[str]]]:
    """Law, statement and what is wrong with it, in as many processes as statements hang or crash."""
    options = ["--first", str(asked.first), "--examples", str(asked.examples), "--seconds", str(asked.seconds)]
    options += ["--only", asked.only] if asked.only else []
    at = asked.first - 1
    while names:
        command = [sys.executable, __file__, *names, *options, "--begin", str(at + 1)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)
        pending = None
        for line in lines(process, PATIENCE * asked.seconds):
            if "law" in line:
                pending, at = line, line["at"]
                names = names[names.index(line["name"]) :]
            elif "wrong" in line:
                yield pending["name"], pending["law"], line["wrong"]
                pending = None
            else:
                return
        if pending is None:
            sys.exit(f"The process for {', '.join(names)} ended with status {process.returncode} between statements.")
        yield names[0], pending["law"], [f"its process ended with status {process.returncode}"]


def main():
    """Go through the laws named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("laws", nargs="*")
    parser.add_argument("--examples", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", choices=("limit", "experiment"))
    parser.add_argument("--begin", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.begin is not None:
        return answers(asked)
    names, count, bad = asked.laws or list(law_classes()), 0, 0
    for k in range(0, len(names), TOGETHER):
        for name, results in itertools.groupby(judged(names[k : k + TOGETHER], asked), lambda row: row[0]):
            rows = [(law, wrong) for _, law, wrong in results]
            wrong = [(law, what) for law, every in rows for what in every]
            print(f"{name}: {len(rows)} statements, {len(wrong)} faults", flush=True)
            for law, what in wrong:
                print(f"    {law}\n        {what}", flush=True)
            count, bad = count + len(rows), bad + len(wrong)
    print(f"{count} statements, {bad} faults")
    sys.exit(min(bad, 100))


if __name__ == "__main__":
    main()
