"""mvcs commit: the state it makes, its messages, amend, metrics, tags, identity, time."""

from __future__ import annotations

import json
import os

import pytest

import mvcs
from tests.cli.harness import DATE, PROJECT, changes, fails, listed, make_project, mvcs_run, ok, status, write


def head(project, key=None):
    shown = ok("show", "--json", cwd=project).json
    return shown if key is None else shown[key]


def test_the_documented_keys(project):
    write(project, {"train.py": "new\n"})
    answer = ok("commit", "-m", "second", "--json", cwd=project).json
    oid = ok("rev-parse", "HEAD", cwd=project).out.strip()
    assert answer["commit"] == oid
    assert len(oid) == 64
    assert set(answer) == {"schema", "commit", "branch", "message", "files", "new_bytes", "total_bytes", "stale", "warnings"}
    assert (answer["branch"], answer["message"], answer["files"], answer["stale"]) == ("main", "second", 1, ["weights"])
    assert answer["warnings"] == ["the weights are stale: the recipe changed and they did not"]
    write(project, {"train.py": "newer\n"})
    assert len(ok("commit", "-m", "third", "-q", cwd=project).out.strip()) == 64
    write(project, {"train.py": "newest\n"})
    done = ok("commit", "-m", "fourth", cwd=project)
    assert done.out.startswith("[main ")
    assert "warning: the weights are stale" in done.err


def test_every_ingredient_is_taken(project):
    assert listed(project) == {
        "train.py": "code", "data/train.csv": "data", "params.yaml": "config", "requirements.txt": "environment", "model.pt": "weights",
        "metrics.json": "metrics", "README.md": "about", "mvcs.toml": "about", ".mvcsignore": "about",
    }
    reason = "what is installed is not recorded (mvcs.toml: [environment] python)"
    assert head(project, "incomplete") == [["environment", reason]]


def test_a_commit_without_recipe_says_what_is_missing(tmp_path):
    project = make_project(tmp_path / "p", {"model.pt": "w", "params.yaml": "x"})
    assert [item[0] for item in head(project, "incomplete")] == ["code", "data", "environment"]
    assert "incomplete: environment" in ok("show", cwd=project).out


@pytest.mark.parametrize(("files", "message"), [
    ({"train.py": "2"}, "Change code (train.py modified)"), ({"a.py": "1", "b.py": "2"}, "Change code (2 files)"),
    ({"data/b.csv": "1", "train.py": "2"}, "Change data (b.csv added), code (train.py modified)"), ({"params.yaml": None}, "Change config (params.yaml deleted)"),
])
def test_a_message_is_made_from_the_changes(project, files, message):
    for name, content in files.items():
        (project / name).unlink() if content is None else write(project, {name: content})
    assert ok("commit", "--json", cwd=project).json["message"] == message


def test_a_made_message_stays_short(project):
    write(project, {f"{'long' * 40}.py": "x", "a.csv": "1", "b.yaml": "2", "m.pt": "3"})
    message = ok("commit", "--json", cwd=project).json["message"]
    assert len(message) <= 100
    assert "\n" not in message


def test_several_messages_are_paragraphs(project):
    write(project, {"train.py": "2"})
    assert ok("commit", "-m", "one", "-m", "two\nthree", "--json", cwd=project).json["message"] == "one\n\ntwo\nthree"
    assert ok("log", "-1", cwd=project).out.rstrip().endswith("one (main)")


@pytest.mark.parametrize("message", ["", " ", "é🙂", "a" * 10_000, "--help", "line\nline", "tab\t", '"quoted"', "\x1b[31mred"])
def test_any_text_is_a_message(project, message):
    write(project, {"train.py": "2"})
    assert ok("commit", f"--message={message}", "--json", cwd=project).json["message"] == message
    assert head(project, "message") == message


def test_a_message_above_a_megabyte_is_refused(project):
    with mvcs.open(project) as repo, pytest.raises(mvcs.errors.UsageError):
        repo.commit("x" * ((1 << 20) + 1), amend=True)


def test_amend_takes_the_place_of_the_commit(project):
    before = head(project)
    write(project, {"train.py": "2"})
    answer = ok("commit", "--amend", "--json", cwd=project).json
    after = head(project)
    assert after["commit"] == answer["commit"] != before["commit"]
    assert (after["parents"], after["generation"], after["message"]) == ([], 1, "first")
    ok("commit", "--amend", "-m", "better", cwd=project)
    assert [item["message"] for item in ok("log", "--json", cwd=project).json["commits"]] == ["better"]
    ok("undo", cwd=project)
    ok("undo", cwd=project)
    assert head(project) == before
    assert status(project)["changes"] == [{"path": "train.py", "ingredient": "code", "change": "modified"}]


def test_amend_keeps_the_author_and_takes_a_new_committer(project, monkeypatch):
    before = head(project)
    monkeypatch.setenv("MVCS_AUTHOR_NAME", "Grace")
    monkeypatch.setenv("MVCS_AUTHOR_DATE", "2026-04-01T00:00:00+00:00")
    ok("commit", "--amend", "-m", "again", cwd=project)
    after = head(project)
    assert (after["author"], after["time"]) == (before["author"], before["time"])
    assert (after["committer"], after["committed"]) == ("Grace <ada@example.org>", "2026-04-01T00:00:00Z")
    ok("commit", "--amend", "--author", "Alan <alan@x>", cwd=project)
    assert head(project, "author") == "Alan <alan@x>"


def test_amend_before_the_first_commit(tmp_path):
    project = make_project(tmp_path / "p", commit=False)
    fails(3, "revision-not-found", "commit", "--amend", "-m", "x", cwd=project)


def test_a_tag_in_the_same_step(project):
    write(project, {"train.py": "2"})
    oid = ok("commit", "-m", "x", "--tag", "v1", "-q", cwd=project).out
    assert ok("rev-parse", "v1", cwd=project).out == oid
    ok("undo", cwd=project)  # one operation: both go
    assert ok("tag", "-q", cwd=project).out == ""
    assert changes(project) == {"train.py": ("code", "modified")}


@pytest.mark.parametrize(("tag", "code"), [("v1", 4), ("V1", 2), ("main", 2), ("a b", 2), ("HEAD", 2)])
def test_a_tag_that_cannot_be_commits_nothing(project, tag, code):
    ok("tag", "v1", cwd=project)
    write(project, {"train.py": "2"})
    assert mvcs_run("commit", "-m", "x", "--tag", tag, cwd=project).code == code
    assert len(ok("log", "-q", cwd=project).out.splitlines()) == 1


@pytest.mark.parametrize(("given", "value"), [
    ("auc=0.91", 0.91), ("n=3", 3), ("n=-3", -3), ("loss=1e-5", 1e-5), ("a.b/c=1", 1), ("big=9007199254740991", 9007199254740991), ("zero=0.0", 0), ("x=1=2", None),
    ("x=", None), ("x=abc", None), ("x", None), ("=1", None),
])
def test_metrics_by_name(project, given, value):
    done = mvcs_run("commit", "-m", "x", "--metric", given, "--json", cwd=project)
    if value is None:
        assert (done.code, done.error["code"]) == (2, "invalid-argument")
        return
    assert done.code == 0, done
    name = given.split("=")[0]
    assert head(project, "metrics") == {name: value}
    assert ok("log", "--metrics", "-1", "--json", cwd=project).json["commits"][0]["metrics"] == {name: value}
    with mvcs.open(project) as repo:
        assert repo.head.metrics == {name: value}


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_metrics_that_json_has_no_number_for_are_strings_in_json(project, text):
    ok("commit", "-m", "x", "--metric", f"loss={text}", cwd=project)
    out = ok("show", "--json", cwd=project).out
    found = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))["metrics"]["loss"]
    assert isinstance(found, str)


def test_metrics_add_up_while_the_weights_stay(project):
    ok("commit", "-m", "a", "--metric", "auc=0.5", "--metric", "loss=2", cwd=project)
    ok("commit", "-m", "b", "--metric", "auc=0.6", cwd=project)
    assert head(project, "metrics") == {"auc": 0.6, "loss": 2}
    write(project, {"model.pt": "new"})
    ok("commit", "-m", "c", "--metric", "f1=1", cwd=project)
    assert head(project, "metrics") == {"f1": 1}


def test_the_same_metric_again_is_nothing_to_commit(project):
    ok("commit", "-m", "a", "--metric", "auc=0.5", cwd=project)
    fails(1, "nothing-to-commit", "commit", "-m", "b", "--metric", "auc=0.5", cwd=project)


def test_generated_entries_are_never_written_out(project, tmp_path):
    ok("commit", "-m", "a", "--metric", "auc=0.5", cwd=project)
    assert "metrics/.mvcs/values" in ok("ls", "--generated", "-q", cwd=project).out
    assert ".mvcs/values" not in ok("ls", "-q", cwd=project).out
    ok("clone", str(project), str(tmp_path / "copy"))
    assert not (tmp_path / "copy" / "metrics").exists()
    ok("checkout", "HEAD~1", cwd=project)
    ok("checkout", "main", cwd=project)
    assert not (project / "metrics").exists()
    assert status(project)["clean"]


# Identity and time


def test_identity_comes_from_the_nearest_place(project, monkeypatch, sealed):
    def author():
        ok("commit", "--amend", "--author", "x <x>", cwd=project)
        return head(project, "committer")

    assert author() == "Ada <ada@example.org>"
    ok("config", "user.name", "Repo", cwd=project)
    ok("config", "--user", "user.name", "User", cwd=project)
    ok("config", "--user", "user.email", "user@x", cwd=project)
    monkeypatch.delenv("MVCS_AUTHOR_NAME")
    monkeypatch.delenv("MVCS_AUTHOR_EMAIL")
    assert author() == "Repo <user@x>"
    ok("config", "--unset", "user.name", cwd=project)
    assert author() == "User <user@x>"
    ok("config", "--user", "--unset", "user.name", cwd=project)
    ok("config", "--user", "--unset", "user.email", cwd=project)
    assert author() == "Git Ada <git@example.org>"
    (sealed / "gitconfig").unlink()
    monkeypatch.setenv("USER", "somebody")
    assert author().startswith("somebody <somebody@")
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    assert "@" in author()
    monkeypatch.setenv("PATH", "/nonexistent")  # without git too
    assert "@" in author()


@pytest.mark.parametrize(("variable", "value", "time"), [
    ("MVCS_AUTHOR_DATE", "2026-03-01T12:00:00+02:00", "2026-03-01T10:00:00Z"), ("MVCS_AUTHOR_DATE", "2026-03-01T12:00:00.123457Z", "2026-03-01T12:00:00.123457Z"),
    ("MVCS_AUTHOR_DATE", "1969-12-31T23:59:59Z", "1969-12-31T23:59:59Z"), ("SOURCE_DATE_EPOCH", "1700000000", "2023-11-14T22:13:20Z"),
])
def test_a_given_time_makes_commits_reproducible(tmp_path, monkeypatch, variable, value, time):
    monkeypatch.delenv("MVCS_AUTHOR_DATE")
    monkeypatch.setenv(variable, value)
    oids = set()
    for name in ("a", "b"):
        project = make_project(tmp_path / name)
        oids.add(head(project, "commit"))
        assert head(project, "time") == time
    assert len(oids) == 1


@pytest.mark.parametrize(("variable", "value"), [("MVCS_AUTHOR_DATE", "soon"), ("SOURCE_DATE_EPOCH", "soon"), ("SOURCE_DATE_EPOCH", "-5")])
def test_a_time_that_is_none_is_wrong_usage(project, monkeypatch, variable, value):
    monkeypatch.delenv("MVCS_AUTHOR_DATE")
    monkeypatch.setenv(variable, value)
    write(project, {"train.py": "2"})
    assert mvcs_run("commit", "-m", "x", cwd=project).code == 2


def test_the_time_zone_is_the_author_s(project):
    assert ok("show", cwd=project).out.splitlines()[3] == "Date:    2026-03-01 12:00:00 +0000"
    assert head(project, "time") == DATE.replace("+00:00", "Z")


# Origin, measured, stale


def origin(project):
    shown = head(project)
    return shown["origin"]["how"], shown["stale"]


def test_weights_are_assumed_to_come_from_the_recipe_they_are_committed_with(project):
    assert origin(project) == ("assumed", [])


def test_a_changed_recipe_makes_the_weights_stale_and_new_weights_heal_it(project):
    write(project, {"params.yaml": "lr: 9\n"})
    assert status(project)["stale"]
    ok("commit", "-m", "config", cwd=project)
    assert origin(project) == ("inherited", ["weights"])
    assert status(project)["stale"]
    assert "STALE: the weights are not of this recipe" in ok("show", cwd=project).out
    write(project, {"model.pt": b"retrained"})
    assert not status(project)["stale"]
    ok("commit", "-m", "retrained", cwd=project)
    assert origin(project)[0] == "assumed"
    assert not status(project)["stale"]


@pytest.mark.parametrize("path", ["train.py", "data/train.csv", "params.yaml", "requirements.txt"])
def test_each_part_of_the_recipe_counts(project, path):
    write(project, {path: "other\n"})
    assert status(project)["stale"]


@pytest.mark.parametrize("path", ["README.md", "metrics.json"])
def test_about_and_metrics_are_no_recipe(project, path):
    write(project, {path: "other\n"})
    assert not status(project)["stale"]
    ok("commit", "-m", "x", cwd=project)
    assert origin(project) == ("inherited", [])


def test_going_back_to_the_old_recipe_heals_stale_weights(project):
    write(project, {"params.yaml": "lr: 9\n"})
    ok("commit", "-m", "config", cwd=project)
    write(project, {"params.yaml": PROJECT["params.yaml"]})
    assert not status(project)["stale"]
    ok("commit", "-m", "back", cwd=project)
    assert origin(project) == ("inherited", [])


def test_trained_declares_that_the_weights_are_of_this_recipe(project):
    write(project, {"params.yaml": "lr: 9\n"})
    ok("commit", "-m", "config", cwd=project)
    ok("commit", "-m", "it gave the same weights", "--trained", cwd=project)  # with nothing else changed
    assert origin(project) == ("declared", [])
    write(project, {"model.pt": b"new", "train.py": "new\n"})
    ok("commit", "-m", "new", "--trained", cwd=project)
    assert origin(project) == ("declared", ["metrics"])  # the numbers are of the weights before


def test_amend_keeps_the_origin(project):
    ok("commit", "--amend", "-m", "only words", cwd=project)
    assert origin(project) == ("assumed", [])
    write(project, {"params.yaml": "lr: 9\n"})
    ok("commit", "--amend", "-m", "recipe", cwd=project)
    assert origin(project) == ("assumed", ["weights"])
    write(project, {"model.pt": b"retrained"})
    ok("commit", "--amend", cwd=project)
    assert origin(project)[0] == "assumed"
    assert "weights" not in origin(project)[1]


def test_a_recipe_newer_than_new_weights_is_warned_about(project):
    import os

    write(project, {"model.pt": b"new", "train.py": "new\n"})
    os.utime(project / "model.pt", (1_700_000_000, 1_700_000_000))
    done = ok("commit", "-m", "x", "--json", cwd=project).json
    assert any("newer than the weights" in text for text in done["warnings"])


def test_no_weights_no_origin(tmp_path):
    project = make_project(tmp_path / "p", {"train.py": "x"})
    assert head(project, "origin") is None
    assert not status(project)["stale"]
    write(project, {"model.pt": "w"})
    ok("commit", "-m", "trained", cwd=project)
    assert origin(project) == ("assumed", [])
    (project / "model.pt").unlink()
    ok("commit", "-m", "none again", cwd=project)
    assert head(project, "origin") is None


def test_metrics_of_yesterday_s_weights_are_stale(project):
    import os

    assert head(project, "measured") is not None
    write(project, {"model.pt": b"new"})
    old = os.stat(project / "model.pt").st_mtime - 100
    os.utime(project / "metrics.json", (old, old))
    ok("commit", "-m", "weights only", cwd=project)
    assert head(project, "stale") == ["metrics"]
    assert status(project)["stale_metrics"]
    assert "metrics are stale" in ok("status", cwd=project).out
    ok("commit", "-m", "measured", "--metric", "auc=0.7", cwd=project)
    assert head(project, "stale") == []


def test_metrics_older_than_the_weights_are_warned_about(project):
    import os

    write(project, {"model.pt": b"new", "metrics.json": '{"auc": 0.6}'})
    old = os.stat(project / "model.pt").st_mtime - 100
    os.utime(project / "metrics.json", (old, old))
    done = ok("commit", "-m", "x", "--json", cwd=project).json
    assert any("metrics are older than the weights" in text for text in done["warnings"])
    assert done["stale"] == ["metrics"]
    ok("commit", "--amend", "--metric", "auc=0.6", cwd=project)  # the warning's hint
    assert head(project, "stale") == []


def test_metrics_written_after_the_weights_are_measured_on_them(project):
    import os

    write(project, {"model.pt": b"new", "metrics.json": '{"auc": 0.6}'})
    later = os.stat(project / "model.pt").st_mtime + 5
    os.utime(project / "metrics.json", (later, later))
    ok("commit", "-m", "x", cwd=project)
    assert head(project, "stale") == []


def notebook(output: str, source: str = "1 + 1") -> str:
    cell = {"cell_type": "code", "execution_count": len(output), "metadata": {}, "source": source, "outputs": [{"output_type": "stream", "text": output}]}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_running_a_notebook_does_not_change_the_recipe(project):
    write(project, {"explore.ipynb": notebook("")})
    ok("commit", "-m", "notebook", "--trained", cwd=project)
    write(project, {"explore.ipynb": notebook("2, and a long output")})
    assert changes(project) == {"explore.ipynb": ("code", "modified")}
    assert not status(project)["stale"]
    ok("commit", "-m", "ran it", cwd=project)
    assert origin(project) == ("inherited", [])
    write(project, {"explore.ipynb": notebook("2", "1 + 2")})
    assert status(project)["stale"]
    ok("commit", "-m", "edited it", cwd=project)
    assert origin(project) == ("inherited", ["weights"])


def test_the_python_api_makes_the_same_commit(tmp_path):
    oids = []
    for name in ("cli", "api"):
        project = make_project(tmp_path / name)
        write(project, {"train.py": "2"})
        if name == "cli":
            oids.append(ok("commit", "-m", "second", "--metric", "auc=0.5", "--tag", "t", "-q", cwd=project).out.strip())
        else:
            with mvcs.open(project) as repo:
                done = repo.commit("second", metrics={"auc": 0.5}, tag="t")
                oids.append(done.oid.hex())
                commit = repo["HEAD"]
                assert commit == repo.head == repo.branches["main"] == repo.tags["t"]
                assert (commit.message, commit.author, commit.stale) == ("second", "Ada <ada@example.org>", ["weights"])
                assert commit.code["train.py"] == b"2"
                assert set(commit.weights.files) == {"model.pt"}
                assert [parent.message for parent in commit.parents] == ["first"]
                assert [each.message for each in commit.walk()] == ["second", "first"]
                with open(commit.weights.path("model.pt"), "rb") as file:
                    assert file.read() == PROJECT["model.pt"]
    assert oids[0] == oids[1]


def test_weights_under_another_name_are_the_same_weights(project):
    """Neither trained nor measured anew: origin and metrics stay what they are, and status says so before."""
    before = ok("show", "--json", cwd=project).json
    (project / "model.pt").rename(project / "final.pt")
    assert (status(project)["stale"], status(project)["stale_metrics"]) == (False, False)
    write(project, {"train.py": "print('new')\n"})
    assert (status(project)["stale"], status(project)["stale_metrics"]) == (True, False)
    assert ok("commit", "-m", "x", "--json", cwd=project).json["stale"] == ["weights"]
    after = ok("show", "--json", cwd=project).json
    assert after["origin"] == {**before["origin"], "how": "inherited"}
    assert before["measured"] != after["measured"]  # told by the whole tree
    assert (status(project)["stale"], status(project)["stale_metrics"]) == (True, False)


def test_a_copy_of_weights_is_no_training(project):
    write(project, {"params.yaml": "lr: 5\n"})
    assert ok("commit", "-m", "x", "--json", cwd=project).json["stale"] == ["weights"]
    before = ok("show", "--json", cwd=project).json["origin"]
    write(project, {"backup.pt": PROJECT["model.pt"]})
    assert status(project)["stale"]
    done = ok("commit", "-m", "x", "--json", cwd=project).json
    assert "weights" in done["stale"]
    assert ok("show", "--json", cwd=project).json["origin"] == before
    write(project, {"model.pt": b"\0retrained"})
    assert "weights" not in ok("commit", "-m", "x", "--json", cwd=project).json["stale"]


def test_stale_metrics_are_not_made_fresh_by_another_name(project):
    os.utime(project / "metrics.json", (1, 1))
    write(project, {"model.pt": b"\0retrained"})
    assert ok("commit", "-m", "x", "--json", cwd=project).json["stale"] == ["metrics"]
    (project / "model.pt").rename(project / "final.pt")
    os.utime(project / "metrics.json")
    assert ok("commit", "-m", "y", "--json", cwd=project).json["stale"] == ["metrics"]
