"""Loading by tensor: every array has the file's bytes, names mean one thing, and nothing is decoded that is not needed."""

from __future__ import annotations

import io
import mmap
import os
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from store_contents import weights

import mvcs
from mvcs.errors import NotFound, ObjectCorrupt, PathNotFound
from mvcs.objects.hashing import parse_oid
from mvcs.ops import load
from mvcs.ops.collected import WeightsCollected
from mvcs.ops.load import TensorNotFound, UnreadableTensor
from mvcs.ports import FixedClock
from mvcs.store.base import CHUNKS
from mvcs.store.mapped import evict
from mvcs.store.segments import PLACE
from tests.cli.harness import write
from tests.unit.store import splitter_files as make
from tests.unit.store.test_tensors import RAW, checkpoint

ROOT = Path(__file__).parents[3]


@pytest.fixture
def model(tmp_path):
    """Returns a function that commits files and gives the commit."""
    made = []

    def commit(files: dict[str, bytes], toml: str = "") -> mvcs.Commit:
        folder = write(tmp_path / "m", files)
        if not made:
            made.append(mvcs.init(folder, model="m", yes=True, clock=FixedClock(1_790_000_000 * 10**9, step=10**9))[0])
        if toml:
            with open(folder / "mvcs.toml", "a") as file:
                file.write(toml)
        made[0].commit("one")
        return made[0]["HEAD"]

    yield commit
    for repo in made:
        repo.close()


def repo_of(commit):
    return mvcs.Repo(commit._repository)


def mapped_files(commit) -> list[str]:
    return sorted(os.listdir(os.path.join(commit._repository.path, "mapped")))


def spoil_chunk(commit, path: str, index: int) -> None:
    """Damages one chunk of a file: whoever decodes it notices."""
    store = commit._repository.store
    chunk = store.recipe(parse_oid(repo_of(commit).resolve(f"{commit.id}:{path}")[0])).chunk(index)
    with store.read() as transaction:
        number = PLACE.unpack(transaction.get(CHUNKS, chunk))[0]
    with store.segments.environment(number).write() as segment:
        (name,) = segment._tables
        segment.put(name, chunk, bytes(segment.get(name, chunk))[:-1] + b"?")


EVERY = {
    "f32": ("F32", (2, 3), bytes(range(24))), "bf16": ("BF16", (4,), bytes(range(8))), "f8": ("F8_E4M3", (3,), b"\x01\x38\xff"),
    "f8b": ("F8_E5M2", (2, 1), b"\x3c\x7f"), "scalar": ("I64", (), b"\x07" + bytes(7)), "none": ("F16", (0, 3), b""),
    "flags": ("BOOL", (3,), b"\x01\x00\x01"), "odd": ("F64", (1,), np.float64(2.5).tobytes()), "c": ("C64", (1,), np.complex64(1 + 2j).tobytes()),
}
NUMPY = {"bf16": ml_dtypes.bfloat16, "f8": ml_dtypes.float8_e4m3fn, "f8b": ml_dtypes.float8_e5m2, "flags": np.bool_}


def test_every_type_and_shape_has_the_bytes_of_the_file(model):
    commit = model({"model.safetensors": make.safetensors(EVERY)})
    found = commit.weights.load()
    assert list(found) == list(commit.weights) == list(EVERY)
    for name, (_, shape, raw) in EVERY.items():
        assert (found[name].shape, found[name].tobytes()) == (shape, raw), name
        assert found[name].dtype == NUMPY.get(name, found[name].dtype)
    assert (found["scalar"][()], found["odd"][0], found["c"][0]) == (7, 2.5, 1 + 2j)


@pytest.mark.parametrize("mapped", [True, False])
def test_nothing_can_be_written(model, mapped):
    commit = model({"model.safetensors": weights(1, each=200_000)})
    if mapped:
        commit.weights.path("model.safetensors")
    array = commit.weights["layer.0"]
    assert isinstance(array.base, mmap.mmap) == mapped
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.setflags(write=True)


def test_arrays_lie_in_the_mapped_file_wherever_it_has_them(model):
    """A header of odd length leaves all tensors unaligned; nothing is copied."""
    raw = np.arange(1000, dtype="<f4").tobytes()
    header = b'{"a":{"dtype":"F32","shape":[1000],"data_offsets":[0,4000]}}'
    content = make.raw_safetensors(header + b" " * (3 - len(header) % 4), raw)
    commit = model({"model.safetensors": content})
    array = commit.weights["a"]
    assert not array.flags.aligned
    assert isinstance(array.base, mmap.mmap)
    assert array.tolist() == list(range(1000))


def test_views_of_a_checkpoint_are_what_torch_makes_of_them(model):
    named = {
        "whole": make.tensor("0", "FloatStorage", 24, (4, 6)), "tied": make.tensor("0", "FloatStorage", 24, (4, 6)),
        "part": make.tensor("0", "FloatStorage", 24, (2, 3), start=6),
        "turned": make.tensor("0", "FloatStorage", 24, (6, 4), stride=(1, 6)),
        "spread": make.tensor("0", "FloatStorage", 24, (3, 6), stride=(0, 1)),
        "scalar": make.tensor("0", "FloatStorage", 24, (), start=23), "none": make.tensor("0", "FloatStorage", 24, (0, 3)),
    }
    commit = model({"model.pt": checkpoint(named, {"0": RAW})})
    flat = np.frombuffer(RAW, "<f4")
    found = commit.weights.load()
    wanted = {
        "whole": flat.reshape(4, 6), "tied": flat.reshape(4, 6), "part": flat[6:12].reshape(2, 3),
        "turned": flat.reshape(4, 6).T, "spread": np.broadcast_to(flat[:6], (3, 6)), "scalar": flat[23], "none": np.empty((0, 3), "<f4"),
    }
    assert {name: array.tobytes() for name, array in found.items()} == {name: array.tobytes() for name, array in wanted.items()}
    assert found["tied"].__array_interface__["data"] == found["whole"].__array_interface__["data"]


@pytest.mark.parametrize("file", ["model.pt", "model-protocol4.pt", "model.safetensors", "model.npz", "model.onnx", "model.gguf"])
def test_files_that_their_own_libraries_wrote(model, file):
    content = (ROOT / "tests/unit/store/weights" / file).read_bytes()
    found = model({file: content}).weights.match("layer.*", "c").load()
    wanted = {"layer.a": np.arange(12, dtype="<f4").reshape(3, 4), "layer.b": np.arange(5), "c": np.arange(8, dtype="<f2")}
    for name, array in wanted.items():
        assert (found[name].shape, found[name].dtype, found[name].tolist()) == (array.shape, array.dtype, array.tolist())


def test_numpy_files_as_numpy_reads_them(model):
    out = io.BytesIO()
    array = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    np.save(out, array)
    commit = model({"data/x.npy": out.getvalue()})
    assert (mvcs.load_tensors("HEAD:data/x.npy", repo=repo_of(commit))["array"] == array).all()


def test_a_small_tensor_of_a_large_file_decodes_its_own_chunks_only(model):
    small = np.arange(100, dtype="<f4").tobytes()
    large = {name: ("F32", (1_000_000,), np.random.default_rng(seed).bytes(4_000_000)) for seed, name in enumerate("abc")}
    commit = model({"model.safetensors": make.safetensors({"small": ("F32", (100,), small), **large})})
    spoil_chunk(commit, "model.safetensors", 4)
    assert commit.weights["small"].tobytes() == small
    assert mapped_files(commit) == []
    with pytest.raises(ObjectCorrupt):
        commit.weights.load()
    assert mapped_files(commit) == []


def test_what_is_asked_for_again_is_not_decoded_again(model):
    commit = model({"model.safetensors": weights(1, each=500_000)})
    first = commit.weights["layer.0"]
    spoil_chunk(commit, "model.safetensors", 1)
    assert commit.weights["layer.0"].base is first.base
    assert repo_of(commit)["HEAD"].weights.keys() == commit.weights.keys()


def test_half_of_a_file_is_mapped_however_it_is_asked_for(model):
    content = weights(1, count=8, each=200_000)
    commit = model({"model.safetensors": content})
    for index in range(4):  # with the header the file is a little more than twice these
        assert isinstance(commit.weights[f"layer.{index}"].base, bytes)
    assert mapped_files(commit) == []
    assert isinstance(commit.weights["layer.4"].base, mmap.mmap)
    assert len(mapped_files(commit)) == 1
    assert isinstance(commit.weights["layer.0"].base, mmap.mmap)
    assert repo_of(commit)["HEAD"].weights["layer.7"].base is commit.weights["layer.4"].base


def test_what_is_more_than_a_process_should_have_alone_is_mapped(model, monkeypatch):
    monkeypatch.setattr(load, "RANGE_BYTES", 900_000)
    commit = model({"a.safetensors": weights(1, count=8, each=200_000, names="a"), "b.safetensors": weights(2, count=8, each=200_000, names="b")})
    assert isinstance(commit.weights["a.0"].base, bytes)
    assert isinstance(commit.weights["b.0"].base, bytes)
    assert isinstance(commit.weights["a.1"].base, mmap.mmap)


def test_all_at_once_of_a_small_selection(model):
    commit = model({"model.safetensors": weights(1, count=8, each=200_000)})
    found = commit.weights.match("layer.[01]").load()
    assert list(found) == ["layer.0", "layer.1"]
    assert mapped_files(commit) == []
    assert list(commit.weights.match("layer.[0-5]").load()) == [f"layer.{index}" for index in range(6)]
    assert len(mapped_files(commit)) == 1


# Names


@pytest.fixture
def several(model):
    """Two shards of one model, and the average of its weights."""
    return model({
        "model/one.safetensors": make.safetensors({"a": ("U8", (1,), b"1"), "b.x": ("U8", (1,), b"2")}),
        "model/two.safetensors": make.safetensors({"b.y": ("U8", (1,), b"3")}),
        "ema.safetensors": make.safetensors({"a": ("U8", (1,), b"4"), "c": ("U8", (1,), b"5")}),
    })


def values(found) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in found.items()}


def test_a_name_means_one_tensor(several):
    everything = {"ema.safetensors//a": b"4", "c": b"5", "model/one.safetensors//a": b"1", "b.x": b"2", "b.y": b"3"}
    assert values(several.weights) == values(several.weights.load()) == everything
    assert several.weights["model/two.safetensors//b.y"].tobytes() == b"3"
    assert "b.y" in several.weights
    assert "ema.safetensors//a" in several.weights
    assert "a" not in several.weights
    assert 7 not in several.weights
    assert several.weights.get("nosuch") is None
    with pytest.raises(TensorNotFound) as caught:
        several.weights["a"]
    assert "ema.safetensors//a, model/one.safetensors//a" in caught.value.message


@pytest.mark.parametrize(("patterns", "expected"), [
    (["b.*"], ["b.x", "b.y"]), (["model/*//*"], ["model/one.safetensors//a", "b.x", "b.y"]), (["c", "b.y", "c"], ["c", "b.y"]),
    (["a"], ["ema.safetensors//a", "model/one.safetensors//a"]), (["ema*"], ["ema.safetensors//a", "c"]),
])
def test_patterns(several, patterns, expected):
    assert list(several.weights.match(*patterns)) == expected
    assert list(mvcs.load_tensors("HEAD", patterns, repo=repo_of(several))) == expected


def test_a_selection_of_a_selection(several):
    chosen = several.weights.match("model/*//*").match("a")
    assert values(chosen) == {"model/one.safetensors//a": b"1"}
    with pytest.raises(KeyError):
        chosen["c"]


def test_one_file_or_folder_has_its_own_names(several):
    repo = repo_of(several)
    assert values(mvcs.load_tensors("HEAD:ema.safetensors", repo=repo)) == {"a": b"4", "c": b"5"}
    assert values(mvcs.load_tensors("HEAD:model", "a", repo=repo)) == {"a": b"1"}
    assert values(mvcs.load_tensors("HEAD:@weights", repo=repo)) == values(several.weights)
    assert values(mvcs.load_tensors("HEAD:@weights/model", repo=repo)) == values(mvcs.load_tensors("HEAD:model", repo=repo))
    with pytest.raises(PathNotFound):
        mvcs.load_tensors("HEAD:nosuch.safetensors", repo=repo)


def test_what_is_known_without_reading(several):
    assert several.weights.info("b.x").to_dict() == {
        "name": "b.x", "dtype": "U8", "shape": [1], "bytes": 1, "file": "model/one.safetensors",
    }
    assert (len(several.weights), repr(several.weights)) == (5, f"<5 tensors of {several.id[:12]}>")
    assert mapped_files(several) == []


def test_a_typing_error_is_told(several):
    with pytest.raises(TensorNotFound) as caught:
        mvcs.load_tensors("HEAD", ["b.x", "b.z"], repo=repo_of(several))
    assert isinstance(caught.value, KeyError)
    assert isinstance(caught.value, NotFound)
    assert caught.value.exit_code == 3
    assert str(caught.value) == caught.value.message == f"{several.id[:12]} has no tensor 'b.z': it has b.y, b.x"
    assert caught.value.hint == f"mvcs ls {several.id[:12]}"


# What has no arrays


def test_pickles_say_so(model):
    commit = model({"model.pkl": b"\x80\x04K\x01.", "train.py": b""})
    assert list(commit.weights) == []
    for ask in (lambda: commit.weights["w"], lambda: mvcs.load_tensors("HEAD", repo=repo_of(commit)), lambda: commit.weights.load()):
        with pytest.raises(TensorNotFound, match=r"model.pkl cannot be read by tensor: nothing is unpickled or unpacked"):
            ask()


def test_no_weights_at_all(model):
    commit = model({"train.py": b""})
    assert dict(commit.weights) == {}
    with pytest.raises(TensorNotFound, match="it has no weights"):
        commit.weights.load()


def test_quantised_and_packed_tensors_have_bytes_only(model):
    commit = model({"model.gguf": make.gguf({"q": (2, (32,), bytes(range(18))), "f": (0, (2,), bytes(8))})})
    assert commit.weights["f"].tolist() == [0, 0]
    assert commit.weights.info("q").dtype == "Q4_0"
    with pytest.raises(UnreadableTensor) as caught:
        commit.weights.load()
    assert (caught.value.fields["name"], caught.value.hint) == ("q", "commit.weights.raw('q')")
    raw = commit.weights.raw("q")
    assert (raw.dtype, raw.tobytes(), raw.flags.writeable) == (np.uint8, bytes(range(18)), False)


def test_a_tensor_of_steps_of_zero_that_no_memory_holds(model):
    named = {"huge": make.tensor("0", "FloatStorage", 24, (1 << 30, 1 << 30, 1 << 30), stride=(0, 0, 0))}
    commit = model({"model.pt": checkpoint(named, {"0": RAW})})
    with pytest.raises(UnreadableTensor):
        commit.weights["huge"]


def test_collected_weights_say_so(lab):
    oid = lab.run("runs/1", weights(5))
    lab.day(31)
    lab.repo.gc()
    for ask in (
        lambda: lab.repo[oid].weights["layer.0"], lambda: lab.repo[oid].weights.keys().__len__(),
        lambda: mvcs.load_tensors(oid, repo=lab.repo), lambda: mvcs.load_tensors(f"{oid}:model.pt", repo=lab.repo),
        lambda: mvcs.open_file(f"{oid}:model.pt", repo=lab.repo), lambda: lab.repo[oid].weights.path("model.pt"),
    ):
        with pytest.raises(WeightsCollected):
            ask()


# A mapped file under a running process


def disturb(path: str, how: str) -> None:
    if how == "deleted":
        os.unlink(path)
        return
    os.chmod(path, 0o644)
    if how == "truncated":
        os.truncate(path, 100)
    elif how == "replaced":
        os.unlink(path)
        with open(path, "wb") as file:
            file.write(b"x" * 5000)
    else:
        with open(path, "r+b") as file:
            file.seek(2000)
            file.write(b"overwritten")


@pytest.mark.parametrize("how", ["deleted", "truncated", "replaced", "overwritten"])
def test_what_users_do_to_a_mapped_file_is_seen_and_mended(model, how):
    content = weights(1, each=3000)
    commit = model({"model.safetensors": content})
    before = commit.weights.load()
    disturb(commit.weights.path("model.safetensors"), how)
    again = commit.weights.load()
    assert b"".join(again[name].tobytes() for name in again) == content[-18_000:]
    assert before["layer.1"].base is not again["layer.1"].base
    if how in {"deleted", "replaced"}:
        assert values(before) == values(again)
    with open(commit.weights.path("model.safetensors"), "rb") as file:
        assert file.read() == content


def test_arrays_outlive_their_file_and_their_commit(model):
    content = weights(1, each=300_000)
    commit = model({"model.safetensors": content})
    repo = repo_of(commit)
    found = commit.weights.load()
    repo.reset("HEAD", hard=True)
    write(Path(repo.root), {"model.safetensors": weights(2)})
    repo.commit("other weights", amend=True)
    repo.config_set("gc.undo_days", "0")
    repo.gc(thorough=True)
    assert evict(commit._repository.store, 0) >= 0
    assert mapped_files(commit) == []
    repo.close()
    assert b"".join(found[name].tobytes() for name in found) == content[-1_800_000:]


def test_the_cap_of_the_cache_takes_no_array_away(model):
    files = {f"{name}.safetensors": weights(seed, names=name) for seed, name in enumerate("abc")}
    commit = model(files)
    repo_of(commit).config_set("mapped.max_bytes", "600000")
    commit = repo_of(commit)["HEAD"]
    commit._repository.config = mvcs.open(repo_of(commit).root)._repository.config
    found = commit.weights.load()
    assert len(mapped_files(commit)) == 1
    assert {name: found[f"{name}.0"].tobytes() for name in "abc"} == {
        name: np.ndarray((160_000,), "u1", files[f"{name}.safetensors"], len(files[f"{name}.safetensors"]) - 480_000).tobytes() for name in "abc"
    }


# Doors


def test_the_repository_is_found_from_the_folder_or_by_name(model, monkeypatch, tmp_path):
    commit = model({"model.safetensors": make.safetensors({"a": ("U8", (2,), b"12")})})
    folder, store = repo_of(commit).root, commit._repository.path
    monkeypatch.chdir(folder)
    assert mvcs.load_tensors("HEAD")["a"].tobytes() == b"12"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mvcs.errors.NotARepository):
        mvcs.load_tensors("main")
    assert mvcs.load_tensors("main", "a", repo=folder)["a"].tobytes() == b"12"
    assert mvcs.load_tensors("main", ["a"], repo=Path(folder))["a"].tobytes() == b"12"
    monkeypatch.setenv("MVCS_DIR", store)
    assert mvcs.load_tensors("main")["a"].tobytes() == b"12"


def test_a_repository_that_is_named_comes_before_the_one_of_the_environment(model, monkeypatch, tmp_path):
    commit = model({"model.safetensors": make.safetensors({"a": ("U8", (2,), b"12")})})
    here, bare = repo_of(commit).root, write(tmp_path / "bare", {"mvcs.toml": 'model = "m"\n'})
    other, _ = mvcs.init(write(tmp_path / "other", {"x.safetensors": make.safetensors({"a": ("U8", (2,), b"34")})}), model="m", yes=True)
    other.commit("other")
    monkeypatch.chdir(here)
    monkeypatch.setenv("MVCS_DIR", other._repository.path)

    def loaded(where):
        with mvcs.open(where) as repo:
            found = repo["main"].weights["a"].tobytes()
        assert mvcs.load_tensors("main", repo=where)["a"].tobytes() == found
        return found

    assert [loaded(where) for where in (here, Path(here), ".", tmp_path / "other")] == [b"12", b"12", b"12", b"34"]
    assert loaded(None) == b"34"
    assert loaded(bare) == b"34"  # a workspace in no repository is what MVCS_DIR is for
    with pytest.raises(mvcs.errors.NotARepository) as caught:
        mvcs.open(tmp_path)
    assert caught.value.fields["path"] == str(tmp_path)
    monkeypatch.setenv("MVCS_DIR", str(tmp_path / "nosuch"))
    assert loaded(here) == b"12"
    other.close()


def test_a_file_of_a_revision(model):
    content = weights(1)
    commit = model({"model.safetensors": content})
    with mvcs.open_file("HEAD:model.safetensors", repo=repo_of(commit)) as file:
        file.seek(-1000, 2)
        assert file.read() == content[-1000:]


def test_without_torch_the_error_says_what_to_do(model):
    commit = model({"model.safetensors": weights(1)})
    script = (
        "import sys; sys.modules['torch'] = None; import mvcs\n"
        "try: mvcs.load_state_dict('HEAD')\n"
        "except mvcs.errors.MvcsError as error: print(error.code, error.exit_code, error.message, '|', error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=repo_of(commit).root, capture_output=True, text=True, check=True)
    assert done.stdout == "missing-package 4 the package torch is not installed | pip install torch\n"
    assert mapped_files(commit) == []


def test_torch_tensors_are_writable_alone_and_share_the_file(model):
    torch = pytest.importorskip("torch")
    named = {
        "whole": make.tensor("0", "FloatStorage", 24, (4, 6)), "turned": make.tensor("0", "FloatStorage", 24, (6, 4), stride=(1, 6)),
        "none": make.tensor("0", "FloatStorage", 24, (0, 3)), "scalar": make.tensor("0", "FloatStorage", 24, (), start=23),
    }
    commit = model({"model.pt": checkpoint(named, {"0": RAW}), "more.safetensors": make.safetensors({
        "bf": ("BF16", (2,), b"\x80\x3f\x00\x40"), "f8": ("F8_E4M3", (1,), b"\x38"), "odd": ("F32", (1,), np.float32(3).tobytes()),
    })})
    found = mvcs.load_state_dict("HEAD", repo=repo_of(commit))
    arrays = commit.weights.load()
    for name, tensor in found.items():
        assert tensor.float().numpy().tolist() == arrays[name].astype("f4").tolist(), name
    assert found["bf"].dtype == torch.bfloat16
    found["whole"].zero_()
    assert found["turned"].sum() == 0
    assert commit.weights["whole"].tobytes() == RAW
    assert mvcs.load_state_dict("HEAD", "whole", repo=repo_of(commit))["whole"].sum() != 0


def test_bytes_for_torch_can_be_written_and_are_nobody_elses(model):
    """What torch gets: copy-on-write maps, or for a small part bytes of its own; one for tensors that are one."""
    tied = {name: make.tensor("0", "FloatStorage", 24, (4, 6)) for name in ("a", "b")}
    large = np.random.default_rng(1).bytes(4_000_000)
    commit = model({"model.pt": checkpoint({**tied, "large": make.tensor("1", "FloatStorage", 1_000_000, (1_000_000,))}, {"0": RAW, "1": large})})
    index = load.tensors_of(commit._repository, "HEAD")
    for patterns, kind in ((["a", "b"], bytearray), (["*"], mmap.mmap)):
        buffers = {place.name: (buffer, at) for place, buffer, at in load.Loader(commit._repository).load(index.match(patterns), private=True)}
        buffer, at = buffers["a"]
        assert isinstance(buffer, kind)
        assert buffers["b"] == (buffer, at)
        assert bytes(buffer[at : at + 96]) == RAW
        buffer[at : at + 4] = b"mine"
        assert commit.weights["a"].tobytes() == RAW


def test_importing_loads_no_numpy():
    script = "import sys, mvcs, mvcs.api.weights, mvcs.ops.load; mvcs.load_tensors; print([m for m in ('numpy', 'ml_dtypes', 'torch', 'fsspec') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
