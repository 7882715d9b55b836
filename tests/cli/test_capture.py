"""What a commit gathers beside the files: the training environment, and secrets that must not go in."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.cli.harness import fails, listed, ok, write


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory):
    """A virtual environment with one package of its own."""
    folder = tmp_path_factory.mktemp("env") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    install(site, "Made_Up.Package", "1.2.3+cu121")
    return folder


def install(site, name, version):
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text("")


def entry(folder, revision="HEAD"):
    return json.loads(ok("cat", f"{revision}:@environment/.mvcs/packages", cwd=folder).out)


def use(project, python):
    toml = (project / "mvcs.toml").read_text()
    write(project, {"mvcs.toml": toml + f'\n[environment]\npython = "{python}"\n', "model.pt": b"new weights"})


def test_the_declared_interpreter_is_captured_with_the_weights(project, interpreter):
    assert "environment/.mvcs/packages" not in ok("ls", "HEAD", "--generated", cwd=project).out
    use(project, interpreter / "bin" / "python")
    ok("commit", "-m", "trained", cwd=project)
    assert entry(project)["packages"] == {"made-up-package": "1.2.3+cu121"}
    assert entry(project)["python"] == f"{sys.version_info[0]}.{sys.version_info[1]}"
    shown = ok("show", "--json", cwd=project).json
    assert shown["incomplete"] == []
    assert shown["provenance"]["environment"]
    assert "environment/.mvcs/packages" not in listed(project)  # it is no file of the workspace


def test_it_is_carried_on_until_weights_or_environment_change(project, interpreter):
    use(project, interpreter / "bin" / "python")
    ok("commit", "-m", "trained", cwd=project)
    before = entry(project)
    (site,) = (interpreter / "lib").glob("python*/site-packages")
    install(site, "later", "2.0")
    write(project, {"train.py": "print('only code')\n"})
    ok("commit", "-m", "code", cwd=project)
    assert entry(project) == before
    write(project, {"model.pt": b"trained with it"})
    ok("commit", "-m", "weights", cwd=project)
    assert entry(project)["packages"] == {**before["packages"], "later": "2.0"}
    found = {(item["path"], item["key"]) for item in ok("diff", "HEAD~1", "HEAD", "--json", cwd=project).json["changes"]}
    assert found == {("model.pt", "size"), ("environment/.mvcs/packages", "packages.later")}
    patch = ok("diff", "HEAD~1", "HEAD", "--patch", cwd=project).out
    assert "model.pt" in patch
    assert "entry environment/.mvcs/packages" in patch


def test_the_active_environment_counts_and_mvcs_own_never_does(project, interpreter, monkeypatch):
    write(project, {"model.pt": b"one"})
    ok("commit", "-m", "one", cwd=project)
    assert ("environment", "what is installed is not recorded (mvcs.toml: [environment] python)") in [
        tuple(item) if isinstance(item, list) else (item["ingredient"], item["reason"])
        for item in ok("show", "--json", cwd=project).json["incomplete"]
    ]
    monkeypatch.setenv("VIRTUAL_ENV", str(interpreter))
    write(project, {"model.pt": b"two"})
    ok("commit", "-m", "two", cwd=project)
    assert "made-up-package" in entry(project)["packages"]


def test_an_interpreter_that_cannot_be_asked_is_a_warning(project):
    use(project, "no/such/python")
    done = ok("commit", "-m", "x", cwd=project)
    assert "the environment was not captured" in done.err


SECRET = "AKIA" + "Q3EGRIZ7PLN5KXTM"


@pytest.mark.parametrize("path,ingredient", [("train.py", "code"), ("params.yaml", "config")])
def test_a_secret_refuses_the_commit_with_file_and_line(project, path, ingredient):
    del ingredient
    write(project, {path: f"a: 1\nkey_id: {SECRET}\n" if path.endswith("yaml") else f"x = 1\nkey_id = '{SECRET}'\n"})
    head = ok("rev-parse", "HEAD", cwd=project).out
    error = fails(4, "secret-found", "commit", "-m", "x", cwd=project)
    assert (error["details"]["path"], error["details"]["line"]) == (path, 2)
    assert f"/{path}" in error["hint"]
    assert ".mvcsignore" in error["hint"]
    assert SECRET not in json.dumps(error)
    assert ok("rev-parse", "HEAD", cwd=project).out == head


def test_an_allowed_secret_is_recorded_without_its_text(project):
    write(project, {"train.py": f"key_id = '{SECRET}'\n"})
    ok("commit", "-m", "x", "--allow-secret", cwd=project)
    recorded = ok("show", "--json", cwd=project).json["provenance"]["allowed_secrets"]
    assert [(item["path"], item["line"]) for item in recorded] == [("train.py", 1)]
    assert SECRET not in json.dumps(recorded)
    write(project, {"README.md": "other\n"})
    ok("commit", "-m", "an unchanged file is not searched again", cwd=project)


def test_the_hint_works(project):
    write(project, {"keys.py": f"key_id = '{SECRET}'\n"})
    error = fails(4, "secret-found", "commit", "-m", "x", cwd=project)
    subprocess.run(["bash", "-c", error["hint"].split(", or ")[0]], cwd=project, check=True)
    write(project, {"train.py": "more\n"})
    ok("commit", "-m", "x", cwd=project)
    assert "keys.py" not in listed(project)


def test_data_and_large_text_are_not_searched(project):
    write(project, {"data/log.csv": f"a\n{SECRET}\n", "big.py": f"# {SECRET}\n" + "x = 1\n" * 200_000})
    ok("commit", "-m", "x", cwd=project)
    assert {"data/log.csv", "big.py"} <= set(listed(project))
    assert "allowed_secrets" not in (ok("show", "--json", cwd=project).json["provenance"] or {})


def test_an_interpreter_that_is_part_of_the_model_is_never_run(project):
    script = "#!/bin/sh\ntouch ran\n"
    write(project, {"tools/python": script, "model.pt": b"new"})
    (project / "tools/python").chmod(0o755)
    ok("add", "tools/python", "--as", "code", cwd=project)
    toml = (project / "mvcs.toml").read_text()
    write(project, {"mvcs.toml": toml + '\n[environment]\npython = "tools/python"\n'})
    done = ok("commit", "-m", "x", cwd=project)
    assert "is not run" in done.err
    assert not (project / "ran").exists()
    assert "tools/python" in listed(project)


def test_a_password_of_two_classes_is_refused_and_a_tokenizer_taken(project):
    write(project, {"params.yaml": "lr: 0.1\npassword: kq83hzpw91\n"})
    error = fails(4, "secret-found", "commit", "-m", "x", cwd=project)
    assert (error["details"]["path"], error["details"]["line"]) == ("params.yaml", 2)
    tokenizer = {"eos_token": "</s>", "pad_token": "[PAD]", "token_type": "bert", "model_max_length": 128, "password": 20786}
    write(project, {"params.yaml": "lr: 0.1\npassword: ${DB_PASSWORD}\n", "tokenizer_config.json": json.dumps(tokenizer)})
    ok("add", "tokenizer_config.json", "--as", "config", cwd=project)
    ok("commit", "-m", "x", cwd=project)
