"""clone: another repository with the same history, and its files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject, RefNotFound
from mvcs.objects.editing import flatten, unsafe_path
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.objects.root import NAMESPACES
from mvcs.ops.collected import collected_commits, refuse_collected
from mvcs.ops.half_clone import HalfClone
from mvcs.ops.marking import Marker
from mvcs.ops.writing import write_out
from mvcs.refs.names import HEAD, HEADS, TAGS, branch_key, head_key, split_key
from mvcs.refs.roots import read_root
from mvcs.repo.layout import Place, find_place
from mvcs.repo.repository import Repository, refuse_past
from mvcs.store.base import ROOTS
from mvcs.store.transfer import copy_objects

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid
    from mvcs.refs.table import Refs
    from mvcs.store.lmdb_store import MetaTransaction

SHARED = (HEADS, TAGS, "versions", "stages", "deployments")


class CloneResult(Record):
    """A new clone.

    Args:
        path: Its folder.
        branch: Branch that its HEAD is on.
        commit: HEAD's commit.
        objects: Objects copied.
    """

    __slots__ = ("branch", "commit", "objects", "path")

    def __init__(self, path: str, branch: str | None, commit: Oid | None, objects: int) -> None:
        self.path = path
        self.branch = branch
        self.commit = commit
        self.objects = objects

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {
            "path": self.path, "branch": self.branch, "commit": None if self.commit is None else self.commit.hex(),
            "objects": self.objects,
        }


def clone(
    source: str, target: str, *, branch: str | None = None, command: str = "clone", **options: object
) -> CloneResult:
    """Copies the shared history of a local repository and writes out its files.

    Args:
        source: Folder of a workspace or repository.
        target: New folder; it must not exist, or be empty.
        branch: Branch to stand on; that of the source's HEAD by default.
        command: The command as typed.
        **options: For the new repository.

    Raises:
        NotEmpty: If the target has files; those that a killed clone left are none.
        NotARepository: If the source is none.
        RefNotFound: If it has no such branch.
        WeightsCollected: If the weights of a commit that is to be written out are gone; nothing is made then.
    """
    refuse_past(options)
    origin = Repository(find_place(source), **options)  # type: ignore[arg-type]
    target = os.path.abspath(target)
    half = HalfClone(target)
    half.clear()
    chosen = _chosen(origin, origin.refs(), branch)
    for key in chosen.values():
        _check_whole(origin, key)
    with half.making():
        return _make(origin, source, target, chosen, command, options)


def _make(
    origin: Repository, source: str, target: str, chosen: dict[str, str], command: str, options: dict[str, object]
) -> CloneResult:
    made = Repository.create(target, **options)
    made.place = Place(made.path, target, None)
    with origin.lock.shared(), made.lock.shared():
        refs = origin.refs()  # read under the lock: what they name is there
        wanted = {key: oid for key, oid in refs.targets.items() if split_key(key)[0] in SHARED}
        # Collected weights are taken along where they are stored, and not missed where they are not.
        marker = Marker(origin, collected=collected_commits(origin).keys())
        marker.mark([(oid, None) for oid in wanted.values() if not isinstance(oid, str)])
        with origin.store.read() as transaction:
            roots = [read_root(transaction, name) for name in NAMESPACES]
        for root in roots:
            marker.mark([(oid, None) for _, oid in root.refs if isinstance(oid, bytes)])
            if root.ledger is not None:
                marker.mark([(root.ledger, None)])
            if isinstance(root.notes, tuple):
                marker.mark([(note.attestation, None) for note in root.notes])
            else:
                marker.mark([(root.notes, None)])
        everything = marker.live | marker.kept | (marker.named - origin.store.missing(marker.named))
        count = copy_objects(origin.store, made.store, everything, made.progress)

        def put_roots(transaction: MetaTransaction) -> None:
            for root in roots:
                if root.generation:
                    transaction.put(ROOTS, root.namespace.encode(), root.encode())

        moves = [Move(key, None, oid) for key, oid in sorted(wanted.items())]
        moves += [Move(head_key(name), None, target_key) for name, target_key in chosen.items()]
        made.publish(
            actor=made.actor(None, target), command=command, moves=tuple(moves),
            reason=f"clone of {os.path.abspath(source)}",
            also=put_roots,
        )
    for name in chosen:
        write_out(made, name)
    first = next(iter(chosen.values()), None)
    oid = made.refs().resolve(first) if first is not None else None
    return CloneResult(target, None if first is None else first.split("/", 2)[2], oid, count)


def _check_whole(origin: Repository, key: str) -> None:
    oid = origin.refs().resolve(key)
    if oid is not None:
        tree = origin.commit(oid).tree
        files = flatten(origin.load_tree, tree)
        refuse_collected(origin, tree, {p: f.entry for p, f in files.items() if f.ingredient == "weights"})


def _chosen(origin: Repository, refs: Refs, branch: str | None) -> dict[str, str]:
    """Returns the workspaces to write out, with the branch of each."""
    heads = {}
    for key, stored in refs.under(HEAD + "/"):
        name = key.split("/", 1)[1]
        if not isinstance(stored, str) or name.startswith("/"):
            continue
        # Names come from the source, and become folders here.
        problem = None if name == "." else unsafe_path(os.fsencode(name))
        if problem is not None or stored.count("/") < 2 or not stored.startswith(HEADS + "/"):
            raise InvalidObject(kind="ref", reason=f"{key!r} is no HEAD of a workspace: {problem or stored}")
        heads[name] = stored
    if not heads:
        models = {split_key(key)[1] for key, _ in refs.under(HEADS + "/")}
        heads = {".": branch_key(models.pop(), "main")} if len(models) == 1 else {}
    if branch is not None:
        heads = {name: branch_key(stored.split("/")[1], branch) for name, stored in heads.items()}
        for stored in heads.values():
            if refs.resolve(stored) is None:
                raise RefNotFound(ref=f"branch {branch}", hint=f"mvcs -C {origin.place.top} branch")
    return heads
