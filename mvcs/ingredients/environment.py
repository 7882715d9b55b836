"""Captures what a training interpreter has installed: what a rebuild needs as an entry, the machine as provenance.

Knows: which distributions count, where they came from, which CUDA runtime they mean. Refuses to know: how an
interpreter is asked (`interpreter`), where the entry is stored. The entry is the same on every machine that has the
same packages.
"""

from __future__ import annotations

import json
import os
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from mvcs.formats.captured import CUDA, IMPLEMENTATION, PACKAGES, PYTHON, write_captured
from mvcs.formats.pep508 import is_name, normal_name, parse_version
from mvcs.ingredients.interpreter import ask, find_interpreter
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mvcs.ingredients.interpreter import Answer, Distribution
    from mvcs.objects.values import Json

INSTALLERS = frozenset({"pip", "distribute"})
BROUGHT_ALONG = frozenset({"setuptools", "wheel"})
"""With these, what a virtual environment brings along in its own version, the second ones before Python 3.12: left out,
as `pip freeze` does."""
MAX_PACKAGES = 20_000

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,199}")
_RUNTIME = re.compile(r"nvidia-cuda-runtime(?:-cu\d+)?")
_CONDA_RUNTIME = re.compile(r"(?:cudatoolkit|cuda-cudart)-(\d+\.\d+)[.\d]*-.+")
_LOCAL = re.compile(r"\+(?:.*\.)?cu(?:da)?(\d{2,3})(?![\d.])")
_BUILT_FOR_CUDA = ("torch", "torchvision", "torchaudio", "jaxlib", "tensorflow", "cupy")
_CREDENTIALS = re.compile(r"(?<=//)([^/@:\s]*)(?::[^/@\s]*)?@")
_REVISION = re.compile(r"[0-9a-f]{7,64}")


class Captured(Record):
    """An environment as it was found.

    Args:
        entry: Canonical JSON of what a rebuild needs (see `mvcs.formats.captured`).
        warnings: What was odd, one sentence each.
        incomplete: What a rebuild would lack, one reason each; empty if nothing.
        provenance: Interpreter build, system, processor, driver, host: on the commit, never in the entry.
        interpreter: Path of the interpreter that was asked.
    """

    __slots__ = ("entry", "incomplete", "interpreter", "provenance", "warnings")

    def __init__(
        self, entry: bytes, warnings: tuple[str, ...], incomplete: tuple[str, ...], provenance: Mapping[str, Json],
        interpreter: str,
    ) -> None:
        self.entry = entry
        self.warnings = warnings
        self.incomplete = incomplete
        self.provenance = provenance
        self.interpreter = interpreter


def capture_environment(
    folder: str, declared: str | None, virtual_env: str | None, also: Mapping[str, Json] = MappingProxyType({})
) -> Captured | None:
    """Captures the environment that training runs in.

    Args:
        folder: The project's folder.
        declared: `[environment] python` of mvcs.toml, None if it has none.
        virtual_env: The active virtual environment, None if there is none.
        also: Fields of the entry that are declared: packages of the system, base image.

    Returns:
        What was found; None where nothing says which interpreter trains: the parent's entry is carried on.

    Raises:
        UnreadableFile: If the interpreter cannot be asked; fields `path`, `reason`.

    Laws:
        The entry depends on what is installed and declared alone: not on the machine, the folder or the time.
    """
    interpreter = find_interpreter(folder, declared, virtual_env)
    if interpreter is None:
        return None
    answer = ask(interpreter)
    found = _Found(os.path.realpath(folder), INSTALLERS if answer.python >= (3, 12) else INSTALLERS | BROUGHT_ALONG)
    for distribution in answer.distributions:
        found.take(distribution)
    found.warnings += [f"the metadata {name[:100]!r} cannot be read" for name in answer.broken[:20]]
    found.incomplete += [f"package with unreadable metadata: {name[:100]!r}" for name in answer.broken[:20]]
    fields: dict[str, Json] = {
        PYTHON: ".".join(str(part) for part in answer.python[:2]), IMPLEMENTATION: answer.implementation,
        PACKAGES: {**found.packages}, CUDA: _cuda(found, answer.conda), **also,
    }
    return Captured(
        write_captured(fields), tuple(found.warnings), tuple(sorted(found.incomplete)), _provenance(answer),
        interpreter,
    )


class _Found:
    """Packages gathered so far."""

    __slots__ = ("_folder", "_left_out", "_order", "incomplete", "packages", "versions", "warnings")

    def __init__(self, folder: str, left_out: frozenset[str]) -> None:
        self._folder = folder
        self._left_out = left_out
        self._order: dict[str, int] = {}
        self.packages: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.warnings: list[str] = []
        self.incomplete: list[str] = []

    def take(self, distribution: Distribution) -> None:
        """Adds a distribution, unless one before it on the path hides it."""
        name = normal_name(distribution.name)
        if name in self._left_out:
            return
        if not is_name(name) or not _VERSION.fullmatch(distribution.version) or len(self.packages) >= MAX_PACKAGES:
            self.warnings.append(f"a distribution with an illegal name or version: {name[:60]!r}")
            self.incomplete.append(f"package with an illegal name or version: {name[:60]!r}")
            return
        version = _canonical(distribution.version)
        if name in self.packages:
            first = self.versions[name]
            if self._order[name] == distribution.order and first != version:
                self.warnings.append(f"{name} is installed twice: {first} and {version}")
                self.incomplete.append(f"package {name}: installed twice, {first} and {version}")
                if not _older(first, version):
                    return
                self.packages[name], self.versions[name] = version, version
            return
        self._order[name] = distribution.order
        self.versions[name] = version
        self.packages[name], problem = self._source(distribution, version)
        if problem:
            self.incomplete.append(f"package {name}: {problem}")

    def _source(self, distribution: Distribution, version: str) -> tuple[str, str]:
        """Returns what the entry says of a distribution, and what keeps it from being installed again."""
        if distribution.develop:
            return self._local(version, distribution.develop, "-e ", "a development install")
        if not distribution.direct or distribution.installer == "conda":  # conda notes where it was built
            return version, ""
        try:
            direct = json.loads(distribution.direct)
            url, vcs = str(direct["url"]), direct.get("vcs_info")
            archive, local = direct.get("archive_info"), direct.get("dir_info")
            commit = str(vcs.get("commit_id", "")) if isinstance(vcs, dict) else ""
            subfolder = str(direct.get("subdirectory") or "")
            editable = isinstance(local, dict) and local.get("editable") is True
            digest = _digest(archive) if isinstance(archive, dict) else ""
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return version, "its direct_url.json cannot be read"
        url = without_credentials(url)
        if isinstance(vcs, dict):
            kind = str(vcs.get("vcs", "git"))
            if not _REVISION.fullmatch(commit):
                return version, f"installed from {kind}+{url[:200]} without a commit"
            if url.startswith("file:") or not _plain(url + kind + subfolder):
                return version, "installed from a repository on this machine"
            return f"{version} @ {kind}+{url}@{commit}" + (f"#subdirectory={subfolder}" if subfolder else ""), ""
        if url.startswith("file:"):
            if isinstance(local, dict):
                return self._local(version, _path_of(url), "-e " if editable else "", "installed from a folder")
            return version, "installed from a file on this machine"
        if not _plain(url):
            return version, "installed from a URL that cannot be written down"
        if not digest:
            return f"{version} @ {url}", "installed from a URL without a digest"
        return f"{version} @ {url.split('#')[0]}#{digest}", ""

    def _local(self, version: str, path: str, editable: str, how: str) -> tuple[str, str]:
        """Returns what the entry says of an install from a folder: the project's own code is in the commit."""
        inside = os.path.relpath(os.path.realpath(path), self._folder)
        if inside != ".." and not inside.startswith("../") and _plain(inside.replace(" ", "")):
            return f"{editable}./{inside}" if inside != "." else f"{editable}.", ""
        return version, f"{how} outside of the project"


def without_credentials(url: str) -> str:
    """Returns a URL without user and password; the user of SSH, which is no secret, stays."""
    return _CREDENTIALS.sub(lambda found: f"{found[1]}@" if url.startswith("ssh:") else "", url, count=1)


def _plain(text: str) -> bool:
    return len(text) <= 2000 and text.isprintable() and not any(char.isspace() for char in text)


def _path_of(url: str) -> str:
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(url).path)


def _digest(archive: Mapping[str, Json]) -> str:
    """Returns `algorithm=hex` of an archive, empty if unknown."""
    hashes = archive.get("hashes")
    if isinstance(hashes, dict) and isinstance(hashes.get("sha256"), str):
        found = f"sha256={hashes['sha256']}"
    else:
        found = str(archive.get("hash") or "")
    return found if re.fullmatch(r"[a-z0-9]+=[0-9a-f]{32,128}", found) else ""


def _canonical(version: str) -> str:
    """Returns one spelling of a version, its local part included; what PEP 440 cannot read stays as it is."""
    parsed = parse_version(version)
    return version if parsed is None else str(parsed)


def _older(first: str, second: str) -> bool:
    left, right = parse_version(first), parse_version(second)
    return left is not None and right is not None and left < right


def _cuda(found: _Found, conda: Iterable[str]) -> str | None:
    """Returns the CUDA runtime that the packages bring or were built for, such as 12.1; None for none."""
    said: dict[str, str] = {}
    for name, version in found.versions.items():
        parts = version.split(".")
        if _RUNTIME.fullmatch(name) and len(parts) > 1:
            said[name] = ".".join(parts[:2])
    for package in conda:
        match = _CONDA_RUNTIME.fullmatch(package)
        if match is not None:
            said.setdefault(package.rpartition("-")[0], match[1])
    for name in _BUILT_FOR_CUDA:
        local = _LOCAL.search(found.versions.get(name, ""))
        if local is not None:
            said[name] = f"{local[1][:-1]}.{local[1][-1]}"
    if len(set(said.values())) > 1:
        listed = ", ".join(f"{name} {version}" for name, version in sorted(said.items()))
        found.warnings.append(f"packages for different CUDA runtimes: {listed}")
    for name in (*_BUILT_FOR_CUDA, *sorted(said)):  # what computes was built for one of them
        if name in said:
            return said[name]
    return None


def _provenance(answer: Answer) -> dict[str, Json]:
    """Returns what differs from machine to machine and may explain a result; nothing of it may fail."""
    made: dict[str, Json] = {
        "interpreter": {key: answer.machine[key] for key in ("build", "executable", "prefix")},
        "python": ".".join(str(part) for part in answer.python), "system": answer.machine["system"],
    }
    processor = _processor()
    if processor:
        made["processor"] = {**processor}
    driver = _first_lines("/proc/driver/nvidia/version", 1)
    if driver:
        made["nvidia_driver"] = driver[0]
        made["gpus"] = [*_gpus()]
    if answer.conda:
        made["conda"] = [*answer.conda]
    return made


def _first_lines(path: str, count: int) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for _, line in zip(range(count), file, strict=False)]
    except OSError:
        return []


def _processor() -> dict[str, str]:
    """Returns model and flags of the first processor: which of them a library used changes the last bits of a sum."""
    found: dict[str, str] = {}
    for line in _first_lines("/proc/cpuinfo", 60):
        key, _, value = line.partition(":")
        if key.strip() in {"model name", "flags", "Features"}:
            found.setdefault({"model name": "model"}.get(key.strip(), "flags"), value.strip())
    return found


def _gpus() -> list[str]:
    folder = "/proc/driver/nvidia/gpus"
    try:
        names = sorted(os.listdir(folder))[:64]
    except OSError:
        return []
    lines = [line for name in names for line in _first_lines(f"{folder}/{name}/information", 20)]
    return [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
