"""Benchmarks: each is described, finds what it imports, and the common driver runs one and tells what fails."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(p for p in (ROOT / "benchmarks").glob("*.py") if p.stem not in ("__main__", "timing"))


def call(*words):
    return subprocess.run([sys.executable, "benchmarks", *words], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_benchmark_is_described_and_finds_what_it_imports(script):
    assert f"| `{script.name}` |" in (ROOT / "benchmarks" / "README.md").read_text()
    tree = ast.parse(script.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("asymptopia"):
            module = importlib.import_module(node.module)
            for name in (a.name for a in node.names):
                assert hasattr(module, name) or importlib.import_module(f"{node.module}.{name}")
    shared = {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module == "timing" for a in n.names}
    assert not shared or ("row" in shared and shared & {"options", "pick"}), "it has rows, and a quick run"


def test_a_quick_run_gives_one_table():
    done = call("--quick", "butterfly")
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["benchmark", "case", "ours", "peer", "peer/ours", "peer"]
    ours = [r for r in rows if "pyfaust" not in r]
    assert [r.split()[1] for r in ours[:3]] == ["hadamard,", "fourier,", "random,"] and "error" in ours[0]
    assert "butterfly:" in done.stderr and "processor time" in done.stderr


def test_a_benchmark_that_stops_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    spec = importlib.util.spec_from_file_location("driver", ROOT / "benchmarks" / "__main__.py")
    driver = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(driver)
    monkeypatch.setattr(driver, "HERE", tmp_path)
    monkeypatch.setattr(driver, "NAMES", ["apart"])
    (tmp_path / "apart.py").write_text(
        f"import sys; sys.path.insert(0, {str(ROOT / 'benchmarks')!r})\n"
        "from timing import row\nrow('a case', 2.0, 5.0, 'a peer')\nraise ArithmeticError('The two do not agree.')\n"
    )
    monkeypatch.setattr(sys, "argv", ["benchmarks", "apart"])
    assert driver.main() == 1
    out = capsys.readouterr().out
    assert "2.50 x" in out and "a peer" in out and "failed: ArithmeticError: The two do not agree." in out


def test_fits_to_runs_drawn_again_have_the_noise_of_a_run(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    coverage = importlib.import_module("extrapolate_coverage")
    rng, x, large = np.random.default_rng(0), np.geomspace(1, 1000, 200)[:, None], np.array([[2000.0]])
    y = coverage.one_law(x, 0.5, 0.7, 0.3) * (1 + 0.01 * rng.standard_normal(len(x)))
    alike, shares = coverage.resampled(coverage.Ladder(x, y, ("x", "y")), large, rng)
    reached, noise = coverage.one_law(large, 0.5, 0.7, 0.3), np.std(y - coverage.one_law(x, 0.5, 0.7, 0.3))
    np.testing.assert_allclose(np.diff(shares, axis=0)[0], 2 * 1.645 * 0.01 * reached, rtol=0.25)
    np.testing.assert_allclose(np.diff(alike, axis=0)[0], 2 * 1.645 * noise, rtol=0.25)


def test_an_unknown_name_is_refused():
    done = call("nonsense")
    assert done.returncode == 2 and "no benchmark is called nonsense; there are belief_propagation" in done.stderr
