"""Answers what revisions ask of a repository; see `mvcs.refs.revspec.Names`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.objects.commit import Commit
from mvcs.objects.hashing import COMMIT, TAG, Oid
from mvcs.objects.tag import Tag
from mvcs.refs.dates import parse_date
from mvcs.refs.ledger import moves_of, operations
from mvcs.refs.names import HEAD, HEADS, REMOTES, TAGS, branch_key, head_key, tag_key
from mvcs.refs.table import Refs

if TYPE_CHECKING:
    from mvcs.repo.repository import Repository


class RepositoryNames:
    """Names as one workspace sees them.

    Args:
        repository: Where they are looked up.
        refs: Refs at the moment that is asked about.
        model: The model whose branches need no prefix; None outside a workspace.
        workspace: Name of the workspace, None outside any.
        head: (key of HEAD's branch or of HEAD, its commit).
    """

    def __init__(
        self, repository: Repository, refs: Refs, model: str | None, workspace: str | None,
        head: tuple[str, Oid | None] | None,
    ) -> None:
        self._repository = repository
        self._refs = refs
        self._model = model
        self._workspace = workspace
        self._head = head

    def ref(self, name: str) -> tuple[str, Oid] | None:
        """Returns (key, oid) of a branch, tag, remote branch, HEAD or full key."""
        if name == HEAD:
            if self._head is None or self._head[1] is None:
                return None
            key = head_key(self._workspace) if self._workspace is not None else self._head[0]
            return key, self._head[1]
        if self._head is not None and name == self._head[0]:
            return None if self._head[1] is None else (name, self._head[1])
        for key in self._candidates(name):
            oid = self._refs.resolve(key)
            if oid is not None:
                return key, oid
        return None

    def _candidates(self, name: str) -> list[str]:
        found = []
        if self._model is not None:
            found = [branch_key(self._model, name), tag_key(self._model, name)]
        model, slash, rest = name.partition("/")
        if slash:
            found += [branch_key(model, rest), tag_key(model, rest)]
            if self._model is not None:
                found.append(f"{REMOTES}/{model}/{HEADS}/{self._model}/{rest}")
            if name.split("/")[0] in {HEADS, TAGS, REMOTES, "versions", "stages", "deployments"}:
                found.append(name)
        return found

    def current(self) -> str:
        """Returns the key that a bare @{1} means."""
        return self._head[0] if self._head is not None else HEAD

    def short(self, prefix: str) -> list[tuple[Oid, str]]:
        """Returns (oid, kind) of the objects whose hex begins so."""
        return self._repository.store.short(prefix)

    def peel(self, oid: Oid) -> tuple[Oid, str]:
        """Follows tags; returns (oid, kind)."""
        store = self._repository.store
        kind = store.kind(oid)
        while kind == TAG:
            tag = Tag.decode(store.load(oid, TAG))
            oid, kind = tag.target, tag.target_kind
        return oid, kind or COMMIT

    def parents(self, oid: Oid) -> tuple[Oid, ...]:
        """Returns the parents of a commit."""
        return self._repository.commit(oid).parents

    def tree(self, oid: Oid) -> Oid:
        """Returns the root tree of a commit."""
        return self._repository.commit(oid).tree

    def earlier(self, key: str, selector: str) -> Oid | None:
        """Returns where a ref stood N moves ago or at a date; None if it did not exist."""
        if key.startswith(HEAD + "/"):
            return self._head_earlier(key, selector)
        with self._repository.store.read() as transaction:
            if selector.isdecimal():
                count = int(selector)
                for index, (_, _, move) in enumerate(moves_of(transaction, key)):
                    if index == count:
                        return self._target(move.new)
                    if index == count - 1 and move.old is None:
                        return None
                return None
            now, offset = self._repository.clock.now()
            when = parse_date(selector, now, offset)
            for _, operation, move in moves_of(transaction, key):
                if operation.time <= when:
                    return self._target(move.new)
        return None

    def _head_earlier(self, key: str, selector: str) -> Oid | None:
        """Returns where HEAD was: it moves by itself, and with the branch that it is on."""
        when = None if selector.isdecimal() else parse_date(selector, *self._repository.clock.now())
        count = 0
        with self._repository.store.read() as transaction:
            refs = Refs.now(transaction)
            for _, operation in operations(transaction):
                before = refs.before(operation.moves)
                here = refs.resolve(key)
                if when is not None and operation.time <= when:
                    return here
                if refs.get(key) != before.get(key) or here != before.resolve(key):
                    if when is None and count == int(selector):
                        return here
                    count += 1
                refs = before
        return None

    def _target(self, target: Oid | str | None) -> Oid | None:
        return self._refs.resolve(target) if isinstance(target, str) else target

    def describe(self, oid: Oid, kind: str) -> str:
        """Returns a line that tells one candidate from another."""
        if kind == COMMIT:
            commit = Commit.decode(self._repository.store.load(oid, COMMIT))
            return f"{oid.hex()[:12]} {kind} {commit.subject[:50]!r}"
        return f"{oid.hex()[:12]} {kind}"
