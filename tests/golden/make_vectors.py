"""Writes vectors.json: inputs that people can read, and the bytes and names that they must give.

Run it only to add a vector: `python tests/golden/make_vectors.py` prints what changed in the existing ones, and
refuses to change them, because a format that changes is another format.
"""

from __future__ import annotations

import json
import sys
from array import array
from pathlib import Path

from blake3 import blake3

HERE = Path(__file__).parent
VECTORS = HERE / "vectors.json"

if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parent.parent))

from mvcs.objects import tree as trees
from mvcs.objects.attestation import Attestation
from mvcs.objects.commit import Commit, Origin, Person, recipe_oid
from mvcs.objects.hashing import BLOB, TREE, Oid, blob_oid, object_oid, short_hash
from mvcs.objects.operation import Move, Operation
from mvcs.objects.root import Note, Root, build_notes
from mvcs.objects.tag import Tag
from mvcs.objects.values import canonical_json
from mvcs.store.cutting import cut
from mvcs.store.graph_rows import graph_row
from mvcs.store.records import RAW, ZSTD, Header, RecipeList, make_record

ENTRY_KINDS = {name: kind for kind, name in trees.ENTRY_KINDS.items()}


def stream(seed: str, size: int) -> bytes:
    """Returns the first bytes of the BLAKE3 output stream of a seed: data without chance."""
    return blake3(seed.encode()).digest(length=size)


# From readable inputs to objects


def oid(text: str | None) -> Oid | None:
    return None if text is None else Oid(bytes.fromhex(text))


def raw_name(text: str) -> bytes:
    """Names are text, or hex: and two digits a byte where they are no UTF-8."""
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def person(inputs: dict) -> Person:
    return Person(inputs["name"], inputs["email"], inputs["time"], inputs["offset"])


def target(text: str | None) -> bytes | str | None:
    """A target is null, oid: and hex digits, or the name of a ref."""
    return oid(text[4:]) if text is not None and text.startswith("oid:") else text


def entry(inputs: dict) -> trees.Entry:
    return trees.Entry(
        raw_name(inputs["name"]), int(inputs["mode"], 8), ENTRY_KINDS[inputs["kind"]], oid(inputs["oid"]),
        inputs["size"],
    )


def note(inputs: dict) -> Note:
    subject = inputs["model"].encode() if "model" in inputs else oid(inputs["subject"])
    return Note(subject, inputs["landing"], oid(inputs["attestation"]))


def nodes_of(kind: str, inputs: dict) -> list[tuple[Oid, bytes]]:
    """Builds a tree or a notes tree."""
    if kind == TREE:
        return trees.build_tree([entry(item) for item in inputs["entries"]])
    return build_notes([note(item) for item in inputs["notes"]])


def payload_of(kind: str, inputs: dict) -> bytes:
    """Builds the payload of an object from the inputs of a vector."""
    if kind == BLOB:
        return inputs["text"].encode() if "text" in inputs else bytes.fromhex(inputs["hex"])
    if kind in {TREE, "notes"}:
        return nodes_of(kind, inputs)[-1][1]
    if kind == "commit":
        origin = inputs["origin"]
        return Commit(
            model=inputs["model"], tree=oid(inputs["tree"]), parents=tuple(oid(p) for p in inputs["parents"]),
            generation=inputs["generation"], author=person(inputs["author"]), committer=person(inputs["committer"]),
            message=inputs["message"],
            origin=None if origin is None else Origin(oid(origin["recipe"]), origin["how"], oid(origin["start"])),
            measured=oid(inputs["measured"]), provenance=oid(inputs["provenance"]),
            incomplete=tuple((item["ingredient"], item["reason"]) for item in inputs["incomplete"]),
        ).encode()
    if kind == "tag":
        return Tag(
            inputs["target_kind"], oid(inputs["target"]), inputs["name"], person(inputs["tagger"]), inputs["message"]
        ).encode()
    if kind == "attestation":
        subject = inputs["model"].encode() if "model" in inputs else oid(inputs["subject"])
        return Attestation(
            inputs["subject_kind"], subject, inputs["predicate"], oid(inputs["payload"]), person(inputs["author"])
        ).encode()
    assert kind == "operation"
    return Operation(
        parent=oid(inputs["parent"]), height=inputs["height"],
        actor=(inputs["actor"]["name"], inputs["actor"]["email"]), time=inputs["time"], command=inputs["command"],
        moves=tuple(Move(m["ref"], target(m["old"]), target(m["new"])) for m in inputs["moves"]),
        reason=inputs["reason"], evidence=tuple(oid(item) for item in inputs["evidence"]),
    ).encode()


def root_of(inputs: dict) -> Root:
    notes = inputs["notes"]
    return Root(
        namespace=inputs["namespace"], generation=inputs["generation"], ledger=oid(inputs["ledger"]),
        refs=tuple((ref["ref"], target(ref["target"])) for ref in inputs["refs"]),
        notes=oid(notes) if isinstance(notes, str) else tuple(note(item) for item in notes),
        landed=inputs["landed"], writes=tuple(bytes.fromhex(item) for item in inputs["writes"]),
    )


def numbered_entries(count: int) -> list[trees.Entry]:
    """The entries of the prolly vector: see its rule."""
    return [
        trees.Entry(
            b"file-%06d" % i, trees.FILE, trees.IS_BLOB, blob_oid(b"content %d" % i), len(b"content %d" % i)
        )
        for i in range(count)
    ]


# The inputs

HELLO = blob_oid(b"hello\n").hex()
WEIGHTS = blob_oid(stream("weights", 1000)).hex()
REFERENCE = blob_oid(b'{"url":"s3://bucket/data.csv"}').hex()
LINK = blob_oid(b'{"registry":"https://models.example.org"}').hex()
EMPTY_TREE = trees.build_tree([])[-1][0].hex()
ADA = {"name": "Ada Lovelace", "email": "ada@example.org", "time": 1_790_000_000_123_456_789, "offset": 120}
BOT = {"name": "Zoë", "email": "", "time": -1, "offset": -720}

TREES = [
    ("empty tree", []),
    ("one file", [{"name": "train.py", "mode": "100644", "kind": "blob", "oid": HELLO, "size": 6}]),
    ("every kind of entry", [
        {"name": "base", "mode": "040000", "kind": "link", "oid": LINK, "size": 1_000_000},
        {"name": "big.parquet", "mode": "100644", "kind": "reference", "oid": REFERENCE, "size": 2**62},
        {"name": "current", "mode": "120000", "kind": "blob", "oid": HELLO, "size": 6},
        {"name": "hex:ff01", "mode": "100644", "kind": "blob", "oid": HELLO, "size": 6},
        {"name": "run.sh", "mode": "100755", "kind": "blob", "oid": HELLO, "size": 6},
        {"name": "src", "mode": "040000", "kind": "tree", "oid": EMPTY_TREE, "size": 0},
        {"name": "tool", "mode": "100755", "kind": "reference", "oid": REFERENCE, "size": 0},
        {"name": "Übung.txt", "mode": "100644", "kind": "blob", "oid": HELLO, "size": 6},
    ]),
]


def object_inputs() -> list[tuple[str, str, dict]]:
    tree = object_oid(TREE, payload_of(TREE, {"entries": TREES[1][1]})).hex()
    recipe = recipe_oid({"code": oid(tree)}).hex()
    plain = {
        "model": "churn", "tree": tree, "parents": [], "generation": 1, "author": ADA, "committer": ADA,
        "message": "First\n", "origin": None, "measured": None, "provenance": None, "incomplete": [],
    }
    first = object_oid("commit", payload_of("commit", plain)).hex()
    full = {
        **plain, "parents": [first, HELLO], "generation": 2**32 - 1, "committer": BOT, "message": "Größer ✓\n\nWhy.",
        "origin": {"recipe": recipe, "how": "run", "start": EMPTY_TREE}, "measured": tree, "provenance": HELLO,
        "incomplete": [{"ingredient": "data", "reason": "not captured"}],
    }
    comment = {
        "subject_kind": "commit", "subject": first, "predicate": "comment", "payload": HELLO, "author": ADA,
    }
    said = object_oid("attestation", payload_of("attestation", comment)).hex()
    begun = {
        "parent": None, "height": 0, "actor": {"name": "Ada Lovelace", "email": "ada@example.org"}, "time": 1,
        "command": "mvcs init", "moves": [], "reason": "", "evidence": [],
    }
    start = object_oid("operation", payload_of("operation", begun)).hex()
    return [
        ("empty blob", BLOB, {"text": ""}),
        ("blob", BLOB, {"text": "hello\n"}),
        ("blob of bytes", BLOB, {"hex": "00ff"}),
        *[(name, TREE, {"entries": entries}) for name, entries in TREES],
        ("commit without optional fields", "commit", plain),
        ("commit with every optional field", "commit", full),
        ("tag", "tag", {
            "target_kind": "commit", "target": first, "name": "v1.0.0", "tagger": ADA, "message": "Release",
        }),
        ("attestation on an object", "attestation", comment),
        ("attestation on a model", "attestation", {
            "subject_kind": "model", "model": "churn", "predicate": "org.example.audit", "payload": HELLO,
            "author": BOT,
        }),
        ("first operation", "operation", begun),
        ("operation with every form of target", "operation", {
            "parent": start, "height": 1, "actor": {"name": "Zoë", "email": ""}, "time": 2**63 - 1,
            "command": "mvcs switch -c new", "reason": "to try",
            "moves": [
                {"ref": "heads/churn/new", "old": None, "new": f"oid:{first}"},
                {"ref": "HEAD", "old": "heads/churn/main", "new": "heads/churn/new"},
                {"ref": "heads/churn/old", "old": f"oid:{first}", "new": None},
                {"ref": "workspace/HEAD", "old": f"oid:{tree}", "new": f"oid:{EMPTY_TREE}"},
            ],
            "evidence": [first, said],
        }),
        ("notes tree", "notes", {
            "notes": [
                {"model": "churn", "landing": 2, "attestation": said},
                {"subject": first, "landing": 1, "attestation": said},
                {"subject": first, "landing": 256, "attestation": HELLO},
            ],
        }),
    ]


ROOTS = [
    ("empty root", {
        "namespace": "heads", "generation": 0, "ledger": None, "refs": [], "notes": [], "landed": 0, "writes": [],
    }),
    ("root with inline notes", {
        "namespace": "verdicts", "generation": 300, "ledger": HELLO,
        "refs": [{"ref": "a/b", "target": f"oid:{HELLO}"}, {"ref": "a/c", "target": "a/b"}],
        "notes": [{"model": "churn", "landing": 7, "attestation": HELLO}], "landed": 7, "writes": ["00ff", "0102"],
    }),
    ("root with a notes tree", {
        "namespace": "words", "generation": 1, "ledger": HELLO, "refs": [], "notes": HELLO, "landed": 4000,
        "writes": [],
    }),
]

JSONS = [
    {"b": 1, "a": [1.5, 1e-7, 1e21, 1e20, -0.0, True, None], "€": "ü\n\"\u007f", "": {}},
    {"largest": 2**53 - 1, "beyond": 2**53, "below": -(2**53)},
    [333333333.3333333, 4.5, 0.002, 1e23, 9007199254740992.0],
]
SPECIAL = ["nan", "inf", "-inf"]


def make() -> dict:
    objects = []
    for name, kind, inputs in object_inputs():
        payload = payload_of(kind, inputs)
        objects.append({
            "name": name, "kind": kind, "inputs": inputs, "payload": payload.hex(),
            "oid": object_oid(kind, payload).hex(),
        })
    commits = {item["name"]: item for item in objects if item["kind"] == "commit"}
    nodes = trees.build_tree(numbered_entries(1000))
    data = stream("mvcs cutting", 3 << 20)
    lengths = [len(chunk) for chunks in cut(iter((data,))) for chunk in chunks]
    zeros = [len(chunk) for chunks in cut(iter((bytes(1 << 20),))) for chunk in chunks]
    recipes = [
        {"code": HELLO, "data": WEIGHTS, "config": REFERENCE, "environment": LINK},
        {"code": HELLO, "data": None, "config": None, "environment": None},
    ]
    pieces = RecipeList("fastcdc@1", array("I", [262144, 16384, 5]), oid(HELLO) + oid(WEIGHTS) + oid(LINK))
    return {
        "about": "Golden vectors of format 1. Bytes are hex. Made by make_vectors.py; never changed, only added to.",
        "streams": {
            "rule": "stream(seed, size) = first size bytes of the extended output of BLAKE3 over the seed in UTF-8",
            "first": {"seed": "mvcs cutting", "bytes": data[:32].hex()},
        },
        "objects": objects,
        "prolly": {
            "rule": "entries file-%06d of content %d (blob, mode 100644) for 0 to count - 1",
            "count": 1000, "nodes": len(nodes), "root": nodes[-1][0].hex(), "root_payload": nodes[-1][1].hex(),
            "leaf_oids": [node.hex() for node, _ in nodes[:-1]],
        },
        "boundary": [
            {"level": level, "name": name, "hash": short_hash(level, name.encode())}
            for level, name in [(0, ""), (0, "train.py"), (1, "train.py"), (12, "Übung.txt")]
        ],
        "recipes": [
            {"inputs": item, "oid": recipe_oid({key: oid(value) for key, value in item.items()}).hex()}
            for item in recipes
        ],
        "roots": [
            {"name": name, "inputs": inputs, "bytes": root_of(inputs).encode().hex()} for name, inputs in ROOTS
        ],
        "records": [
            {"name": "raw", "codec": RAW, "content_text": "hello\n", "oid": HELLO,
             "record": make_record(Header(RAW, 6), b"hello\n").hex()},
            {"name": "zstd", "codec": ZSTD, "content_text": "a" * 64, "oid": blob_oid(b"a" * 64).hex(),
             "record": make_record(Header(ZSTD, 64), bytes.fromhex("28b52ffd20404500001061610100930016")).hex()},
        ],
        "recipe_lists": [{
            "splitter": "fastcdc@1", "lengths": list(pieces.lengths), "oids": [HELLO, WEIGHTS, LINK],
            "bytes": pieces.encode().hex(),
        }],
        "cutting": [
            {"splitter": "fastcdc@1", "seed": "mvcs cutting", "size": 3 << 20, "lengths": lengths},
            {"splitter": "fastcdc@1", "zeros": 1 << 20, "lengths": zeros},
        ],
        "graph_rows": [
            {"commit": item["name"], "row": graph_row(bytes.fromhex(item["payload"])).hex()}
            for item in commits.values()
        ],
        "places": [{"segment": 1, "stored": 54, "bytes": "0100000036000000"}],
        "canonical_json": [
            {"value": value, "bytes": canonical_json(value).hex()} for value in JSONS
        ] + [{"float": text, "bytes": canonical_json(float(text)).hex()} for text in SPECIAL],
        "inline": [
            {"kind": "blob", "content": "68656c6c6f0a", "value": "000068656c6c6f0a"},
            {"kind": "tree", "content": payload_of(TREE, {"entries": []}).hex(),
             "value": "0100" + payload_of(TREE, {"entries": []}).hex()},
        ],
    }


def main() -> None:
    made = make()
    if VECTORS.exists():
        old = json.loads(VECTORS.read_text(encoding="utf-8"))
        changed = [key for key, value in old.items() if isinstance(value, dict) and made.get(key) != value]
        changed += [
            f"{key}[{index}]" for key, rows in old.items() if isinstance(rows, list)
            for index, row in enumerate(rows) if row not in made.get(key, [])
        ]
        if changed and "--first" not in sys.argv:
            sys.exit(f"these vectors would change, and must not: {', '.join(changed)}")
    VECTORS.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
