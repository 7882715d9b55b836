"""A remote in a bucket, `s3://bucket/prefix`.

Swaps are sent once: an SDK that sends a swap again after a lost answer takes its own first try for somebody else's.
Bodies that break off are read on by range. Old radosgw refuses the right entity tag in quotes and takes it without:
where a refused tag still stands, it is tried so. Checksums go along in headers that servers may verify; what is read is
verified by whoever knows its name, since ranges have no checksum. Knows: S3. Refuses to know: what the files mean.
"""

from __future__ import annotations

import base64
import zlib
from email.utils import parsedate_to_datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from mvcs.errors import RemoteError
from mvcs.remote.home import DONE, LOST, UNKNOWN, Body, Listed, Tagged
from mvcs.remote.s3_client import ATTEMPTS, connect, error_code, error_status, translated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mvcs.remote.s3_client import S3Settings

RESUMED = 5
"""Times that a body is read on which broke off."""
PIECE = 128 << 10
"""Bytes read at once; what has come of a piece is lost when it breaks off."""

_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
_CHANGED = frozenset({"412", "PreconditionFailed"})
_BUSY = frozenset({"409", "ConditionalRequestConflict", "OperationAborted"})


class S3Home:
    """A bucket, or what is below a prefix of one.

    Args:
        bucket: Its name.
        prefix: Begins all keys; with a slash at its end unless it is empty.
        settings: Where and how.
    """

    def __init__(self, bucket: str, prefix: str, settings: S3Settings) -> None:
        self.url = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = prefix
        self._client, self._once = connect(self.url, settings, (ATTEMPTS, 1))
        self._bare_tags = False
        self._extra: dict[str, Any] = {}
        if settings.sse:
            self._extra["ServerSideEncryption"] = settings.sse
            if settings.sse == "aws:kms":
                self._extra["BucketKeyEnabled"] = True
        if settings.kms_key:
            self._extra["SSEKMSKeyId"] = settings.kms_key

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes | None:
        """Returns bytes of a file from an offset on, fewer at the end; None if there is no such file.

        Raises:
            RemoteError: If the server does not answer, or the body breaks off again and again.
            RemoteDenied: If it refuses.
        """
        found = bytearray()
        end = None if length is None else start + length
        whole: int | None = None
        for left in range(RESUMED, -1, -1):
            at = start + len(found)
            if end is not None and at >= end:
                return bytes(found)
            with translated(self.url):
                answer = self._ask(key, at, end)
                if answer is None:
                    return None if whole is None else bytes(found)
                body, whole = answer
                broken = _read(body, found)
            wanted = (whole if end is None else min(end, whole)) - start
            if len(found) >= wanted:
                return bytes(found[: max(wanted, 0)])
            if not left:
                raise RemoteError(url=self.url, reason=f"{key} breaks off: {broken or 'too few bytes'}")
        raise AssertionError

    def _ask(self, key: str, at: int, end: int | None) -> tuple[Any, int] | None:
        """Returns (body, bytes of the whole file) of a request for a range."""
        from botocore.exceptions import ClientError

        ranged = {} if at == 0 and end is None else {"Range": f"bytes={at}-{'' if end is None else end - 1}"}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key, **ranged)
        except ClientError as error:
            if error_code(error) in _ABSENT:
                return None
            if error_code(error) in {"416", "InvalidRange"}:
                size = self.size(key)
                return None if size is None else (BytesIO(), size)
            raise
        told = answer.get("ContentRange", "")
        if not told:
            body = answer["Body"]
            if at:
                raise RemoteError(url=self.url, reason="the server does not answer a request for a range with one")
            return body, int(answer["ContentLength"])
        return answer["Body"], int(told.rpartition("/")[2])

    def size(self, key: str) -> int | None:
        """Returns the bytes of a file, None if there is none.

        Raises:
            RemoteError: If the server does not answer.
            RemoteDenied: If it refuses.
        """
        from botocore.exceptions import ClientError

        with translated(self.url):
            try:
                return int(self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)["ContentLength"])
            except ClientError as error:
                if error_code(error) in _ABSENT:
                    return None
                raise

    def put(self, key: str, body: bytes | Body) -> None:
        """Writes a file whose key says what is in it.

        Raises:
            RemoteError: If the server does not answer.
            RemoteDenied: If it refuses.
        """
        with translated(self.url):
            self._put(self._client, key, body)

    def create(self, key: str, content: bytes) -> bool:
        """Writes a file if there is none; returns whether there was none.

        Raises:
            RemoteError: If the server does not answer.
            RemoteDenied: If it refuses.
        """
        from botocore.exceptions import ClientError

        with translated(self.url):
            for left in range(ATTEMPTS - 1, -1, -1):
                try:
                    self._put(self._client, key, content, IfNoneMatch="*")
                except ClientError as error:
                    if error_code(error) in _CHANGED:
                        return False
                    if error_code(error) in _BUSY and left:
                        continue
                    raise
                return True
        raise AssertionError

    def read(self, key: str) -> Tagged | None:
        """Returns a file that is swapped, None before the first swap.

        Raises:
            RemoteError: If the server does not answer.
            RemoteDenied: If it refuses.
        """
        from botocore.exceptions import ClientError

        broken: Exception | None = None
        for _ in range(RESUMED):  # small, and another one the next moment: read anew, not on
            with translated(self.url):
                try:
                    answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
                except ClientError as error:
                    if error_code(error) in _ABSENT:
                        return None
                    raise
                found = bytearray()
                broken = _read(answer["Body"], found)
                if len(found) == int(answer["ContentLength"]):
                    return Tagged(bytes(found), str(answer["ETag"]))
        raise RemoteError(url=self.url, reason=f"{key} breaks off: {broken or 'too few bytes'}")

    def swap(self, key: str, content: bytes, tag: str | None) -> str:
        """Puts new content in place of the one that has a tag; None stands for no file.

        Raises:
            RemoteDenied: If the server refuses.
        """
        found = self._swap(key, content, tag)
        if found == LOST and tag is not None and not self._bare_tags:
            now = self.read(key)
            if now is not None and now.tag == tag:
                found = self._swap(key, content, tag.strip('"'))
                self._bare_tags = found == DONE
        return found

    def _swap(self, key: str, content: bytes, tag: str | None) -> str:
        from botocore.exceptions import BotoCoreError, ClientError
        from urllib3.exceptions import HTTPError

        if tag is not None and self._bare_tags:
            tag = tag.strip('"')
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            self._put(self._once, key, content, **condition)
        except ClientError as error:
            code = error_code(error)
            if code in _CHANGED or (code in _ABSENT and tag is not None):
                return LOST
            if code in _BUSY or code.startswith("5") or error_status(error) >= 500:
                return UNKNOWN
            with translated(self.url):
                raise
        except (BotoCoreError, HTTPError, OSError):
            return UNKNOWN
        return DONE

    def _put(self, client: Any, key: str, body: bytes | Body, **condition: str) -> None:  # noqa: ANN401 -- boto3's
        size, checksum = (len(body), zlib.crc32(body)) if isinstance(body, bytes) else (body.size, body.crc32())
        with BytesIO(body) if isinstance(body, bytes) else body.open() as stream:
            client.put_object(
                Bucket=self._bucket, Key=self._prefix + key, Body=stream, ContentLength=size,
                ChecksumCRC32=base64.b64encode(checksum.to_bytes(4, "big")).decode(), **condition, **self._extra,
            )

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yields the files whose keys begin with a prefix, by key.

        Raises:
            RemoteError: If the server does not answer.
            RemoteDenied: If it refuses.
        """
        with translated(self.url):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    time = int(item["LastModified"].timestamp()) * 1_000_000_000
                    yield Listed(item["Key"][len(self._prefix) :], int(item["Size"]), time)

    def delete(self, keys: Iterable[str]) -> None:
        """Removes files; those that are not there are no error.

        Raises:
            RemoteError: If the server does not answer.
            RemoteDenied: If it refuses.
        """
        with translated(self.url):
            for key in keys:
                self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def now(self) -> int:
        """Returns the time of the server's answers, in whole seconds.

        Raises:
            RemoteError: If the server does not answer or tells no time.
        """
        from botocore.exceptions import ClientError

        with translated(self.url):
            try:
                answer = self._client.head_object(Bucket=self._bucket, Key=f"{self._prefix}format")
            except ClientError as error:
                answer = error.response
                if error_status(error) >= 500:
                    raise
        told = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
        try:
            return int(parsedate_to_datetime(told).timestamp()) * 1_000_000_000
        except (TypeError, ValueError) as error:
            raise RemoteError(url=self.url, reason=f"the server's time is {told!r}") from error


def _read(body: Any, found: bytearray) -> Exception | None:  # noqa: ANN401 -- botocore's stream, or ours
    """Appends what a body gives; returns what broke it off, None if it came to an end."""
    from botocore.exceptions import BotoCoreError
    from urllib3.exceptions import HTTPError

    try:
        while piece := body.read(PIECE):
            found += piece
    except (BotoCoreError, HTTPError, OSError) as error:
        return error
    finally:
        body.close()
    return None
