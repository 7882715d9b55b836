"""blame by key of what was captured, and of files that have neither keys nor lines."""

from __future__ import annotations

import pytest

from tests.cli.harness import fails, ok, write
from tests.cli.test_capture import install, interpreter, use
from tests.cli.test_keeping import old_runs
from tests.cli.test_merge import commit, merge
from tests.unit.formats.notebooks import cell, notebook

__all__ = ["interpreter", "old_runs"]


def who(project, *words):
    return {item["key"]: item["commit"] for item in ok("blame", *words, "--json", cwd=project).json["keys"]}


def diffed(project, first, second, path):
    """The keys that diff prints for a path."""
    return {item["key"] for item in ok("diff", first, second, "--json", cwd=project).json["changes"] if item["path"] == path}


class TestCaptured:
    """Each entry has the path and the keys that diff prints."""

    @pytest.fixture
    def two(self, project, interpreter):
        """Two commits; the second one changes one key of each entry."""
        use(project, interpreter / "bin" / "python")
        toml = (project / "mvcs.toml").read_text()
        write(project, {"mvcs.toml": toml + '\n[signature.inputs]\nx = "float32[?,10]"\n"b.c" = "int64[]"\n'})
        first = commit(project, {}, "first", "--param", "lr=1", "--param", "model.depth=2", "--metric", "auc=0.5", "--metric", "val.loss=1")
        (site,) = (interpreter / "lib").glob("python*/site-packages")
        install(site, f"zope.interface{len(list(site.iterdir()))}", "2.0")
        toml = (project / "mvcs.toml").read_text().replace("?,10", "?,20")
        second = commit(
            project, {"mvcs.toml": toml, "model.pt": b"\0newer"}, "second", "--param", "lr=2", "--metric", "auc=0.6",
            "--metric", "val.loss=1",
        )
        return first, second

    @pytest.mark.parametrize("path,key,kept", [
        ("config/.mvcs/params", "lr", '"model.depth"'), ("metrics/.mvcs/values", "auc", '"val.loss"'),
        ("weights/.mvcs/signature", "signature.inputs.x", 'signature.inputs."b.c"'),
        ("environment/.mvcs/packages", None, "packages.made-up-package"),
    ])
    def test_by_the_path_and_the_keys_that_diff_prints(self, project, two, path, key, kept):
        first, second = two
        changed = diffed(project, first, second, path)
        assert key is None or changed == {key}
        assert changed
        for name in (path, f"HEAD:{path}", f"@{path}", f"HEAD:@{path}"):
            found = who(project, name)
            assert {key for key, oid in found.items() if oid == second} == changed
            assert found[kept] == first
            for one in changed:
                assert who(project, name, one) == {one: second}
            assert who(project, name, kept) == {kept: first}
        assert who(project, f"{first}:{path}", kept) == {kept: first}
        if key is not None:  # the base has none of these
            assert set(who(project, path)) == diffed(project, "HEAD~2", "HEAD", path)

    def test_a_name_with_a_dot_may_be_typed_as_it_was_given(self, project, two):
        assert who(project, "config/.mvcs/params", "model.depth") == {'"model.depth"': two[0]}

    def test_what_is_not_there_is_told_with_a_hint_that_works(self, project, two):
        error = fails(3, "path-not-found", "blame", "config/.mvcs/params", "nosuch", cwd=project)
        ok(*error["hint"].split()[1:], cwd=project)
        error = fails(3, "path-not-found", "blame", "HEAD:config/.mvcs/nosuch", cwd=project)
        ok(*error["hint"].split()[1:], cwd=project)
        assert fails(2, "invalid-revision", "blame", "@nosuch/x", cwd=project)

    def test_cat_knows_the_path_too(self, project, two):
        assert ok("cat", "HEAD:config/.mvcs/params", cwd=project).bytes == ok("cat", "HEAD:@config/.mvcs/params", cwd=project).bytes


class TestWhole:
    """A file without keys and lines."""

    def test_the_commit_that_last_changed_weights_and_where_they_come_from(self, project):
        trained = commit(project, {"model.pt": b"\0W1", "params.yaml": "lr: 2\n"}, "trained")
        later = commit(project, {"README.md": "words\n"}, "later")
        (row,) = ok("blame", "model.pt", "--json", cwd=project).json["keys"]
        shown = ok("show", trained, "--json", cwd=project).json
        assert (row["key"], row["commit"]) == (None, trained)
        assert row["origin"] == {"recipe": shown["origin"]["recipe"], "how": "assumed"}
        line = ok("blame", f"{later}:model.pt", cwd=project).out
        assert line.startswith(trained[:12])
        assert line.endswith(f"the whole file  (recipe {row['origin']['recipe'][:12]}, assumed)  trained\n")
        assert ok("blame", "model.pt", "-q", cwd=project).out == f"{trained}\n"

    def test_through_a_merge_to_the_side_that_changed_it(self, project):
        ok("switch", "-c", "other", cwd=project)
        theirs = commit(project, {"data/x.bin": b"\0x"}, "theirs")
        ok("switch", "main", cwd=project)
        commit(project, {"README.md": "words\n"}, "ours")
        assert merge(project, "other").code == 0
        assert who(project, "data/x.bin") == {None: theirs}
        assert "origin" not in ok("blame", "data/x.bin", "--json", cwd=project).json["keys"][0]

    def test_a_key_of_it_is_refused_with_a_hint_that_works(self, project):
        commit(project, {"model.pt": b"\0W1"})
        error = fails(3, "path-not-found", "blame", "model.pt", "3", cwd=project)
        assert "neither keys nor lines" in error["message"]
        ok(*error["hint"].split()[1:], cwd=project)

    def test_lines_of_what_was_binary_before_are_newer(self, project):
        commit(project, {"train.py": b"\0binary\n"}, "binary")
        text = commit(project, {"train.py": "one\ntwo\n"}, "text")
        last = commit(project, {"train.py": "one\n2\n"}, "last")
        assert who(project, "train.py") == {"1": text, "2": last}

    def test_of_weights_that_were_collected(self, old_runs):
        tip = ok("rev-parse", "runs/1", "-q", cwd=old_runs).out.strip()
        ok("gc", cwd=old_runs)
        assert who(old_runs, "runs/1:model.pt") == {None: tip}

    def test_a_folder_is_no_file(self, project):
        error = fails(3, "path-not-found", "blame", "HEAD:data", cwd=project)
        ok(*error["hint"].split()[1:], cwd=project)


class TestInside:
    """Tables by row and column, notebooks by cell."""

    def test_a_table_whose_rows_are_told_apart_is_told_by_its_cells(self, project):
        toml = (project / "mvcs.toml").read_text() + '\n[merge.keys]\n"data/*.csv" = ["id"]\n'
        first = commit(project, {"mvcs.toml": toml, "data/t.csv": "id,label,n\n1,cat,5\n2,dog,6\n"})
        second = commit(project, {"data/t.csv": "id,n,label\n3,7,cow\n2,6,wolf\n1,5,cat\n"})
        assert who(project, "data/t.csv") == {
            "id=1/id": first, "id=1/label": first, "id=1/n": first, "id=2/id": first, "id=2/label": second, "id=2/n": first,
            "id=3/id": second, "id=3/label": second, "id=3/n": second,
        }
        assert who(project, "data/t.csv", "id=2/label") == {"id=2/label": second}
        assert who(project, "data/t.csv", "id=2") == {"id=2/id": first, "id=2/label": second, "id=2/n": first}
        assert fails(3, "path-not-found", "blame", "data/t.csv", "id=9", cwd=project)["details"]["path"] == "id=9"
        commit(project, {"data/t.csv": "id,n,label\n3,7,cow\n3,6,wolf\n"})
        assert set(who(project, "data/t.csv")) == {"1", "2", "3"}  # rows that nothing tells apart

    def test_a_notebook_is_told_by_the_ids_of_its_cells(self, project):
        first = commit(project, {"n.ipynb": notebook(cell("one", "a = 1\n"), cell("two", "b = 2\n")).read()})
        second = commit(project, {"n.ipynb": notebook(cell("two", "b = 3\n"), cell("one", "a = 1\n", count=4)).read()})
        assert who(project, "n.ipynb") == {"one": first, "two": second}
        assert who(project, "n.ipynb", "two") == {"two": second}
        commit(project, {"n.ipynb": notebook(cell(None, "b = 3\n"), minor=4).read()})
        assert "1" in who(project, "n.ipynb")
