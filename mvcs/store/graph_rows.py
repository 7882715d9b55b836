"""Rows of the derived `graph` table: what walks over history need of a commit, without decoding it.

Implements: spec 7.3.
"""

from __future__ import annotations

import struct

from mvcs.objects.commit import Commit
from mvcs.objects.hashing import OID_BYTES, Oid

HEAD = struct.Struct("<Iq")


def graph_row(payload: bytes) -> bytes:
    """Returns generation, committer's time in nanoseconds and parents of an encoded commit."""
    commit = Commit.decode(payload)
    return HEAD.pack(commit.generation, commit.committer.time) + b"".join(commit.parents)


def read_graph_row(row: bytes) -> tuple[int, int, tuple[Oid, ...]]:
    """Returns (generation, time, parents)."""
    generation, time = HEAD.unpack_from(row)
    if len(row) == HEAD.size + OID_BYTES:
        return generation, time, (Oid(row[HEAD.size :]),)
    return generation, time, tuple(
        Oid(row[start : start + OID_BYTES]) for start in range(HEAD.size, len(row), OID_BYTES)
    )
