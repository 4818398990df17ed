"""The job script of a job array: a shell must run it, and its elements must cover the study."""

import math
import subprocess

import pytest

from asymptopia import StatementError
from asymptopia.engine import script


def test_each_element_runs_its_shard(tmp_path):
    path = tmp_path / "job.sbatch"
    path.write_text(script("my study.toml", 3, out="results/a b", cpus=2, command="echo"))
    told = []
    for k in range(3):
        environment = {"SLURM_ARRAY_TASK_ID": str(k), "PATH": "/usr/bin:/bin"}
        done = subprocess.run(["bash", str(path)], env=environment, capture_output=True, text=True, check=True)
        told.append(done.stdout.strip())
    assert told == [f"run my study.toml --out results/a b --jobs 2 --shard {k}/3" for k in range(3)]


def test_the_directives_come_first():
    text = script("study.toml", 64, hours=1.5, memory="8G", cpus=4)
    lines = text.splitlines()
    assert lines[0] == "#!/bin/bash"
    directives = [line for line in lines if line.startswith("#SBATCH")]
    assert lines[1 : len(directives) + 1] == directives
    assert {"#SBATCH --array=0-63", "#SBATCH --time=01:30:00", "#SBATCH --mem=8G", "#SBATCH --cpus-per-task=4"} <= set(
        directives
    )
    assert "exec asymptopia run study.toml --jobs 4 --shard" in text
    assert "#SBATCH --time=100:00:00" in script("s", 1, hours=100)


LINES = {"study": "a\ntouch x\n#.toml", "out": "o\nx", "memory": "4G\ntouch x", "command": "a\rb"}
HOURS = [dict(hours=h) for h in (0.0, -1.0, 1e9, math.inf, math.nan)]
OTHERS = [dict(shards=0), dict(shards=10**7), dict(cpus=0), dict(cpus=10**7), dict(memory="4 apples"), dict(memory="")]


@pytest.mark.parametrize("how", [*({k: v} for k, v in LINES.items()), *HOURS, *OTHERS], ids=lambda how: next(iter(how)))
def test_bad_input(how):
    with pytest.raises(StatementError, match=f"`{next(iter(how))}`.* must be"):
        script(**{"study": "study.toml", "shards": 1, **how})
