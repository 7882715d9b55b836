"""Handlers of plug-ins: what they add to a commit, and that a broken one is named and loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile

import pytest

from tests.cli.harness import fails, mvcs_process, mvcs_run, ok, snapshot, write

HANDLER = """
class Handler:
    api_version = {version}
    ingredient = {ingredient!r}
    entries = {entries!r}

    def capture(self, scope):
        from mvcs.ingredients.handlers.base import Found

        {body}
"""
CARD = "return Found({'card': {'files': [[path, size] for path, size in scope.files('weights')]}})"


def distribution(name="card-plugin", *, point="card", version=1, ingredient="weights", entries=("card",), body=CARD, module=None, source=None):
    """Returns the files of an installed distribution with one handler."""
    module = module or name.replace("-", "_")
    source = source if source is not None else HANDLER.format(version=version, ingredient=ingredient, entries=entries, body=body)
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    return {
        f"{module}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: made\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[mvcs.handlers]\n{point} = {module}:Handler\n",
        f"{info}/RECORD": f"{module}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/entry_points.txt,,\n{info}/RECORD,,\n",
    }


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages on the path; modules from it are forgotten afterwards."""
    folder = tmp_path / "lib" / "site-packages"
    folder.mkdir(parents=True)
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in set(sys.modules) - before:
        path = getattr(sys.modules[name], "__file__", None) or ""
        if path.startswith(str(tmp_path)):
            del sys.modules[name]


def train(project, weights=b"new weights"):
    write(project, {"model.pt": weights})


def card(project, revision="HEAD"):
    return json.loads(ok("cat", f"{revision}:@weights/.mvcs/card", cwd=project).out)


def test_an_entry_of_an_installed_plugin_lands_in_the_commit(project, tmp_path):
    wheel = tmp_path / "card_plugin-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in distribution().items():
            archive.writestr(name, content)
    site = tmp_path / "venv" / "site-packages"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--disable-pip-version-check",
         "--root-user-action", "ignore", "--target", str(site), str(wheel)], check=True, timeout=120,
    )
    train(project)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])}
    done = mvcs_process("commit", "-m", "x", cwd=project, env=environment)
    assert done.code == 0, done
    assert card(project) == {"files": [["model.pt", len(b"new weights")]]}
    assert "weights/.mvcs/card" in ok("ls", "--generated", "-q", cwd=project).out
    assert not (project / "weights").exists()


def test_it_is_diffed_by_key_and_carried_on(project, site):
    write(site, distribution())
    train(project)
    ok("commit", "-m", "one", cwd=project)
    write(project, {"train.py": "other\n"})
    ok("commit", "-m", "code only", cwd=project)
    assert card(project) == card(project, "HEAD~1")
    train(project, b"newer weights")
    ok("commit", "-m", "two", cwd=project)
    found = ok("diff", "HEAD~1", "HEAD", "--json", cwd=project).json["changes"]
    (row,) = [item for item in found if item["path"] == "weights/.mvcs/card"]
    assert (row["ingredient"], row["key"], row["before"], row["after"]) == ("weights", "files", [["model.pt", 11]], [["model.pt", 13]])


def test_what_it_says_of_the_commit_is_kept_until_it_is_asked_again(project, site):
    write(site, distribution(body="return Found(incomplete=('no dice',), warnings=('look',), provenance={'seen': 1})"))
    train(project)
    done = ok("commit", "-m", "one", cwd=project)
    assert "warning: card: look" in done.err
    shown = ok("show", "--json", cwd=project).json
    assert ["weights", "plug-in card: no dice"] in shown["incomplete"]
    assert shown["provenance"]["plug-in card"] == {"seen": 1}
    write(project, {"train.py": "other\n"})
    ok("commit", "-m", "not asked", cwd=project)
    assert ["weights", "plug-in card: no dice"] in ok("show", "--json", cwd=project).json["incomplete"]
    write(site, distribution(body="return Found()", module="card_plugin_again"))
    train(project, b"again")
    ok("commit", "-m", "asked again", cwd=project)
    assert not [item for item in ok("show", "--json", cwd=project).json["incomplete"] if "plug-in" in item[1]]


BROKEN = {
    "another version": (distribution(version=2), "version 2"),
    "no version": (distribution(version="None"), "version None"),
    "cannot be imported": (distribution(source="import not_there_at_all\n"), "not_there_at_all"),
    "ends the process": (distribution(source="raise SystemExit(0)\n"), "SystemExit"),
    "has no handler": (distribution(source="x = 1\n"), "Handler"),
    "no ingredient": (distribution(ingredient="soul"), "ingredient"),
    "an entry of mvcs": (distribution(entries=("signature",)), "belongs to mvcs"),
    "an entry with a slash": (distribution(entries=("a/b",)), "no name of an entry"),
    "raises": (distribution(body="raise RuntimeError('out of luck')"), "RuntimeError: out of luck"),
    "no answer": (distribution(body="return None"), "NoneType"),
    "an entry that is not its own": (distribution(body="return Found({'values': 1})"), "no entry of its own"),
    "no JSON": (distribution(body="return Found({'card': object()})"), "object"),
    "too long": (distribution(body="return Found({'card': 'x' * (5 << 20)})"), "4 MiB"),
    "a reason with a line end": (distribution(body="return Found(incomplete=('a' + chr(10) + 'b',))"), "one line"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_refuses_the_commit_and_loses_nothing(project, site, name):
    files, reason = BROKEN[name]
    write(site, files)
    train(project)
    before, head = snapshot(project), ok("rev-parse", "HEAD", cwd=project).out
    error = fails(4, "broken-plugin", "commit", "-m", "x", cwd=project)
    assert (error["details"]["plugin"], error["details"]["distribution"]) == ("card", "card-plugin 1.0")
    assert reason in error["message"]
    assert snapshot(project) == before
    assert ok("rev-parse", "HEAD", cwd=project).out == head
    hint = error["hint"].split(", or ")[0]
    assert hint == "mvcs config capture.without card"
    ok(*hint.split()[1:], cwd=project)
    ok("commit", "-m", "x", cwd=project)
    assert ok("cat", "HEAD:model.pt", cwd=project).bytes == b"new weights"
    assert ok("fsck", cwd=project).code == 0


def test_two_plugins_with_one_name_are_refused(project, site):
    write(site, {**distribution("one-plugin"), **distribution("two-plugin", entries=("other",))})
    train(project)
    error = fails(4, "broken-plugin", "commit", "-m", "x", cwd=project)
    assert error["details"]["plugin"] == "card"
    assert error["details"]["distribution"] in {"one-plugin 1.0", "two-plugin 1.0"}
    assert "one-plugin 1.0" in error["message"]
    assert "two-plugin 1.0" in error["message"]


def test_two_plugins_with_one_entry_are_refused(project, site):
    write(site, {**distribution("one-plugin", point="one"), **distribution("two-plugin", point="two")})
    train(project)
    error = fails(4, "broken-plugin", "commit", "-m", "x", cwd=project)
    assert error["details"]["plugin"] == "two"
    assert "weights/.mvcs/card belongs to one of one-plugin 1.0" in error["message"]
    ok("config", "capture.without", "two", cwd=project)
    ok("commit", "-m", "x", cwd=project)
    assert card(project)


def test_one_distribution_twice_on_the_path_counts_once(project, site, tmp_path, monkeypatch):
    hidden = tmp_path / "hidden" / "site-packages"
    write(hidden, distribution(body="return Found({'card': 'hidden'})", module="hidden_plugin"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(hidden)])
    write(site, distribution())
    train(project)
    ok("commit", "-m", "x", cwd=project)
    assert card(project) != "hidden"


def test_a_distribution_among_the_files_of_a_model_is_data_and_never_imported(project, monkeypatch):
    write(project, distribution(source="import pathlib\npathlib.Path(__file__).with_name('ran').touch()\n"))
    monkeypatch.syspath_prepend(str(project))
    train(project)
    ok("commit", "-m", "x", cwd=project)
    assert not (project / "ran").exists()


@pytest.mark.parametrize("words", [["status"], ["log"], ["diff"], ["show"], ["ls"]])
def test_looking_asks_no_plugin(project, site, words):
    write(site, distribution(source="raise RuntimeError('loaded')\n"))
    train(project)
    assert mvcs_run(*words, cwd=project).code == 0


def test_a_commit_of_code_alone_looks_for_no_plugin(project, site):
    write(site, distribution(source="raise RuntimeError('loaded')\n"))
    write(project, {"train.py": "other\n", "params.yaml": "lr: 9\n", "README.md": "more\n"})
    ok("commit", "-m", "x", cwd=project)
    assert ok("cat", "HEAD:params.yaml", cwd=project).out == "lr: 9\n"


def test_a_file_that_changes_while_a_plugin_reads_it_commits_nothing(project, site):
    write(site, distribution(body=f"scope.open('model.pt').read(); __import__('pathlib').Path({str(project / 'model.pt')!r}).write_bytes(b'more'); return Found({{'card': 1}})"))
    train(project)
    head = ok("rev-parse", "HEAD", cwd=project).out
    fails(4, "changed-during-capture", "commit", "-m", "x", cwd=project)
    assert ok("rev-parse", "HEAD", cwd=project).out == head


def test_what_a_plugin_made_of_weights_goes_with_them(project, site):
    write(site, distribution())
    train(project)
    ok("commit", "-m", "one", cwd=project)
    (project / "model.pt").unlink()
    ok("commit", "-m", "gone", cwd=project)
    assert "weights" not in ok("show", "--json", cwd=project).json["ingredients"]
