"""Signatures merge field by field, as the rule of three says."""

from __future__ import annotations

import pytest
from hypothesis import given

from mvcs.diff.signature import diff_signature
from mvcs.errors import UnreadableContent
from mvcs.formats.content import Bytes
from mvcs.formats.signature import flatten, read_signature, write_signature
from mvcs.formats.values import ABSENT
from mvcs.merge.signature import merge_signature
from mvcs.merge.values import Choice, leave
from tests.unit.formats.test_signature import SIGNATURES


def made(*inputs, features=None, **shapes):
    found = {"inputs": {name: {"dtype": "float32", "shape": shapes.get(name)} for name in inputs}}
    if features is not None:
        found["features"] = features
    return Bytes(write_signature(found))


def merged(base, ours, theirs, choose=leave):
    done = merge_signature(base, ours, theirs, choose)
    return read_signature(done.content), {item.key: (item.base, item.ours, item.theirs) for item in done.conflicts}


def test_fields_that_either_side_adds_are_both_there():
    found, conflicts = merged(made("a"), made("a", "b"), made("a", "c"))
    assert (set(found["inputs"]), conflicts) == ({"a", "b", "c"}, {})


def test_a_field_that_one_side_takes_out_goes():
    assert merged(made("a", "b"), made("a"), made("a", "b", "c"))[0] == read_signature(made("a", "c"))


def test_type_and_shape_are_one_value():
    base, ours = made("a", a=[None, 1]), made("a", a=[None, 2])
    theirs = Bytes(write_signature({"inputs": {"a": {"dtype": "int8", "shape": [None, 1]}}}))
    found, conflicts = merged(base, ours, theirs)
    assert conflicts == {"signature.inputs.a": ("float32[?,1]", "float32[?,2]", "int8[?,1]")}
    assert found == read_signature(ours)


def test_deleted_against_changed_is_a_conflict_either_way():
    base, changed, gone = made("a", "b"), made("a", "b", b=[1]), made("a")
    assert merged(base, changed, gone)[1] == {"signature.inputs.b": ("float32", "float32[1]", ABSENT)}
    assert merged(base, gone, changed)[1] == {"signature.inputs.b": ("float32", ABSENT, "float32[1]")}


def test_the_order_of_features_is_one_value():
    found, conflicts = merged(made(features=["a"]), made(features=["a", "b"]), made(features=["c", "a"]))
    assert conflicts == {"signature.features": (["a"], ["a", "b"], ["c", "a"])}
    assert found["features"] == ["a", "b"]


@pytest.mark.parametrize(("choice", "told"), [
    (Choice("ours"), "float32[1]"), (Choice("theirs"), "float32[2]"), (Choice("base"), "float32[3]"), (Choice("set", "int8[?]"), "int8[?]"),
    (Choice("set", "what"), "what"), (Choice("set", "?"), None), (Choice("newest"), None), (Choice("mean"), None),
])
def test_a_choice_settles_a_field_or_leaves_it(choice, told):
    sides = [made("a", a=[number]) for number in (3, 1, 2)]
    done = merge_signature(*sides, lambda conflict: choice)
    assert flatten(read_signature(done.content))["signature.inputs.a"] == (told or "float32[1]")
    assert bool(done.conflicts) == (told is None)
    assert [item.strategy for item in done.decisions] == ([] if told is None else [choice.strategy])


def test_what_is_no_signature_is_not_merged():
    with pytest.raises(UnreadableContent):
        merge_signature(made("a"), Bytes(b"[]"), made("b"), leave)


@given(SIGNATURES, SIGNATURES, SIGNATURES)
def test_the_laws_of_three(first, second, third):
    base, ours, theirs = (Bytes(write_signature(found)) for found in (first, second, third))
    assert merge_signature(base, ours, ours, leave).content.read() == ours.read()
    assert merge_signature(base, base, theirs, leave).content.read() == theirs.read()
    assert merge_signature(base, ours, base, leave).content.read() == ours.read()
    _, there = merged(base, ours, theirs)
    _, back = merged(base, theirs, ours)
    assert back == {key: (b, t, o) for key, (b, o, t) in there.items()}


@given(SIGNATURES, SIGNATURES)
def test_a_diff_has_each_field_that_differs(first, second):
    one, two = Bytes(write_signature(first)), Bytes(write_signature(second))
    assert diff_signature(one, one).keys == ()
    forth = {item.key: (item.before, item.after) for item in diff_signature(one, two).keys}
    back = {item.key: (item.after, item.before) for item in diff_signature(two, one).keys}
    assert forth == back
    flat = flatten(first)
    for key, (_, after) in forth.items():
        flat.pop(key, None)
        if after is not ABSENT:
            flat[key] = after
    assert flat == flatten(second)
