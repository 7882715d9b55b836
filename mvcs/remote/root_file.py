"""Root files: a root with what its reader needs to find the objects that it names.

Small new objects stand in the file itself until there are many: a landing is one request then. Knows: the record.
Refuses to know: what a root means (`mvcs.refs.roots`). Implements: spec 9.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.objects.codec import Fields, decode, encode
from mvcs.objects.hashing import KINDS, Oid, object_oid
from mvcs.objects.record import Record
from mvcs.objects.root import Root

if TYPE_CHECKING:
    from mvcs.objects.codec import Value

INLINE = 64 << 10
"""Bytes of objects up to which they stand in the file."""


class ListedSegment(Record):
    """An index segment of a root.

    Args:
        name: BLAKE3 of its content.
        count: Its records.
    """

    __slots__ = ("count", "name")

    def __init__(self, name: Oid, count: int) -> None:
        self.name = name
        self.count = count

    @property
    def key(self) -> str:
        """Its file."""
        return f"index/{self.name.hex()}.idx"


class RootFile(Record):
    """What the file of a root holds.

    Args:
        root: The root.
        epoch: Number of garbage collections that were begun.
        segments: Index segments, oldest first.
        objects: New objects, as (kind, payload), oldest first.
    """

    __slots__ = ("epoch", "objects", "root", "segments")

    def __init__(
        self, root: Root, *, epoch: int = 0, segments: tuple[ListedSegment, ...] = (),
        objects: tuple[tuple[str, bytes], ...] = (),
    ) -> None:
        self.root = root
        self.epoch = epoch
        self.segments = segments
        self.objects = objects

    @property
    def inline(self) -> int:
        """Bytes of the objects in the file."""
        return sum(len(payload) for _, payload in self.objects)

    def find(self, oid: Oid, kind: str) -> bytes | None:
        """Returns an object that stands in the file."""
        return next((payload for at, payload in self.objects if at == kind and object_oid(kind, payload) == oid), None)

    def encode(self) -> bytes:
        """Returns the canonical bytes."""
        return encode((
            "root-file", 1, self.root.encode(), self.epoch, [[item.name, item.count] for item in self.segments],
            [[kind, payload] for kind, payload in self.objects],
        ))

    @classmethod
    def decode(cls, payload: bytes) -> RootFile:
        """Reads the bytes of a root file.

        Raises:
            InvalidObject: If they are none.
            UnknownFeature: If a newer mvcs wrote them.
        """
        fields = Fields("root-file", decode("root-file", payload, 4))
        root, epoch = Root.decode(fields.raw("root")), fields.number("epoch")
        segments = []
        for item in fields.array("segments"):
            pair = Fields("root-file", item)
            segments.append(ListedSegment(Oid(pair.oid("segment")), pair.number("count", least=1)))
            pair.done()
        objects = [_object(item) for item in fields.array("objects")]
        if len({segment.name for segment in segments}) != len(segments):
            raise InvalidObject(kind="root-file", reason="a segment twice")
        return cls(root, epoch=epoch, segments=tuple(segments), objects=tuple(objects))


def _object(item: Value) -> tuple[str, bytes]:
    pair = Fields("root-file", item)
    kind, payload = pair.text("kind"), pair.raw("payload")
    pair.done()
    if kind not in KINDS:
        raise InvalidObject(kind="root-file", reason=f"an object of kind {kind!r}")
    return kind, payload
