"""What every law must satisfy: it is documented, stated, predicted and realised as the contract asks."""

import dataclasses
import inspect
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from asymptopia import Landmark, Law, parse, sweep, thresholds
from asymptopia.contract import batching
from asymptopia.contract.batching import realize_block
from asymptopia.contract.catalogue import law_classes
from asymptopia.contract.record import field_types
from asymptopia.contract.statement import parts_of
from asymptopia.report.typeset import segments

LAWS = law_classes()
HERE = Path(__file__).parent
QUICK = {
    "ConsensusOptimisation": dict(times=(0.25,)),
    "FeatureLearning": dict(depth=1, steps=2),
    "FokkerPlanck": dict(times=(0.25,)),
    "McKeanVlasov": dict(times=(0.25,)),
    "NoisyTwoLayer": dict(times=(0.25,), probes=(1.0,)),
}
"""Statements in which the same number fields matter, of laws whose default limit takes seconds."""
MARKS = [(name, i) for name, cls in LAWS.items() for i in range(len(cls.landmarks))]


@cache
def limit_of(law):
    """The limit of a statement, computed once for all tests that ask for it."""
    return law.limit()


@cache
def thresholds_of(law, along):
    return thresholds(law, along)


@pytest.fixture(params=LAWS.values(), ids=LAWS.keys(), scope="module")  # all tests of a law, then those of the next
def law_class(request):
    return request.param


@pytest.fixture
def law(law_class):
    return law_class()


def balanced(text):
    depth = 0
    for character in re.sub(r"\\.", "", text):
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0


def numeric_fields(law):
    return [f.name for f in dataclasses.fields(law) if type(getattr(law, f.name)) is float]


def another(law, name):
    """A value of a numeric field next to its own: above if that is admitted, else below."""
    value = getattr(law, name)
    try:
        return getattr(law.replace(**{name: 1.1 * value + 0.01}), name)
    except ValueError:
        return 0.9 * value


def variants(law):
    """The law with each of the parts that its fields admit, where its other fields allow it."""
    for name, hint in field_types(type(law)).items():
        for part in parts_of(hint).values():
            try:
                yield law.replace(**{name: part()})
            except (TypeError, ValueError):  # a part without defaults, or one that does not go with the other defaults
                continue


def test_the_laws_of_the_library_are_found():
    assert "CurieWeiss" in LAWS
    assert all(issubclass(cls, Law) for cls in LAWS.values())


def test_a_law_has_a_file_and_a_test_of_its_own_name(law_class):
    *_, room, module = law_class.__module__.split(".")
    assert module.replace("_", "") == law_class.__name__.lower()
    assert [c for c in LAWS.values() if c.__module__ == law_class.__module__] == [law_class]
    assert (HERE / room / f"test_{module}.py").is_file()


def test_a_law_says_what_it_is(law_class):
    summary = law_class.summary()
    assert 20 <= len(summary) <= 150 and summary.endswith(".") and summary[0].isupper()
    body = law_class.__doc__.strip().removeprefix(summary)
    assert any(kind in ("math", "display") for kind, _ in segments(body)), "the docstring states the limit in formulas"
    assert all(balanced(piece) for kind, piece in segments(body) if kind in ("math", "display"))
    assert body.count("$") % 2 == 0
    assert re.search(r"[12]\d{3}", law_class.source), "the source has a year"
    assert law_class.status, "proved, heuristic or conjectured?"
    assert law_class.size != "size", "the word for what grows"


def test_a_law_states_its_experiment_and_its_references_in_records(law_class):
    loose = re.findall(
        r"^    (source|status|bibtex|sizes|seeds|bias|block) = (?!_)", inspect.getsource(law_class), re.M
    )
    assert not loose, "`defaults = Defaults(...)` and `references = References(...)` state them"


def test_a_law_can_be_cited(law_class):
    entries = re.findall(r"^@(\w+)\{([\w:.-]+),", law_class.bibtex, re.M)
    assert entries and balanced(law_class.bibtex)
    assert len({key for _, key in entries}) == len(entries)
    for needed in ("author", "title", "year"):
        assert len(re.findall(rf"\b{needed}\s*=", law_class.bibtex)) == len(entries)


def test_every_field_has_a_default_and_a_meaning(law_class):
    for f in dataclasses.fields(law_class):
        assert f.default is not dataclasses.MISSING, f.name
        assert f.metadata.get("doc"), f.name


def test_every_observable_has_a_symbol_and_a_meaning(law):
    assert law.observables
    for name, observable in law.observables.items():
        assert observable.doc and observable.symbol, name
        assert "$" not in observable.symbol and balanced(observable.symbol), name
        assert observable.derived_from is None or observable.derived_from in law.observed(), name
        assert name.isidentifier()
        assert f"{name}_error" not in law.observables, "that name is for the error of a numerical theory"


def test_default_sizes_grow_and_seeds_give_an_error_bar(law):
    sizes, seeds = law.sizes_and_seeds(None, None)
    assert list(sizes) == sorted(set(sizes)) == list(law.sizes)
    assert len(seeds) >= 10 and law.bias > 0 and law.block >= 1


def test_the_statement_is_its_text(law):
    for stated in (law, *variants(law)):
        assert parse(repr(stated)) == stated
        assert parse(stated.short()) == stated


def test_the_defaults_have_a_limit_that_can_be_trusted(law):
    law.check()
    assert law.valid() is None
    assert law.warnings() == []


def test_the_limit_gives_every_observable(law):
    limit, coords = limit_of(law), law.coords()
    for name, observable in law.observables.items():
        assert limit[name].dims == observable.dims
        assert np.isfinite(limit[name]).all(), name
        assert limit[name].attrs["symbol"] == observable.symbol
        for dim in observable.dims:
            assert len(np.asarray(coords[dim])) == limit.sizes[dim]


def test_many_statements_at_once_give_what_each_gives_alone(law, monkeypatch):
    """Along two fields; along one if statements that differ in it are predicted by ordinary Python, one by one."""
    tried, traced = [], batching._traced_predict

    def recorded(*arguments):
        tried.append(traced(*arguments))
        return tried[-1]

    monkeypatch.setattr(batching, "_traced_predict", recorded)
    law = law.replace(**QUICK.get(type(law).__name__, {}))
    for name in numeric_fields(law)[:2]:
        values = [getattr(law, name), another(law, name)]
        together = sweep(law, **{name: values}).limit()
        for i, value in enumerate(values):
            alone = limit_of(law.replace(**{name: value}))
            for k in law.observables:
                np.testing.assert_allclose(
                    together[k].values[i], alone[k].values, rtol=1e-7, atol=1e-9, err_msg=f"{k} along {name}"
                )
        if tried == [None]:
            break


def test_a_realisation_gives_what_was_promised_and_never_asks_the_theory(law, law_class, monkeypatch):
    def predict(self):
        raise AssertionError("the experiment asked for the prediction")

    monkeypatch.setattr(law_class, "predict", predict)
    n = law.sizes[0]
    values = realize_block(law, n, (0, 2))
    assert sorted(values) == sorted(law.observed())
    for name, array in values.items():
        assert array.shape[0] == 2 and array.ndim == 1 + len(law.observables[name].dims)
        assert np.isfinite(array).all(), name
    again = realize_block(law, n, (2, 5) if batching.compiled_as(law, n) else (2,))  # a block of one compiles anew
    for name, array in again.items():
        np.testing.assert_allclose(
            array[0],
            values[name][1],
            rtol=1e-6,
            atol=1e-3 if name == "reconstruction_error" else 1e-9,  # which is a share of what round-off can make
            err_msg=f"{name}: seed 2 after others, and before or alone",
        )
    if law_class.__name__ == "FunctionalDimension":  # which nearly always reaches its limit at that size
        values = realize_block(law, n // 16, (0, 2))
    assert any((array[0] != array[1]).any() for array in values.values()), "the seeds differ"


@pytest.mark.parametrize(("name", "index"), MARKS, ids=[f"{name}-{i}" for name, i in MARKS])
def test_a_landmark_is_reproduced(name, index):
    mark: Landmark = LAWS[name].landmarks[index]
    law = LAWS[name](**mark.fields)
    value = (
        thresholds_of(law, mark.along)[mark.observable]
        if mark.along
        else limit_of(law)[mark.observable].values[mark.at]
    )
    assert abs(float(value) - mark.value) <= mark.tolerance
    assert mark.source and 0 < mark.tolerance <= 0.01 * max(abs(mark.value), 1)


def test_every_law_has_landmarks(law_class):
    assert law_class.landmarks


def test_statements_of_version_0_2_mean_what_they_did():
    """A field that comes later is declared with `added=True`, so that the folders with these texts stay readable."""
    texts = (Path(__file__).parents[1] / "reference" / "statements.txt").read_text(encoding="utf-8").splitlines()
    stated = [parse(text).law for text in texts]
    assert [repr(law) for law in stated] == texts
    assert [law.short() for law in stated] == [f"{type(law).__name__}()" for law in stated], "a default has changed"
