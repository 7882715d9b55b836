"""Files that declare packages: requirements and constraints of pip, environment.yml of conda.

Knows: which of the two a file is, how much of it is read. Refuses to know: what one of them means (`requirements`,
`conda`), and the entry that capture writes (`captured`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.blocks import Block
from mvcs.formats.conda import PIP, conda_item, is_conda, read_conda
from mvcs.formats.lines import Text, read_text
from mvcs.formats.pep508 import typed_requirement
from mvcs.formats.requirements import parse_entry, read_requirements
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from mvcs.formats.content import Content

MAX_BYTES = 4 << 20
MAX_LINES = 100_000

REQUIREMENTS, CONDA = "requirements", "conda"


class Packages(Record):
    """A file that declares packages.

    Args:
        syntax: REQUIREMENTS or CONDA.
        blocks: What it says, line by line; their texts in a row are the file.
        encoding: As `mvcs.formats.lines` has it.
    """

    __slots__ = ("blocks", "encoding", "syntax")

    def __init__(self, syntax: str, blocks: tuple[Block, ...], encoding: str) -> None:
        self.syntax = syntax
        self.blocks = blocks
        self.encoding = encoding


def read_packages(content: Content) -> Packages:
    """Reads a file of packages; which syntax it has is seen from the file.

    Raises:
        UnreadableContent: If it cannot be read, or is too large.

    Laws:
        the texts of the blocks in a row are the file's text.
    """
    if content.size > MAX_BYTES:
        raise UnreadableContent(format=REQUIREMENTS, line=0, reason=f"longer than {MAX_BYTES >> 20} MiB")
    text = read_text(content)
    if len(text.lines) > MAX_LINES:
        raise UnreadableContent(format=REQUIREMENTS, line=MAX_LINES, reason=f"more than {MAX_LINES} lines")
    return parse_packages(text)


def parse_packages(text: Text) -> Packages:
    """Reads the text of a file of packages.

    Raises:
        UnreadableContent: If it cannot be read.
    """
    if is_conda("".join(text.lines)):
        return Packages(CONDA, read_conda(text.lines), text.encoding)
    return Packages(REQUIREMENTS, read_requirements(text.lines), text.encoding)




def typed_line(syntax: str, model: Block, typed: str) -> Block | None:
    """Returns the block that a value typed by somebody makes.

    Args:
        syntax: REQUIREMENTS or CONDA.
        model: A block of the same key; its place, its marker and its comment are kept.
        typed: A version, a specifier, a requirement; an option's argument.

    Returns:
        The block, None if what was typed is nothing that can stand under this key.
    """
    said = " ".join(typed.split())
    if not said or "#" in said:
        return None
    if model.key.startswith("-"):
        line = f"{model.key} {said.removeprefix(model.key).strip()}"
    elif syntax == CONDA and not model.section.endswith("/pip"):
        if not model.section or model.key == PIP:
            return None
        bare = said.removeprefix(model.key).strip() if said.startswith(model.key) else said
        line = model.key + (f"={bare}" if bare[:1].isdigit() else "" if bare == "*" else bare)
    else:
        found = typed_requirement(model.key.removeprefix(PIP) if model.section else model.key, said)
        if found is None:
            return None
        line = found if ";" in found or not model.marker else f"{found} ; {model.marker}"
    try:
        if syntax == CONDA:
            key, value, marker = parse_entry(line) if model.section.endswith("/pip") else conda_item(line)
            key = PIP + key if model.section.endswith("/pip") else key
        else:
            key, value, marker = parse_entry(line)
    except ValueError:
        return None
    if key != model.key:
        return None
    if syntax == CONDA:
        plain = ": " not in line and not line.endswith(":")
        indent = model.body[: len(model.body) - len(model.body.lstrip(" "))]
        line = f"{indent}- {line}" if plain else indent + "- '" + line.replace("'", "''") + "'"
    return Block(key, value, line + "\n", comment=model.comment, marker=marker, section=model.section)
