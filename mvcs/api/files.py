"""Files of a commit as Python sees them: a mapping from path to content, read when asked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from mvcs.objects.hashing import Oid
    from mvcs.ops.show import Listed
    from mvcs.repo.repository import Repository


class Files:
    """Files of a commit, a mapping from path to content.

    Args:
        repository: Where.
        oid: The commit.
        ingredient: Which files; all if None.
    """

    __slots__ = ("_ingredient", "_oid", "_repository")

    def __init__(self, repository: Repository, oid: Oid, ingredient: str | None) -> None:
        self._repository = repository
        self._oid = oid
        self._ingredient = ingredient

    def entries(self) -> list[Listed]:
        """Returns path, ingredient and entry of each."""
        from mvcs.ops.show import listing

        listed = listing(self._repository, self._oid.hex())
        return [item for item in listed if self._ingredient in {None, item.ingredient}]

    def __iter__(self) -> Iterator[str]:
        return (os.fsdecode(item.path) for item in self.entries())

    def __len__(self) -> int:
        return len(self.entries())

    def __contains__(self, path: object) -> bool:
        return path in set(self)

    def __getitem__(self, path: str) -> bytes:
        from mvcs.ops.show import content

        return b"".join(content(self._repository, f"{self._oid.hex()}:{path}"))

    def read(self, path: str) -> Iterator[bytes]:
        """Yields a file's content in pieces."""
        from mvcs.ops.show import content

        return content(self._repository, f"{self._oid.hex()}:{path}")

    def open(self, path: str) -> BufferedReader:
        """Opens a file for reading at any place; only the chunks that are read are decoded, and verified."""
        from mvcs.ops.show import open_file
        from mvcs.store.blob_file import blob_file

        return blob_file(open_file(self._repository, f"{self._oid.hex()}:{path}"))

    def mapped(self, path: str) -> str:
        """Returns the path of a read-only file with the content, shared by all who map it."""
        from mvcs.errors import PathNotFound
        from mvcs.ops.collected import refuse_file
        from mvcs.ops.materialise import donor_of
        from mvcs.store.mapped import mapped_file

        repository = self._repository
        for item in self.entries():
            if os.fsdecode(item.path) == path:
                if item.ingredient == "weights":
                    refuse_file(repository, self._oid, item.path, item.entry)
                return mapped_file(
                    repository.store, item.entry.oid, repository.clock, repository.config.integer("mapped.max_bytes"),
                    donor=donor_of(repository, item),
                )
        raise PathNotFound(path=path, where=self._oid.hex()[:12])

    def __repr__(self) -> str:
        return f"<{self._ingredient or 'all'} files of {self._oid.hex()[:12]}>"
