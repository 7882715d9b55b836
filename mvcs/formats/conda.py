"""environment.yml of conda, as blocks: a dependency a line, any other key as a whole.

Knows: dependencies, the pip list inside them. Refuses to know: YAML beyond that; what a line says is held against what
the reader of YAML says, and a file written in another way (flow style, aliases) is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.blocks import SECTION, Block
from mvcs.formats.content import Bytes
from mvcs.formats.pep508 import ANY
from mvcs.formats.requirements import parse_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mvcs.formats.values import Value

FORM = "conda environment"
DEPENDENCIES = "dependencies"
PIP = "pip:"
"""Key of the line that opens the pip list, and what the keys of its items start with."""
_IN_PIP = f"{DEPENDENCIES}/pip"

_KEY = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)[ \t]*:(?=\s|$)")
_ITEM = re.compile(
    r"( *)-[ \t]+(?:'((?:[^']|'')*)'|\"([^\"\\]*)\"|([^\s'\"#&*!|>%@`{\[][^\r\n]*?))([ \t]+#[^\r\n]*|[ \t]*)\r?\n?"
)
_SPEC = re.compile(r"(?:([^\s:]+(?::[^\s:]+)*)::)?([A-Za-z0-9_][A-Za-z0-9_.-]*)\s*(.*)", re.DOTALL)
_TIGHT = re.compile(r"\s*(==|!=|<=|>=|~=|[=<>,|])\s*")


def is_conda(text: str) -> bool:
    """Whether a file of packages is conda's: no line of a requirements file can open its list of dependencies."""
    return re.search(r"^dependencies[ \t]*:", text, re.MULTILINE) is not None


def read_conda(lines: Sequence[str]) -> tuple[Block, ...]:
    """Reads an environment.yml.

    Args:
        lines: Its lines with their ends.

    Returns:
        Blocks, whose texts in a row are the file. A dependency's key is its name, inside the pip list `pip:NAME`.

    Raises:
        UnreadableContent: If it is not YAML, or its dependencies are not one to a line.
    """
    from mvcs.formats.config import read_config

    parsed = read_config("yaml", Bytes("".join(lines).encode("utf-8", "surrogateescape")))
    if not isinstance(parsed, dict):
        raise UnreadableContent(format=FORM, line=1, reason="not a map")
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        found = _KEY.match(lines[at])
        if found is None:
            if not _is_silent(lines[at]) and lines[at].rstrip() != "---":
                raise UnreadableContent(format=FORM, line=at + 1, reason="not a key")
            blocks.append(Block("", None, lines[at], line=at + 1))
            at += 1
            continue
        end = _end_of(lines, at)
        if found[1] == DEPENDENCIES and lines[at][found.end() :].split(" #")[0].strip() in {"", "[]"}:
            blocks.append(Block(DEPENDENCIES, SECTION, lines[at], line=at + 1))
            blocks += _items(lines, at + 1, end)
        else:
            if found[1] == DEPENDENCIES:
                raise UnreadableContent(format=FORM, line=at + 1, reason="its dependencies are not one to a line")
            value = parsed.get(found[1])
            blocks.append(Block(found[1], value, "".join(lines[at:end]), line=at + 1))
        at = end
    _hold(blocks, parsed)
    return tuple(blocks)


def _is_silent(line: str) -> bool:
    bare = line.strip()
    return not bare or bare.startswith("#")


def _end_of(lines: Sequence[str], start: int) -> int:
    """Returns where the value of a top-level key ends; blank lines and comments after it are not part of it."""
    end = start + 1
    for at in range(start + 1, len(lines)):
        if _is_silent(lines[at]):
            continue
        if lines[at][0] not in " \t-" or lines[at].rstrip() == "---":
            break
        end = at + 1
    return end


def _items(lines: Sequence[str], start: int, end: int) -> list[Block]:
    blocks: list[Block] = []
    outer = -1
    in_pip = False
    for at in range(start, end):
        line = lines[at]
        if _is_silent(line):
            blocks.append(Block("", None, line, section=_IN_PIP if in_pip else DEPENDENCIES, line=at + 1))
            continue
        found = _ITEM.fullmatch(line)
        if found is None:
            raise UnreadableContent(format=FORM, line=at + 1, reason="a dependency that is not one plain line")
        indent = len(found[1])
        outer = indent if outer < 0 else outer
        in_pip = indent > outer
        said = found[4] if found[4] is not None else (found[3] if found[2] is None else found[2].replace("''", "'"))
        said = said.strip()
        bare = line.rstrip("\r\n")
        comment = found[5] if "#" in found[5] else ""
        body = bare[: len(bare) - len(comment)] + line[len(bare) :]
        section = _IN_PIP if in_pip else DEPENDENCIES
        if not in_pip and found[4] is not None and re.fullmatch(r"pip[ \t]*:", said):
            blocks.append(Block(PIP, SECTION, body, comment=comment, section=DEPENDENCIES, line=at + 1))
            continue
        try:
            key, value, marker = _pip_item(said) if in_pip else conda_item(said)
        except ValueError as error:
            raise UnreadableContent(format=FORM, line=at + 1, reason=str(error)) from error
        blocks.append(Block(key, value, body, comment=comment, marker=marker, section=section, line=at + 1))
    return blocks


def _pip_item(said: str) -> tuple[str, str, str]:
    key, value, marker = parse_entry(said)
    return PIP + key, value, marker


def conda_item(said: str) -> tuple[str, str, str]:
    """Returns key, value and no marker of a conda match specification, such as `conda-forge::numpy >=1.26`.

    Raises:
        ValueError: If it names no package.
    """
    found = _SPEC.fullmatch(said)
    if found is None or ":" in found[3].split("[", 1)[0]:
        raise ValueError("not a package")  # noqa: EM101 -- told by the caller with its line
    value = _TIGHT.sub(r"\1", found[3]) or ANY
    return found[2].lower(), f"{found[1]}::{value}" if found[1] else value, ""


def _hold(blocks: list[Block], parsed: dict[str, Value]) -> None:
    """Holds the blocks against the file as YAML.

    Raises:
        UnreadableContent: If they do not say the same.
    """
    keys = [block.key for block in blocks if block.key and not block.section]
    entries: list[tuple[str, Value, str]] = [
        (block.key, block.value, block.marker) for block in blocks if block.section and block.key
    ]
    listed = parsed.get(DEPENDENCIES)
    if entries != ([] if listed is None else _expected(listed) if isinstance(listed, list) else None) and any(
        block.value is SECTION for block in blocks
    ):
        raise UnreadableContent(format=FORM, line=0, reason="its dependencies are not one to a line")
    if len(keys) != len(set(keys)) or set(keys) != set(parsed):
        raise UnreadableContent(format=FORM, line=0, reason="its keys are not one to a line")


def _expected(listed: list[Value]) -> list[tuple[str, Value, str]] | None:
    made: list[tuple[str, Value, str]] = []
    for item in listed:
        try:
            if isinstance(item, dict):
                inner = item.get("pip")
                if list(item) != ["pip"] or not (inner is None or isinstance(inner, list)):
                    return None
                made.append((PIP, SECTION, ""))
                for entry in inner or []:
                    if not isinstance(entry, str):
                        return None
                    made.append(_pip_item(entry.strip()))
            elif isinstance(item, str):
                made.append(conda_item(item.strip()))
            else:
                return None
        except ValueError:
            return None
    return made
