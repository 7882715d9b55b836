"""What people and programs get wrong: configuration, revisions, unsaved work, files that cannot be taken."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading

import pytest

import mvcs
from mvcs.errors import UnsupportedFilesystem
from mvcs.objects.commit import Commit, Person
from mvcs.objects.hashing import COMMIT, Oid, object_oid
from mvcs.ops import context
from mvcs.repo import layout
from mvcs.repo.layout import filesystem_of, refuse_network
from mvcs.store.lmdb_store import LmdbStore
from tests.cli.harness import PROJECT, changes, fails, make_project, mvcs_process, mvcs_run, ok, snapshot, status, write

# mvcs.toml

CONFIGS = {
    "syntax": ('model = "m"\n[ingredients\n', 2, "TOML"),
    "no closing quote": ('model = "m\n', 1, "TOML"),
    "double key": ('model = "m"\nmodel = "n"\n', 2, "TOML"),
    "unknown key": ('model = "m"\n\nfoo = 1\n', 3, "model, references, retention, root"),
    "a section that nothing reads yet": ('model = "m"\n[budgets]\ndays = 30\n', 2, "model, references, retention, root"),
    "a time that is no number": ('model = "m"\n[retention]\n"runs/*" = "30"\n', 3, 'forever'),
    "a pattern that no branch has": ('model = "m"\n[retention]\n"/runs/*" = 30\n', 3, "branch names"),
    "unknown section": ('model = "m"\n[ingredient]\ncode = []\n', 2, "ingredients"),
    "unknown ingredient": ('[ingredients]\ncode = []\nwieghts = ["*.pt"]\n', 3, "code, data, config, environment, weights"),
    "unknown key in a section": ('[capture]\ncheckpoint = "all"\n', 2, "checkpoints"),
    "model is a number": ("# c\nmodel = 5\n", 2, "a str"),
    "follow_git is text": ('follow_git = "no"\n', 1, "a bool"),
    "ingredients is a list": ('ingredients = ["*.py"]\n', 1, "a dict"),
    "patterns are text": ('[ingredients]\ncode = "*.py"\n', 2, "a list of patterns"),
    "a pattern is a number": ("[ingredients]\ndata = []\ncode = [1]\n", 3, ".gitignore pattern"),
    "an empty pattern": ('[ingredients]\ncode = [""]\n', 2, ".gitignore pattern"),
    "a negated pattern": ('[ingredients]\ncode = ["!a.py"]\n', 2, ".gitignore pattern"),
    "a pattern that leaves": ('[ingredients]\ndata = ["../secret/"]\n', 2, ".gitignore pattern"),
    "same pattern twice": ('[ingredients]\ndata = ["x/"]\nweights = ["x/"]\n', 3, "one ingredient for each pattern"),
    "same pattern twice in one": ('[ingredients]\ndata = ["x/", "x/"]\n', 2, "one ingredient for each pattern"),
    "bad model name": ('\nmodel = "a b"\n', 2, "a name"),
    "model name with a slash": ('model = "a/b"\n', 1, "a name"),
    "root outside": ('model = "m"\nroot = "sub"\n', 2, "a folder at or above"),
    "root elsewhere": ('root = "/nowhere"\n', 1, "a folder at or above"),
    "wrong word": ('[capture]\ncheckpoints = "last"\n', 2, "newest, all"),
    "not UTF-8": (b'model = "\xff"\n', 1, "UTF-8"),
    "NUL": (b'model = "a\x00"\n', 1, "TOML"),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("verb", ["status", "commit"])
def test_an_invalid_mvcs_toml_is_told_with_file_line_and_what_is_allowed(project, name, verb):
    text, line, allowed = CONFIGS[name]
    write(project, {"mvcs.toml": text})
    error = fails(2, "invalid-config", verb, cwd=project)
    assert error["details"]["file"] == str(project / "mvcs.toml")
    assert (error["details"]["line"], allowed in error["hint"]) == (line, True), error
    done = mvcs_run(verb, cwd=project)
    assert f"error: {project}/mvcs.toml:{line}: " in done.err
    assert "hint: allowed here: " in done.err


def test_init_over_an_invalid_mvcs_toml_makes_nothing(tmp_path):
    write(tmp_path, {"mvcs.toml": "model = 5\n"})
    fails(2, "invalid-config", "init", cwd=tmp_path)
    assert os.listdir(tmp_path) == ["mvcs.toml"]


@pytest.mark.parametrize(("text", "verb", "line"), [
    ("[user]\nname = 5\n", ["commit", "-m", "x"], 2), ("user = 1\nx", ["commit", "-m", "x"], 2),
    ('[lock]\ntimeout = "soon"\n', ["commit", "-m", "x"], 2),
])
def test_an_invalid_configuration_file_is_told_with_its_line(project, monkeypatch, text, verb, line):
    monkeypatch.delenv("MVCS_AUTHOR_NAME")
    write(project, {".mvcs/config.toml": text, "train.py": "new"})
    error = fails(2, "invalid-config", *verb, cwd=project)
    assert error["details"]["line"] == line
    assert mvcs_run("doctor", cwd=project).code == 1


# Revisions


@pytest.mark.parametrize("text", [
    "nosuch", "nosuch~1", "main~5", "main^2", "HEAD@{7}", "main@{7}", "main@{2001-01-01}", "0000", "v1", "heads/m/x", "m/x",
    "f" * 64, "main^{blob}", "main^{tag}",
])
@pytest.mark.parametrize("verb", ["rev-parse", "log", "show", "diff"])
def test_a_revision_that_names_nothing_is_not_found(project, text, verb):
    error = fails(3, "revision-not-found", verb, text, cwd=project)
    assert text[:64] in error["message"]


@pytest.mark.parametrize("text", ["", "main~x", "main^{", "main@{", "main~0@{0}", "^main", "main@{not a date}", "main@{}", "a^{tree", "main~99999999999"])
def test_a_revision_that_cannot_be_read_is_wrong_usage(project, text):
    fails(2, "invalid-revision", "rev-parse", text, cwd=project)


def test_an_ambiguous_revision_lists_what_it_could_be(project):
    ada = Person("Ada", "", 0, 0)
    seen: dict[str, bytes] = {}
    with mvcs.open(project) as repo:
        tree = Oid(bytes.fromhex(repo.head.tree))
    for index in range(10_000):  # two of these share their first four digits, almost surely among the first 500
        payload = Commit(
            model="m", tree=tree, parents=(), generation=1, author=ada, committer=ada, message=f"commit {index}"
        ).encode()
        oid = object_oid(COMMIT, payload).hex()
        if oid[:4] in seen:
            break
        seen[oid[:4]] = payload
    twin = object_oid(COMMIT, seen[oid[:4]]).hex()
    with LmdbStore(str(project / ".mvcs")).write() as transaction:
        transaction.put_object(COMMIT, payload)
        transaction.put_object(COMMIT, seen[oid[:4]])
    for verb in ("show", "rev-parse", "log"):
        error = fails(3, "ambiguous-revision", verb, oid[:4], cwd=project)
        listed = "\n".join(error["details"]["candidates"])
        assert f"{oid[:12]} commit 'commit {index}'" in listed
        assert twin[:12] in listed
        assert "more digits" in error["hint"]
    assert ok("rev-parse", oid[:20], cwd=project).out.strip() == oid


def test_short_digits_prefer_the_one_commit_among_other_objects(project):
    head = ok("rev-parse", "HEAD", cwd=project).out.strip()
    for length in (4, 5, 7, 12, 63, 64):
        assert ok("rev-parse", head[:length], cwd=project).out.strip() == head
    fails(3, "revision-not-found", "rev-parse", head[:3], cwd=project)


@pytest.mark.parametrize("text", ["HEAD:nosuch", "HEAD:data/nosuch", "HEAD:train.py/x", "HEAD:../x", "HEAD:/etc/passwd", "HEAD:@metrics2"])
def test_a_path_that_a_commit_has_not_is_not_found(project, text):
    done = mvcs_run("cat", text, "--json", cwd=project)
    assert (done.code, done.error["code"]) in {(3, "path-not-found"), (2, "invalid-revision")}, done
    assert done.out == ""


# Unsaved work


@pytest.fixture
def two(tmp_path):
    """A project on main, whose branch `other` differs in every way."""
    project = make_project(tmp_path / "p", {**PROJECT, "data/folder/x.csv": "x\n", "data/gone.csv": "g\n"})
    ok("switch", "-c", "other", cwd=project)
    write(project, {"train.py": "other\n", "data/new.csv": "n\n", "model.pt": b"other weights", "data/file/y.csv": "y\n"})
    (project / "data/gone.csv").unlink()
    (project / "data/folder/x.csv").unlink()
    (project / "data/folder").rmdir()
    write(project, {"data/folder": "now a file\n"})
    ok("add", "data/folder", "--as", "data", cwd=project)
    ok("commit", "-m", "other", cwd=project)
    ok("switch", "main", cwd=project)
    return project


UNSAVED = {
    "a changed file": lambda p: write(p, {"train.py": "mine\n"}) and "train.py",
    "changed weights": lambda p: write(p, {"model.pt": b"mine"}) and "model.pt",
    "a changed file that the other has not": lambda p: write(p, {"data/gone.csv": "mine\n"}) and "data/gone.csv",
    "a new file in the way": lambda p: write(p, {"data/new.csv": "mine\n"}) and "data/new.csv",
    "a new file below a folder that becomes a file": lambda p: write(p, {"data/folder/z.csv": "mine"}) and "data/folder/z.csv",
    "a file where a folder is to be": lambda p: write(p, {"data/file": "mine"}) and "data/file",
    "an ignored file in the way": lambda p: (
        write(p, {".mvcsignore": (p / ".mvcsignore").read_text() + "/data/new.csv\n", "data/new.csv": "mine"}) and "data/new.csv"
    ),
    "an ignored file below a folder that becomes a file": lambda p: write(p, {"data/folder/z.log": "mine"}) and "data/folder/z.log",
    "another ingredient's file of that name": lambda p: write(p, {"data/file": b"\x00"}) and "data/file",
}


@pytest.mark.parametrize("name", UNSAVED)
def test_checkout_never_overwrites_unsaved_work_and_names_it(two, name):
    path = UNSAVED[name](two)
    before = snapshot(two)
    for verb in (["switch", "other"], ["checkout", "other"], ["switch", "--detach", "other"]):
        error = fails(4, "unsaved-work", *verb, cwd=two)
        assert path in error["details"]["paths"], error
    assert snapshot(two) == before
    assert ok("branch", "--show-current", "-q", cwd=two).out == "main\n"


@pytest.mark.parametrize("name", ["a changed file", "changed weights", "a changed file that the other has not", "a new file in the way"])
def test_force_saves_what_it_overwrites_and_undo_brings_it_back(two, name):
    path = UNSAVED[name](two)
    before = snapshot(two)
    done = ok("switch", "--force", "other", "--json", cwd=two).json
    assert ok("cat", f"{done['saved']}:{path}", cwd=two).bytes == before[os.fsencode(path)][1]
    assert status(two)["clean"]
    ok("undo", cwd=two)
    assert snapshot(two) == before
    assert ok("branch", "--show-current", "-q", cwd=two).out == "main\n"


def test_work_that_the_other_side_does_not_touch_is_carried_along(two):
    write(two, {"params.yaml": "lr: 9\n", "notes.txt": "mine", "data/mine.csv": "m\n"})
    ok("switch", "other", cwd=two)
    assert (two / "params.yaml").read_text() == "lr: 9\n"
    assert changes(two) == {"params.yaml": ("config", "modified"), "data/mine.csv": ("data", "added")}
    ok("switch", "main", cwd=two)
    assert changes(two) == {"params.yaml": ("config", "modified"), "data/mine.csv": ("data", "added")}


def test_a_file_that_already_has_the_other_content_is_no_obstacle(two):
    write(two, {"train.py": "other\n", "data/new.csv": "n\n"})
    ok("switch", "other", cwd=two)
    assert status(two)["clean"]


def test_nothing_to_commit_is_an_honest_no(project):
    for words in ([], ["-m", "x"], ["-m", "x", "--tag", "t"]):
        error = fails(1, "nothing-to-commit", "commit", *words, cwd=project)
        assert error["hint"] == "mvcs status"
    assert "t" not in ok("tag", "-q", cwd=project).out


def test_nothing_to_commit_before_the_first_commit_too(tmp_path):
    ok("init", cwd=tmp_path)
    for name in ("mvcs.toml", ".mvcsignore"):
        (tmp_path / name).unlink()
    (tmp_path / "mvcs.toml").write_text('model = "m"\n')
    fails(1, "nothing-to-commit", "commit", cwd=tmp_path)


# Files that cannot be taken


def test_fifo_socket_and_device_are_listed_never_opened(project):
    """A FIFO that was opened would hang the command."""
    os.mkfifo(project / "data" / "pipe.csv")
    os.mkfifo(project / "pipe.py")
    with socket.socket(socket.AF_UNIX) as sock:
        here = os.open(project, os.O_RDONLY)
        try:  # a path of more than 108 bytes does not fit
            sock.bind(f"/proc/self/fd/{here}/socket.pt")
        finally:
            os.close(here)
        expected = {"data/pipe.csv", "pipe.py", "socket.pt"}
        try:
            os.mknod(project / "null.pt", 0o020666, os.makedev(1, 3))
            expected.add("null.pt")
        except PermissionError:
            pass
        for _ in range(2):  # with and without what the cache remembers
            found = status(project)
            assert set(found["untracked"]) == expected
            assert found["changes"] == []
        write(project, {"train.py": "new"})
        done = mvcs_process("commit", "-m", "x", "--json", cwd=project)
        assert (done.code, done.json["files"]) == (0, 1), done


def test_a_file_that_became_a_fifo_is_gone_and_can_be_restored(project):
    (project / "train.py").unlink()
    os.mkfifo(project / "train.py")
    assert changes(project) == {"train.py": ("code", "deleted")}
    error = fails(4, "unsaved-work", "restore", "train.py", cwd=project)  # a FIFO cannot be saved: not replaced silently
    assert "train.py" in error["message"]
    (project / "train.py").unlink()
    ok("restore", "train.py", cwd=project)
    assert (project / "train.py").read_text() == PROJECT["train.py"]


def test_an_unreadable_file_is_named_and_nothing_is_committed(project):
    write(project, {"data/secret.csv": "s", "train.py": "new"})
    os.chmod(project / "data/secret.csv", 0)
    before = ok("log", "--json", cwd=project).json
    drop = []
    if os.geteuid() == 0:  # root reads everything unless it gives these up
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv is not installed")
        drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    for verb, expected in ((["commit", "-m", "x", "--json"], 4), (["status", "--json"], 0)):
        done = subprocess.run(
            [*drop, sys.executable, "-m", "mvcs_cli.main", *verb], cwd=project, capture_output=True, text=True, check=False
        )
        assert done.returncode == expected, done
        assert "data/secret.csv" in done.stderr + done.stdout
        assert "unreadable-file" in done.stderr + done.stdout
    assert ok("log", "--json", cwd=project).json == before


def test_a_file_that_changes_while_it_is_captured_commits_nothing(tmp_path):
    """A training writes its checkpoint all the time: the commit fails, names it, and can be tried again."""
    project = make_project(tmp_path / "p", {"train.py": "x\n", "model.pt": b"\0" * (64 << 20)})
    stop, begun = threading.Event(), threading.Event()
    write(project, {"train.py": "y\n"})

    def rewrite() -> None:
        with open(project / "model.pt", "r+b", buffering=0) as file:
            count = 0
            while not stop.is_set():
                count += 1
                os.pwrite(file.fileno(), count.to_bytes(8, "little"), 8 * (count % 8_000_000))
                begun.set()

    thread = threading.Thread(target=rewrite)
    thread.start()
    begun.wait()
    try:
        before = mvcs_run("rev-parse", "HEAD", cwd=project).out
        error = fails(4, "changed-during-capture", "commit", "-m", "x", cwd=project)
        assert error["details"]["path"] == "model.pt"
        assert "when nothing writes to it" in error["hint"]
        found = status(project)
        assert not found["clean"]
        assert [problem["details"]["path"] for problem in found["problems"]] == ["model.pt"]
        assert mvcs_run("rev-parse", "HEAD", cwd=project).out == before
    finally:
        stop.set()
        thread.join()
    ok("commit", "-m", "x", cwd=project)
    assert ok("cat", "HEAD:model.pt", cwd=project).bytes == (project / "model.pt").read_bytes()
    assert status(project)["clean"]


@pytest.mark.parametrize("what", ["deleted", "grown", "replaced", "a folder now", "a link now"])
def test_a_file_that_changes_between_look_and_read_commits_nothing_wrong(project, monkeypatch, what):
    write(project, {"data/new.csv": "1\n", "train.py": "y\n"})
    real = context.read_unknown

    def late(*args, **kwargs):
        path = project / "data/new.csv"
        if path.exists() and path.read_text() == "1\n":
            path.unlink()
            if what == "grown":
                path.write_text("1\n2\n")
            elif what == "replaced":
                path.write_text("9\n")
            elif what == "a folder now":
                path.mkdir()
            elif what == "a link now":
                path.symlink_to("/etc/passwd")
        return real(*args, **kwargs)

    monkeypatch.setattr(context, "read_unknown", late)
    done = mvcs_run("commit", "-m", "x", "--json", cwd=project)
    monkeypatch.setattr(context, "read_unknown", real)
    if what in {"grown", "replaced"}:  # read as it is now, whole
        assert done.code == 0, done
        assert ok("cat", "HEAD:data/new.csv", cwd=project).bytes == (project / "data/new.csv").read_bytes()
        assert status(project)["clean"]
    else:
        assert done.code == 4, done
        assert "data/new.csv" in done.error["message"]
        assert len(ok("log", "-q", cwd=project).out.splitlines()) == 1


def test_a_folder_of_many_files_and_names_is_captured(tmp_path):
    project = make_project(tmp_path / "p", {"train.py": "x\n"})
    folder = project / "data"
    folder.mkdir()
    for index in range(3000):
        (folder / f"{'long-name-' * 10}{index:05}.csv").write_text(str(index))
    assert ok("commit", "-m", "many", "--json", cwd=project).json["files"] == 3000
    assert status(project)["clean"]
    assert len(ok("ls", "HEAD:data", "-q", cwd=project).out.splitlines()) == 3000


@pytest.mark.parametrize(("depth", "committed"), [(300, True), (399, True), (400, False), (600, False), (1200, False)])
def test_folders_nested_too_deep_are_an_error_not_a_bug(project, depth, committed):
    """What a commit takes every other verb reads; 1200 is deeper than the stack of the interpreter."""
    here = os.open(project / "data", os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("x.csv", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    done = mvcs_run("commit", "-m", "deep", "--json", cwd=project)
    assert done.code in ({0} if committed else {4, 7}), done.err[-400:]
    if not committed:
        assert "deep" in done.error["message"]
    for verb in ("fsck", "ls", "log", "show"):
        ok(verb, cwd=project)
    if committed:
        ok("checkout", "HEAD~1", cwd=project)
        ok("checkout", "main", cwd=project)
        assert status(project)["clean"]
    os.system(f"rm -rf '{project}/data/d'")


# File systems

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:27 / /home rw,relatime shared:5 - nfs4 server:/export/home rw,vers=4.2
31 22 0:28 / /mnt/with\\040space rw - cifs //server/share rw
32 22 0:29 / /mnt/s3 rw,nosuid - fuse.s3fs s3fs rw
33 30 8:2 / /home/ada/local rw - xfs /dev/sdb1 rw
34 22 0:30 / /tmp rw - tmpfs tmpfs rw
35 22 0:31 / /mnt/s3extra rw - ext4 /dev/sdc1 rw
36 22 0:32 / /work/over rw - overlay overlay rw,lowerdir=/a
37 34 0:33 / /tmp rw - 9p host rw
short line
"""


@pytest.mark.parametrize(("path", "kind"), [
    ("/root/x", "ext4"), ("/home", "nfs4"), ("/home/ada/x", "nfs4"), ("/homestead", "ext4"), ("/home/ada/local/p", "xfs"),
    ("/mnt/with space/p", "cifs"), ("/mnt/s3/p", "fuse.s3fs"), ("/mnt/s3extra/p", "ext4"), ("/work/over/p", "overlay"),
    ("/tmp/x", "9p"),
])
def test_the_nearest_mount_says_what_file_system_a_folder_is_on(path, kind):
    assert filesystem_of(path, MOUNTS) == kind


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "fuse.sshfs", "lustre", "ceph"])
def test_a_network_file_system_is_refused_with_what_to_do_instead(tmp_path, monkeypatch, kind):
    real = open
    mounts = f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:27 / {os.path.realpath(tmp_path)} rw - {kind} server:/x rw\n"

    def fake(path, *args, **kwargs):
        if path == "/proc/self/mountinfo":
            mounted = tmp_path / "mountinfo"
            with real(mounted, "w") as file:
                file.write(mounts)
            return real(mounted, *args, **kwargs)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(layout, "open", fake, raising=False)
    with pytest.raises(UnsupportedFilesystem) as caught:
        refuse_network(str(tmp_path / "not" / "made" / "yet"))
    assert kind in caught.value.message
    assert "MVCS_DIR=" in caught.value.hint
    error = fails(4, "unsupported-filesystem", "init", str(tmp_path / "p"))
    assert kind in error["message"]
    assert not (tmp_path / "p" / ".mvcs").exists()
    local = tmp_path.parent / f"local-{kind}"
    monkeypatch.setenv("MVCS_DIR", str(local / "p.mvcs"))
    local.mkdir()
    ok("init", str(tmp_path / "p"))  # the hint helps
    assert ok("doctor", cwd=tmp_path / "p").code == 0
