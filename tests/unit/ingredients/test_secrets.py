"""Secrets are found, what only looks like one is not, and no finding holds what it found.

Nothing here is a secret: tokens are put together at run time from a generator with a fixed seed.
"""

from __future__ import annotations

import base64
import json
import random
import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import CaptureError, SecretFound
from mvcs.ingredients.secret_values import bits, is_key, is_password, turns
from mvcs.ingredients.secrets import MAX_BYTES, MAX_FOUND, find_secrets

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def made(length, alphabet=LETTERS, seed=7):
    chance = random.Random(seed)
    return "".join(chance.choice(alphabet) for _ in range(length))


def key_block(kind, body=None):
    lines = body or base64.b64encode(random.Random(3).randbytes(96)).decode()
    return f"-----BEGIN {kind}-----\n" + "\n".join(lines[at : at + 64] for at in range(0, len(lines), 64)) + f"\n-----END {kind}-----\n"


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


JWT = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded({'sub': 'ada', 'iat': 1})}.{made(43)}"
GOOD = "kV9#mQ2x!"
FOUND = [
    ("a.py", "AWS access key", 'key = "' + "AKIA" + made(16, "ABCDEFGHJKLMNPQRSTUVWXYZ234567") + '"'), ("a.py", "AWS secret key", f'aws_secret_access_key = "{made(40)}"'),
    ("a.sh", "AWS secret key", f"export AWS_SECRET_ACCESS_KEY={made(40)}"), ("credentials", "AWS secret key", f"aws_secret_access_key = {made(38)}/+"),
    *[("a.py", "GitHub token", f'x("{prefix}_{made(36)}")') for prefix in ("ghp", "gho", "ghu", "ghs", "ghr")], ("a.py", "GitHub token", "github_pat_" + made(22) + "_" + made(59)),
    ("a.yaml", "GitLab token", "t: glpat-" + made(20)), ("n.ipynb", "Hugging Face token", '"login(\\"' + "hf_" + made(34) + '\\")\\n",'), ("a.py", "OpenAI key", 'k = "sk-' + made(48) + '"'),
    ("a.py", "OpenAI key", 'openai.api_key = "sk-proj-' + made(60) + '"'), ("a.py", "Anthropic key", "sk-ant-" + "api03-" + made(90)), ("a.py", "Slack token", "xoxb-" + made(12, string.digits) + "-" + made(12, string.digits) + "-" + made(24)),
    ("a.py", "Slack webhook", "https://hooks.slack.com/services/T" + made(9, string.ascii_uppercase + string.digits) + "/B" + made(9, string.ascii_uppercase + string.digits) + "/" + made(24)),
    ("a.js", "Google API key", "AIza" + made(35)), ("a.json", "Google OAuth secret", '"client_secret": "GOCSPX-' + made(28) + '"'), ("a.py", "Azure storage key", "AccountName=a;AccountKey=" + made(86) + "=="),
    ("a.py", "Azure SAS signature", "https://a.blob/x?sv=1&sig=" + made(44) + "%3D"), ("a.py", "Databricks token", "dapi" + made(32, HEX)), ("a.py", "PyPI token", "pypi-AgE" + made(60)),
    ("id_rsa", "private key", key_block("RSA PRIVATE KEY")), ("id_ed25519", "private key", key_block("OPENSSH PRIVATE KEY")), ("k.pem", "private key", key_block("EC PRIVATE KEY")), ("k.pem", "private key", key_block("PRIVATE KEY")),
    ("k.pem", "private key", key_block("RSA PRIVATE KEY").replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC," + made(32, "0123456789ABCDEF") + "\n\n", 1)),
    ("credentials.json", "private key", json.dumps({"type": "service_account", "private_key": key_block("PRIVATE KEY")})), ("kube.yaml", "private key", "client-key-data: " + base64.b64encode(key_block("RSA PRIVATE KEY").encode()).decode()),
    ("a.ppk", "private key", "PuTTY-User-Key-File-3: ssh-rsa\n"), ("a.py", "JSON web token", f'x = "{JWT}"'), ("a.py", "URL with a password", 'db = "postgres://ada:kq83hd92@db.corp.com/x"'), ("a.yaml", "URL with a password", "uri: mongodb+srv://ada:kq83-hd92@c0.corp.com"),
    (".netrc", "password", "machine api.wandb.ai login user password " + made(40, HEX)), (".pypirc", "password", "[pypi]\npassword = correct-horse-9"), (".npmrc", "password", "//registry/:_password=" + made(20)),
    (".npmrc", "password", "//registry.npmjs.org/:_authToken=" + made(36)), ("kaggle.json", "password", '{"username":"ada","key":"' + made(32, HEX) + '"}'), ("config.json", "password", '{"auths": {"h": {"auth": "' + base64.b64encode(b"ada:" + made(12).encode()).decode() + '"}}}'),
    ("a.py", "password", f'password = "{GOOD}"'), ("a.py", "password", f'connect(user="a", passwd="{GOOD}")'), ("a.json", "password", f'"db_password": "{GOOD}",'), ("a.yaml", "password", f"password: {GOOD}"), (".env", "password", f"DB_PASSWORD={GOOD}"),
    ("a.py", "API key or token", f'api_key: str = "{made(32)}"'), ("a.py", "API key or token", f"os.environ['WANDB_API_KEY'] = '{made(40, HEX)}'"), ("a.yaml", "API key or token", f"secret_key: '{made(40)}'"), (".env.local", "API key or token", f"TOKEN={made(40, HEX)}"),
    ("Dockerfile", "API key or token", f"ENV API_TOKEN={made(32)}"), ("n.ipynb", "API key or token", f'"api_key = \\"{made(32)}\\"\\n",'), ("a.py", "API key or token", f'headers = {{"Authorization": "Bearer {made(40)}"}}'), ("a.toml", "API key or token", f'[wandb]\napi-key = "{made(40, HEX)}"'),
]


@pytest.mark.parametrize(("name", "kind", "text"), FOUND, ids=lambda value: value[:20] if isinstance(value, str) else None)
def test_secrets_are_found_with_their_line(name, kind, text):
    lines = text.count("\n", 0, max(text.find("password ="), text.find("api-key"), 0)) + 1
    (found,) = find_secrets(f"sub/{name}".encode(), f"first = 1\r\n{text}\nlast = 2\n".encode())
    assert (found.kind, found.line) == (kind, 1 + lines)
    assert len(found.shown) <= 7
    assert found.shown.endswith("...")


def test_text_of_windows_is_looked_into():
    assert find_secrets(b"a.env", f"PASSWORD={GOOD}\r\n".encode("utf-16"))


CLEAN = [
    ("a.py", line) for line in (
        'token = os.environ["TOKEN"]', 'token = os.getenv("HF_TOKEN", "")', "token = args.token", "password = getpass()", 'password = getpass.getpass("Password 1: ")', 'api_key = f"{prefix}-{key}"', 'api_key = "{{ api_key }}"',
        'pad_token = "<pad>"', 'eos_token = "<|endoftext|>"', 'unk_token: str = "[UNK]"', "max_tokens: int = 512", 'token_type = "bearer"', 'special_tokens_map_file = "special_tokens_map.json"', 'tokenizer_name = "distilbert-base-uncased-finetuned-sst-2-english"',
        'password = "changeme"', 'password = "password123"', 'password = "your-password-here-1A"', 'password = "********"', 'password = ""', 'password = "<password>"', 'password = "${PASSWORD}"', 'password = "%(password)s"', 'api_key = "YOUR_API_KEY"', 'api_key = "<your-api-key>"',
        'api_key = "xxxxxxxxxxxxxxxxxxxxxxxxxxxx"', 'token="hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"', 'secret = "sha256:' + made(64, HEX) + '"', 'secret_name = "my-secret-name-v1"', 'secret = "projects/x1/secrets/y2/versions/12"', 'SECRET_ENV = "OPENAI_API_KEY_2024"',
        'access_key = "fs.s3a.access.key1.config"', 'token_file = "/var/run/secrets/kubernetes.io/serviceaccount/token1"', 'cache_key = "' + made(32, HEX) + '"', 'public_key = "' + made(43) + '"', 'csrf_token = "' + made(32) + '"', 'page_token = "' + made(32) + '"',
        'sha256 = "' + made(64, HEX) + '"', 'url = "http://user:pass@host/x"', 'url = "https://user:password@example.com/x1"', 'url = "https://${USER}:${TOKEN}@github.com"', 'url = "postgresql://postgres:pg2024x@localhost:5432/db"', 'url = f"https://{user}:{token9}@host.com"', 'url = "http://[::1]:80/@x"',
        'if password == "' + GOOD + '":', '"AKIA" + "IOSFODNN7EXAMPLE"', "AKIAIOSFODNN7EXAMPLE", '"-----BEGIN RSA PRIVATE KEY-----"', 'if b"-----BEGIN PRIVATE KEY-----" in content:', "password_field = forms.CharField(max_length=32)", 'model = "text-embedding-ada-002-token-v2"', "task-" + made(30), 'api_key = "' + made(16, HEX) + '"', '"ClientRequestToken": "abcd12f2-46da-4fdb-b8d5-fbd4c466928f"', '"AWS::IAM::AccessKey": "bf29289b78d371e3",', 'key = "' + made(40) + '"',
        f'password = "{GOOD}"  # pragma: allowlist secret', f'api_key = "{made(32)}"  # mvcs: allow-secret',
    )
] + [
    ("a.yaml", line) for line in ("token: ${TOKEN}", "password: xxx", "password: !vault |", "api_key: null", "secret: {{ .Values.secret9 }}", "password: ENC[AES256_GCM,data:abc1,type:str]", "api_key: os.environ/OPENAI_KEY2", "secretName: train-secret-2", "max_new_tokens: 1024", "access_key: $(KEY_1)", "password: ~", "  token: env:MY_TOKEN_1")
] + [
    ("uv.lock", 'token = "' + made(40, HEX) + '"'), ("requirements.txt", "token==1.0 --hash=sha256:" + made(64, HEX)), ("tokenizer_config.json", '"bos_token": "<s>", "model_max_length": 1000000019884624838656'), ("a.sh", "TOKEN=$(cat token.txt)"), ("a.sh", 'API_KEY="${API_KEY:-}"'),
    ("tests/test_login.py", f'password = "{GOOD}"'), ("pkg/tests/data/key.pem", key_block("PRIVATE KEY")), ("conftest.py", f'api_key = "{made(32)}"'), (".netrc", "machine h login u password ${TOKEN}"), (".npmrc", "//r/:_authToken=${NPM_TOKEN}"), (".pypirc", "password = <token>"),
    ("a.py", f'x = "{encoded({"alg": "HS256"})}.{encoded({"sub": "1234567890", "name": "John Doe"})}.{made(43)}"'), ("a.bin", "\0" + "ghp_" + made(36)), ("big.py", "x = 1\n" * (MAX_BYTES // 6 + 1) + "ghp_" + made(36)),
]


@pytest.mark.parametrize(("name", "text"), CLEAN, ids=lambda value: value[:40])
def test_what_only_looks_like_a_secret_is_not_reported(name, text):
    assert find_secrets(name.encode(), f"{text}\n".encode()) == []


def test_a_token_of_a_service_is_reported_in_tests_and_locks_too():
    for name in ("tests/test_x.py", "uv.lock", "requirements.txt"):
        assert [secret.kind for secret in find_secrets(name.encode(), ("x = " + "ghp_" + made(36)).encode())] == ["GitHub token"]


def test_each_line_is_told_once_and_a_file_of_secrets_ends():
    found = find_secrets(b"a.py", "".join(f'api_key = "{made(32, seed=number)}"; password = "{GOOD}"\n' for number in range(500)).encode())
    assert [secret.line for secret in found] == list(range(1, MAX_FOUND + 1))


@given(st.sampled_from(["a.py", "a.yaml", ".env", ".netrc"]), st.lists(st.sampled_from([text for _, _, text in FOUND] + [text for _, text in CLEAN if len(text) < 1000] + ["\n", "x = 1\n"]), max_size=5))
def test_no_finding_holds_its_secret(name, texts):
    content = "\n".join(texts).encode()
    for secret in find_secrets(name.encode(), content):
        shown = secret.shown.removesuffix("...")
        assert len(shown) <= 4
        assert shown.encode() in content.split(b"\n")[secret.line - 1]


@given(st.binary(max_size=300), st.sampled_from([b"a.py", b"a.yaml", b".npmrc", b"id_rsa", b"\xff"]))
def test_any_bytes_are_looked_into(content, name):
    assert len(find_secrets(name, content)) <= MAX_FOUND


@pytest.mark.parametrize("unit", [
    b"token = ", b"token='aA1", b"://", b"aa://b:c", b"eyJ", b" eyJaaaaaaaaaaaa.", b"-----BEGIN PRIVATE KEY-----", b"-----BEGIN PRIVATE KEY-----Proc-Type:", b"sk-", b" hf_a", b"LS0tLS1CRUdJTi", b"&sig=a", b" ", b"a", b"password: ",
    b"password: aB3-xK9#q\n", b"api_key='a1B2c3D4e5F6g7H8'\n", b"aaa1Q~", b"xx://ab:kq83hd92@db.corp.com/x ", b"secret=aAbBcC1aAbBcC1aAbBcC1aAbBcC1aAbBcC1aAbBcC1aAbBcC1 ", b"token:   \"", b"bearer ", b"{", b"\xff", b"a-", b"AccountKey=", b"'--token',", b"login(", b"login(key", b"token=\n  ", b"('token',\n", b"token: a|b = ", b"wandb login --a b ", b"sk-a ", b"token=f(", b"token:|\n ",
])
def test_hostile_files_take_time_in_proportion(unit):
    content = (unit * (MAX_BYTES // len(unit)))[:MAX_BYTES]
    for name in (b"a.yaml", b".npmrc"):
        start = time.process_time()
        find_secrets(name, content)
        assert time.process_time() - start < 4


def test_source_code_is_looked_through_quickly():
    source = b"".join(b"def function_%d(token_ids, key, secret_size=3):\n    values[key] = tokens[%d] + 'password'\n\n" % (n, n) for n in range(1100))[:100_000]
    times = []
    for _ in range(5):
        start = time.process_time()
        assert find_secrets(b"a.py", source) == []
        times.append(time.process_time() - start)
    assert min(times) < 0.05


def test_randomness_is_told_from_words():
    assert bits(b"aaaa") == 0
    assert bits(b"abcd") == 2
    assert turns(b"aA1-") == 1
    hits = sum(is_key(made(24, seed=seed).encode()) for seed in range(500))
    assert hits > 480
    assert sum(is_key(made(32, HEX, seed=seed).encode()) for seed in range(500)) > 480
    assert not any(map(is_key, (b"distilbert-base-uncased-v2", b"some_long_identifier_name1", b"SomeCamelCaseName2Thing", b"12345678901234567890", b"a b c d e f 1 2 3 4 5 6")))
    assert is_password(b"Tr0ub4dor&3")
    assert not any(map(is_password, (b"password", b"Passw0rd!", b"short1!", b"{password}1A", b"user.password.label")))


def test_the_error_has_fields_and_a_way_on():
    error = SecretFound(path="conf/a.yaml", line=3, kind="GitHub token")
    assert isinstance(error, CaptureError)
    assert error.exit_code == 4
    assert error.to_dict()["details"] == {"path": "conf/a.yaml", "line": 3, "kind": "GitHub token"}
    assert "/conf/a.yaml" in error.hint
    assert "--allow-secret" in error.hint
