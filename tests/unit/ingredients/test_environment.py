"""The training environment, asked of real interpreters: what counts, where it came from, what is not run."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import zipfile

import pytest

from mvcs.errors import UnreadableFile
from mvcs.formats.captured import read_captured
from mvcs.formats.content import Bytes
from mvcs.ingredients.environment import capture_environment, without_credentials
from mvcs.ingredients.interpreter import ask, find_interpreter


def make_wheel(folder: pathlib.Path, name: str, version: str, requires: tuple[str, ...] = ()) -> pathlib.Path:
    """A wheel by hand: one module that must never be imported, its metadata, its record."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": "raise SystemExit('imported')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(f"Requires-Dist: {one}\n" for one in requires) + "\nVersion: of the description\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},{len(text)}\n" for path, text in files.items()
    )
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            archive.writestr(path, text)
    return wheel


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with a virtual environment of its own, into which a wheel was installed."""
    project = tmp_path_factory.mktemp("project")
    subprocess.run([sys.executable, "-m", "venv", project / ".venv"], check=True)
    wheels = project / "wheels"
    make_wheel(wheels, "Tiny_Package", "1.0+cu121")
    pip = [project / ".venv/bin/python", "-m", "pip", "--disable-pip-version-check", "-q", "install", "--no-index", "--find-links", wheels]
    subprocess.run([*pip, "tiny-package"], check=True)
    return project


@pytest.fixture
def project(made, tmp_path):
    """A copy of it that a test may change; its interpreter is the same link."""
    shutil.copytree(made, tmp_path / "p", symlinks=True)
    return tmp_path / "p"


def packages_of(project):
    return next((project / ".venv/lib").glob("python3.*/site-packages"))


def put(project, name, version, **files):
    info = packages_of(project) / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nbody\n")
    for file, content in files.items():
        (info / file.replace("direct_url", "direct_url.json")).write_text(content if isinstance(content, str) else json.dumps(content))
    return info


def capture(project, **more):
    found = capture_environment(str(project), None, None, **more)
    assert found is not None
    return found, read_captured(Bytes(found.entry))


def test_a_real_environment(made):
    found, entry = capture(made)
    python = ".".join(map(str, sys.version_info[:2]))
    assert entry["packages"].pop("tiny-package") == "1.0+cu121"
    assert entry == {"python": python, "implementation": "cpython", "packages": {}, "cuda": None}
    assert (found.warnings, found.incomplete) == ((), ())
    assert found.provenance["interpreter"]["executable"] == str(made / ".venv/bin/python")
    assert found.provenance["python"].startswith(python + ".")
    for own in (str(made), os.uname().nodename):
        assert own not in found.entry.decode()


def test_it_says_what_importlib_metadata_says(made):
    script = "import importlib.metadata as m, json; print(json.dumps(sorted([d.metadata['Name'], d.version] for d in m.distributions())))"
    done = subprocess.run([made / ".venv/bin/python", "-I", "-c", script], capture_output=True, check=True)
    assert sorted([one.name, one.version] for one in ask(str(made / ".venv/bin/python")).distributions) == json.loads(done.stdout)


def test_the_entry_is_the_same_in_another_folder(made, project):
    assert capture(made)[0].entry == capture(project)[0].entry


def test_it_is_quick_with_many_packages(project):
    for number in range(300):
        put(project, f"package{number}", "1.0")
    times = []
    for _ in range(3):
        start = time.perf_counter()
        _, entry = capture(project)
        times.append(time.perf_counter() - start)
    assert len(entry["packages"]) == 301
    assert min(times) < 0.5


def test_which_interpreter(project, tmp_path):
    venv = project / ".venv/bin/python"
    other = tmp_path / "other"
    shutil.copytree(project / ".venv", other, symlinks=True)
    assert find_interpreter(str(project), None, str(other)) == str(venv)
    assert find_interpreter(str(project), ".venv/bin/python", str(other)) == str(venv)
    assert find_interpreter(str(project), ".venv", None) == str(venv)
    assert find_interpreter(str(project), str(other / "bin/python"), None) == str(other / "bin/python")
    shutil.rmtree(project / ".venv")
    assert find_interpreter(str(project), None, str(other)) == str(other / "bin/python")
    assert find_interpreter(str(project), None, None) is None
    assert capture_environment(str(project), None, None) is None
    assert find_interpreter(str(project), None, str(tmp_path / "gone")) is None


@pytest.mark.parametrize("declared", ["nowhere/python", ".venv/lib", "plain"])
def test_a_declared_interpreter_that_is_none_is_an_error_and_no_other_is_taken(project, declared):
    (project / "plain").write_text("#!/bin/sh\n")
    with pytest.raises(UnreadableFile) as caught:
        capture_environment(str(project), declared, str(project / ".venv"))
    assert str(project / declared) in str(caught.value.fields["path"])
    assert "mvcs.toml" in caught.value.hint


def test_a_link_to_nothing_is_an_error(project):
    (project / ".venv/bin/python").unlink()
    (project / ".venv/bin/python").symlink_to("/nowhere/python3.11")
    with pytest.raises(UnreadableFile, match="leads to nothing"):
        capture_environment(str(project), None, None)


@pytest.mark.parametrize(("script", "reason"), [("exit 3", "ended with 3"), ("echo nonsense", "ended with 0"), ("echo broken >&2; exit 1", "broken"), ("printf '\\0mvcs\\0{}\\0mvcs\\0'", "cannot be read"), ("printf '\\0mvcs\\0[[[[\\0mvcs\\0'", "cannot be read"), ("exec sleep 60", "did not answer")])
def test_an_interpreter_that_is_none_is_told(tmp_path, script, reason):
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    with pytest.raises(UnreadableFile, match=reason):
        ask(str(path), timeout=1.0)


def test_nothing_of_the_environment_is_run(project):
    site = packages_of(project)
    (site / "evil.pth").write_text("import os; os._exit(7)\n")
    (site / "sitecustomize.py").write_text("raise SystemExit('run')\n")
    (site / "usercustomize.py").write_text("raise SystemExit('run')\n")
    (site / "json.py").write_text("raise SystemExit('run')\n")
    assert "tiny-package" in capture(project)[1]["packages"]


def test_hostile_metadata_is_told_and_passed_over(project):
    site = packages_of(project)
    put(project, "good", "1.0")
    (site / "empty-1.dist-info").mkdir()
    (site / "noversion-1.dist-info").mkdir()
    (site / "noversion-1.dist-info/METADATA").write_text("Name: noversion\n\nVersion: 1\n")
    (site / "loop-1.dist-info").symlink_to("loop-1.dist-info")
    (site / "binary-1.dist-info").mkdir()
    (site / "binary-1.dist-info/METADATA").write_bytes(b"\xff\xfe\0" * 1000)
    put(project, "spaced", "1.0").joinpath("METADATA").write_text("Name: two words\nVersion: 1\n")
    put(project, "shell", "1.0").joinpath("METADATA").write_text("Name: shell\nVersion: 1;rm\n")
    put(project, "direct", "1.0", direct_url="{nonsense")
    (site / "~eft-1.dist-info").mkdir()
    found, entry = capture(project)
    assert set(entry["packages"]) == {"good", "tiny-package", "direct"}
    assert len(found.warnings) == 6
    assert {line.split(":")[0] for line in found.incomplete} == {"package with unreadable metadata", "package with an illegal name or version", "package direct"}


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(("direct", "value", "incomplete"), [
    ({"url": "https://u:p@h/o/r", "vcs_info": {"vcs": "git", "commit_id": COMMIT, "requested_revision": "main"}}, f"1.0 @ git+https://h/o/r@{COMMIT}", ""),
    ({"url": "ssh://git@h/o/r", "vcs_info": {"vcs": "git", "commit_id": COMMIT}, "subdirectory": "sub"}, f"1.0 @ git+ssh://git@h/o/r@{COMMIT}#subdirectory=sub", ""),
    ({"url": "https://h/o/r", "vcs_info": {"vcs": "git"}}, "1.0", "package own: installed from git+https://h/o/r without a commit"),
    ({"url": "file:///r", "vcs_info": {"vcs": "git", "commit_id": COMMIT}}, "1.0", "package own: installed from a repository on this machine"),
    ({"url": "https://h/own.whl", "archive_info": {"hashes": {"sha256": "a" * 64}}}, "1.0 @ https://h/own.whl#sha256=" + "a" * 64, ""),
    ({"url": "https://h/own.whl", "archive_info": {"hash": "sha256=" + "a" * 64}}, "1.0 @ https://h/own.whl#sha256=" + "a" * 64, ""),
    ({"url": "https://h/own.whl", "archive_info": {}}, "1.0 @ https://h/own.whl", "package own: installed from a URL without a digest"),
    ({"url": "file:///wheels/own.whl", "archive_info": {}}, "1.0", "package own: installed from a file on this machine"),
    ({"url": "file:///elsewhere", "dir_info": {"editable": True}}, "1.0", "package own: installed from a folder outside of the project"),
    ({"url": "file://PROJECT", "dir_info": {"editable": True}}, "-e .", ""), ({"url": "file://PROJECT/libs/own", "dir_info": {}}, "./libs/own", ""),
    ([], "1.0", "package own: its direct_url.json cannot be read"), ({"url": "https://h/a b", "archive_info": {}}, "1.0", "package own: installed from a URL that cannot be written down"),
])
def test_where_a_package_came_from(project, direct, value, incomplete):
    put(project, "own", "1.0", direct_url=json.dumps(direct).replace("PROJECT", str(project)))
    found, entry = capture(project)
    assert entry["packages"]["own"] == value
    assert found.incomplete == ((incomplete,) if incomplete else ())
    assert str(project).encode() not in found.entry


def test_packages_of_conda_are_not_called_local(project):
    put(project, "numpy", "1.26.4", direct_url={"url": "file:///croot/numpy/work", "dir_info": {}}, INSTALLER="conda\n")
    assert capture(project)[1]["packages"]["numpy"] == "1.26.4"
    assert capture(project)[0].incomplete == ()


def test_a_development_install_of_old(project, tmp_path):
    for name, folder in (("inside", project / "src"), ("outside", tmp_path / "out")):
        (folder / f"{name}.egg-info").mkdir(parents=True)
        (folder / f"{name}.egg-info/PKG-INFO").write_text(f"Name: {name}\nVersion: 2\n\n")
        (packages_of(project) / f"{name}.egg-link").write_text(f"{folder}\n.")
        with (packages_of(project) / "easy-install.pth").open("a") as file:
            file.write(f"{folder}\n")
    found, entry = capture(project)
    assert (entry["packages"]["inside"], entry["packages"]["outside"]) == ("-e ./src", "2")
    assert found.incomplete == ("package outside: a development install outside of the project",)


@pytest.mark.parametrize(("packages", "cuda", "warned"), [
    ({"nvidia-cuda-runtime-cu12": "12.1.105"}, "12.1", False), ({"nvidia-cuda-runtime": "13.0.48"}, "13.0", False), ({"torch": "2.1.0+cu118"}, "11.8", False), ({"torch": "2.9.0+cu130"}, "13.0", False),
    ({"torch": "2.1.0+cu121", "nvidia-cuda-runtime-cu12": "12.1.105"}, "12.1", False), ({"torch": "2.1.0+cu118", "nvidia-cuda-runtime-cu12": "12.1.105"}, "11.8", True),
    ({"torch": "2.1.0+cpu"}, None, False), ({"torch": "2.1.0+rocm5.6"}, None, False), ({"torch": "2.1.0"}, None, False), ({"jaxlib": "0.4.30+cuda12.cudnn89"}, None, False),
])
def test_the_cuda_runtime(project, packages, cuda, warned):
    for name, version in packages.items():
        put(project, name, version)
    found, entry = capture(project)
    assert entry["cuda"] == cuda
    assert bool(found.warnings) is warned


def test_the_cuda_runtime_of_conda(project):
    (project / ".venv/conda-meta").mkdir()
    (project / ".venv/conda-meta/cuda-cudart-12.4.127-0.json").write_text("{}")
    found, entry = capture(project)
    assert entry["cuda"] == "12.4"
    assert found.provenance["conda"] == ["cuda-cudart-12.4.127-0"]


def test_two_versions_of_one_package_are_told(project):
    put(project, "twice", "1.9")
    put(project, "Twice", "1.10")
    found, entry = capture(project)
    assert entry["packages"]["twice"] == "1.10"
    assert found.incomplete == ("package twice: installed twice, 1.10 and 1.9",)


def test_versions_have_one_spelling(project):
    put(project, "Odd.Name_here", "v1.0.0-RC1")
    put(project, "legacy", "2004d")
    packages = capture(project)[1]["packages"]
    assert (packages["odd-name-here"], packages["legacy"]) == ("1.0.0rc1", "2004d")


def test_what_is_declared_is_in_the_entry(made):
    entry = capture(made, also={"os_packages": {"libgl1": "1.6", "ffmpeg": ""}, "image": "docker.io/x@sha256:" + "0" * 64})[1]
    assert entry["os_packages"] == {"libgl1": "1.6", "ffmpeg": ""}
    assert entry["image"].endswith("0" * 64)


@pytest.mark.parametrize("path", sorted(pathlib.Path(sys.base_prefix).parent.glob("*3*/bin/python3")), ids=lambda path: path.parents[1].name)
def test_older_and_newer_interpreters_answer(path):
    """Those that lie beside the one that runs the tests, as version managers put them."""
    done = subprocess.run([path, "-c", "import sys; print(*sys.version_info[:3])"], capture_output=True, check=True, text=True)
    answer = ask(str(path))
    assert list(answer.python) == [int(part) for part in done.stdout.split()]
    assert "pip" in {one.name for one in answer.distributions}


@pytest.mark.parametrize(("url", "clean"), [
    ("https://u:p@h/x@v", "https://h/x@v"), ("https://token@h/x", "https://h/x"), ("ssh://git@h/x", "ssh://git@h/x"), ("ssh://git:p@h/x", "ssh://git@h/x"), ("https://h/x@v", "https://h/x@v"),
])
def test_no_credentials_are_kept(url, clean):
    assert without_credentials(url) == clean
