"""A bucket behind a network that fails: what may be sent again is, what may not is not, and nothing is made up."""

from __future__ import annotations

import itertools

import pytest
from botocore.exceptions import ClientError
from servers.faults import Fault

from mvcs.errors import RemoteDenied, RemoteError
from mvcs.remote.home import DONE, LOST, UNKNOWN
from mvcs.remote.s3_client import S3Settings, connect
from mvcs.remote.url import open_home

CONTENT = bytes(range(256)) * 8192


@pytest.fixture
def direct(bucket, server):
    return open_home(f"s3://{bucket}/p", S3Settings(endpoint=server))


@pytest.fixture
def home(bucket, proxy):
    return open_home(f"s3://{bucket}/p", S3Settings(endpoint=proxy.url))


def first(count: int, fault: Fault, method: str):
    """Returns a plan that fails the first requests of a method."""
    left = [count]

    def plan(request):
        if request.method != method or not left[0]:
            return None
        left[0] -= 1
        return fault

    return plan


def requests(proxy, method):
    return [request for request in proxy.seen if request.method == method]


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=503), Fault(reset=True), Fault(lost=True)], ids=str)
def test_reading_and_writing_is_tried_again(home, direct, proxy, fault):
    proxy.plan = first(2, fault, "PUT")
    home.put("one", CONTENT)
    assert direct.get("one") == CONTENT
    proxy.plan = first(2, fault, "GET")
    assert home.get("one", 5, 100) == CONTENT[5:105]
    proxy.plan = first(2, fault, "HEAD")
    assert home.size("one") == len(CONTENT)


@pytest.mark.parametrize("start", [0, 1000])
def test_a_body_that_breaks_off_is_read_on(home, direct, proxy, start):
    direct.put("one", CONTENT)
    proxy.plan = first(3, Fault(cut=300_000), "GET")
    assert home.get("one", start) == CONTENT[start:]
    asked = [request.headers.get("Range", "bytes=0-") for request in requests(proxy, "GET")]
    starts = [int(text.removeprefix("bytes=").rstrip("-")) for text in asked]
    assert starts[0] == start
    assert all(before + 100_000 < after <= before + 300_000 for before, after in itertools.pairwise(starts))
    proxy.plan = first(3, Fault(cut=10), "GET")
    assert home.get("one", start, 1000) == CONTENT[start : start + 1000]


def test_one_that_always_breaks_off_is_an_error(home, direct, proxy):
    direct.put("one", CONTENT)
    proxy.plan = lambda request: Fault(cut=10)
    with pytest.raises(RemoteError, match="breaks off"):
        home.get("one")
    assert len(requests(proxy, "GET")) < 12


def test_a_state_that_breaks_off_is_read_anew(home, direct, proxy):
    direct.swap("roots/heads", CONTENT, None)
    proxy.plan = first(2, Fault(cut=100), "GET")
    assert home.read("roots/heads").content == CONTENT
    assert {request.headers.get("Range") for request in requests(proxy, "GET")} == {None}


class TestSwap:
    def test_a_lost_answer_is_unknown_and_not_sent_again(self, home, direct, proxy):
        direct.swap("roots/heads", b"one", None)
        tag = home.read("roots/heads").tag
        proxy.plan = first(1, Fault(lost=True), "PUT")
        assert home.swap("roots/heads", b"two", tag) == UNKNOWN
        assert direct.read("roots/heads").content == b"two"
        assert len(requests(proxy, "PUT")) == 1

    @pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=503), Fault(status=409), Fault(reset=True)], ids=str)
    def test_a_failure_is_unknown(self, home, direct, proxy, fault):
        direct.swap("roots/heads", b"one", None)
        tag = home.read("roots/heads").tag
        proxy.plan = first(1, fault, "PUT")
        assert home.swap("roots/heads", b"two", tag) == UNKNOWN
        assert direct.read("roots/heads").content == b"one"
        assert home.swap("roots/heads", b"two", tag) == DONE

    def test_a_refusal_says_so(self, home, direct, proxy):
        direct.swap("roots/heads", b"one", None)
        tag = home.read("roots/heads").tag
        proxy.plan = first(1, Fault(status=403), "PUT")
        with pytest.raises(RemoteDenied):
            home.swap("roots/heads", b"two", tag)

    def test_a_server_that_wants_tags_without_quotes(self, home, direct, proxy):
        """As radosgw 16: the right tag in quotes is refused, and taken without."""
        def plan(request):
            tag = request.headers.get("If-Match", "")
            return Fault(status=412) if tag.startswith('"') else None

        home.swap("roots/heads", b"one", None)
        old = home.read("roots/heads").tag
        proxy.plan = plan
        assert home.swap("roots/heads", b"two", old) == DONE
        assert home.swap("roots/heads", b"three", old) == LOST
        now = home.read("roots/heads")
        before = len(requests(proxy, "PUT"))
        assert home.swap("roots/heads", b"three", now.tag) == DONE
        assert len(requests(proxy, "PUT")) == before + 1
        assert direct.read("roots/heads").content == b"three"


def test_what_arrives_damaged_at_the_server_is_refused(home, bucket, proxy):
    """The checksum in the header is of the bytes that were meant."""
    (client,) = connect("s3://test", S3Settings(endpoint=proxy.url))
    with pytest.raises(ClientError):
        client.put_object(Bucket=bucket, Key="p/bad", Body=b"other", ChecksumCRC32="AAAAAA==")
    home.put("good", b"bytes")
    (sent,) = [request for request in requests(proxy, "PUT") if request.key.endswith("/good")]
    assert "x-amz-checksum-crc32" in {name.lower() for name in sent.headers}
