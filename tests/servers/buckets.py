"""Fixtures of buckets; a test module that imports them has them."""

from __future__ import annotations

import os

import pytest
from servers.faults import proxied
from servers.programs import ministack

from mvcs.remote.s3_client import S3Settings, connect

KEYS = {
    "AWS_ACCESS_KEY_ID": "ABCDEFGHIJKLMNOP", "AWS_SECRET_ACCESS_KEY": "secretsecretsecret", "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def server():
    """A real S3 server's URL."""
    with ministack() as url:
        yield url


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """Credentials, and no others than these."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(server):
    """The name of a new bucket."""
    name = f"b{os.urandom(6).hex()}"
    connect("s3://test", S3Settings(endpoint=server))[0].create_bucket(Bucket=name)
    return name


@pytest.fixture
def proxy(server):
    """A proxy before the server, that fails as it is told."""
    with proxied(server) as found:
        yield found
