"""Whether a literal is a secret: random, or a placeholder, a word, a path, a hash.

Knows: how secrets look when nobody gave them a prefix. Refuses to know: files.
"""

from __future__ import annotations

import math
import re
from itertools import pairwise

from mvcs.ingredients.secret_names import KEY_NAME, PASSWORD_NAME, TOKEN_NAME, promise_of

PRIVATE_KEY, PASSWORD, KEY = "private key", "password", "API key or token"
"""What a secret is, where no service gives it a name."""

SHORTEST_KEY = 16
SHORTEST_HEX = 32
"""Shorter ones name content or things: no service issues a key of 64 bits."""
SHORTEST_PASSWORD = 8
SHORTEST_MIXED = 6
"""Of letters and digits, under a name that says password."""
LONGEST = 512
MIN_BITS = 3.0
"""Entropy of a character in bits, from how often each occurs; 16 random hexadecimal digits have 3.3 as a rule."""
MIN_TURNS = 0.2
"""Share of neighbours of different classes (lower, upper, digit, other); 0.47 in random hexadecimal, below 0.2 in names
and words with a number at the end."""

MIN_OF_A_CLASS, MIN_BITS_RANDOM, MIN_TURNS_RANDOM = 3, 4.0, 0.4
"""Of a value in which brackets, dollars and per cent signs count for nothing, because it is random."""

_GENERATED = re.compile(rb"[A-Za-z0-9!@#$%^&*(_=+)~?-]{32,128}")
_OPEN = re.compile(rb"[\s{}<>$%*()\[\]\\,;`]|\.\.\.|\xe2\x80")
"""What placeholders, templates, calls and prose have and tokens have not."""
_PASSWORD_OPEN = re.compile(rb"[\s{}<>\\]|\$\(|\$[A-Za-z_]|%[(a-z]|\*\*\*|\.\.\.|\xe2\x80|\(")
_WORDS = re.compile(
    rb"example|sample|dummy|fake|placeholder|change[-_]?(?:me|this|it)|replace[-_]?(?:me|this|with)|your[-_]?|insert"
    rb"|redacted|django-insecure|todo|fixme|mock|foobar|xxxx|aaaa|0000|1111|1234567|2345678|7654321|abcdef|deadbeef|cafebabe|password|passw0rd"
    rb"|hunter2|s3cr3t|s3cret|letmein|qwerty|lorem|notreal|not[-_]real|invalid|unknown|undefined|testing|test[-_]|Eby8vdM02xNOcqFl",
    re.IGNORECASE,
)
_PART = re.compile(rb"[-_./:@+=~ ]+")
_WORDY = re.compile(
    rb"[A-Za-z]?[a-z]*|[A-Z]+|[A-Z]?[a-z]+\d{0,2}(?:[A-Z][a-z]{2,}\d{0,2})*|[vV]?\d{1,4}|[A-Za-z]+\d{1,3}|[a-z]{1,3}\d+[a-z]{0,3}"
)
_REFERENCE = re.compile(
    rb"(?:https?|s3|gs|file|vault|ssm|arn|env|os\.environ|op|secretsmanager|projects|keyring|aws|ref|sha\d*|md5"
    rb"|blake\w*)[:/]"
    rb"|(?:\.{0,2}|~)/|ENC\[|[A-Za-z]:\\|[\w./-]+\.(?:py|json|txt|ya?ml|toml|ini|pem|key|crt|p12|env)$",
    re.IGNORECASE,
)
_LETTER = re.compile(rb"[A-Za-z]")
_HEX = re.compile(rb"[0-9a-fA-F]+")
_NAMES = re.compile(rb"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""Names of environment variables."""
_SETTING = re.compile(
    rb"str(?:ing)?|text|bytes|secretstr|required|optional|prompt|ask|input|hidden|plain(?:text)?|encrypted|hash(?:ed)?|basic"
    rb"|bearer|jwt|oauth2?|default|enabled?|disabled?|auto(?:matic)?|inherit|interactive|keyring|env(?:ironment)?|vault|file"
    rb"|none|null|true|false|yes|no|unset|empty|missing|anonymous|md5|sha-?\d+|bcrypt|scrypt|argon2\w{0,2}|pbkdf2|base64|utf-?8"
    rb"|root|admin|postgres|mysql|guest|user(?:name)?|test",
    re.IGNORECASE,
)
"""Types, ways to get or keep a secret, and words that every installation begins with."""
_CAPITALISED = re.compile(rb"[A-Z][a-z]+")
"""What a form calls its field."""
_UUID = re.compile(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def bits(value: bytes) -> float:
    """Returns the entropy of a character in bits, by how often each occurs."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in (value.count(char) for char in set(value)))


def turns(value: bytes) -> float:
    """Returns the share of neighbouring characters that are of different classes."""
    classes = [_class(char) for char in value]
    return sum(a != b for a, b in pairwise(classes)) / max(len(value) - 1, 1)


def _class(char: int) -> int:
    if 48 <= char <= 57:
        return 0
    if 97 <= char <= 122:
        return 1
    return 2 if 65 <= char <= 90 else 3


def is_placeholder(value: bytes) -> bool:
    """Whether a value says that something else belongs in its place, or points to it."""
    return bool(_WORDS.search(value) or _REFERENCE.match(value)) or len(set(value)) < 5


def is_key(value: bytes) -> bool:
    """Whether a value is random enough for a key or token.

    Random means: long, of many characters, with a digit and a letter, turning between classes as no word does.
    """
    if not SHORTEST_KEY <= len(value) <= LONGEST or _OPEN.search(value) or is_placeholder(value):
        return False
    if not any(48 <= char <= 57 for char in value) or value.isdigit():
        return False
    if len(value) < SHORTEST_HEX and _HEX.fullmatch(value):
        return False
    if all(_WORDY.fullmatch(part) for part in _PART.split(value)):
        return False
    return bits(value) >= MIN_BITS and turns(value) >= MIN_TURNS


def is_random(value: bytes) -> bool:
    """Whether a value is what a generator makes of all keys of the keyboard, as Django does for its `SECRET_KEY`."""
    if not _GENERATED.fullmatch(value) or is_placeholder(value):
        return False
    others = sum(not 48 <= char <= 57 and _class(char) == 3 for char in value)
    digits = sum(48 <= char <= 57 for char in value)
    return min(others, digits) >= MIN_OF_A_CLASS and bits(value) >= MIN_BITS_RANDOM and turns(value) >= MIN_TURNS_RANDOM


def is_secret_under(promise: str, value: bytes) -> bool:
    """Whether a value is a secret, under a name that promises one: whatever is not plainly something else.

    Less is asked of it than of a literal in code: a password of one word, a key of eight characters.

    Args:
        promise: What `secret_names.promise_of` returns of the name.
        value: The value, without quotes.
    """
    if is_random(value):
        return True
    if _PASSWORD_OPEN.search(value) or is_placeholder(value) or _NAMES.fullmatch(value) or _SETTING.fullmatch(value):
        return False
    if promise_of(value.decode("utf-8", "replace")) is not None:  # the name of the secret, which is kept elsewhere
        return False
    if promise == PASSWORD_NAME:
        if value.isalpha():
            return len(value) >= SHORTEST_PASSWORD and not _CAPITALISED.fullmatch(value)
        if not any(48 <= char <= 57 for char in value):  # words, or of several classes
            return is_password(value)
        return len(value) >= (SHORTEST_PASSWORD if value.isdigit() else SHORTEST_MIXED)
    if len(value) < SHORTEST_PASSWORD or _OPEN.search(value) or (promise == TOKEN_NAME and is_uuid(value)):
        return False
    if len(value) < SHORTEST_HEX and _HEX.fullmatch(value):
        return False
    if value.isalpha():
        return promise == KEY_NAME and len(value) >= SHORTEST_KEY and bits(value) >= MIN_BITS
    digits = sum(48 <= char <= 57 for char in value)
    return digits > 1 and _LETTER.search(value) is not None and not all(map(_WORDY.fullmatch, _PART.split(value)))


def is_uuid(value: bytes) -> bool:
    """Whether a value has the form of a UUID: what is called a token is then a request or a change."""
    return _UUID.fullmatch(value) is not None


def is_password(value: bytes) -> bool:
    """Whether a value is a password that somebody chose: of three classes of characters, and no word or name."""
    if not SHORTEST_PASSWORD <= len(value) <= LONGEST or _PASSWORD_OPEN.search(value) or is_placeholder(value):
        return False
    if len({_class(char) for char in value}) < 3 or not any(48 <= char <= 57 for char in value):
        return is_key(value)
    return turns(value) >= MIN_TURNS and not all(_WORDY.fullmatch(part) for part in _PART.split(value))
