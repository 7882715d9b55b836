"""What the tests of verbs, workspaces and bad input share: a sealed environment, a project, one way to run mvcs."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mvcs_cli.main import run as run_cli

import mvcs
from mvcs.objects.hashing import Oid
from mvcs.store import environment

ROOT = Path(__file__).parents[2]
DATE = "2026-03-01T12:00:00+00:00"
PROJECT = {
    "train.py": "print('train')\n",
    "data/train.csv": "a,b\n1,2\n",
    "params.yaml": "lr: 0.1\n",
    "requirements.txt": "numpy==2.0\n",
    "model.pt": b"\x00weights one\xff" * 40,
    "metrics.json": '{"auc": 0.5}\n',
    "README.md": "# a model\n",
}
"""A small project with every ingredient."""


class Result:
    """What a command answered: exit code, bytes on stdout, text on stderr."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code = code
        self.bytes = out
        self.out = out.decode("utf-8", "surrogateescape")
        self.err = err.decode("utf-8", "surrogateescape")

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        assert self.code in {0, 1}, (self.code, self.err)
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, Any]:
        """The JSON error on stderr."""
        document = json.loads(self.err.splitlines()[-1])
        assert document["schema"] == "mvcs.error/1"
        assert document["error"]["exit_code"] == self.code
        return document["error"]

    def __repr__(self) -> str:
        return f"<{self.code}\n--- out\n{self.out}\n--- err\n{self.err}>"


def mvcs_run(*arguments: str, cwd: os.PathLike[str] | str | None = None) -> Result:
    """Runs a command in this process, with streams that are no terminal."""
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
    kept = sys.stdout, sys.stderr, sys.stdin, sys.argv
    words = [*(() if cwd is None else ("-C", os.fspath(cwd))), *arguments]
    sys.stdout, sys.stderr, sys.stdin, sys.argv = out, err, io.StringIO(), ["mvcs", *words]
    try:
        code = run_cli(words)
        out.flush()
        err.flush()
    finally:
        sys.stdout, sys.stderr, sys.stdin, sys.argv = kept
    return Result(code, out.buffer.getvalue(), err.buffer.getvalue())


def mvcs_process(*arguments: str | bytes, cwd: os.PathLike[str] | str, **options: Any) -> Result:
    """Runs a command in a process of its own, without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "mvcs_cli.main", *arguments], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True,
        check=False, timeout=120, **options,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def ok(*arguments: str, cwd: os.PathLike[str] | str | None = None) -> Result:
    """Runs a command that must succeed."""
    done = mvcs_run(*arguments, cwd=cwd)
    assert done.code == 0, (arguments, done)
    return done


def fails(code: int, name: str, *arguments: str, cwd: os.PathLike[str] | str | None = None) -> dict[str, Any]:
    """Runs a command that must fail so: exit code, error code, nothing on stdout. Returns the JSON error."""
    done = mvcs_run(*arguments, "--json", cwd=cwd)
    assert done.code == code, (arguments, done)
    assert done.out == ""
    assert done.error["code"] == name, done.error
    return done.error


def write(folder: os.PathLike[str] | str, files: dict[str, str | bytes]) -> Path:
    """Writes files below a folder; names are paths with slashes."""
    for name, content in files.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Path(folder)


def make_project(folder: Path, files: dict[str, str | bytes] | None = None, *, commit: bool = True) -> Path:
    """Makes a project with a repository and, unless told otherwise, a first commit."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, PROJECT if files is None else files)
    ok("init", "--model", "m", "--yes", cwd=folder)
    if commit:
        ok("commit", "-m", "first", cwd=folder)
    return folder


def snapshot(folder: os.PathLike[str] | str) -> dict[bytes, tuple[str, bytes]]:
    """Returns every file and link below a folder but .mvcs and .git: path to (kind, content)."""
    found: dict[bytes, tuple[str, bytes]] = {}
    top = os.fsencode(folder)
    for here, folders, names in os.walk(top):
        for name in [*names, *[f for f in folders if os.path.islink(os.path.join(here, f))]]:
            path = os.path.join(here, name)
            shown = os.path.relpath(path, top)
            if os.path.islink(path):
                found[shown] = ("link", os.readlink(path))
            elif os.path.isfile(path):
                with open(path, "rb") as file:
                    found[shown] = ("x" if os.stat(path).st_mode & 0o100 else "f", file.read())
            else:
                found[shown] = ("special", b"")
        folders[:] = [f for f in folders if f not in {b".mvcs", b".git"}]
    return found


def oid(text: str) -> Oid:
    """Reads an oid."""
    return Oid(bytes.fromhex(text))


def status(folder: os.PathLike[str] | str) -> dict[str, Any]:
    """Returns `status --json`."""
    return ok("status", "--json", cwd=folder).json


def changes(folder: os.PathLike[str] | str) -> dict[str, tuple[str, str]]:
    """Returns path to (ingredient, change) of `status`."""
    return {item["path"]: (item["ingredient"], item["change"]) for item in status(folder)["changes"]}


def listed(folder: os.PathLike[str] | str, revision: str = "HEAD") -> dict[str, str]:
    """Returns path to ingredient of a commit."""
    return {item["path"]: item["ingredient"] for item in ok("ls", revision, "--json", cwd=folder).json["entries"]}


def git(folder: os.PathLike[str] | str, *words: str, **options: Any) -> str:
    """Runs git and returns what it prints."""
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True, **options)
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def sealed(tmp_path_factory, monkeypatch):
    """Fixes identity, time and home, so that nothing of the developer's machine is read."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name.startswith(("MVCS_", "GIT_", "XDG_")) or name in {"SOURCE_DATE_EPOCH", "NO_COLOR", "EMAIL", "VIRTUAL_ENV"}:
            monkeypatch.delenv(name)
    for name, value in {
        "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"), "MVCS_AUTHOR_NAME": "Ada", "MVCS_AUTHOR_EMAIL": "ada@example.org",
        "MVCS_AUTHOR_DATE": DATE, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "cli")]), "TZ": "UTC",
    }.items():
        monkeypatch.setenv(name, value)
    (home / "gitconfig").write_text("[user]\n\tname = Git Ada\n\temail = git@example.org\n[init]\n\tdefaultBranch = main\n")
    yield home
    # A process has room for a hundred maps of a terabyte.
    for found in list(environment._registry.values()):
        found.close()
    environment._registry.clear()


@pytest.fixture
def project(tmp_path):
    """A project with every ingredient and one commit."""
    return make_project(tmp_path / "proj")


@pytest.fixture
def repo(project):
    """The project's repository."""
    with mvcs.open(project) as opened:
        yield opened
