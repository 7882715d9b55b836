"""A stream is cut where its whole would be cut, whatever the pieces it comes in; and the ends of a record hold."""

from __future__ import annotations

from array import array

from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from mvcs.errors import InvalidObject, UnknownFeature
from mvcs.objects.hashing import blob_oid
from mvcs.store.compress import chunk_record, unsqueeze
from mvcs.store.cutting import AVERAGE, LEAST, MOST, cut
from mvcs.store.records import HEADER_BYTES, RAW, RecipeList, make_record, read_header

NOISE = blake3(b"cutting").digest(length=2 << 20)
ZEROS = bytes(700_000)
DATA = {"noise": NOISE, "zeros": ZEROS, "mixed": NOISE[:500_000] + ZEROS + NOISE[:500_000] + b"text " * 60_000}


def whole(data: bytes) -> list[int]:
    from pyfastcdc import FastCDC

    chunker = FastCDC(AVERAGE, min_size=LEAST, max_size=MOST, normalized_chunking=1, seed=0)
    return [chunk.length for chunk in chunker.cut_buf(data)]


@settings(max_examples=40)
@given(
    st.sampled_from(sorted(DATA)), st.integers(0, 2 << 20),
    st.lists(st.integers(0, 600_000) | st.integers(0, 5) | st.sampled_from([LEAST, AVERAGE, MOST]), min_size=1, max_size=12),
)
def test_the_cuts_do_not_depend_on_the_pieces(name, size, steps):
    data = DATA[name][:size]
    pieces, start, index = [], 0, 0
    while start < len(data):
        step = steps[index % len(steps)] if index < 60 else len(data)
        pieces.append(data[start : start + step])
        start += step
        index += 1
    chunks = [bytes(chunk) for group in cut(iter(pieces)) for chunk in group]
    assert b"".join(chunks) == data
    assert [len(chunk) for chunk in chunks] == whole(data)


@settings(max_examples=40)
@given(st.binary(max_size=2000) | st.integers(0, 40_000).map(lambda size: b"row of text, " * (size // 13)))
def test_a_chunk_comes_back_from_its_record(content):
    record = memoryview(chunk_record(content))
    header = read_header(record, blob_oid(content))
    codec, length = header.codec, header.raw_length
    payload = record[HEADER_BYTES:]
    assert length == len(content)
    assert (bytes(payload) if codec == RAW else unsqueeze(payload, length)) == content
    assert len(record) <= HEADER_BYTES + len(content)


@given(st.binary(max_size=80))
def test_any_bytes_are_no_record_or_the_one_that_would_be_written(raw):
    try:
        header = read_header(memoryview(raw), bytes(32))
    except (InvalidObject, UnknownFeature):
        return
    assert make_record(header, raw[HEADER_BYTES:]) == raw


LISTS = st.builds(
    lambda name, lengths: RecipeList(
        name, array("I", lengths), b"".join(blob_oid(b"%d" % length) for length in lengths)
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.lists(st.integers(1, 8 << 20), min_size=1, max_size=20),
)


@given(LISTS)
def test_a_recipe_list_comes_back_as_it_was(recipe):
    again = RecipeList.decode(recipe.encode())
    assert (again.splitter, again.lengths, again.oids) == (recipe.splitter, recipe.lengths, recipe.oids)


@given(LISTS, st.data())
def test_a_changed_recipe_list_is_refused_or_is_what_would_be_written(recipe, data):
    value = bytearray(recipe.encode())
    at = data.draw(st.integers(0, len(value) - 1))
    value[at] = data.draw(st.integers(0, 255))
    try:
        again = RecipeList.decode(bytes(value))
    except (InvalidObject, UnknownFeature):
        return
    assert again.encode() == bytes(value)


@settings(max_examples=60)
@given(st.data())
def test_a_changed_zstd_frame_never_gives_more_than_its_length(data):
    content = b"".join(b"%d," % (i * i) for i in range(2000))
    frame = bytearray(chunk_record(content)[HEADER_BYTES:])
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert len(unsqueeze(bytes(frame), len(content))) == len(content)
    except InvalidObject:
        pass
