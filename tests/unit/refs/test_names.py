"""Which names are legal, and how keys are made of them."""

from __future__ import annotations

import pytest

from mvcs.errors import InvalidName
from mvcs.refs.names import branch_key, check_name, head_key, shown, split_key, tag_key

LEGAL = [
    "main", "v1", "v1.0.0", "a-b_c", "feature/x", "a/b/c/d", "ünï", "日本", "x" * 200, "1", "0000", "a.b", "a.lockx", "lock", "A", "(x)", "a,b", "a;b", "a+b", "a=b", "$x", "%", "{x}",
    "conx", "com0", "f" * 63, "f" * 65, "F" * 64, "é" * 100, "HEADs", "head",
]
ILLEGAL = [
    "", "HEAD", "@", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[b", "a\\b", "a@b", "a@{1}", "a#b", "a\x7f", "a\x00", "a\nb", "a\tb", 'a"b', "a'b", "a<b", "a>b", "a|b", "..", "a..b",
    "a.", "-a", ".a", "a/.b", "a/", "/a", "a//b", "a.lock", "a.lock/b", "con", "CON", "a/nul", "nul.txt", "com1", "lpt9", "aux.x", "x" * 201, "é" * 101, "f" * 64, "0" * 64, "e\u0301", "\udcff",
]


@pytest.mark.parametrize("name", LEGAL)
def test_legal_names(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_names_say_why(name):
    with pytest.raises(InvalidName) as caught:
        check_name(name)
    assert caught.value.fields["reason"]
    assert caught.value.hint == "mvcs help names"


def test_models_have_no_slash():
    with pytest.raises(InvalidName):
        check_name("a/b", slashes=False)
    assert check_name("a-b", slashes=False) == "a-b"


def test_git_agrees_that_legal_names_are_legal():
    """What is a branch here can be one of Git's; the reverse need not hold."""
    import subprocess

    for name in LEGAL:
        done = subprocess.run(["git", "check-ref-format", "--branch", name], capture_output=True, check=False)
        assert done.returncode == 0, name


def test_keys():
    assert branch_key("m", "feature/x") == "heads/m/feature/x"
    assert tag_key("m", "v1") == "tags/m/v1"
    assert head_key(".") == "HEAD/."
    assert split_key("heads/m/feature/x") == ("heads", "m", "feature/x")
    assert split_key("heads") == ("heads", "", "")
    assert (shown("heads/m/a/b"), shown("tags/m/v1"), shown("HEAD/.")) == ("branch a/b", "tag v1", "HEAD/.")
