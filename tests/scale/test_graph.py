"""Which factors belong to which layer, and what a skip adds, from what follows from what."""

import pytest

from asymptopia.scale.graph import Graph


def test_constants_behind_and_before_a_layer_are_its_factor():
    graph = Graph()
    x = graph.add()
    first = graph.add_layer("first", graph.add_multiple(x, -0.5))
    graph.add_multiple(graph.add_multiple(first, 3.0), 2.0)
    assert graph.factors["first"] == pytest.approx(3.0)
    scaled = graph.add_multiple(first, 2.0)
    graph.add_layer("second", scaled)
    assert graph.factors == pytest.approx({"first": 6.0, "second": 1.0})  # it is counted once


def test_a_scale_of_queries_is_that_of_the_scores():
    graph = Graph()
    x = graph.add()
    query, key = (graph.add_multiple(graph.add_layer(name, x), 0.25) for name in ("query", "key"))
    scores = graph.add_product([graph.add([graph.add_multiple(query, 0.125)]), key])
    assert graph.factors == pytest.approx({"query": 0.25, "key": 0.25})
    assert graph.follows_product(graph.add([scores]))
    assert not graph.follows_product(graph.add_layer("value", scores))


@pytest.mark.parametrize("factor", [None, 0.3])
def test_a_skip_adds_what_a_layer_made_of_its_start(factor):
    graph = Graph()
    x = graph.add([graph.add()])
    inner = graph.add([graph.add_layer("inner", graph.add([x]))])
    branch = graph.add_layer("outer", inner)
    start = x if factor is None else graph.add_multiple(x, factor)
    assert graph.branch(start, branch) == (1, "outer")
    assert graph.branch(branch, start) == (0, "outer")
    assert graph.branch(graph.add([x]), branch) is None  # not what the branch was made from
    assert graph.branch(x, graph.add([x])) is None  # no layer between
