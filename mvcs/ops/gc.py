"""gc: what nothing reaches any more is removed; what a running command relies on is not.

Marking runs beside other commands; then the lock is taken alone, what has moved since is marked too, commits that are
about to lose their weights are attested `collected`, and only then anything is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import ObjectMissing
from mvcs.objects.record import Record
from mvcs.ops.marking import Marker, Roots, find_roots, find_shared
from mvcs.ops.retention import Loss, attest, find_losses, loose_branches
from mvcs.ports import reached
from mvcs.store.sweep import SweepResult, sweep

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from mvcs.objects.hashing import Oid
    from mvcs.repo.repository import Repository


class GcResult(Record):
    """What gc removed, or would remove.

    Args:
        swept: What went from the store.
        losses: Commits that lost their weights.
    """

    __slots__ = ("losses", "swept")

    def __init__(self, swept: SweepResult, losses: list[Loss]) -> None:
        self.swept = swept
        self.losses = losses

    @property
    def objects(self) -> int:
        """Dead objects."""
        return self.swept.objects

    @property
    def chunks(self) -> int:
        """Dead chunks."""
        return self.swept.chunks

    @property
    def bytes(self) -> int:
        """Stored bytes of both."""
        return self.swept.bytes

    @property
    def segments(self) -> int:
        """Segments rewritten or dropped."""
        return self.swept.segments

    @property
    def collected(self) -> int:
        """Number of commits that lost their weights."""
        return len(self.losses)

    def by_rule(self) -> list[tuple[str, int, int, int]]:
        """Returns (pattern, days, commits, bytes of their weights) of each rule; what two commits share counts once."""
        commits: dict[tuple[str, int], int] = {}
        blobs: dict[tuple[str, int], dict[Oid, int]] = {}
        for loss in self.losses:
            rule = (loss.rule.pattern, loss.rule.days or 0)
            commits[rule] = commits.get(rule, 0) + 1
            blobs.setdefault(rule, {}).update(loss.blobs)
        return [(*rule, count, sum(blobs[rule].values())) for rule, count in sorted(commits.items())]

    def to_dict(self) -> dict[str, object]:
        """Returns the result as JSON carries it."""
        return {
            "objects": self.objects, "chunks": self.chunks, "bytes": self.bytes, "segments": self.segments,
            "collected": self.collected,
        }


def gc(repository: Repository, *, dry_run: bool = False, thorough: bool = False) -> GcResult:
    """Removes garbage, and the weights that `[retention]` gives no more time.

    Args:
        repository: Where; opened from a workspace, its mvcs.toml says which branches keep their weights how long.
        dry_run: Only say what would go.
        thorough: Rewrite every chunk segment that has any garbage.

    Raises:
        InvalidConfig: If mvcs.toml cannot be used; nothing is removed then.
        LockTimeout: If other commands are at work all the time.
        IntegrityError: If something that is needed cannot be read; nothing is removed then.
    """
    repository.writable()
    now = repository.clock.now()
    marker = Marker(repository)
    losses: list[Loss] = []

    def plan(dead: AbstractSet[Oid]) -> AbstractSet[Oid]:
        losses.extend(find_losses(repository, marker.expired, marker.named & dead))
        return frozenset()

    def say(dead: AbstractSet[Oid]) -> AbstractSet[Oid]:
        plan(dead)
        if not losses:
            return frozenset()
        attest(repository, losses, now)
        reached("gc attested")
        roots = Roots()
        with repository.store.read() as transaction:
            find_shared(transaction, roots)
        marker.mark(roots.needed)
        return marker.live

    _mark(repository, marker, now[0])
    if dry_run:
        return GcResult(sweep(repository.store, marker.live | marker.kept, dry_run=True, before=plan), losses)
    reached("gc marked")
    with repository.lock.exclusive():
        _mark(repository, marker, now[0])
        reached("gc locked")
        return GcResult(
            sweep(repository.store, marker.live | marker.kept, thorough=thorough, before=say), losses
        )


def _mark(repository: Repository, marker: Marker, now: int) -> None:
    roots = find_roots(repository, loose=lambda refs: loose_branches(repository, refs))
    marker.live.update(roots.operations)
    for oid, kind in [*roots.needed, *((oid, None) for oid, _ in roots.loose)]:
        if repository.store.kind(oid) is None:  # what is below it could still be repaired
            raise ObjectMissing(oid=oid.hex(), kind=kind or "object")
    marker.mark(roots.needed)
    marker.mark([(oid, kind) for oid, kind in roots.remembered if repository.store.kind(oid) is not None])
    # What is firm first: a commit is loose only as long as nothing else reaches it.
    marker.mark_loose(roots.loose, now, roots.model)
