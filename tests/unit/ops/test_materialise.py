"""materialise: files for mapping, whole sets of them, and never a wrong byte in one."""

from __future__ import annotations

import os

import pytest
from store_contents import weights

import mvcs
from mvcs.errors import InvalidArgument, ObjectCorrupt, PathNotFound
from mvcs.objects.hashing import parse_oid
from mvcs.ports import FixedClock
from mvcs.store.base import CHUNKS
from mvcs.store.segments import PLACE
from tests.cli.harness import write

FILES = {
    "train.py": b"print(1)\n", "model/a.safetensors": weights(1), "model/b.safetensors": weights(2),
    "model/c.safetensors": weights(3), "data/a.csv": b"a,b\n" * 10_000, "data/deep/b.csv": b"1,2\n" * 10_000,
}
SIZE = len(weights(1))


@pytest.fixture
def repo(tmp_path):
    folder = write(tmp_path / "m", FILES)
    os.symlink("train.py", folder / "again.py")
    clock = FixedClock(1_790_000_000_000_000_000, step=10**9)
    repo, _ = mvcs.init(folder, model="m", yes=True, clock=clock)
    repo.commit("one")
    with repo:
        yield repo


def contents(found: dict[str, str]) -> dict[str, bytes]:
    made = {}
    for path, mapped in found.items():
        with open(mapped, "rb") as file:
            made[path] = file.read()
    return made


def there(repo) -> set[str]:
    return {os.path.join(repo.path, "mapped", name) for name in os.listdir(os.path.join(repo.path, "mapped"))}


@pytest.mark.parametrize(("paths", "expected"), [
    ((), ["model/a.safetensors", "model/b.safetensors", "model/c.safetensors"]),
    (("data",), ["data/a.csv", "data/deep/b.csv"]),
    (("data/",), ["data/a.csv", "data/deep/b.csv"]),
    (("data/*.csv",), ["data/a.csv", "data/deep/b.csv"]),
    (("model/[ab].safetensors", "train.py"), ["model/a.safetensors", "model/b.safetensors", "train.py"]),
])
def test_what_is_asked_for(repo, paths, expected):
    found = repo["HEAD"].materialise(paths)
    assert list(found) == expected
    assert contents(found) == {path: FILES[path] for path in expected}
    assert there(repo) == set(found.values())


def test_everything_but_links(repo):
    found = repo["HEAD"].materialise(every=True)
    assert set(found) == {*FILES, "mvcs.toml", ".mvcsignore"}
    assert {path: contents(found)[path] for path in FILES} == FILES


def test_the_result_names_commit_and_sizes(repo):
    done = repo.materialise("main", ["train.py"])
    assert done.to_dict() == {
        "commit": repo["main"].id,
        "files": [{"path": "train.py", "mapped": done.files[0].mapped, "size": len(FILES["train.py"])}],
    }


@pytest.mark.parametrize("path", ["nosuch", "*.nosuch", "again.py", "mod", "data/a.csv/x"])
def test_what_is_not_there_is_not_made_up(repo, path):
    with pytest.raises(PathNotFound):
        repo["HEAD"].materialise(["train.py", path])
    assert there(repo) == set()


def test_paths_or_all(repo):
    with pytest.raises(InvalidArgument):
        repo.materialise("HEAD", ["data"], every=True)


def test_a_set_larger_than_the_limit_is_refused_before_anything_is_written(repo):
    repo.config_set("mapped.max_bytes", str(3 * SIZE - 1))
    with pytest.raises(InvalidArgument) as caught:
        repo["HEAD"].materialise()
    assert caught.value.hint == f"mvcs config mapped.max_bytes {3 * SIZE}"
    assert there(repo) == set()
    repo.config_set("mapped.max_bytes", str(3 * SIZE))
    assert len(repo["HEAD"].materialise()) == 3


def test_one_file_may_be_larger_than_the_limit(repo):
    repo.config_set("mapped.max_bytes", "1000")
    assert contents(repo["HEAD"].materialise(["model/a.safetensors"])) == {"model/a.safetensors": FILES["model/a.safetensors"]}


def test_nothing_of_the_set_is_dropped_for_the_rest_of_it(repo):
    """Its first file is there already and was used least recently; what is dropped is what was not asked for."""
    first = repo["HEAD"].materialise(["model/a.safetensors"])
    csv = repo["HEAD"].materialise(["data/a.csv"])
    repo.config_set("mapped.max_bytes", str(3 * SIZE))
    found = repo["HEAD"].materialise()
    assert first.items() <= found.items()
    assert contents(found) == {path: FILES[path] for path in found}
    assert there(repo) == set(found.values())
    assert not os.path.exists(csv["data/a.csv"])


def test_a_damaged_file_is_not_handed_out(repo):
    store = repo._repository.store
    chunk = store.recipe(parse_oid(repo.resolve("HEAD:model/b.safetensors")[0])).chunk(2)
    with store.read() as transaction:
        number = PLACE.unpack(transaction.get(CHUNKS, chunk))[0]
    with store.segments.environment(number).read() as segment:
        record = bytearray(segment.get("records", chunk))
    record[-10] ^= 1
    store.segments.overwrite(number, chunk, bytes(record))
    with pytest.raises(ObjectCorrupt):
        repo["HEAD"].materialise()
    assert len(there(repo)) == 1
    (left,) = there(repo)
    with open(left, "rb") as file:
        assert file.read() == FILES["model/a.safetensors"]
