"""Commits, tags, attestations, operations and roots: what is legal, and that the rest is neither read nor written."""

from __future__ import annotations

import pytest

from mvcs.errors import InvalidObject
from mvcs.objects.attestation import Attestation
from mvcs.objects.codec import encode
from mvcs.objects.commit import MAX_GENERATION, MAX_MESSAGE, Commit, Origin, Person, recipe_oid
from mvcs.objects.hashing import Oid
from mvcs.objects.operation import Move, Operation
from mvcs.objects.root import Note, Root
from mvcs.objects.tag import Tag

A, B, C = (Oid(bytes((i,)) * 32) for i in (1, 2, 3))
ADA = Person("Ada", "ada@example.org", 1_790_000_000_000_000_000, 60)


def commit(**changes):
    fields = {
        "model": "churn", "tree": A, "parents": (B,), "generation": 2, "author": ADA, "committer": ADA,
        "message": "why", "origin": Origin(A, "run", B), "measured": C, "provenance": B,
        "incomplete": (("data", "gone"),),
    }
    return Commit(**{**fields, **changes})


def tag(**changes):
    fields = {"target_kind": "commit", "target": A, "name": "v1", "tagger": ADA, "message": ""}
    return Tag(**{**fields, **changes})


def attestation(**changes):
    fields = {"subject_kind": "tree", "subject": A, "predicate": "measurement", "payload": B, "author": ADA}
    return Attestation(**{**fields, **changes})


def operation(**changes):
    fields = {
        "parent": A, "height": 1, "actor": ("Ada", ""), "time": 5, "command": "mvcs commit",
        "moves": (Move("heads/m/main", None, A), Move("HEAD", "heads/m/main", B)), "reason": "", "evidence": (C,),
    }
    return Operation(**{**fields, **changes})


def root(**changes):
    fields = {
        "namespace": "words", "generation": 1, "ledger": A, "refs": (("a", A), ("b", "a")),
        "notes": (Note(b"m", 1, A), Note(b"m", 2, A)), "landed": 2, "writes": (b"1",),
    }
    return Root(**{**fields, **changes})


LEGAL = {
    "commit": commit(),
    "first commit": commit(parents=(), generation=1),
    "commit without weights": commit(origin=None, measured=None, provenance=None, incomplete=()),
    "origin without a start": commit(origin=Origin(A, "merged:tensors", None)),
    "merge of four": commit(parents=(A, B, C, Oid(bytes(32))), generation=9),
    "highest generation": commit(generation=MAX_GENERATION),
    "times before 1970": commit(author=Person("Ada", "", -(2**63), -1440)),
    "longest message": commit(message="ü" * (MAX_MESSAGE // 2)),
    "tag": tag(),
    "tag of a tag": tag(target_kind="tag"),
    "attestation": attestation(),
    "attestation on a model": attestation(subject_kind="model", subject="Über".encode()),
    "attestation that this version does not know": attestation(predicate="org.example.new"),
    "operation": operation(),
    "first operation": operation(parent=None, height=0),
    "operation without moves": operation(moves=(), evidence=()),
    "root": root(),
    "root with a notes tree": root(notes=B, landed=9),
    "root before the first operation": root(ledger=None, refs=(), notes=(), landed=0, writes=()),
}

ILLEGAL = {
    "one parent twice": commit(parents=(A, A)),
    "first commit of generation 2": commit(parents=()),
    "generation 1 with a parent": commit(generation=1),
    "generation 0": commit(parents=(), generation=0),
    "generation beyond a graph row": commit(generation=MAX_GENERATION + 1),
    "time beyond a graph row": commit(committer=Person("Ada", "", 2**63, 0)),
    "no author": commit(author=Person("", "ada@example.org", 0, 0)),
    "commit of no model": commit(model=""),
    "reasons out of order": commit(incomplete=(("data", "gone"), ("code", "gone"))),
    "one reason twice": commit(incomplete=(("code", "gone"), ("code", "gone"))),
    "more than a day of offset": commit(author=Person("Ada", "", 0, 1441)),
    "message over 1 MiB": commit(message="ü" * (MAX_MESSAGE // 2) + "."),
    "short tree oid": commit(tree=Oid(bytes(31))),
    "text no one can encode": commit(message="\udcff"),
    "tag of nothing known": tag(target_kind="recipe"),
    "tag without a name": tag(name=""),
    "tag with a message over 1 MiB": tag(message="a" * (MAX_MESSAGE + 1)),
    "model without a name": attestation(subject_kind="model", subject=b""),
    "model that is no UTF-8": attestation(subject_kind="model", subject=b"\xff"),
    "subject of an unknown kind": attestation(subject_kind="person"),
    "subject that is no oid": attestation(subject=b"churn"),
    "attestation of nothing": attestation(predicate=""),
    "height 0 with a parent": operation(height=0),
    "height 1 without a parent": operation(parent=None),
    "move of no ref": operation(moves=(Move("", None, A),)),
    "target that is an empty name": operation(moves=(Move("HEAD", None, ""),)),
    "target of the wrong length": operation(moves=(Move("HEAD", None, Oid(b"short")),)),
    "evidence of nothing": operation(evidence=(None,)),
    "evidence with a hole": operation(evidence=(A, None, B)),
    "more moves than a payload holds": operation(moves=tuple(Move(f"heads/m/{i:060}", None, A) for i in range(50_000))),
    "unknown namespace": root(namespace="other"),
    "refs out of order": root(refs=(("b", A), ("a", A))),
    "one ref twice": root(refs=(("a", A), ("a", B))),
    "ref without a name": root(refs=(("", A),)),
    "ref to nothing": root(refs=(("a", None),)),
    "ref to an empty name": root(refs=(("a", ""),)),
    "notes out of order": root(notes=(Note(b"m", 2, A), Note(b"m", 1, A))),
    "one landing twice": root(notes=(Note(b"m", 1, A), Note(b"m", 1, A))),
    "landing 0": root(notes=(Note(b"m", 0, A),)),
    "notes tree of the wrong length": root(notes=Oid(b"short")),
}


@pytest.mark.parametrize("value", LEGAL.values(), ids=LEGAL.keys())
def test_what_is_legal_comes_back_as_it_was(value):
    again = type(value).decode(value.encode())
    assert again == value
    assert hash(again) == hash(value)
    assert again.encode() == value.encode()


@pytest.mark.parametrize("value", ILLEGAL.values(), ids=ILLEGAL.keys())
def test_what_could_not_be_read_again_is_not_written(value):
    with pytest.raises(InvalidObject):
        value.encode()


@pytest.mark.parametrize(
    "payload",
    [
        ("commit", 1, "m", bytes(A), [], 1, ["Ada", "", 0, 0], ["Ada", "", 0], "", None, None, None, []),
        ("commit", 1, "m", bytes(A), [], 1, ["Ada", "", 0, 0], ["Ada", "", 0, 0, 0], "", None, None, None, []),
        ("commit", 1, "m", bytes(A), [None], 2, ["Ada", "", 0, 0], ["Ada", "", 0, 0], "", None, None, None, []),
        ("commit", 1, "m", bytes(A), [], 1, ["Ada", "", 0, 0], ["Ada", "", 0, 0], "", [], None, None, []),
        ("commit", 1, "m", bytes(A), [], 1, ["Ada", "", 0, 0], ["Ada", "", 0, 0], "", "run", None, None, []),
        ("commit", 1, "m", bytes(A), [], 1, ["Ada", "", 0, 0], ["Ada", "", 0, 0], "", None, 0, None, []),
        ("commit", 1, "m", bytes(A), [], 1, ["Ada", "", 0, 0], ["Ada", "", 0, 0], "", None, None, None, [["data"]]),
        ("commit", 1, "m", bytes(A), [], 1, ["Ada", "", 0, 0], ["Ada", "", 0, 0], "", None, None, None, None),
        ("commit", 1, "m", None, [], 1, ["Ada", "", 0, 0], ["Ada", "", 0, 0], "", None, None, None, []),
    ],
    ids=[
        "short person", "long person", "parent nil", "empty origin", "origin as text", "measured as number",
        "reason missing", "no list of reasons", "no tree",
    ],
)
def test_a_commit_of_the_wrong_form_is_refused(payload):
    with pytest.raises(InvalidObject):
        Commit.decode(encode(payload))


@pytest.mark.parametrize(
    "move", [["HEAD", None], ["HEAD", None, None, None], [b"HEAD", None, None], ["HEAD", 1, None], "HEAD", ["HEAD", [], None]]
)
def test_a_move_of_the_wrong_form_is_refused(move):
    with pytest.raises(InvalidObject):
        Operation.decode(encode(("operation", 1, None, 0, ["Ada", ""], 0, "", [move], "", [])))


class TestRecipe:
    """A recipe is code, data, config and environment, and nothing else."""

    def test_each_ingredient_of_the_recipe_counts_in_its_place(self):
        names = ("code", "data", "config", "environment")
        oids = {recipe_oid({}), *(recipe_oid({name: A}) for name in names), recipe_oid(dict.fromkeys(names, A))}
        assert len(oids) == 6

    def test_weights_metrics_and_about_do_not_count(self):
        assert recipe_oid({"code": A, "weights": B, "metrics": B, "about": B}) == recipe_oid({"code": A, "data": None})


def test_a_note_of_one_subject_stands_before_later_ones():
    notes = [Note(b"m", landing, A) for landing in (1, 255, 256, 2**40)]
    assert [note.key for note in notes] == sorted(note.key for note in notes)


def test_a_subject_of_a_commit_is_its_first_line():
    assert commit(message="one\ntwo").subject == "one"
    assert str(ADA) == "Ada <ada@example.org>"
    assert str(Person("Ada", "", 0, 0)) == "Ada"
