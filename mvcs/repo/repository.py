"""A repository: its store, refs, ledger, locks and configuration in one hand.

Knows: how they belong together, and that a ref moves with its operation in one transaction. Refuses to know: files
of a workspace (`workspace`), verbs (`ops`).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mvcs.ambient import SystemClock, config_files, user_at_host, variable
from mvcs.dag.history import StoredHistory
from mvcs.errors import InvalidArgument, NotARepository, RepositoryExists, RevisionNotFound
from mvcs.objects.commit import Commit, Person
from mvcs.objects.hashing import COMMIT, OID_HEX, OPERATION, TREE, Oid, parse_oid
from mvcs.ports import Silent, reached
from mvcs.refs.dates import parse_date
from mvcs.refs.ledger import record, refs_at
from mvcs.refs.table import Refs
from mvcs.repo.config import Config, config_path
from mvcs.repo.layout import FOLDER, Place, check_format, find_place, make_folders, refuse_network, write_format
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mvcs.objects.operation import Move
    from mvcs.ports import Clock, Progress
    from mvcs.store.base import Batch
    from mvcs.store.lmdb_store import MetaTransaction

CACHED_NODES = 4096
"""Tree nodes kept in memory; a node has 26 KB at the most."""


class Repository:
    """An open repository.

    Args:
        place: Where it lies.
        clock: Tells the time; the system's by default.
        progress: Hears what goes on; nobody by default.
        lock_timeout: Seconds to wait for locks; from the configuration by default.
        at: A date, or an operation's oid: reading commands see the refs of that moment.
    """

    def __init__(
        self, place: Place, *, clock: Clock | None = None, progress: Progress | None = None,
        lock_timeout: float | None = None, at: str | None = None,
    ) -> None:
        check_format(place.repository)
        self.place = place
        self.path = place.repository
        self.clock: Clock = clock or SystemClock()
        self.progress: Progress = progress or Silent()
        self.config = Config([("repository", config_path(self.path)), *config_files()], variable)
        self._lock_timeout = lock_timeout
        self.store = LmdbStore(self.path)
        self.store.meta.patience = lambda: self.timeout
        self.at = at
        self._nodes: dict[Oid, bytes] = {}

    @classmethod
    def find(cls, start: str, **options: object) -> Repository:
        """Opens the repository as a command in a folder does: the one MVCS_DIR names, else that of the folder.

        Raises:
            NotARepository: If there is none.
        """
        return cls(find_place(start, variable("MVCS_DIR")), **options)  # type: ignore[arg-type]

    @classmethod
    def around(cls, folder: str, **options: object) -> Repository:
        """Opens the repository of a folder that somebody named, looking upward.

        What the environment says comes after what a caller says: MVCS_DIR is for a workspace that is in no repository.

        Raises:
            NotARepository: If there is none.
        """
        try:
            place = find_place(folder)
        except NotARepository:
            place = find_place(folder, variable("MVCS_DIR"))
            if place.workspace is None:
                raise
        return cls(place, **options)  # type: ignore[arg-type]

    @classmethod
    def create(cls, folder: str, **options: object) -> Repository:
        """Makes an empty repository in `folder`/.mvcs, or where MVCS_DIR says, and opens it.

        Raises:
            RepositoryExists: If there is one.
            UnsupportedFilesystem: If it would lie on a network file system.
        """
        path = variable("MVCS_DIR") or os.path.join(os.path.abspath(folder), FOLDER)
        path = os.path.abspath(path)
        if os.path.exists(os.path.join(path, "format")):
            raise RepositoryExists(path=path)
        refuse_network(path)
        make_folders(path)
        LmdbStore.create(path)
        write_format(path)  # last: without it there is no repository
        return cls(Place(path, os.path.dirname(path), None), **options)  # type: ignore[arg-type]

    # Locks

    @property
    def timeout(self) -> float:
        """Seconds to wait for a lock."""
        return self._lock_timeout if self._lock_timeout is not None else self.config.integer("lock.timeout")

    @property
    def lock(self) -> FileLock:
        """The lock that promises presence (shared) or allows removal (exclusive)."""
        return FileLock(os.path.join(self.path, "lock"), self.timeout)

    # Reading

    def refs(self) -> Refs:
        """Returns all refs, now or at the moment that was asked for."""
        with self.store.read() as transaction:
            if self.at is None:
                return Refs.now(transaction)
            time, operation = self.moment(self.at)
            return refs_at(transaction, time=time, operation=operation)

    def moment(self, at: str) -> tuple[int | None, Oid | None]:
        """Returns the (time, operation) that a `--at` means; one of them is None."""
        if len(at) == OID_HEX:
            return None, parse_oid(at)
        if 8 <= len(at) < OID_HEX and all(c in "0123456789abcdef" for c in at):
            found = [oid for oid, kind in self.store.short(at) if kind == OPERATION]
            if len(found) != 1:
                raise RevisionNotFound(revision=at, reason="no single operation's oid begins so")
            return None, found[0]
        now, offset = self.clock.now()
        return parse_date(at, now, offset), None

    def commit(self, oid: Oid) -> Commit:
        """Returns a commit.

        Raises:
            ObjectMissing: If it is not here.
        """
        return Commit.decode(self.store.load(oid, COMMIT))

    def load_tree(self, oid: Oid) -> bytes:
        """Returns the payload of a tree node, from memory if it was read before."""
        payload = self._nodes.get(oid)
        if payload is None:
            payload = self.store.load(oid, TREE)
            if len(self._nodes) >= CACHED_NODES:
                self._nodes.clear()
            self._nodes[oid] = payload
        return payload

    @contextmanager
    def history(self) -> Iterator[StoredHistory]:
        """Opens history for walks."""
        with self.store.read() as transaction:
            yield StoredHistory(transaction)

    # Writing

    def actor(self, author: str | None = None, folder: str | None = None) -> tuple[str, str]:
        """Returns (name, email): the flag, the configuration, Git's configuration, or user@host; never refused.

        Raises:
            InvalidArgument: If the flag is not NAME <EMAIL>.
        """
        if author is not None:
            name, less, rest = author.partition("<")
            if not less or not rest.rstrip().endswith(">") or not name.strip():
                raise InvalidArgument(argument="--author", value=author, reason="write NAME <EMAIL>")
            return _text(name.strip()), _text(rest.rstrip()[:-1].strip())
        name, email = self.config.get("user.name"), self.config.get("user.email")
        if not name:
            from mvcs.repo.git import git_identity

            git_name, git_email = git_identity(folder or self.place.top)
            name, email = git_name, email or git_email
        if not name:
            name, host = user_at_host()
            email = email or host
        return _text(name), _text(email)

    def person(self, actor: tuple[str, str]) -> Person:
        """Returns an actor with the time: MVCS_AUTHOR_DATE, SOURCE_DATE_EPOCH, or the clock."""
        now, offset = self.clock.now()
        given = variable("MVCS_AUTHOR_DATE")
        epoch = variable("SOURCE_DATE_EPOCH")
        if given is not None:
            now, offset = parse_date(given, now, offset), offset
        elif epoch is not None:
            if not epoch.isdecimal():
                raise InvalidArgument(argument="SOURCE_DATE_EPOCH", value=epoch, reason="it is a number of seconds")
            now, offset = int(epoch) * 10**9, 0
        return Person(actor[0], actor[1], now, offset)

    def writable(self) -> None:
        """Checks that the command does not run in the past.

        Raises:
            InvalidArgument: If `--at` was given.
        """
        refuse_past({"at": self.at})

    def publish(
        self, *, actor: tuple[str, str], command: str, moves: tuple[Move, ...], reason: str = "",
        evidence: tuple[Oid, ...] = (), batch: Batch | None = None,
        also: Callable[[MetaTransaction], object] | None = None,
    ) -> Oid:
        """Makes objects durable, then moves refs and records the operation: one transaction.

        Holds the lock shared, also when the caller does: the operation itself must not be swept by a gc that has
        marked before it was written. Never call it while holding the lock exclusive.

        Args:
            actor: (name, email).
            command: The command as typed.
            moves: Refs to move.
            reason: Why.
            evidence: Oids to keep with the operation.
            batch: Objects on their way in.
            also: Other writes of the same transaction.

        Returns:
            Oid of the operation.

        Raises:
            RefConflict: If a ref moved meanwhile; nothing is changed then.
        """
        if batch is not None:
            batch.settle()
        reached("before meta")
        with self.lock.shared(), self.store.write() as transaction:
            if batch is not None:
                batch.finish(transaction)
            oid = record(
                transaction, actor=actor, now=self.clock.now()[0], command=command, moves=moves, reason=reason,
                evidence=evidence,
            )
            if also is not None:
                also(transaction)
            reached("in meta")
        reached("after meta")
        return oid

    def close(self) -> None:
        """Releases the files."""
        self.store.close()


def _text(given: str) -> str:
    """Returns what an identity says as Unicode: it is never refused, whatever bytes it was given in."""
    return given.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def refuse_past(options: Mapping[str, object]) -> None:
    """Checks that the options of a command that writes do not name a moment of the past.

    Raises:
        InvalidArgument: If they do.
    """
    if options.get("at") is not None:
        raise InvalidArgument(
            argument="--at", value=str(options["at"]), reason="only commands that read go into the past"
        )
