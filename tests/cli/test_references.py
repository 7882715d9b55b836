"""add URL: data that is kept elsewhere, on real HTTP and S3 servers."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading

import pytest

from tests.cli.harness import changes, fails, listed, mvcs_run, ok, snapshot, status, write

CONTENT = b"a,b\n1,2\n" * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with one content, and a version where the path asks for one."""

    def _head(self):
        if self.path.startswith("/missing"):
            self.send_error(404)
            return False
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.send_header("ETag", '"abc"')
        if "versioned" in self.path:
            self.send_header("x-amz-version-id", "v7")
        self.end_headers()
        return True

    def do_HEAD(self):
        self._head()

    def do_GET(self):
        if self._head():
            self.wfile.write(CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def s3_server():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server, monkeypatch):
    import boto3

    for name, value in {"AWS_ENDPOINT_URL": s3_server, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
                        "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")
    client.create_bucket(Bucket="data")
    client.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    yield client
    while left := client.list_object_versions(Bucket="data").get("Versions", ()):
        for version in left:
            client.delete_object(Bucket="data", Key=version["Key"], VersionId=version["VersionId"])
    client.delete_bucket(Bucket="data")


def entry(folder, path, revision="HEAD"):
    (found,) = [e for e in ok("ls", revision, "--json", cwd=folder).json["entries"] if e["path"] == path]
    return found


def incomplete(folder):
    return json.dumps(ok("show", "--json", cwd=folder).json["incomplete"])


def test_an_http_url_is_remembered_and_not_fetched(project, web):
    ok("add", f"{web}/big.csv", cwd=project)
    assert changes(project)["data/big.csv"] == ("data", "added")
    ok("commit", "-m", "elsewhere", cwd=project)
    found = entry(project, "data/big.csv")
    assert (found["kind"], found["size"], found["ingredient"]) == ("reference", len(CONTENT), "data")
    assert status(project)["clean"]
    assert not (project / "data/big.csv").exists()
    assert "data/big.csv is kept elsewhere without version or checksum" in incomplete(project)
    assert ok("fsck", cwd=project).code == 0


def test_a_version_or_a_checksum_makes_it_verifiable(project, web):
    ok("add", f"{web}/versioned.csv", "--to", "data/v.csv", cwd=project)
    ok("add", f"{web}/plain.csv", "--verify", cwd=project)
    ok("commit", "-m", "x", cwd=project)
    assert "kept elsewhere" not in incomplete(project)
    toml = (project / "mvcs.toml").read_text()
    assert hashlib.sha256(CONTENT).hexdigest() in toml
    assert 'version = "v7"' in toml


def test_a_local_copy_is_not_taken_and_never_deleted(project, web):
    before = ok("rev-parse", "HEAD", cwd=project).out.strip()
    ok("add", f"{web}/big.csv", cwd=project)
    ok("commit", "-m", "x", cwd=project)
    write(project, {"data/big.csv": CONTENT})
    assert status(project)["clean"]
    ok("switch", "-c", "old", before, cwd=project)
    assert (project / "data/big.csv").read_bytes() == CONTENT


def test_taking_the_line_out_takes_the_reference_out(project, web):
    toml = (project / "mvcs.toml").read_text()
    ok("add", f"{web}/big.csv", cwd=project)
    ok("commit", "-m", "x", cwd=project)
    write(project, {"mvcs.toml": toml})
    assert changes(project)["data/big.csv"] == ("data", "deleted")
    ok("commit", "-m", "gone", cwd=project)
    assert "data/big.csv" not in listed(project)


def test_references_are_diffed_and_merged_like_files(project, web):
    ok("switch", "-c", "other", cwd=project)
    ok("add", f"{web}/one.csv", cwd=project)
    ok("commit", "-m", "one", cwd=project)
    ok("switch", "main", cwd=project)
    ok("add", f"{web}/two.csv", cwd=project)
    ok("commit", "-m", "two", cwd=project)
    ok("merge", "other", cwd=project)
    assert {"data/one.csv", "data/two.csv"} <= set(listed(project))
    assert status(project)["clean"]


@pytest.mark.parametrize("url", [
    "http://user:secret@127.0.0.1/x", "https://bucket/x?X-Amz-Signature=abc", "s3://key:secret@bucket/x", "https:///x",
])
def test_credentials_and_nonsense_are_refused(project, url):
    before = snapshot(project)
    error = fails(2, "invalid-argument", "add", url, cwd=project)
    assert "secret" not in json.dumps(error).replace("carries credentials", "")
    assert snapshot(project) == before


def test_what_is_not_there_is_a_remote_error(project, web):
    before = snapshot(project)
    assert "Not Found" in fails(6, "remote-error", "add", f"{web}/missing.csv", cwd=project)["message"]
    assert snapshot(project) == before


@pytest.mark.parametrize("line,key", [
    ('"data/x" = { size = 1 }', "url"), ('"../x" = { url = "http://h/x", size = 1 }', ".."),
    ('"data/x" = { url = "http://h/x", size = -1 }', "size"), ('"data/x" = { url = "http://h/x", size = 1, k = "v" }', "k"),
])
def test_a_wrong_table_is_told_with_its_line(project, line, key):
    toml = (project / "mvcs.toml").read_text()
    write(project, {"mvcs.toml": toml + f"\n[references]\n{line}\n"})
    error = fails(2, "invalid-config", "status", cwd=project)
    assert key in error["message"]


def test_an_s3_object_has_version_and_size(project, bucket):
    bucket.put_object(Bucket="data", Key="big.csv", Body=CONTENT, ChecksumAlgorithm="SHA256")
    ok("add", "s3://data/big.csv", cwd=project)
    ok("commit", "-m", "x", cwd=project)
    assert entry(project, "data/big.csv")["size"] == len(CONTENT)
    assert "kept elsewhere" not in incomplete(project)
    toml = (project / "mvcs.toml").read_text()
    assert "version = " in toml
    assert hashlib.sha256(CONTENT).hexdigest() in toml
    first = entry(project, "data/big.csv")["oid"]
    bucket.put_object(Bucket="data", Key="big.csv", Body=CONTENT + b"3,4\n")
    ok("add", "s3://data/big.csv", cwd=project)
    ok("commit", "-m", "newer", cwd=project)
    assert entry(project, "data/big.csv")["oid"] != first


def test_a_prefix_of_more_than_one_page_is_whole(project, bucket, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "10")
    assert bucket.list_objects_v2(Bucket="data")["MaxKeys"] == 10
    for number in range(25):
        bucket.put_object(Bucket="data", Key=f"set/{number:04d}.txt", Body=b"x")
    ok("add", "s3://data/set/", "--to", "data/set", cwd=project)
    ok("commit", "-m", "x", cwd=project)
    assert sum(path.startswith("data/set/") for path in listed(project)) == 25
    assert fails(6, "remote-error", "add", "s3://data/nothing/", cwd=project)
    assert fails(6, "remote-error", "add", "s3://data/nothing", cwd=project)


class TestMerged:
    """What a merge lacks is told as what any commit lacks; S-MD-18."""

    def branches(self, folder, ours, theirs):
        ok("switch", "-c", "other", cwd=folder)
        theirs()
        ok("commit", "-m", "theirs", cwd=folder)
        ok("switch", "main", cwd=folder)
        ours()
        ok("commit", "-m", "ours", cwd=folder)

    def test_what_both_sides_lack(self, project, web):
        ok("add", f"{web}/big.csv", "--as", "data", cwd=project)
        ok("commit", "-m", "elsewhere", cwd=project)
        before = incomplete(project)
        self.branches(project, lambda: write(project, {"train.py": "print(2)\n"}), lambda: write(project, {"data/more.csv": "1\n"}))
        ok("merge", "other", cwd=project)
        assert incomplete(project) == before != "[]"
        ok("revert", "HEAD~1", cwd=project)
        assert incomplete(project) == before
        write(project, {"params.yaml": "lr: 9\n"})
        ok("commit", "-m", "next", cwd=project)
        assert incomplete(project) == before

    @pytest.mark.parametrize("side", ["ours", "theirs"])
    def test_what_one_side_alone_has_come_to_lack(self, project, web, side):
        add = {side: lambda: ok("add", f"{web}/big.csv", "--as", "data", cwd=project)}
        self.branches(
            project, add.get("ours", lambda: write(project, {"data/mine.csv": "1\n"})),
            add.get("theirs", lambda: write(project, {"data/yours.csv": "1\n"})),
        )
        assert "kept elsewhere" in incomplete(project) or side == "theirs"
        ok("merge", "other", cwd=project)
        assert "data/big.csv is kept elsewhere without version or checksum" in incomplete(project)

    def test_what_one_side_mended(self, project, web):
        ok("add", f"{web}/big.csv", "--as", "data", cwd=project)
        ok("commit", "-m", "elsewhere", cwd=project)
        self.branches(
            project, lambda: ok("add", f"{web}/big.csv", "--as", "data", "--verify", cwd=project),
            lambda: write(project, {"data/yours.csv": "1\n"}),
        )
        ok("merge", "other", cwd=project)
        assert "kept elsewhere" not in incomplete(project)

    def test_through_conflicts(self, project, web):
        self.branches(
            project, lambda: write(project, {"params.yaml": "lr: 5\n"}),
            lambda: (ok("add", f"{web}/big.csv", "--as", "data", cwd=project), write(project, {"params.yaml": "lr: 6\n"})),
        )
        assert mvcs_run("merge", "other", cwd=project).code == 1
        ok("resolve", "params.yaml:lr", "--ours", cwd=project)
        ok("commit", cwd=project)
        assert "data/big.csv is kept elsewhere" in incomplete(project)
