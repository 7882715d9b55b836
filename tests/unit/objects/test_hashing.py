"""Names: a blob's is what b3sum prints; every other kind's depends on its kind."""

from __future__ import annotations

import pytest
from blake3 import blake3

from mvcs.errors import InvalidArgument
from mvcs.objects.hashing import CONTEXTS, KINDS, BlobHasher, blob_oid, object_oid, parse_oid


def test_a_blob_has_its_plain_blake3():
    assert blob_oid(b"").hex() == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert object_oid("blob", b"abc") == blob_oid(b"abc") == blake3(b"abc").digest()


def test_one_payload_has_another_name_under_each_kind():
    kinds = [*KINDS, "recipe"]
    assert len({object_oid(kind, b"same") for kind in kinds}) == len(kinds)
    assert len(set(CONTEXTS.values())) == len(CONTEXTS)


def test_a_blob_hashed_in_pieces_has_the_name_of_the_whole():
    for threads in (1, 2):
        hasher = BlobHasher(threads)
        for piece in (b"a", b"", b"bc" * 500_000):
            hasher.update(piece)
        assert hasher.oid() == blob_oid(b"a" + b"bc" * 500_000)


def test_an_oid_is_64_hex_digits():
    oid = blob_oid(b"")
    assert parse_oid(oid.hex()) == oid
    for text in ("", oid.hex()[:-1], oid.hex() + "0", "g" + oid.hex()[1:], " " + oid.hex()[1:], oid.hex()[:62] + " 0"):
        with pytest.raises(InvalidArgument):
            parse_oid(text)
