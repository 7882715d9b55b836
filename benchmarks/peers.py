"""How benchmarks/history.py drives each tool: as its manual says, with its defaults.

A tool is a class that says which commands make its repository, save the files as they are, tell what changed, bring a
saved state back and copy the newest to another folder. Each answers with commands; running and timing is not here.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterable

BIN = pathlib.Path(sys.executable).parent
PEERS = pathlib.Path(os.environ.get("MVCS_PEERS") or (
    pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "mvcs-peers"
))
OWN = {".git", ".gitattributes", ".gitignore", ".dvc", ".dvcignore", ".mvcs", ".mvcsignore", "mvcs.toml"}
Command = list[str]


class Peer:
    """A tool with a work tree, a store and a home of its own below one folder."""

    name: str
    program: str
    version_words: tuple[str, ...] = ("--version",)
    leaves_files = False
    """Whether bringing a state back in place leaves files that the state does not have."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.home, self.work, self.copy = folder / "home", folder / "work", folder / "copy"
        self.store = folder / "store"
        self.saved: list[str] = []
        self.home.mkdir(parents=True)
        self.work.mkdir()

    @classmethod
    def found(cls) -> str | None:
        return shutil.which(cls.program)

    @classmethod
    def version(cls) -> str:
        done = subprocess.run([str(cls.found()), *cls.version_words], capture_output=True, text=True, check=True)
        return (done.stdout or done.stderr).split("\n")[0]

    def environment(self) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("LANG", "LC_ALL", "TZ", "TMPDIR") if key in os.environ}
        path = os.pathsep.join((str(BIN), str(PEERS / "bin"), os.environ.get("PATH", os.defpath)))
        return {
            **kept, "PATH": path, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"), "MVCS_AUTHOR_NAME": "Ada", "DVC_NO_ANALYTICS": "1",
            "MVCS_AUTHOR_EMAIL": "ada@example.com", "RESTIC_PASSWORD": "x", "BORG_BASE_DIR": str(self.home),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }

    def ask(self, *words: str) -> str:
        """Runs a command that is not measured; returns what it prints."""
        done = subprocess.run(
            words, cwd=self.work, env=self.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{self.name}: {' '.join(words)}: {done.stderr}")
        return done.stdout

    def stores(self) -> list[pathlib.Path]:
        """Returns the folders whose size is the repository's."""
        return [self.store]

    def note(self) -> None:
        """Remembers the name of what was just saved."""
        self.saved.append(f"s{len(self.saved)}")

    def init(self) -> None:
        raise NotImplementedError

    def commit(self, name: str, changed: Iterable[str]) -> list[Command]:
        raise NotImplementedError

    def status(self) -> list[Command]:
        raise NotImplementedError

    def clean(self) -> bool:
        """Whether the tool says that nothing changed; one that only backs up has no opinion."""
        return True

    def checkout(self, state: int) -> list[Command]:
        raise NotImplementedError

    def clone(self) -> list[Command]:
        """Commands that run in the work tree and write the newest state into `copy`."""
        raise NotImplementedError


class Mvcs(Peer):
    name, program = "mvcs", str(BIN / "mvcs")

    def stores(self) -> list[pathlib.Path]:
        return [self.work / ".mvcs"]

    def init(self) -> None:
        self.ask("mvcs", "init", "--yes")

    def note(self) -> None:
        self.saved.append(self.ask("mvcs", "--quiet", "rev-parse", "HEAD").strip())

    def commit(self, name: str, changed: Iterable[str]) -> list[Command]:
        return [["mvcs", "commit", "-m", name]]

    def status(self) -> list[Command]:
        return [["mvcs", "status"]]

    def clean(self) -> bool:
        return bool(json.loads(self.ask("mvcs", "--json", "status"))["clean"])

    def checkout(self, state: int) -> list[Command]:
        return [["mvcs", "checkout", self.saved[state]]]

    def clone(self) -> list[Command]:
        return [["mvcs", "clone", str(self.work), str(self.copy)]]


class GitLfs(Peer):
    name, program, version_words = "git-lfs", "git-lfs", ("version",)

    def stores(self) -> list[pathlib.Path]:
        return [self.work / ".git"]

    def init(self) -> None:
        self.ask("git", "config", "--global", "user.name", "Ada")
        self.ask("git", "config", "--global", "user.email", "ada@example.com")
        self.ask("git", "config", "--global", "advice.detachedHead", "false")
        self.ask("git", "init", "-q", "-b", "main")
        self.ask("git", "lfs", "install", "--skip-repo")
        self.ask("git", "lfs", "track", "*.safetensors", "*.csv", "*.parquet", "*.jpg")

    def note(self) -> None:
        self.saved.append(self.ask("git", "rev-parse", "HEAD").strip())

    def commit(self, name: str, changed: Iterable[str]) -> list[Command]:
        return [["git", "add", "-A"], ["git", "commit", "-qm", name]]

    def status(self) -> list[Command]:
        return [["git", "status"]]

    def clean(self) -> bool:
        return not self.ask("git", "status", "--porcelain")

    def checkout(self, state: int) -> list[Command]:
        return [["git", "checkout", "-q", self.saved[state]]]

    def clone(self) -> list[Command]:
        return [["git", "clone", "-q", str(self.work), str(self.copy)]]


class Dvc(Peer):
    """`dvc add` of those targets in which something changed; a clone pulls from the first repository's cache."""

    name, program = "dvc", str(PEERS / "bin" / "dvc")
    targets = ("data/images", "data/train.csv", "data/features.parquet", "model")

    @classmethod
    def found(cls) -> str | None:
        return shutil.which(cls.program) or shutil.which("dvc")

    def stores(self) -> list[pathlib.Path]:
        return [self.work / ".git", self.work / ".dvc"]

    def init(self) -> None:
        self.ask("git", "config", "--global", "user.name", "Ada")
        self.ask("git", "config", "--global", "user.email", "ada@example.com")
        self.ask("git", "init", "-q", "-b", "main")
        self.ask("dvc", "init", "-q")
        self.ask("dvc", "remote", "add", "-q", "-d", "origin", str(self.work / ".dvc" / "cache"))

    def note(self) -> None:
        self.saved.append(self.ask("git", "rev-parse", "HEAD").strip())

    def commit(self, name: str, changed: Iterable[str]) -> list[Command]:
        paths = list(changed)
        due = [target for target in self.targets if any(f"{path}/".startswith(f"{target}/") for path in paths)]
        add = [["dvc", "add", "-q", *due]] if due else []
        return [*add, ["git", "add", "-A"], ["git", "commit", "-qm", name]]

    def status(self) -> list[Command]:
        return [["dvc", "status"], ["git", "status"]]

    def clean(self) -> bool:
        return json.loads(self.ask("dvc", "status", "--json")) == {} and not self.ask("git", "status", "--porcelain")

    def checkout(self, state: int) -> list[Command]:
        return [["git", "checkout", "-q", self.saved[state]], ["dvc", "checkout", "-q"]]

    def clone(self) -> list[Command]:
        return [["git", "clone", "-q", str(self.work), str(self.copy)], ["dvc", "--cd", str(self.copy), "pull", "-q"]]


class Restic(Peer):
    name, program, version_words, leaves_files = "restic", "restic", ("version",), True

    def run(self, *words: str) -> Command:
        return ["restic", "-q", "-r", str(self.store), *words]

    def init(self) -> None:
        self.ask(*self.run("init"))

    def note(self) -> None:
        self.saved.append(json.loads(self.ask(*self.run("snapshots", "--json")))[-1]["id"])

    def commit(self, name: str, changed: Iterable[str]) -> list[Command]:
        return [self.run("backup", ".")]

    def status(self) -> list[Command]:
        return [self.run("backup", "--dry-run", ".")]

    def checkout(self, state: int) -> list[Command]:
        return [self.run("restore", self.saved[state], "--target", ".")]

    def clone(self) -> list[Command]:
        return [self.run("restore", self.saved[-1], "--target", str(self.copy))]


class Borg(Peer):
    name, program, leaves_files = "borg", "borg", True

    def init(self) -> None:
        self.ask("borg", "init", "--encryption=none", str(self.store))

    def commit(self, name: str, changed: Iterable[str]) -> list[Command]:
        return [["borg", "create", f"{self.store}::{name}", "."]]

    def status(self) -> list[Command]:
        return [["borg", "create", "--dry-run", f"{self.store}::status", "."]]

    def checkout(self, state: int) -> list[Command]:
        return [["borg", "extract", f"{self.store}::{self.saved[state]}"]]

    def clone(self) -> list[Command]:
        # `borg extract` writes where it runs.
        script = f'mkdir "$1" && cd "$1" && exec borg extract "$2::{self.saved[-1]}"'
        return [["sh", "-c", script, "sh", str(self.copy), str(self.store)]]


class Casync(Peer):
    name, program = "casync", "casync"

    def init(self) -> None:
        (self.store / "chunks").mkdir(parents=True)

    def index(self, name: str) -> str:
        return str(self.store / f"{name}.caidx")

    def chunks(self) -> str:
        return f"--store={self.store / 'chunks'}"

    def commit(self, name: str, changed: Iterable[str]) -> list[Command]:
        return [["casync", "make", self.chunks(), self.index(name), "."]]

    def status(self) -> list[Command]:
        return [["casync", "digest", "."]]

    def checkout(self, state: int) -> list[Command]:
        return [["casync", "extract", self.chunks(), self.index(self.saved[state]), "."]]

    def clone(self) -> list[Command]:
        return [["casync", "extract", self.chunks(), self.index(self.saved[-1]), str(self.copy)]]


ALL: tuple[type[Peer], ...] = (Mvcs, GitLfs, Dvc, Restic, Borg, Casync)
