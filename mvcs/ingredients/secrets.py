"""Finds secrets in text files before they are stored for ever: issued tokens, private keys, passwords in assignments.

Knows: which files are looked into and how, keys and URLs that carry a secret. Refuses to know: what is done about
findings. A finding never holds the secret.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from mvcs.ingredients.secret_assignments import HAS_WORD, assigned, configured
from mvcs.ingredients.secret_tokens import Lazy, issued
from mvcs.ingredients.secret_values import KEY, MIN_BITS, PASSWORD, PRIVATE_KEY, bits, is_key, is_placeholder
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 1 << 20
"""Larger files are data; they are not looked into."""
MAX_FOUND = 100

URL, JWT = "URL with a password", "JSON web token"


class Secret(Record):
    """Something that looks like a secret.

    Args:
        line: Where, from 1.
        kind: What it is, such as "GitHub token".
        shown: Four characters of it at the most, and dots.
    """

    __slots__ = ("kind", "line", "shown")

    def __init__(self, line: int, kind: str, shown: str) -> None:
        self.line = line
        self.kind = kind
        self.shown = shown


_PRIVATE = Lazy(rb"-----BEGIN (?:[A-Z0-9]{1,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----")
_BODY = Lazy(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,80}")
_HEADER = 200
"""Bytes in which the first line of a key follows its header; in between, an encrypted one says how."""
_PUTTY = Lazy(rb"^PuTTY-User-Key-File-\d", re.MULTILINE)
_ENCODED = Lazy(rb"(?<![A-Za-z0-9+/])LS0tLS1CRUdJTi[A-Za-z0-9+/]{60,}")
_JWT = Lazy(
    rb"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{10,4000})\.(eyJ[A-Za-z0-9_-]{10,8000})\.[A-Za-z0-9_-]{20,2000}"
)
_PUBLIC_JWT = (b"1234567890", b"John Doe", b"joe", b"example", b"service_role_demo", b"supabase-demo")
_URL = Lazy(
    rb"([A-Za-z][A-Za-z0-9+.-]{1,20})://([^\s/:@'\"<>`]{0,100}):([^\s/@'\"<>`?#]{3,200})"
    rb"@([A-Za-z0-9_.\[-][A-Za-z0-9_.:-]{0,200})"
)
_OWN_HOST = Lazy(
    rb"localhost|127\.|0\.0\.0\.0|\[?::1|.*\bexample\b|.*\.(?:test|invalid|local)\b|host(?:name)?\b", re.IGNORECASE
)
_TEMPLATE = Lazy(rb"[{}$%()\[\]\\]")
_COMMON = frozenset((
    b"password", b"passwd", b"pass", b"pwd", b"secret", b"token", b"user", b"username", b"root", b"admin", b"postgres",
    b"mysql", b"guest", b"test", b"mypassword", b"mypass", b"key", b"credentials", b"auth", b"bar", b"foo", b"api_key",
))

_BEARER = Lazy(rb"\b[Bb]earer {1,3}([A-Za-z0-9_.~+/=-]{20,512})(?![A-Za-z0-9_.~+/=-])")
_ALLOWED = Lazy(rb"pragma: ?(?:allowlist|whitelist) secret|gitleaks:allow|mvcs: ?allow-secret")

_OPEN_ENDINGS = (
    b".env", b".yaml", b".yml", b".ini", b".cfg", b".conf", b".config", b".properties", b".toml", b".sh", b".bash",
    b".zsh",
    b".fish", b".tfvars", b".envrc", b".service", b".dockerfile", b"dockerfile", b"credentials", b".netrc", b".pypirc",
    b".npmrc", b"makefile",
)
"""Endings of files in which values stand without quotes."""
_CONFIGURATIONS = (
    b".yaml", b".yml", b".toml", b".json", b".ini", b".cfg", b".conf", b".config", b".properties", b".env", b".tfvars",
)
"""Endings of files that are keys and values, so that a value is what its key says."""
_LOCKS = Lazy(
    rb"(?:.*[.-]lock(?:\.json|\.ya?ml)?|.*\.lock|package-lock\.json|npm-shrinkwrap\.json|go\.sum|pylock.*\.toml|requirements[^/]*\.txt|record)",
    re.IGNORECASE,
)
_TEST = Lazy(
    rb"(?:^|/)(?:(?:tests?|testing|testdata|test_data|fixtures?|__tests__|specs?)/|(?:test_[^/]*|[^/]*_test\.[a-z]+|conftest\.py)$)",
    re.IGNORECASE,
)


def find_secrets(path: bytes, content: bytes) -> list[Secret]:
    """Finds what looks like a secret in a file of code, configuration or environment.

    Precision comes first: a warning that is wrong as a rule is switched off. Placeholders, look-ups of the
    environment, hashes in lock files, words about tokens and literals in tests that no service issued are not
    reported. A line with `pragma: allowlist secret`, `gitleaks:allow` or `mvcs: allow-secret` is left alone.

    Args:
        path: Where the file lies in the workspace.
        content: Its bytes; binary files, and those above MAX_BYTES, are not looked into.

    Returns:
        Findings by line, MAX_FOUND at the most.

    Laws:
        No finding holds more than four characters of what was found.
    """
    if len(content) > MAX_BYTES:
        return []
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        content = content.decode("utf-16", "replace").encode()
    elif b"\0" in content[:8000]:
        return []
    name = path.rpartition(b"/")[2].lower()
    found: dict[tuple[int, str], Secret] = {}
    line, last = 1, 0
    for start, value, kind in sorted(_candidates(path, name, content), key=lambda found: (found[0], found[2] == KEY)):
        line, last = line + content.count(b"\n", last, start), start
        if any(where == line for where, _ in found) or _ALLOWED.search(_line_at(content, start)):
            continue
        found[line, kind] = Secret(line, kind, _shown(value, kind))
        if len(found) == MAX_FOUND:
            break
    return list(found.values())


def _shown(value: bytes, kind: str) -> str:
    kept = value[:4] if len(value) >= 16 and kind not in {PASSWORD, URL} else b""
    return kept.decode("ascii", "replace") + "..."


def _line_at(content: bytes, start: int) -> bytes:
    first = content.rfind(b"\n", 0, start) + 1
    end = content.find(b"\n", start)
    return content[first : min(len(content) if end < 0 else end, first + 4096)]


def _candidates(path: bytes, name: bytes, content: bytes) -> Iterator[tuple[int, bytes, str]]:
    """Yields (where, what, kind)."""
    yield from issued(content)
    yield from _by_name(name, content)
    if _TEST.search(path):
        return
    if b"PRIVATE KEY" in content:
        for match in _PRIVATE.finditer(content):
            body = _BODY.search(content, match.end(), match.end() + _HEADER)
            if body is not None and bits(body[0]) >= MIN_BITS:
                yield match.start(), match[0], PRIVATE_KEY
    if b"PuTTY-User-Key-File-" in content:
        yield from ((match.start(), match[0], PRIVATE_KEY) for match in _PUTTY.finditer(content))
    if b"LS0tLS1CRUdJTi" in content:
        for match in _ENCODED.finditer(content):
            if b"PRIVATE KEY" in base64.b64decode(match[0][:60]):
                yield match.start(), match[0], PRIVATE_KEY
    if b"earer " in content:
        yield from ((found.start(1), found[1], KEY) for found in _BEARER.finditer(content) if is_key(found[1]))
    if b"eyJ" in content:
        yield from _tokens_of_json(content)
    if b"://" in content and b"@" in content:
        yield from _urls(content)
    if not _LOCKS.fullmatch(name):
        lower = content.lower()
        if any(word in lower for word in HAS_WORD):
            if name.endswith(_CONFIGURATIONS):
                yield from configured(content, lower, bare=not name.endswith((b".json", b".toml")))
            yield from assigned(content, lower, bare=name.endswith(_OPEN_ENDINGS) or name.startswith(b".env"))


def _by_name(name: bytes, content: bytes) -> Iterator[tuple[int, bytes, str]]:
    """Yields what files that exist to hold secrets have in them."""
    patterns = {
        b".netrc": rb"\bpassword[ \t]+(\S{4,200})", b"_netrc": rb"\bpassword[ \t]+(\S{4,200})",
        b".pypirc": rb"(?m)^[ \t]*password[ \t]*[=:][ \t]*(\S{4,400})",
        b".npmrc": rb"(?m):?_(?:authToken|password|auth)[ \t]*=[ \t]*\"?([^\s\"]{4,400})",
        b".pgpass": rb"(?m)^[^#:\n]{1,200}:[^:\n]{1,9}:[^:\n]{1,99}:[^:\n]{1,99}:([^\n]{3,200})$",
        b"config.json": rb"\"auth\":[ \t]*\"([A-Za-z0-9+/=]{8,400})\"",
        b"kaggle.json": rb"\"key\":[ \t]*\"([0-9a-f]{32})\"",
        b".dockercfg": rb"\"auth\":[ \t]*\"([A-Za-z0-9+/=]{8,400})\"",
    }
    if name in patterns:
        for match in re.finditer(patterns[name], content):
            value = match[1]
            stands_for = value.startswith((b"$", b"<", b"{", b"%")) or value.lower() in _COMMON
            if not stands_for and not is_placeholder(value):
                yield match.start(1), value, PASSWORD


def _tokens_of_json(content: bytes) -> Iterator[tuple[int, bytes, str]]:
    for match in _JWT.finditer(content):
        try:
            claims = base64.urlsafe_b64decode(match[2] + b"=" * (-len(match[2]) % 4))
        except ValueError:
            continue
        if b"{" in claims[:1] and not any(word in claims for word in _PUBLIC_JWT):
            yield match.start(), match[0], JWT


def _urls(content: bytes) -> Iterator[tuple[int, bytes, str]]:
    at = content.find(b"://")
    while at >= 0:
        start = max(at - 21, 0)
        match = _URL.search(content, start, at + 600)
        if match is not None and match.start() <= at:
            user, password, host = match[2], match[3], match[4]
            plain = password.lower().strip(b"*.") in _COMMON or password == user or is_placeholder(password)
            template = _TEMPLATE.search(password + user) or _OWN_HOST.match(host)
            if not plain and not template and len(password) >= 6 and not password.isalpha():
                yield match.start(3), password, URL
        at = content.find(b"://", at + 3)
