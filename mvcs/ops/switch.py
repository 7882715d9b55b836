"""switch and checkout: HEAD and the files go to another branch or commit."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from mvcs.errors import FollowsGit, MvcsError, RefExists, RefNotFound, RevisionNotFound, UnsavedWork
from mvcs.objects.operation import Move, Target
from mvcs.objects.record import Record
from mvcs.ops.branch import no_twin
from mvcs.ops.context import Look, look, open_workspace
from mvcs.ops.files import Rewrite
from mvcs.ops.left_over import is_left_over
from mvcs.ops.moves import refuse_taken
from mvcs.ops.recover import recover
from mvcs.ops.revisions import resolve_commit
from mvcs.ops.trees import NewTree
from mvcs.refs.names import HEADS, branch_key, check_name, merging_key, shown, split_key
from mvcs.repo.reading import Digest

if TYPE_CHECKING:
    from mvcs.objects.hashing import Oid
    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Workspace


class SwitchResult(Record):
    """Where a switch led.

    Args:
        branch: The branch, None on a detached HEAD.
        commit: The commit, None on a branch without one.
        files: Files written or removed.
        saved: Commit with the work that `--force` overwrote.
    """

    __slots__ = ("branch", "commit", "files", "saved")

    def __init__(self, branch: str | None, commit: Oid | None, files: int, saved: Oid | None) -> None:
        self.branch = branch
        self.commit = commit
        self.files = files
        self.saved = saved

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {
            "branch": self.branch, "commit": None if self.commit is None else self.commit.hex(), "files": self.files,
            "saved": None if self.saved is None else self.saved.hex(),
        }


def switch(
    repository: Repository, name: str, *, create: bool = False, start: str | None = None, detach: bool = False,
    force: bool = False, command: str = "switch",
) -> SwitchResult:
    """Goes to a branch, or with `detach` to any commit.

    Args:
        repository: Opened from the workspace.
        name: Branch; with `detach` a revision.
        create: Make the branch, at `start` or HEAD.
        start: Revision that a new branch starts from.
        detach: Put HEAD on the commit itself.
        force: Overwrite unsaved work, after saving it as a commit.
        command: The command as typed.

    Raises:
        UnsavedWork: If files with unsaved changes would be overwritten.
        FollowsGit: If Git decides about the branch.
        RefNotFound: If there is no such branch.
        BranchInUse: If another workspace stands on it.
        WorkspaceWouldGo: If the commit there has no mvcs.toml.
    """
    repository.writable()
    workspace = open_workspace(repository)
    if workspace.git is not None:
        words = "git switch " + ("-c " if create else "--detach " if detach else "") + name
        raise FollowsGit(branch=name, command=f"{words} && mvcs checkout")
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, batch if force else Digest(), strict=False)
            _refuse_merging(workspace, seen)
            target, oid, extra = _target(repository, workspace, seen, name, create=create, start=start, detach=detach)
            moves = [*extra]
            if isinstance(target, str) and target != seen.head.stored:
                refuse_taken(repository, seen.refs, target, workspace.name, f"mvcs switch -c NAME {name}")
            if seen.head.stored != target:
                moves.append(Move(workspace.head_ref, seen.head.stored, target))
            if oid is None or oid == seen.head.base:
                repository.publish(
                    actor=repository.actor(None, workspace.root), command=command, moves=tuple(moves),
                    also=seen.scan.cache.save,
                )
                return SwitchResult(_branch(target), oid, 0, None)
            tree = repository.commit(oid).tree
            done = Rewrite(seen, batch, NewTree(repository, tree, []), force=force).run(
                moves=tuple(moves), command=command, new_head_tree=tree,
                instead=f"mvcs restore --source {quote(start or name)} PATH brings single files of it",
            )
            return SwitchResult(_branch(target), oid, len(done.paths), done.saved)


def _refuse_merging(workspace: Workspace, seen: Look) -> None:
    if seen.refs.get(merging_key(workspace.name)) is not None:
        from mvcs.ops.merging import refuse_in_progress

        refuse_in_progress(workspace, seen.refs)


def _branch(target: Target) -> str | None:
    return target.split("/", 2)[2] if isinstance(target, str) else None


def _target(
    repository: Repository, workspace: Workspace, seen: Look, name: str, *, create: bool, start: str | None,
    detach: bool,
) -> tuple[Target, Oid | None, list[Move]]:
    if detach:
        oid = resolve_commit(repository, name)[0]
        return oid, oid, []
    key = branch_key(workspace.model, check_name(name) if create else name)
    there = seen.refs.resolve(key)
    if create:
        if there is not None:
            raise RefExists(ref=f"branch {name}")
        no_twin(seen.refs, workspace.model, HEADS, name)
        base = resolve_commit(repository, start)[0] if start is not None else seen.head.base
        return key, base, [] if base is None else [Move(key, None, base)]
    if there is None and key != seen.head.branch:
        known = tuple(shown(other) for other, _ in seen.refs.under(f"heads/{workspace.model}/"))
        raise RefNotFound(ref=f"branch {name}", known=known, hint=_instead(repository, name))
    return key, there, []


def _instead(repository: Repository, name: str) -> str:
    """Returns what somebody may have meant who named no branch."""
    try:
        resolve_commit(repository, name)
    except MvcsError:
        return f"mvcs switch -c {name}"
    return f"mvcs switch --detach {name}"


def checkout(
    repository: Repository, revision: str | None, *, force: bool = False, command: str = "checkout"
) -> SwitchResult:
    """Goes to a branch or a commit; without a revision, brings the files to what HEAD has.

    Beside Git and without a revision, only files that Git does not track are brought to what the branch has.

    Raises:
        UnsavedWork: If files with unsaved changes would be overwritten.
    """
    repository.writable()
    if revision is None:
        return _refresh(repository, force=force, command=command)
    workspace = open_workspace(repository)
    key = branch_key(workspace.model, revision)
    is_branch = repository.refs().get(key) is not None
    return switch(repository, revision, detach=not is_branch, force=force, command=command)


def _refresh(repository: Repository, *, force: bool, command: str) -> SwitchResult:
    repository.writable()
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, batch if force else Digest(), strict=False)
            _refuse_merging(workspace, seen)
            if seen.commit is None or seen.head.base is None:
                raise RevisionNotFound(revision="HEAD", reason="there is no commit yet")
            paths = {change.path for change in seen.changes if change.before is not None}
            paths |= {change.path for change in seen.changes if is_left_over(seen, change)}
            if workspace.git is not None:
                paths -= workspace.git.tracked(workspace.root)
            moves: tuple[Move, ...] = ()
            stands = seen.head.branch or seen.head.base  # also on no branch: what is left over later is of that commit
            if seen.head.stored != stands:
                moves = (Move(workspace.head_ref, seen.head.stored, stands),)
            target = NewTree(repository, seen.tree, [])
            rewrite = Rewrite(
                seen, batch, target, force=force, only=paths, known=lambda change: is_left_over(seen, change)
            )
            try:
                done = rewrite.run(moves=moves, command=command, new_head_tree=seen.tree)
            except UnsavedWork as error:
                before = seen.head.stored
                if force or workspace.git is None or not isinstance(before, str) or before == seen.head.branch:
                    raise
                back = f"git switch {quote(split_key(before)[2])} && mvcs commit"
                hint = f"{back}, or mvcs checkout --force (it is saved first)"
                raise UnsavedWork(**error.fields, hint=hint) from None
            branch = None if seen.head.branch is None else seen.head.shown
            return SwitchResult(branch, seen.head.base, len(done.paths), done.saved)
