"""Trees written into a store by hand, as a hostile clone would have them: refused everywhere, nothing written outside."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest

import mvcs
from mvcs import ports
from mvcs.objects import editing
from mvcs.objects.codec import encode
from mvcs.objects.commit import Commit, Person
from mvcs.objects.hashing import BLOB, COMMIT, TREE, Oid, blob_oid, object_oid
from mvcs.objects.tree import FILE, FOLDER, IS_BLOB, IS_TREE, SYMLINK
from mvcs.repo.reading import link_stays_inside
from mvcs.repo.writeout import case_collisions
from mvcs.store.base import OBJECTS, REFS
from mvcs.store.lmdb_store import LmdbStore
from mvcs.store.records import KIND_CODES
from tests.cli.harness import fails, make_project, mvcs_process, mvcs_run, oid, ok, snapshot, write

EVIL = b"evil\n"


class Forger:
    """Writes objects without any check, as an attacker's own program would."""

    def __init__(self, project: Path) -> None:
        self.store = LmdbStore(str(project / ".mvcs"))

    def put(self, kind: str, payload: bytes) -> Oid:
        name = object_oid(kind, payload)
        with self.store.write() as transaction:
            transaction.put(OBJECTS, name, bytes((KIND_CODES[kind], 0)) + payload)
            if kind == COMMIT:
                transaction.put_object(kind, payload)
        return name

    def blob(self, content: bytes = EVIL) -> tuple[int, int, Oid, int]:
        return FILE, IS_BLOB, self.put(BLOB, content), len(content)

    def link(self, target: bytes) -> tuple[int, int, Oid, int]:
        return SYMLINK, IS_BLOB, self.put(BLOB, target), len(target)

    def tree(self, *entries: tuple[bytes, tuple[int, int, Oid, int]], ordered: bool = True) -> tuple[int, int, Oid, int]:
        rows = [[name, *entry] for name, entry in (sorted(entries) if ordered else entries)]
        payload = encode((TREE, 1, 0, rows))
        return FOLDER, IS_TREE, self.put(TREE, payload), sum(entry[3] for _, entry in entries)

    def folders(self, path: bytes, entry) -> tuple[bytes, tuple[int, int, Oid, int]]:
        first, *rest = path.split(b"/", 1)
        return (first, self.tree(self.folders(rest[0], entry))) if rest else (first, entry)

    def plant(self, root: tuple[int, int, Oid, int], branch: str = "evil") -> Oid:
        """Makes a commit of a root tree and a branch on it."""
        ada = Person("Mallory", "", 0, 0)
        commit = Commit(model="m", tree=root[2], parents=(), generation=1, author=ada, committer=ada, message="evil")
        name = self.put(COMMIT, commit.encode())
        with self.store.write() as transaction:
            transaction.put(REFS, f"heads/m/{branch}".encode(), b"\0" + name)
        return name


APART = {".mvcsignore": "/mvcs.toml\n"}
"""A project whose mvcs.toml is no part of the model: that a planted tree has none is not what is refused."""


def data(forger, *entries, **options):
    return forger.tree((b"data", forger.tree(*entries, **options)))


TREES = {
    "dot dot": lambda f: data(f, (b"..", f.tree((b"evil", f.blob())))),
    "dot dot file": lambda f: data(f, (b"..", f.blob())),
    "dot": lambda f: data(f, (b".", f.tree((b"evil", f.blob())))),
    "absolute name": lambda f: data(f, (b"/tmp/evil", f.blob())),
    "slash in a name": lambda f: data(f, (b"a/../../evil", f.blob())),
    "empty name": lambda f: data(f, (b"", f.blob())),
    "empty folder name": lambda f: data(f, (b"", f.tree((b"evil", f.blob())))),
    "NUL": lambda f: data(f, (b"a\0b", f.blob())),
    "duplicate name": lambda f: data(f, (b"a", f.blob()), (b"a", f.blob(b"other"))),
    "unsorted": lambda f: data(f, (b"b", f.blob()), (b"a", f.blob()), ordered=False),
    "name of 256 bytes": lambda f: data(f, (b"x" * 256, f.blob())),
    "dot git": lambda f: data(f, (b".git", f.tree((b"config", f.blob())))),
    "dot GIT": lambda f: data(f, (b".GIT", f.tree((b"config", f.blob())))),
    "dot git below": lambda f: data(f, f.folders(b"sub/.git/hooks/post-checkout", f.blob())),
    "dot git with a dot": lambda f: data(f, (b".git. .", f.tree((b"config", f.blob())))),
    "git~1": lambda f: data(f, (b"git~1", f.tree((b"config", f.blob())))),
    "dot mvcs below": lambda f: data(f, f.folders(b"sub/.mvcs/format", f.blob())),
    "dot MVCS": lambda f: data(f, (b".MVCS", f.tree((b"format", f.blob())))),
    "dot git as a file": lambda f: data(f, (b".git", f.blob(b"gitdir: /tmp\n"))),
    "one path in two ingredients": lambda f: f.tree(
        (b"data", f.tree((b"same", f.blob()))), (b"weights", f.tree((b"same", f.blob(b"other")))),
    ),
    "file and folder across ingredients": lambda f: f.tree(
        (b"code", f.tree((b"x", f.blob()))), (b"data", f.tree((b"x", f.tree((b"y", f.blob()))))),
    ),
    "folder deep under a file": lambda f: f.tree(
        (b"weights", f.tree((b"a", f.tree((b"b", f.blob()))))),
        (b"data", f.tree((b"a", f.tree((b"b", f.tree((b"c", f.tree((b"d", f.blob()))))))))),
    ),
    "link and folder across ingredients": lambda f: f.tree(
        (b"code", f.tree((b"out", f.link(b"/tmp")))), (b"data", f.tree((b"out", f.tree((b"evil", f.blob()))))),
    ),
    "unknown ingredient": lambda f: f.tree((b"secrets", f.tree((b"x", f.blob())))),
    "file as ingredient": lambda f: f.tree((b"data", f.blob())),
    "ingredient dot dot": lambda f: f.tree((b"..", f.tree((b"evil", f.blob())))),
    "kind of a blob with the mode of a folder": lambda f: data(f, (b"x", (FOLDER, IS_BLOB, f.blob()[2], 5))),
    "unknown mode": lambda f: data(f, (b"x", (0o104755, IS_BLOB, f.blob()[2], 5))),
    "tree that is a blob": lambda f: data(f, (b"x", (FOLDER, IS_TREE, f.blob()[2], 5))),
    "tree that is not there": lambda f: data(f, (b"x", (FOLDER, IS_TREE, Oid(bytes(32)), 5))),
    "negative size": lambda f: data(f, (b"x", (FILE, IS_BLOB, f.blob()[2], -1))),
}
LINKS = {
    "absolute": (b"link", b"/etc/passwd"), "above": (b"link", b"../secret"), "above from below": (b"a/b/link", b"../../../secret"),
    "through dot git": (b"link", b".git/config"), "through dot mvcs": (b"link", b".MVCS/format"), "empty": (b"link", b""),
    "NUL": (b"link", b"a\0b"), "up after a name": (b"link", b"folder/../../secret"), "long": (b"link", b"x/" * 2048 + b"../" * 4),
}


@pytest.mark.parametrize("name", TREES)
def test_a_hostile_tree_is_refused_by_checkout_fsck_and_clone(tmp_path, name):
    top = tmp_path / "room"
    project = make_project(top / "p", {**APART, "train.py": "x\n"})
    forger = Forger(project)
    planted = forger.plant(TREES[name](forger))
    before = snapshot(top)
    for verb in (["switch", "evil"], ["checkout", "evil"], ["checkout", "--force", planted.hex()], ["reset", "--hard", "evil"],
                 ["restore", "-s", "evil", "."], ["switch", "-f", "evil"]):
        done = mvcs_run(*verb, "--json", cwd=project)
        assert done.code in {3, 4, 7}, (verb, done)
        assert done.error["code"] in {"invalid-object", "path-in-two-ingredients", "object-missing", "cannot-write-name"}, done
        assert snapshot(top) == before
        assert ok("rev-parse", "HEAD", cwd=project).out == ok("rev-parse", "main", cwd=project).out
    found = mvcs_run("fsck", "--json", cwd=project)
    assert found.code == 1, found
    assert mvcs_run("clone", "-b", "evil", str(project), str(top / "copy")).code in {4, 7}
    shutil.rmtree(top / "copy", ignore_errors=True)
    assert snapshot(top) == before


@pytest.mark.parametrize("name", LINKS)
def test_a_link_out_of_the_workspace_is_refused_by_checkout_and_clone(tmp_path, name):
    top = tmp_path / "room"
    project = make_project(top / "p", {**APART, "train.py": "x\n"})
    write(top, {"secret": "secret"})
    forger = Forger(project)
    path, target = LINKS[name]
    forger.plant(forger.tree((b"data", forger.tree(forger.folders(path, forger.link(target))))))
    before = snapshot(top)
    for verb in (["switch", "evil"], ["restore", "-s", "evil", "."], ["reset", "--hard", "evil"]):
        fails(4, "unsafe-link", *verb, cwd=project)
        assert snapshot(top) == before
    fails(4, "unsafe-link", "clone", "-b", "evil", str(project), str(top / "copy"))
    assert not [path for path in (top / "copy").rglob("*") if path.is_symlink()]


def test_files_below_a_link_of_the_workspace_are_not_written_through_it(tmp_path):
    """An untracked link stands where the commit has a folder."""
    project = make_project(tmp_path / "p", {**APART, "train.py": "x\n"})
    ok("switch", "-c", "other", cwd=project)
    write(project, {"data/sub/a.csv": "1\n"})
    ok("commit", "-m", "data", cwd=project)
    ok("switch", "main", cwd=project)
    assert not (project / "data").exists()
    target = tmp_path / "outside"
    target.mkdir()
    for link in (project / "data", project / "data" / "sub"):
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(target)
        error = fails(4, "unsaved-work", "switch", "other", cwd=project)
        assert os.path.relpath(link, project) in error["message"]
        fails(4, "unsaved-work", "switch", "--force", "other", cwd=project)
        assert list(target.iterdir()) == []
        link.unlink()
    ok("switch", "other", cwd=project)
    assert (project / "data/sub/a.csv").read_text() == "1\n"


@pytest.mark.parametrize("point", ["journal written", "files written beside", "file renamed"])
@pytest.mark.parametrize("verb", [["switch", "other"], ["switch", "--force", "other"]])
def test_a_link_swapped_in_while_files_are_written_is_not_followed(tmp_path, monkeypatch, point, verb):
    project = make_project(tmp_path / "p", {**APART, "train.py": "x\n", "data/keep.csv": "k\n"})
    ok("switch", "-c", "other", cwd=project)
    write(project, {"data/a.csv": "1\n", "data/b.csv": "2\n", "model.pt": b"w"})
    ok("commit", "-m", "data", cwd=project)
    ok("switch", "main", cwd=project)
    target = tmp_path / "outside"
    target.mkdir()
    (target / "a.csv").write_text("precious\n")
    swapped = []

    def swap(name: str) -> None:
        if name == point and not swapped:
            swapped.append(name)
            os.rename(project / "data", tmp_path / "moved")
            os.symlink(target, project / "data")

    monkeypatch.setattr(ports, "on_reached", swap)
    done = mvcs_run(*verb, "--json", cwd=project)
    monkeypatch.setattr(ports, "on_reached", lambda name: None)
    assert swapped
    assert done.code == 4, done
    assert snapshot(target) == {b"a.csv": ("f", b"precious\n")}
    assert ok("branch", "--show-current", "-q", cwd=project).out == "main\n"


def test_a_clone_that_is_refused_leaves_nothing(project, tmp_path):
    """A link out of the workspace, found when half of the files are written; a branch that is not there."""
    forged = Forger(project)
    forged.plant(forged.tree((b"data", forged.tree(
        *((b"%d.csv" % number, forged.blob()) for number in range(70)), (b"z", forged.link(b"/etc/passwd")),
    ))))
    error = fails(4, "unsafe-link", "clone", "-b", "evil", str(project), str(tmp_path / "deep" / "copy"))
    assert "/etc/passwd" in error["message"]
    fails(3, "ref-not-found", "clone", "-b", "nosuch", str(project), str(tmp_path / "deep" / "copy"))
    assert not (tmp_path / "deep").exists()
    (tmp_path / "empty").mkdir()
    fails(4, "unsafe-link", "clone", "-b", "evil", str(project), str(tmp_path / "empty"))
    assert os.listdir(tmp_path / "empty") == []
    ok("clone", str(project), str(tmp_path / "deep" / "copy"))


def test_a_clone_never_leaves_its_folder(tmp_path):
    """Its root is found from where mvcs.toml lies in the commit: a path like CLONE/mvcs.toml must not lift it."""
    top = tmp_path / "home"
    project = make_project(top / "src" / "proj", {**APART, "train.py": "x\n"})
    forger = Forger(project)
    (top / "src" / ".bashrc").write_text("mine")
    deep = os.fsencode(str((top / "dst" / "proj").relative_to("/")))
    for path in (b"proj/mvcs.toml", b"dst/proj/mvcs.toml", deep + b"/mvcs.toml"):
        forger.plant(forger.tree((b"about", forger.tree(
            (b".bashrc", forger.blob()), forger.folders(path, forger.blob(b'model = "m"\n')),
        ))))
        (top / "dst").mkdir()
        before = snapshot(top / "src")
        mvcs_run("clone", "-b", "evil", str(project), str(top / "dst" / "proj"))
        assert os.listdir(top / "dst") == ["proj"]
        assert not (top / ".bashrc").exists()
        assert snapshot(top / "src") == before
        shutil.rmtree(top / "dst")


@pytest.mark.parametrize("name", ["../escape", "a/../../escape", "..", ".git", "a/.mvcs", "a//b", ""])
def test_a_workspace_name_of_the_source_cannot_lead_out_of_a_clone(tmp_path, name):
    project = make_project(tmp_path / "room" / "p", {**APART, "train.py": "x\n"})
    with LmdbStore(str(project / ".mvcs")).write() as transaction:
        transaction.put(REFS, b"HEAD/" + name.encode(), b"@heads/m/main")
    error = fails(7, "invalid-object", "clone", str(project), str(tmp_path / "room" / "copy"))
    assert "HEAD/" in error["message"]
    assert sorted(os.listdir(tmp_path / "room")) == ["p"]


@pytest.mark.parametrize("target", [b"@", b"@x", b"@heads/m", b"@HEAD/.", b"@tags/m/x"])
def test_a_head_of_the_source_that_is_on_no_branch_is_refused_by_clone(tmp_path, target):
    project = make_project(tmp_path / "p", {**APART, "train.py": "x\n"})
    with LmdbStore(str(project / ".mvcs")).write() as transaction:
        transaction.put(REFS, b"HEAD/.", target)
    fails(7, "invalid-object", "clone", str(project), str(tmp_path / "copy"))


def test_a_huge_folder_nesting_is_an_integrity_error_not_a_bug(tmp_path):
    project = make_project(tmp_path / "p", {**APART, "train.py": "x\n"})
    forger = Forger(project)
    entry = forger.blob()
    with forger.store.write() as transaction:
        for _ in range(3000):
            payload = encode((TREE, 1, 0, [[b"d", *entry]]))
            name = object_oid(TREE, payload)
            transaction.put(OBJECTS, name, bytes((KIND_CODES[TREE], 0)) + payload)
            entry = (FOLDER, IS_TREE, name, 5)
    forger.plant(forger.tree((b"data", entry)))
    for verb in (["switch", "evil"], ["fsck"], ["ls", "evil"]):
        done = mvcs_run(*verb, "--json", cwd=project)
        assert done.code != 8, (verb, done.err[-300:])
    assert mvcs_run("clone", "-b", "evil", str(project), str(tmp_path / "copy")).code in {4, 7}


def test_links_that_stay_inside_are_kept(tmp_path):
    project = make_project(tmp_path / "p", {"train.py": "x\n", "data/a.csv": "1\n"}, commit=False)
    for name, target in {"data/up.csv": "../train.py", "data/side.csv": "a.csv", "data/dir.csv": "../data", "data/gone.csv": "./none"}.items():
        (project / name).symlink_to(target)
    ok("commit", "-m", "links", cwd=project)
    ok("clone", str(project), str(tmp_path / "copy"))
    assert snapshot(tmp_path / "copy") == snapshot(project)


@pytest.mark.parametrize(("path", "target", "inside"), [
    (b"a", b"b", True), (b"a", b"./b", True), (b"d/a", b"../b", True), (b"d/e/a", b"../../b/c", True), (b"a", b"b//c/", True),
    (b"a", b"..", False), (b"d/a", b"../..", False), (b"a", b"/b", False), (b"a", b"", False), (b"a", b"b/../c", False),
    (b"a", b"b/../../c", False), (b"a", b".git", False), (b"a", b".GIT/x", False), (b"a", b"x/.mvcs", False), (b"a", b"x\0", False),
    (b"a", b"...", True), (b"d/a", b"..", True), (b"d/a", b".././../x", False),
])
def test_which_links_stay_inside(path, target, inside):
    assert link_stays_inside(path, target) is inside


def test_a_chain_of_links_cannot_lead_out(tmp_path):
    """folder -> ".." stays inside, and folder/../secret does too by its names alone; together they would not."""
    project = make_project(tmp_path / "room" / "p", {**APART, "train.py": "x\n"})
    write(tmp_path / "room", {"secret": "s"})
    (project / "data/sub").mkdir(parents=True)
    (project / "data/sub/up.csv").symlink_to("../..")
    (project / "data/evil.csv").symlink_to("sub/up.csv/../secret")
    assert os.path.realpath(project / "data/evil.csv") == str(tmp_path / "room" / "secret")
    error = fails(4, "unsafe-link", "commit", "-m", "x", cwd=project)
    assert "data/evil.csv" in error["message"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "../.git/config"])
def test_a_link_out_of_the_workspace_is_not_captured(project, target):
    (project / "data" / "link.csv").symlink_to(target)
    error = fails(4, "unsafe-link", "commit", "-m", "x", cwd=project)
    assert error["details"] == {"path": "data/link.csv", "target": target}
    assert error["hint"] == "echo '/data/link.csv' >> .mvcsignore"
    found = ok("status", "--json", cwd=project).json
    assert [problem["code"] for problem in found["problems"]] == ["unsafe-link"]
    with open(project / ".mvcsignore", "a") as file:
        file.write("/data/link.csv\n")  # the hint helps
    ok("commit", "-m", "x", cwd=project)


# Names


def test_names_that_differ_only_in_case_are_warned_about(project):
    write(project, {"data/Table.csv": "1", "data/table.csv": "2", "Data/x.csv": "3"})
    done = ok("commit", "-m", "x", "--json", cwd=project)
    assert any("data/Table.csv" in text and "data/table.csv" in text and "case" in text for text in done.json["warnings"])
    assert any("'Data'" in text and "'data'" in text for text in done.json["warnings"]), done.json


def test_case_collisions_are_found_in_files_and_folders():
    def found(*paths):
        return case_collisions({os.fsencode(path) for path in paths})

    assert found("a", "b") == []
    assert found("a", "A") == [(b"A", b"a")]
    assert found("d/x", "D/y") == [(b"D", b"d")]
    assert found("straße", "STRASSE")
    assert found(b"\xff", b"\xfe") == []


def test_names_of_any_bytes_come_back_byte_for_byte(tmp_path):
    """Non-UTF-8, newline, quotes, leading dashes, spaces, emoji: through commit, checkout, ls --json and clone."""
    project = make_project(tmp_path / "p", {"train.py": "x\n"})
    top = os.fsencode(project)
    names = [b"w\xff\xfe.csv", b"line\nbreak.csv", b'quo"te.csv', b"-rf.csv", b" lead.csv", b"tab\t.csv", b"back\\slash.csv",
             "ünï-☃-🙂.csv".encode(), b"\x01\x7f.csv", b"x" * 251 + b".csv", b"C:.csv", b"*?[].csv", b"~.csv", b"$HOME.csv"]
    os.mkdir(os.path.join(top, b"data"))
    for index, name in enumerate(names):
        with open(os.path.join(top, b"data", name), "wb") as file:
            file.write(b"%d\n" % index)
    done = ok("commit", "-m", "names", "--json", cwd=project)
    assert done.json["files"] == len(names)
    entries = {item["path"]: item["oid"] for item in ok("ls", "HEAD:data", "--json", cwd=project).json["entries"]}
    assert {path.encode("utf-8", "surrogateescape") for path in entries} == {b"data/" + name for name in names}
    for index, name in enumerate(names):
        assert entries[os.fsdecode(b"data/" + name)] == blob_oid(b"%d\n" % index).hex()
        assert ok("cat", "HEAD:data/" + os.fsdecode(name), cwd=project).bytes == b"%d\n" % index
    for line in ok("ls", cwd=project).out.splitlines():
        assert line.startswith(("100644", "100755")), "one line a file"
    assert ok("status", "--json", cwd=project).json["clean"]
    here = snapshot(project)
    ok("clone", str(project), str(tmp_path / "copy"))
    assert snapshot(tmp_path / "copy") == here
    ok("checkout", "HEAD", cwd=project)
    shutil.rmtree(os.path.join(top, b"data"))
    ok("restore", "data", cwd=project)
    assert snapshot(project) == here
    for name in names:  # and one by one, also where a command with such a name goes into the ledger
        with open(os.path.join(top, b"data", name), "wb") as file:
            file.write(b"changed\n")
        ok("restore", "data/" + os.fsdecode(name), cwd=project)
    assert snapshot(project) == here
    ok("undo", cwd=project)
    assert mvcs_run("fsck", cwd=project).code == 0


@pytest.mark.parametrize("name", [b"w\xff.csv", b"line\nbreak.csv", b"[x].csv", b"trail .csv ", b"#hash.csv", b"!no.csv", b"u\xe2\x80\xa8.csv"])
def test_a_strange_name_can_be_added_and_left_out_alone(project, name):
    """A name with a line break must not become two lines of .mvcsignore, nor brackets a pattern for others."""
    write(project, {"break.csv": "1", "x.csv": "2", "hash.csv": "3"})
    shown = os.fsdecode(name)
    with open(os.path.join(os.fsencode(project), name), "wb") as file:
        file.write(b"odd")
    ok("add", shown, "--as", "weights", cwd=project)
    ok("commit", "-m", "odd", cwd=project)
    there = {item["path"]: item["ingredient"] for item in ok("ls", "--json", cwd=project).json["entries"]}
    assert there[shown] == "weights"
    assert {there[other] for other in ("break.csv", "x.csv", "hash.csv")} == {"data"}
    ok("rm", "--cached", shown, cwd=project)
    left = {item["path"] for item in ok("status", "--json", cwd=project).json["changes"] if item["change"] == "deleted"}
    assert left == {shown}
    assert os.path.exists(os.path.join(os.fsencode(project), name))


def test_the_python_api_refuses_hostile_trees_too(project):
    forger = Forger(project)
    planted = forger.plant(TREES["one path in two ingredients"](forger))
    with mvcs.open(project) as repo:
        with pytest.raises(mvcs.errors.MvcsError):
            repo.switch("evil")
        assert repo.head.id != planted.hex()
        assert oid(repo.head.id) != planted


def doubled(forger, entry, levels: int, width: int = 16):
    """A folder that names one folder `width` times, which names one `width` times, and so on."""
    for _ in range(levels):
        entry = forger.tree(*((b"%02d" % number, entry) for number in range(width)))
    return entry


ENDLESS = {
    "files": lambda f: data(f, (b"d", doubled(f, f.tree((b"x", f.blob())), 12))),
    "empty folders": lambda f: data(f, (b"d", doubled(f, f.tree(), 12))),
    "two names a level": lambda f: data(f, (b"d", doubled(f, f.blob(), 60, 2))),
    "long names": lambda f: data(f, f.folders(b"/".join([b"n" * 250] * 15), doubled(f, f.blob(), 8, 8))),
    "too deep": lambda f: data(f, f.folders(b"/".join([b"d"] * 450), f.blob())),
    "too long": lambda f: data(f, f.folders(b"/".join([b"n" * 250] * 20), f.blob())),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_tree_that_repeats_itself_without_end_is_refused_by_every_verb(tmp_path, monkeypatch, name):
    """A few kilobytes that would be 16 ** 12 files; the limit is a sixteenth here, for the sake of time."""
    monkeypatch.setattr(editing, "MAX_REPEATED", 4 << 20)
    project = make_project(tmp_path / "p", {**APART, "train.py": "x\n"})
    Forger(project).plant(ENDLESS[name](Forger(project)))
    before = snapshot(project)
    for verb in (["switch", "evil"], ["ls", "evil"], ["diff", "main", "evil"], ["restore", "-s", "evil", "."], ["show", "evil"],
                 ["merge", "--allow-unrelated", "evil"], ["clone", "-b", "evil", str(project), str(tmp_path / "copy")]):
        done = mvcs_run(*verb, "--json", cwd=project)
        assert done.code == 7, (verb, done)
        assert done.error["code"] == "invalid-object"
        assert "folders" in done.error["message"]
    assert mvcs_run("fsck", cwd=project).code == 1
    assert snapshot(project) == before
    assert not (tmp_path / "copy").exists()


def test_the_refusal_comes_before_the_memory_is_gone(tmp_path):
    """The limit as it is, in a process that may have a gigabyte of its own."""
    project = make_project(tmp_path / "p", {**APART, "train.py": "x\n"})
    Forger(project).plant(ENDLESS["files"](Forger(project)))
    done = mvcs_process("ls", "evil", "--json", cwd=project, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30)))
    assert (done.code, done.error["code"]) == (7, "invalid-object"), done


def test_equal_folders_that_a_project_may_have_are_no_attack(tmp_path):
    """A thousand equal folders of a hundred files, stored once."""
    project = make_project(tmp_path / "p", {**APART, "train.py": "x\n"})
    forger = Forger(project)
    row = forger.tree(*((b"%03d.csv" % number, forger.blob()) for number in range(100)))
    rows = forger.tree(*((b"%03d" % number, row) for number in range(250)))
    forger.plant(forger.tree((b"data", forger.tree((b"a", rows), (b"b", rows), (b"c", rows), (b"d", rows)))))
    assert len(ok("ls", "evil", "-q", cwd=project).out.splitlines()) == 100_000
