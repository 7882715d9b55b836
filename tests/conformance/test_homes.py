"""What every home promises (mvcs.remote.home), shown on a folder and on buckets of real servers."""

from __future__ import annotations

import io
import os
import threading
import zlib

import pytest
from servers.programs import rclone

from mvcs.errors import RemoteDenied, RemoteError, RemoteNotFound
from mvcs.remote.home import DONE, LOST, UNKNOWN
from mvcs.remote.probe import CONDITIONS, probe, unsafe
from mvcs.remote.s3_client import S3Settings, connect
from mvcs.remote.url import open_home


@pytest.fixture(params=["folder", "bucket", "prefix"])
def opened(request, tmp_path):
    """Opens the same place again and again: each a process of its own, as far as the place can tell."""
    if request.param == "folder":
        folder = tmp_path / "remote"
        folder.mkdir()
        return lambda: open_home(f"file://{folder}")
    settings = S3Settings(endpoint=request.getfixturevalue("server"))
    bucket = request.getfixturevalue("bucket")
    return lambda: open_home(f"s3://{bucket}" + ("/models/of ours" if request.param == "prefix" else ""), settings)


@pytest.fixture
def home(opened):
    return opened()


class Zeros:
    """A body that is never held at once."""

    def __init__(self, size: int) -> None:
        self.size = size

    def open(self):
        return io.BytesIO(bytes(self.size))

    def crc32(self):
        return zlib.crc32(bytes(self.size))


class TestFiles:
    def test_what_was_written_comes_back(self, home):
        home.put("packs/ab/one.pack", b"0123456789")
        assert home.get("packs/ab/one.pack") == b"0123456789"
        assert home.size("packs/ab/one.pack") == 10

    def test_nothing_is_there(self, home):
        assert home.get("packs/none") is None
        assert home.get("packs/none", 3, 4) is None
        assert home.size("packs/none") is None
        assert home.read("roots/heads") is None

    @pytest.mark.parametrize(("start", "length", "found"), [
        (0, 4, b"0123"), (3, 4, b"3456"), (3, None, b"3456789"), (8, 10, b"89"), (10, 5, b""), (50, 5, b""), (4, 0, b""),
    ])
    def test_ranges(self, home, start, length, found):
        home.put("one", b"0123456789")
        assert home.get("one", start, length) == found

    def test_an_empty_file(self, home):
        home.put("empty", b"")
        assert home.get("empty") == b""
        assert home.get("empty", 0, 5) == b""
        assert home.size("empty") == 0

    def test_large_bodies(self, home):
        home.put("large", Zeros(9 << 20))
        assert home.size("large") == 9 << 20
        assert home.get("large", (9 << 20) - 3, 9) == b"\0\0\0"

    def test_writing_again_changes_nothing(self, home):
        for _ in range(2):
            home.put("one", b"same")
        assert home.get("one") == b"same"

    def test_a_file_is_created_once(self, home):
        assert home.create("format", b"first")
        assert not home.create("format", b"second")
        assert home.get("format") == b"first"

    def test_listing(self, home):
        for key in ("packs/ab/2", "packs/aa/1", "packs/ab/1", "index/1", "packsnot/1"):
            home.put(key, key.encode())
        assert home.swap("roots/heads", b"state", None) == DONE
        assert [item.key for item in home.listing("packs/")] == ["packs/aa/1", "packs/ab/1", "packs/ab/2"]
        assert [item.key for item in home.listing("packs/ab/")] == ["packs/ab/1", "packs/ab/2"]
        assert [item.size for item in home.listing("index/")] == [7]
        assert list(home.listing("nothing/")) == []

    def test_times_are_the_homes(self, home):
        before = home.now()
        home.put("one", b"1")
        (item,) = home.listing("one")
        assert before - 2_000_000_000 <= item.time <= home.now() + 2_000_000_000

    def test_removing(self, home):
        home.put("one", b"1")
        home.put("two", b"2")
        home.delete(["one", "none"])
        assert home.get("one") is None
        assert home.get("two") == b"2"


class TestSwap:
    def test_from_state_to_state(self, home):
        assert home.swap("roots/heads", b"one", None) == DONE
        first = home.read("roots/heads")
        assert first.content == b"one"
        assert home.swap("roots/heads", b"two", first.tag) == DONE
        second = home.read("roots/heads")
        assert (second.content, second.tag != first.tag) == (b"two", True)

    def test_a_stale_tag_changes_nothing(self, home):
        home.swap("roots/heads", b"one", None)
        first = home.read("roots/heads")
        home.swap("roots/heads", b"two", first.tag)
        assert home.swap("roots/heads", b"three", first.tag) == LOST
        assert home.read("roots/heads").content == b"two"

    def test_nothing_there_is_a_condition_too(self, home):
        home.swap("roots/heads", b"one", None)
        assert home.swap("roots/heads", b"two", None) == LOST
        assert home.read("roots/heads").content == b"one"

    def test_a_tag_of_a_file_that_went(self, home):
        home.swap("roots/heads", b"one", None)
        tag = home.read("roots/heads").tag
        home.delete(["roots/heads"])
        assert home.swap("roots/heads", b"two", tag) == LOST
        assert home.read("roots/heads") is None

    def test_many_writers_lose_nothing(self, opened):
        """Each of 8 writers counts to 10 in one file; no count may be lost."""
        failed = []

        def count(name: int) -> None:
            mine = opened()
            done = 0
            while done < 10:
                now = mine.read("roots/heads")
                content = (b"" if now is None else now.content) + b"%d-%d;" % (name, done)
                outcome = mine.swap("roots/heads", content, None if now is None else now.tag)
                if outcome == UNKNOWN:
                    outcome = DONE if b"%d-%d;" % (name, done) in mine.read("roots/heads").content else LOST
                done += outcome == DONE

        def work(name: int) -> None:
            try:
                count(name)
            except BaseException as error:
                failed.append(error)
                raise

        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        found = opened().read("roots/heads").content.decode().split(";")[:-1]
        assert sorted(found) == sorted(f"{name}-{number}" for name in range(8) for number in range(10))

    def test_one_creates(self, opened):
        won = []
        threads = [threading.Thread(target=lambda: won.append(opened().create("format", os.urandom(8)))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(won) == [False] * 7 + [True]


class TestProbe:
    def test_a_safe_place(self, home):
        checks = probe(home)
        assert [check.name for check in checks if not check.holds] == []
        assert {*CONDITIONS} <= {check.name for check in checks}
        assert list(home.listing("probe/")) == []
        assert unsafe(checks) == []

    def test_a_server_that_ignores_conditions(self, tmp_path):
        with rclone(tmp_path) as url:
            settings = S3Settings(endpoint=url)
            connect("s3://test", settings)[0].create_bucket(Bucket="models")
            found = {check.name for check in unsafe(probe(open_home("s3://models", settings)))}
        assert {"create only", "stale swap"} <= found


class TestFolder:
    def test_a_writer_that_slept_takes_nobodys_place(self, tmp_path, monkeypatch):
        """Its number was given and removed meanwhile: it may not believe that the swap was its own."""
        slow, quick = open_home(f"file://{tmp_path}"), open_home(f"file://{tmp_path}")
        assert slow.swap("roots/heads", b"0", None) == DONE
        tag = slow.read("roots/heads").tag
        looked = slow._states
        states = looked("roots/heads")
        for number in range(200):
            assert quick.swap("roots/heads", b"%d" % number, quick.read("roots/heads").tag) == DONE
        answers = [states]
        monkeypatch.setattr(slow, "_states", lambda key: answers.pop() if answers else looked(key))
        assert slow.swap("roots/heads", b"slow", tag) == UNKNOWN
        assert quick.read("roots/heads").content == b"199"
        assert quick.swap("roots/heads", b"on", quick.read("roots/heads").tag) == DONE

    def test_old_states_go(self, tmp_path):
        home = open_home(f"file://{tmp_path}")
        tag = None
        for number in range(150):
            home.swap("roots/heads", b"%d" % number, tag)
            tag = home.read("roots/heads").tag
        assert len(os.listdir(tmp_path / "roots" / "heads.states")) <= 65

    def test_no_folder(self, tmp_path):
        with pytest.raises(RemoteNotFound):
            open_home(f"file://{tmp_path}/none")

    def test_a_disk_that_was_taken_away(self, tmp_path):
        folder = tmp_path / "mounted"
        folder.mkdir()
        home = open_home(f"file://{folder}")
        folder.rmdir()
        with pytest.raises(RemoteError):
            home.put("one", b"1")
        assert not folder.exists()


class TestBucket:
    def test_no_bucket(self, server):
        home = open_home("s3://nosuchbucket-at-all", S3Settings(endpoint=server))
        with pytest.raises(RemoteNotFound):
            home.put("one", b"1")

    def test_no_server(self):
        home = open_home("s3://models", S3Settings(endpoint="http://127.0.0.1:9"))
        with pytest.raises(RemoteError):
            home.size("one")

    def test_no_credentials(self, server, monkeypatch):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        home = open_home("s3://models", S3Settings(endpoint=server))
        with pytest.raises(RemoteDenied):
            home.size("one")

    def test_encryption_is_asked_for(self, server):
        settings = S3Settings(endpoint=server, sse="aws:kms", kms_key="key-1")
        (client,) = connect("s3://test", settings)
        client.create_bucket(Bucket="encrypted")
        open_home("s3://encrypted", settings).put("one", b"1")
        head = client.head_object(Bucket="encrypted", Key="one")
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "key-1")
