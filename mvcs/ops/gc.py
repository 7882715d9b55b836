"""gc: what nothing reaches any more is removed; what a running command relies on is not.

Marking runs beside other commands; then the lock is taken alone, what has moved since is marked too, and only then
anything is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import ObjectMissing
from mvcs.ops.marking import Marker, find_roots
from mvcs.ports import reached
from mvcs.store.sweep import SweepResult, sweep

if TYPE_CHECKING:
    from mvcs.repo.repository import Repository


def gc(repository: Repository, *, dry_run: bool = False, thorough: bool = False) -> SweepResult:
    """Removes garbage.

    Args:
        repository: Where.
        dry_run: Only say what would go.
        thorough: Rewrite every chunk segment that has any garbage.

    Raises:
        LockTimeout: If other commands are at work all the time.
        IntegrityError: If something that is needed cannot be read; nothing is removed then.
    """
    repository.writable()
    marker = Marker(repository)
    _mark(repository, marker)
    if dry_run:
        return sweep(repository.store, marker.live, dry_run=True)
    reached("gc marked")
    with repository.lock.exclusive():
        _mark(repository, marker)
        reached("gc locked")
        return sweep(repository.store, marker.live, thorough=thorough)


def _mark(repository: Repository, marker: Marker) -> None:
    roots = find_roots(repository)
    marker.live.update(roots.operations)
    for oid, kind in roots.needed:
        if repository.store.kind(oid) is None:  # what is below it could still be repaired
            raise ObjectMissing(oid=oid.hex(), kind=kind or "object")
    marker.mark(roots.needed)
    marker.mark([(oid, kind) for oid, kind in roots.remembered if repository.store.kind(oid) is not None])
