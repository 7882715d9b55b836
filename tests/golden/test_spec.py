"""docs/spec/v1.md says what the code does: contexts, limits, fields, tables, numbers, and its examples decode."""

from __future__ import annotations

import json
import re
from array import array
from pathlib import Path

import msgpack
import pytest

from mvcs.formats.strategies import SPELLINGS
from mvcs.merge import tensor_math
from mvcs.objects import codec, commit, prolly, root, tree
from mvcs.objects.attestation import PREDICATES, Attestation
from mvcs.objects.codec import decode
from mvcs.objects.commit import INGREDIENTS, Commit, Origin, Person
from mvcs.objects.hashing import CONTEXTS, KINDS, blob_oid, object_oid
from mvcs.objects.operation import Operation
from mvcs.objects.record import Record
from mvcs.objects.root import NAMESPACES, Root
from mvcs.objects.tag import Tag
from mvcs.objects.tree import ENTRY_KINDS, MODES_OF, Entry
from mvcs.remote import folder, index, pack, root_file
from mvcs.remote.root_file import RootFile
from mvcs.store import base, cutting, environment, records, segments
from mvcs.store.codecs import gap, planes, probe, tensor
from mvcs.store.compress import unsqueeze
from mvcs.store.graph_rows import HEAD as GRAPH_HEAD
from mvcs.store.records import HEADER, HEADER_BYTES, KIND_CODES, RAW, RECIPE_HEAD, RecipeList
from mvcs.store.splitters import gguf, npy, onnx, plan, safetensors, torch_zip
from mvcs.store.splitters.layout import UNKNOWN_SHAPE, Layout, Region

SPEC = Path(__file__).parents[2] / "docs" / "spec" / "v1.md"
TEXT = SPEC.read_text(encoding="utf-8")
VECTORS = json.loads(Path(__file__).with_name("vectors.json").read_text(encoding="utf-8"))


def section(number: str) -> str:
    """Returns a section without those below it."""
    found = re.search(rf"^#+ {re.escape(number)}[. ].*?$(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"no section {number}"
    return found[1]


def table(text: str) -> list[list[str]]:
    """Returns the cells of the first table in a text, without its head."""
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("|---"))
    rows = []
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def fields_of(name: str) -> list[str]:
    """Returns the field names of the table that is marked with a class's name."""
    return [row[0] for row in table(TEXT.partition(f"<!-- fields:{name} -->")[2])]


def blocks(language: str) -> list[dict[str, str]]:
    """Returns the fenced examples: label to text, lines that go on joined."""
    found = []
    for title, body in re.findall(rf"^```{language}(.*?)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL):
        example = {"title": title.strip()}
        for line in body.splitlines():
            label, _, rest = line.partition(" ")
            if label:
                last = label
            example[last] = example.get(last, "") + rest.strip()
        found.append({key: "" if value == "(none)" else value for key, value in example.items()})
    return found


def gear_table() -> list[int]:
    """Returns the gear table as the specification prints it."""
    (body,) = re.findall(r"^```gear\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    return [int(word, 16) for word in body.split()]


def test_every_part_of_the_outline_is_there():
    assert [int(number) for number in re.findall(r"^## (\d+)\. ", TEXT, re.MULTILINE)] == list(range(1, 18))


def test_every_section_that_the_code_implements_exists():
    """A module says which section it implements; the number is that of a heading."""
    sources = [path for folder in ("mvcs", "cli") for path in (SPEC.parents[2] / folder).rglob("*.py")]
    missing = set()
    for path in sources:
        for numbers in re.findall(r"spec (\d+(?:\.\d+)*(?:(?:,| to| and) \d+(?:\.\d+)*)*)", path.read_text(encoding="utf-8")):
            for number in re.findall(r"\d+(?:\.\d+)*", numbers):
                if not re.search(rf"^#+ {re.escape(number)}[. ]", TEXT, re.MULTILINE):
                    missing.add(f"{path.name}: {number}")
    assert not missing


def test_the_contexts():
    assert {row[0]: row[1].strip("`") for row in table(section("3.2"))} == CONTEXTS
    assert set(CONTEXTS) == {*KINDS, "recipe"} - {"blob"}


def test_the_limits():
    stated = {row[0].split(",")[0].strip("`"): int(row[1]) for row in table(section("4.3"))}
    elements = stated.pop("elements of one array")
    for name, value in stated.items():
        (found,) = {getattr(module, name) for module in (codec, commit, prolly, tree) if hasattr(module, name)}
        assert found == value, name
    assert set(stated) == {
        "MAX_PAYLOAD", "MAX_DEPTH", "MAX_NUMBER", "MAX_MESSAGE", "MAX_GENERATION", "MAX_NAME", "MAX_LEVEL"
    }
    assert decode("tag", codec.encode(("tag", 1, [0] * elements)), 1)
    with pytest.raises(Exception, match="max_array_len"):
        decode("tag", codec.encode(("tag", 1, [0] * (elements + 1))), 1)


@pytest.mark.parametrize(
    ("number", "module", "names"),
    [
        ("5.2.2", prolly, ["ONE_NODE", "MOST", "LEAST", "BOUNDARY"]),
        ("6.1", base, ["INLINE", "ONE_CHUNK"]),
        ("6.1.1", plan, ["LARGE", "PIECE", "RUN", "SPACING"]),
        ("6.2", records, ["MAX_CHUNK", "MAX_DEPTH", "MAX_BASES"]),
        ("7.4", segments, ["CAP"]),
        ("9", root, ["INLINE_NOTES", "KEPT_WRITES"]),
        ("9.1", folder, ["KEPT_STATES"]),
        ("9.1.1", root_file, ["INLINE"]),
        ("9.1.2", pack, ["LONGEST", "PACK", "META_PACK"]),
        ("9.1.3", index, ["MOST"]),
    ],
)
def test_the_constants_in_the_text(number, module, names):
    stated = {name: int(value) for name, value in re.findall(r"`([A-Z_]+)` = (\d+)", section(number))}
    assert stated == {name: getattr(module, name) for name in names}


def test_the_other_numbers_in_the_text():
    text = section("6.1")
    assert f"`{cutting.SPLITTER}`" in text
    assert f"least size {cutting.LEAST}, average {cutting.AVERAGE} and most {cutting.MOST} bytes" in text
    assert prolly.BOUNDARY == 2**32 // 96
    assert f"{environment.META_MAP} bytes" in section("7.1")
    assert f"with {environment.SEGMENT_MAP}," in section("7.1")
    for mode, octal in ((tree.FILE, "100644"), (tree.EXECUTABLE, "100755"), (tree.SYMLINK, "120000"), (tree.FOLDER, "040000")):
        assert f"`{octal}` ({mode}" in section("5.2.1")
        assert int(octal, 8) == mode


@pytest.mark.parametrize("kind", [Commit, Tag, Attestation, Operation, Root, RootFile, Person, Origin, Entry], ids=lambda kind: kind.__name__)
def test_the_fields_are_those_of_the_class(kind):
    assert sorted(fields_of(kind.__name__)) == sorted(kind.__slots__)


def as_value(value: object) -> object:
    """What a field is in a payload."""
    if isinstance(value, Person):
        return value.to_value()
    if isinstance(value, Origin):
        return [value.recipe, value.how, value.start]
    if isinstance(value, Record):
        return [getattr(value, name) for name in ("ref", "old", "new")]
    if isinstance(value, tuple):
        return [as_value(item) for item in value]
    return value


@pytest.mark.parametrize("row", [row for row in VECTORS["objects"] if row["kind"] in {"commit", "tag", "attestation", "operation"}],
                         ids=lambda row: row["name"])
def test_the_fields_come_in_the_order_of_the_table(row):
    kind = {"commit": Commit, "tag": Tag, "attestation": Attestation, "operation": Operation}[row["kind"]]
    payload = bytes.fromhex(row["payload"])
    value = kind.decode(payload)
    expected = [as_value(getattr(value, name)) for name in fields_of(kind.__name__)]
    assert msgpack.unpackb(payload)[2:] == expected


def test_the_fields_of_a_node():
    assert fields_of("node") == ["level", "rows"]
    row = next(row for row in VECTORS["objects"] if row["name"] == "one file")
    unpacked = msgpack.unpackb(bytes.fromhex(row["payload"]))
    assert unpacked[:3] == ["tree", 1, 0]
    entry = row["inputs"]["entries"][0]
    assert dict(zip(fields_of("Entry"), unpacked[3][0], strict=True)) == {
        "name": entry["name"].encode(), "mode": int(entry["mode"], 8), "kind": 1, "oid": bytes.fromhex(entry["oid"]),
        "size": entry["size"],
    }


def test_the_kinds_of_entries():
    rows = table(section("5.2.1").partition("| kind | number |")[2].join(["| kind | number |", ""]))
    assert {int(row[1]): row[0] for row in rows} == ENTRY_KINDS
    for row in rows:
        assert tuple(int(mode.strip(" `"), 8) for mode in row[2].split(",")) == MODES_OF[int(row[1])]


def test_the_lists_of_names():
    assert section("5.2.3").partition("    code")[2].splitlines()[0].split() == list(INGREDIENTS[1:])
    assert f"    {' '.join(PREDICATES)}\n" in section("5.5")
    assert f"    {' '.join(NAMESPACES)}\n" in section("9")


def test_the_tables_of_meta():
    rows = table(section("7.2"))
    assert [row[0].strip("`") for row in rows] == list(base.TABLES)
    assert {row[0].strip("`") for row in rows if row[3] == "yes"} == set(base.DERIVED)


def test_the_codecs():
    rows = table(section("6.3"))
    assert {int(row[0]): row[1] for row in rows} == records.CODEC_NAMES


def test_the_modes_of_planes():
    rows = table(section("6.3.1").rpartition("others are 0.")[2])
    assert {row[1]: int(row[0]) for row in rows} == {
        "raw": planes.RAW, "huffman": planes.HUFFMAN, "nibbles": planes.NIBBLES, "zstd": planes.ZSTD,
    }
    assert f"modes of planes above {planes.FIRST_UNKNOWN - 1}, are" in section("6.3").replace("\n", " ")


def test_what_a_writer_of_codecs_should_do():
    text = section("6.3.1").replace("\n", " ")
    assert f"raw from {probe.NOISE} bits" in text
    assert f"nibbles from {planes.SPARSE} to {planes.DENSE} bits if at most {planes.ESCAPES:.0%} are".replace("%", " %") in text
    assert f"below {tensor.DIFFERENCE_WORTH} of the planes alone, and planes only below {tensor.SELF_WORTH} of" in text
    assert f"below {gap.WORTH} of" in section("6.3.2").replace("\n", " ")


def test_the_numbers_of_the_kinds():
    assert {row[0]: int(row[1]) for row in table(section("7.5").rpartition("payload, or one zstd frame |")[2])} == KIND_CODES


def widths(number: str) -> list[tuple[int, int]]:
    return [(int(row[0]), int(row[1])) for row in table(section(number)) if row[0].isdecimal() and row[1].isdecimal()]


@pytest.mark.parametrize(("number", "size"), [("6.2", HEADER.size), ("6.4", RECIPE_HEAD.size), ("7.4", segments.PLACE.size),
                                              ("9.1.2", pack.ROW.size), ("9.1.3", index.ROW.size)])
def test_a_layout_has_no_gaps_and_its_structs_size(number, size):
    found = widths(number)
    assert [offset for offset, _ in found] == [sum(width for _, width in found[:index]) for index in range(len(found))]
    assert sum(width for _, width in found) == size


def test_the_layout_of_a_graph_row():
    assert widths("7.3") == [(0, 4), (4, 8)]
    assert GRAPH_HEAD.size == 12


def test_a_pack_and_a_segment_as_the_text_has_them():
    oid = blob_oid(b"hello\n")
    body = pack.PackBody([pack.Item(oid, pack.CHUNK, 6)], lambda _: b"hello\n")
    with body.open() as stream:
        content = stream.read()
    row = bytes((2,)) + (6).to_bytes(4, "little") + oid
    assert content == b"hello\n" + row + b"mvcspack" + (1).to_bytes(4, "little") * 2 + blob_oid(row)[:8]
    name = index.PackName(body.name(), 3, meta=False, sequence=7)
    fan = b"".join((oid[0] <= byte).to_bytes(4, "little") for byte in range(256))
    listed = b"mvcsidx1" + (1).to_bytes(4, "little") * 2 + name.name + b"\3\0\0\0" + bytes(4) + b"\7" + bytes(7) + fan
    listed += oid + bytes(2) + b"\2\0" + (5).to_bytes(4, "little") + (6).to_bytes(4, "little")
    assert index.build_segment({(oid, pack.CHUNK): index.Place(name, 5, 6)}) == listed + blob_oid(listed)[:8]
    keys = {re.sub(r"[A-Z]+", "", row[0].strip("`")) for row in table(section("9.1"))}
    assert {"format", "roots/", "packs//-.pack", "meta//-.pack", "index/.idx", "probe/..."} == keys


def test_the_gear_table_is_that_of_the_chunker():
    from pyfastcdc.py.constants import GEAR, MASKS

    assert gear_table() == list(GEAR)
    assert f"0x{MASKS[17]:016x} if i < middle else 0x{MASKS[15]:016x}" in section("6.1")


READERS = {"commit": Commit, "tag": Tag, "attestation": Attestation, "operation": Operation}


def test_every_kind_has_an_example():
    assert {block["kind"] for block in blocks("object")} == set(KINDS)


@pytest.mark.parametrize("block", blocks("object"), ids=lambda block: block["title"])
def test_an_example_decodes_and_is_a_vector(block):
    payload = bytes.fromhex(block["payload"])
    assert object_oid(block["kind"], payload).hex() == block["oid"]
    if block["kind"] in READERS:
        assert READERS[block["kind"]].decode(payload).encode() == payload
    elif block["kind"] in {"tree", "notes"}:
        prolly.decode_node(block["kind"], payload, 5 if block["kind"] == "tree" else 2)
    (vector,) = [row for row in VECTORS["objects"] if row["name"] == block["title"]]
    assert (vector["kind"], vector["payload"], vector["oid"]) == (block["kind"], block["payload"], block["oid"])


@pytest.mark.parametrize("block", blocks("record"), ids=lambda block: block["title"])
def test_an_example_of_a_record_decodes(block):
    record, content = bytes.fromhex(block["record"]), bytes.fromhex(block["content"])
    header = records.read_header(memoryview(record), bytes.fromhex(block["oid"]))
    codec_number, length = header.codec, header.raw_length
    payload = record[HEADER_BYTES:]
    assert (payload if codec_number == RAW else unsqueeze(payload, length)) == content
    assert blob_oid(content).hex() == block["oid"]


@pytest.mark.parametrize("block", blocks("payload"), ids=lambda block: block["title"])
def test_an_example_of_a_payload_decodes(block):
    content, payload, modes = (bytes.fromhex(block[name]) for name in ("content", "payload", "modes"))
    codec_number, width = int(block["codec"]), int(block["width"])
    basis = bytes.fromhex(block["basis"]) if "basis" in block else None
    assert (basis is not None) == (codec_number in records.BASED)
    if codec_number == records.GAP:
        assert gap.gap_decode(payload, basis, len(content)) == content
    else:
        assert tensor.decode(codec_number, width, modes, payload, len(content), basis) == content


def test_every_codec_and_every_mode_has_an_example():
    found = blocks("payload")
    assert {int(block["codec"]) for block in found} | {records.RAW, records.ZSTD} == set(records.CODEC_NAMES)
    modes = {mode for block in found if int(block["codec"]) != records.GAP for mode in bytes.fromhex(block["modes"])}
    assert modes == set(range(planes.FIRST_UNKNOWN))


def test_the_example_of_a_recipe_list_decodes():
    (block,) = blocks("recipelist")
    found = RecipeList.decode(bytes.fromhex(block["bytes"]))
    assert found.lengths == array("I", map(int, block["lengths"].split()))
    assert found.splitter == cutting.SPLITTER


def test_the_splitters():
    rows = table(TEXT.partition("<!-- splitters -->")[2])
    modules = [safetensors.SPLITTER, torch_zip.SPLITTER, npy.NPZ, npy.NPY, gguf.SPLITTER, onnx.SPLITTER]
    assert [row[0].strip("`") for row in rows] == modules


def test_the_cuts_of_the_example():
    (block,) = blocks("cuts")
    size = int(block["size"])
    # Continued lines are joined without a space, so a region ends where its number does.
    found = re.findall(r"([a-z.]+):(\d+):(\d+)", block["regions"])
    assert len(found) == 9
    layout = Layout("example@1", [Region(name, "", UNKNOWN_SHAPE, int(at), int(length)) for name, at, length in found], size)
    cuts = [f"{cut.offset}:{cut.length}{':fastcdc' * cut.fastcdc}" for cut in plan.plan(layout, size)]
    assert cuts == block["cuts"].split()


def test_the_strategies_of_tensors():
    text = section("14.2.1")
    assert [row[0].strip("`") for row in table(text)] == list(SPELLINGS)
    assert f"abs(cos w) > {tensor_math.LINEAR_FROM} " in text
    assert "merged:tensors" in section("14.2")
