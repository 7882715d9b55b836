"""diff, ls, cat and blame of weights by tensor."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import mvcs
from tests.cli.harness import fails, make_project, mvcs_run, ok, write
from tests.cli.test_keeping import old_runs
from tests.cli.test_merge import commit, merge
from tests.unit.store import splitter_files as files

__all__ = ["old_runs"]


def f32(*values):
    return "F32", (len(values),), np.asarray(values, "<f4").tobytes()


LAYERS = {f"model.layers.{layer}.weight": f32(1, 2, 3, layer) for layer in range(4)}
MODEL = {"embed": ("F32", (300, 300), files.noise(360_000)), **LAYERS}
LATER = {**MODEL, "model.layers.1.weight": f32(1, 2, 3, 2), "model.layers.3.weight": f32(1, 2, 7, 3)}


@pytest.fixture
def trained(tmp_path, sealed):
    """first: MODEL; second: LATER, two layers of four."""
    project = make_project(tmp_path / "m", {"train.py": "1\n", "model.safetensors": files.safetensors(MODEL)})
    commit(project, {"model.safetensors": files.safetensors(LATER)}, "second")
    return project


def rows(project, *words):
    return {row["key"]: row for row in ok("diff", *words, "--json", cwd=project).json["changes"] if row.get("driver") == "tensors"}


def terminal(project, *words, encoding="utf-8"):
    """What a command prints on a terminal."""
    import pty

    main, side = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "mvcs_cli.main", *words], cwd=project, stdout=side, stderr=subprocess.PIPE, stdin=side,
        env={**os.environ, "TERM": "dumb", "PYTHONIOENCODING": encoding},
    )
    os.close(side)
    out = b""
    while True:
        try:
            piece = os.read(main, 4096)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(main)
    _, error = child.communicate()
    assert child.returncode == 0, error
    return out.decode().replace("\r\n", "\n")


class TestDiff:
    def test_a_line_a_tensor_what_went_farthest_first(self, trained):
        lines = ok("diff", "HEAD~1", "HEAD", cwd=trained).out.splitlines()
        assert lines[1] == "    2 of 5 tensors changed"
        assert lines[2].split() == ["tensor", "dtype", "shape", "changed", "l2", "max", "relative", "cosine"]
        assert [line.split()[0] for line in lines[3:]] == ["model.layers.3.weight", "model.layers.1.weight"]
        assert lines[4].split()[1:] == ["F32", "[4]", "25.0", "%", "1", "1", "2.58e-01", "0.973729"]

    def test_json_has_all_numbers_a_row_a_tensor(self, trained):
        found = rows(trained, "HEAD~1", "HEAD")
        assert list(found) == ["model.layers.1.weight", "model.layers.3.weight"]
        row = found["model.layers.1.weight"]
        assert (row["path"], row["ingredient"], row["change"]) == ("model.safetensors", "weights", "modified")
        assert (row["moved"]["l2"], row["moved"]["changed"], row["moved"]["elements"]) == (1.0, 1, 4)

    def test_files_as_they_are_against_what_is_stored(self, trained):
        write(trained, {"model.safetensors": files.safetensors({**LATER, "embed": ("F32", (300, 300), files.noise(359_996) + b"\0\0\0\0")})})
        assert {key: row["moved"]["changed"] for key, row in rows(trained).items()} == {"embed": 1}

    def test_many_tensors_are_told_by_their_number(self, trained):
        commit(trained, {"model.safetensors": files.safetensors({f"t{at}": f32(at) for at in range(50)})})
        lines = ok("diff", "HEAD~1", "HEAD", cwd=trained).out.splitlines()
        assert lines[1:3] == ["    0 of 0 tensors changed, 50 added, 5 deleted", "    + t0  F32 [1]"]
        assert lines[-1] == "    ... and 15 more (--json)"
        assert len(rows(trained, "HEAD~1", "HEAD")) == 55

    @pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
    def test_the_same_weights_in_another_format_are_equal(self, trained, name):
        (trained / "model.safetensors").unlink()
        toml = (trained / "mvcs.toml").read_text()
        commit(trained, {name: files.torch_zip(LATER), "mvcs.toml": toml})
        if name == "model.safetensors":
            (row,) = rows(trained, "HEAD~1", "HEAD").values()
            assert (row["key"], row["reason"]) == (None, "the same tensors, written as torch instead of safetensors")
        else:
            (row,) = rows(trained, "HEAD~1", "HEAD").values()
            assert (row["path"], row["change"], row["from"]) == (name, "added", "model.safetensors")
            assert row["reason"] == "the same tensors, written as torch instead of safetensors"
            out = ok("diff", "HEAD~1", "HEAD", cwd=trained).out
            assert "    compared with model.safetensors, which went\n" in out

    def test_another_format_and_other_values(self, trained):
        (trained / "model.safetensors").unlink()
        commit(trained, {"model.pt": files.torch_zip(MODEL)})
        found = ok("diff", "HEAD~1", "HEAD", "--json", cwd=trained).json["changes"]
        assert [(row["path"], row["key"], row["change"]) for row in found] == [
            ("model.pt", None, "added"), ("model.pt", "model.layers.1.weight", "modified"),
            ("model.pt", "model.layers.3.weight", "modified"), ("model.safetensors", None, "deleted"),
        ]

    def test_where_two_files_came_none_is_the_one_that_went(self, trained):
        (trained / "model.safetensors").unlink()
        commit(trained, {"a.pt": files.torch_zip(MODEL), "b.pt": files.torch_zip(LATER)})
        assert rows(trained, "HEAD~1", "HEAD") == {}

    @pytest.mark.parametrize("broken", [b"\x80\x04K\x01.", files.safetensors(LATER)[:-5]], ids=["pickle", "cut off"])
    def test_what_is_no_file_of_tensors_is_told_by_bytes_with_the_reason(self, trained, broken):
        write(trained, {"model.safetensors": broken})
        (row,) = ok("diff", "--json", cwd=trained).json["changes"]
        assert (row["key"], row["driver"]) == ("size", "bytes")
        assert "    not tensors: " in ok("diff", cwd=trained).out

    def test_a_bar_a_layer_on_a_terminal_and_only_there(self, trained):
        plain = ok("diff", "--stat", "HEAD~1", "HEAD", cwd=trained).out
        assert plain.split() == ["weights", "1"]
        assert terminal(trained, "diff", "--stat", "HEAD~1", "HEAD", encoding="ascii") == plain
        shown = terminal(trained, "diff", "--stat", "HEAD~1", "HEAD").splitlines()
        assert shown[1] == "model.safetensors: 2 of 5 tensors changed"
        assert shown[2].split() == ["model.layers", "0-3", "·▃·█", "farthest", "3:", "relative", "8.34e-01"]

    def test_the_counts_are_told_where_weights_were_collected(self, old_runs):
        ok("gc", cwd=old_runs)
        assert terminal(old_runs, "diff", "--stat", "main", "runs/1") == ok("diff", "--stat", "main", "runs/1", cwd=old_runs).out

    def test_names_from_elsewhere_move_no_cursor(self, trained):
        commit(trained, {"model.safetensors": files.safetensors({**LATER, "\x1b[2J": f32(1)})})
        assert "\x1b" not in ok("diff", "HEAD~1", "HEAD", cwd=trained).out
        assert "\x1b" not in ok("ls", "HEAD:model.safetensors//", cwd=trained).out
        assert "\x1b" not in ok("cat", "HEAD:model.safetensors//\x1b[2J", cwd=trained).out


class TestLs:
    def test_type_shape_bytes_name(self, trained):
        lines = ok("ls", "HEAD:model.safetensors//", cwd=trained).out.splitlines()
        assert lines[0].split() == ["F32", "[300,", "300]", "360000", "embed"]
        assert len(lines) == 5
        found = ok("ls", "HEAD:model.safetensors//", "--json", cwd=trained).json["tensors"]
        assert found[1] == {"name": "model.layers.0.weight", "dtype": "F32", "shape": [4], "bytes": 16}
        assert ok("ls", "HEAD:model.safetensors//embed", "-q", cwd=trained).out == "embed\n"

    def test_tied_tensors_empty_ones_and_single_numbers(self, trained):
        whole = files.tensor("0", "FloatStorage", 4, (4,))
        pickle = b"\x80\x02}(" + b"".join(files.text(name) + made for name, made in {
            "embed": whole, "head": whole, "none": files.tensor("0", "FloatStorage", 4, (0, 2)), "one": files.tensor("0", "FloatStorage", 4, ()),
        }.items()) + b"u."
        commit(trained, {"tied.pt": files.torch_zip({}, pickle, more={"archive/data/0": bytes(16)})})
        found = {row["name"]: row for row in ok("ls", "HEAD:tied.pt//", "--json", cwd=trained).json["tensors"]}
        assert found["head"]["tied"] == "embed"
        assert "tied" not in found["embed"]
        assert (found["none"]["shape"], found["none"]["bytes"], found["one"]["shape"]) == ([0, 2], 0, [])
        assert "(tied to embed)" in ok("ls", "HEAD:tied.pt//", cwd=trained).out
        assert ok("cat", "HEAD:tied.pt//none", "--json", cwd=trained).json["mean"] == "NaN"

    def test_python_lists_them_too(self, trained):
        found = mvcs.open(trained)["HEAD"].tensors("model.safetensors")
        assert [(item.tensor.name, item.tensor.shape) for item in found][:2] == [("embed", (300, 300)), ("model.layers.0.weight", (4,))]


class TestCat:
    def test_what_the_values_are_like(self, trained):
        shown = ok("cat", "HEAD:model.safetensors//model.layers.3.weight", "--json", cwd=trained).json
        assert {name: shown[name] for name in ("dtype", "shape", "count", "mean", "min", "max", "zeros", "nan", "infinite")} == {
            "dtype": "F32", "shape": [4], "count": 4, "mean": 3.25, "min": 1.0, "max": 7.0, "zeros": 0, "nan": 0, "infinite": 0,
        }
        assert sum(shown["histogram"]) == 4
        assert "  mean      3.25\n" in ok("cat", "HEAD:model.safetensors//model.layers.3.weight", cwd=trained).out
        assert "█" in terminal(trained, "cat", "HEAD:model.safetensors//embed")

    @pytest.mark.parametrize(("dtype", "raw", "values", "widened"), [
        ("F32", np.array([1, -2], "<f4").tobytes(), [1, -2], False), ("I64", np.array([1, 2**60], "<i8").tobytes(), [1, 2**60], False),
        ("BF16", b"\x80\x3f\x00\xc0", [1, -2], True), ("F8_E4M3", b"\x38\xc0", [1, -2], True), ("C64", bytes(16), [0, 0], False),
    ])
    def test_npy(self, trained, dtype, raw, values, widened):
        commit(trained, {"x.safetensors": files.safetensors({"x": (dtype, (1, 2), raw)})})
        done = ok("cat", "HEAD:x.safetensors//x", "--npy", cwd=trained)
        found = np.load(io.BytesIO(done.bytes))
        assert (found.shape, found.tolist()) == ((1, 2), [values])
        assert done.err == (f"warning: {dtype} is written as float32\n" if widened else "")

    def test_quantised_values_have_no_statistics_and_no_npy(self, trained):
        commit(trained, {"q.gguf": files.gguf({"w": (8, (32,), bytes(34))})})
        assert ok("cat", "HEAD:q.gguf//w", "--json", cwd=trained).json["reason"] == "Q8_0 is quantised"
        assert "no statistics: Q8_0 is quantised" in ok("cat", "HEAD:q.gguf//w", cwd=trained).out
        fails(4, "unreadable-content", "cat", "HEAD:q.gguf//w", "--npy", cwd=trained)

    def test_what_an_onnx_model_keeps_at_its_side_has_the_names_that_it_tells(self, trained):
        """The data alone are bytes; who asks for them gets the names from the model in their folder, as long as they fit."""
        data = np.arange(6, dtype="<f4").tobytes() + b"\x01\x02\x03\x04"
        model = files.onnx(
            files.field(5, files.onnx_tensor("small", 1, (1,), np.float32(7).tobytes()))
            + files.field(5, files.onnx_external("w", 1, (2, 3), location="net.onnx.data", offset="0", length="24"))
            + files.field(5, files.onnx_external("q", 2, (4,), location="net.onnx.data", offset="24", length="4"))
        )
        write(trained, {"out/net.onnx": model, "out/net.onnx.data": data})
        ok("add", "out", "--as", "weights", cwd=trained)
        commit(trained, {})
        name = "HEAD:out/net.onnx.data//"
        found = ok("ls", name, "--json", cwd=trained).json["tensors"]
        assert found == [{"name": "w", "dtype": "F32", "shape": [2, 3], "bytes": 24}, {"name": "q", "dtype": "U8", "shape": [4], "bytes": 4}]
        assert ok("ls", name.replace(":out", ":@weights/out"), "--json", cwd=trained).json["tensors"] == found
        assert ok("cat", name + "w", "--json", cwd=trained).json["mean"] == 2.5
        assert np.load(io.BytesIO(ok("cat", name + "w", "--npy", cwd=trained).bytes)).tolist() == [[0, 1, 2], [3, 4, 5]]
        weights = mvcs.load_tensors("HEAD:out", repo=trained)
        assert {key: value.tolist() for key, value in weights.items()} == {"small": [7], "w": [[0, 1, 2], [3, 4, 5]], "q": [1, 2, 3, 4]}
        commit(trained, {"out/net.onnx.data": data[:-1]})  # now the model tells of more than there is
        error = fails(4, "unreadable-content", "ls", name, cwd=trained)
        assert error["message"] == "not tensors: no known format"
        ok("rm", "out/net.onnx", cwd=trained)
        commit(trained, {"out/net.onnx.data": data})
        fails(4, "unreadable-content", "ls", name, cwd=trained)

    @pytest.mark.parametrize("words", [["cat"], ["cat", "--npy"], ["blame"], ["ls"]])
    def test_an_unknown_name_has_a_hint_that_works(self, trained, words):
        error = fails(3, "path-not-found", *words, "HEAD:model.safetensors//nothing", cwd=trained)
        assert error["hint"] == "mvcs ls HEAD:model.safetensors//"
        ok(*error["hint"].split()[1:], cwd=trained)

    @pytest.mark.parametrize("words", [["cat"], ["cat", "--npy"], ["ls"]])
    def test_weights_that_are_no_tensors(self, trained, words):
        commit(trained, {"p.pkl": b"\x80\x04K\x01.", "cut.safetensors": files.safetensors(LATER)[:-5], "mvcs.toml": (trained / "mvcs.toml").read_text()})
        for name in ("p.pkl", "cut.safetensors", "train.py"):
            error = fails(4, "unreadable-content", *words, f"HEAD:{name}//x", cwd=trained)
            assert error["message"].startswith("not tensors: ")

    def test_a_name_with_any_character(self, trained):
        odd = {"/model/dense:0": f32(1), "a//b": f32(2), "": f32(3)}
        commit(trained, {"odd.safetensors": files.safetensors(odd)})
        for name, mean in (("/model/dense:0", 1.0), ("a//b", 2.0)):
            assert ok("cat", f"HEAD:odd.safetensors//{name}", "--json", cwd=trained).json["mean"] == mean
            assert list(who(trained, f"odd.safetensors//{name}")) == [name]

    def test_a_folder_or_collected_weights(self, old_runs):
        fails(3, "path-not-found", "ls", "HEAD:data//", cwd=old_runs)
        ok("gc", cwd=old_runs)
        fails(4, "weights-collected", "ls", "runs/1:model.pt//", cwd=old_runs)


def who(project, *words):
    return {item["key"]: item["commit"] for item in ok("blame", *words, "--json", cwd=project).json["keys"]}


class TestBlame:
    def test_the_commit_that_last_changed_each_tensor(self, trained):
        second = ok("rev-parse", "HEAD", "-q", cwd=trained).out.strip()
        first = ok("rev-parse", "HEAD~1", "-q", cwd=trained).out.strip()
        commit(trained, {"model.safetensors": files.safetensors(LATER, {"only": "metadata"})})
        expected = {name: second if name in {"model.layers.1.weight", "model.layers.3.weight"} else first for name in LATER}
        assert who(trained, "model.safetensors") == who(trained, "HEAD:model.safetensors") == expected
        assert who(trained, "HEAD:model.safetensors//embed") == who(trained, "model.safetensors", "embed") == {"embed": first}
        line = ok("blame", "model.safetensors//embed", cwd=trained).out
        assert line.startswith(first[:12])
        assert line.endswith("embed  F32 [300, 300]\n")
        (row,) = ok("blame", "model.safetensors//embed", "--json", cwd=trained).json["keys"]
        assert row["value"] == {"dtype": "F32", "shape": [300, 300], "bytes": 360_000}

    def test_through_a_merge_and_another_format(self, trained):
        ok("switch", "-c", "side", cwd=trained)
        new = commit(trained, {"model.safetensors": files.torch_zip({**LATER, "model.layers.0.weight": f32(9, 9, 9, 9)})}, "side")
        ok("switch", "main", cwd=trained)
        commit(trained, {"README.md": "words\n"}, "ours")
        assert merge(trained, "side").code == 0
        found = who(trained, "model.safetensors")
        assert found["model.layers.0.weight"] == new
        assert found["embed"] == ok("rev-parse", "HEAD~3", "-q", cwd=trained).out.strip()

    def test_another_shape_or_type_of_the_same_bytes_is_another_tensor(self, trained):
        new = commit(trained, {"model.safetensors": files.safetensors({
            **LATER, "embed": ("F32", (90_000,), MODEL["embed"][2]), "model.layers.0.weight": ("I32", (4,), MODEL["model.layers.0.weight"][2]),
        })})
        found = who(trained, "model.safetensors")
        assert (found["embed"], found["model.layers.0.weight"]) == (new, new)

    def test_what_was_no_file_of_tensors_before_is_newer(self, trained):
        commit(trained, {"model.safetensors": b"broken"})
        new = commit(trained, {"model.safetensors": files.safetensors(MODEL)})
        assert set(who(trained, "model.safetensors").values()) == {new}


def test_sizes_that_do_not_fit_the_memory_are_read_in_blocks(tmp_path, sealed):
    """diff, cat and blame of 160 MB of weights, each in a process whose anonymous memory is watched."""
    names = {f"layer.{at}": ("F32", (10_000_000,), b"") for at in range(4)}
    project = make_project(tmp_path / "m", {"train.py": "1\n"})
    for seed, message in ((0, "one"), (1, "two")):
        head = json.dumps({
            name: {"dtype": "F32", "shape": [10_000_000], "data_offsets": [at * 40_000_000, (at + 1) * 40_000_000]}
            for at, name in enumerate(names)
        }).encode()
        with open(project / "model.safetensors", "wb") as file:
            file.write(len(head).to_bytes(8, "little") + head)
            for at in range(4):
                values = np.arange(10_000_000, dtype="<f4") * np.float32(at + 1)
                file.write((values + np.float32(seed) if at == 2 else values).tobytes())
        commit(project, {}, message)
    run = """
import sys, threading
from mvcs_cli.main import run
peak, over = 0, threading.Event()
def watch():
    global peak
    while not over.wait(0.003):
        with open("/proc/self/status") as status:
            peak = max(peak, next(int(line.split()[1]) for line in status if line.startswith("RssAnon")))
thread = threading.Thread(target=watch); thread.start()
code = run(sys.argv[1:]); over.set(); thread.join()
print(peak, file=sys.stderr); sys.exit(code)
"""
    for words in (["diff", "HEAD~1", "HEAD", "--json"], ["cat", "HEAD:model.safetensors//layer.2"], ["blame", "model.safetensors"]):
        done = subprocess.run([sys.executable, "-c", run, *words], cwd=project, capture_output=True, text=True, check=True)
        assert 10_000 < int(done.stderr.split()[-1]) < 120_000, words
    assert mvcs_run("diff", "HEAD~1", "HEAD", "--json", cwd=project).json["changes"][0]["key"] == "layer.2"
