"""The notebooks run as they stand."""

from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")

NOTEBOOKS = sorted((Path(__file__).parent.parent / "docs" / "examples" / "notebooks").glob("*.ipynb"))
WANTED = {
    "first_steps": "agrees",
    "your_own_theory": "disagrees",
    "forecast_your_data": "samples",
    "limit_of_your_program": "agrees",
    "your_own_network": "hidden",
}
NEEDS = {"your_own_network": "optax"}


def texts(notebook):
    """All that the cells show, as text."""
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            yield output.get("text", "")
            yield from (str(v) for k, v in output.get("data", {}).items() if k.startswith("text/"))


def test_the_notebooks_are_those_that_are_promised():
    assert {p.stem for p in NOTEBOOKS} == set(WANTED)


@pytest.fixture(scope="module")
def kernel():
    """One kernel for all, each of which finds it without names: most of their time is the imports of the library."""
    client = nbclient.NotebookClient(nbformat.v4.new_notebook())
    manager = client.create_kernel_manager()
    client.start_new_kernel()
    yield manager
    client._cleanup_kernel()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs(path, kernel, tmp_path):
    pytest.importorskip(NEEDS.get(path.stem, "jax"))
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"%reset_selective -f .\n%cd -q {tmp_path}"))
    client = nbclient.NotebookClient(notebook, timeout=300, km=kernel)
    client.execute()
    client.kc.stop_channels()
    assert any(WANTED[path.stem] in text for text in texts(notebook))
    pictures = [o for c in notebook.cells for o in c.get("outputs", ()) if "image/png" in o.get("data", {})]
    assert len(pictures) == sum("plot(" in cell.source for cell in notebook.cells)
