"""Dask: the same bits as in this process, whoever kills its workers."""

import os
import signal
import socket

import numpy as np
import pytest
import xarray as xr

from asymptopia import StatementError, sweep
from asymptopia.engine import EngineError, Entry, Quiet, Results, cluster, lock, run
from asymptopia.engine.preload import dask_setup


@pytest.fixture(scope="module")
def scheduler():
    """The address of a cluster of two processes, as a run starts it."""
    with cluster._client("local:2", 1) as client:
        yield client.scheduler.address


@pytest.fixture
def worker_pids(scheduler):
    from distributed import Client

    with Client(scheduler, set_as_default=False) as client:
        yield lambda: set(client.run(os.getpid).values())


class Recorder(Quiet):
    def __init__(self):
        self.names = []

    def update(self, cell, newest):
        self.names.append(cell.name)


def test_the_same_bits_as_in_this_process(toys, scheduler):
    entries = [Entry("0", sweep(toys["Wishart"](), ratio=(1.0, 3.0)), (6, 9), 8), Entry("1", toys["Coin"](), (10,), 10)]
    for ours, theirs in zip(run(entries, scheduler=scheduler), run(entries), strict=True):
        xr.testing.assert_identical(ours, theirs)


def test_a_part_and_a_function_of_the_users_file(toys, scheduler):
    entries = [Entry("0", toys["Coin"](tilt=toys["squared"]), (10,), 8)]
    xr.testing.assert_identical(run(entries, scheduler=scheduler)[0], run(entries)[0])


def test_workers_are_set_up(scheduler):
    from distributed import Client

    def settings():
        return {k: os.environ.get(k) for k in cluster._ENVIRONMENT}

    with Client(scheduler, set_as_default=False) as client:
        assert all(answers == cluster._ENVIRONMENT for answers in client.run(settings).values())
        handlers = client.run(lambda: __import__("signal").getsignal(2) == __import__("signal").SIG_IGN)
        assert list(handlers.values()) == [True, True]


def test_a_killed_worker_loses_nothing_and_changes_no_bit(tmp_path, toys, scheduler, worker_pids):
    notes = tmp_path / "notes"
    notes.mkdir()
    entries = [Entry("0", toys["Mortal"](notes=str(notes)), (10, 20), 48)]
    before = worker_pids()
    progress = Recorder()
    results = Results.open_or_create(tmp_path / "r", lock(entries))
    (data,) = run(entries, out=results, scheduler=scheduler, progress=progress)
    killed = int((tmp_path / "death").read_text())
    assert killed in before and killed not in worker_pids()
    assert len(progress.names) == len(set(progress.names)) == 24, "every cell is reported once"
    assert len(list(notes.iterdir())) <= 2 * 48 + 4 * 4 + 4, (
        "only those that the dead worker held again, at work or not yet fetched, and one in each process to see how"
    )
    xr.testing.assert_identical(
        data, run([Entry("0", toys["Mortal"](notes=str(notes)), (10, 20), 48)])[0].assign_attrs(data.attrs)
    )
    xr.testing.assert_equal(data, toys["Coin"]().experiment((10, 20), 48))
    assert Results.open(tmp_path / "r").counts() == {"done": 24, "nan": 0, "failed": 0}


def test_a_cell_that_kills_its_worker_costs_no_other(tmp_path, toys, scheduler):
    entries = [Entry("0", toys["Deadly"](pause=0.0), (10, 20, 30), 4), Entry("1", toys["Fickle"](), (10, 20, 30), 4)]
    results = Results.open_or_create(tmp_path, lock(entries))
    deadly, fickle = run(entries, out=results, scheduler=scheduler)
    whole = toys["Coin"]().experiment((10, 20, 30), 4)
    np.testing.assert_array_equal(deadly["mean"].sel(size=[10, 30]), whole["mean"].sel(size=[10, 30]))
    assert np.isnan(deadly["mean"].sel(size=20)).all()
    statement = repr(entries[0].statement)
    assert deadly.attrs["failures"] == (
        f"{statement}, size 20, seeds 0-3: KilledWorker: the worker died each time this cell ran on it "
        "(killed, out of memory, or crashed)"
    )
    assert "stood on its edge" in fickle.attrs["failures"] and "square is nan for seeds 0-3" in fickle.attrs["failures"]
    assert Results.open(tmp_path).counts() == {"done": 3, "nan": 1, "failed": 2}


def test_a_worker_that_sees_other_code_says_so(tmp_path, toy_file, scheduler):
    from asymptopia import load_file

    path = tmp_path / "mine.py"
    path.write_text(toy_file.read_text())
    law = load_file(path)["Coin"]()
    entries = [Entry("0", law, (10,), 4)]
    run(entries)  # the code that counts is that which is loaded here
    path.write_text(toy_file.read_text().replace("p)).mean()", "p)).mean() + 1"))
    (data,) = run(entries, scheduler=scheduler)
    assert "The worker has other code" in data.attrs["failures"] and np.isnan(data["mean"]).all()


def test_a_scheduler_that_is_not_there(toys, monkeypatch):
    monkeypatch.setattr(cluster, "_TIMEOUT", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(StatementError, match=f"no Dask scheduler at '{address}'"):
        run([Entry("0", toys["Coin"](), (10,), 4)], scheduler=address)


@pytest.mark.parametrize("scheduler", ["local", "local:0", "local:two", "nowhere"])
def test_a_scheduler_that_makes_no_sense(toys, scheduler):
    with pytest.raises(
        StatementError, match="must be an address, local:PROCESSES with 1 to 1024 processes, slurm or pbs"
    ):
        run([Entry("0", toys["Coin"](), (10,), 4)], scheduler=scheduler)


def test_a_queue_needs_its_extra(toys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dask_jobqueue", None)
    with pytest.raises(StatementError, match=r"asymptopia\[slurm\]"):
        run([Entry("0", toys["Coin"](), (10,), 4)], scheduler="slurm")


@pytest.mark.parametrize("kind", ["slurm", "pbs"])
def test_the_job_script_of_a_queue(kind):
    pytest.importorskip("dask_jobqueue")
    with cluster._queue(kind) as queue:
        text = queue.job_script()
    assert f"#{'SBATCH' if kind == 'slurm' else 'PBS'}" in text and "--preload asymptopia.engine.preload" in text
    for name, value in cluster._ENVIRONMENT.items():
        assert f"export {name}={value}" in text


def test_a_scheduler_that_goes_away_is_told(toys, monkeypatch):
    monkeypatch.setattr(cluster, "_TIMEOUT", 3)
    with cluster._client("local:1", 1) as owner:
        address = owner.scheduler.address

        class Closing(Quiet):
            def update(self, cell, newest):
                owner.shutdown()

        with pytest.raises(EngineError, match="scheduler was lost"):
            run([Entry("0", toys["Slow"](pause=0.1), (10,), 40)], scheduler=address, progress=Closing())


def test_workers_leave_ctrl_c_to_the_run():
    before = signal.getsignal(signal.SIGINT)
    try:
        dask_setup(None)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
