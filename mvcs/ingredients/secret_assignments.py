"""Secrets that a name gives away: what is assigned to it, passed with it, or falls back for it.

Knows: how code, notebooks and configurations write a name and its value. Refuses to know: which files (`secrets`), how
a secret looks (`secret_values`), which names promise one (`secret_names`).
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

from mvcs.ingredients.secret_names import PASSWORD_NAME, promise_of
from mvcs.ingredients.secret_tokens import Lazy
from mvcs.ingredients.secret_values import (
    KEY,
    PASSWORD,
    is_key,
    is_password,
    is_placeholder,
    is_random,
    is_secret_under,
    is_uuid,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from re import Match

_WORD = Lazy(
    rb"passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|account[_-]?key"
    rb"|secret[_-]?key|encryption[_-]?key|signing[_-]?key|credentials?|pwd"
)
"""Of lower-case text: a pattern that ignores case is searched five times slower."""
HAS_WORD = (b"passw", b"passphrase", b"secret", b"token", b"key", b"credential", b"pwd")
_NAME_END = (
    rb"(?i:[_-]?(?:key|id|value|string|text|str|dev|prod|production|staging|default|hf|\d{1,2})){0,2}\\?[\"']?"
)
_QUOTED = rb"[rbuRBU]?\\?([\"'])(?P<quoted>[^\"'\r\n]{6,512}?)\\?\%d"
_AFTER = Lazy(
    _NAME_END
    + rb"(?:(?P<given>\]?[ \t]{0,20}(?::[ \t]{0,3}[A-Za-z_][A-Za-z_.\[\] |]{1,40}=|=>|:=|[=:])(?!=))"
    rb"|[\])][ \t]{0,20}(?:or|\|\||\?\?)(?=[ \t(])|(?<=[\"'])(?P<passed>,))[ \t]{0,20}"
    rb"(?:(?:\\?\r?\n[ \t]{0,80}|(?P<call>[A-Za-z_][A-Za-z_.]{0,40})?\([ \t]{0,20}(?:\r?\n[ \t]{0,80})?"
    rb"(?:default[ \t]?=[ \t]?)?)?" + _QUOTED % 4 + rb"|(?(given)(?P<bare>[^\s\"'#][^\s\"']{6,511})|(?!)))"
)
"""What is assigned to a name, passed behind it, or falls back for it; on the next line and in brackets too."""
_OPTION = Lazy(_NAME_END + rb"[ \t]{0,3},")
_DEFAULT = Lazy(rb"\bdefault[ \t]{0,3}=[ \t]{0,3}" + _QUOTED % 1)
_NEXT_OPTION = Lazy(rb"add_argument\(|option\(|argument\(|\n[ \t]{0,80}def ")
LONGEST_OPTION = 400
"""Bytes in which an option's default follows its name."""
_LOGIN = Lazy(rb"\blogin\([^()]{0,200}?\bkey[ \t]{0,3}=[ \t]{0,3}\\?([\"'])(?P<quoted>[^\"'\r\n\\]{16,512})\\?\1")
_SHELL = Lazy(rb"(?:%(?:set_)?env|export)[ \t]{1,3}[A-Za-z0-9_]{0,60}\Z")
"""Before a word in the name of a variable that a cell of a notebook sets as a shell does."""
_NOT_SECRET = Lazy(
    rb"(?:public|hash|sha\d*|md5|digest|checksum|csrf|xsrf|nonce|page|next|continuation|sync|cursor|pagination|oid|commit"
    rb"|etag|revision|fingerprint|pad|eos|bos|unk|sep|cls|mask|special|decoder|image|num|max|min|cancellation|partition|sort|primary"
    rb"|foreign|object|cache|idempotency|dedup\w*|test|fake|dummy|mock|example|expected)[_-]?$",
    re.IGNORECASE,
)
_AWS_SECRET = Lazy(rb"[A-Za-z0-9/+]{40}")
LONGEST_NAME = 60
_IN_NAMES = (string.ascii_letters + string.digits + "_.-").encode()
_NAME_REST = Lazy(rb"[A-Za-z0-9_.-]{0,60}")
_VALUE = Lazy(
    rb"[\"']?[ \t]{0,20}[:=][ \t]{0,20}(?P<below>(?:[|>][+-]?[ \t]{0,3})?\r?\n[ \t]{1,40})?"
    rb"(?:\"(?P<double>[^\"\r\n]{4,512})\"|'(?P<single>[^'\r\n]{4,512})'"
    rb"|(?P<bare>[^\s\"'#,{}\[\]&*!|>%@`](?:[^\s\"',{}\[\];]|;(?!\s)){3,511}+))(?=[ \t]{0,20}(?:[\r\n,;}\]#]|//|\Z))"
)
"""A value that ends where the next key or line begins: what has words behind it is prose."""


def configured(content: bytes, lower: bytes, *, bare: bool) -> Iterator[tuple[int, bytes, str]]:
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
        group = value.lastgroup or "bare"
        if value["below"] and group == "bare" and not value[group].isalnum():
            continue  # keys of its own
        end = value.end()
        before = content[max(match.start() - LONGEST_NAME, 0) : match.start()]
        name = before[len(before.rstrip(_IN_NAMES)) :] + content[match.start() : rest.end()]
        promise = promise_of(name.decode())
        if promise is not None and (group != "bare" or bare) and is_secret_under(promise, value[group]):
            yield value.start(group), value[group], PASSWORD if promise == PASSWORD_NAME else KEY


def assigned(content: bytes, lower: bytes, *, bare: bool) -> Iterator[tuple[int, bytes, str]]:
    """Yields literals under names that say that they are secret.

    Args:
        content: The file.
        lower: The file in lower case.
        bare: Whether values stand without quotes too.
    """
    if b"login(" in content:
        for match in _LOGIN.finditer(content):
            if is_key(match["quoted"]):
                yield match.start("quoted"), match["quoted"], KEY
    end = 0
    for match in _WORD.finditer(lower):
        if match.start() < end:
            continue  # a word inside a value names nothing
        after = _AFTER.match(content, match.end())
        if after is None or (after["passed"] and not _is_first_argument(content, match.start())):
            after = _default_of(content, match.start(), match.end())
        if after is None:
            continue
        value, group = after["quoted"], "quoted"
        if value is None:
            value, group = after["bare"].rstrip(b",;"), "bare"
            if not bare:
                if not _SHELL.search(content, max(match.start() - LONGEST_NAME, 0), match.start()):
                    end = after.end()
                    continue
                value = value.partition(b"\\")[0]
        end = after.start(group) if "call" in after.groupdict() and after["call"] else after.end()
        if _NOT_SECRET.search(content, max(match.start() - 20, 0), match.start()):
            continue
        before = lower[max(match.start() - 30, 0) : match.start()]
        kind = _kind(match[0], before, value)
        if kind is not None:
            yield after.start(group), value, kind


def _kind(word: bytes, before: bytes, value: bytes) -> str | None:
    """Returns what a literal under a name with this word is, None if it is no secret."""
    if word.startswith((b"passw", b"passphrase", b"pwd")):
        return PASSWORD if is_password(value) else None
    if b"aws" in before and _AWS_SECRET.fullmatch(value) and not is_placeholder(value):
        return "AWS secret key"
    return KEY if (is_key(value) and not (word == b"token" and is_uuid(value))) or is_random(value) else None


def _is_first_argument(content: bytes, start: int) -> bool:
    """Whether the name around a place is a literal right behind a bracket: what is next is its value or its default."""
    before = content[max(start - LONGEST_NAME, 0) : start].rstrip(_IN_NAMES)
    name_end = before.rstrip(b"\\\"'")
    return len(name_end) < len(before) and name_end.rstrip().endswith(b"(")


def _default_of(content: bytes, start: int, end: int) -> Match[bytes] | None:
    """Returns the default of the command-line option whose name is around a place."""
    option = _OPTION.match(content, end)
    if option is None or content[max(start - LONGEST_NAME, 0) : start].rstrip(_IN_NAMES)[-1:] not in {b'"', b"'"}:
        return None
    found: Match[bytes] | None = _DEFAULT.search(content, option.end(), option.end() + LONGEST_OPTION)
    if found is None or _NEXT_OPTION.search(content, option.end(), found.start()):
        return None
    return found
