"""The verb that says how wide a network must be."""

import json
import math

import pytest
from click.testing import CliRunner

from asymptopia.cli import main
from asymptopia.laws.mean_field.two_layer_fluctuations import TwoLayerFluctuations


def test_the_width_follows_from_the_fluctuations():
    law = TwoLayerFluctuations()
    done = CliRunner().invoke(main, ["width", "TwoLayerFluctuations()", "--accuracy", "0.1", "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    limit = law.limit()
    largest = float((limit["fluctuation"] + limit["fluctuation_error"]).max())
    assert answer == {"statement": repr(law), "accuracy": 0.1, "width": math.ceil(largest / 0.01)}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["CurieWeiss()"], "must be a TwoLayer"),
        (["TwoLayer()", "--accuracy", "0"], "`accuracy` must be a number > 0"),
        (["TwoLayers()"], "Did you mean 'TwoLayer'"),
    ],
)
def test_bad_input_is_said(words, said):
    done = CliRunner().invoke(main, ["width", *words])
    assert done.exit_code == 2 and said in done.output
