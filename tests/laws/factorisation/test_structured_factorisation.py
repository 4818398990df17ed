"""Structured factorisation: bounds where the lifted operator is not injective, and wrong laws."""

import pytest

from asymptopia import confront
from asymptopia.contract.batching import realize_block
from asymptopia.laws.factorisation.structured_factorisation import StructuredFactorisation


@pytest.mark.parametrize(("layers", "entries", "n"), [(2, 6, 5), (3, 2, 4), (2, 3, 2)])
def test_the_bounds_hold_where_the_operator_is_barely_or_not_injective(layers, entries, n):
    law = StructuredFactorisation(layers=layers, entries=entries, noise=0.01, density=1.0)
    realisations = realize_block(law, n, range(2))
    assert realisations["recovery"].max() <= 1 and realisations["factors"].max() <= 1


def test_few_rows_are_warned_of():
    assert "columns" in StructuredFactorisation(layers=4, entries=8).reason_to_doubt()
    with pytest.raises(ValueError, match="density"):
        StructuredFactorisation(density=0.0)


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(StructuredFactorisation):
        """Counts parameters without their scales, and takes the operator for larger."""

        def predict(self):
            entries = float(self.layers * self.entries)
            return super().predict() | {"dimension": 2 * entries, "smallest": 1.1, "recovery": 0.01}

    experiment = StructuredFactorisation().experiment((24, 48, 96), 24)
    right = confront(StructuredFactorisation(), experiment)
    for name in ("recovery", "factors", "smallest", "largest"):
        assert right[name].verdict != "disagrees", name
    assert right["dimension"].verdict != "disagrees"
    wrong = confront(Wrong(), experiment)
    assert all(wrong[k].verdict == "disagrees" for k in ("recovery", "smallest", "dimension"))
