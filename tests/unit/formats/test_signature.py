"""The form of signatures: text and entry say the same, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import InvalidArgument, UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.signature import (
    declared_field,
    flatten,
    problem_of,
    read_signature,
    told_field,
    unflatten,
    write_signature,
)

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
FIELD = st.fixed_dictionaries({
    "dtype": st.sampled_from(["float32", "int64", "string", "float8_e4m3fn"]),
    "shape": st.none() | st.lists(st.none() | st.integers(0, 2**53 - 1), max_size=5),
})
SIGNATURES = st.fixed_dictionaries({}, optional={
    "inputs": st.dictionaries(NAMES, FIELD, min_size=1, max_size=4), "outputs": st.dictionaries(NAMES, FIELD, min_size=1, max_size=4),
    "features": st.lists(NAMES, unique=True, max_size=5), "feature_count": st.integers(0, 100), "later": st.lists(st.integers(0, 9)),
})


@given(SIGNATURES)
def test_what_is_written_is_read(found):
    assert problem_of(found) == ""
    assert read_signature(Bytes(write_signature(found))) == found
    assert unflatten(flatten(found)) == found


@given(FIELD)
def test_a_field_as_text_is_the_field(found):
    assert declared_field(told_field(found)) == found


@pytest.mark.parametrize(("text", "told"), [
    ("float32[?,10]", "float32[?,10]"), ("float32[ ?, 10 ]", "float32[?,10]"), ("int64[]", "int64[]"), ("string", "string"), ("float32[007]", "float32[7]"),
])
def test_text_is_read(text, told):
    assert told_field(declared_field(text)) == told


@pytest.mark.parametrize("text", [
    "", "[1]", "Float32", "float32[", "float32]", "float32[-1]", "float32[1,]", "float32[,]", "float32[1.5]", "float32[x]", "32", "float32[1][2]", "a" * 41,
    "float32[9007199254740992]", "float32[" + "1," * 64 + "1]", "float32[" + "1" * 10_000 + "]", 7, None, ["float32"],
])
def test_text_that_is_no_field(text):
    assert declared_field(text) is None


@pytest.mark.parametrize(("found", "part"), [
    ([], "it"), ({"inputs": []}, "inputs"), ({"inputs": {"": {"dtype": "a", "shape": None}}}, "inputs"), ({"outputs": {"x": 1}}, "outputs"),
    ({"inputs": {"x": {"dtype": "a"}}}, "inputs"), ({"inputs": {"x": {"dtype": "A", "shape": None}}}, "inputs"), ({"inputs": {"x": {"dtype": "a", "shape": [-1]}}}, "inputs"),
    ({"inputs": {"x": {"dtype": "a", "shape": [True]}}}, "inputs"), ({"inputs": {"x": {"dtype": "a", "shape": [1] * 65}}}, "inputs"), ({"features": "ab"}, "features"),
    ({"features": ["a", "a"]}, "features"), ({"features": [1]}, "features"), ({"features": ["x" * 1001]}, "features"), ({"feature_count": -1}, "feature_count"),
    ({"feature_count": True}, "feature_count"), ({"features": ["a"] * 100_001}, "features"),
])
def test_what_is_no_signature(found, part):
    assert problem_of(found).startswith(part)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"inputs": 1}', b'{"a": 1, "a": 2}', b" " * ((4 << 20) + 1), b"[" * 100_000])
def test_an_entry_that_is_none_is_told(content):
    with pytest.raises(UnreadableContent):
        read_signature(Bytes(content))


def test_keys_name_fields_and_a_wrong_field_is_refused():
    flat = flatten({"inputs": {"a.b": {"dtype": "int8", "shape": [None]}}, "features": ["x"]})
    assert flat == {'signature.inputs."a.b"': "int8[?]", "signature.features": ["x"]}
    with pytest.raises(InvalidArgument):
        unflatten({"signature.inputs.a": "?"})
