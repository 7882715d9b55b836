"""A repository as Python sees it: one method per verb, thin over `mvcs.ops`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.api.commit import Commit
from mvcs.objects.hashing import Oid
from mvcs.repo.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mvcs.diff.trees import FileChange
    from mvcs.ops.branch import Named
    from mvcs.ops.commit import CommitResult
    from mvcs.ops.doctor import Finding
    from mvcs.ops.du import Usage
    from mvcs.ops.fsck import Report
    from mvcs.ops.log import Logged
    from mvcs.ops.oplog import Logged as LoggedOperation
    from mvcs.ops.restore import RestoreResult
    from mvcs.ops.show import Listed, Shown
    from mvcs.ops.status import Status
    from mvcs.ops.switch import SwitchResult
    from mvcs.ops.undo import UndoResult
    from mvcs.store.sweep import SweepResult


class Repo:
    """An open repository; get it from `mvcs.open`. Safe to use from several threads.

    Args:
        repository: The place.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    # Looking

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
        from mvcs.ops.resolve import resolve_commit

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
        from mvcs.ops.resolve import resolve_object

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

    def diff(
        self, first: str | None = None, second: str | None = None, *, only: tuple[str, ...] = ()
    ) -> list[FileChange]:
        """Returns what changed between two revisions, or between one and the files."""
        from mvcs.ops.compare import diff

        return diff(self._repository, first, second, only=only)

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

    # Making history

    def add(self, paths: list[str], ingredient: str | None = None) -> list[tuple[str, str]]:
        """Declares which ingredient paths belong to."""
        from mvcs.ops.add import add

        return add(self._repository, paths, ingredient)

    def rm(
        self, paths: list[str], *, cached: bool = False, force: bool = False, command: str = "rm"
    ) -> list[str]:
        """Takes paths out of the model."""
        from mvcs.ops.rm import remove

        return remove(self._repository, paths, cached=cached, force=force, command=command)

    def commit(
        self, message: str | None = None, *, author: str | None = None, amend: bool = False,
        metrics: Mapping[str, float | int] | None = None, trained: bool = False, tag: str | None = None,
        command: str = "commit",
    ) -> CommitResult:
        """Makes a commit of the workspace."""
        from mvcs.ops.commit import Request, commit

        request = Request(
            message, author=author, amend=amend, metrics=metrics, trained=trained, tag=tag, command=command
        )
        return commit(self._repository, request)

    def branch(self, name: str, start: str | None = None, *, force: bool = False, command: str = "branch") -> str:
        """Makes a branch; returns the commit's oid."""
        from mvcs.ops.branch import create_branch

        return create_branch(self._repository, name, start, command=command, force=force).hex()

    def delete_branch(self, name: str, *, command: str = "branch -d") -> str:
        """Removes a branch; returns the commit's oid."""
        from mvcs.ops.branch import delete_branch

        return delete_branch(self._repository, name, command=command).hex()

    def rename_branch(self, old: str | None, new: str, *, command: str = "branch -m") -> str:
        """Renames a branch; returns the old name."""
        from mvcs.ops.branch import rename_branch

        return rename_branch(self._repository, old, new, command=command)

    def tag(self, name: str, revision: str | None = None, *, message: str = "", command: str = "tag") -> str:
        """Makes a tag; returns the oid of what it names."""
        from mvcs.ops.branch import create_tag

        return create_tag(self._repository, name, revision, message=message, command=command).hex()

    def delete_tag(self, name: str, *, command: str = "tag -d") -> str:
        """Removes a tag; returns the oid of what it named."""
        from mvcs.ops.branch import delete_tag

        return delete_tag(self._repository, name, command=command).hex()

    def switch(
        self, name: str, *, create: bool = False, start: str | None = None, detach: bool = False, force: bool = False,
        command: str = "switch",
    ) -> SwitchResult:
        """Goes to a branch, or with `detach` to any commit."""
        from mvcs.ops.switch import switch

        return switch(
            self._repository, name, create=create, start=start, detach=detach, force=force, command=command
        )

    def checkout(self, revision: str | None = None, *, force: bool = False, command: str = "checkout") -> SwitchResult:
        """Goes to a branch or commit; without one, brings the files to what HEAD has."""
        from mvcs.ops.switch import checkout

        return checkout(self._repository, revision, force=force, command=command)

    def restore(self, paths: list[str], *, source: str | None = None, command: str = "restore") -> RestoreResult:
        """Gives files the content that a commit has."""
        from mvcs.ops.restore import restore

        return restore(self._repository, paths, source=source, command=command)

    def reset(self, revision: str = "HEAD", *, hard: bool = False, command: str = "reset") -> RestoreResult:
        """Moves the branch to a commit; with `hard` the files too."""
        from mvcs.ops.restore import reset

        return reset(self._repository, revision, hard=hard, command=command)

    def undo(self, *, force: bool = False, command: str = "undo") -> UndoResult:
        """Undoes the newest operation that is in force."""
        from mvcs.ops.undo import undo

        return undo(self._repository, force=force, command=command)

    def redo(self, *, force: bool = False, command: str = "redo") -> UndoResult:
        """Redoes what was undone last."""
        from mvcs.ops.undo import redo

        return redo(self._repository, force=force, command=command)

    # Keeping

    def gc(self, *, dry_run: bool = False, thorough: bool = False) -> SweepResult:
        """Removes what nothing reaches."""
        from mvcs.ops.gc import gc

        return gc(self._repository, dry_run=dry_run, thorough=thorough)

    def fsck(self, *, repair_from: str | None = None) -> Report:
        """Checks every byte and every name; takes good copies from another clone."""
        from mvcs.ops.fsck import fsck
        from mvcs.repo.layout import find_place

        other = None if repair_from is None else Repository(find_place(repair_from))
        return fsck(self._repository, repair_from=other)

    def du(self, revision: str | None = None) -> Usage:
        """Returns what takes space."""
        from mvcs.ops.du import du

        return du(self._repository, revision)

    def doctor(self) -> list[Finding]:
        """Looks at machine and set-up."""
        from mvcs.ops.doctor import doctor

        return doctor(self._repository)

    def config_get(self, key: str) -> tuple[object, str]:
        """Returns (value, where it comes from)."""
        return self._repository.config.origin(key)

    def config_set(self, key: str, value: str | None, origin: str = "repository") -> None:
        """Writes a configuration key; None removes it."""
        self._repository.config.set(key, value, origin)

    def inside(self, path: str, cwd: str) -> str:
        """Returns a path as seen from the workspace's root."""
        from mvcs.ops.context import open_workspace
        from mvcs.ops.restore import inside

        return inside(open_workspace(self._repository), path, cwd)

    def commit_at(self, oid: str) -> Commit:
        """Returns the commit of a full oid."""
        return Commit(self._repository, Oid(bytes.fromhex(oid)))

    def close(self) -> None:
        """Releases the files."""
        self._repository.close()

    def __enter__(self) -> Repo:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Repo {self.path}>"
