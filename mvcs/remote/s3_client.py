"""The one door to boto3: clients, credentials by AWS's own rules, and what its errors mean.

Knows: boto3. Refuses to know: what is kept in a bucket.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mvcs.ambient import variable
from mvcs.errors import RemoteDenied, RemoteError, RemoteNotFound
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

ATTEMPTS = 6
"""Of a request that may be sent again; botocore waits longer and longer between them."""
CONNECTIONS = 32
CONNECT_TIMEOUT = 10
READ_TIMEOUT = 60
"""Seconds."""

_DENIED = frozenset({
    "401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
    "TokenRefreshRequired", "AllAccessDisabled", "AccountProblem", "RequestTimeTooSkewed",
})


class S3Settings(Record):
    """What an address does not say.

    Args:
        endpoint: URL of a server other than AWS.
        region: Of the bucket; else what the AWS configuration says.
        path_style: Whether the bucket stands in the path; by default where there is an endpoint.
        sse: Encryption to ask for, AES256 or aws:kms.
        kms_key: Key of aws:kms; the bucket's by default.
    """

    __slots__ = ("endpoint", "kms_key", "path_style", "region", "sse")

    def __init__(
        self, *, endpoint: str | None = None, region: str | None = None, path_style: bool | None = None,
        sse: str | None = None, kms_key: str | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.region = region
        self.path_style = path_style
        self.sse = sse
        self.kms_key = kms_key


def connect(url: str, settings: S3Settings | None = None, attempts: tuple[int, ...] = (ATTEMPTS,)) -> tuple[Any, ...]:
    """Returns clients of boto3; credentials come from where AWS's own tools look for them.

    Args:
        url: For errors.
        settings: Where and how.
        attempts: Times that a request is sent at most, for each client.

    Raises:
        RemoteError: If boto3 is not installed or cannot make one.
    """
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise RemoteError(url=url, reason="boto3 is not installed", hint="pip install 'mvcs[s3]'") from error
    found = settings or S3Settings()
    path_style = found.path_style
    if path_style is None:
        path_style = bool(found.endpoint or variable("AWS_ENDPOINT_URL_S3") or variable("AWS_ENDPOINT_URL"))
    config = Config(
        max_pool_connections=CONNECTIONS, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT,
        signature_version="s3v4", s3={"addressing_style": "path" if path_style else "auto"},
        # Servers that know no trailing checksums refuse the request, or answer a range with the checksum of the whole.
        request_checksum_calculation="when_required", response_checksum_validation="when_required",
    )
    try:
        session = boto3.session.Session()  # the default one would remember the credentials of another time
        return tuple(
            session.client(
                "s3", endpoint_url=found.endpoint, region_name=found.region,
                config=config.merge(Config(retries={"mode": "standard", "total_max_attempts": most})),
            )
            for most in attempts
        )
    except (BotoCoreError, ValueError) as error:
        raise RemoteError(url=url, reason=str(error)) from error


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turns what boto3 raises into errors of mvcs.

    Raises:
        RemoteDenied: If credentials are missing, wrong or expired, or do not allow it.
        RemoteNotFound: If there is no such bucket.
        RemoteError: If the server does not answer, or answers nonsense.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        code = error_code(error)
        told = error.response.get("Error", {}).get("Message") or code
        if code == "NoSuchBucket":
            raise RemoteNotFound(url=url, reason="there is no such bucket") from error
        if code in _DENIED:
            raise RemoteDenied(url=url, reason=f"{code}: {told}") from error
        raise RemoteError(url=url, reason=f"{code}: {told}") from error
    except NoCredentialsError as error:
        raise RemoteDenied(url=url, reason="there are no credentials") from error
    except (BotoCoreError, HTTPError, OSError) as error:
        raise RemoteError(url=url, reason=str(error)) from error


def error_code(error: Any) -> str:  # noqa: ANN401 -- botocore has no types
    """Returns the code of a ClientError: a word of S3's, or the status where the server gave none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_status(error: Any) -> int:  # noqa: ANN401 -- botocore has no types
    """Returns the HTTP status of a ClientError, 0 if there was none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
