"""The signature of merged weights follows the merged mvcs.toml: what is declared there is asked there, and only there.

Knows: which parts of the entry each side declares. Refuses to know: how mvcs.toml was merged, what files say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.key_paths import parse_key_path
from mvcs.formats.signature import COUNT, FEATURES, FIELDS, read_signature, write_signature
from mvcs.objects.editing import find_file
from mvcs.objects.tree import FILE, IS_BLOB, Entry, find_path

if TYPE_CHECKING:
    from mvcs.formats.content import Content
    from mvcs.merge.paths import PathMerge
    from mvcs.objects.hashing import Oid
    from mvcs.objects.tree import Load
    from mvcs.objects.values import Json
    from mvcs.ops.declaring import Declaring
    from mvcs.ops.desk import Desk, State

    Signature = dict[str, Json]
    Edits = dict[bytes, Entry | None]

PATH = b"weights/.mvcs/signature"
PARTS = {**{part: (part,) for part in FIELDS}, FEATURES: (FEATURES, COUNT)}
"""What is declared as one, to the parts of an entry that it decides."""


def follow_declaration(
    project: Declaring, content: Content | None, states: tuple[State, State, State], desk: Desk, edits: Edits,
    merged: PathMerge,
) -> Edits:
    """Returns the change of ours' root tree that gives the weights the signature that is declared for them.

    A part that the merged mvcs.toml declares is what it says there. One that only one side declares and the result
    does not is what the other side has: there it was read from the weights. Conflicts of these parts are told of
    mvcs.toml alone.

    Args:
        project: Reads mvcs.toml.
        content: The merged one.
        states: Base, ours, theirs.
        desk: Reads and keeps contents.
        edits: Changes of ours' root tree so far.
        merged: The merge; what it says of these parts is taken out.
    """
    files = [_file(project, desk, state) for state in states]
    if files[1] == files[2]:
        return {}
    declared = project.signature(content)
    sides = [{} if oid is None else project.signature(desk.read(oid)) or {} for oid in files]
    if declared is None or (sides[1] == declared and sides[2] == declared):
        return {}
    entries = [_entry(desk, desk.load, state.tree) for state in states]
    tree = desk.new_tree(states[1].tree, edits)
    found = _entry(desk, tree.load, tree.root)
    decided: set[str] = set()
    for part, below in PARTS.items():
        source = declared if part in declared else _as_read(part, sides, entries)
        if source is None:
            continue
        decided.update(below)
        found = {name: value for name, value in found.items() if name not in below}
        found.update({name: source[name] for name in below if name in source})
    known = {part for entry in entries for part in entry}

    def is_decided(path: bytes, key: str | None) -> bool:
        return path == PATH and (known <= decided if key is None else parse_key_path(key)[1] in decided)

    merged.conflicts[:] = [item for item in merged.conflicts if not is_decided(item.path, item.conflict.key)]
    merged.decisions[:] = [item for item in merged.decisions if not is_decided(item[0], item[1].key)]
    if not found:
        return {PATH: None}
    oid, size = desk.put(Bytes(write_signature(found)))
    return {PATH: Entry(PATH.rpartition(b"/")[2], FILE, IS_BLOB, oid, size)}


def _as_read(part: str, sides: list[Signature], entries: list[Signature]) -> Signature | None:
    """Returns the entry that has a part as it was read from the weights; None if that is no matter of declarations."""
    declaring = [part in side for side in sides]
    if not any(declaring[1:]):
        return None
    return next((entry for says, entry in zip(declaring[1:] + declaring[:1], entries[1:] + entries[:1], strict=True)
                 if not says), None)


def _file(project: Declaring, desk: Desk, state: State) -> Oid | None:
    """Returns the mvcs.toml of a state."""
    placed = None if state.tree is None or project.path is None else find_file(desk.load, state.tree, project.path)
    return None if placed is None or placed.entry.kind != IS_BLOB else placed.entry.oid


def _entry(desk: Desk, load: Load, root: Oid | None) -> Signature:
    """Returns the signature of a root tree; nothing where there is none, or none that can be read."""
    entry = None if root is None else find_path(load, root, PATH)
    if entry is None or entry.kind != IS_BLOB:
        return {}
    try:
        return read_signature(desk.read(entry.oid))
    except UnreadableContent:
        return {}
