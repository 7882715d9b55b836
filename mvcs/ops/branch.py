"""branch and tag: names for commits are made, moved, listed and removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidName, PreconditionFailed, RefExists, RefNotFound
from mvcs.objects.hashing import COMMIT, TAG, Oid
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.objects.tag import Tag
from mvcs.ops.context import head_of
from mvcs.ops.moves import refuse_moves
from mvcs.ops.revisions import names_of, require_model, resolve_commit
from mvcs.refs.names import HEADS, TAGS, branch_key, check_name, tag_key
from mvcs.refs.revspec import resolve
from mvcs.refs.table import Refs
from mvcs.repo.workspace import Workspace

if TYPE_CHECKING:
    from mvcs.repo.repository import Repository


class Named(Record):
    """A branch or tag.

    Args:
        name: Without space and model.
        oid: The commit that it stands for.
        subject: First line of the commit's message.
        current: Whether HEAD is on it.
        message: The tag's own message.
    """

    __slots__ = ("current", "message", "name", "oid", "subject")

    def __init__(self, name: str, oid: Oid, subject: str, *, current: bool = False, message: str = "") -> None:
        self.name = name
        self.oid = oid
        self.subject = subject
        self.current = current
        self.message = message

    def to_dict(self) -> dict[str, object]:
        """Returns the name as JSON carries it."""
        return {
            "name": self.name, "commit": self.oid.hex(), "subject": self.subject, "current": self.current,
            "message": self.message,
        }


def branches(repository: Repository) -> list[Named]:
    """Returns the branches of the model, sorted by name."""
    model = require_model(repository)
    refs, current = _refs_and_current(repository)
    found = []
    for key, _ in refs.under(f"{HEADS}/{model}/"):
        oid = refs.resolve(key)
        if oid is not None:
            name = key.split("/", 2)[2]
            found.append(Named(name, oid, repository.commit(oid).subject, current=key == current))
    return found


def _refs_and_current(repository: Repository) -> tuple[Refs, str | None]:
    if repository.place.workspace is None:
        return repository.refs(), None
    refs, head = head_of(Workspace(repository))
    return refs, head.branch


def create_branch(repository: Repository, name: str, start: str | None, *, command: str, force: bool = False) -> Oid:
    """Makes a branch at a revision, HEAD by default; with `force` an existing one is moved there.

    Raises:
        RefExists: If there is one, also one that differs only in case.
        BranchInUse: If another workspace stands on the one that would be moved.
    """
    repository.writable()
    model = require_model(repository)
    key = branch_key(model, check_name(name))
    with repository.lock.shared():  # what the revision names must still be there when the branch is
        oid, _ = resolve_commit(repository, start or "HEAD")
        refs, current = _refs_and_current(repository)
        old = refs.resolve(key)
        if old is not None and not force:
            raise RefExists(ref=f"branch {name}")
        if old is not None and key == current:
            raise PreconditionFailed(hint=f"mvcs reset {start or 'HEAD'}")
        no_twin(refs, model, HEADS, name)
        moves = (Move(key, old, oid),)
        refuse_moves(repository, moves, command)
        repository.publish(actor=repository.actor(), command=command, moves=moves)
    return oid


def delete_branch(repository: Repository, name: str, *, command: str) -> Oid:
    """Removes a branch; `undo` brings it back.

    Raises:
        RefNotFound: If there is none.
        PreconditionFailed: If HEAD is on it.
    """
    repository.writable()
    key = branch_key(require_model(repository), name)
    refs, current = _refs_and_current(repository)
    oid = refs.resolve(key)
    if oid is None:
        raise RefNotFound(ref=f"branch {name}")
    heads = {target for _, target in refs.under("HEAD/")}
    if key == current or key in heads:
        raise CurrentBranch(branch=name)
    repository.publish(actor=repository.actor(), command=command, moves=(Move(key, oid, None),))
    return oid


def rename_branch(repository: Repository, old: str | None, new: str, *, command: str) -> str:
    """Renames a branch, the current one by default; HEADs on it follow. Returns the old name."""
    repository.writable()
    model = require_model(repository)
    refs, current = _refs_and_current(repository)
    source = branch_key(model, old) if old is not None else current
    if source is None or (refs.resolve(source) is None and source != current):
        raise RefNotFound(ref=f"branch {old or 'HEAD'}")
    target = branch_key(model, check_name(new))
    if refs.get(target) is not None:
        raise RefExists(ref=f"branch {new}")
    no_twin(Refs({key: found for key, found in refs.targets.items() if key != source}), model, HEADS, new)
    oid = refs.resolve(source)
    moves = [] if oid is None else [Move(source, oid, None), Move(target, None, oid)]
    moves += [Move(key, source, target) for key, stored in refs.under("HEAD/") if stored == source]
    repository.publish(actor=repository.actor(), command=command, moves=tuple(moves))
    return source.split("/", 2)[2]


def tags(repository: Repository) -> list[Named]:
    """Returns the tags of the model, sorted by name."""
    model = require_model(repository)
    refs = repository.refs()
    found = []
    for key, target in refs.under(f"{TAGS}/{model}/"):
        oid, message = refs.resolve(key), ""
        assert oid is not None
        if repository.store.kind(oid) == TAG:
            tag = Tag.decode(repository.store.load(oid, TAG))
            oid, message = tag.target, tag.message
        del target
        subject = repository.commit(oid).subject if repository.store.kind(oid) == COMMIT else ""
        found.append(Named(key.split("/", 2)[2], oid, subject, message=message))
    return found


def create_tag(repository: Repository, name: str, revision: str | None, *, message: str = "", command: str) -> Oid:
    """Makes a tag at a revision, HEAD by default. Returns the oid of what it names.

    Raises:
        RefExists: If there is one: a tag is not moved.
    """
    repository.writable()
    model = require_model(repository)
    key = tag_key(model, check_name(name))
    refs = repository.refs()
    if refs.get(key) is not None:
        raise RefExists(ref=f"tag {name}", hint=f"mvcs tag -d {name}")
    no_twin(refs, model, TAGS, name)
    with repository.lock.shared(), repository.store.batch() as batch:
        oid, kind = resolve(revision or "HEAD", names_of(repository))
        tag = Tag(kind, oid, name, repository.person(repository.actor()), message)
        target = batch.put_object(TAG, tag.encode())
        repository.publish(actor=repository.actor(), command=command, moves=(Move(key, None, target),), batch=batch)
    return oid


def delete_tag(repository: Repository, name: str, *, command: str) -> Oid:
    """Removes a tag; `undo` brings it back.

    Raises:
        RefNotFound: If there is none.
    """
    repository.writable()
    key = tag_key(require_model(repository), name)
    target = repository.refs().get(key)
    if not isinstance(target, bytes):
        raise RefNotFound(ref=f"tag {name}", hint="mvcs tag")
    repository.publish(actor=repository.actor(), command=command, moves=(Move(key, target, None),))
    return Oid(target)


class CurrentBranch(PreconditionFailed):
    """The branch is the one that a HEAD is on; field `branch`."""

    template = "{branch} is the branch that HEAD is on"
    hint_template = "mvcs switch ANOTHER"


def no_twin(refs: Refs, model: str, space: str, name: str) -> None:
    """Refuses a new branch or tag that differs from another of its kind only in case, or is one of the other kind.

    Raises:
        InvalidName: If there is such a twin.
    """
    for other_space, what in ((HEADS, "branch"), (TAGS, "tag")):
        prefix = f"{other_space}/{model}/"
        for key, _ in refs.under(prefix):
            other = key[len(prefix) :]
            if other.casefold() == name.casefold() and (other_space != space or other != name):
                raise InvalidName(name=name, reason=f"there is a {what} {other!r}")
