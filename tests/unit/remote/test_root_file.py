"""Root files come back as they were, have one form, and refuse the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.objects.codec import encode
from mvcs.objects.hashing import ATTESTATION, OPERATION, blob_oid, object_oid
from mvcs.objects.root import Root
from mvcs.remote.root_file import ListedSegment, RootFile

ROOT = Root(namespace="heads", generation=3, refs=(("heads/m/main", blob_oid(b"commit")),), writes=(b"one", b"two"))
FILES = st.builds(
    lambda epoch, names, objects: RootFile(
        ROOT, epoch=epoch, segments=tuple(ListedSegment(blob_oid(b"%d" % name), name + 1) for name in names),
        objects=tuple(objects),
    ),
    st.integers(0, 9), st.lists(st.integers(0, 50), unique=True, max_size=5),
    st.lists(st.tuples(st.sampled_from([ATTESTATION, OPERATION]), st.binary(max_size=40)), max_size=5),
)


@given(FILES)
def test_it_comes_back(file):
    assert RootFile.decode(file.encode()) == file
    for kind, payload in file.objects:
        assert file.find(object_oid(kind, payload), kind) == payload
    assert file.find(blob_oid(b"none"), OPERATION) is None


def hostile(**changes):
    fields = {"root": ROOT.encode(), "epoch": 0, "segments": [], "objects": [], **changes}
    return encode(("root-file", 1, *fields.values()))


@pytest.mark.parametrize("content", [
    b"", b"\x90", ROOT.encode(), hostile(root=b"no root"), hostile(epoch=-1), hostile(segments=[[b"short", 1]]),
    hostile(segments=[[blob_oid(b"1"), 0]]), hostile(segments=[[blob_oid(b"1"), 1], [blob_oid(b"1"), 2]]), hostile(segments=[[blob_oid(b"1"), 1, 1]]),
    hostile(objects=[["sonnet", b"x"]]), hostile(objects=[["commit"]]), hostile(objects=[["commit", "text"]]), hostile() + b"\0",
])
def test_what_is_none_is_refused(content):
    with pytest.raises(InvalidObject):
        RootFile.decode(content)


def test_a_newer_one_says_so():
    with pytest.raises(UnknownFeature):
        RootFile.decode(encode(("root-file", 2, b"whatever")))
