"""Whether a name, of a key in a configuration say, says that its value is a secret.

Names are read by their whole words in snake, kebab and camel case: `dbPassword` names a secret, `password_length`,
`max_tokens` and `secret_santa.csv` do not. Knows: words. Refuses to know: values.
"""

from __future__ import annotations

import re

PASSWORD_NAME, KEY_NAME, TOKEN_NAME = "password name", "key name", "token name"
"""What a name promises: something that a person chose, something that a service issued, or a word of many meanings."""

_PASSWORDS = frozenset({"password", "passwd", "passphrase", "passcode", "pwd"})
_KEYS = frozenset((
    "apikey", "accesskey", "secretkey", "privatekey", "authkey", "clientsecret", "authtoken", "accesstoken", "apitoken",
))
_OF_KEYS = frozenset(("api", "access", "private", "secret", "auth", "account", "encryption", "signing", "client"))
"""Words that make a secret of the `key` behind them; `client` of a `secret`."""
_TOKENS = frozenset({"secret", "token", "credential", "credentials"})
_BEHIND = frozenset(("value", "string", "text", "str", "plain", "dev", "prod", "production", "staging", "default"))
"""Words behind a secret's name that do not make another thing of it."""
_NOT_SECRET = frozenset((
    "public", "hash", "digest", "checksum", "csrf", "xsrf", "nonce", "page", "next", "continuation", "sync", "cursor",
    "pagination", "oid", "commit", "etag", "revision", "fingerprint", "pad", "eos", "bos", "unk", "sep", "cls", "mask",
    "special", "decoder", "image", "audio", "video", "start", "end", "stop", "prefix", "suffix", "middle", "num", "max",
    "min", "cancellation", "partition", "sort", "primary", "foreign", "object", "cache", "idempotency", "dedup", "test",
    "fake", "dummy", "mock", "example", "expected",
))
"""Words before a secret's name that make another thing of it: what a model calls a token, what a table calls a key."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def promise_of(name: str) -> str | None:
    """Returns what a name promises of its value; None if it is no name of a secret."""
    words = [word.lower() for word in _WORD.findall(name)]
    while words and (words[-1] in _BEHIND or words[-1].isdigit()):
        words.pop()
    if not words:
        return None
    last, before = words[-1], words[-2:-1]
    found = None
    if last in _PASSWORDS:
        found = PASSWORD_NAME
    elif last in _KEYS:
        found = KEY_NAME
    elif (last == "key" and set(before) & _OF_KEYS) or (last == "secret" and before == ["client"]):
        found, before = KEY_NAME, words[-3:-2]
    elif last in _TOKENS:
        found = TOKEN_NAME
    return None if set(before) & _NOT_SECRET else found
