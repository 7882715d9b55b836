"""Writes the golden JSON answers: what scripts may rely on. Oids, times, paths and sizes on disk are masked.

    python -m tests.golden.make_json
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "json"
OID = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b|\b[0-9a-f]{12}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
MACHINE = {"new_bytes", "bytes", "stored", "disk", "total_stored", "total_disk", "detail", "python", "packages", "mvcs", "script", "text", "objects", "contents", "reaches", "only", "ratio"}
"""Keys whose values differ from machine to machine, or with the version of a codec."""


def masked(value: Any, folder: str, seen: dict[str, str], key: str = "") -> Any:
    """Returns a JSON value with what may differ replaced: the same oid by the same mark."""
    if key in MACHINE and value not in (0, None):
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        return {name: masked(item, folder, seen, name) for name, item in value.items()}
    if isinstance(value, list):
        return [masked(item, folder, seen, key) for item in value]
    if isinstance(value, str):
        text = TIME.sub("<time>", value.replace(folder, "<folder>"))
        return OID.sub(lambda match: seen.setdefault(match[0][:12], f"<oid {len(seen) + 1}>") + ("" if len(match[0]) != 12 else " short"), text)
    return value


def answers(folder: Path) -> dict[str, Any]:
    """Plays a history and returns name to masked answer of each command."""
    from tests.cli.harness import PROJECT, mvcs_run, write

    project = write(folder / "proj", {**PROJECT, "out/epoch=1.ckpt": "1", "out/epoch=2.ckpt": "2", "notes.txt": "n"})
    seen: dict[str, str] = {}
    found: dict[str, Any] = {}

    def play(name: str, *words: str, cwd: Path = project) -> None:
        done = mvcs_run(*words, "--json", cwd=cwd)
        text = done.out or done.err.splitlines()[-1]
        found[name] = {"command": "mvcs " + " ".join(words).replace(str(folder), "<folder>"), "exit": done.code, "answer": masked(json.loads(text), str(folder), seen)}

    play("init", "init", "--model", "m")
    play("status_first", "status")
    play("commit", "commit", "-m", "first", "--metric", "auc=0.5")
    write(project, {"train.py": "second\n", "data/new.csv": "1\n"})
    (project / "README.md").unlink()
    play("status", "status")
    play("diff", "diff")
    play("commit_stale", "commit", "-m", "second")
    play("show", "show")
    play("log", "log", "--metrics")
    play("ls", "ls")
    play("ls_generated", "ls", "HEAD:@metrics", "--generated")
    play("cat", "cat", "HEAD:train.py")
    play("rev_parse", "rev-parse", "HEAD", "HEAD:data", "HEAD^{tree}")
    play("tag_make", "tag", "v1", "-m", "why")
    play("tag", "tag")
    play("branch_make", "branch", "side", "HEAD~1")
    play("branch", "branch")
    play("switch", "switch", "side")
    play("checkout", "checkout", "main")
    write(project, {"train.py": "unsaved\n"})
    play("restore", "restore", "train.py")
    play("undo", "undo")
    play("redo", "redo")
    play("reset", "reset", "--hard", "side")
    play("add", "add", "notes.txt", "--as", "about")
    play("rm", "rm", "params.yaml")
    play("op_log", "op", "log", "-n", "3")
    play("op_show", "op", "show")
    play("gc", "gc", "--dry-run")
    play("fsck", "fsck")
    play("du", "du", "HEAD")
    play("repack", "repack")
    play("materialise", "materialise")
    play("doctor", "doctor")
    play("config", "config")
    play("completion", "completion", "bash")
    play("help", "help", "names")
    play("version", "version")
    play("clone", "clone", str(project), str(folder / "copy"))
    play("error_not_found", "show", "nosuch")
    play("error_usage", "log", "--frob")
    write(project, {"data/new.csv": "in the way\n"})
    play("error_no_branch", "switch", "main~0")
    play("error_unsaved_work", "checkout", "v1")
    play("error_no_repository", "status", cwd=folder)
    play("error_nothing_to_commit", "commit", "-m", "x", cwd=folder / "copy")
    copy = folder / "copy"
    for name, tensors in weights().items():
        write(copy, {"model.safetensors": tensors})
        assert mvcs_run("commit", "-m", name, cwd=copy).code == 0
    play("diff_tensors", "diff", "HEAD~1", "HEAD", cwd=copy)
    play("ls_tensors", "ls", "HEAD:model.safetensors//", cwd=copy)
    play("cat_tensor", "cat", "HEAD:model.safetensors//moved", cwd=copy)
    return found


def weights() -> dict[str, bytes]:
    """Two states of a model that differ in each way in which tensors do; of few numbers, so that norms have the same bits anywhere."""
    from struct import pack

    from tests.unit.store.splitter_files import safetensors

    def f32(*values: float) -> tuple[str, tuple[int, ...], bytes]:
        return "F32", (len(values),), pack(f"<{len(values)}f", *values)

    same = {"same": f32(1, 2), "old": f32(5, 6, 7), "gone": f32(8), "moved": f32(3, 4, 0, 0), "odd": f32(1, 1)}
    first = {**same, "typed": f32(1, 2), "shaped": f32(1, 2, 3, 4), "packed": ("F4", (4,), b"\x38\x38")}
    second = {
        "same": same["same"], "new": same["old"], "came": f32(9, 9), "moved": f32(0, 0, 3, 4), "odd": f32(1, float("nan")),
        "typed": ("BF16", (2,), b"\x80\x3f\x00\x40"), "shaped": ("F32", (2, 2), first["shaped"][2]),
        "packed": ("F4", (4,), b"\x38\x40"),
    }
    return {"weights": safetensors(first), "trained": safetensors(second)}


def render(answer: Any) -> str:
    """Returns the text of a golden file."""
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes every golden file anew, in a sealed environment."""
    import os
    import tempfile

    from tests.cli.harness import DATE

    with tempfile.TemporaryDirectory() as folder:
        os.environ.update({
            "HOME": folder, "XDG_CONFIG_HOME": f"{folder}/config", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "TZ": "UTC",
            "MVCS_AUTHOR_NAME": "Ada", "MVCS_AUTHOR_EMAIL": "ada@example.org", "MVCS_AUTHOR_DATE": DATE,
        })
        found = answers(Path(folder) / "room")
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, answer in found.items():
        (FOLDER / f"{name}.json").write_text(render(answer), encoding="utf-8")


if __name__ == "__main__":
    main()
