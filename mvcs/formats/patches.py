"""Patch files: one section a file, in Git's form, so that `git apply` takes them.

A section names the file's ingredient and both blob oids; its body is hunks or the whole content. What Git cannot take
has a section that it passes over: a file whose content is told by the oids alone, and a generated entry, which is no
file, with its JSON before and after.
Knows: the form. Refuses to know: how hunks are made or applied. Implements: spec 14.6.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.objects.hashing import OID_HEX, Oid, blob_oid
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mvcs.formats.content import Content

HEAD = b"mvcs patch 1"
NO_FILE = "0" * OID_HEX
NO_FILE_OF_GIT = "0" * 40
MAX_LITERAL = 1 << 40
"""Bytes that a whole content may claim."""
_LINE = 52
"""Bytes of compressed content on a line, as in Git's binary patches."""
_OF = re.compile(rb"of [0-9a-f]{64}")
_INDEX = re.compile(rb"index ([0-9a-f]{64})\.\.([0-9a-f]{64})")


class FilePatch(Record):
    """What a patch says of one file.

    Args:
        path: Workspace path.
        ingredient: Where it belongs; empty if the patch does not say.
        before: Oid of the content that it starts from; None if there was no file, or the patch does not say.
        after: Oid of the content that it leads to; None if the file goes, or the patch does not say.
        old_mode: Mode before, None if there was no file or it is not said.
        new_mode: Mode after, None if the file goes or it is not said.
        lines: Hunks of a unified diff.
        literal: The whole new content, None if hunks or the oid tell it.
        git: Git's names of both contents where the body is the whole new one, which it asks for; else None.
        told: Whether the section tells Git of the change; else Git passes over it.
        created: Whether there was no file.
        deleted: Whether the file goes.
        entry: Whether it is a generated entry, its path INGREDIENT/.mvcs/NAME; `literal` is what it becomes then.
        base: What a generated entry was, None if there was none.
        of: Of weights the recipe that they came from, of metrics the weights tree that they were measured on; None if
            the patch does not say.
    """

    __slots__ = (
        "after", "base", "before", "created", "deleted", "entry", "git", "ingredient", "lines", "literal", "new_mode",
        "of", "old_mode", "path", "told",
    )

    def __init__(
        self, path: bytes, *, ingredient: str = "", before: Oid | None = None, after: Oid | None = None,
        old_mode: int | None = None, new_mode: int | None = None, lines: tuple[str, ...] = (),
        literal: bytes | None = None, created: bool = False, deleted: bool = False, entry: bool = False,
        base: bytes | None = None, of: Oid | None = None, git: tuple[str, str] | None = None, told: bool = True,
    ) -> None:
        self.path = path
        self.ingredient = ingredient
        self.before = before
        self.after = after
        self.old_mode = old_mode
        self.new_mode = new_mode
        self.lines = lines
        self.literal = literal
        self.created = created
        self.deleted = deleted
        self.entry = entry
        self.base = base
        self.of = of
        self.git = git
        self.told = told


def write_head(patch: FilePatch) -> bytes:
    """Returns the lines before the body of a section; of a generated entry all of it."""
    first = NO_FILE if patch.before is None else patch.before.hex()
    second = NO_FILE if patch.after is None else patch.after.hex()
    index = f"index {first}..{second}".encode()
    if patch.entry:
        contents = [mark + text for mark, text in ((b"- ", patch.base), (b"+ ", patch.literal)) if text is not None]
        return b"\n".join([b"entry " + quoted(patch.path), *_of(patch), index, *contents]) + b"\n"
    a, b = quoted(b"a/" + patch.path), quoted(b"b/" + patch.path)
    first_line = b"diff --git " + a + b" " + b if patch.told else b"file " + quoted(patch.path)
    lines = [b"ingredient " + patch.ingredient.encode(), *_of(patch), first_line]
    if patch.created:
        lines.append(b"new file mode %o" % (patch.new_mode or 0))
    elif patch.deleted:
        lines.append(b"deleted file mode %o" % (patch.old_mode or 0))
    elif patch.old_mode != patch.new_mode:
        lines += [b"old mode %o" % (patch.old_mode or 0), b"new mode %o" % (patch.new_mode or 0)]
    lines.append(index)
    if patch.git is not None:
        lines.append("index {}..{}".format(*patch.git).encode())
    if patch.lines:
        lines.append(b"--- " + (b"/dev/null" if patch.created else a))
        lines.append(b"+++ " + (b"/dev/null" if patch.deleted else b))
        lines += [line.encode("utf-8", "surrogateescape") for line in patch.lines]
    return b"\n".join(lines) + b"\n"


def _of(patch: FilePatch) -> list[bytes]:
    return [] if patch.of is None else [b"of " + patch.of.hex().encode()]


def name_of_git(content: Content | None) -> str:
    """Returns the name that Git gives to a content, that of no file for None."""
    if content is None:
        return NO_FILE_OF_GIT
    hasher = hashlib.sha1(b"blob %d\0" % content.size, usedforsecurity=False)
    for piece in content.pieces():
        hasher.update(piece)
    return hasher.hexdigest()


def write_literal(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yields the body of a section that has the whole new content."""
    yield b"GIT binary patch\nliteral %d\n" % size
    packer = zlib.compressobj(6)
    waiting = b""
    for piece in pieces:
        waiting += packer.compress(piece)
        cut = len(waiting) // _LINE * _LINE
        yield b"".join(_encoded(waiting[start : start + _LINE]) for start in range(0, cut, _LINE))
        waiting = waiting[cut:]
    waiting += packer.flush()
    yield b"".join(_encoded(waiting[start : start + _LINE]) for start in range(0, len(waiting), _LINE)) + b"\n"


def _encoded(chunk: bytes) -> bytes:
    length = len(chunk) + 64 if len(chunk) <= 26 else len(chunk) + 70  # A to Z, a to z, as Git writes it
    return bytes((length,)) + base64.b85encode(chunk, pad=True) + b"\n"


def quoted(path: bytes) -> bytes:
    """Returns a path as Git writes it: in quotes with octal escapes unless it is plain."""
    if re.fullmatch(rb"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*", path):
        return path
    plain = {0x22: b'\\"', 0x5C: b"\\\\", 0x0A: b"\\n", 0x09: b"\\t", 0x0D: b"\\r"}
    return b'"' + b"".join(
        plain.get(byte) or (bytes((byte,)) if 32 <= byte < 127 else b"\\%03o" % byte) for byte in path
    ) + b'"'


def unquoted(text: bytes) -> bytes:
    """Reads a path that `quoted` or Git wrote."""
    if not text.startswith(b'"'):
        return text
    names = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b'"': b'"', b"\\": b"\\", b"a": b"\a", b"b": b"\b", b"f": b"\f",
             b"v": b"\v"}

    def one(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes((int(code, 8) & 255,)) if code.isdigit() else names.get(code, code)

    return re.sub(rb"\\([0-7]{1,3}|.)", one, text[1:-1], flags=re.DOTALL)


def read_patch(content: bytes) -> list[FilePatch]:
    """Reads a patch; one that `mvcs diff` made of no change has no section.

    Raises:
        UnreadableContent: If it is none, with the line.
    """
    reading = _Reading(content.split(b"\n"))
    return reading.run()


def _oids(line: bytes) -> tuple[Oid | None, Oid | None] | None:
    index = _INDEX.match(line)
    if index is None:
        return None
    first, second = (None if name == NO_FILE.encode() else Oid(bytes.fromhex(name.decode())) for name in index.groups())
    return first, second


class _Reading:
    def __init__(self, lines: list[bytes]) -> None:
        self._lines = lines
        self._at = 0

    def _wrong(self, reason: str) -> UnreadableContent:
        return UnreadableContent(format="a patch", line=self._at + 1, reason=reason)

    def run(self) -> list[FilePatch]:
        found: list[FilePatch] = []
        ingredient = ""
        of: Oid | None = None
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith(b"ingredient "):
                ingredient = line[11:].decode("utf-8", "replace")
            elif line.startswith(b"diff --git ") or (ingredient and line.startswith(b"file ")):
                found.append(self._section(ingredient))
                found[-1].of, of, ingredient = of, None, ""
                continue
            elif _OF.fullmatch(line):
                of = Oid(bytes.fromhex(line[3:].decode()))
            elif line.startswith(b"entry "):
                found.append(self._entry())
                continue
            self._at += 1
        if not found and self._lines[0] != HEAD:
            self._at = 0
            wrong = self._wrong("no section that begins with diff --git")
            raise wrong
        return found

    def _section(self, ingredient: str) -> FilePatch:
        first = self._lines[self._at]
        told = first.startswith(b"diff")
        made = FilePatch(self._path(first[11:]) if told else unquoted(first[5:]), ingredient=ingredient, told=told)
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith((b"old mode ", b"new mode ", b"new file mode ", b"deleted file mode ")):
                self._mode(made, line)
            elif line.startswith(b"index "):
                made.before, made.after = _oids(line) or (made.before, made.after)
            elif line.startswith(b"@@ "):
                made.lines = self._hunks()
                return made
            elif line == b"GIT binary patch":
                made.literal = self._literal()
                return made
            elif line.startswith((b"diff --git ", b"ingredient ", b"entry ", b"of ")):
                break
            self._at += 1
        if told and made.created and made.after is None:
            made.literal = b""  # Git has no body for an empty file
        return made

    def _entry(self) -> FilePatch:
        path = unquoted(self._lines[self._at][6:])
        ingredient = path.partition(b"/")[0].decode("utf-8", "replace")
        made = FilePatch(path, ingredient=ingredient, entry=True)
        self._at += 1
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if line.startswith(b"index "):
                made.before, made.after = _oids(line) or (None, None)
            elif _OF.fullmatch(line):
                made.of = Oid(bytes.fromhex(line[3:].decode()))
            elif line.startswith(b"- "):
                made.base = line[2:]
            elif line.startswith(b"+ "):
                made.literal = line[2:]
            else:
                break
            self._at += 1
        made.created, made.deleted = made.base is None, made.literal is None
        for oid, content in ((made.before, made.base), (made.after, made.literal)):
            if (oid is None) != (content is None) or (content is not None and blob_oid(content) != oid):
                wrong = self._wrong("a generated entry that is not what its index names")
                raise wrong
        return made

    def _path(self, rest: bytes) -> bytes:
        if rest.startswith(b'"'):
            end = re.match(rb'"(?:\\.|[^"\\])*"', rest)
            if end is not None:
                return unquoted(end[0])[2:]
        half = rest[: (len(rest) - 1) // 2]
        if not rest.startswith(b"a/") or rest != half + b" b/" + half[2:]:
            wrong = self._wrong(
                "two names that differ: renames, and prefixes other than a/ and b/, are not read"
                " (git diff --no-renames)"
            )
            raise wrong
        return half[2:]

    def _mode(self, made: FilePatch, line: bytes) -> None:
        try:
            mode = int(line.rsplit(b" ", 1)[1], 8)
        except ValueError:
            wrong = self._wrong("a mode that is no number")
            raise wrong from None
        if line.startswith((b"old", b"deleted")):
            made.old_mode = mode
        else:
            made.new_mode = mode
        made.created = made.created or line.startswith(b"new file")
        made.deleted = made.deleted or line.startswith(b"deleted")

    def _hunks(self) -> tuple[str, ...]:
        lines: list[bytes] = []
        old = new = 0
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if old <= 0 and new <= 0:
                counts = re.match(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line)
                if counts is not None:
                    old, new = int(counts[1] or 1), int(counts[2] or 1)
                elif not line.startswith(b"\\"):
                    break
            elif line[:1] in {b" ", b""}:
                old, new = old - 1, new - 1
                line = line or b" "
            elif line[:1] == b"-":
                old -= 1
            elif line[:1] == b"+":
                new -= 1
            elif not line.startswith(b"\\"):
                break
            lines.append(line)
            self._at += 1
        return tuple(line.decode("utf-8", "surrogateescape") for line in lines)

    def _literal(self) -> bytes:
        self._at += 1
        kind, _, count = (self._lines[self._at] if self._at < len(self._lines) else b"").partition(b" ")
        if kind != b"literal":
            wrong = self._wrong("of binary files only whole contents are read, no deltas (mvcs diff --patch --binary)")
            raise wrong
        size = int(count) if count.isdigit() else MAX_LITERAL + 1
        if size > MAX_LITERAL:
            wrong = self._wrong("a length that is none")
            raise wrong
        self._at += 1
        packer = zlib.decompressobj()
        parts, total = [], 0
        try:
            while self._at < len(self._lines) and self._lines[self._at]:
                code, text = self._lines[self._at][0], self._lines[self._at][1:]
                length = code - 64 if 65 <= code <= 90 else code - 70
                part = packer.decompress(base64.b85decode(text)[:length], size - total + 1)
                total += len(part)
                parts.append(part)
                self._at += 1
        except (ValueError, zlib.error):
            wrong = self._wrong("a damaged content")
            raise wrong from None
        if total != size or not packer.eof:
            wrong = self._wrong(f"{total} bytes of {size}")
            raise wrong
        return b"".join(parts)
