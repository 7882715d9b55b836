"""Commits as a read-only file system of fsspec, `mvcs://REV/PATH`, for pandas, pyarrow and all that read through it.

The only module that imports fsspec, and fsspec imports it. Revisions are resolved at each call: a branch may move.
Knows: fsspec's protocol, how a revision and a path share one URL. Refuses to know: where bytes lie.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NoReturn

from fsspec import AbstractFileSystem

from mvcs.errors import InvalidRevision, NotFound, RevisionNotFound
from mvcs.objects.editing import Placed
from mvcs.objects.tree import IS_BLOB, IS_TREE, SYMLINK
from mvcs.ops.branch import branches, tags
from mvcs.ops.revisions import resolve_commit, resolve_path, split_path
from mvcs.ops.show import listing, open_file
from mvcs.repo.repository import Repository
from mvcs.store.blob_file import blob_file

if TYPE_CHECKING:
    from io import BufferedReader

    from mvcs.ops.revisions import InCommit
    from mvcs.ops.show import Listed

PROTOCOL = "mvcs"
BETWEEN = "//"
"""Between a repository and a revision, as in REPO//REV/PATH."""


class MvcsFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Files of commits; get it from `fsspec.filesystem("mvcs")`, or write `mvcs://REV/PATH` where a URL may stand.

    `mvcs:///srv/churn//main/data/train.csv` names the repository too. A revision with slashes is told from the path by
    trying: the shortest one that exists is meant; `mvcs://REV:PATH` always says which.

    Args:
        repo: Folder of the repository, for URLs that name none; that of the current folder, or MVCS_DIR, by default.
        **options: Of fsspec.
    """

    protocol = PROTOCOL
    root_marker = ""
    cachable = True

    def __init__(self, repo: str | os.PathLike[str] | None = None, **options: Any) -> None:  # noqa: ANN401 -- fsspec's
        super().__init__(**options)
        self.repo = None if repo is None else os.path.abspath(os.fspath(repo))
        self._repositories: dict[tuple[str, bool], Repository] = {}
        self._last: tuple[bytes, dict[str, dict[str, Placed | None]]] = b"", {}

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:  # noqa: ANN401 -- fsspec gives text or lists of it
        if isinstance(path, list):
            return [cls._strip_protocol(each) for each in path]
        return os.fspath(path).removeprefix(f"{PROTOCOL}://").rstrip("/")

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: ANN401 -- fsspec's
        """Lists a folder of a revision; without a revision, branches and tags.

        Raises:
            FileNotFoundError: If there is nothing.
        """
        path = self._strip_protocol(path)
        repository, above, inside = self._at(path)
        if not inside:
            found = [_folder(above + item.name) for item in [*branches(repository), *tags(repository)]]
        else:
            at = self._resolve(repository, inside)
            found = [_file(path, at.placed)] if _is_file(at) else self._entries(repository, at, path)
        return found if detail else [item["name"] for item in found]

    def info(self, path: str, **_: Any) -> dict[str, Any]:  # noqa: ANN401 -- fsspec's
        """Returns name, type and size; of files oid and ingredient too.

        Raises:
            FileNotFoundError: If there is nothing.
        """
        path = self._strip_protocol(path)
        repository, _above, inside = self._at(path)
        if not inside:
            return _folder(path)
        at = self._resolve(repository, inside)
        return _file(path, at.placed) if _is_file(at) else _folder(path)

    def ukey(self, path: str) -> str:
        """Returns the oid of a file: the same for ever as long as the content is."""
        return str(self.info(path)["oid"])

    def created(self, path: str) -> Any:  # noqa: ANN401 -- fsspec's
        """Returns when the commit was made, in UTC."""
        from datetime import UTC, datetime, timedelta

        repository, _, inside = self._at(self._strip_protocol(path))
        at = self._resolve(repository, inside)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at.commit.committer.time // 1000)

    modified = created

    def open(
        self, path: str, mode: str = "rb", **options: Any  # noqa: ANN401 -- fsspec's
    ) -> Any:  # noqa: ANN401 -- fsspec's
        """Opens a file for reading at any place; only the chunks that are read are decoded, and verified.

        Raises:
            FileNotFoundError: If there is none.
            PermissionError: If it is to be written.
        """
        if set(mode) - set("rbt"):
            self._refuse(path)
        return super().open(path, mode, **options)

    def _refuse(self, path: Any, *_: Any, **__: Any) -> NoReturn:  # noqa: ANN401 -- fsspec's
        """Refuses to write.

        Raises:
            PermissionError: Always.
        """
        message = f"{path}: commits are read-only"
        raise PermissionError(message)

    # All that fsspec itself would do nothing for, or begin and not end; its other names for them come here too.
    mkdir = makedirs = rmdir = rm = rm_file = _rm = copy = cp_file = mv = put = put_file = pipe = pipe_file = _refuse
    touch = write_bytes = write_text = _refuse

    def _open(self, path: str, mode: str = "rb", **_: Any) -> BufferedReader:  # noqa: ANN401 -- fsspec's
        del mode
        repository, _above, inside = self._at(path)
        if not inside:
            raise IsADirectoryError(path)
        at = self._resolve(repository, inside)
        if not _is_file(at):
            raise IsADirectoryError(path)
        return blob_file(open_file(repository, f"{at.oid.hex()}:{at.path}"))

    def _at(self, path: str) -> tuple[Repository, str, str]:
        """Returns the repository that a path is in, what of the path names it, and the rest."""
        if path.startswith("/"):
            folder, between, inside = path.partition(BETWEEN)
            above = folder + BETWEEN
            if not between:
                folder, above, inside = path, path + BETWEEN, ""
        else:
            folder, above, inside = self.repo or os.getcwd(), "", path
        named = bool(above) or self.repo is not None
        repository = self._repositories.get((folder, named))
        if repository is None:
            find = Repository.around if named else Repository.find
            repository = self._repositories[folder, named] = find(folder)
        return repository, above, inside

    def _resolve(self, repository: Repository, inside: str) -> InCommit:
        """Returns the place that REV:PATH or REV/PATH means."""
        revision, colon, path = split_path(inside)
        words = inside.split("/")
        tries = [(revision, path)] if colon else []
        tries += [("/".join(words[:count]), "/".join(words[count:])) for count in range(1, len(words) + 1)]
        for revision, path in tries:
            if path.startswith("@"):  # an ingredient is no folder
                continue
            try:
                oid = resolve_commit(repository, revision)[0]
            except (RevisionNotFound, InvalidRevision):
                continue
            try:
                at = resolve_path(repository, f"{oid.hex()}:{path}")
            except NotFound as error:
                raise FileNotFoundError(error.message) from error
            if at.placed is not None and at.placed.entry.kind != IS_TREE and not _is_file(at):
                break  # a link, or data kept elsewhere: no bytes to give
            return at
        raise FileNotFoundError(inside)

    def _entries(self, repository: Repository, at: InCommit, path: str) -> list[dict[str, Any]]:
        """Returns what is in a folder of a commit; the names of the commit that was asked for last are kept."""
        if self._last[0] != at.oid:
            self._last = at.oid, _by_folder(listing(repository, at.oid.hex()))
        join = "" if path.endswith(":") else "/"
        found = self._last[1].get(at.path, {})
        return [
            _folder(f"{path}{join}{name}") if placed is None else _file(f"{path}{join}{name}", placed)
            for name, placed in sorted(found.items())
        ]


def _by_folder(listed: list[Listed]) -> dict[str, dict[str, Placed | None]]:
    """Returns folder to its names, each with the file it is; None for folders."""
    found: dict[str, dict[str, Placed | None]] = {"": {}}
    for item in listed:
        if item.entry.kind != IS_BLOB or item.entry.mode == SYMLINK:
            continue
        folder, _, name = os.fsdecode(item.path).rpartition("/")
        found.setdefault(folder, {})[name] = Placed(item.ingredient, item.entry)
        while folder:
            folder, _, name = folder.rpartition("/")
            above = found.setdefault(folder, {})
            if name in above:
                break
            above[name] = None
    return found


def _is_file(at: InCommit) -> bool:
    """Whether there is a file with bytes of its own at a place."""
    return at.placed is not None and at.placed.entry.kind == IS_BLOB and at.placed.entry.mode != SYMLINK


def _folder(name: str) -> dict[str, Any]:
    return {"name": name, "size": 0, "type": "directory"}


def _file(name: str, placed: Placed | None) -> dict[str, Any]:
    assert placed is not None
    return {
        "name": name, "size": placed.entry.size, "type": "file", "oid": placed.entry.oid.hex(),
        "ingredient": placed.ingredient,
    }
