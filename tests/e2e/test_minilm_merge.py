"""Two branches of the MiniLM project that change config, environment, code and data on both sides come together alone."""

from __future__ import annotations

import pathlib
import runpy

from tests.cli.harness import listed, ok, sealed, status, write

__all__ = ["sealed"]

ROOT = pathlib.Path(__file__).parents[2]


def change(folder, name, old, new):
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_merge_of_the_real_project_needs_no_hand(tmp_path):
    folder = tmp_path / "minilm"
    runpy.run_path(str(ROOT / "examples" / "minilm" / "prepare.py"))["prepare"](folder)
    write(folder, {"params.yaml": (folder / "params.yaml").read_text() + "momentum: 0.0   # none\n"})
    ok("init", "--yes", cwd=folder)
    ok("commit", "-m", "first", cwd=folder)
    weights = (folder / "model/model.safetensors").stat().st_size

    ok("switch", "-c", "theirs", cwd=folder)
    change(folder, "params.yaml", "momentum: 0.0", "momentum: 0.9")
    write(folder, {"requirements.txt": "rich>=13\n" + (folder / "requirements.txt").read_text(), "data/theirs.csv": "a\n1\n"})
    change(folder, "train.py", "def rows()", "# Reads the table once.\ndef rows()")
    change(folder, "data/iris.csv", "setosa", "SETOSA")
    ok("commit", "-m", "theirs", cwd=folder)

    ok("switch", "main", cwd=folder)
    change(folder, "params.yaml", "lr: 0.1", "lr: 0.3")
    write(folder, {"requirements.txt": (folder / "requirements.txt").read_text() + "pandas>=2\n", "data/ours.csv": "b\n2\n"})
    path = folder / "train.py"
    path.write_text(path.read_text() + "\n# Ends here.\n")
    change(folder, "data/wine_data.csv", "class_0", "CLASS_0")
    ok("commit", "-m", "ours", cwd=folder)

    done = ok("merge", "theirs", "--json", cwd=folder).json
    assert (done["conflicts"], done["how"], done["stale"]) == (0, "merged", True)
    params = (folder / "params.yaml").read_text()
    assert "lr: 0.3" in params
    assert "momentum: 0.9   # none" in params
    requirements = (folder / "requirements.txt").read_text()
    assert "rich>=13" in requirements
    assert "pandas>=2" in requirements
    code = path.read_text()
    assert "# Reads the table once." in code
    assert "# Ends here." in code
    assert "SETOSA" in (folder / "data/iris.csv").read_text()
    assert "CLASS_0" in (folder / "data/wine_data.csv").read_text()
    assert {"data/ours.csv", "data/theirs.csv"} <= set(listed(folder))
    assert (folder / "model/model.safetensors").stat().st_size == weights
    assert status(folder)["clean"]
    assert ok("fsck", cwd=folder).code == 0
