"""Asks a training interpreter which distributions it has, without importing one of them.

The child process runs with -I -S: no `.pth` line, no sitecustomize and no package of the environment is run. Knows:
where interpreters keep metadata. Refuses to know: what it means (`environment`).
Sources: PEP 376, PEP 405, PEP 610, PEP 627; site.py for the folders.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from mvcs.errors import UnreadableFile
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT = 20.0
"""Seconds; a healthy one answers in a tenth of one."""
MAX_ANSWER = 32 << 20
_MARK = b"\0mvcs\0"

# Runs in Python 3.6 and later, whatever is installed there.
SCRIPT = r"""
import json, os, site, sys

LONGEST = 1 << 20

def text(path):
    try:
        with open(path, "rb") as file:
            return file.read(LONGEST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None

def config(path):
    found = {}
    for line in (text(path) or "").splitlines():
        key, equals, value = line.partition("=")
        if equals:
            found[key.strip().lower()] = value.strip()
    return found

here = os.path.dirname(os.path.abspath(sys.executable))
prefixes, in_venv, system = [sys.prefix], False, False
for folder in (here, os.path.dirname(here)):
    if os.path.isfile(os.path.join(folder, "pyvenv.cfg")):
        in_venv = True
        values = config(os.path.join(folder, "pyvenv.cfg"))
        system = values.get("include-system-site-packages", "false").lower() == "true"
        prefixes = [os.path.dirname(here)] + ([sys.base_prefix, sys.base_exec_prefix] if system else [])
        break
folders = []
# Debian's getsitepackages() leaves dist-packages of the system out where sys.prefix is a venv's.
if in_venv:
    sys.prefix = sys.exec_prefix = prefixes[0]
for folder in site.getsitepackages(list(dict.fromkeys(prefixes))):
    folders.append(folder)
if not in_venv or system:
    try:
        folders.insert(0, site.getusersitepackages())
    except Exception:
        pass

seen, queue = [], list(folders)
packages, broken = [], []

def add(folder, name):
    meta = os.path.join(folder, name)
    lower = name.lower()
    if lower.endswith(".egg-link"):
        where = ((text(meta) or "").splitlines() or [""])[0].strip()
        if os.path.isabs(where) and os.path.isdir(where):
            for inner in sorted(os.listdir(where)):
                if inner.endswith(".egg-info"):
                    read(os.path.join(where, inner), inner, where)
        return
    if lower.endswith(".egg"):
        if os.path.isdir(os.path.join(meta, "EGG-INFO")):
            read(os.path.join(meta, "EGG-INFO"), name, None)
        elif os.path.isfile(meta):
            broken.append(name)
        return
    read(meta, name, None)

def read(meta, name, develop):
    body = None
    for inner in ("METADATA", "PKG-INFO", ""):
        body = text(os.path.join(meta, inner) if inner else meta)
        if body:
            break
    found = {}
    for line in (body or "").splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon and key.lower() in ("name", "version") and key.lower() not in found:
            found[key.lower()] = value.strip()
    if not found.get("name") or not found.get("version"):
        broken.append(name)
        return
    installer = (text(os.path.join(meta, "INSTALLER")) or "").strip()
    direct = text(os.path.join(meta, "direct_url.json"))
    packages.append([found["name"], found["version"], direct, installer, develop, order])

order = 0
while queue and len(seen) < 200:
    folder = queue.pop(0)
    real = os.path.realpath(folder)
    if real in seen or not os.path.isdir(real):
        continue
    seen.append(real)
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        continue
    for name in names:
        if name.startswith("~"):
            continue
        if name.lower().endswith((".dist-info", ".egg-info", ".egg-link", ".egg")):
            try:
                add(folder, name)
            except (OSError, ValueError):
                broken.append(name)
        elif name.endswith(".pth") and folder in folders:
            for line in (text(os.path.join(folder, name)) or "").splitlines():
                line = line.strip()
                if line and not line.startswith(("#", "import ", "import\t")):
                    queue.append(os.path.join(folder, line))
    order += 1

conda = []
meta = os.path.join(prefixes[0], "conda-meta")
if os.path.isdir(meta):
    conda = [name[:-5] for name in sorted(os.listdir(meta)) if name.endswith(".json")]
answer = {
    "version": list(sys.version_info[:3]), "implementation": sys.implementation.name, "build": sys.version,
    "executable": sys.executable, "prefix": prefixes[0], "packages": packages, "broken": broken, "conda": conda,
    "uname": list(os.uname()) if hasattr(os, "uname") else [],
}
out = getattr(sys.stdout, "buffer", sys.stdout)
out.write(b"\0mvcs\0" + json.dumps(answer).encode("ascii") + b"\0mvcs\0")
out.flush()
"""


class Distribution(Record):
    """One that is installed.

    Args:
        name: As its metadata spells it.
        version: Likewise.
        direct: Content of its direct_url.json, empty if there is none (PEP 610).
        installer: What installed it, empty if unknown.
        develop: The folder that a development install points to, empty if it is none.
        order: Place of its folder on the path; the lower is imported.
    """

    __slots__ = ("develop", "direct", "installer", "name", "order", "version")

    def __init__(self, name: str, version: str, *, direct: str, installer: str, develop: str, order: int) -> None:
        self.name = name
        self.version = version
        self.direct = direct
        self.installer = installer
        self.develop = develop
        self.order = order


class Answer(Record):
    """What an interpreter says about itself.

    Args:
        python: Its version, such as (3, 11, 7).
        implementation: cpython or another.
        distributions: What is installed, in the order of the path.
        broken: Names of metadata that cannot be read.
        conda: Conda's packages as NAME-VERSION-BUILD.
        machine: Build, executable, prefix, system: what differs from machine to machine.
    """

    __slots__ = ("broken", "conda", "distributions", "implementation", "machine", "python")

    def __init__(
        self, python: tuple[int, ...], implementation: str, distributions: tuple[Distribution, ...],
        broken: tuple[str, ...], conda: tuple[str, ...], machine: Mapping[str, str],
    ) -> None:
        self.python = python
        self.implementation = implementation
        self.distributions = distributions
        self.broken = broken
        self.conda = conda
        self.machine = machine


def find_interpreter(folder: str, declared: str | None, virtual_env: str | None) -> str | None:
    """Returns the path of the interpreter that trains, None if nothing says which.

    Args:
        folder: The project's folder.
        declared: `[environment] python` of mvcs.toml; from the project's folder if it is relative.
        virtual_env: The active virtual environment.

    Returns:
        The declared one, else that of `.venv`, else that of the active environment. Never the one that runs mvcs.

    Raises:
        UnreadableFile: If the first of these that is there leads nowhere; fields `path`, `reason`.
    """
    if declared:
        path = os.path.join(folder, os.path.expanduser(declared))
        if os.path.isdir(path):
            path = os.path.join(path, "bin", "python")
        return _usable(path)
    for place in (os.path.join(folder, ".venv"), virtual_env):
        if place and os.path.lexists(os.path.join(place, "bin", "python")):
            return _usable(os.path.join(place, "bin", "python"))
    return None


def _usable(path: str) -> str:
    if not os.path.isfile(path):
        raise _failure(path, "it leads to nothing" if os.path.lexists(path) else "there is no such file")
    if not os.access(path, os.X_OK):
        raise _failure(path, "it is not executable")
    return os.path.abspath(path)


def _failure(path: str, reason: str) -> UnreadableFile:
    return UnreadableFile(
        path=path, reason=f"it is to say what training ran in, but {reason}",
        hint='python = "PATH" under [environment] in mvcs.toml',
    )


def ask(interpreter: str, timeout: float = TIMEOUT) -> Answer:
    """Asks an interpreter what it has.

    Args:
        interpreter: Its path.
        timeout: Seconds that it may take.

    Raises:
        UnreadableFile: If it does not answer; fields `path`, `reason`.
    """
    import subprocess

    try:
        done = subprocess.run(
            [interpreter, "-I", "-S", "-c", SCRIPT], stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
            check=False, cwd="/",
        )
    except subprocess.TimeoutExpired as error:
        raise _failure(interpreter, f"it did not answer within {timeout:g} s") from error
    except OSError as error:
        raise _failure(interpreter, error.strerror or "it cannot be run") from error
    parts = done.stdout.split(_MARK) if len(done.stdout) <= MAX_ANSWER else []
    if len(parts) != 3:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise _failure(interpreter, f"it said {said[-1][:200]!r}" if said else f"it ended with {done.returncode}")
    try:
        return _checked(json.loads(parts[1]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _failure(interpreter, "its answer cannot be read") from error


def _checked(found: dict[str, Any]) -> Answer:
    """Returns an answer with the types that it must have; the environment may be anyone's."""
    distributions = tuple(
        Distribution(
            _text(name), _text(version), direct=_text(direct or ""), installer=_text(installer),
            develop=_text(develop or ""), order=int(order),
        )
        for name, version, direct, installer, develop, order in found["packages"]
    )
    machine = {key: _text(found[key]) for key in ("build", "executable", "prefix")}
    machine["system"] = " ".join(_text(word) for word in found["uname"])
    return Answer(
        tuple(int(part) for part in found["version"]), _text(found["implementation"]), distributions,
        tuple(_text(name) for name in found["broken"]), tuple(_text(name) for name in found["conda"]), machine,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(type(value).__name__)
    return value
