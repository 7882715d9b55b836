"""A repository as Python sees it: one method per verb, thin over `mvcs.ops`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.api.sharing import Sharing
from mvcs.repo.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mvcs.formats.values import Found
    from mvcs.ops.commit import CommitResult
    from mvcs.ops.conflicts import Left
    from mvcs.ops.doctor import Finding
    from mvcs.ops.du import Usage
    from mvcs.ops.fsck import Report
    from mvcs.ops.gc import GcResult
    from mvcs.ops.materialise import Materialised
    from mvcs.ops.merge import MergeResult
    from mvcs.ops.repack import RepackResult
    from mvcs.ops.restore import RestoreResult
    from mvcs.ops.switch import SwitchResult
    from mvcs.ops.undo import UndoResult


class Repo(Sharing):
    """An open repository; get it from `mvcs.open`. Safe to use from several threads.

    Args:
        repository: The place.
    """

    # Making history

    def add(self, paths: list[str], ingredient: str | None = None) -> list[tuple[str, str]]:
        """Declares which ingredient paths belong to."""
        from mvcs.ops.add import add

        return add(self._repository, paths, ingredient)

    def add_url(
        self, url: str, ingredient: str = "data", *, to: str | None = None, verify: bool = False
    ) -> list[tuple[str, str]]:
        """Declares data that is kept elsewhere, at an http, https or s3 URL."""
        from mvcs.ops.add import add_references

        return add_references(self._repository, url, ingredient=ingredient, to=to, verify=verify)

    def rm(
        self, paths: list[str], *, cached: bool = False, force: bool = False, command: str = "rm"
    ) -> list[str]:
        """Takes paths out of the model."""
        from mvcs.ops.rm import remove

        return remove(self._repository, paths, cached=cached, force=force, command=command)

    def commit(
        self, message: str | None = None, *, author: str | None = None, amend: bool = False,
        metrics: Mapping[str, float | int] | None = None, params: Mapping[str, Found] | None = None,
        trained: bool = False, tag: str | None = None, no_merge: bool = False, no_checkout: bool = False,
        allow_secret: bool = False, command: str = "commit",
    ) -> CommitResult:
        """Makes a commit of the workspace.

        Parameters that are not named stay as they were; `mvcs.formats.values.ABSENT` takes one out.
        """
        from mvcs.ops.commit import Request, commit

        request = Request(
            message, author=author, amend=amend, metrics=metrics, params=params, trained=trained, tag=tag,
            no_merge=no_merge, no_checkout=no_checkout, allow_secret=allow_secret, command=command,
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

    def reset(
        self, revision: str = "HEAD", *, hard: bool = False, only: tuple[str, ...] = (), command: str = "reset"
    ) -> RestoreResult:
        """Moves the branch to a commit; with `hard` the files too; with `only` these ingredients' files alone."""
        from mvcs.ops.restore import reset

        return reset(self._repository, revision, hard=hard, only=only, command=command)

    def merge(
        self, revision: str, *, dry_run: bool = False, strategies: Mapping[str, str] | None = None,
        weights: str | None = None, message: str | None = None, fast_forward: bool = True,
        allow_unrelated: bool = False, resolve: str | None = None, command: str = "merge",
    ) -> MergeResult:
        """Merges a revision into the branch of the workspace."""
        from mvcs.ops.merge import MergeRequest, merge

        request = MergeRequest(
            revision, dry_run=dry_run, strategies=tuple((strategies or {}).items()), weights=weights, message=message,
            fast_forward=fast_forward, allow_unrelated=allow_unrelated, resolve=resolve, command=command,
        )
        return merge(self._repository, request)

    def merge_abort(self, *, command: str = "merge --abort") -> MergeResult:
        """Gives up the merge in progress."""
        from mvcs.ops.merge import abort

        return abort(self._repository, command=command)

    def conflicts(self, path: str | None = None) -> list[Left]:
        """Returns what the merge in progress has left."""
        from mvcs.ops.conflicts import conflicts

        return conflicts(self._repository, path)

    def resolve_conflict(
        self, path: str, key: str | None = None, *, strategy: str, value: str | None = None, command: str = "resolve"
    ) -> MergeResult:
        """Settles conflicts of a file: all of them, or one key's; strategy "set" takes a value as typed."""
        from mvcs.ops.conflicts import ResolveRequest, resolve

        return resolve(self._repository, ResolveRequest(path, key, strategy, value, command=command))

    def cherry_pick(
        self, revision: str, *, only: tuple[str, ...] = (), parent: int | None = None,
        strategies: Mapping[str, str] | None = None, dry_run: bool = False, command: str = "cherry-pick",
    ) -> MergeResult:
        """Brings what one commit changed into the branch of the workspace."""
        from mvcs.ops.pick import cherry_pick

        return cherry_pick(
            self._repository, revision, only=only, parent=parent, strategies=tuple((strategies or {}).items()),
            dry_run=dry_run, command=command,
        )

    def revert(
        self, revision: str, *, only: tuple[str, ...] = (), parent: int | None = None,
        strategies: Mapping[str, str] | None = None, dry_run: bool = False, command: str = "revert",
    ) -> MergeResult:
        """Takes back what one commit changed."""
        from mvcs.ops.pick import revert

        return revert(
            self._repository, revision, only=only, parent=parent, strategies=tuple((strategies or {}).items()),
            dry_run=dry_run, command=command,
        )

    def apply(self, patch: bytes, *, only: tuple[str, ...] = (), command: str = "apply") -> RestoreResult:
        """Applies a patch, or its changes of some ingredients, to the files; nothing is committed."""
        from mvcs.ops.patch import apply

        return apply(self._repository, patch, only=only, command=command)

    def undo(self, *, force: bool = False, command: str = "undo") -> UndoResult:
        """Undoes the newest operation that is in force."""
        from mvcs.ops.undo import undo

        return undo(self._repository, force=force, command=command)

    def redo(self, *, force: bool = False, command: str = "redo") -> UndoResult:
        """Redoes what was undone last."""
        from mvcs.ops.undo import redo

        return redo(self._repository, force=force, command=command)

    # Keeping

    def gc(self, *, dry_run: bool = False, thorough: bool = False) -> GcResult:
        """Removes what nothing reaches, and the weights that `[retention]` gives no more time."""
        from mvcs.ops.gc import gc

        return gc(self._repository, dry_run=dry_run, thorough=thorough)

    def fsck(self, *, repair_from: str | None = None, rebuild: bool = False) -> Report:
        """Checks every byte and every name; makes anew what is derived, takes good copies from another clone."""
        from mvcs.ops.fsck import fsck
        from mvcs.ops.fsck import rebuild as make_anew
        from mvcs.repo.layout import find_place

        if rebuild:
            make_anew(self._repository)
        other = None if repair_from is None else Repository(find_place(repair_from))
        return fsck(self._repository, repair_from=other)

    def repack(self, *, deep: bool = False) -> RepackResult:
        """Stores what is stored in less space; no oid changes. With `deep` old files are cut and based anew too."""
        from mvcs.ops.repack import repack

        return repack(self._repository, deep=deep)

    def materialise(
        self, revision: str = "HEAD", paths: Sequence[str] = (), *, every: bool = False
    ) -> Materialised:
        """Makes read-only files for mapping: of the weights, of these paths and patterns, or of every file."""
        from mvcs.ops.materialise import materialise

        return materialise(self._repository, revision, paths, every=every)

    def du(self, revision: str | None = None) -> Usage:
        """Returns what takes space and why, with the files of a revision: HEAD if there is one."""
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

    def close(self) -> None:
        """Releases the files."""
        self._repository.close()

    def __enter__(self) -> Repo:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Repo {self.path}>"
