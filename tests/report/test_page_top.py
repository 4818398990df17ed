"""What a tired reader sees first, and the command behind each figure."""

import shlex

from asymptopia.contract.statement import parse, parse_range
from asymptopia.contract.sweep import sweep
from asymptopia.laws import CurieWeiss
from asymptopia.report.contents import command_of, together
from asymptopia.verdict.confront import confront


def test_one_sentence_says_it_all(shapes):
    assert together([shapes.wrong]).endswith(f"{shapes.wrong.headline}.")
    text = together([shapes.wrong, shapes.wrong])
    assert text.startswith("2 disagree (Mean")


def test_the_command_states_the_same():
    found = confront(sweep(CurieWeiss(h=0.2), beta=(0.4, 0.8)), sizes=(50, 100), seeds=3)
    words = shlex.split(command_of(found))
    assert words[:2] == ["asymptopia", "run"]
    name, values = parse_range(words[4], CurieWeiss)
    assert sweep(parse(words[2]), **{name: values}) == found.statement
    assert words[5:] == ["--sizes", "50,100", "--seeds", "3"]


def test_a_law_of_ones_own_has_no_command(shapes):
    assert command_of(shapes.single) == ""


def test_ranges_are_numbers_for_people():
    assert parse_range("beta=0.2:1:5", CurieWeiss)[1] == (0.2, 0.4, 0.6, 0.8, 1.0)
