"""The error tree, on one page.

Errors are raised with fields, never with sentences: the sentence is the class's template and the hint is a
command. Fields are plain ``str``, ``int``, ``bool`` and tuples of ``str``, so that every error pickles and goes
into JSON unchanged (an oid is given as hex).

    MvcsError                    8
     +- UsageError (ValueError)  2   InvalidName InvalidRevision InvalidConfig InvalidArgument
     +- NegativeAnswer           1   NothingToCommit NothingToUndo DamageFound ConflictsLeft
     |                              UnsatisfiableEnvironment
     +- NotFound (LookupError)   3   RefNotFound RevisionNotFound AmbiguousRevision PathNotFound ConfigNotFound
     +- PreconditionFailed       4   RefConflict RefExists RepositoryExists UnsavedWork LockTimeout Collected
     |    |                          NeedsConfirmation UnsupportedFilesystem NotEmpty UnfinishedWork
     |    |                          CannotWriteName FollowsGit SharedByNamespaces StoreFull OutOfAddressSpace
     |    |                          UnreadableContent MergeInProgress NoMergeInProgress UnrelatedHistories
     |    |                          PatchDoesNotApply MergeDue MergeElsewhere BranchInUse BrokenPlugin EditorFailed
     |    |                          WorkspaceWouldGo NotFastForward GitMergeFirst CheckoutDue OtherBranch
     |    +- FormatError             UnsupportedVersion UnknownFeature
     |    +- CaptureError            ChangedDuringCapture UnsafeLink UnsafeName PathInTwoIngredients UnreadableFile
     |    |                          SecretFound
     +- PermissionDenied         5
     +- RemoteError              6   RemoteDenied RemoteNotFound UnsafeRemote
     +- IntegrityError           7   ObjectMissing ObjectCorrupt InvalidObject StoreCorrupt LedgerBroken
     |                              RemoteCorrupt
     +- InternalError            8
     +- NotARepository         128

Knows: what can go wrong and what the user can do about it. Refuses to know: where it went wrong.
"""

from __future__ import annotations

Field = str | int | bool | tuple[str, ...]

NO_SPACE = frozenset({28, 122, 27})
"""ENOSPC, EDQUOT, EFBIG: the disk, the quota or the limit of a file's size is reached."""


def _kebab(name: str) -> str:
    return "".join("-" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


class MvcsError(Exception):
    """Base of every error that mvcs raises.

    Args:
        hint: A command that helps, in place of the class's own.
        **fields: What happened, as values named in the class's template.

    Attributes:
        code: Stable name of the class in kebab case, for scripts.
        exit_code: Process exit status (see the table in docs/cli.md).
        retryable: Whether the same call may succeed later without other changes.
        fields: The values given.
    """

    code = "mvcs-error"
    exit_code = 8
    retryable = False
    template = "something went wrong"
    hint_template = ""

    def __init__(self, *, hint: str | None = None, **fields: Field) -> None:
        self.fields = fields
        self._hint = hint
        super().__init__(self.template.format_map(_Fields(fields)))

    def __init_subclass__(cls) -> None:
        cls.code = _kebab(cls.__name__)

    @property
    def message(self) -> str:
        """What happened, as one sentence without a full stop."""
        return str(self.args[0])

    @property
    def hint(self) -> str:
        """A command that helps; empty if none does."""
        if self._hint is not None:
            return self._hint
        return self.hint_template.format_map(_Fields(self.fields))

    def to_dict(self) -> dict[str, object]:
        """Returns the error as JSON carries it: code, message, hint, details."""
        details = {key: list(v) if isinstance(v, tuple) else v for key, v in self.fields.items()}
        return {
            "code": self.code, "message": self.message, "hint": self.hint, "exit_code": self.exit_code,
            "details": details,
        }

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self._hint, self.fields))


class _Word(str):
    """A field in a template: `{path:sh}` is quoted for a shell, `{path:ignored}` as a line of an ignore file is."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if spec == "ignored":
            return "'/" + self.replace("'", "'\"'\"'") + "'"
        if spec == "sh":
            from shlex import quote

            return quote(self)
        return super().__format__(spec)


class _Fields(dict[str, Field]):
    """Formats tuples as a list of words and leaves unknown fields visible."""

    def __getitem__(self, key: str) -> Field:
        value = super().__getitem__(key)
        if isinstance(value, tuple):
            shown = ", ".join(value[:10])
            return shown + (f" and {len(value) - 10} more" if len(value) > 10 else "")
        return _Word(value) if isinstance(value, str) else value

    def __missing__(self, key: str) -> str:
        return f"<{key}>"


def _rebuild(cls: type[MvcsError], hint: str | None, fields: dict[str, Field]) -> MvcsError:
    return cls(hint=hint, **fields)


# 2: wrong usage


class UsageError(MvcsError, ValueError):
    """The call itself is wrong."""

    exit_code = 2
    template = "wrong usage"


class InvalidArgument(UsageError):
    """An argument is not of the form it must have; fields `argument`, `value`, `reason`."""

    template = "{argument} {value!r}: {reason}"


class InvalidName(UsageError):
    """A name breaks the grammar; fields `name`, `reason`."""

    template = "{name!r} is not a legal name: {reason}"
    hint_template = "mvcs help names"


class InvalidRevision(UsageError):
    """A revision expression cannot be read; fields `revision`, `reason`."""

    template = "{revision!r} is not a revision: {reason}"
    hint_template = "mvcs help revisions"


class InvalidConfig(UsageError):
    """A configuration file cannot be used; fields `file`, `line`, `reason`, `allowed`."""

    template = "{file}:{line}: {reason}"
    hint_template = "allowed here: {allowed}"


# 1: the honest no


class NegativeAnswer(MvcsError):
    """The answer is no; nothing failed."""

    exit_code = 1
    template = "no"


class NothingToCommit(NegativeAnswer):
    """The workspace equals HEAD; field `branch`."""

    template = "nothing to commit on {branch}: the workspace is what HEAD has"
    hint_template = "mvcs status"


class ConflictsLeft(NegativeAnswer):
    """A merge has conflicts that nobody settled; fields `count`, `paths`."""

    template = "{count} conflict(s) are left in {paths}"
    hint_template = "mvcs conflicts"


class UnsatisfiableEnvironment(NegativeAnswer):
    """No versions satisfy the packages of a merge together; fields `path`, `reason`."""

    template = "the merged {path} cannot be satisfied: {reason}"
    hint_template = "mvcs merge without --resolve, then edit {path} and commit"


class NothingToUndo(NegativeAnswer):
    """There is no operation left to undo or redo; field `verb`."""

    template = "nothing to {verb}"
    hint_template = "mvcs op log"


class DamageFound(NegativeAnswer):
    """A check found damage; field `count`."""

    template = "{count} problem(s) found"
    hint_template = "mvcs fsck --json"


# 3: not found


class NotFound(MvcsError, LookupError):
    """What was asked for does not exist."""

    exit_code = 3
    template = "not found"


class RefNotFound(NotFound):
    """No such branch, tag or other ref; fields `ref`, `known`."""

    template = "there is no {ref}"
    hint_template = "mvcs branch"


class RevisionNotFound(NotFound):
    """A revision names nothing; fields `revision`, `reason`."""

    template = "revision {revision!r} not found: {reason}"
    hint_template = "mvcs log --all"


class AmbiguousRevision(NotFound):
    """A short oid fits several objects; fields `revision`, `candidates`."""

    template = "revision {revision!r} is ambiguous: {candidates}"
    hint_template = "mvcs rev-parse {revision}<more digits>"


class PathNotFound(NotFound):
    """A path exists neither here nor in the revision; fields `path`, `where`."""

    template = "{path!r} is not in {where}"
    hint_template = "mvcs ls"


class ConfigNotFound(NotFound):
    """No such configuration key; field `key`."""

    template = "configuration has no {key!r}"
    hint_template = "mvcs config list"


# 4: precondition or lost race


class PreconditionFailed(MvcsError):
    """Something must be so for the command to run, and is not."""

    exit_code = 4
    template = "precondition failed"


class RefConflict(PreconditionFailed):
    """A compare-and-swap lost; fields `ref`, `expected`, `actual`."""

    retryable = True
    template = "{ref} moved meanwhile: expected {expected}, found {actual}"
    hint_template = "mvcs log {actual}"


class NotFastForward(PreconditionFailed):
    """A ref of a remote has what the new one has not, so that it would be lost; fields `ref`, `remote`."""

    template = "{ref} of {remote} has commits that are not here, and they would be lost"
    hint_template = "mvcs fetch {remote}"


class RefExists(PreconditionFailed):
    """The ref is there already; field `ref`."""

    template = "{ref} exists already"
    hint_template = "mvcs log"


class RepositoryExists(PreconditionFailed):
    """There is a repository or workspace here; field `path`."""

    template = "{path} is a repository already"
    hint_template = "mvcs status"


class UnsavedWork(PreconditionFailed):
    """Files would be overwritten that no commit has; field `paths`."""

    template = "these files have changes that no commit has: {paths}"
    hint_template = "mvcs commit, or the same with --force (mvcs undo brings the changes back)"


class LockTimeout(PreconditionFailed):
    """Another process holds the lock; fields `holder`, `seconds`."""

    retryable = True
    template = "the repository is locked by {holder}; waited {seconds} s"
    hint_template = "mvcs --lock-timeout 600 ..."


class Collected(PreconditionFailed):
    """What a command would bring back is older than the undo window and has been removed by gc; field `oid`."""

    template = "{oid} is older than the undo window, and gc has removed it"
    hint_template = "mvcs op log"


class NeedsConfirmation(PreconditionFailed):
    """The command asks before it does this, and there is no terminal; field `question`."""

    template = "{question}"
    hint_template = "mvcs init --yes"


class UnsupportedFilesystem(PreconditionFailed):
    """LMDB is unsafe on this file system; fields `path`, `filesystem`."""

    template = "{path} is on {filesystem}, a network file system, where the store is not safe"
    hint_template = "MVCS_DIR=/local/disk/project.mvcs mvcs init"


class NotEmpty(PreconditionFailed):
    """The target folder has files; field `path`."""

    template = "{path} exists and is not empty"


class UnfinishedWork(PreconditionFailed):
    """Another command is at work in this workspace; fields `holder`, `seconds`."""

    retryable = True
    template = "another command is at work in this workspace: {holder}; waited {seconds} s"
    hint_template = "mvcs --lock-timeout 600 ..."


class CannotWriteName(PreconditionFailed):
    """A file of the commit cannot be written on this file system; fields `paths`, `reason`."""

    template = "cannot write {paths}: {reason}"
    hint_template = "mvcs ls"


class FollowsGit(PreconditionFailed):
    """The branch is Git's to change; fields `branch`, `command`."""

    template = "this workspace follows Git: its branch is Git's branch"
    hint_template = "{command}"


class SharedByNamespaces(PreconditionFailed):
    """The store is open in another PID namespace; field `path`."""

    template = "{path} is in use from another container (PID namespace), and its lock cannot be shared"
    hint_template = "mvcs clone {path} in one of them, or stop the other container"


class StoreFull(PreconditionFailed):
    """The disk is full; fields `path`, `free`."""

    retryable = True
    template = "the disk is full: {free} bytes free at {path}; nothing that was committed is lost"
    hint_template = "mvcs gc"


class OutOfAddressSpace(PreconditionFailed):
    """The system gives no map, memory or thread; field `reason`."""

    template = "too little memory or address space (ulimit -v): {reason}"
    hint_template = "ulimit -v unlimited"


class MergeInProgress(PreconditionFailed):
    """The workspace has a merge that is neither committed nor aborted; field `what`."""

    template = "{what} is in progress in this workspace"
    hint_template = "mvcs conflicts, then mvcs resolve and mvcs commit, or mvcs merge --abort"


class MergeDue(PreconditionFailed):
    """Git has merged branches whose data and weights mvcs has not; field `branches`."""

    template = "Git has merged {branches}, and their data, config and weights are not merged yet"
    hint_template = "mvcs status"


class GitMergeFirst(PreconditionFailed):
    """A merge would leave out what another side changed in files that Git tracks; fields `revision`, `paths`."""

    template = "Git has not merged what {revision} changed in {paths}, and the merge here would leave it out"
    hint_template = "git merge {revision}"


class CheckoutDue(PreconditionFailed):
    """Git is on another branch, and files are still those of the branch before; fields `branch`, `paths`."""

    template = "these files are what {branch} has, and Git is on another branch now: {paths}"
    hint_template = "mvcs checkout, or mvcs commit --no-checkout to take them as this branch's"


class OtherBranch(PreconditionFailed):
    """Git has given a branch's name to another branch; fields `branch`, `commit`."""

    template = "the branch {branch} that mvcs has, at {commit}, is not Git's branch of that name, which was made anew"
    hint_template = "mvcs branch -m {branch} {branch}-old to keep it, or mvcs merge {branch} to go on with it"


class WorkspaceWouldGo(PreconditionFailed):
    """The mvcs.toml of the workspace would be gone; field `path`."""

    template = "{path} would be gone, and with it the workspace: no command would find it, not even undo"
    hint_template = "mvcs restore --source REVISION PATH brings single files of a commit without it"


class BranchInUse(PreconditionFailed):
    """Another workspace of the repository stands on the same branch; fields `branch`, `workspace`."""

    template = "the workspace {workspace} is on {branch}: its files know nothing of what is done to it from here"
    hint_template = "mvcs switch -c NAME"


class MergeElsewhere(PreconditionFailed):
    """A merge in progress began at another commit than HEAD is at now; fields `what`, `began`, `now`."""

    template = "{what} began at {began}, and HEAD is at {now} now"
    hint_template = "go back to that branch, or mvcs merge --abort"


class NoMergeInProgress(PreconditionFailed):
    """There is no merge to go on with."""

    template = "no merge is in progress in this workspace"
    hint_template = "mvcs merge BRANCH"


class UnrelatedHistories(PreconditionFailed):
    """Two commits have no common ancestor; fields `first`, `second`."""

    template = "{first} and {second} have no common ancestor"
    hint_template = "mvcs merge --allow-unrelated {second:sh}"


class PatchDoesNotApply(PreconditionFailed):
    """A file is not as a patch expects it; fields `path`, `reason`."""

    template = "the patch does not apply to {path}: {reason}"


class EditorFailed(PreconditionFailed):
    """The editor ended with an error, or could not be started; fields `path`, `reason`."""

    template = "{path} was not edited: {reason}"
    hint_template = "EDITOR=nano mvcs resolve {path:sh} --edit, or edit it and mvcs resolve {path:sh} --edited"


class UnreadableContent(PreconditionFailed):
    """A file is not what its name says; fields `format`, `line` (0 if not known), `reason`."""

    template = "not {format}: line {line}: {reason}"

    def __init__(self, *, hint: str | None = None, **fields: Field) -> None:
        if not fields.get("line"):
            self.template = "not {format}: {reason}"
        super().__init__(hint=hint, **fields)


class BrokenPlugin(PreconditionFailed):
    """An installed plug-in cannot be used; fields `plugin`, `distribution`, `reason`."""

    template = "the plug-in {plugin} of {distribution} cannot be used: {reason}"
    hint_template = "mvcs config capture.without {plugin}, or pip uninstall {distribution}"


class FormatError(PreconditionFailed):
    """The repository is not one that this version reads."""

    template = "unknown format"


class UnsupportedVersion(FormatError):
    """The format version is unknown; fields `found`, `known`."""

    template = "the repository has format version {found}; this mvcs reads version {known}"
    hint_template = "pip install --upgrade mvcs"


class UnknownFeature(FormatError):
    """The repository requires features that this version lacks; field `features`."""

    template = "the repository requires features that this mvcs lacks: {features}"
    hint_template = "pip install --upgrade mvcs"


class CaptureError(PreconditionFailed):
    """A file of the workspace cannot be taken as it is."""

    template = "cannot capture"


class ChangedDuringCapture(CaptureError):
    """A file changed while it was read; field `path`."""

    retryable = True
    template = "{path} changed while it was being read"
    hint_template = "mvcs commit, when nothing writes to it"


class UnsafeLink(CaptureError):
    """A symbolic link leaves the workspace; fields `path`, `target`."""

    template = "{path} is a symbolic link out of the workspace, to {target}"
    hint_template = "echo {path:ignored} >> .mvcsignore"


class UnsafeName(CaptureError):
    """A name that cannot be versioned; fields `path`, `reason`."""

    template = "{path!r} cannot be versioned: {reason}"
    hint_template = "echo {path:ignored} >> .mvcsignore"


class PathInTwoIngredients(CaptureError):
    """One path is claimed twice; fields `path`, `first`, `second`."""

    template = "{path} belongs to {first} and to {second}"
    hint_template = "mvcs add {path:sh} --as {first}"


class SecretFound(CaptureError):
    """A file has what looks like a secret; fields `path`, `line`, `kind`."""

    template = "{path}, line {line}, looks like a secret: {kind}"
    hint_template = "echo {path:ignored} >> .mvcsignore, or mvcs commit --allow-secret if it is none"


class UnreadableFile(CaptureError):
    """A file cannot be read; fields `path`, `reason`."""

    template = "cannot read {path}: {reason}"
    hint_template = "echo {path:ignored} >> .mvcsignore"


# 5, 6


class PermissionDenied(MvcsError):
    """Not permitted; field `path`."""

    exit_code = 5
    template = "not permitted: {path}"


class RemoteError(MvcsError):
    """A remote failed; fields `url`, `reason`."""

    exit_code = 6
    retryable = True
    template = "{url}: {reason}"


class RemoteDenied(RemoteError):
    """A remote refuses the credentials, or does not let them do it; fields `url`, `reason`."""

    retryable = False
    exit_code = 5


class UnsafeRemote(RemoteError):
    """A server does not keep what refs rely on; fields `url`, `reason`."""

    retryable = False
    template = "{url}: {reason}; two writers would take each other's refs"
    hint_template = "mvcs remote add NAME URL --single-writer, if nobody else ever writes there"


class RemoteNotFound(RemoteError):
    """There is no such remote; fields `url`, `reason`."""

    retryable = False
    exit_code = 3
    hint_template = "mvcs remote list"


# 7: integrity


class IntegrityError(MvcsError):
    """Bytes are not what their name says."""

    exit_code = 7
    template = "integrity error"


class ObjectMissing(IntegrityError):
    """An object that something names is not in the store; fields `oid`, `kind`."""

    template = "{kind} {oid} is missing from the store"
    hint_template = "mvcs fsck"


class ObjectCorrupt(IntegrityError):
    """Stored bytes do not hash to their name; fields `oid`, `kind`, `where`."""

    template = "{kind} {oid} is damaged in {where}"
    hint_template = "mvcs fsck --repair-from ANOTHER_CLONE"


class InvalidObject(IntegrityError):
    """Bytes are not the canonical form of a legal object; fields `kind`, `reason`."""

    template = "not a legal {kind}: {reason}"
    hint_template = "mvcs fsck"


class StoreCorrupt(IntegrityError):
    """An LMDB file is damaged or truncated; fields `path`, `reason`."""

    template = "the store file {path} is damaged: {reason}"
    hint_template = "of chunks: mvcs fsck --repair-from ANOTHER_CLONE; of meta: mvcs clone ANOTHER_CLONE"


class RemoteCorrupt(IntegrityError):
    """A file of a remote is damaged or gone; fields `url`, `key`, `reason`."""

    template = "{url}: {key}: {reason}"


class LedgerBroken(IntegrityError):
    """The chain of operations does not hold; fields `height`, `reason`."""

    template = "the ledger is broken at height {height}: {reason}"
    hint_template = "mvcs fsck"


# 8, 128


class InternalError(MvcsError):
    """A bug; field `reason`."""

    template = "internal error: {reason}"


class NotARepository(MvcsError):
    """There is no repository here or above; field `path`."""

    exit_code = 128
    template = "not an mvcs repository (nor any folder above): {path}"
    hint_template = "mvcs init"
