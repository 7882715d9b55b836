"""A commit as Python sees it: immutable, read when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.api.files import Files
from mvcs.objects.editing import ingredient_trees
from mvcs.objects.hashing import parse_oid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mvcs.api.weights import Weights
    from mvcs.diff.trees import FileChange
    from mvcs.objects.commit import Commit as CommitObject
    from mvcs.objects.hashing import Oid
    from mvcs.ops.show import Shown
    from mvcs.ops.tensors import ListedTensor
    from mvcs.repo.repository import Repository


class Commit:
    """One state of a model. Get it from a repository: `repo["main"]`.

    Args:
        repository: Where it is.
        oid: Its oid.
        commit: The commit object, if it was read already.
    """

    __slots__ = ("_object", "_oid", "_repository", "_weights")

    def __init__(self, repository: Repository, oid: Oid, commit: CommitObject | None = None) -> None:
        self._repository = repository
        self._oid = oid
        self._object = commit
        self._weights: Weights | None = None

    @property
    def fields(self) -> CommitObject:
        """The commit object with all its fields."""
        if self._object is None:
            self._object = self._repository.commit(self._oid)
        return self._object

    @property
    def id(self) -> str:
        """The oid, 64 hex digits."""
        return self._oid.hex()

    @property
    def parents(self) -> tuple[Commit, ...]:
        """The parents in order."""
        return tuple(Commit(self._repository, parent) for parent in self.fields.parents)

    @property
    def message(self) -> str:
        """The whole message."""
        return self.fields.message

    @property
    def model(self) -> str:
        """Name of the model."""
        return self.fields.model

    @property
    def author(self) -> str:
        """NAME <EMAIL>."""
        return str(self.fields.author)

    @property
    def time(self) -> int:
        """When it was authored: nanoseconds since 1970 in UTC."""
        return self.fields.author.time

    @property
    def tree(self) -> str:
        """Oid of the root tree, 64 hex digits."""
        return self.fields.tree.hex()

    @property
    def code(self) -> Files:
        """Files of the code ingredient."""
        return Files(self._repository, self._oid, "code")

    @property
    def data(self) -> Files:
        """Files of the data ingredient."""
        return Files(self._repository, self._oid, "data")

    @property
    def config(self) -> Files:
        """Files of the config ingredient."""
        return Files(self._repository, self._oid, "config")

    @property
    def env(self) -> Files:
        """Files of the environment ingredient."""
        return Files(self._repository, self._oid, "environment")

    @property
    def weights(self) -> Weights:
        """Tensors of the weights by name; their files are `weights.files`."""
        if self._weights is None:
            from mvcs.api.weights import Weights

            self._weights = Weights(self._repository, self._oid)
        return self._weights

    @property
    def files(self) -> Files:
        """All files."""
        return Files(self._repository, self._oid, None)

    @property
    def metrics(self) -> dict[str, object]:
        """Metrics that were given to the commit by name."""
        from mvcs.ops.log import read_metrics

        return read_metrics(self._repository, self.fields)

    @property
    def params(self) -> dict[str, object]:
        """Parameters that were given to the training by name."""
        from mvcs.ops.log import read_generated

        return read_generated(self._repository, self.fields, b"config/.mvcs/params")

    @property
    def signature(self) -> dict[str, object]:
        """What the weights take and give, as far as known: `inputs`, `outputs`, `features`, `feature_count`."""
        from mvcs.ops.log import read_generated

        return read_generated(self._repository, self.fields, b"weights/.mvcs/signature")

    @property
    def stale(self) -> list[str]:
        """What is stale: "weights" if the recipe is not theirs, "metrics" if they are of other weights."""
        from mvcs.ops.trees import commit_staleness

        return commit_staleness(self._repository, self.fields)

    @property
    def ingredients(self) -> tuple[str, ...]:
        """Names of the ingredients that it has."""
        return tuple(ingredient_trees(self._repository.load_tree, self.fields.tree))

    def show(self) -> Shown:
        """Returns everything about it."""
        from mvcs.ops.show import show

        return show(self._repository, self.id)

    def materialise(self, paths: Sequence[str] = (), *, every: bool = False) -> dict[str, str]:
        """Makes read-only files for mapping, verified and shared by all who map them.

        Args:
            paths: Files, folders or patterns with `*`; the weights if there are none.
            every: All files instead.

        Returns:
            Path in the commit to the path of the file with its content.
        """
        from mvcs.ops.materialise import materialise

        done = materialise(self._repository, self.id, paths, every=every)
        return {file.path: file.mapped for file in done.files}

    def tensors(self, path: str) -> list[ListedTensor]:
        """Returns the tensors of a weights file: name, type, shape, bytes."""
        from mvcs.ops.tensors import INSIDE, list_tensors

        return list_tensors(self._repository, f"{self.id}:{path}{INSIDE}")

    def diff(self, other: Commit) -> list[FileChange]:
        """Returns what changed from this commit to another."""
        from mvcs.diff.trees import diff_roots

        return diff_roots(self._repository.load_tree, self.fields.tree, other.fields.tree)

    def walk(self) -> Iterator[Commit]:
        """Yields this commit and all its ancestors, newest first."""
        from mvcs.dag.walk import by_time

        with self._repository.history() as history:
            for oid in by_time(history, [self._oid]):
                yield Commit(self._repository, oid)

    def is_ancestor(self, other: Commit) -> bool:
        """Whether `other` is this commit or comes from it."""
        from mvcs.dag.bases import is_ancestor

        with self._repository.history() as history:
            return is_ancestor(history, self._oid, parse_oid(other.id))

    def merge_base(self, other: Commit) -> Commit | None:
        """Returns the best common ancestor; of several the one with the smallest oid, None if there is none."""
        from mvcs.dag.bases import merge_bases

        with self._repository.history() as history:
            found = merge_bases(history, self._oid, parse_oid(other.id))
        return Commit(self._repository, found[0]) if found else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Commit) and self._oid == other._oid

    def __hash__(self) -> int:
        return hash(self._oid)

    def __repr__(self) -> str:
        return f"<Commit {self.id[:12]} {self.fields.subject!r}>"
