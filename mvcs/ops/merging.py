"""The merge in progress: a commit object that the ref `merging/WORKSPACE` names, and nothing else.

Its tree is what the merge wrote into the files, its parents are both sides, its provenance says how far the settling
is. So gc keeps it, undo takes back each step, and nothing new had to be invented. Implements: spec 14.4.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from shlex import quote
from typing import TYPE_CHECKING

from mvcs.dag.bases import merge_bases
from mvcs.errors import MergeInProgress, NoMergeInProgress
from mvcs.formats.strategies import weight_rules
from mvcs.merge.values import OURS, THEIRS, Choice
from mvcs.objects.hashing import Oid, parse_oid
from mvcs.objects.record import Record
from mvcs.objects.values import Json, parse_json, path_json, path_of
from mvcs.ops.declaring import Declaring
from mvcs.ops.desk import Desk, State, state_of
from mvcs.ops.reconcile import Reconciliation
from mvcs.ops.telling import Sides
from mvcs.ops.virtual import fold_bases
from mvcs.refs.names import merging_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mvcs.merge.values import Conflict
    from mvcs.objects.commit import Commit
    from mvcs.objects.editing import Placed
    from mvcs.refs.table import Refs
    from mvcs.repo.repository import Repository
    from mvcs.repo.workspace import Workspace
    from mvcs.store.base import Batch

MERGE, CHERRY_PICK, REVERT = "merge", "cherry-pick", "revert"
UNDO, GIVE_UP = "mvcs undo", "mvcs merge --abort"


class Settled(Record):
    """What somebody said about a conflict.

    Args:
        path: Workspace path.
        key: Key inside the file; None for all of the file.
        strategy: How.
        value: The value of SET, as typed; the version that a resolver chose of RELOCK.
    """

    __slots__ = ("key", "path", "strategy", "value")

    def __init__(self, path: bytes, key: str | None, strategy: str, value: str | None = None) -> None:
        self.path = path
        self.key = key
        self.strategy = strategy
        self.value = value


class Plan(Record):
    """All that decides what a merge gives.

    Args:
        kind: MERGE, CHERRY_PICK or REVERT.
        name: What is merged, as people say it.
        message: Of the commit that ends it.
        theirs: The merged commit; of a cherry-pick or revert the commit that is picked or reverted.
        base: Of a cherry-pick or revert the state that it starts from: a commit, None for the empty state.
        weights: Whose weights the user named.
        strategies: (pattern, strategy) in order.
        keys: Path pattern to the columns that identify a row.
        only: Ingredients that count; all if empty.
        settled: What was said about conflicts, in order.
        resolve: Whom to ask whether the packages can be installed together: "pip", "uv", None for nobody.
    """

    __slots__ = (
        "base", "keys", "kind", "message", "name", "only", "resolve", "settled", "strategies", "theirs", "weights",
    )

    def __init__(
        self, kind: str, *, name: str, message: str, theirs: Oid | None, base: Oid | None = None,
        weights: str | None = None, strategies: tuple[tuple[str, str], ...] = (),
        keys: Mapping[str, tuple[str, ...]] | None = None, only: tuple[str, ...] = (),
        settled: tuple[Settled, ...] = (), resolve: str | None = None,
    ) -> None:
        self.kind = kind
        self.name = name
        self.message = message
        self.theirs = theirs
        self.base = base
        self.weights = weights
        self.strategies = strategies
        self.keys = dict(keys or {})
        self.only = only
        self.settled = settled
        self.resolve = resolve

    def choose(self, path: bytes, conflict: Conflict, *, weights: bool = False) -> Choice | None:
        """Says how a conflict is settled: by the last word about its key, then about its file, then by strategies.

        Args:
            path: Where it is.
            conflict: The conflict.
            weights: Whether it is one of the weights, for which `--weights` comes before other strategies.
        """
        here = [said for said in reversed(self.settled) if said.path == path]
        for wanted in dict.fromkeys((conflict.key, None)):
            for said in here:
                if said.key == wanted:
                    return Choice(said.strategy, said.value, said=True)
        text = path.decode("utf-8", "surrogateescape")
        full = text if conflict.key is None else f"{text}:{conflict.key}"
        for pattern, strategy in weight_rules(self.weights) if weights else ():
            if any(fnmatchcase(name, pattern) for name in (conflict.key or text, full)):
                return Choice(strategy)
        for pattern, strategy in self.strategies:
            if fnmatchcase(full if ":" in pattern else text, pattern):
                return Choice(strategy)
        return None

    def choose_weights(self, path: bytes, conflict: Conflict) -> Choice | None:
        """Says how a conflict of weights is settled, see `choose`."""
        return self.choose(path, conflict, weights=True)

    def reconciliation(
        self, repository: Repository, ours: Commit | None, ours_oid: Oid | None, batch: Batch | None,
        merged: Mapping[bytes, Placed | None] | None = None, sides: Sides | None = None,
    ) -> Reconciliation:
        """Returns the merge of the three states, ready to run.

        Args:
            repository: Where.
            ours: What is merged into.
            ours_oid: Its oid.
            batch: Takes merged contents.
            merged: Paths that Git or somebody has merged, with what is there now.
            sides: How people name the sides.
        """
        desk = Desk(repository, batch)
        theirs = None if self.theirs is None else repository.commit(self.theirs)
        if self.kind == MERGE:
            base = self._base(desk, ours_oid)
        else:
            base = state_of(repository, None if self.base is None else repository.commit(self.base))
        return Reconciliation(
            desk, base, state_of(repository, ours, ours_oid), state_of(repository, theirs, self.theirs), self.choose,
            keys=self.keys, only=self.only, merged=merged, project=Declaring(repository), sides=sides,
            choose_weights=self.choose_weights,
        )

    def sides(
        self, ours: str, ours_oid: Oid | None, *, undo: str = "", ends: bool = True, measured: bool = False,
        declared: tuple[tuple[str, str], ...] = (),
    ) -> Sides:
        """Returns how people name the sides.

        Args:
            ours: What they call the branch that is merged into.
            ours_oid: Its commit.
            undo: Command that goes back to before the merge once it is committed; empty where nothing is written.
            ends: Whether the merge is committed as soon as no conflict is left.
            measured: Whether metrics of the result are given with the commit.
            declared: Strategies that hold without being typed.
        """
        keep = ""
        theirs = f"the commit before {self.name}" if self.kind == REVERT else self.name
        oids = {OURS: ours_oid, THEIRS: self.theirs}
        if self.kind == MERGE:
            typed = [f" -s {quote('='.join(said))}" for said in self.strategies if said not in declared]
            take = {side: f"mvcs merge {quote(self.name)}{''.join(typed)} --weights {side}" for side in oids}
            first = (GIVE_UP, undo) if undo else ("", "")
        else:
            first, keep = ("mvcs commit", ""), "mvcs commit --trained"
            take = {
                side: f"mvcs reset --only weights {oid.hex()[:12]} && mvcs commit"
                for side, oid in oids.items() if oid is not None
            }
        mine, yours = (
            name if oid is None else f"{name} ({oid.hex()[:12]})"
            for name, oid in ((ours, ours_oid), (theirs, self.theirs))
        )
        return Sides(mine, yours, take, first=first, ends=ends, measured=measured, keep=keep)

    def _base(self, desk: Desk, ours: Oid | None) -> State:
        bases: list[Oid] = []
        if ours is not None and self.theirs is not None:
            with desk.repository.history() as history:
                bases = merge_bases(history, ours, self.theirs)
        return fold_bases(desk, bases, self.keys)

    def to_json(self, decisions: list[Json]) -> Json:
        """Returns the plan as provenance carries it, with what was decided so far."""
        made: dict[str, Json] = {
            "kind": self.kind, "name": self.name, "message": self.message,
            "theirs": None if self.theirs is None else self.theirs.hex(),
            "base": None if self.base is None else self.base.hex(), "weights": self.weights,
            "strategies": [[pattern, strategy] for pattern, strategy in self.strategies],
            "keys": {pattern: list(columns) for pattern, columns in self.keys.items()}, "only": list(self.only),
            "settled": [
                {"path": path_json(said.path), "key": said.key, "strategy": said.strategy, "value": said.value}
                for said in self.settled
            ],
            "decisions": decisions, **({} if self.resolve is None else {"resolve": self.resolve}),
        }
        return made

    @classmethod
    def from_json(cls, content: bytes) -> Plan:
        """Reads a stored plan."""
        document = parse_json(content)
        assert isinstance(document, dict)
        made = document["merge"]
        assert isinstance(made, dict)
        fields = _Reading(made)
        settled = []
        for item in fields.items("settled"):
            said = _Reading(item)
            settled.append(Settled(
                path_of(item["path"]) if isinstance(item, dict) else b"", said.text_or_none("key"),
                said.text("strategy"), said.text_or_none("value"),
            ))
        keys = made["keys"]
        assert isinstance(keys, dict)
        return cls(
            fields.text("kind"), name=fields.text("name"), message=fields.text("message"),
            theirs=fields.oid("theirs"), base=fields.oid("base"), weights=fields.text_or_none("weights"),
            strategies=tuple(
                (str(pair[0]), str(pair[1])) for pair in fields.items("strategies") if isinstance(pair, list)
            ),
            keys={name: tuple(map(str, columns)) for name, columns in keys.items() if isinstance(columns, list)},
            only=tuple(map(str, fields.items("only"))), settled=tuple(settled),
            resolve=fields.text("resolve") if "resolve" in made else None,
        )


class _Reading:
    def __init__(self, made: Json) -> None:
        assert isinstance(made, dict)
        self._made = made

    def text(self, name: str) -> str:
        value = self._made[name]
        assert isinstance(value, str)
        return value

    def text_or_none(self, name: str) -> str | None:
        return None if self._made[name] is None else self.text(name)

    def oid(self, name: str) -> Oid | None:
        return None if self._made[name] is None else parse_oid(self.text(name))

    def items(self, name: str) -> list[Json]:
        value = self._made[name]
        assert isinstance(value, list)
        return value


class Progress(Record):
    """A merge in progress.

    Args:
        oid: The commit object that holds it.
        commit: That commit.
        plan: What decides its result.
    """

    __slots__ = ("commit", "oid", "plan")

    def __init__(self, oid: Oid, commit: Commit, plan: Plan) -> None:
        self.oid = oid
        self.commit = commit
        self.plan = plan


def merge_in_progress(workspace: Workspace, refs: Refs) -> Progress | None:
    """Returns the workspace's merge in progress, None if there is none."""
    oid = refs.resolve(merging_key(workspace.name))
    if oid is None:
        return None
    commit = workspace.repository.commit(oid)
    assert commit.provenance is not None
    return Progress(oid, commit, Plan.from_json(workspace.repository.store.read_blob(commit.provenance)))


def refuse_in_progress(workspace: Workspace, refs: Refs) -> None:
    """Checks that no merge is in progress.

    Raises:
        MergeInProgress: If one is.
    """
    progress = merge_in_progress(workspace, refs)
    if progress is not None:
        raise MergeInProgress(what=f"{progress.plan.kind} of {progress.plan.name}")


def require_in_progress(workspace: Workspace, refs: Refs) -> Progress:
    """Returns the merge in progress.

    Raises:
        NoMergeInProgress: If there is none.
    """
    progress = merge_in_progress(workspace, refs)
    if progress is None:
        raise NoMergeInProgress
    return progress
