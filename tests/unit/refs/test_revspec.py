"""Revisions: how they are read, and what they come to in a small history held in memory."""

from __future__ import annotations

import pytest

from mvcs.errors import AmbiguousRevision, InvalidRevision, RevisionNotFound
from mvcs.objects.hashing import BLOB, COMMIT, TAG, TREE, Oid
from mvcs.refs.revspec import parse, resolve


def oid(number: int) -> Oid:
    return Oid(bytes((0xAB, number)) + bytes(30))


class Names:
    """1 - 2 - 4 (main), 2 - 3 - 5, 5 a merge of 4 and 3; tag object 8 on 4, tag 9 on 8; tree 7; blob 6."""

    parents_of = {1: [], 2: [1], 3: [2], 4: [2], 5: [4, 3]}
    kinds = {1: COMMIT, 2: COMMIT, 3: COMMIT, 4: COMMIT, 5: COMMIT, 6: BLOB, 7: TREE, 8: TAG, 9: TAG}
    refs = {"HEAD": 5, "main": 4, "side/x": 3, "v1": 8, "v2": 9, "abcd": 1, "tree": 7}

    def ref(self, name):
        if name == "heads/m/main":
            return name, oid(4)
        return ("HEAD/." if name == "HEAD" else f"heads/m/{name}", oid(self.refs[name])) if name in self.refs else None

    def current(self):
        return "heads/m/main"

    def short(self, prefix):
        return [(oid(number), kind) for number, kind in self.kinds.items() if oid(number).hex().startswith(prefix)]

    def peel(self, found):
        number = found[1]
        if self.kinds[number] == TAG:
            return self.peel(oid({8: 4, 9: 8}[number]))
        return found, self.kinds[number]

    def parents(self, found):
        return tuple(oid(number) for number in self.parents_of[found[1]])

    def tree(self, found):
        return oid(7)

    def earlier(self, key, selector):
        return {("heads/m/main", "0"): oid(4), ("heads/m/main", "1"): oid(2), ("heads/m/main", "yesterday"): oid(1), ("HEAD/.", "1"): oid(8)}.get((key, selector))

    def describe(self, found, kind):
        return f"{found.hex()[:12]} {kind}"


@pytest.mark.parametrize(("text", "number", "kind"), [
    ("HEAD", 5, COMMIT), ("@", 5, COMMIT), ("main", 4, COMMIT), ("side/x", 3, COMMIT), ("v1", 4, COMMIT), ("v2", 4, COMMIT), ("abcd", 1, COMMIT),
    ("HEAD~", 4, COMMIT), ("HEAD~1", 4, COMMIT), ("HEAD~2", 2, COMMIT), ("HEAD~~", 2, COMMIT), ("HEAD~0", 5, COMMIT), ("HEAD^", 4, COMMIT), ("HEAD^1", 4, COMMIT), ("HEAD^2", 3, COMMIT),
    ("HEAD^0", 5, COMMIT), ("HEAD^2~1", 2, COMMIT), ("HEAD^^", 2, COMMIT), ("HEAD^2^", 2, COMMIT), ("@~2", 2, COMMIT), ("v1~1", 2, COMMIT), ("v2^0", 4, COMMIT),
    ("@{1}", 2, COMMIT), ("main@{0}", 4, COMMIT), ("main@{1}", 2, COMMIT), ("main@{yesterday}", 1, COMMIT), ("main@{1}~1", 1, COMMIT), ("HEAD@{1}", 4, COMMIT), ("@@{1}", 4, COMMIT),
    ("v1^{}", 4, COMMIT), ("v1^{commit}", 4, COMMIT), ("v1^{tree}", 7, TREE), ("v1^{tag}", 8, TAG), ("v2^{tag}", 9, TAG), ("HEAD^{tree}", 7, TREE), ("HEAD^{commit}", 5, COMMIT), ("tree", 7, TREE),
    ("tree^{tree}", 7, TREE), ("HEAD~1^{tree}", 7, TREE), (oid(3).hex(), 3, COMMIT), (oid(3).hex()[:4], 3, COMMIT), (oid(3).hex()[:5] + "~1", 2, COMMIT), (oid(6).hex()[:6], 6, BLOB), ("~1", 2, COMMIT),
    ("^", 2, COMMIT), ("~", 2, COMMIT), ("^{tree}", 7, TREE),
])
def test_what_a_revision_comes_to(text, number, kind):
    assert resolve(text, Names()) == (oid(number), kind)


@pytest.mark.parametrize("text", [
    "", "-main", "main~x", "main^x", "main^{", "main^{tree", "main@{", "main@{1", "main~1x", "main@{a{b}}", "main~1@{1}", "main^{tree}@{1}", "main~1000001", "main@", "^HEAD^{weights}", "HEAD^{weights}",
    "main@{1}@{1}", "HEAD^{tree}x", "main~-1",
])
def test_what_cannot_be_read(text):
    with pytest.raises((InvalidRevision, RevisionNotFound)) as caught:
        resolve(text, Names())
    if text != "main@":
        assert type(caught.value) is InvalidRevision
    assert caught.value.exit_code in {2, 3}


@pytest.mark.parametrize("text", [
    "nosuch", "main~3", "main^2", "main^3", "abc", "ABCD12", "ffff", "main@{2}", "main@{2001-01-01}", "tree~1", "tree^", "main^{tag}", "main^{blob}", "tree^{commit}", "f" * 64, "f" * 65, "side", "v3^{tag}",
])
def test_what_is_not_found(text):
    with pytest.raises(RevisionNotFound) as caught:
        resolve(text, Names())
    assert caught.value.fields["reason"]


def test_an_ambiguous_prefix_lists_its_candidates():
    class Many(Names):
        def short(self, prefix):
            return [(oid(1), COMMIT), (oid(2), COMMIT), (oid(6), BLOB)]

    with pytest.raises(AmbiguousRevision) as caught:
        resolve("ab0f", Many())
    assert len(caught.value.fields["candidates"]) == 3

    class OneCommit(Names):
        def short(self, prefix):
            return [(oid(2), COMMIT), (oid(6), BLOB), (oid(7), TREE)]

    assert resolve("ab0f", OneCommit()) == (oid(2), COMMIT)


def test_a_branch_wins_over_digits():
    assert resolve("abcd", Names()) == (oid(1), COMMIT)


def test_parsing_keeps_the_text():
    found = parse("main@{1}~2^{tree}")
    assert (found.text, found.atom, found.suffixes) == ("main@{1}~2^{tree}", "main", (("at", "1"), ("~", "2"), ("type", "tree")))
    assert parse("@").atom == "HEAD"
