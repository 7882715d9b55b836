"""commit: the files as they are become one state of the model, and the branch moves to it.

The way: look and store, root tree, origin and measured, commit object, one transaction with the refs.
"""

from __future__ import annotations

import os
from shlex import quote
from typing import TYPE_CHECKING

from mvcs.diff.trees import FileChange, summary
from mvcs.errors import InvalidArgument, NothingToCommit, ObjectMissing, RefExists, RevisionNotFound
from mvcs.objects.commit import MAX_MESSAGE, Commit
from mvcs.objects.hashing import BLOB, COMMIT, TAG, TREE, Oid
from mvcs.objects.operation import Move
from mvcs.objects.record import Record
from mvcs.objects.tag import Tag
from mvcs.objects.tree import build_tree
from mvcs.objects.values import Json, canonical_json, parse_json
from mvcs.ops.branch import no_twin
from mvcs.ops.capture import Given, gather
from mvcs.ops.context import Look, changes_to_commit, look, open_workspace, put_back
from mvcs.ops.follow import merges_due, refuse_due, refuse_unmerged
from mvcs.ops.left_over import refuse_left_over
from mvcs.ops.lineage import VALUES_PATH, Lineage
from mvcs.ops.moves import head_moves, refuse_other, refuse_shared
from mvcs.ops.prepared import drop, state_before
from mvcs.ops.recover import recover
from mvcs.ops.staying import project_path, refuse_without_project
from mvcs.ops.trees import NewTree, changed_tree, edits_of, staleness
from mvcs.refs.names import TAGS, check_name, merging_key, tag_key
from mvcs.repo.changes import EMPTY, settle
from mvcs.repo.writeout import case_collisions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.formats.values import Found as Value
    from mvcs.objects.commit import Person
    from mvcs.ops.ending import Ended
    from mvcs.repo.repository import Repository
    from mvcs.store.base import Batch


class CommitResult(Record):
    """A new commit.

    Args:
        oid: Its oid.
        commit: The commit.
        branch: Branch that moved, None on a detached HEAD.
        files: Changed files.
        new_bytes: Stored bytes that were added.
        total_bytes: Bytes of all files of the commit.
        stale: What is stale: weights, metrics.
        warnings: What the user should know.
    """

    __slots__ = ("branch", "commit", "files", "new_bytes", "oid", "stale", "total_bytes", "warnings")

    def __init__(
        self, oid: Oid, commit: Commit, *, branch: str | None, files: int, new_bytes: int, total_bytes: int,
        stale: list[str], warnings: list[str],
    ) -> None:
        self.oid = oid
        self.commit = commit
        self.branch = branch
        self.files = files
        self.new_bytes = new_bytes
        self.total_bytes = total_bytes
        self.stale = stale
        self.warnings = warnings

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {
            "commit": self.oid.hex(), "branch": self.branch, "message": self.commit.message, "files": self.files,
            "new_bytes": self.new_bytes, "total_bytes": self.total_bytes, "stale": self.stale,
            "warnings": self.warnings,
        }


class Request(Record):
    """What a commit is asked for.

    Args:
        message: Its message; made from the changes if None.
        author: NAME <EMAIL>, if not the configured one.
        amend: Whether it takes HEAD's place.
        metrics: Name to number.
        params: Name to value, ABSENT to take a parameter out.
        trained: Whether the weights are declared to come from the recipe as it is.
        tag: Name of a tag to make with it.
        no_merge: Whether a merge that Git has made and mvcs has not is left out.
        no_checkout: Whether files of the branch that Git was on before are taken as this one's.
        allow_secret: Whether what looks like a secret is committed all the same, and recorded.
        command: The command as typed, for the ledger.
    """

    __slots__ = (
        "allow_secret", "amend", "author", "command", "message", "metrics", "no_checkout", "no_merge", "params", "tag",
        "trained",
    )

    def __init__(
        self, message: str | None = None, *, author: str | None = None, amend: bool = False,
        metrics: Mapping[str, float | int] | None = None, params: Mapping[str, Value] | None = None,
        trained: bool = False, tag: str | None = None, no_merge: bool = False, no_checkout: bool = False,
        allow_secret: bool = False, command: str = "commit",
    ) -> None:
        self.message = message
        self.author = author
        self.amend = amend
        self.metrics = dict(metrics or {})
        self.params = dict(params or {})
        self.trained = trained
        self.tag = tag
        self.no_merge = no_merge
        self.no_checkout = no_checkout
        self.allow_secret = allow_secret
        self.command = command


def commit(repository: Repository, request: Request) -> CommitResult:
    """Makes a commit of the workspace.

    Raises:
        WorkspaceWouldGo: If it would have no mvcs.toml any more.
        NothingToCommit: If the files are what HEAD has, and nothing else was asked for.
        CaptureError: If a file cannot be taken; nothing is committed then.
        RefConflict: If the branch moved meanwhile.
    """
    repository.writable()
    _check_message(request.message)
    workspace = open_workspace(repository)
    with workspace.locked():
        recover(workspace)
        with repository.lock.shared(), repository.store.batch() as batch:
            seen = look(workspace, batch, strict=True)
            refuse_shared(seen)
            refuse_other(seen)
            if seen.refs.get(merging_key(workspace.name)) is None:
                if workspace.git is not None:
                    refuse_unmerged(workspace)
                    if not request.no_checkout:
                        refuse_left_over(seen)
                    if not request.no_merge:
                        refuse_due(workspace, seen.refs, seen.head)
                return _Making(repository, seen, batch, request).run()
            from mvcs.ops.ending import end_merge

            ended = end_merge(
                seen, batch, amend=request.amend, trained=request.trained, measured=bool(request.metrics),
                command=request.command,
            )
            if ended.written:
                seen = look(workspace, batch, strict=True)
            return _Making(repository, seen, batch, request, ended).run()


def _check_message(message: str | None) -> None:
    try:
        length = len((message or "").encode())
    except UnicodeEncodeError:
        raise InvalidArgument(argument="message", value=str(message), reason="it is not UTF-8") from None
    if length > MAX_MESSAGE:
        raise InvalidArgument(argument="message", value=f"{length} bytes", reason=f"at most {MAX_MESSAGE} bytes")


class _Making:
    def __init__(
        self, repository: Repository, seen: Look, batch: Batch, request: Request,
        merged: Ended | None = None,
    ) -> None:
        self.repository = repository
        self.seen = seen
        self.batch = batch
        self.request = request
        self.merged = merged
        self.old = state_before(seen) if merged is None else merged.progress.commit
        self.old_tree = EMPTY if self.old is None else self.old.tree
        self.warnings: list[str] = [] if merged is None else [*merged.notes, *merged.told]
        previous = seen.head.commit
        if request.amend and previous is None:
            raise RevisionNotFound(revision="HEAD", reason="there is no commit to amend")

    def run(self) -> CommitResult:
        seen, request = self.seen, self.request
        self.changes = changes = self._changes()
        name = quote(os.fsdecode(project_path(seen.workspace)))
        refuse_without_project(
            seen.workspace, changes, f"take {name} out of .mvcsignore, or mvcs add {name} --as about"
        )
        given = Given(request.metrics, request.params, allow_secret=request.allow_secret)
        searched = changes if self.merged is not None else [*seen.changes, *seen.carried]
        self.found = gather(
            seen, changes, self.batch, given, tree=self.old_tree, parent=self.old, searched=searched
        )
        self.warnings += self.found.warnings
        self.lineage = Lineage(
            seen, changes, self.old, merging=self.merged is not None,
            named=self.merged is not None and self.merged.progress.plan.weights is not None, amend=request.amend,
            trained=request.trained, measured=bool(request.metrics),
        )
        tree = self._tree()
        if tree.oid == seen.tree and not (request.amend or request.trained or self.merged is not None):
            if seen.head.commit is None and seen.head.start is not None:
                pass  # a branch of Git's that begins here: its first commit may change nothing
            elif request.no_merge and merges_due(seen.workspace, seen.refs, seen.head):
                pass  # it says that a merge is left out
            else:
                put_back(seen, self.batch)
                self.seen.workspace.save_cache(seen.scan)
                raise NothingToCommit(branch=seen.head.shown)
        self._check_presence()
        self._check_environment(tree)
        tree.put(self.batch)
        if tree.oid == EMPTY:
            self.batch.put_object(TREE, build_tree([])[-1][1])
        self._warn_of_names()
        made = self._commit(tree)
        oid = self.batch.put_object(COMMIT, made.encode())
        self._publish(oid, tree)
        weights = tree.ingredients().get("weights")
        stale = staleness(made, self._recipe(tree), weights, has_metrics="metrics" in tree.ingredients())
        if "weights" in stale and not (self.merged is not None and self.merged.stale):  # told already
            self.warnings.append("the weights are stale: the recipe changed and they did not")
        return CommitResult(
            oid, made, branch=None if seen.head.branch is None else seen.head.shown,
            files=len(seen.changes) + len(seen.carried), new_bytes=getattr(self.batch, "new_bytes", 0),
            total_bytes=_total(tree), stale=stale, warnings=self.warnings,
        )

    def _tree(self) -> NewTree:
        edits = {**edits_of(self.changes), **self.found.edits}
        tree = changed_tree(self.repository, self.old_tree, edits)
        if not self.lineage.left_behind(tree):
            return tree
        self.warnings.append(
            "metrics given with an earlier commit were measured on other weights, and are left out"
            " (mvcs commit --amend --metric NAME=VALUE)"
        )
        return changed_tree(self.repository, self.old_tree, {**edits, VALUES_PATH: None})

    def _check_presence(self) -> None:
        """Never a name without its bytes, whatever the stat cache believes."""
        named = [change.after.entry.oid for change in self.seen.changes if change.after is not None]
        for oid in (*named, *self.seen.again.values()):
            if not self.batch.has(oid):
                raise ObjectMissing(oid=oid.hex(), kind=BLOB)

    def _check_environment(self, tree: NewTree) -> None:
        """Asks whether the packages go together, if the merge that ends here was to."""
        tool = None if self.merged is None else self.merged.progress.plan.resolve
        if tool is not None:
            from mvcs.ops.satisfying import check_environment

            self.warnings += check_environment(
                self.seen, tree, lambda oid: self.batch.load(oid, BLOB), tool,
                hint="mvcs merge --abort and merge without --resolve, or edit the file and mvcs commit",
            )

    def _changes(self) -> list[FileChange]:
        """Returns how the files differ from the state that the commit continues."""
        if self.merged is None:
            return changes_to_commit(self.seen)
        from mvcs.ops.settling import changes_since

        return changes_since(self.seen, self.merged.progress, self.batch)

    # Parts of the commit object

    def _commit(self, tree: NewTree) -> Commit:
        seen, request, old = self.seen, self.request, self.seen.commit
        parents: tuple[Oid, ...]
        actor = self.repository.actor(request.author, self.seen.workspace.root)
        committer = self.repository.person(self.repository.actor(None, self.seen.workspace.root))
        author = self.repository.person(actor)
        if request.amend and old is not None:
            parents, generation = old.parents, old.generation
            if request.author is None:
                author = old.author
        else:
            parents = () if seen.head.base is None else (seen.head.base,)
            generation = 1 if old is None else old.generation + 1
        message = request.message
        if self.merged is not None and old is not None:
            parents = (*parents, *self.merged.parents)
            generation = max(generation, *(self.repository.commit(oid).generation + 1 for oid in parents))
            author = self.merged.author or author if request.author is None else author
            message = self.merged.message if message is None else message
        if message is None:
            only_params = request.params and not seen.changes
            message = "Change params" if only_params else summary([*seen.changes, *seen.carried])
            message = old.message if request.amend and old is not None else message
        origin, measured = self.lineage.origin(tree, self._recipe(tree)), self.lineage.measured(tree)
        self.warnings += dict.fromkeys(self.lineage.warnings)
        self._look_at_git(tree)
        return Commit(
            model=seen.workspace.model, tree=tree.oid, parents=parents, generation=generation, author=author,
            committer=committer, message=message, origin=origin, measured=measured, provenance=self._provenance(),
            incomplete=tuple(sorted(self.found.incomplete)) if "weights" in tree.ingredients() else (),
        )

    def _look_at_git(self, tree: NewTree) -> None:
        workspace = self.seen.workspace
        if workspace.git is None:
            return
        from mvcs.ops.git_record import record_git

        before = None if self.seen.tree == EMPTY else self.seen.tree
        recorded = record_git(workspace.git, workspace.root, tree, before, allow_secret=self.request.allow_secret)
        self.found.provenance["git"] = recorded.fields
        self.found.incomplete |= recorded.incomplete
        self.warnings += recorded.warnings

    def _provenance(self) -> Oid | None:
        made = {**self._amended(), **self.found.provenance}
        if self.merged is not None:
            made["merge"] = self.merged.described
        return self.batch.put_bytes(canonical_json(made)) if made else None

    def _amended(self) -> dict[str, Json]:
        """Returns what the commit that is amended recorded: how a merge was decided, secrets that were allowed."""
        old = self.seen.commit
        if not self.request.amend or old is None or old.provenance is None:
            return {}
        recorded = parse_json(self.repository.store.read_blob(old.provenance))
        return dict(recorded) if isinstance(recorded, dict) else {}

    # Answers

    def _recipe(self, tree: NewTree) -> Oid:
        return tree.recipe(lambda oid: self.batch.load(oid, BLOB))

    def _warn_of_names(self) -> None:
        added = {change.path for change in self.seen.changes if change.before is None}
        if not added:
            return
        near: set[bytes] = set(added)
        for path in {path.rpartition(b"/")[0] for path in added}:
            folder = self.seen.scan.cache.folders.get(path)
            prefix = path + b"/" if path else b""
            if folder is not None:
                near.update(prefix + name for name in [*folder.names, *folder.folders])
        for first, second in case_collisions(near):
            self.warnings.append(
                f"{first.decode('utf-8', 'replace')!r} and {second.decode('utf-8', 'replace')!r} differ only in case:"
                " they cannot both be written on macOS or Windows"
            )

    # Refs

    def _publish(self, oid: Oid, tree: NewTree) -> None:
        seen, repository = self.seen, self.repository
        moves = head_moves(seen, oid)
        if self.request.tag is not None:
            moves.append(self._tag(oid))
        if self.merged is not None:
            moves.append(Move(merging_key(seen.workspace.name), self.merged.progress.oid, None))
        moves += drop(seen)
        settle(seen.scan, tree.oid)
        if self.merged is not None and self.merged.notes:
            seen.scan.cache.base = None  # the commit has files that the walk does not take
        repository.publish(
            actor=repository.actor(None, seen.workspace.root), command=self.request.command, moves=tuple(moves),
            batch=self.batch, also=seen.scan.cache.save if seen.scan.now else None,
        )

    def _tag(self, oid: Oid) -> Move:
        assert self.request.tag is not None
        name = check_name(self.request.tag)
        key = tag_key(self.seen.workspace.model, name)
        if self.seen.refs.get(key) is not None:
            raise RefExists(ref=f"tag {name}", hint=f"mvcs tag -d {name}")
        no_twin(self.seen.refs, self.seen.workspace.model, TAGS, name)
        tagger: Person = self.repository.person(self.repository.actor(None, self.seen.workspace.root))
        return Move(key, None, self.batch.put_object(TAG, Tag(COMMIT, oid, name, tagger, "").encode()))


def _total(tree: NewTree) -> int:
    from mvcs.objects.tree import read_tree

    return sum(entry.size for entry in read_tree(tree.load, tree.root)) if tree.root is not None else 0
