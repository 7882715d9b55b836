"""Asks an installer whether requirements can be satisfied together, for the interpreter that trains.

Nothing is installed, and nothing is built: a source archive's build script is not run, so what has no wheel for this
interpreter cannot be told. Knows: pip and uv, and what their answers mean. Refuses to know: who merged.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

YES, NO, UNKNOWN = "yes", "no", "unknown"
PIP, UV = "pip", "uv"
TIMEOUT = 300.0
MAX_MESSAGE = 4000

_BUILT = re.compile(r"^\s*(?:-e\b|--editable\b|\.|/|[a-z]+\+|file:)|@\s*(?:[a-z]+\+|file:)", re.IGNORECASE)
"""What only its own code can say the requirements of: folders, repositories."""
_FILES = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)\b")
_BUILD_OPTIONS = re.compile(r"^\s*--(?:no-binary|only-binary|config-settings|global-option|install-option)\b")
_OFFLINE = re.compile(
    r"NewConnectionError|ConnectTimeoutError|ReadTimeoutError|Name or service not known|name resolution"
    r"|Connection refused|Network is unreachable|ProxyError|SSLError|Max retries|CERTIFICATE_VERIFY_FAILED"
    r"|error sending request|dns error|Network connectivity is disabled|Failed to fetch|client error \(Connect\)"
    r"|network was disabled|Could not connect|40[13] Client Error|5\d\d Server Error|Temporary failure",
    re.IGNORECASE,
)
_NONE_KNOWN = re.compile(
    r"\(from versions: none\)|has no wheels|no usable wheels|was not found in the|no matching (?:platform|Python)",
    re.IGNORECASE,
)
_IMPOSSIBLE = re.compile(
    r"ResolutionImpossible|conflicting dependencies|No matching distribution found|Could not find a version"
    r"|No solution found|unsatisfiable|requires a different Python|Double requirement", re.IGNORECASE,
)
_NOISE = ("DEPRECATION", "[notice]", "WARNING: Location", "INFO")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


class Answer(Record):
    """What a resolver says.

    Args:
        verdict: YES; NO if no set of versions satisfies all; UNKNOWN if that could not be found out.
        message: The resolver's words, or why it could not be asked; empty for YES.
        left_out: Lines that were not looked at, since they would have had to be built or read from elsewhere; without
            passwords.
        versions: Normalised name to version of what would be installed, where the verdict is YES.
    """

    __slots__ = ("left_out", "message", "verdict", "versions")

    def __init__(
        self, verdict: str, message: str = "", left_out: tuple[str, ...] = (),
        versions: Mapping[str, str] | None = None,
    ) -> None:
        self.verdict = verdict
        self.message = message
        self.left_out = left_out
        self.versions = dict(versions or {})


def satisfiable(python: str, requirements: Sequence[str], tool: str = PIP, *, timeout: float = TIMEOUT) -> Answer:
    """Asks whether requirements can be satisfied together.

    Args:
        python: Path of the interpreter that trains.
        requirements: Lines of requirements files, options for the index among them.
        tool: PIP, run by that interpreter, or UV from the search path.
        timeout: Seconds it may take.

    Returns:
        The answer. No connection, no index, no such tool are UNKNOWN and never NO.

    Sources: pip install --dry-run --ignore-installed --only-binary :all:; uv pip compile --no-build.
    """
    import tempfile

    lines = [line for line in requirements if line.strip() and not line.lstrip().startswith("#")]
    left_out = tuple(_CREDENTIALS.sub("", line) for line in lines if _left_out(line))
    lines = [line for line in lines if not _left_out(line)]
    if not any(not line.lstrip().startswith("-") for line in lines):
        return Answer(UNKNOWN, "nothing that an index could tell", left_out) if left_out else Answer(YES)
    with tempfile.TemporaryDirectory(prefix="mvcs-") as folder:
        file = os.path.join(folder, "requirements.txt")
        with open(file, "w", encoding="utf-8") as opened:
            opened.write("".join(line.rstrip("\n") + "\n" for line in lines))
        command = [
            python, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "--no-color", "install",
            "--dry-run", "--ignore-installed", "--progress-bar", "off", "--only-binary", ":all:", "--retries", "1",
            "--report", os.path.join(folder, "report.json"), "-r", file,
        ]
        if tool == UV:
            command = [
                "uv", "--no-config", "--color", "never", "pip", "compile", "--quiet", "--no-build", "--no-header",
                "--python", python, "--output-file", os.path.join(folder, "locked.txt"), file,
            ]
        verdict, message = _run(command, timeout, folder)
        versions = _versions(folder) if verdict == YES else {}
    return Answer(verdict, message, left_out, versions)


def _versions(folder: str) -> dict[str, str]:
    """Returns what a resolver that succeeded has written: pip a report, uv a file of pins."""
    import json

    from mvcs.formats.pep508 import normal_name

    report = os.path.join(folder, "report.json")
    if os.path.exists(report):
        with open(report, encoding="utf-8") as file:
            found = [item["metadata"] for item in json.load(file)["install"]]
        return {normal_name(item["name"]): item["version"] for item in found}
    with open(os.path.join(folder, "locked.txt"), encoding="utf-8") as file:
        pins = [line.split(";")[0].strip().partition("==") for line in file if "==" in line and line[:1] not in "# "]
    return {normal_name(name.partition("[")[0]): version for name, _, version in pins}


def _left_out(line: str) -> bool:
    return bool(_BUILT.search(line) or _FILES.match(line) or _BUILD_OPTIONS.match(line))


def _run(command: list[str], timeout: float, folder: str) -> tuple[str, str]:
    import subprocess

    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False, cwd=folder,
        )
    except subprocess.TimeoutExpired:
        return UNKNOWN, f"no answer within {timeout:g} s"
    except OSError as error:
        return UNKNOWN, f"{command[0]}: {error.strerror}"
    if done.returncode == 0:
        return YES, ""
    said, more = (
        _CREDENTIALS.sub("", stream.decode("utf-8", "replace").replace(folder + "/", ""))
        for stream in (done.stderr, done.stdout)
    )
    return _meaning(said, more)


def _meaning(said: str, more: str) -> tuple[str, str]:
    """Returns the verdict and the message of a resolver that did not succeed.

    Args:
        said: Its standard error.
        more: Its standard output, where pip explains a conflict.
    """
    lines = [line.rstrip() for line in said.splitlines() if line.strip() and not line.startswith(_NOISE)]
    _, found, cause = more.partition("The conflict is caused by:")
    lines += [line.strip() for line in cause.strip().split("\n\n")[0].splitlines()] if found else []
    message = "\n".join(lines)[:MAX_MESSAGE] or "it failed without a word"
    if _OFFLINE.search(said):
        return UNKNOWN, message
    if "ResolutionImpossible" not in said and _NONE_KNOWN.search(said):
        return UNKNOWN, message  # none on the index, or none that is a wheel
    return (NO, message) if _IMPOSSIBLE.search(said) else (UNKNOWN, message)
