"""Data that is kept elsewhere: what a commit remembers of it, and how it is asked.

A reference names an address with the version, size and checksums that were found there. Without a version or a
checksum nobody can tell later whether it is still the same: it is unverifiable, and every commit says so. Knows: HTTP
and S3. Refuses to know: trees, mvcs.toml. Implements: spec 5.2.4.
"""

from __future__ import annotations

import hashlib
import re
from shlex import quote
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mvcs.errors import InvalidArgument, RemoteError
from mvcs.objects.record import Record
from mvcs.objects.values import Json, canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse

SCHEMES = ("http", "https", "s3")
TIMEOUT = 30
"""Seconds."""
PIECE = 1 << 20
CHECKSUMS = ("sha256", "crc64nvme", "sha1", "crc32c", "md5")
_S3_CHECKSUMS = {"ChecksumSHA256": "sha256", "ChecksumCRC64NVME": "crc64nvme", "ChecksumSHA1": "sha1",
                 "ChecksumCRC32C": "crc32c"}


class Reference(Record):
    """What is known of data that is kept elsewhere.

    Args:
        url: Where; http, https or s3, without credentials.
        size: Bytes.
        version: Version id, empty if the place keeps no versions.
        etag: Entity tag, empty if it has none; no checksum, since it may be of parts.
        checksums: Name to value of checksums over the whole content.
    """

    __slots__ = ("checksums", "etag", "size", "url", "version")

    def __init__(
        self, url: str, size: int, *, version: str = "", etag: str = "", checksums: Mapping[str, str] | None = None
    ) -> None:
        self.url = url
        self.size = size
        self.version = version
        self.etag = etag
        self.checksums = dict(checksums or {})

    @property
    def unverifiable(self) -> bool:
        """Whether nobody can tell later if it is still the same."""
        return not self.version and not self.checksums

    def encode(self) -> bytes:
        """Returns the blob that a tree entry names: canonical JSON."""
        made: dict[str, Json] = {"url": self.url, "size": self.size, "checksums": {**self.checksums}}
        if self.version:
            made["version"] = self.version
        if self.etag:
            made["etag"] = self.etag
        return canonical_json(made)


def check_url(url: str) -> str:
    """Returns a URL that may be stored.

    Raises:
        InvalidArgument: If it has credentials, or is of another kind.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidArgument(argument="URL", value=url, reason=str(error)) from error
    if "@" in parts.netloc or re.search(r"[?&](?:X-Amz-Signature|sig|Signature|token)=", url, re.IGNORECASE):
        raise InvalidArgument(argument="URL", value="...", reason="a URL that carries credentials is not stored")
    if parts.scheme not in SCHEMES:
        reason = f"data is kept at {', '.join(f'{scheme}://' for scheme in SCHEMES)} and not at {parts.scheme}:"
        raise InvalidArgument(argument="URL", value=url, reason=reason, hint="mvcs add s3://BUCKET/KEY")
    if not parts.netloc:
        meant = quote(f"{parts.scheme}://{parts.path.lstrip('/')}")
        where = "bucket" if parts.scheme == "s3" else "host"
        raise InvalidArgument(argument="URL", value=url, reason=f"it names no {where}", hint=f"mvcs add {meant}")
    return url


def ask(url: str, *, verify: bool = False) -> Iterator[tuple[str, Reference]]:
    """Yields (name, reference) of what is at a URL; of all below it for an S3 prefix that ends with a slash.

    Args:
        url: The address.
        verify: Whether the content is read once for its SHA-256.

    Raises:
        InvalidArgument: If the URL may not be stored.
        RemoteError: If the place does not answer, or has no such thing.
    """
    if urlsplit(check_url(url)).scheme == "s3":
        yield from _s3(url, verify=verify)
    else:
        yield _http(url, verify=verify)


def _http(url: str, *, verify: bool) -> tuple[str, Reference]:
    head = _open(url, "GET" if verify else "HEAD")
    with head:
        headers = head.headers
        checksums: dict[str, str] = {}
        size = int(headers.get("Content-Length") or -1)
        if verify:
            size, checksums["sha256"] = _read(iter(lambda: head.read(PIECE), b""))
        if size < 0:
            raise RemoteError(url=url, reason="it does not tell the size; --verify reads it")
        if headers.get("x-amz-checksum-sha256"):
            checksums.setdefault("sha256", _hex(headers["x-amz-checksum-sha256"]))
        version = headers.get("x-amz-version-id") or headers.get("x-goog-generation") or ""
        etag = (headers.get("ETag") or "").strip('"')
    name = urlsplit(url).path.rstrip("/").rpartition("/")[2] or "index"
    return name, Reference(url, size, version="" if version == "null" else version, etag=etag, checksums=checksums)


def _open(url: str, method: str) -> HTTPResponse:
    from urllib.error import URLError
    from urllib.request import Request, urlopen

    try:
        answer: HTTPResponse = urlopen(Request(url, method=method, headers={"User-Agent": "mvcs"}), timeout=TIMEOUT)  # noqa: S310 -- scheme is checked
    except (URLError, OSError, ValueError) as error:
        raise RemoteError(url=url, reason=str(getattr(error, "reason", error))) from error
    return answer


def _read(pieces: Iterator[bytes]) -> tuple[int, str]:
    hasher, size = hashlib.sha256(), 0
    for piece in pieces:
        hasher.update(piece)
        size += len(piece)
    return size, hasher.hexdigest()


def _hex(base64_text: str) -> str:
    import base64

    try:
        return base64.b64decode(base64_text, validate=True).hex()
    except ValueError:
        return base64_text


def _s3(url: str, *, verify: bool) -> Iterator[tuple[str, Reference]]:
    from mvcs.remote.s3_client import connect, translated

    parts = urlsplit(url)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    (client,) = connect(url)
    with translated(url):
        if key and not key.endswith("/"):
            yield key.rpartition("/")[2], _s3_one(client, bucket, key, verify=verify)
            return
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key)
        found = False
        for page in pages:
            for item in page.get("Contents", ()):
                if not item["Key"].endswith("/"):
                    found = True
                    yield item["Key"][len(key) :], _s3_one(client, bucket, item["Key"], verify=verify)
        if not found:
            raise RemoteError(url=url, reason="nothing is there")


def _s3_one(client: object, bucket: str, key: str, *, verify: bool) -> Reference:
    head = client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")  # type: ignore[attr-defined]
    whole = head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"  # a checksum of parts is none of the content
    checksums = {name: _hex(head[field]) for field, name in _S3_CHECKSUMS.items() if whole and head.get(field)}
    version = head.get("VersionId") or ""
    version = "" if version == "null" else version
    size = int(head["ContentLength"])
    if verify:
        extra = {"VersionId": version} if version else {}
        body = client.get_object(Bucket=bucket, Key=key, **extra)["Body"]  # type: ignore[attr-defined]
        size, checksums["sha256"] = _read(iter(lambda: body.read(PIECE), b""))
    return Reference(
        f"s3://{bucket}/{key}", size, version=version, etag=str(head.get("ETag", "")).strip('"'), checksums=checksums
    )
