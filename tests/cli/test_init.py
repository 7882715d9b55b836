"""mvcs init on the layouts that trainers make; add and rm; ignore files; what counts as what."""

from __future__ import annotations

import os

import pytest

from tests.cli.harness import changes, fails, listed, make_project, mvcs_process, mvcs_run, ok, status, write

WEIGHT = b"\x80weights"


def taken(folder) -> dict[str, str]:
    """Returns path to ingredient of what the first commit takes, without mvcs's own files."""
    ok("init", "--model", "m", "-q", cwd=folder)
    ok("commit", "-m", "first", cwd=folder)
    return {path: where for path, where in listed(folder).items() if path not in {"mvcs.toml", ".mvcsignore"}}


def test_a_transformers_trainer_project(tmp_path):
    saved = ("config.json", "generation_config.json", "tokenizer.json", "special_tokens_map.json", "trainer_state.json", "merges.txt")
    files = {"train.py": "x", "configs/base.yaml": "lr: 1", "requirements.txt": "torch", "data/prepare.py": "x", "data/train.jsonl": "{}"}
    for step in (500, 1000):
        for name in saved:
            files[f"out/checkpoint-{step}/{name}"] = f"{step}"
        for name in ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin"):
            files[f"out/checkpoint-{step}/{name}"] = WEIGHT + str(step).encode()
    files |= {"out/all_results.json": "{}", "wandb/run-1/files/config.yaml": "x", "wandb/debug.log": "x", ".env": "SECRET=1", "out/runs/events.out.tfevents": b"x"}
    write(tmp_path, files)
    found = taken(tmp_path)
    newest = {f"out/checkpoint-1000/{name}" for name in (*saved, "model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin")}
    assert {path for path, where in found.items() if where == "weights"} == newest
    assert found == {
        **dict.fromkeys(newest, "weights"), "train.py": "code", "data/prepare.py": "code", "data/train.jsonl": "data",
        "configs/base.yaml": "config", "requirements.txt": "environment", "out/all_results.json": "metrics",
    }
    assert status(tmp_path)["left_out"] == ["out/checkpoint-500"]
    # The next checkpoint is taken as a whole too, and takes the older one's place.
    write(tmp_path, {f"out/checkpoint-1500/{name}": "1500" for name in (*saved, "model.safetensors")})
    after = changes(tmp_path)
    assert after["out/checkpoint-1500/config.json"] == ("weights", "added")
    assert after["out/checkpoint-1000/model.safetensors"] == ("weights", "deleted")
    assert status(tmp_path)["left_out"] == ["out/checkpoint-1000", "out/checkpoint-500"]


def test_every_checkpoint_is_taken_when_asked_for(tmp_path):
    write(tmp_path, {"checkpoint-1/model.pt": "1", "checkpoint-2/model.pt": "2", "train.py": "x"})
    ok("init", cwd=tmp_path)
    text = (tmp_path / "mvcs.toml").read_text()
    assert set(changes(tmp_path)) >= {"checkpoint-2/model.pt"}
    assert "checkpoint-1/model.pt" not in changes(tmp_path)
    (tmp_path / "mvcs.toml").write_text(text.replace('checkpoints = "newest"', 'checkpoints = "all"'))
    assert set(changes(tmp_path)) >= {"checkpoint-1/model.pt", "checkpoint-2/model.pt"}
    assert status(tmp_path)["left_out"] == []


def test_lightning_checkpoints(tmp_path):
    write(tmp_path, {"models/epoch=2.ckpt": "2", "models/epoch=3.ckpt": "3", "models/last.ckpt": "l", "other/epoch=0-step=10.ckpt": "0",
                     "other/epoch=1-step=20.ckpt": "1", "lightning_logs/version_0/hparams.yaml": "a: 1", "lightning_logs/version_0/checkpoints/x.ckpt": "x"})
    assert taken(tmp_path) == {"models/epoch=3.ckpt": "weights", "models/last.ckpt": "weights", "other/epoch=1-step=20.ckpt": "weights"}


def test_a_sentence_transformers_folder_is_weights_as_a_whole(tmp_path):
    names = ("config.json", "tokenizer.json", "tokenizer_config.json", "modules.json", "model.safetensors", "vocab.txt", "README.md",
             "1_Pooling/config.json", "sentence_bert_config.json")
    write(tmp_path, {f"model/{name}": name for name in names} | {"src/model/net.py": "x", "src/model/config.json": "{}", "README.md": "r"})
    assert taken(tmp_path) == {**{f"model/{name}": "weights" for name in names}, "src/model/net.py": "code", "src/model/config.json": "config", "README.md": "about"}


def test_all_shards_are_kept(tmp_path):
    shards = {f"model-{n:05}-of-00003.safetensors": str(n) for n in (1, 2, 3)} | {f"gpt/step-7-0000{n}-of-00002.bin": str(n) for n in (1, 2)}
    write(tmp_path, {**shards, "model.safetensors.index.json": "{}"})
    assert taken(tmp_path) == dict.fromkeys(shards, "weights")
    assert status(tmp_path)["untracked"] == ["model.safetensors.index.json"]


def test_code_in_folders_named_like_data_is_code(tmp_path):
    files = {"src/models/net.py": "code", "src/data/loader.py": "code", "data/prepare.py": "code", "data/raw/a.csv": "data", "src/config/schema.py": "code",
             "src/config/a.yaml": "config", "package/metrics/auc.py": "code", "conf/model/a.yaml": "config", "data/README.md": "data"}
    write(tmp_path, {path: path for path in files})
    assert taken(tmp_path) == files


def test_old_and_bare_weights_are_found(tmp_path):
    write(tmp_path, {"hf/pytorch_model.bin": "1", "hf/config.json": "{}", "clf.joblib": "2", "a/model.gguf": "3", "b.h5": "4", "deep/x/y.onnx": "5"})
    assert set(taken(tmp_path).values()) == {"weights"}


@pytest.mark.parametrize("name", ['we"ird', "br[ack]et", "spa ce", "ünï", "back\\slash", "hash#", "new\nline", "byte\udcff", "tri'ple\"\"\"", "*", "?"])
def test_a_model_folder_of_any_name_gives_a_readable_mvcs_toml(tmp_path, name):
    project = tmp_path / "p"
    write(project, {f"{name}/model.safetensors".encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape"): "1", f"{name}/config.json": "{}"})
    found = taken(project)
    assert found == {f"{name}/model.safetensors": "weights", f"{name}/config.json": "weights"}


@pytest.mark.parametrize(("folder", "model"), [
    ("churn", "churn"), ("my project", "my-project"), ("a.b", "a.b"), ("-x-", "x"), ("...", None), ("con", "model"), ("ünï", "ünï"), ("a@b#c", "a-b-c"), ("x\"y", "x-y"), ("lock.lock", "model"),
])
def test_the_model_is_named_like_its_folder_as_far_as_that_is_a_name(tmp_path, folder, model):
    if model is None:
        return
    (tmp_path / folder).mkdir()
    assert ok("init", "--json", cwd=tmp_path / folder).json["model"] == model
    assert status(tmp_path / folder)["model"] == model


def test_init_answers_with_what_it_would_take(tmp_path):
    write(tmp_path, {"train.py": "12345", "data/a.csv": "123", "m.pt": "1234567", "notes.txt": "x", "checkpoint-1/a.pt": "1", "checkpoint-2/a.pt": "1"})
    answer = ok("init", "--model", "m", "--json", cwd=tmp_path).json
    assert answer == {
        "schema": "mvcs.init/1", "path": str(tmp_path / ".mvcs"), "model": "m", "total": 16, "untracked": ["notes.txt"], "left_out": ["checkpoint-1"],
        "ingredients": {"code": {"files": 1, "bytes": 5}, "data": {"files": 1, "bytes": 3}, "weights": {"files": 2, "bytes": 8}},
    }
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    assert ok("init", "-q", str(tmp_path.parent / "q")).out == f"{tmp_path.parent}/q/.mvcs\n"


def test_what_init_says_is_what_commit_takes(tmp_path):
    write(tmp_path, {"train.py": "x", "data/a.csv": "1", "m.pt": "w", ".gitignore": "gen.py\n*.pt\n", "gen.py": "x", "deep/.mvcsignore": "*.csv\n", "deep/b.csv": "2"})
    said = ok("init", "--json", cwd=tmp_path).json["ingredients"]
    ok("commit", "-m", "x", cwd=tmp_path)
    found = listed(tmp_path)
    assert {name: len([path for path, where in found.items() if where == name and path not in {"mvcs.toml", ".mvcsignore"}]) for name in said} == {
        name: item["files"] for name, item in said.items()
    }


def test_init_stores_nothing_and_does_not_touch_files(tmp_path):
    write(tmp_path, {"train.py": "x", ".mvcsignore": "mine\n"})
    ok("init", cwd=tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".mvcs", ".mvcsignore", "mvcs.toml", "train.py"]
    assert (tmp_path / ".mvcsignore").read_text() == "mine\n"
    assert ok("du", "--json", cwd=tmp_path).json["counts"].get("small blob") is None


def test_init_twice_is_refused(project):
    fails(4, "repository-exists", "init", cwd=project)
    fails(4, "repository-exists", "init", str(project))


def test_init_of_a_cloned_mvcs_toml_keeps_it(tmp_path):
    write(tmp_path, {"mvcs.toml": 'model = "kept"\n[ingredients]\ndata = ["*.py"]\n', "a.py": "x"})
    assert ok("init", "--json", cwd=tmp_path).json["model"] == "kept"
    ok("commit", "-m", "x", cwd=tmp_path)
    assert listed(tmp_path)["a.py"] == "data"


def test_init_without_weights_warns_and_says_what_to_do(tmp_path):
    write(tmp_path, {"train.py": "x"})
    done = ok("init", cwd=tmp_path)
    assert "warning: no weights found" in done.err
    assert "mvcs add PATH --as weights" in done.err
    write(tmp_path / "other", {"m.pt": "x"})
    assert "no weights found" not in ok("init", str(tmp_path / "other")).err


@pytest.mark.parametrize("size", [(1 << 30) + 1, 5 << 30])
def test_above_a_gigabyte_nobody_is_taken_by_surprise(tmp_path, size):
    write(tmp_path, {"train.py": "x", "m.pt": ""})
    os.truncate(tmp_path / "m.pt", size)
    done = mvcs_process("init", cwd=tmp_path)  # no terminal to ask at
    assert done.code == 4
    assert "error: " in done.err
    assert "hint: mvcs init --yes" in done.err
    assert sorted(os.listdir(tmp_path)) == ["m.pt", "train.py"]
    error = fails(4, "needs-confirmation", "init", cwd=tmp_path)
    assert f"{size / 1e9:.1f} GB" in error["message"]
    assert ok("init", "--yes", "--json", cwd=tmp_path).json["total"] == size + 1
    assert (tmp_path / "mvcs.toml").exists()


def test_a_gigabyte_is_taken_without_asking_and_the_limit_is_a_setting(tmp_path):
    write(tmp_path, {"a/m.pt": "", "b/m.pt": "12345"})
    os.truncate(tmp_path / "a/m.pt", 1 << 30)
    ok("init", cwd=tmp_path / "a")
    ok("config", "--user", "init.ask_above", "4", cwd=tmp_path)
    fails(4, "needs-confirmation", "init", cwd=tmp_path / "b")


def test_a_second_workspace_shares_the_repository(tmp_path):
    make_project(tmp_path, {"train.py": "x", "m.pt": "1"})
    write(tmp_path / "models/b", {"b.pt": "2", "b.py": "x"})
    ok("init", "--model", "b", cwd=tmp_path / "models/b")
    assert not (tmp_path / "models/b/.mvcs").exists()
    ok("commit", "-m", "b first", cwd=tmp_path / "models/b")
    assert set(listed(tmp_path / "models/b")) == {"b.pt", "b.py", "mvcs.toml", ".mvcsignore"}
    assert ok("branch", "--json", cwd=tmp_path / "models/b").json["branches"][0]["subject"] == "b first"
    assert ok("branch", "--json", cwd=tmp_path).json["branches"][0]["subject"] == "first"
    assert ok("rev-parse", "b/main", cwd=tmp_path).out == ok("rev-parse", "HEAD", cwd=tmp_path / "models/b").out


# add and rm


@pytest.mark.parametrize("ingredient", ["code", "data", "config", "environment", "weights", "metrics", "about"])
def test_add_says_what_a_path_is(project, ingredient):
    write(project, {"notes.txt": "n", "folder/deep/x.txt": "x", "folder/y.txt": "y"})
    assert status(project)["untracked"] == ["folder/deep/x.txt", "folder/y.txt", "notes.txt"]
    answer = ok("add", "notes.txt", "folder", "--as", ingredient, "--json", cwd=project).json
    assert answer == {"schema": "mvcs.add/1", "entries": [{"path": "notes.txt", "ingredient": ingredient}, {"path": "folder", "ingredient": ingredient}]}
    assert status(project)["untracked"] == []
    found = changes(project)
    assert {found[path] for path in ("notes.txt", "folder/deep/x.txt", "folder/y.txt")} == {(ingredient, "added")}


def test_add_of_a_declared_path_to_another_ingredient_is_refused(project):
    write(project, {"notes.txt": "n"})
    ok("add", "notes.txt", "--as", "data", cwd=project)
    error = fails(4, "path-in-two-ingredients", "add", "notes.txt", "--as", "about", cwd=project)
    assert error["details"]["first"] == "data"
    ok("add", "notes.txt", "--as", "data", cwd=project)  # the same again is no error


def test_add_beats_every_default_pattern(project):
    write(project, {"data/scores.csv": "x", "configs/weights.yaml": "x", "tool.py": "x"})
    for path, ingredient in (("data/scores.csv", "metrics"), ("configs/weights.yaml", "weights"), ("tool.py", "data")):
        ok("add", path, "--as", ingredient, cwd=project)
        assert changes(project)[path] == (ingredient, "added")


def test_add_without_as_says_where_a_path_belongs_already(project):
    assert ok("add", "train.py", "--json", cwd=project).json["entries"] == [{"path": "train.py", "ingredient": "code"}]
    write(project, {"notes.txt": "n"})
    error = fails(2, "invalid-argument", "add", "notes.txt", cwd=project)
    assert error["hint"].startswith("mvcs add notes.txt --as ")


@pytest.mark.parametrize("path", ["lightning_logs/version_0/best.ckpt", "lightning_logs", "lightning_logs/version_0", "deep/x.pt", ".env"])
def test_add_of_what_is_left_out_says_so_instead_of_doing_nothing(project, path):
    write(project, {"lightning_logs/version_0/best.ckpt": "w", "deep/x.pt": "w", "deep/.mvcsignore": "*.pt\n", ".env": "S=1"})
    error = fails(2, "invalid-argument", "add", path, "--as", "weights", cwd=project)
    assert ".mvcsignore" in error["message"]
    assert "modified" not in changes(project).get("mvcs.toml", ("", ""))


@pytest.mark.parametrize("path", ["nosuch", "data/nosuch.csv"])
def test_add_of_what_is_not_there(project, path):
    assert path in fails(3, "path-not-found", "add", path, "--as", "data", cwd=project)["message"]


@pytest.mark.parametrize("verb", [["add", "--as", "data"], ["rm"], ["restore"]])
@pytest.mark.parametrize("path", ["..", "../x", "/etc/passwd", "data/../../x"])
def test_paths_outside_the_workspace_are_refused(project, verb, path):
    fails(2, "invalid-argument", *verb, path, cwd=project)


def test_add_keeps_comments_of_mvcs_toml(project):
    text = (project / "mvcs.toml").read_text() + "# mine, at the end\n"
    (project / "mvcs.toml").write_text(text.replace("[capture]", "# before capture\n[capture]"))
    write(project, {"notes.txt": "n"})
    ok("add", "notes.txt", "--as", "data", cwd=project)
    after = (project / "mvcs.toml").read_text()
    assert "# mine, at the end" in after
    assert "# before capture" in after
    assert '"/notes.txt"' in after


def test_paths_are_seen_from_the_folder_that_one_stands_in(project):
    write(project, {"data/sub/x.txt": "x"})
    assert ok("add", "x.txt", "--as", "data", "--json", cwd=project / "data/sub").json["entries"][0]["path"] == "data/sub/x.txt"
    ok("commit", "-m", "x", cwd=project / "data")
    (project / "data/sub/x.txt").unlink()
    assert ok("restore", "x.txt", "-q", cwd=project / "data/sub").out == "data/sub/x.txt\n"


def test_rm_takes_files_out_and_undo_brings_them_back(project):
    write(project, {"data/sub/x.csv": "x", "data/sub/y.csv": "y"})
    ok("commit", "-m", "x", cwd=project)
    assert ok("rm", "data/sub", "train.py", "--json", cwd=project).json == {"schema": "mvcs.rm/1", "paths": ["data/sub/x.csv", "data/sub/y.csv", "train.py"]}
    assert not (project / "data/sub").exists()
    assert set(changes(project)) == {"data/sub/x.csv", "data/sub/y.csv", "train.py"}
    ok("undo", cwd=project)
    assert (project / "data/sub/x.csv").read_text() == "x"
    assert status(project)["clean"]


def test_rm_cached_keeps_the_file_and_leaves_it_out(project):
    ok("rm", "--cached", "data/train.csv", cwd=project)
    assert (project / "data/train.csv").exists()
    assert changes(project) == {"data/train.csv": ("data", "deleted"), ".mvcsignore": ("about", "modified")}
    ok("commit", "-m", "without", cwd=project)
    assert status(project)["clean"]
    assert "data/train.csv" not in listed(project)


@pytest.mark.parametrize("name", ["changed", "new"])
def test_rm_of_unsaved_work_is_refused_and_with_force_saved(project, name):
    path = "train.py" if name == "changed" else "fresh.py"
    write(project, {path: "unsaved\n"})
    error = fails(4, "unsaved-work", "rm", path, cwd=project)
    assert error["details"]["paths"] == [path]
    assert (project / path).read_text() == "unsaved\n"
    ok("rm", "--force", path, cwd=project)
    assert not (project / path).exists()
    ok("undo", cwd=project)
    assert (project / path).read_text() == "unsaved\n"


def test_rm_of_what_is_not_the_model_s(project):
    write(project, {"notes.txt": "n"})
    for path in ("notes.txt", "nosuch"):
        fails(3, "path-not-found", "rm", path, cwd=project)
    assert (project / "notes.txt").exists()


# Ignore files and patterns


@pytest.mark.parametrize(("path", "lines"), [
    ("gen.py", "gen.py\n"), ("made/gen.py", "made/\n"), ("made", "made/\n"), ("src/a/gen.py", "*\n!train.py\n"), ("made/x/gen.py", "/made\n"),
])
def test_add_as_code_of_what_git_ignores_says_so_instead_of_doing_nothing(project, path, lines):
    """As git add does; for every other ingredient .gitignore does not count."""
    write(project, {".gitignore": lines, path if path.endswith(".py") else f"{path}/gen.py": "print()\n"})
    before = (project / "mvcs.toml").read_text()
    for words in (["--as", "code"], []) if path.endswith(".py") else (["--as", "code"],):
        error = fails(2, "invalid-argument", "add", path, *words, cwd=project)
        assert ".gitignore leaves it out, and holds for code" in error["message"]
        assert error["hint"] == f"take its line out of .gitignore, or mvcs add {path} --as data"
    assert (project / "mvcs.toml").read_text() == before
    ok("add", path, "--as", "data", cwd=project)  # the hint helps
    assert any(found[0] == "data" and name.endswith("gen.py") for name, found in changes(project).items())


def test_add_as_code_where_a_deeper_gitignore_takes_it_back(project):
    write(project, {".gitignore": "*.gen.py\n", "src/.gitignore": "!keep.gen.py\n", "src/keep.gen.py": "x\n", "src/x.gen.py": "x\n"})
    ok("add", "src/keep.gen.py", "--as", "code", cwd=project)
    fails(2, "invalid-argument", "add", "src/x.gen.py", "--as", "code", cwd=project)
    assert changes(project)["src/keep.gen.py"] == ("code", "added")


def test_gitignore_holds_for_code_only(project):
    write(project, {".gitignore": "*.pt\ndata/\nsecret.py\n", "secret.py": "x", "new.pt": "w", "data/b.csv": "1"})
    found = changes(project)
    assert set(found) == {"new.pt", "data/b.csv"}


def test_nested_ignore_files_and_negation(project):
    write(project, {
        ".mvcsignore": "*.csv\n!train.csv\n", "data/b.csv": "1", "data/keep/.mvcsignore": "!*.csv\n", "data/keep/c.csv": "1",
        "sub/.gitignore": "gen_*.py\n!gen_keep.py\n", "sub/gen_a.py": "x", "sub/gen_keep.py": "x", "gen_b.py": "x",
    })
    found = {path for path, (_, change) in changes(project).items() if change == "added"}
    assert found == {"data/keep/c.csv", "data/keep/.mvcsignore", "sub/gen_keep.py", "gen_b.py"}
    (project / "data/keep/.mvcsignore").unlink()
    assert "data/keep/c.csv" not in changes(project)


def test_changing_an_ignore_file_counts_at_once(project):
    write(project, {"data/b.csv": "1"})
    assert "data/b.csv" in changes(project)
    write(project, {".mvcsignore": "b.csv\n"})
    assert "data/b.csv" not in changes(project)
    write(project, {".mvcsignore": "\n"})
    assert "data/b.csv" in changes(project)
    write(project, {"data/.mvcsignore": "b.csv\n"})
    assert "data/b.csv" not in changes(project)


def test_a_file_of_the_model_that_is_now_ignored_is_gone_from_it(project):
    write(project, {".mvcsignore": "train.csv\n"})
    assert changes(project)["data/train.csv"] == ("data", "deleted")
    assert (project / "data/train.csv").exists()


def test_changing_mvcs_toml_classifies_again(project):
    text = (project / "mvcs.toml").read_text()
    (project / "mvcs.toml").write_text(text.replace('"*.csv", ', "").replace('"data/", ', '').replace("metrics = [", 'metrics = [\n  "data/",'))
    assert changes(project) == {"mvcs.toml": ("about", "modified"), "data/train.csv": ("metrics", "moved")}
    ok("commit", "-m", "moved", cwd=project)
    assert listed(project)["data/train.csv"] == "metrics"
    assert [item["change"] for item in ok("diff", "HEAD~1", "HEAD", "--json", cwd=project).json["changes"] if item["path"] == "data/train.csv"] == ["moved"]
    ok("checkout", "HEAD~1", cwd=project)
    assert status(project)["clean"]


def test_nothing_of_mvcs_or_git_is_ever_taken(tmp_path):
    write(tmp_path, {"mvcs.toml": 'model = "m"\n[ingredients]\ncode = ["**"]\n', "a.py": "x", "sub/.git/config": "x", "sub/b.py": "y", ".git/x.py": "z"})
    (tmp_path / ".git").rename(tmp_path / "sub/c")
    ok("init", cwd=tmp_path)
    ok("commit", "-m", "x", cwd=tmp_path)
    assert set(listed(tmp_path)) == {"a.py", "mvcs.toml", "sub/b.py", "sub/c/x.py"}
    assert mvcs_run("fsck", cwd=tmp_path).code == 0


def test_a_root_above_shares_sources_between_models(tmp_path):
    """Two models of one project: each mvcs.toml says root = "../..", paths start there, checkout writes there."""
    write(tmp_path, {"src/common.py": "x", "models/a/a.yaml": "lr: 1", "models/b/b.yaml": "lr: 2"})
    for name in ("a", "b"):
        write(tmp_path, {f"models/{name}/mvcs.toml": (
            f'model = "{name}"\nroot = "../.."\n[ingredients]\ncode = ["src/"]\nconfig = ["/models/{name}/{name}.yaml"]\n'
            f'about = ["/models/{name}/mvcs.toml"]\n'
        )})
    make = {"a": tmp_path / "models/a", "b": tmp_path / "models/b"}
    ok("init", "--model", "top", cwd=tmp_path)
    for folder in make.values():
        ok("init", cwd=folder)
        ok("commit", "-m", "x", cwd=folder)
    assert listed(make["a"]) == {"src/common.py": "code", "models/a/a.yaml": "config", "models/a/mvcs.toml": "about"}
    write(tmp_path, {"src/common.py": "changed"})
    assert changes(make["b"]) == {"src/common.py": ("code", "modified")}
    ok("restore", "../../src/common.py", cwd=make["b"])
    assert (tmp_path / "src/common.py").read_text() == "x"
    ok("clone", str(tmp_path), str(tmp_path.parent / "copy"))
    copy = tmp_path.parent / "copy"
    assert (copy / "src/common.py").read_text() == "x"
    assert status(copy / "models/a")["clean"]
    assert status(copy / "models/b")["clean"]


def test_init_over_a_file_is_refused(tmp_path):
    write(tmp_path, {"file": "mine"})
    fails(4, "not-empty", "init", str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"
