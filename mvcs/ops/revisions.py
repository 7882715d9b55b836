"""rev-parse: from what people type to an oid, a commit, or a path in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidRevision, NotARepository, PathNotFound, RevisionNotFound
from mvcs.objects.commit import INGREDIENTS
from mvcs.objects.editing import Placed, find_file, ingredient_trees
from mvcs.objects.hashing import COMMIT, Oid
from mvcs.objects.record import Record
from mvcs.objects.tree import FOLDER, IS_TREE, Entry, find_path
from mvcs.ops.context import head_of
from mvcs.refs.revspec import resolve
from mvcs.repo.names import RepositoryNames
from mvcs.repo.workspace import Workspace

if TYPE_CHECKING:
    from mvcs.objects.commit import Commit
    from mvcs.repo.repository import Repository


class InCommit(Record):
    """A place in a commit.

    Args:
        oid: The commit's oid.
        commit: The commit.
        path: Workspace path; empty for all of it.
        placed: What is there; None for all of it.
    """

    __slots__ = ("commit", "oid", "path", "placed")

    def __init__(self, oid: Oid, commit: Commit, path: str, placed: Placed | None) -> None:
        self.oid = oid
        self.commit = commit
        self.path = path
        self.placed = placed


def names_of(repository: Repository) -> RepositoryNames:
    """Returns the names as the current workspace sees them."""
    if repository.place.workspace is None:
        return RepositoryNames(repository, repository.refs(), _only_model(repository), None, None)
    workspace = Workspace(repository)
    refs, head = head_of(workspace)
    key = head.branch or workspace.head_ref
    return RepositoryNames(repository, refs, workspace.model, workspace.name, (key, head.base))


def _only_model(repository: Repository) -> str | None:
    models = {key.split("/")[1] for key, _ in repository.refs().under("heads/")}
    return models.pop() if len(models) == 1 else None


def resolve_object(repository: Repository, text: str) -> tuple[Oid, str]:
    """Returns (oid, kind) of a revision, or of REV:PATH.

    Raises:
        RevisionNotFound: If it names nothing.
    """
    revision, colon, _ = split_path(text)
    if colon:
        found = resolve_path(repository, text)
        if found.placed is None:
            return found.commit.tree, "tree"
        entry = found.placed.entry
        return entry.oid, "tree" if entry.kind == IS_TREE else "blob"
    return resolve(revision, names_of(repository))


def resolve_commit(repository: Repository, text: str) -> tuple[Oid, Commit]:
    """Returns the commit that a revision names.

    Raises:
        RevisionNotFound: If it names nothing, or no commit.
    """
    oid, kind = resolve(text, names_of(repository))
    if kind != COMMIT:
        raise RevisionNotFound(revision=text, reason=f"it is a {kind}, not a commit")
    return oid, repository.commit(oid)


def split_path(text: str) -> tuple[str, bool, str]:
    """Splits REV:PATH at the first colon outside braces; returns (revision, whether there was one, path)."""
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if char == ":" and depth == 0:
            return text[:index], True, text[index + 1 :]
    return text, False, ""


def resolve_path(repository: Repository, text: str) -> InCommit:
    """Returns what REV:PATH, REV:@INGREDIENT[/PATH] or REV:INGREDIENT/.mvcs/NAME names; a bare revision is all of it.

    Raises:
        PathNotFound: If the commit has no such path.
        InvalidRevision: If the ingredient is unknown.
    """
    revision, _, path = split_path(text)
    oid, commit = resolve_commit(repository, revision or "HEAD")
    name, inside = split_ingredient(path)
    if name is not None:
        return _ingredient(repository, oid, commit, path, (name, inside), text)
    path = path.strip("/")
    if not path or path == ".":
        return InCommit(oid, commit, "", None)
    placed = find_file(repository.load_tree, commit.tree, path.encode("utf-8", "surrogateescape"))
    if placed is None:
        raise PathNotFound(path=path, where=revision or "HEAD")
    return InCommit(oid, commit, path, placed)


def split_ingredient(path: str) -> tuple[str | None, str]:
    """Returns (ingredient, path in it) of @INGREDIENT/PATH and INGREDIENT/.mvcs/NAME; (None, path) of any other path.

    No file of a workspace is in a folder `.mvcs`, so that the second form, as diff prints it, means nothing else.
    """
    name, _, inside = path.removeprefix("@").partition("/")
    if path.startswith("@") or (name in INGREDIENTS and inside.startswith(".mvcs/")):
        return name, inside
    return None, path


def _ingredient(
    repository: Repository, oid: Oid, commit: Commit, path: str, place: tuple[str, str], text: str
) -> InCommit:
    name, inside = place
    if name not in INGREDIENTS:
        raise InvalidRevision(revision=text, reason=f"an ingredient is one of {', '.join(INGREDIENTS)}")
    trees = ingredient_trees(repository.load_tree, commit.tree)
    if name not in trees:
        raise PathNotFound(path=path, where=oid.hex()[:12])
    if not inside.strip("/"):
        return InCommit(oid, commit, path, Placed(name, Entry(name.encode(), FOLDER, IS_TREE, trees[name], 0)))
    entry = find_path(repository.load_tree, trees[name], inside.strip("/").encode("utf-8", "surrogateescape"))
    if entry is None:
        raise PathNotFound(path=path, where=oid.hex()[:12], hint=f"mvcs ls {oid.hex()[:12]}:@{name}")
    return InCommit(oid, commit, path, Placed(name, entry))


def require_model(repository: Repository) -> str:
    """Returns the model that branch names belong to.

    Raises:
        NotARepository: Outside a workspace, if there are several.
    """
    if repository.place.workspace is not None:
        return Workspace(repository).model
    model = _only_model(repository)
    if model is None:
        raise NotARepository(path=repository.place.top, hint="cd into a folder with an mvcs.toml")
    return model
