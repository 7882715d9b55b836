"""What a repository shows: one method per verb that reads, thin over `mvcs.ops`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.api.commit import Commit
from mvcs.objects.hashing import Oid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from mvcs.diff.trees import FileChange
    from mvcs.ops.blame import Blamed
    from mvcs.ops.branch import Named
    from mvcs.ops.details import Detailed
    from mvcs.ops.log import Logged
    from mvcs.ops.oplog import Logged as LoggedOperation
    from mvcs.ops.show import Listed, Shown
    from mvcs.ops.status import Status
    from mvcs.ops.tensors import ListedTensor, NpyFile, TensorShown
    from mvcs.repo.repository import Repository


class Looking:
    """The verbs that change nothing.

    Args:
        repository: The place.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository


    @property
    def path(self) -> str:
        """Folder of the repository."""
        return self._repository.path

    @property
    def root(self) -> str:
        """Folder that the workspace's paths start from.

        Raises:
            NotARepository: Outside a workspace.
        """
        from mvcs.ops.context import open_workspace

        return open_workspace(self._repository).root

    @property
    def head(self) -> Commit | None:
        """The commit that the workspace stands on, None before the first."""
        from mvcs.ops.context import head_of, open_workspace

        oid = head_of(open_workspace(self._repository))[1].base
        return None if oid is None else Commit(self._repository, oid)

    def __getitem__(self, revision: str) -> Commit:
        from mvcs.ops.revisions import resolve_commit

        oid, commit = resolve_commit(self._repository, revision)
        return Commit(self._repository, oid, commit)

    @property
    def branches(self) -> dict[str, Commit]:
        """Branches of the model by name."""
        from mvcs.ops.branch import branches

        return {item.name: Commit(self._repository, item.oid) for item in branches(self._repository)}

    @property
    def tags(self) -> dict[str, Commit]:
        """Tags of the model by name."""
        from mvcs.ops.branch import tags

        return {item.name: Commit(self._repository, item.oid) for item in tags(self._repository)}

    @property
    def refs(self) -> dict[str, str]:
        """All refs: key to oid, or to the key of another ref."""
        targets = self._repository.refs().targets
        return {key: target if isinstance(target, str) else target.hex() for key, target in sorted(targets.items())}

    def resolve(self, revision: str) -> tuple[str, str]:
        """Returns (oid, kind) of a revision or REV:PATH."""
        from mvcs.ops.revisions import resolve_object

        oid, kind = resolve_object(self._repository, revision)
        return oid.hex(), kind

    def status(self) -> Status:
        """Returns how the files differ from HEAD."""
        from mvcs.ops.status import status

        return status(self._repository)

    def log(
        self, revisions: list[str] | None = None, *, limit: int | None = None, every: bool = False,
        metrics: bool = False,
    ) -> Iterator[Logged]:
        """Yields commits, newest first."""
        from mvcs.ops.log import log

        return log(self._repository, revisions or [], limit=limit, every=every, metrics=metrics)

    def graph(
        self, revisions: list[str] | None = None, *, limit: int | None = None, every: bool = False
    ) -> list[Logged]:
        """Returns commits for drawing, each before its parents."""
        from mvcs.ops.log import graph_order

        return graph_order(self._repository, revisions or [], limit=limit, every=every)

    def show(self, revision: str = "HEAD") -> Shown:
        """Returns a commit in full."""
        from mvcs.ops.show import show

        return show(self._repository, revision)

    def ls(self, revision: str = "HEAD", *, generated: bool = False) -> list[Listed]:
        """Returns the files of REV or REV:PATH."""
        from mvcs.ops.show import listing

        return listing(self._repository, revision, generated=generated)

    def cat(self, revision: str) -> Iterator[bytes]:
        """Yields the content of REV:PATH in pieces."""
        from mvcs.ops.show import content

        return content(self._repository, revision)

    def tensors(self, revision: str) -> list[ListedTensor]:
        """Returns the tensors of a weights file, REV:FILE//."""
        from mvcs.ops.tensors import list_tensors

        return list_tensors(self._repository, revision)

    def tensor(self, revision: str) -> TensorShown:
        """Returns type, shape and statistics of REV:FILE//TENSOR."""
        from mvcs.ops.tensors import show_tensor

        return show_tensor(self._repository, revision)

    def npy(self, revision: str) -> NpyFile:
        """Returns REV:FILE//TENSOR as a file of numpy."""
        from mvcs.ops.tensors import npy_tensor

        return npy_tensor(self._repository, revision)

    def open(self, revision: str) -> BufferedReader:
        """Opens REV:PATH, or a blob by its oid, as a seekable read-only file.

        What is read is verified, and only the chunks it lies in are decoded. Threads that read at different places
        open it each for itself: a file has one position.
        """
        from mvcs.ops.show import open_file
        from mvcs.store.blob_file import blob_file

        return blob_file(open_file(self._repository, revision))

    def diff(
        self, first: str | None = None, second: str | None = None, *, only: tuple[str, ...] = (),
        generated: bool = False,
    ) -> list[FileChange]:
        """Returns what changed between two revisions, or between one and the files.

        With `generated`, entries that capture makes are told too, as INGREDIENT/.mvcs/NAME.
        """
        from mvcs.ops.compare import diff

        return diff(self._repository, first, second, only=only, generated=generated)

    def details(self, changes: list[FileChange], *, context: int = 3) -> Iterator[Detailed]:
        """Yields what changed inside each changed file: keys, packages, rows, cells, lines."""
        from mvcs.ops.context import open_workspace
        from mvcs.ops.details import details

        workspace = open_workspace(self._repository) if self._repository.place.workspace is not None else None
        return details(self._repository, changes, workspace=workspace, context=context)

    def patch(
        self, first: str | None = None, second: str | None = None, *, only: tuple[str, ...] = (), binary: bool = False,
        context: int = 3,
    ) -> Iterator[bytes]:
        """Yields what `diff` tells, generated entries with it, as a patch for `apply` here or elsewhere."""
        from mvcs.ops.compare import target_of
        from mvcs.ops.context import open_workspace
        from mvcs.ops.patch import patch

        workspace = open_workspace(self._repository) if self._repository.place.workspace is not None else None
        changes, made = self.diff(first, second, only=only, generated=True), target_of(self._repository, first, second)
        return patch(self._repository, changes, workspace=workspace, binary=binary, context=context, made=made)

    def blame(self, file: str, key: str | None = None) -> list[Blamed]:
        """Returns the commit that last set each key, package, cell or line of REV:PATH, or changed a file without."""
        from mvcs.ops.blame import blame
        from mvcs.ops.context import open_workspace

        here = self._repository.place.workspace is not None
        keys = open_workspace(self._repository).project.rules.keys if here else {}
        return blame(self._repository, file, key, keys=keys)

    def branch_list(self) -> list[Named]:
        """Returns the branches with their subjects."""
        from mvcs.ops.branch import branches

        return branches(self._repository)

    def tag_list(self) -> list[Named]:
        """Returns the tags with their messages."""
        from mvcs.ops.branch import tags

        return tags(self._repository)

    def op_log(self, *, limit: int | None = None) -> list[LoggedOperation]:
        """Returns the newest operations of the ledger."""
        from mvcs.ops.oplog import op_log

        return op_log(self._repository, limit=limit)

    def op_show(self, operation: str | None = None) -> LoggedOperation:
        """Returns one operation, the newest by default."""
        from mvcs.ops.oplog import op_show

        return op_show(self._repository, operation)

    def commit_at(self, oid: str) -> Commit:
        """Returns the commit of a full oid."""
        return Commit(self._repository, Oid(bytes.fromhex(oid)))
