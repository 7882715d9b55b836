"""Requirements and constraints files of pip, as blocks.

Knows: requirements, options, comments, continued lines. Refuses to know: the files that options name.
Sources: pip's Requirements File Format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.blocks import Block
from mvcs.formats.pep508 import MAX_LENGTH, file_name_package, normal_name, parse_requirement

if TYPE_CHECKING:
    from collections.abc import Sequence

FORM = "requirements"
MAX_BLOCKS = 50_000

_COMMENT = re.compile(r"(?<!\S)#")
_BREAKS = re.compile(r"[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029\0]")
"""Line ends to pip and to no editor: a requirement could hide behind one."""
_OPTION = re.compile(r"\s(?=-)")
_LONG = re.compile(r"(--[A-Za-z][A-Za-z0-9-]*)(?:\s*=\s*|\s+|$)(.*)", re.DOTALL)
_SHORT = {"-i": "--index-url", "-c": "-c", "-r": "-r", "-e": "-e", "-f": "--find-links"}
_SPELLED = {
    "--pypi-url": "--index-url", "--constraint": "-c", "--requirement": "-r", "--editable": "-e",
}
_MANY = {"-c", "-r", "--find-links", "--extra-index-url", "--trusted-host", "--use-feature"}
"""Options that add: each argument is a key of its own."""
_EXTRAS = re.compile(r"(.*?)(\[[A-Za-z0-9._,\s-]*\])?", re.DOTALL)
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_NAMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(?:\[[^\]]*\]\s*)?@")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tar.bz2", ".tar.xz", ".tgz")


def read_requirements(lines: Sequence[str]) -> tuple[Block, ...]:
    """Reads a requirements file.

    Args:
        lines: Its lines with their ends.

    Returns:
        Blocks, whose texts in a row are the file. A package's key is its normalised name, an option's the option, with
        its argument if it may be given more than once.

    Raises:
        UnreadableContent: If a line is neither requirement, option nor comment, or there are too many.

    Sources: pip, req_file.py: a comment ends a continued line, and options of a requirement follow its marker.
    """
    blocks: list[Block] = []
    at = 0
    while at < len(lines):
        if len(blocks) >= MAX_BLOCKS:
            raise UnreadableContent(format=FORM, line=at + 1, reason=f"more than {MAX_BLOCKS} entries")
        first = at
        logical = ""
        while True:
            line = lines[at].removesuffix("\n").removesuffix("\r")
            if _BREAKS.search(line):
                raise UnreadableContent(format=FORM, line=at + 1, reason="a line end or NUL inside a line")
            at += 1
            is_comment = line.lstrip().startswith("#")
            if not line.endswith("\\") or is_comment or at == len(lines):
                logical += " " + line if logical and is_comment else line
                break
            logical += line[:-1]
        blocks.append(_block(logical, "".join(lines[first:at]), first + 1))
    return tuple(blocks)


def _block(logical: str, text: str, line: int) -> Block:
    said = logical[: _comment_at(logical)].strip()
    if not said:
        return Block("", None, text, line=line)
    bare = text.rstrip("\r\n")
    last = bare.rfind("\n") + 1
    cut = last + len(bare[last : last + _comment_at(bare[last:])].rstrip())
    body, shown = bare[:cut] + text[len(bare) :], bare[cut:]
    if cut == last or not shown.strip():  # a line of its own inside a continued one, or only white space
        body, shown = text, ""
    try:
        key, value, marker = parse_entry(said)
    except ValueError as error:
        raise UnreadableContent(format=FORM, line=line, reason=str(error)) from error
    return Block(key, value, body, comment=shown, marker=marker, line=line)


def parse_entry(said: str) -> tuple[str, str, str]:
    """Returns key, value and marker of a line without its comment.

    Raises:
        ValueError: If it is neither a requirement nor an option.
    """
    return _option(said) if said.startswith("-") else _required(said)


def _comment_at(text: str) -> int:
    """Returns where the comment starts, the text's length if there is none."""
    found = _COMMENT.search(text)
    return len(text) if found is None else found.start()


def _option(said: str) -> tuple[str, str, str]:
    """Returns key, value and marker of an option line."""
    if said.startswith("--"):
        found = _LONG.fullmatch(said)
        if found is None:
            raise ValueError("not an option")  # noqa: EM101 -- told by the caller with its line
        name, argument = _SPELLED.get(found[1], found[1]), found[2].strip()
    else:
        if said[:2] not in _SHORT:
            raise ValueError("not an option of pip")  # noqa: EM101
        name, argument = _SHORT[said[:2]], said[2:].lstrip(" \t=")
    if name == "-e":
        return _editable(argument)
    return (f"{name} {argument}", argument, "") if name in _MANY else (name, argument, "")


def _editable(argument: str) -> tuple[str, str, str]:
    named = _direct(argument)
    if named is not None:
        return named[0], f"-e {named[1].removeprefix('@ ')}", named[2]
    found = _EXTRAS.fullmatch(argument)
    assert found is not None
    return f"-e {found[1]}", f"-e {argument}", ""


def _required(said: str) -> tuple[str, str, str]:
    """Returns key, value and marker of a requirement, a URL or a path."""
    requirement, *options = _OPTION.split(said)
    if len(requirement) > MAX_LENGTH:
        raise ValueError("a requirement that is too long")  # noqa: EM101
    # A package's own name may not hold a hyphen after white space, so what follows one are options.
    suffix = _options_of(options)
    direct = _direct(requirement.strip())
    if direct is not None:
        return direct[0], direct[1] + suffix, direct[2]
    found = parse_requirement(requirement)
    return found.name, found.value + suffix, found.marker


def _options_of(options: list[str]) -> str:
    hashes = sorted(option.strip().replace("--hash ", "--hash=") for option in options if option.startswith("--hash"))
    others = [option.strip() for option in options if not option.startswith("--hash")]
    return "".join(f" {option}" for option in others + hashes)


def _direct(said: str) -> tuple[str, str, str] | None:
    """Returns key, value and marker of a URL or path without a name before it, None if it is none."""
    bare, _, marker = said.partition(" ;") if " ;" in said else said.partition("; ")
    bare, marker = bare.strip(), marker.strip()
    if _NAMED.match(bare):
        return None
    if _SCHEME.match(bare):
        egg = _EGG.search(bare)
        if egg is not None:
            return normal_name(egg[1]), f"@ {bare}", marker
        path = bare.split("#", 1)[0].split("?", 1)[0]
        name = file_name_package(path.rpartition("/")[2])
        if name is not None:
            return name, f"@ {bare}", marker
        where, at, revision = path.rpartition("@")
        return (where if at and "/" not in revision else path), f"@ {bare}", marker
    found = _EXTRAS.fullmatch(bare)
    path = found[1] if found is not None else bare
    if path.startswith(".") or "/" in path.split("@", 1)[0].split(";", 1)[0] or path.lower().endswith(_ARCHIVES):
        name = file_name_package(path.rpartition("/")[2]) if path.lower().endswith(_ARCHIVES) else None
        return (name or path), f"@ {bare}", marker
    return None
