"""What is said of conflicts: one by one in any number, with units, with the side that is to blame, with the reason why."""

from __future__ import annotations

import json

import pytest

from tests.cli.harness import fails, mvcs_run, ok, write
from tests.cli.test_merge import commit, merge, two_sides
from tests.cli.test_merge_inside import printed

TABLE = "id,label\n1,a\n2,b\n"


def merged(project, path, base, ours, theirs, *words, ingredient=None, key=None):
    """Merges two sides of one file; returns what is left."""
    write(project, {path: base})
    if ingredient:
        ok("add", path, "--as", ingredient, cwd=project)
    if key:
        toml = (project / "mvcs.toml").read_text()
        write(project, {"mvcs.toml": f'{toml}\n[merge.keys]\n"{path}" = ["{key}"]\n'})
    commit(project, {path: base}, "base")
    two_sides(project, {path: ours}, {path: theirs})
    assert merge(project, "other", *words).code == 1
    return mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]


class TestPages:
    """Any number of conflicts is read in pieces."""

    @pytest.fixture
    def many(self, project):
        lines = "".join(f"key{number}: 0\n" for number in range(130))
        merged(project, "params.yaml", lines, lines.replace(": 0", ": 1"), lines.replace(": 0", ": 2"))
        return project

    def keys(self, project, *words):
        return [item["key"] for item in mvcs_run("conflicts", "--json", *words, cwd=project).json["conflicts"]]

    def test_skip_and_limit_give_every_conflict_once_in_order(self, many):
        pages = [self.keys(many, "--skip", str(start), "-n", "40") for start in range(0, 160, 40)]
        assert list(map(len, pages)) == [40, 40, 40, 10]
        assert [key for page in pages for key in page] == [f"key{number}" for number in range(130)] == self.keys(many)

    def test_a_page_says_how_many_there_are_and_ends_with_1_although_it_is_empty(self, many):
        for words, there in ((("-n", "0"), 0), (("--skip", "500"), 0), (("-n", "3"), 3)):
            done = mvcs_run("conflicts", "--json", *words, cwd=many)
            assert (done.code, done.json["count"], len(done.json["conflicts"])) == (1, 130, there)

    def test_people_are_told_the_next_page(self, many):
        out = mvcs_run("conflicts", cwd=many).out
        assert out.count("ours") == 50
        assert "... and 80 more: mvcs conflicts --skip 50, or --json" in out
        last = mvcs_run("conflicts", "--skip", "100", cwd=many).out
        assert last.count("ours") == 30
        assert "more:" not in last

    def test_lines_are_the_rows_of_the_document(self, many):
        done = mvcs_run("conflicts", "--json=lines", "--skip", "5", "-n", "7", cwd=many)
        assert done.code == 1
        document = mvcs_run("conflicts", "--json", "--skip", "5", "-n", "7", cwd=many).json
        assert [json.loads(line) for line in done.out.splitlines()] == document["conflicts"]
        assert mvcs_run("conflicts", "-q", "-n", "2", cwd=many).out == "params.yaml:key0\nparams.yaml:key1\n"


class TestLines:
    """`--json=lines` of every verb that answers with a list."""

    @pytest.mark.parametrize(("words", "name"), [
        (("log",), "commits"), (("log", "--all", "HEAD"), "commits"), (("ls",), "entries"), (("ls", "HEAD:data"), "entries"), (("diff", "HEAD~1", "HEAD"), "changes"),
        (("diff", "--names", "HEAD~1"), "changes"), (("blame", "HEAD:params.yaml"), "keys"), (("op", "log"), "operations"), (("branch",), "branches"), (("tag",), "tags"),
    ])
    def test_each_row_is_a_line(self, project, words, name):
        commit(project, {"params.yaml": "lr: 0.2\nseed: 1\n", "train.py": "x\n"})
        ok("tag", "one", cwd=project)
        document = ok(*words, "--json", cwd=project).json
        rows = [json.loads(line) for line in ok(*words, "--json=lines", cwd=project).out.splitlines()]
        assert rows == document[name] != []
        assert ok("--json=lines", *words, cwd=project).out == ok(*words, "--json=lines", cwd=project).out

    def test_an_empty_list_is_no_line_and_a_document_is_one(self, project):
        assert ok("diff", "--json=lines", cwd=project).out == ""
        assert ok("status", "--json=lines", cwd=project).out == ok("status", "--json", cwd=project).out

    def test_long_answers_are_written_in_pieces(self, project):
        write(project, {"params.yaml": "".join(f"key{number}: 0\n" for number in range(3000))})
        for form in ("--json", "--json=lines"):
            size = len(ok("diff", form, cwd=project).bytes)
            assert printed(project, "diff", form) < 32 << 10 < size

    def test_errors_are_json_too_and_other_forms_wrong_usage(self, project):
        assert mvcs_run("log", "nope", "--json=lines", cwd=project).error["code"] == "revision-not-found"
        assert mvcs_run("log", "--json=line", cwd=project).error["code"] == "usage-error"

    def test_the_next_word_is_no_form(self, project):
        assert ok("log", "--json", "HEAD", cwd=project).json["commits"]
        assert fails(3, "revision-not-found", "log", "--json", "lines", cwd=project)
        write(project, {"train.py": "y\n"})
        ok("commit", "-m", "--json=lines", cwd=project)
        assert ok("log", "-1", "--json", cwd=project).json["commits"][0]["message"] == "--json=lines"


def test_a_table_without_a_key_is_counted_in_rows(project):
    (left,) = merged(project, "data/t.csv", TABLE, TABLE.replace("b", "c"), TABLE.replace("2,b\n", ""))
    assert (left["base"], left["ours"], left["theirs"]) == ("2 rows", "2 rows", "1 row")
    assert "  theirs  1 row\n" in mvcs_run("conflicts", cwd=project).out


def test_rows_that_both_appended_are_counted_in_rows(project):
    (left,) = merged(project, "data/t.csv", TABLE, TABLE + "3,c\n", TABLE + "4,d\n5,e\n")
    assert (left["base"], left["ours"], left["theirs"]) == ("2 rows", "3 rows", "4 rows")
    assert left["reason"] == "no key is declared; ours appended 1 row, theirs 2 rows"


WHOLE = "ours, theirs, base do"


@pytest.mark.parametrize(("path", "sides", "word", "said"), [
    ("data/x.bin", (b"\0a", b"\0b", b"\0c"), "data/*=union", f"union does not settle the file as a whole: {WHOLE}"),
    ("weights/x.pt", (b"\0a", b"\0b", b"\0c"), "weights/**=append", f"append does not settle the file as a whole: {WHOLE}"),
    ("data/t.csv", (TABLE, TABLE.replace("b", "c"), TABLE.replace("b", "d")), "data/**=union", "union does not settle the file as a whole: it is for lists"),
    ("train.py", ("a\n", "b\n", "c\n"), "*.py=min", "min does not settle hunk-1: it is for two numbers"),
    ("params.yaml", ("lr: a\n", "lr: b\n", "lr: c\n"), "params.yaml=mean", "mean does not settle lr: it is for two numbers"),
    ("params.yaml", ("lr: 1\n", "lr: 2\n", "lr: 3\n"), "params.yaml:lr=newest", "newest does not settle lr: it is for two versions of one package"),
    ("requirements.txt", ("a==1\n", "a==2\n", "a==3\n"), "requirements.txt=max", "max does not settle a: it is for two numbers"),
    ("n.ipynb", tuple(json.dumps({"cells": [], "metadata": {"k": k}, "nbformat": 4, "nbformat_minor": 5}) for k in "abc"), "*.ipynb=newest", "newest does not settle metadata.k"),
])
def test_a_strategy_that_settles_nothing_says_why(project, path, sides, word, said):
    ingredient = {"n": "code", "w": "weights"}.get(path[0])
    (left,) = merged(project, path, *sides, "-s", word, ingredient=ingredient)
    assert said in left["reason"]
    assert said in mvcs_run("conflicts", cwd=project).out


def test_a_strategy_of_mvcs_toml_and_one_of_a_pick_say_why_too(project):
    toml = (project / "mvcs.toml").read_text()
    write(project, {"mvcs.toml": toml + '\n[merge.strategies]\n"data/*" = "union"\n'})
    (left,) = merged(project, "data/x.bin", b"\0a", b"\0b", b"\0c")
    assert f"union does not settle the file as a whole: {WHOLE}" in left["reason"]
    ok("merge", "--abort", cwd=project)
    assert "append does not settle" in mvcs_run("cherry-pick", "other", "-s", "data/*=append", cwd=project).out


def test_a_conflict_that_nobody_named_a_strategy_for_has_no_such_reason(project):
    (left,) = merged(project, "train.py", "a\n", "b\n", "c\n", "-s", "other.py=min")
    assert "reason" not in left
    error = fails(2, "invalid-argument", "resolve", "train.py:hunk-1", "--with", "min", cwd=project)
    assert "min does not settle hunk-1: it is for two numbers" in error["message"]


NOTEBOOK = json.dumps({"cells": [], "metadata": {"k": 1}, "nbformat": 4, "nbformat_minor": 5})
BROKEN = [
    ("data/t.csv", TABLE, "id,label\n1,a\n2\n", 3, None), ("data/t.csv", TABLE, 'id,label\n1,"a\n2,b\n', 2, "id"), ("data/t.csv", TABLE, "id,label\n1,a\n1,b\n", 3, "id"), ("data/t.csv", TABLE, "number,label\n1,a\n", 1, "id"),
    ("data/t.jsonl", '{"a": 1}\n', '{"a": 1}\n{"a": \n', 2, None), ("params.yaml", "lr: 1\n", "lr: 1\nx: [1\n", 3, None), ("p.toml", "lr = 1\n", "lr = 1\nx = =\n", 2, None), ("p.json", '{"a": 1}\n', '{"a": 1,\n}\n', 2, None),
    ("n.ipynb", NOTEBOOK, '{"cells": [\n,]}', 2, None), ("environment.yml", "dependencies:\n  - a=1\n", "dependencies: [\n", 2, None),
]


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize(("path", "base", "broken", "line", "key"), BROKEN, ids=lambda value: str(value)[:12])
def test_a_broken_side_is_named_with_its_line(project, path, base, broken, line, key, flipped):
    other = base.replace("a", "z") if path.startswith(("data", "env")) else base.replace("1", "7")
    if key:
        other = TABLE.replace("b", "z")
    sides = (broken, other) if flipped else (other, broken)
    ingredient = {"p.toml": "config", "p.json": "config", "n.ipynb": "code"}.get(path)
    (left,) = merged(project, path, base, *sides, ingredient=ingredient, key=key)
    side = "ours" if flipped else "theirs"
    assert left["key"] is None
    assert f": line {line}: {side}: " in left["reason"]


class TestEditor:
    """An editor that fails settles nothing, and is told as what it is."""

    @pytest.mark.parametrize("editor", ["false", "/no/such/editor"])
    def test_an_editor_that_fails(self, project, monkeypatch, editor):
        merged(project, "params.yaml", "k: 1\n", "k: 2\n", "k: 3\n")
        monkeypatch.setenv("EDITOR", editor)
        error = fails(4, "editor-failed", "resolve", "params.yaml", "--edit", cwd=project)
        assert error["details"]["path"] == "params.yaml"
        assert editor in error["details"]["reason"]
        assert "mvcs resolve params.yaml --edited" in error["hint"]
        assert len(mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]) == 1


class TestUrls:
    """What `add` takes for a URL."""

    @pytest.mark.parametrize(("url", "hint"), [
        ("ftp://x/y", "mvcs add s3://BUCKET/KEY"), ("gs://bucket/x", "mvcs add s3://BUCKET/KEY"), ("ssh://h/x", "mvcs add s3://BUCKET/KEY"),
        ("s3:/typo", "mvcs add s3://typo"), ("http:/one-slash/x", "mvcs add http://one-slash/x"), ("s3:///key", "mvcs add s3://key"),
    ])
    def test_one_that_nothing_is_kept_at_is_refused(self, project, url, hint):
        before = (project / "mvcs.toml").read_bytes()
        write(project, {"extra.csv": "a\n"})
        error = fails(2, "invalid-argument", "add", "extra.csv", url, "--as", "data", cwd=project)
        assert error["details"]["value"] == url
        assert error["hint"] == hint
        assert (project / "mvcs.toml").read_bytes() == before
        if hint.endswith("KEY"):
            assert "http://, https://, s3://" in error["message"]

    @pytest.mark.parametrize("name", ["a:b.csv", "s3:x.csv", "ftp:/y.csv", "http:/one-slash"])
    def test_a_file_that_is_there_is_a_file(self, project, name):
        write(project, {name: "a,b\n1,2\n"})
        ok("add", name, "--as", "data", cwd=project)
        ok("commit", "-m", "odd names", cwd=project)
        assert name in ok("ls", "-q", cwd=project).out.splitlines()

    def test_a_name_with_a_colon_that_is_nowhere_is_no_url(self, project):
        fails(3, "path-not-found", "add", "a:b.csv", cwd=project)
