"""A commit's SHA stands for every byte of the model, and every byte is stored."""

import subprocess

import pytest

import mvcs

FILES = {
    "train.py": b"print(1)\n", "data/rows.csv": b"1,2\n" * 50_000, "params.yaml": b"lr: 0.1\n",
    "requirements.txt": b"numpy==2.0\n", "model.safetensors": bytes(range(256)) * 2000,
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("MVCS_AUTHOR_NAME", "Ada")
    monkeypatch.setenv("MVCS_AUTHOR_EMAIL", "ada@example.com")
    monkeypatch.setenv("MVCS_AUTHOR_DATE", "2026-03-01T12:00:00+00:00")
    folder = tmp_path / "project"
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    repo, _ = mvcs.init(folder)
    with repo:
        yield folder, repo


def test_what_status_only_hashed_is_stored_by_the_commit(project, tmp_path):
    """The stat cache knows oids whose bytes are nowhere yet."""
    folder, repo = project
    repo.status()
    repo.commit("first")
    (folder / "model.safetensors").write_bytes(b"other weights" * 50_000)
    repo.status()
    repo.status()
    repo.commit("second")
    assert repo.fsck().problems == []
    mvcs.clone(str(folder), str(tmp_path / "copy"))
    subprocess.run(["diff", "-r", "--exclude=.mvcs", folder, tmp_path / "copy"], check=True)


@pytest.mark.parametrize("name", FILES)
def test_any_byte_of_any_ingredient_changes_the_sha(project, name):
    folder, repo = project
    first = repo.commit("state").oid
    content = bytearray(FILES[name])
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    changed = repo.commit("state", amend=True).oid
    assert changed != first
    (folder / name).write_bytes(FILES[name])
    repo.commit("state", amend=True)
    assert repo["HEAD"].tree == repo[first.hex()].tree


def test_the_executable_bit_changes_the_sha(project):
    folder, repo = project
    first = repo.commit("state").oid
    (folder / "train.py").chmod(0o755)
    assert repo.commit("state", amend=True).oid != first
