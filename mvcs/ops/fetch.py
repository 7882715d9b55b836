"""fetch: what refs of a remote need, verified, into the local store; then refs that say where the remote's stand.

Objects are walked from the tips down and written from below up: whatever is here has all that it names here, also after
a crash. Knows: the order. Refuses to know: packs, requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, ObjectCorrupt, ObjectMissing
from mvcs.objects.hashing import BLOB
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.objects.root import HEADS as HEADS_ROOT
from mvcs.ops.marking import named_in
from mvcs.refs.names import remote_key
from mvcs.remote.download import fetch as fetch_records
from mvcs.remote.download import plan_stretches
from mvcs.remote.meta_reader import MetaReader
from mvcs.remote.pack import CHUNK, OBJECT, RECIPE
from mvcs.store.intake import Intake
from mvcs.store.records import read_bases, read_header
from mvcs.store.rows import open_row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mvcs.objects.hashing import Oid
    from mvcs.objects.operation import Target
    from mvcs.ops.remote import OpenRemote
    from mvcs.remote.index import Place
    from mvcs.remote.root_file import RootFile
    from mvcs.repo.repository import Repository


class Fetched(Record):
    """What a fetch did.

    Args:
        remote: Name of the remote.
        moves: Moves of the refs that say where the remote's stand.
        objects: Objects that are new here.
        size: Bytes of the records that came.
    """

    __slots__ = ("moves", "objects", "remote", "size")

    def __init__(self, remote: str, moves: tuple[Move, ...], objects: int, size: int) -> None:
        self.remote = remote
        self.moves = moves
        self.objects = objects
        self.size = size

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        refs = [{"ref": move.ref, "before": _shown(move.old), "after": _shown(move.new)} for move in self.moves]
        return {"remote": self.remote, "objects": self.objects, "bytes": self.size, "refs": refs}


def _shown(target: Target) -> str | None:
    return target.hex() if isinstance(target, bytes) else target


def fetch(repository: Repository, opened: OpenRemote, *, command: str = "fetch") -> Fetched:
    """Brings all branches and tags of a remote, and what they need.

    Args:
        repository: Where to.
        opened: The remote.
        command: The command as typed.

    Raises:
        RemoteCorrupt: If something of the remote is gone or damaged; no ref names anything of it then.
        RemoteError: If the remote does not answer.
    """
    repository.writable()
    name = opened.remote.name
    with repository.lock.shared():
        root = opened.roots.read_root(HEADS_ROOT)
        refs = repository.refs()
        moves = _moves(refs.under(remote_key(name, "")), name, root.refs)
        if not moves:
            return Fetched(name, (), 0, 0)
        made = _Fetch(repository, opened)
        made.run([move.new for move in moves if isinstance(move.new, bytes)])
        repository.publish(actor=repository.actor(), command=command, moves=moves)
    return Fetched(name, moves, made.objects, made.size)


def _moves(
    here: Iterable[tuple[str, Oid | str]], name: str, there: Iterable[tuple[str, Target]]
) -> tuple[Move, ...]:
    before: dict[str, Target] = dict(here)
    now: dict[str, Target] = {remote_key(name, key): target for key, target in there}
    return tuple(
        Move(key, before.get(key), now.get(key)) for key in sorted({*before, *now}) if before.get(key) != now.get(key)
    )


class _Fetch:
    def __init__(self, repository: Repository, opened: OpenRemote) -> None:
        self.objects = self.size = 0
        self._store = repository.store
        self._progress = repository.progress
        self._catalog = opened.catalog
        self._file: RootFile = opened.roots.seen[HEADS_ROOT].file
        self._meta = MetaReader(self._catalog, self._file)
        self._where = opened.remote.url

    def run(self, tips: list[Oid]) -> None:
        rows, blobs = self._walk(tips)
        with Intake(self._store, self._where) as taken:
            self._take_blobs(taken, blobs)
            taken.finish()
            for oid, row in rows:
                taken.row(oid, row)
            taken.finish()
        self.objects = len(rows) + len(blobs)

    def _walk(self, tips: list[Oid]) -> tuple[list[tuple[Oid, bytes]], list[Oid]]:
        """Returns the rows of the objects that are not here, each behind all that it names, and the blobs."""
        rows: list[tuple[Oid, bytes]] = []
        blobs: dict[Oid, None] = {}
        seen: set[Oid] = set()
        stack: list[tuple[Oid, str | None, bytes | None]] = [(tip, None, None) for tip in reversed(tips)]
        while stack:
            oid, kind, row = stack.pop()
            if row is not None:  # all below it has been
                rows.append((oid, row))
                continue
            if oid in seen or self._store.kind(oid) is not None:
                continue
            seen.add(oid)
            if kind == BLOB:
                blobs[oid] = None
                continue
            row = self._meta.row(oid)
            found, payload = open_row(oid, row, self._where)
            if kind not in {None, found}:
                raise ObjectCorrupt(oid=oid.hex(), kind=str(kind), where=self._where)
            stack.append((oid, found, row))
            try:
                stack += [(below, below_kind, None) for below, below_kind in reversed(named_in(found, payload))]
            except InvalidObject as error:
                raise ObjectCorrupt(oid=oid.hex(), kind=found, where=self._where) from error
        return rows, list(blobs)

    def _take_blobs(self, taken: Intake, blobs: list[Oid]) -> None:
        recipes: list[tuple[Oid, int, Place]] = []
        chunks: dict[Oid, None] = {}
        for oid in blobs:
            recipe = self._catalog.find(self._file, oid, RECIPE)
            if recipe is not None:
                recipes.append((oid, RECIPE, recipe))
            elif self._catalog.find(self._file, oid, OBJECT) is not None:
                taken.row(oid, self._meta.row(oid))
            else:
                chunks[oid] = None
        for oid, _, value in self._records(recipes):
            chunks.update(dict.fromkeys(taken.recipe(oid, value).chunks()))
        wanted = self._missing(chunks)
        asked = set(wanted)
        while wanted:
            places = [(oid, CHUNK, self._place(oid)) for oid in wanted]
            self._progress.start("fetching", sum(place.length for _, _, place in places))
            bases: dict[Oid, None] = {}
            for oid, _, record in self._records(places):
                bases.update(dict.fromkeys(self._bases(oid, record)))
                taken.chunk(oid, record)
            self._progress.finish()
            wanted = [oid for oid in self._missing(bases) if oid not in asked]
            asked.update(wanted)

    def _missing(self, chunks: Iterable[Oid]) -> list[Oid]:
        wanted = list(chunks)
        here = self._store.known_chunks(wanted)
        return [oid for oid in wanted if oid not in here]

    def _place(self, oid: Oid) -> Place:
        found = self._catalog.find(self._file, oid, CHUNK)
        if found is None:
            raise ObjectMissing(oid=oid.hex(), kind="chunk")
        return found

    def _bases(self, oid: Oid, record: bytes) -> list[Oid]:
        try:
            view = memoryview(record)
            return read_bases(view, read_header(view, oid), oid)[0]
        except InvalidObject as error:
            raise ObjectCorrupt(oid=oid.hex(), kind="chunk", where=self._where) from error

    def _records(self, wanted: list[tuple[Oid, int, Place]]) -> Iterable[tuple[Oid, int, bytes]]:
        for found in fetch_records(self._catalog.home, plan_stretches(wanted), self._progress):
            self.size += len(found[2])
            yield found


