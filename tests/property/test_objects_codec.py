"""One value has one byte string: what is built comes back, and what is accepted is what would have been written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.objects.attestation import Attestation
from mvcs.objects.codec import decode, encode
from mvcs.objects.commit import Commit, Origin, Person
from mvcs.objects.hashing import KINDS
from mvcs.objects.operation import Move, Operation
from mvcs.objects.root import Note, Root
from mvcs.objects.tag import Tag
from mvcs.objects.tree import ENTRY_KINDS, MODES_OF, Entry, build_tree, read_tree
from mvcs.objects.values import canonical_json, parse_json

OIDS = st.binary(min_size=32, max_size=32)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SOME_TEXT = TEXT.filter(bool)
INT64 = st.integers(-(2**63), 2**63 - 1)
COUNTS = st.integers(0, 2**63 - 1)
PEOPLE = st.builds(Person, SOME_TEXT, TEXT, INT64, st.integers(-1440, 1440))
TARGETS = st.none() | SOME_TEXT | OIDS

NAMES = st.binary(min_size=1, max_size=40).map(lambda raw: raw.translate(None, b"/\0") or b"x").filter(
    lambda name: name not in {b".", b".."}
)
ENTRIES = st.sampled_from(sorted(ENTRY_KINDS)).flatmap(
    lambda kind: st.builds(
        Entry, NAMES, st.sampled_from(MODES_OF[kind]), st.just(kind), OIDS, st.integers(0, 2**50)
    )
)
TREES = st.lists(ENTRIES, max_size=20, unique_by=lambda entry: entry.name)


@st.composite
def commits(draw):
    parents = tuple(draw(st.lists(OIDS, max_size=3, unique=True)))
    return Commit(
        model=draw(SOME_TEXT), tree=draw(OIDS), parents=parents,
        generation=draw(st.integers(2, 2**32 - 1)) if parents else 1, author=draw(PEOPLE), committer=draw(PEOPLE),
        message=draw(TEXT), origin=draw(st.none() | st.builds(Origin, OIDS, TEXT, st.none() | OIDS)),
        measured=draw(st.none() | OIDS), provenance=draw(st.none() | OIDS),
        incomplete=tuple(sorted(draw(st.sets(st.tuples(TEXT, TEXT), max_size=3)))),
    )


@st.composite
def operations(draw):
    height = draw(COUNTS)
    return Operation(
        parent=draw(OIDS) if height else None, height=height, actor=draw(st.tuples(TEXT, TEXT)), time=draw(INT64),
        command=draw(TEXT), moves=tuple(draw(st.lists(st.builds(Move, SOME_TEXT, TARGETS, TARGETS), max_size=4))),
        reason=draw(TEXT), evidence=tuple(draw(st.lists(OIDS, max_size=3))),
    )


@st.composite
def roots(draw):
    refs = draw(st.dictionaries(SOME_TEXT, SOME_TEXT | OIDS, max_size=4))
    notes = draw(OIDS | st.lists(
        st.builds(Note, st.binary(max_size=40), st.integers(1, 2**63 - 1), OIDS), max_size=4,
        unique_by=lambda note: note.key,
    ).map(lambda found: tuple(sorted(found, key=lambda note: note.key))))
    return Root(
        namespace=draw(st.sampled_from(["heads", "registry", "verdicts", "words"])), generation=draw(COUNTS),
        ledger=draw(st.none() | OIDS), refs=tuple(sorted(refs.items())), notes=notes, landed=draw(COUNTS),
        writes=tuple(draw(st.lists(st.binary(max_size=20), max_size=3))),
    )


TAGS = st.builds(Tag, st.sampled_from(KINDS), OIDS, SOME_TEXT, PEOPLE, TEXT)
ATTESTATIONS = st.builds(Attestation, st.sampled_from(KINDS), OIDS, SOME_TEXT, OIDS, PEOPLE) | st.builds(
    Attestation, st.just("model"), SOME_TEXT.map(str.encode), SOME_TEXT, OIDS, PEOPLE
)
OBJECTS = commits() | operations() | roots() | TAGS | ATTESTATIONS

SIMPLE = st.none() | INT64 | TEXT | st.binary(max_size=300)
VALUES = st.recursive(SIMPLE, lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def depth(value) -> int:
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(st.lists(VALUES.filter(lambda value: depth(value) <= 5), max_size=5))
def test_a_value_comes_back_as_it_was(fields):
    payload = encode(("tag", 1, *fields))
    assert decode("tag", payload, len(fields)) == fields


@given(OBJECTS)
def test_an_object_comes_back_as_it_was(value):
    payload = value.encode()
    assert type(value).decode(payload) == value
    assert type(value).decode(payload).encode() == payload


@given(OBJECTS, st.data())
def test_bytes_that_are_accepted_are_those_that_would_be_written(value, data):
    """A changed, cut or lengthened payload is refused, or is the one form of another value."""
    payload = bytearray(value.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload) - 1))
        how = data.draw(st.sampled_from(["set", "insert", "delete", "cut"]))
        if how == "set":
            payload[at] = data.draw(st.integers(0, 255))
        elif how == "insert":
            payload.insert(at, data.draw(st.integers(0, 255)))
        elif how == "delete" and len(payload) > 1:
            del payload[at]
        elif at:
            del payload[at:]
    try:
        again = type(value).decode(bytes(payload))
    except (InvalidObject, UnknownFeature):
        return
    assert again.encode() == bytes(payload)


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_with_a_clear_error_or_are_canonical(payload):
    for kind in (Commit, Operation, Root, Tag, Attestation):
        try:
            assert kind.decode(payload).encode() == payload
        except (InvalidObject, UnknownFeature):
            pass


@given(TREES, st.randoms(use_true_random=False))
def test_a_folder_comes_back_sorted_whatever_the_order_it_came_in(entries, chance):
    nodes = build_tree(entries)
    shuffled = list(entries)
    chance.shuffle(shuffled)
    assert build_tree(shuffled) == nodes
    assert read_tree(dict(nodes).__getitem__, nodes[-1][0]) == sorted(entries, key=lambda entry: entry.name)


@given(TREES.filter(bool), st.data())
def test_a_changed_folder_is_refused_or_is_the_one_form_of_another(entries, data):
    payload = bytearray(build_tree(entries)[-1][1])
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] = data.draw(st.integers(0, 255))
    try:
        found = read_tree(lambda _: bytes(payload), bytes(32))
    except (InvalidObject, UnknownFeature):
        return
    assert build_tree(found)[-1][1] == bytes(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12,
)


@given(JSON)
def test_json_that_is_read_and_written_again_is_the_same(value):
    form = canonical_json(value)
    assert canonical_json(parse_json(form)) == form
