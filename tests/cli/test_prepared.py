"""reset --only, restore --source and apply bring back more than files: entries, and where weights and metrics are from."""

from __future__ import annotations

import random

import pytest

from tests.cli.harness import fails, mvcs_run, ok, snapshot, write

PARAMS = "config/.mvcs/params"


def shown(project, revision="HEAD"):
    return ok("show", revision, "--json", cwd=project).json


def changed(project):
    return {item["path"] for item in ok("status", "--json", cwd=project).json["changes"]}


@pytest.fixture
def history(project):
    """Two trained commits after the first: everything of theirs differs."""
    for number in (1, 2):
        write(project, {"params.yaml": f"lr: {number}\n", "model.pt": f"weights {number}" * 99, "train.py": f"run({number})\n"})
        ok("commit", "-m", f"run {number}", "--param", f"lr={number}", "--param", f"only{number}=yes", "--metric", f"f1=0.{number}", cwd=project)
    return project


def test_parameters_go_back_with_the_configuration(history):
    ok("reset", "--only", "config", "HEAD~1", cwd=history)
    assert changed(history) == {"params.yaml", PARAMS}
    status = ok("status", "--json", cwd=history).json
    assert (status["clean"], status["stale"]) == (False, True)
    assert {item["key"] for item in ok("diff", "--json", cwd=history).json["changes"] if item["path"] == PARAMS} == {"lr", "only2"}
    ok("commit", "-m", "back", cwd=history)
    assert shown(history)["params"] == {"lr": 1, "only1": "yes"}
    assert shown(history)["metrics"] == {"f1": 0.2}
    assert ok("status", "--json", cwd=history).json["clean"]
    fails(1, "nothing-to-commit", "commit", "-m", "again", cwd=history)


def test_weights_that_come_back_keep_their_origin(history):
    ok("reset", "--only", "weights", "HEAD~1", cwd=history)
    ok("commit", "-m", "old weights", cwd=history)
    assert shown(history)["origin"] == {**shown(history, "HEAD~2")["origin"], "how": "inherited"}
    assert shown(history)["stale"] == ["weights", "metrics"]  # of another recipe, and the metrics are not theirs
    ok("reset", "--only", "metrics", "HEAD~2", cwd=history)
    ok("commit", "-m", "and their metrics", cwd=history)
    assert shown(history)["stale"] == ["weights"]
    assert shown(history)["metrics"] == {"f1": 0.1}


@pytest.mark.parametrize("how", [("reset", "--only", "about,code,data,config,environment,weights,metrics"), ("restore", ".", "--source")])
def test_all_of_a_commit_gives_its_tree_and_nothing_is_stale(history, how):
    ok(*how, "HEAD~1", cwd=history)
    ok("commit", "-m", "as it was", cwd=history)
    old, new = shown(history, "HEAD~2"), shown(history)
    assert (new["tree"], new["measured"], new["stale"]) == (old["tree"], old["measured"], [])
    assert new["origin"] == {**old["origin"], "how": "inherited"}


def test_weights_restored_by_name_keep_their_origin_and_signature(project):
    toml = (project / "mvcs.toml").read_text()
    write(project, {"mvcs.toml": toml + '\n[signature]\ninputs = {a = "float32"}\n', "model.pt": b"one" * 500})
    ok("commit", "-m", "one", cwd=project)
    write(project, {"mvcs.toml": toml, "model.pt": b"two" * 500})
    ok("commit", "-m", "two", cwd=project)
    ok("restore", "--source", "HEAD~1", "model.pt", cwd=project)
    ok("commit", "-m", "restored", cwd=project)
    assert shown(project)["origin"]["recipe"] == shown(project, "HEAD~2")["origin"]["recipe"]
    assert shown(project)["signature"] == shown(project, "HEAD~2")["signature"] != shown(project, "HEAD~1")["signature"]


def test_some_of_a_commits_weights_are_nobodys_and_assumed(project):
    for number in (1, 2):
        write(project, {"model.pt": b"a%d" % number * 99, "head.pt": b"b%d" % number * 99, "params.yaml": f"lr: {number}\n"})
        ok("commit", "-m", str(number), cwd=project)
    ok("restore", "--source", "HEAD~1", "head.pt", cwd=project)
    ok("commit", "-m", "mixed", cwd=project)
    assert shown(project)["origin"]["how"] == "assumed"
    assert shown(project)["stale"] == ["metrics"]


def test_weights_put_back_by_hand_are_heads_again(history):
    content = (history / "model.pt").read_bytes()
    ok("reset", "--only", "weights,config", "HEAD~1", cwd=history)
    (history / "model.pt").write_bytes(content)
    ok("commit", "-m", "only config after all", cwd=history)
    assert shown(history)["origin"] == {**shown(history, "HEAD~1")["origin"], "how": "inherited"}
    assert shown(history)["params"] == {"lr": 1, "only1": "yes"}


def test_undo_and_redo(history):
    before = snapshot(history)
    ok("reset", "--only", "config", "HEAD~1", cwd=history)
    ok("undo", cwd=history)
    assert (snapshot(history), changed(history)) == (before, set())
    ok("redo", cwd=history)
    assert changed(history) == {"params.yaml", PARAMS}
    ok("commit", "-m", "back", cwd=history)
    ok("undo", cwd=history)
    assert changed(history) == {"params.yaml", PARAMS}
    ok("commit", "-m", "back again", "--param", "lr=5", cwd=history)
    assert shown(history)["params"] == {"lr": 5, "only1": "yes"}


def test_one_entry_is_restored_by_the_path_that_diff_prints(history):
    ok("restore", "--source", "HEAD~1", PARAMS, cwd=history)
    assert changed(history) == {PARAMS}
    assert ok("restore", PARAMS, "--json", cwd=history).json["paths"] == [PARAMS]
    assert changed(history) == set()
    ok("restore", "--source", "HEAD~1", PARAMS, cwd=history)
    ok("restore", ".", cwd=history)
    assert changed(history) == set()
    assert fails(3, "path-not-found", "restore", "config/.mvcs/nothing", cwd=history)


def test_what_is_prepared_is_unsaved_work(history):
    ok("switch", "-c", "side", "HEAD~1", cwd=history)
    write(history, {"README.md": "# side\n"})
    ok("commit", "-m", "side", cwd=history)
    ok("switch", "main", cwd=history)
    ok("reset", "--only", "config", "HEAD~1", cwd=history)
    write(history, {"params.yaml": "lr: 2\n"})  # the file is HEAD's, the parameters are not
    error = fails(4, "unsaved-work", "switch", "--detach", "HEAD~1", cwd=history)
    assert error["details"]["paths"] == [PARAMS]
    for words in (("merge", "side"), ("cherry-pick", "HEAD~1"), ("revert", "HEAD~1")):
        assert fails(4, "unsaved-work", *words, cwd=history)["details"]["paths"] == [PARAMS]
    ok("switch", "--detach", "HEAD~1", "--force", cwd=history)
    assert ok("status", "--json", cwd=history).json["clean"]
    ok("undo", cwd=history)
    assert changed(history) == {PARAMS}
    ok("reset", "--hard", "HEAD", cwd=history)
    assert changed(history) == set()
    ok("undo", cwd=history)
    assert changed(history) == {PARAMS}


def test_it_stays_while_only_the_branch_moves(history):
    ok("restore", "--source", "HEAD~1", PARAMS, cwd=history)
    ok("switch", "-c", "here", cwd=history)
    assert changed(history) == {PARAMS}
    ok("reset", "HEAD~2", cwd=history)
    assert PARAMS in changed(history)
    ok("commit", "-m", "on the first", cwd=history)
    assert shown(history)["params"] == {"lr": 1, "only1": "yes"}


def test_amend_takes_it(history):
    ok("restore", "--source", "HEAD~1", PARAMS, cwd=history)
    ok("commit", "--amend", cwd=history)
    assert shown(history)["params"] == {"lr": 1, "only1": "yes"}
    assert shown(history)["generation"] == 3
    assert ok("status", "--json", cwd=history).json["clean"]


def test_gc_keeps_it(history):
    ok("config", "gc.undo_days", "0", cwd=history)
    ok("switch", "-c", "side", cwd=history)
    write(history, {"model.pt": b"gone soon" * 99})
    ok("commit", "-m", "side", "--param", "side=1", cwd=history)
    side = shown(history)["commit"]
    ok("switch", "main", cwd=history)
    ok("reset", "--only", "weights,config", side, cwd=history)
    ok("branch", "-d", "side", "--force", cwd=history)
    ok("gc", "--thorough", cwd=history)
    ok("commit", "-m", "kept", cwd=history)
    assert shown(history)["params"]["side"] == 1
    ok("fsck", cwd=history)


def test_an_environment_that_comes_back_is_not_captured_anew(project):
    prefix = project.parent / "interpreter"
    import subprocess
    import sys

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True)
    toml = (project / "mvcs.toml").read_text()
    write(project, {"mvcs.toml": toml + f'\n[environment]\npython = "{prefix}/bin/python"\n', "model.pt": b"trained"})
    ok("commit", "-m", "trained", cwd=project)
    then = ok("cat", "HEAD:@environment/.mvcs/packages", cwd=project).out
    (site,) = (prefix / "lib").glob("python*/site-packages")
    write(site, {"late-1.0.dist-info/METADATA": "Name: late\nVersion: 1.0\n"})
    write(project, {"requirements.txt": "late==1.0\n"})
    ok("commit", "-m", "another environment", cwd=project)
    assert "late" in ok("cat", "HEAD:@environment/.mvcs/packages", cwd=project).out
    ok("reset", "--only", "environment", "HEAD~1", cwd=project)
    ok("commit", "-m", "the old one", cwd=project)
    assert ok("cat", "HEAD:@environment/.mvcs/packages", cwd=project).out == then


# Patches


def patch_of(history, tmp_path, *words):
    (tmp_path / "patch").write_bytes(ok("diff", *words, "--patch", cwd=history).bytes)
    return str(tmp_path / "patch")


def test_a_patch_has_the_entries_and_gives_the_tree(history, tmp_path):
    patch = patch_of(history, tmp_path, "HEAD~1", "HEAD")
    tree = shown(history)["tree"]
    ok("switch", "-c", "again", "HEAD~1", cwd=history)
    assert PARAMS in ok("apply", patch, "--json", cwd=history).json["paths"]
    ok("commit", "-m", "applied", cwd=history)
    assert (shown(history)["tree"], shown(history)["stale"]) == (tree, [])
    assert shown(history)["origin"]["how"] == "assumed"


def test_a_patch_of_entries_alone_is_one(history, tmp_path):
    ok("commit", "--param", "lr=9", "--metric", "f1=0.9", cwd=history)
    patch = patch_of(history, tmp_path, "HEAD~1", "HEAD")
    ok("reset", "--hard", "HEAD~1", cwd=history)
    ok("apply", patch, cwd=history)
    ok("commit", cwd=history)
    assert (shown(history)["params"]["lr"], shown(history)["metrics"]) == (9, {"f1": 0.9})


def test_unsaved_entries_are_in_the_patch_of_the_files(history, tmp_path):
    ok("restore", "--source", "HEAD~1", PARAMS, cwd=history)
    assert "entry " + PARAMS in ok("diff", "--patch", cwd=history).out
    assert "entry " + PARAMS in ok("diff", "HEAD", "--patch", cwd=history).out


def test_a_patch_is_merged_by_key_where_the_entry_has_changed(history, tmp_path):
    ok("commit", "--param", "lr=9", cwd=history)
    patch = patch_of(history, tmp_path, "HEAD~1", "HEAD")
    ok("reset", "--hard", "HEAD~1", cwd=history)
    ok("commit", "--param", "seed=1", cwd=history)
    ok("apply", patch, cwd=history)
    ok("commit", cwd=history)
    assert shown(history)["params"] == {"lr": 9, "only1": "yes", "only2": "yes", "seed": 1}
    ok("commit", "--param", "lr=10", cwd=history)
    before = snapshot(history)
    error = fails(4, "patch-does-not-apply", "apply", patch, cwd=history)
    assert error["details"]["path"] == PARAMS
    assert (snapshot(history), changed(history)) == (before, set())


def test_a_patch_of_no_change_changes_nothing(history, tmp_path):
    assert ok("apply", patch_of(history, tmp_path, "HEAD", "HEAD"), "--json", cwd=history).json["paths"] == []
    (tmp_path / "no").write_text("no patch\n")
    fails(4, "unreadable-content", "apply", str(tmp_path / "no"), cwd=history)


def test_only_some_ingredients_of_a_patch(history, tmp_path):
    patch = patch_of(history, tmp_path, "HEAD", "HEAD~1")
    assert ok("apply", patch, "--only", "config", "--json", cwd=history).json["paths"] == [PARAMS, "params.yaml"]


def test_git_takes_the_text_of_it(history, tmp_path):
    import subprocess

    write(history, {"train.py": "run(3)\n"})
    ok("commit", "-m", "x", "--param", "lr=3", cwd=history)
    patch = patch_of(history, tmp_path, "HEAD~1", "HEAD")
    work = tmp_path / "git"
    write(work, {"train.py": "run(2)\n"})
    subprocess.run(["git", "init", "-q", str(work)], check=True)
    subprocess.run(["git", "apply", patch], cwd=work, check=True)
    assert (work / "train.py").read_text() == "run(3)\n"
    assert {path.name for path in work.iterdir()} == {".git", "train.py"}


@pytest.mark.parametrize(("old", "new", "code", "name"), [
    ("entry config/.mvcs/params", "entry config/.mvcs/../params", 4, "patch-does-not-apply"),
    ("entry config/.mvcs/params", "entry config/params", 4, "patch-does-not-apply"),
    ("entry config/.mvcs/params", "entry nothing/.mvcs/params", 4, "patch-does-not-apply"),
    ("entry config/.mvcs/params", "entry config/.mvcs/a/b", 4, "patch-does-not-apply"),
    ("entry config/.mvcs/params", "entry config/.mvcs/.git", 4, "patch-does-not-apply"),
    ('+ {"lr":9', '+ {"lr":8', 4, "unreadable-content"),
    ('+ {"lr":9', '+ { "lr":9', 4, "unreadable-content"),
    ("+ {", "", 4, "unreadable-content"),
])
def test_hostile_entries_are_refused(history, tmp_path, old, new, code, name):
    ok("commit", "--param", "lr=9", cwd=history)
    text = ok("diff", "HEAD~1", "HEAD", "--patch", cwd=history).out
    assert old in text
    (tmp_path / "patch").write_text(text.replace(old, new))
    ok("reset", "--hard", "HEAD~1", cwd=history)
    before = snapshot(history)
    fails(code, name, "apply", str(tmp_path / "patch"), cwd=history)
    assert (snapshot(history), changed(history)) == (before, set())


def test_an_entry_that_is_no_canonical_json_is_refused(history, tmp_path):
    from mvcs.objects.hashing import blob_oid

    content = b'{"lr": 9}'
    text = b"mvcs patch 1\nentry config/.mvcs/other\nindex %s..%s\n+ %s\n" % (b"0" * 64, blob_oid(content).hex().encode(), content)
    (tmp_path / "patch").write_bytes(text)
    fails(4, "patch-does-not-apply", "apply", str(tmp_path / "patch"), cwd=history)


def test_a_secret_in_a_patch_refuses_the_commit(history, tmp_path):
    key = "ghp_" + "".join(random.Random(4).choices("abcdefghijkLMNOPQ0123456789", k=36))
    ok("commit", "--param", f"token={key}", "--allow-secret", cwd=history)
    patch = patch_of(history, tmp_path, "HEAD~1", "HEAD")
    ok("reset", "--hard", "HEAD~1", cwd=history)
    ok("apply", patch, cwd=history)
    assert mvcs_run("commit", cwd=history).code != 0
    assert fails(4, "secret-found", "commit", cwd=history)["details"]["path"] == PARAMS
    ok("commit", "--allow-secret", cwd=history)


def test_a_patch_says_which_recipe_its_weights_are_of(history, tmp_path):
    """Weights that were trained with another recipe than the one they are applied to are stale."""
    patch = patch_of(history, tmp_path, "HEAD~1", "HEAD")
    ok("switch", "-c", "mine", "HEAD~1", cwd=history)
    write(history, {"other.py": "x = 1\n"})
    ok("commit", "-m", "mine", cwd=history)
    ok("apply", patch, cwd=history)
    ok("commit", "-m", "applied", cwd=history)
    assert shown(history)["stale"] == ["weights"]
    assert shown(history)["origin"]["recipe"] == shown(history, "main")["origin"]["recipe"]
    ok("switch", "-c", "numbers", "main~1", cwd=history)
    ok("apply", patch, "--only", "metrics", cwd=history)
    ok("commit", "-m", "numbers of other weights", cwd=history)
    assert shown(history)["stale"] == ["metrics"]


@pytest.mark.parametrize(("paths", "stale"), [
    (["metrics.json"], ["metrics"]), (["metrics/.mvcs/values"], ["metrics"]), (["metrics.json", "metrics/.mvcs/values"], ["metrics"]),
    (["model.pt", "metrics.json"], ["weights", "metrics"]), (["model.pt", "metrics.json", "metrics/.mvcs/values"], ["weights"]),
])
def test_numbers_of_two_states_are_of_no_weights(project, paths, stale):
    for number in (1, 2):
        write(project, {"params.yaml": f"lr: {number}\n", "model.pt": f"weights {number}" * 99})
        write(project, {"metrics.json": f'{{"auc": 0.{number}}}\n'})
        ok("commit", "-m", str(number), "--metric", f"f1=0.{number}", cwd=project)
    ok("restore", "--source", "HEAD~1", *paths, cwd=project)
    ok("commit", "-m", "mixed", cwd=project)
    assert shown(project)["stale"] == stale


def test_given_metrics_of_old_weights_do_not_stand_beside_files_of_new_ones(project):
    ok("commit", "-m", "one", "--metric", "f1=0.5", cwd=project)
    write(project, {"model.pt": b"new weights" * 99})
    write(project, {"metrics.json": '{"auc": 0.9}\n'})
    done = ok("commit", "-m", "two", "--json", cwd=project).json
    assert any("left out" in warning for warning in done["warnings"])
    assert (shown(project)["metrics"], shown(project)["stale"]) == ({}, [])
    ok("commit", "-m", "three", "--metric", "f1=0.6", cwd=project)
    write(project, {"model.pt": b"newer weights" * 99})
    ok("commit", "-m", "not measured", cwd=project)
    assert shown(project)["stale"] == ["metrics"]
    assert shown(project)["metrics"]["f1"] == 0.6


def test_amend_keeps_what_the_commit_recorded(project):
    write(project, {"params.yaml": "lr: 1\n"})
    ok("commit", "-m", "base", cwd=project)
    ok("switch", "-c", "side", cwd=project)
    write(project, {"params.yaml": "lr: 2\n"})
    ok("commit", "-m", "side", cwd=project)
    ok("switch", "main", cwd=project)
    write(project, {"params.yaml": "lr: 3\n"})
    ok("commit", "-m", "main", cwd=project)
    ok("merge", "side", "-s", "params.yaml=theirs", cwd=project)
    before = shown(project)["provenance"]["merge"]
    ok("commit", "--amend", "-m", "better words", cwd=project)
    assert shown(project)["provenance"]["merge"] == before
    assert before["decisions"]
