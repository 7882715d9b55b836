"""The code gives the bytes and names of the committed vectors; so does the specification, written down here again.

The second half encodes and hashes by the words of docs/spec/v1.md alone, without the library, so a mistake that the
generator and the library share shows as well.
"""

from __future__ import annotations

import json
import struct
from array import array
from pathlib import Path

import pytest
from blake3 import blake3
from golden import make_vectors as made

from mvcs.objects.attestation import Attestation
from mvcs.objects.commit import Commit, recipe_oid
from mvcs.objects.hashing import KINDS, object_oid, short_hash
from mvcs.objects.operation import Operation
from mvcs.objects.root import Root
from mvcs.objects.tag import Tag
from mvcs.objects.tree import build_tree, read_tree
from mvcs.objects.values import canonical_json
from mvcs.store.compress import unsqueeze
from mvcs.store.cutting import cut
from mvcs.store.graph_rows import graph_row, read_graph_row
from mvcs.store.records import HEADER_BYTES, RAW, ZSTD, RecipeList, make_record, read_header
from mvcs.store.segments import PLACE

VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))
OBJECTS = VECTORS["objects"]
READERS = {"commit": Commit, "tag": Tag, "attestation": Attestation, "operation": Operation}


def by_name(rows, key="name"):
    return [pytest.param(row, id=str(row[key])) for row in rows]


# The library against the vectors


def test_every_kind_of_object_has_a_vector():
    assert {row["kind"] for row in OBJECTS} == set(KINDS)


def test_every_kind_of_entry_has_a_vector():
    entries = [entry for row in OBJECTS if row["kind"] == "tree" for entry in row["inputs"]["entries"]]
    assert {entry["kind"] for entry in entries} == {"blob", "tree", "reference", "link"}
    assert {entry["mode"] for entry in entries} == {"100644", "100755", "120000", "040000"}


@pytest.mark.parametrize("row", by_name(OBJECTS))
def test_inputs_give_the_payload_and_the_oid(row):
    payload = made.payload_of(row["kind"], row["inputs"])
    assert payload.hex() == row["payload"]
    assert object_oid(row["kind"], payload).hex() == row["oid"]


@pytest.mark.parametrize("row", by_name([row for row in OBJECTS if row["kind"] in READERS]))
def test_a_payload_decodes_to_what_encodes_to_it(row):
    payload = bytes.fromhex(row["payload"])
    assert READERS[row["kind"]].decode(payload).encode() == payload


@pytest.mark.parametrize("row", by_name([row for row in OBJECTS if row["kind"] == "tree"]))
def test_a_tree_reads_back_its_entries(row):
    payloads = {bytes.fromhex(row["oid"]): bytes.fromhex(row["payload"])}
    expected = sorted((made.entry(item) for item in row["inputs"]["entries"]), key=lambda entry: entry.name)
    assert read_tree(payloads.__getitem__, bytes.fromhex(row["oid"])) == expected


def test_a_tree_of_a_thousand_entries():
    vector = VECTORS["prolly"]
    nodes = build_tree(made.numbered_entries(vector["count"]))
    assert len(nodes) == vector["nodes"]
    assert [oid.hex() for oid, _ in nodes] == [*vector["leaf_oids"], vector["root"]]
    assert nodes[-1][1].hex() == vector["root_payload"]


@pytest.mark.parametrize("row", VECTORS["boundary"], ids=str)
def test_the_number_that_decides_a_cut(row):
    assert short_hash(row["level"], row["name"].encode()) == row["hash"]


@pytest.mark.parametrize("row", VECTORS["recipes"], ids=lambda row: row["oid"][:8])
def test_a_recipe(row):
    assert recipe_oid({key: made.oid(value) for key, value in row["inputs"].items()}).hex() == row["oid"]


@pytest.mark.parametrize("row", by_name(VECTORS["roots"]))
def test_a_root(row):
    root = made.root_of(row["inputs"])
    assert root.encode().hex() == row["bytes"]
    assert Root.decode(bytes.fromhex(row["bytes"])) == root


@pytest.mark.parametrize("row", by_name(VECTORS["records"]))
def test_a_chunk_record(row):
    record, content = bytes.fromhex(row["record"]), row["content_text"].encode()
    header = read_header(memoryview(record), bytes.fromhex(row["oid"]))
    codec, length = header.codec, header.raw_length
    assert (codec, length) == (row["codec"], len(content))
    payload = record[HEADER_BYTES:]
    assert (payload if codec == RAW else unsqueeze(payload, length)) == content
    assert make_record(header, payload) == record


@pytest.mark.parametrize("row", by_name(VECTORS["recipe_lists"], "splitter"))
def test_a_recipe_list(row):
    made_here = RecipeList(row["splitter"], array("I", row["lengths"]), bytes.fromhex("".join(row["oids"])))
    assert made_here.encode().hex() == row["bytes"]
    assert RecipeList.decode(bytes.fromhex(row["bytes"])) == made_here


def cut_data(row):
    return bytes(row["zeros"]) if "zeros" in row else made.stream(row["seed"], row["size"])


@pytest.mark.parametrize("row", by_name(VECTORS["cutting"], "splitter"))
def test_the_cuts_of_known_data(row):
    lengths = [len(chunk) for chunks in cut(iter((cut_data(row),))) for chunk in chunks]
    assert lengths == row["lengths"]


@pytest.mark.parametrize("row", by_name(VECTORS["graph_rows"], "commit"))
def test_a_graph_row(row):
    commit = next(item for item in OBJECTS if item["name"] == row["commit"])
    assert graph_row(bytes.fromhex(commit["payload"])).hex() == row["row"]
    inputs = commit["inputs"]
    assert read_graph_row(bytes.fromhex(row["row"])) == (
        inputs["generation"], inputs["committer"]["time"], tuple(made.oid(parent) for parent in inputs["parents"])
    )


@pytest.mark.parametrize("row", VECTORS["places"])
def test_a_place(row):
    assert PLACE.pack(row["segment"], row["stored"]).hex() == row["bytes"]


@pytest.mark.parametrize("row", VECTORS["canonical_json"], ids=lambda row: row["bytes"][:16])
def test_canonical_json(row):
    value = float(row["float"]) if "float" in row else row["value"]
    assert canonical_json(value).hex() == row["bytes"]


# The specification against the vectors: nothing below uses the library


def pack(value) -> bytes:
    """Section 4.1: nil, integers in their shortest form, str, bin, array."""
    if value is None:
        return b"\xc0"
    if isinstance(value, int):
        if 0 <= value < 0x80:
            return bytes((value,))
        if -32 <= value < 0:
            return struct.pack("b", value)
        for tag, form in ((0xCC, ">B"), (0xCD, ">H"), (0xCE, ">I"), (0xCF, ">Q")) if value >= 0 else (
            (0xD0, ">b"), (0xD1, ">h"), (0xD2, ">i"), (0xD3, ">q")
        ):
            try:
                return bytes((tag,)) + struct.pack(form, value)
            except struct.error:
                continue
        raise AssertionError(value)
    if isinstance(value, str):
        raw = value.encode()
        if len(raw) < 32:
            return bytes((0xA0 | len(raw),)) + raw
        return sized(len(raw), 0xD9, 0xDA, 0xDB) + raw
    if isinstance(value, bytes):
        return sized(len(value), 0xC4, 0xC5, 0xC6) + value
    head = bytes((0x90 | len(value),)) if len(value) < 16 else sized(len(value), None, 0xDC, 0xDD)
    return head + b"".join(pack(item) for item in value)


def sized(length: int, one, two, four) -> bytes:
    if one is not None and length < 1 << 8:
        return bytes((one, length))
    if length < 1 << 16:
        return bytes((two,)) + struct.pack(">H", length)
    return bytes((four,)) + struct.pack(">I", length)


def name_of(kind: str, payload: bytes) -> str:
    """Section 3."""
    if kind == "blob":
        return blake3(payload).hexdigest()
    return blake3(payload, derive_key_context=f"mvcs 2026-11 v1 {kind}").hexdigest()


def unhex(text):
    return None if text is None else bytes.fromhex(text)


def spoken(target):
    return unhex(target[4:]) if target is not None and target.startswith("oid:") else target


def who(inputs):
    return [inputs["name"], inputs["email"], inputs["time"], inputs["offset"]]


def subject(inputs):
    return inputs["model"].encode() if "model" in inputs else unhex(inputs["subject"])


def raw_name(text):
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def value_of(kind: str, inputs) -> list:
    """Sections 5.2 to 5.6: the fields of each kind in order."""
    if kind == "tree":
        kinds = {"blob": 1, "tree": 2, "reference": 3, "link": 4}
        rows = [
            [raw_name(item["name"]), int(item["mode"], 8), kinds[item["kind"]], unhex(item["oid"]), item["size"]]
            for item in inputs["entries"]
        ]
        return [kind, 1, 0, sorted(rows)]
    if kind == "notes":
        rows = [
            [bytes([len(subject(item))]) + subject(item) + item["landing"].to_bytes(8, "big"), unhex(item["attestation"])]
            for item in inputs["notes"]
        ]
        return [kind, 1, 0, sorted(rows)]
    if kind == "commit":
        origin = inputs["origin"]
        return [
            kind, 1, inputs["model"], unhex(inputs["tree"]), [unhex(item) for item in inputs["parents"]],
            inputs["generation"], who(inputs["author"]), who(inputs["committer"]), inputs["message"],
            None if origin is None else [unhex(origin["recipe"]), origin["how"], unhex(origin["start"])],
            unhex(inputs["measured"]), unhex(inputs["provenance"]),
            [[item["ingredient"], item["reason"]] for item in inputs["incomplete"]],
        ]
    if kind == "tag":
        return [
            kind, 1, inputs["target_kind"], unhex(inputs["target"]), inputs["name"], who(inputs["tagger"]),
            inputs["message"],
        ]
    if kind == "attestation":
        return [
            kind, 1, inputs["subject_kind"], subject(inputs), inputs["predicate"], unhex(inputs["payload"]),
            who(inputs["author"]),
        ]
    return [
        kind, 1, unhex(inputs["parent"]), inputs["height"], [inputs["actor"]["name"], inputs["actor"]["email"]],
        inputs["time"], inputs["command"],
        [[move["ref"], spoken(move["old"]), spoken(move["new"])] for move in inputs["moves"]], inputs["reason"],
        [unhex(item) for item in inputs["evidence"]],
    ]


@pytest.mark.parametrize("row", by_name([row for row in OBJECTS if row["kind"] != "blob"]))
def test_the_specified_fields_give_the_payload(row):
    assert pack(value_of(row["kind"], row["inputs"])).hex() == row["payload"]


@pytest.mark.parametrize("row", by_name(OBJECTS))
def test_the_specified_hash_gives_the_oid(row):
    assert name_of(row["kind"], bytes.fromhex(row["payload"])) == row["oid"]


@pytest.mark.parametrize("row", by_name(VECTORS["roots"]))
def test_the_specified_fields_give_a_root(row):
    inputs = row["inputs"]
    notes = inputs["notes"]
    value = [
        "root", 1, inputs["namespace"], inputs["generation"], unhex(inputs["ledger"]),
        [[ref["ref"], spoken(ref["target"])] for ref in inputs["refs"]],
        unhex(notes) if isinstance(notes, str) else [
            [subject(item), item["landing"], unhex(item["attestation"])] for item in notes
        ],
        inputs["landed"], [unhex(item) for item in inputs["writes"]],
    ]
    assert pack(value).hex() == row["bytes"]


@pytest.mark.parametrize("row", VECTORS["recipes"], ids=lambda row: row["oid"][:8])
def test_the_specified_recipe(row):
    inputs = row["inputs"]
    value = ["recipe", 1, *(unhex(inputs[name]) for name in ("code", "data", "config", "environment"))]
    assert name_of("recipe", pack(value)) == row["oid"]


def specified_nodes(kind: str, rows: list[list]) -> list[tuple[str, bytes]]:
    """Section 5.2.2, for rows (key, ..., bytes below)."""
    level, made_nodes = 0, []
    while True:
        groups, start = [], 0
        if len(rows) > 256:
            for index, row in enumerate(rows):
                length = index + 1 - start
                number = int.from_bytes(blake3(bytes((level,)) + row[0]).digest()[:4], "little")
                if length == 512 or (length >= 32 and number < 44_739_242):
                    groups.append(rows[start : index + 1])
                    start = index + 1
        if start < len(rows) or not rows:
            groups.append(rows[start:])
        above = []
        for group in groups:
            payload = pack([kind, 1, level, group])
            oid = name_of(kind, payload)
            made_nodes.append((oid, payload))
            if group:
                count = sum(row[2] for row in group) if level else len(group)
                above.append([group[-1][0], unhex(oid), count, sum(row[-1] for row in group)])
        if len(groups) == 1:
            return made_nodes
        rows, level = above, level + 1


def test_the_specified_tree_of_a_thousand_entries():
    rows = [
        [b"file-%06d" % i, 0o100644, 1, blake3(b"content %d" % i).digest(), len(b"content %d" % i)]
        for i in range(VECTORS["prolly"]["count"])
    ]
    nodes = specified_nodes("tree", rows)
    assert [oid for oid, _ in nodes] == [*VECTORS["prolly"]["leaf_oids"], VECTORS["prolly"]["root"]]


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 300, 513, 40_000])
def test_the_specified_nodes_are_those_that_the_library_builds(count):
    entries = made.numbered_entries(count)
    rows = [[entry.name, entry.mode, entry.kind, entry.oid, entry.size] for entry in entries]
    assert [(oid.hex(), payload) for oid, payload in build_tree(entries)] == specified_nodes("tree", rows)


@pytest.mark.parametrize("row", by_name(VECTORS["records"]))
def test_the_specified_header_of_a_chunk_record(row):
    record = bytes.fromhex(row["record"])
    header = struct.pack("<BBBBI8s32s", 1, row["codec"], 0, 0, len(row["content_text"]), bytes(8), bytes(32))
    assert record[:48] == header
    assert row["codec"] in {RAW, ZSTD}


@pytest.mark.parametrize("row", by_name(VECTORS["recipe_lists"], "splitter"))
def test_the_specified_recipe_list(row):
    name, lengths = row["splitter"].encode(), row["lengths"]
    value = struct.pack("<BBHI", 1, len(name), 0, len(lengths)) + name + struct.pack(f"<{len(lengths)}I", *lengths)
    value += bytes.fromhex("".join(row["oids"]))
    assert (value + blake3(value).digest(8)).hex() == row["bytes"]


def specified_cut(data: bytes, gear) -> int:
    """Section 6.1: where the first chunk of `data` ends."""
    end = min(len(data), 256 << 10)
    if end <= 16 << 10:
        return end
    sum_ = 0
    for position in range(16 << 10, end // 2 * 2):
        sum_ = ((sum_ << 1) + gear[data[position]]) & (2**64 - 1)
        mask = 0x0000D90703537000 if position < min(64 << 10, end) // 2 * 2 else 0x0000D90F03530000
        if not sum_ & mask:
            return position
    return end


def test_the_specified_cuts():
    """The gear table is the one printed in the specification (see test_spec)."""
    from golden.test_spec import gear_table

    row = VECTORS["cutting"][0]
    data = memoryview(cut_data(row))
    gear, lengths, start = gear_table(), [], 0
    for _ in range(6):
        length = specified_cut(data[start : start + (256 << 10)], gear)
        lengths.append(length)
        start += length
    assert lengths == row["lengths"][:6]
    assert specified_cut(memoryview(bytes(1 << 20)), gear) == 256 << 10
