"""push: branches, tags and all that they need to a remote; bytes first, then one compare-and-swap of the refs.

What the remote has is told by its root and index: a record that is listed there has all that it needs there. Knows: the
order. Refuses to know: packs, requests.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.dag.bases import is_ancestor
from mvcs.errors import NotFastForward, RefConflict, RefNotFound
from mvcs.objects.editing import flatten
from mvcs.objects.hashing import COMMIT
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.objects.root import HEADS as HEADS_ROOT
from mvcs.ops.collected import collected_commits
from mvcs.ops.context import head_of, open_workspace
from mvcs.ops.marking import Marker
from mvcs.ops.revisions import names_of, require_model
from mvcs.refs.names import HEADS, TAGS, branch_key, remote_key, shown, split_key, tag_key
from mvcs.refs.roots import land
from mvcs.remote.outgoing import Outgoing
from mvcs.remote.upload import Upload

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.objects.hashing import Oid
    from mvcs.objects.operation import Target
    from mvcs.objects.root import Root
    from mvcs.ops.remote import OpenRemote
    from mvcs.remote.index import Place
    from mvcs.remote.roots import RemoteRoots
    from mvcs.repo.repository import Repository

TRIES = 20
"""Times that a landing begins anew because another push was quicker."""


class Pushed(Record):
    """What a push did.

    Args:
        remote: Name of the remote.
        url: Its address.
        moves: (ref, before, after) of each ref that moved there.
        objects: Records that were sent.
        size: Bytes that were sent.
    """

    __slots__ = ("moves", "objects", "remote", "size", "url")

    def __init__(
        self, remote: str, url: str, moves: tuple[tuple[str, Target, Target], ...], objects: int, size: int
    ) -> None:
        self.remote = remote
        self.url = url
        self.moves = moves
        self.objects = objects
        self.size = size

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {
            "remote": self.remote, "url": self.url, "objects": self.objects, "bytes": self.size,
            "refs": [
                {"ref": ref, "before": _shown(before), "after": _shown(after)} for ref, before, after in self.moves
            ],
        }


def to_push(
    repository: Repository, names: tuple[str, ...], *, every: bool = False, tags: bool = False, delete: bool = False
) -> dict[str, Oid | None]:
    """Returns what people mean to push: key of a branch or tag to where it is to stand.

    Args:
        repository: Opened from a workspace, or with one model.
        names: Branches and tags; the current branch by default, with the tags on its history.
        every: All branches and tags of all models.
        tags: All tags of the model too.
        delete: Whether the names are to go.

    Raises:
        RefNotFound: If there is no such branch or tag.
    """
    refs = repository.refs()
    if every:
        return {key: oid for space in (HEADS, TAGS) for key, oid in refs.under(f"{space}/") if isinstance(oid, bytes)}
    model = require_model(repository)
    found: dict[str, Oid | None] = {}
    for name in names:
        keys = (branch_key(model, name), tag_key(model, name))
        key = next((key for key in keys if refs.get(key) is not None), keys[0])
        if refs.get(key) is None and not delete:
            raise RefNotFound(ref=f"branch or tag {name}", hint="mvcs branch")
        found[key] = None if delete else refs.resolve(key)
    own = [(key, oid) for key, oid in refs.under(f"{TAGS}/{model}/") if isinstance(oid, bytes)]
    if not names:
        head = head_of(open_workspace(repository))[1]
        if head.branch is None or head.commit is None:
            raise RefNotFound(ref="branch of HEAD", hint="mvcs push REMOTE BRANCH")
        found[head.branch] = head.commit
        with repository.history() as history:
            for key, oid in own:
                at = names_of(repository).peel(oid)[0]
                if repository.store.kind(at) == COMMIT and is_ancestor(history, at, head.commit):
                    found[key] = oid
    if tags:
        found.update(own)
    return found


def push(
    repository: Repository, opened: OpenRemote, wanted: Mapping[str, Oid | None], *, force_with_lease: bool = False,
    command: str = "push",
) -> Pushed:
    """Moves refs of a remote, after all that they need is there.

    Args:
        repository: Where from.
        opened: The remote.
        wanted: Key of a branch or tag to its new target; None removes it.
        force_with_lease: Let commits go that only the remote has, if it is where it was when it was last seen.
        command: The command as typed.

    Raises:
        NotFastForward: If a branch of the remote has commits that the new one has not; nothing is changed then.
        RefConflict: If somebody moved one of these refs meanwhile.
        RemoteError: If the remote does not answer.
    """
    repository.writable()
    roots = opened.roots
    with repository.lock.shared():
        root = roots.read_root(HEADS_ROOT)
        moves = _moves(repository, opened, root, wanted, lease=force_with_lease)
        if not moves:
            return Pushed(opened.remote.name, opened.remote.url, (), 0, 0)
        upload = _send(repository, opened, [move.new for move in moves if isinstance(move.new, bytes)])
        _land(repository, opened, moves, upload.places, command)
        seen = _seen(repository, opened.remote.name, moves)
        if seen:
            repository.publish(actor=repository.actor(), command=command, moves=seen)
    opened.sent.clear()
    told = tuple((move.ref, move.old, move.new) for move in moves)
    return Pushed(opened.remote.name, opened.remote.url, told, len(upload.places), upload.size)


def _moves(
    repository: Repository, opened: OpenRemote, root: Root, wanted: Mapping[str, Oid | None], *, lease: bool
) -> tuple[Move, ...]:
    """Returns the moves that bring the remote's refs where they are wanted."""
    there, refs, name = dict(root.refs), repository.refs(), opened.remote.name
    moves = []
    for key, new in sorted(wanted.items()):
        old = there.get(key)
        if old == new:
            continue
        leased = lease and refs.get(remote_key(name, key)) == old
        if old is not None and not leased and not _contains(repository, key, old, new):
            raise NotFastForward(ref=shown(key), remote=name)
        moves.append(Move(key, old, new))
    return tuple(moves)


def _seen(repository: Repository, name: str, moves: tuple[Move, ...]) -> tuple[Move, ...]:
    """Returns the moves of the local refs that say where the remote's stand."""
    refs = repository.refs()
    local = [(remote_key(name, move.ref), move.new) for move in moves]
    return tuple(Move(key, refs.get(key), new) for key, new in local if refs.get(key) != new)


def _contains(repository: Repository, key: str, old: Target, new: Oid | None) -> bool:
    """Whether a branch that goes to a commit keeps the one that it is at; a tag keeps nothing else."""
    if new is None or not isinstance(old, bytes) or split_key(key)[0] != HEADS or repository.store.kind(old) is None:
        return False
    with repository.history() as history:
        return is_ancestor(history, old, new)


def _send(repository: Repository, opened: OpenRemote, tips: list[Oid]) -> Upload:
    """Sends what the tips need and the remote has not."""
    catalog, file = opened.catalog, opened.roots.seen[HEADS_ROOT].file
    marker = Marker(
        repository, collected=collected_commits(repository).keys(), known=lambda oid: catalog.has(file, oid)
    )
    marker.mark([(tip, None) for tip in tips])
    live = marker.live | marker.kept | (marker.named - repository.store.missing(marker.named))
    outgoing = Outgoing(repository.store, lambda oid, sort: catalog.find(file, oid, sort) is not None)
    outgoing.add(_in_order(repository, live, tips))
    upload = Upload(
        catalog.home, epoch=file.epoch, sequence=file.root.generation << 16, sent=opened.sent,
        progress=repository.progress,
    )
    repository.progress.start("sending", sum(item.length for item in (*outgoing.data, *outgoing.meta)))
    upload.send(outgoing.data, outgoing.load, meta=False)
    upload.send(outgoing.meta, outgoing.load, meta=True)
    repository.progress.finish()
    return upload


def _in_order(repository: Repository, oids: set[Oid], tips: list[Oid]) -> list[Oid]:
    """Returns objects in one order always: the files of the tips by path, then all others."""
    left, found = set(oids), []
    for tip in tips:
        if repository.store.kind(tip) != COMMIT or tip not in left:
            continue
        for _, placed in sorted(flatten(repository.load_tree, repository.commit(tip).tree).items()):
            if placed.entry.oid in left:
                left.discard(placed.entry.oid)
                found.append(placed.entry.oid)
    return [*found, *sorted(left)]


def _land(
    repository: Repository, opened: OpenRemote, moves: tuple[Move, ...], places: Mapping[tuple[Oid, int], Place],
    command: str,
) -> None:
    """Moves the refs at the remote; begins anew while others move other refs."""
    write_id = os.urandom(16)
    for left in range(TRIES - 1, -1, -1):
        try:
            land(
                _Landing(opened.roots, places), HEADS_ROOT, actor=repository.actor(), now=repository.clock.now()[0],
                command=command, write_id=write_id, moves=moves,
            )
        except RefConflict as error:
            if any(move.ref == error.fields["ref"] for move in moves):
                raise NotFastForward(ref=shown(str(error.fields["ref"])), remote=opened.remote.name) from error
            if not left:
                raise
            continue
        return


class _Landing:
    """Roots of a remote, moved together with what was sent."""

    def __init__(self, roots: RemoteRoots, places: Mapping[tuple[Oid, int], Place]) -> None:
        self._places = places
        self._roots = roots
        self.read_root = roots.read_root
        self.read_object = roots.read_object

    def swap_root(self, expected: Root, new: Root, objects: list[tuple[str, bytes]]) -> None:
        """Puts `new` in place of `expected`, and lists what was sent."""
        self._roots.move(expected, new, objects, self._places)


def _shown(target: Target) -> str | None:
    return target.hex() if isinstance(target, bytes) else target
