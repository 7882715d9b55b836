"""Finds secrets in text files before they are stored for ever: known tokens, private keys, passwords in assignments.

Knows: how secrets of the services look, where people write their own. Refuses to know: what is done about them. A
finding never holds the secret. Sources: the token formats that GitHub, GitLab, Hugging Face, OpenAI, Slack, AWS,
Google and Azure publish for secret scanning.
"""

from __future__ import annotations

import base64
import re
import string
from typing import TYPE_CHECKING, Any

from mvcs.ingredients.secret_names import PASSWORD_NAME, promise_of
from mvcs.ingredients.secret_values import (
    MIN_BITS,
    bits,
    is_key,
    is_password,
    is_placeholder,
    is_secret_under,
    is_uuid,
)
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 1 << 20
"""Larger files are data; they are not looked into."""
MAX_FOUND = 100

PRIVATE_KEY, PASSWORD, KEY = "private key", "password", "API key or token"
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


class _Lazy:
    """A pattern that is compiled when it is first used: most texts need none of them, and all take 20 ms."""

    __slots__ = ("_flags", "_text")

    def __init__(self, text: bytes, flags: int = 0) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- what a compiled pattern has
        return getattr(re.compile(self._text, self._flags), name)


def _token(text: str) -> _Lazy:
    # Where a token starts and ends is seen from its neighbours; without that, every place inside a run is tried.
    return _Lazy(rb"(?<![A-Za-z0-9_+/-])(?:" + text.encode() + rb")(?![A-Za-z0-9_])")


_TOKENS: tuple[tuple[tuple[bytes, ...], str, _Lazy], ...] = (
    ((b"AKIA", b"ASIA"), "AWS access key", _token(r"(?:AKIA|ASIA)[A-Z2-7]{16}")),
    ((b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"), "GitHub token", _token(r"gh[pousr]_[A-Za-z0-9]{36,255}")),
    ((b"github_pat_",), "GitHub token", _token(r"github_pat_[A-Za-z0-9_]{60,255}")),
    ((b"glpat-", b"gldt-", b"glrt-", b"glptt-"), "GitLab token", _token(r"gl(?:pat|dt|rt|ptt)-[A-Za-z0-9_.-]{20,255}")),
    ((b"hf_",), "Hugging Face token", _token(r"hf_[A-Za-z0-9]{34,60}")),
    ((b"api_org_",), "Hugging Face token", _token(r"api_org_[A-Za-z0-9]{34,60}")),
    ((b"sk-",), "OpenAI key", _token(
        r"sk-(?:[A-Za-z0-9]{48}|(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{40,255})"
    )),
    ((b"sk-ant-",), "Anthropic key", _token(r"sk-ant-[a-z]+\d\d-[A-Za-z0-9_-]{60,255}")),
    ((b"xox",), "Slack token", _token(r"xox[abeoprs]-(?:\d-)?[A-Za-z0-9]{6,}-[A-Za-z0-9-]{10,255}")),
    ((b"xapp-",), "Slack token", _token(r"xapp-\d-[A-Z0-9]{6,}-\d{6,}-[a-f0-9]{20,255}")),
    ((b"hooks.slack.com/services/T",), "Slack webhook", _Lazy(
        rb"(?<=hooks\.slack\.com/services/)T[A-Z0-9]{6,20}/B[A-Z0-9]{6,20}/[A-Za-z0-9]{20,40}"
    )),
    ((b"AIza",), "Google API key", _token(r"AIza[A-Za-z0-9_-]{35}")),
    ((b"GOCSPX-",), "Google OAuth secret", _token(r"GOCSPX-[A-Za-z0-9_-]{28}")),
    ((b"ya29.",), "Google OAuth token", _token(r"ya29\.[A-Za-z0-9_-]{50,512}")),
    ((b"AccountKey=",), "Azure storage key", _Lazy(rb"(?<=AccountKey=)[A-Za-z0-9+/]{86}==")),
    ((b"Q~",), "Azure client secret", _token(r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}")),
    ((b"&sig=", b"?sig="), "Azure SAS signature", _Lazy(rb"(?<=[?&]sig=)[A-Za-z0-9%/+]{43,60}(?:%3[dD]|=)")),
    ((b"pypi-AgE",), "PyPI token", _token(r"pypi-AgE[A-Za-z0-9_-]{50,512}")),
    ((b"npm_",), "npm token", _token(r"npm_[A-Za-z0-9]{36}")),
    ((b"wandb_v1_",), "Weights & Biases key", _token(r"wandb_v1_[A-Za-z0-9_]{40,200}")),
    ((b"nvapi-",), "NVIDIA API key", _token(r"nvapi-[A-Za-z0-9_-]{60,80}")),
    ((b"r8_",), "Replicate token", _token(r"r8_[A-Za-z0-9]{37}")),
    ((b"dapi",), "Databricks token", _token(r"dapi[0-9a-f]{32}(?:-\d)?")),
    ((b"dckr_pat_",), "Docker token", _token(r"dckr_pat_[A-Za-z0-9_-]{27}")),
    ((b"sk_live_", b"rk_live_"), "Stripe key", _token(r"[sr]k_live_[A-Za-z0-9]{24,255}")),
    ((b"AGE-SECRET-KEY-1",), PRIVATE_KEY, _token(r"AGE-SECRET-KEY-1[A-Z0-9]{58}")),
)
_PRIVATE = _Lazy(rb"-----BEGIN (?:[A-Z0-9]{1,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----")
_BODY = _Lazy(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40,80}")
_HEADER = 200
"""Bytes in which the first line of a key follows its header; in between, an encrypted one says how."""
_PUTTY = _Lazy(rb"^PuTTY-User-Key-File-\d", re.MULTILINE)
_ENCODED = _Lazy(rb"(?<![A-Za-z0-9+/])LS0tLS1CRUdJTi[A-Za-z0-9+/]{60,}")
_JWT = _Lazy(
    rb"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{10,4000})\.(eyJ[A-Za-z0-9_-]{10,8000})\.[A-Za-z0-9_-]{20,2000}"
)
_PUBLIC_JWT = (b"1234567890", b"John Doe", b"joe", b"example", b"service_role_demo", b"supabase-demo")
_URL = _Lazy(
    rb"([A-Za-z][A-Za-z0-9+.-]{1,20})://([^\s/:@'\"<>`]{0,100}):([^\s/@'\"<>`?#]{3,200})"
    rb"@([A-Za-z0-9_.\[-][A-Za-z0-9_.:-]{0,200})"
)
_OWN_HOST = _Lazy(
    rb"localhost|127\.|0\.0\.0\.0|\[?::1|.*\bexample\b|.*\.(?:test|invalid|local)\b|host(?:name)?\b", re.IGNORECASE
)
_TEMPLATE = _Lazy(rb"[{}$%()\[\]\\]")
_COMMON = frozenset((
    b"password", b"passwd", b"pass", b"pwd", b"secret", b"token", b"user", b"username", b"root", b"admin", b"postgres",
    b"mysql", b"guest", b"test", b"mypassword", b"mypass", b"key", b"credentials", b"auth", b"bar", b"foo", b"api_key",
))

_BEARER = _Lazy(rb"\b[Bb]earer {1,3}([A-Za-z0-9_.~+/=-]{20,512})(?![A-Za-z0-9_.~+/=-])")
_WORD = _Lazy(
    rb"passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|account[_-]?key"
    rb"|secret[_-]?key|encryption[_-]?key|signing[_-]?key|credentials?|pwd"
)
"""Of lower-case text: a pattern that ignores case is searched five times slower."""
_HAS_WORD = (b"passw", b"passphrase", b"secret", b"token", b"key", b"credential", b"pwd")
_AFTER = _Lazy(
    rb"(?:[_-]?(?:key|id|value|string|text|str|dev|prod|production|staging|default|hf|\d{1,2})){0,2}"
    rb"\\?[\"']?\]?[ \t]{0,20}(?::[ \t]{0,3}(?:str|bytes)[ \t]{0,3}=|=>|:=|[=:])(?!=)[ \t]{0,20}"
    rb"(?:[rbuRBU]?\\?([\"'])(?P<quoted>[^\"'\r\n]{6,512}?)\\?\1|(?P<bare>[^\s\"'#][^\s\"']{6,511}))"
)
_NOT_SECRET = _Lazy(
    rb"(?:public|hash|sha\d*|md5|digest|checksum|csrf|xsrf|nonce|page|next|continuation|sync|cursor|pagination|oid|commit"
    rb"|etag|revision|fingerprint|pad|eos|bos|unk|sep|cls|mask|special|decoder|image|num|max|min|cancellation|partition|sort|primary"
    rb"|foreign|object|cache|idempotency|dedup\w*|test|fake|dummy|mock|example|expected)[_-]?$",
    re.IGNORECASE,
)
_AWS_SECRET = _Lazy(rb"[A-Za-z0-9/+]{40}")
_ALLOWED = _Lazy(rb"pragma: ?(?:allowlist|whitelist) secret|gitleaks:allow|mvcs: ?allow-secret")

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
LONGEST_NAME = 60
_IN_NAMES = (string.ascii_letters + string.digits + "_.-").encode()
_NAME_REST = _Lazy(rb"[A-Za-z0-9_.-]{0,60}")
_VALUE = _Lazy(
    rb"[\"']?[ \t]{0,20}[:=][ \t]{0,20}(?:\"(?P<double>[^\"\r\n]{4,512})\"|'(?P<single>[^'\r\n]{4,512})'"
    rb"|(?P<bare>[^\s\"'#,{}\[\]&*!|>%@`][^\s\"',{}\[\]]{3,511}))(?=[ \t]{0,20}(?:[\r\n,;}\]#]|//|\Z))"
)
"""A value that ends where the next key or line begins: what has words behind it is prose."""
_LOCKS = _Lazy(
    rb"(?:.*[.-]lock(?:\.json|\.ya?ml)?|.*\.lock|package-lock\.json|npm-shrinkwrap\.json|go\.sum|pylock.*\.toml|requirements[^/]*\.txt|record)",
    re.IGNORECASE,
)
_TEST = _Lazy(
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
    for needles, kind, pattern in _TOKENS:
        if any(needle in content for needle in needles):
            for match in pattern.finditer(content):
                if not is_placeholder(match[0]) and bits(match[0]) >= 2.5:
                    yield match.start(), match[0], kind
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
        if any(word in lower for word in _HAS_WORD):
            if name.endswith(_CONFIGURATIONS):
                yield from _configured(content, lower, bare=not name.endswith((b".json", b".toml")))
            yield from _assigned(content, lower, bare=name.endswith(_OPEN_ENDINGS) or name.startswith(b".env"))


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


def _configured(content: bytes, lower: bytes, *, bare: bool) -> Iterator[tuple[int, bytes, str]]:
    """Yields the values of a configuration under keys that name a secret.

    Args:
        content: The file.
        lower: The file in lower case.
        bare: Whether strings stand without quotes too.
    """
    end = 0
    for match in _WORD.finditer(lower):
        if match.start() < end:
            continue
        rest = _NAME_REST.match(content, match.end())
        value = None if rest is None else _VALUE.match(content, rest.end())
        if rest is None or value is None:
            continue
        end = value.end()
        before = content[max(match.start() - LONGEST_NAME, 0) : match.start()]
        name = before[len(before.rstrip(_IN_NAMES)) :] + content[match.start() : rest.end()]
        group = value.lastgroup or "bare"
        promise = promise_of(name.decode())
        if promise is not None and (group != "bare" or bare) and is_secret_under(promise, value[group]):
            yield value.start(group), value[group], PASSWORD if promise == PASSWORD_NAME else KEY


def _assigned(content: bytes, lower: bytes, *, bare: bool) -> Iterator[tuple[int, bytes, str]]:
    """Yields literals under names that say that they are secret.

    Args:
        content: The file.
        lower: The file in lower case.
        bare: Whether values stand without quotes too.
    """
    end = 0
    for match in _WORD.finditer(lower):
        after = _AFTER.match(content, match.end()) if match.start() >= end else None
        if after is None:
            continue
        end = after.end()  # a word inside a value names nothing
        value = after["quoted"]
        group = "quoted"
        if value is None:
            value, group = after["bare"].rstrip(b",;"), "bare"
            if not bare:
                continue
        if _NOT_SECRET.search(content, max(match.start() - 20, 0), match.start()):
            continue
        word = match[0]
        before = lower[max(match.start() - 30, 0) : match.start()]
        start = after.start(group)
        if word.startswith((b"passw", b"passphrase", b"pwd")):
            if is_password(value):
                yield start, value, PASSWORD
        elif b"aws" in before and _AWS_SECRET.fullmatch(value) and not is_placeholder(value):
            yield start, value, "AWS secret key"
        elif is_key(value) and not (word == b"token" and is_uuid(value)):
            yield start, value, KEY
