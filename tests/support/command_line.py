"""The command line as tests call it: in this process, on a terminal of 160 columns."""

from click.testing import CliRunner

from asymptopia.cli import main


def call(*words):
    return CliRunner().invoke(main, list(words), env={"COLUMNS": "160"})


def succeed(*words):
    result = call(*words)
    assert result.exit_code == 0, result.output
    return result


def written(tmp_path, monkeypatch, text):
    """A user's file `mine.py` of this text, in the folder where commands then run."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mine.py"
    path.write_text(text)
    return str(path)
