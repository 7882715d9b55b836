"""Repositories that this version cannot or must not read: newer formats, damaged files, flipped bytes."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

import mvcs
from mvcs.objects.codec import encode
from mvcs.objects.hashing import COMMIT, OPERATION, TREE, Oid, object_oid
from mvcs.store import environment
from mvcs.store.base import CHUNKS, GRAPH, LEDGER, OBJECTS, RECIPES, REFS
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.records import KIND_CODES, KIND_NAMES
from mvcs.store.segments import PLACE, TABLE
from tests.cli.harness import fails, make_project, mvcs_process, mvcs_run, ok, snapshot, write

READS = ["status", "log", "show", "diff", "ls", "branch", "tag", "op", "fsck", "du", "gc", "undo"]


def close_all():
    """Closes what this process has open, as another process would find it."""
    for found in list(environment._registry.values()):
        found.close()
    environment._registry.clear()


@pytest.mark.parametrize("verb", READS)
@pytest.mark.parametrize(("text", "name", "shown"), [
    ("mvcs 2\n", "unsupported-version", "2"), ("mvcs 99 beta\n", "unsupported-version", "99 beta"),
    ("", "unsupported-version", "nothing"), ("\x00\xff\n", "unsupported-version", "nothing"),
    ("mvcs 1\nrequire codec-planes\nrequire moon\n", "unknown-feature", "codec-planes, moon"),
    ("mvcs 1\nsurprise\n", "unknown-feature", "surprise"),
])
def test_a_repository_of_a_newer_version_is_left_alone_by_every_verb(project, verb, text, name, shown):
    (project / ".mvcs" / "format").write_text(text, encoding="latin-1")
    error = fails(4, name, verb, cwd=project)
    assert shown in error["message"]
    assert error["hint"] == "pip install --upgrade mvcs"


def test_an_optional_feature_is_no_obstacle(project):
    (project / ".mvcs" / "format").write_text("mvcs 1\noptional shiny thing\n")
    assert ok("status", "--json", cwd=project).json["clean"]


def test_clone_from_and_repair_from_a_newer_repository_are_refused(project, tmp_path):
    other = make_project(tmp_path / "other")
    (project / ".mvcs" / "format").write_text("mvcs 2\n")
    fails(4, "unsupported-version", "clone", str(project), str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()
    fails(4, "unsupported-version", "fsck", "--repair-from", str(project), cwd=other)


@pytest.mark.parametrize("verb", ["status", "log", "fsck", "commit"])
@pytest.mark.parametrize("damage", ["missing", "empty", "half", "pages of zeros", "noise", "head overwritten"])
def test_a_damaged_meta_file_is_named_and_never_replaced(project, verb, damage):
    """In a process of its own: whatever LMDB does with such a file must not end this one."""
    close_all()
    path = project / ".mvcs" / "meta" / "data.mdb"
    size = path.stat().st_size
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({
            "empty": b"", "half": content[: size // 2], "pages of zeros": content[:8192] + bytes(size - 8192),
            "noise": content[:8192] + bytes(i * 37 & 255 for i in range(size - 8192)),
            "head overwritten": b"\xff" * 8192 + content[8192:],
        }[damage])
    before = path.read_bytes() if path.exists() else None
    done = mvcs_process(verb, "--json", cwd=project)
    assert done.code == 7, done
    assert done.out == ""
    assert done.error["code"] in {"store-corrupt", "object-missing", "object-corrupt"}, done
    assert "meta" in done.err
    assert (path.read_bytes() if path.exists() else None) == before


@pytest.mark.parametrize("damage", ["missing", "half", "a page short", "two pages", "zeros", "noise"])
def test_a_damaged_segment_is_named_by_fsck_and_mended_from_a_clone(tmp_path, damage):
    project = make_project(tmp_path / "p", {"train.py": "x\n", "model.pt": os.urandom(700_000)})
    ok("clone", str(project), str(tmp_path / "copy"))
    close_all()
    path = next((project / ".mvcs" / "chunks").glob("*/data.mdb"))
    content = path.read_bytes()
    if damage == "missing":
        shutil.rmtree(path.parent)
    else:
        rest = len(content) - 8192
        content = {
            "half": content[: len(content) // 2], "a page short": content[:-4096], "two pages": content[:8192],
            "zeros": content[:8192] + bytes(rest), "noise": content[:8192] + bytes(i * 37 & 255 for i in range(rest)),
        }[damage]
        path.write_bytes(content)
    (project / "model.pt").unlink()
    for verb in (["cat", "HEAD:model.pt"], ["restore", "model.pt"]):
        done = mvcs_process(*verb, "--json", cwd=project)
        assert done.code == 7, done
        assert not (project / "model.pt").exists()
    found = mvcs_process("fsck", "--json", cwd=project)
    assert found.code == 1, found
    assert found.json["problems"]
    assert mvcs_process("log", "--json", cwd=project).code == 0  # history does not need the chunks
    mended = mvcs_process("fsck", "--json", "--repair-from", str(tmp_path / "copy"), cwd=project)
    assert (mended.code, mended.json["problems"]) == (0, []), mended
    assert mvcs_process("fsck", cwd=project).code == 0
    kept = project / ".mvcs" / "damaged" / "chunks-0001" / "data.mdb"
    if damage == "a page short":  # the pages that are there are whole: the one chunk is mended in its place
        assert not kept.exists()
    elif damage != "missing":  # evidence is not deleted, and told of
        assert not path.exists()
        assert kept.read_bytes() == content
        told = [problem["reason"] for problem in mended.json["repaired"] if problem["kind"] == "file"]
        assert told == [f"damaged; it is kept in {project}/.mvcs/damaged/chunks-0001"]
    assert mvcs_process("restore", "model.pt", cwd=project).code == 0
    assert snapshot(project) == snapshot(tmp_path / "copy")
    write(project, {"model.pt": os.urandom(800_000)})  # new records have a segment again
    assert mvcs_process("commit", "-m", "after", cwd=project).code == 0
    assert mvcs_process("fsck", cwd=project).code == 0


def test_segments_damaged_again_and_again_are_all_kept(tmp_path):
    project = make_project(tmp_path / "p", {"train.py": "x\n", "model.pt": os.urandom(700_000)})
    ok("clone", str(project), str(tmp_path / "copy"))
    for _ in range(2):
        close_all()
        path, = (project / ".mvcs" / "chunks").glob("*/data.mdb")
        os.truncate(path, path.stat().st_size // 2)
        assert mvcs_process("fsck", "--repair-from", str(tmp_path / "copy"), cwd=project).code == 0
    assert sorted(os.listdir(project / ".mvcs" / "damaged")) == ["chunks-0001", "chunks-0002"]


def test_what_the_other_clone_has_not_is_told_and_the_rest_mended(tmp_path):
    project = make_project(tmp_path / "p", {"train.py": "x\n", "model.pt": os.urandom(700_000)})
    ok("clone", str(project), str(tmp_path / "copy"))
    first = ok("rev-parse", "HEAD", cwd=project).out.strip()
    write(project, {"model.pt": os.urandom(500_000)})
    ok("commit", "-m", "of this one alone", cwd=project)
    close_all()
    path, = (project / ".mvcs" / "chunks").glob("*/data.mdb")
    os.truncate(path, path.stat().st_size // 2)
    done = mvcs_process("fsck", "--json", "--repair-from", str(tmp_path / "copy"), cwd=project)
    assert done.code == 1
    assert {problem["kind"] for problem in done.json["problems"]} <= {"chunk", "blob"}
    assert mvcs_process("cat", "HEAD:model.pt", cwd=project).code == 7
    assert mvcs_process("cat", f"{first}:model.pt", cwd=project).bytes == (tmp_path / "copy/model.pt").read_bytes()


def rich_project(folder):
    """A project with every kind of stored thing: inline and cut blobs, a blob of one chunk, trees, tag, commits."""
    make_project(folder, {
        "train.py": "print(1)\n" * 50, "model.pt": os.urandom(600_000), "data/one.npy": os.urandom(60_000),
        "data/a.csv": "1,2\n",
    })
    write(folder, {"train.py": "print(2)\n", "metrics.json": "{}"})
    ok("commit", "-m", "second", "--metric", "auc=0.9", cwd=folder)
    ok("tag", "v1", "-m", "words", cwd=folder)
    return folder


def test_a_flipped_byte_in_any_object_is_named_and_mended(tmp_path):
    """Each object in turn: fsck names it, no command hands out its bytes, --repair-from brings it back."""
    project = rich_project(tmp_path / "p")
    copy = tmp_path / "copy"
    shutil.copytree(project, copy)  # a clone has no local ledger of the source; a backup has everything
    store = LmdbStore(str(project / ".mvcs"))
    with store.read() as transaction:
        objects = [(Oid(key), KIND_NAMES[value[0]], value) for key, value in transaction.items(OBJECTS)]
        chunks = [(Oid(key), PLACE.unpack(value)[0]) for key, value in transaction.items(CHUNKS)]
        recipes = [(Oid(key), value) for key, value in transaction.items(RECIPES)]
    kinds = {kind for _, kind, _ in objects}
    assert kinds >= {"blob", "tree", "commit", "tag", "operation"}
    assert chunks
    assert recipes

    def flipped(value: bytes, at: int) -> bytes:
        changed = bytearray(value)
        changed[at] ^= 0x40
        return bytes(changed)

    def check(name: str, kind: str):
        found = mvcs_run("fsck", "--json", cwd=project)
        assert found.code == 1, (kind, found)
        assert name in {problem["name"] for problem in found.json["problems"]}, (kind, found.json)
        mended = mvcs_run("fsck", "--json", "--repair-from", str(copy), cwd=project)
        assert (mended.code, mended.json["problems"]) == (0, []), (kind, mended)
        assert name in {problem["name"] for problem in mended.json["repaired"]}

    for oid, kind, value in objects:
        with store.write() as transaction:
            transaction.put(OBJECTS, oid, flipped(value, len(value) // 2 if len(value) > 3 else -1))
        check(oid.hex(), kind)
    for oid, value in recipes:
        with store.write() as transaction:
            transaction.put(RECIPES, oid, flipped(value, -1))
        check(oid.hex(), "recipe list")
    for oid, number in chunks[:3]:
        with store.segments.environment(number).write() as transaction:
            transaction.put(TABLE, oid, flipped(transaction.get(TABLE, oid), -1))
        check(oid.hex(), "chunk")


def test_a_flipped_commit_is_no_answer(project):
    store = LmdbStore(str(project / ".mvcs"))
    head = bytes.fromhex(ok("rev-parse", "HEAD", cwd=project).out.strip())
    with store.write() as transaction:
        value = bytearray(transaction.get(OBJECTS, head))
        value[-1] ^= 1
        transaction.put(OBJECTS, head, bytes(value))
    for verb in (["log"], ["show"], ["status"], ["commit", "-m", "x"], ["ls"], ["gc"]):
        error = fails(7, "object-corrupt", *verb, cwd=project)
        assert head.hex() in error["message"]
        assert "--repair-from" in error["hint"]


HOSTILE = {
    "no bytes": b"", "one byte": b"\xc1", "nil": b"\xc0", "a map": b"\x81\xa1a\x01", "an extension": b"\xd4\x01\x00",
    "an array that claims four billion items": b"\xdd\xff\xff\xff\xff", "a bin of 4 GB": b"\xc6\xff\xff\xff\xff",
    "text of 4 GB": b"\xdb\xff\xff\xff\xff", "nested without end": b"\x91" * 100_000,
    "nested and then cut": b"\x9d\xa6commit\x01" + b"\x91" * 5000,
    "no UTF-8": b"\x9d\xa6commit\x01\xa2\xff\xfe" + b"\xc0" * 10,
    "a float": b"\x9d\xa6commit\xcb" + bytes(8) + b"\xc0" * 11,
    "a long form of a number": b"\x9d\xa6commit\xcd\x00\x01" + b"\xc0" * 11,
    "another kind": encode(("tag", 1, "commit", bytes(32), "x", ["a", "", 0, 0], "")),
    "bytes after the end": encode(("commit", 1, *[None] * 11)) + b"\x00",
    "too few fields": encode(("commit", 1, "m")),
    "its own parent's twin": encode((
        "commit", 1, "m", bytes(32), [bytes(32), bytes(32)], 2, ["a", "", 0, 0], ["a", "", 0, 0], "", None, None, None, [],
    )),
    "a generation of 2**40": encode((
        "commit", 1, "m", bytes(32), [bytes(32)], 1 << 40, ["a", "", 0, 0], ["a", "", 0, 0], "", None, None, None, [],
    )),
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_messagepack_behind_a_branch_is_refused_by_every_reader(project, payload, tmp_path):
    store = LmdbStore(str(project / ".mvcs"))
    oid = object_oid(COMMIT, payload)
    with store.write() as transaction:
        transaction.put(OBJECTS, oid, bytes((KIND_CODES[COMMIT], 0)) + payload)
        transaction.put(REFS, b"heads/m/main", b"\0" + oid)
    for verb in (["log"], ["show"], ["status"], ["branch"], ["commit", "-m", "x"], ["undo"], ["rev-parse", "HEAD~1"]):
        done = mvcs_run(*verb, "--json", cwd=project)
        # undo's own moves do not fit the planted ref: a lost race is an honest answer too
        assert done.code in ({7, 4} if verb == ["undo"] else {7}), (verb, done)
        assert done.error["code"] != "internal-error"
    found = mvcs_run("fsck", "--json", cwd=project)
    assert found.code == 1, found
    assert oid.hex() in {problem["name"] for problem in found.json["problems"]}
    assert mvcs_run("clone", str(project), str(tmp_path / "copy")).code == 7
    assert mvcs_run("gc", cwd=project).code == 7  # what cannot be read is not known to be garbage


def test_hostile_trees_and_operations_behind_their_names_are_refused(project):
    store = LmdbStore(str(project / ".mvcs"))
    for kind in (TREE, OPERATION):
        for payload in HOSTILE.values():
            oid = object_oid(kind, payload)
            with store.write() as transaction:
                transaction.put(OBJECTS, oid, bytes((KIND_CODES[kind], 0)) + payload)
            found = mvcs_run("fsck", "--json", cwd=project)
            assert found.code == 1, found
            assert oid.hex() in {problem["name"] for problem in found.json["problems"]}
            with store.write() as transaction:
                transaction.delete(OBJECTS, oid)
    assert mvcs_run("fsck", cwd=project).code == 0


@pytest.mark.parametrize(("table", "key", "value"), [
    (REFS, b"heads/m/\xff\xfe", b"\0" + bytes(32)), (REFS, b"heads/m/x", b""), (REFS, b"heads/m/x", b"\0abc"),
    (REFS, b"heads/m/x", b"?" + bytes(32)), (REFS, b"heads/m/x", b"\0" + bytes(32)), (LEDGER, bytes(7) + b"\x09", b"short"),
    (LEDGER, bytes(7) + b"\x09", bytes(32)),
], ids=["no UTF-8", "empty", "short", "unknown sort", "names nothing", "short ledger", "ledger names nothing"])
def test_hostile_refs_and_ledgers_are_integrity_errors_not_bugs(project, table, key, value):
    with LmdbStore(str(project / ".mvcs")).write() as transaction:
        transaction.put(table, key, value)
    for verb in (["log"], ["branch"], ["op"], ["fsck"], ["commit", "--amend", "-m", "x"], ["undo"], ["gc"]):
        done = mvcs_run(*verb, "--json", cwd=project)
        assert done.code in {0, 1, 4, 7}, (verb, done)
    assert mvcs_run("fsck", cwd=project).code in {1, 7}


def test_refs_that_name_each_other_in_a_ring_end(project):
    with LmdbStore(str(project / ".mvcs")).write() as transaction:
        transaction.put(REFS, b"HEAD/.", b"@heads/m/a")
        transaction.put(REFS, b"heads/m/a", b"@heads/m/b")
        transaction.put(REFS, b"heads/m/b", b"@heads/m/a")
    done = mvcs_run("log", "--json", cwd=project)
    assert done.code == 3, done


def test_lost_derived_tables_are_rebuilt(project):
    """Nothing derived is truth: the graph and the stat cache may go at any time."""
    write(project, {"train.py": "x"})
    ok("commit", "-m", "second", cwd=project)
    before = ok("log", "--json", cwd=project).json
    with LmdbStore(str(project / ".mvcs")).write() as transaction:
        for table in (GRAPH, "stat", "mapped"):
            for key, _ in list(transaction.items(table)):
                transaction.delete(table, key)
    assert ok("log", "--json", cwd=project).json == before
    assert ok("status", "--json", cwd=project).json["clean"]
    assert mvcs_run("fsck", "--json", "--repair-from", str(project), cwd=project).json["problems"] == []


def test_a_tampered_ledger_is_noticed(project):
    """The chain names each operation's parent by hash: one that is taken out or replaced shows."""
    write(project, {"train.py": "x"})
    ok("commit", "-m", "second", cwd=project)
    ok("tag", "t", cwd=project)
    store = LmdbStore(str(project / ".mvcs"))
    with store.read() as transaction:
        rows = list(transaction.items(LEDGER))
    assert mvcs_run("fsck", cwd=project).code == 0
    for damage in ("dropped", "swapped", "replayed"):
        with store.write() as transaction:
            if damage == "dropped":
                transaction.delete(LEDGER, rows[1][0])
            elif damage == "swapped":
                transaction.put(LEDGER, rows[1][0], rows[2][1])
            else:
                transaction.put(LEDGER, rows[-1][0], rows[-2][1])
        found = mvcs_run("fsck", "--json", cwd=project)
        assert found.code == 1, (damage, found)
        assert "ledger" in {problem["kind"] for problem in found.json["problems"]}
        with store.write() as transaction:
            for key, value in rows:
                transaction.put(LEDGER, key, value)
    assert mvcs_run("fsck", cwd=project).code == 0


def test_a_ref_that_no_operation_made_is_noticed(project):
    head = bytes.fromhex(ok("rev-parse", "HEAD", cwd=project).out.strip())
    with LmdbStore(str(project / ".mvcs")).write() as transaction:
        transaction.put(REFS, b"heads/m/planted", b"\0" + head)
    found = mvcs_run("fsck", "--json", cwd=project)
    assert found.code == 1
    assert any("heads/m/planted" in problem["reason"] for problem in found.json["problems"])


def test_nothing_of_the_data_is_unpickled_or_imported(project):
    """A hostile pickle as weights is only bytes."""
    mark = project / "executed"
    evil = b"cos\nsystem\n(S'touch " + os.fsencode(mark) + b"'\ntR."
    write(project, {"evil.pkl": evil, "evil.pt": evil, "sitecustomize.py": f"open({str(mark)!r}, 'w')", "conftest.py": "1/0"})
    for verb in (["commit", "-m", "x"], ["show"], ["diff", "HEAD~1", "HEAD"], ["fsck"], ["cat", "HEAD:evil.pkl"], ["status"]):
        done = mvcs_process(*verb, cwd=project)
        assert done.code == 0, done
    assert not mark.exists() or sys.flags.no_site
    with mvcs.open(project) as repo:
        assert repo["HEAD"].weights.files["evil.pkl"] == evil
    assert not mark.exists()
