"""Laws of merging and comparing packages: requirements files, environment.yml, the captured entry."""

from __future__ import annotations

import re

from hypothesis import assume, given
from hypothesis import strategies as st

from mvcs.diff.packages import diff_captured, diff_packages
from mvcs.errors import UnreadableContent
from mvcs.formats.blocks import group
from mvcs.formats.captured import flatten, read_captured, unflatten, write_captured
from mvcs.formats.content import Bytes
from mvcs.formats.lines import split_lines
from mvcs.formats.packages import read_packages
from mvcs.formats.pep508 import order
from mvcs.formats.requirements import read_requirements
from mvcs.formats.values import ABSENT
from mvcs.merge.packages import merge_captured, merge_packages
from mvcs.merge.values import BASE, NEWEST, OURS, THEIRS, Choice, leave

NAMES = ("numpy", "Pandas", "scikit-learn", "scikit_learn", "torch", "a.b")
SPECS = ("", "==1.26", "==1.26.4", ">=2", "==2.1.0+cu121", "==2.1.0+cu118", "[x]==1", "~=1.2", ">=1,<3", " @ https://h/p.whl", "==1 --hash=sha256:aa",
         '==1; python_version < "3.9"', '==2; python_version >= "3.9"')
OTHERS = ("", "# a comment", "    # via pandas", "# another", "--index-url https://a/simple", "--index-url https://b/simple", "--pre", "-r base.txt", "-e .",
          "--extra-index-url https://c", "-c limits.txt", "./wheels/own-1.0-py3-none-any.whl", "git+https://github.com/o/p@v1", "numpy==1.26 \\\n    --hash=sha256:bb")

packages = st.builds(lambda name, spec, comment: name + spec + comment, st.sampled_from(NAMES), st.sampled_from(SPECS), st.sampled_from(("", "  # why", " # else")))
entries = st.lists(st.one_of(packages, packages, st.sampled_from(OTHERS)), max_size=8)
files = st.builds(lambda lines, end, last: (end.join(line.replace("\n", end) for line in lines) + (end if last and lines else "")).encode(), entries, st.sampled_from(("\n", "\n", "\r\n")), st.booleans())

CONDA_ITEMS = ("numpy=1.26", "numpy>=2", "python=3.10", "conda-forge::zlib", "zlib", "mkl=2023.1=h_0", "'scipy >=1.2,<2'  # why")


def conda_file(items, pip, channels, name, wide):
    indent = "  " if wide else ""
    lines = [f"name: {name}", "channels:", *(f"{indent}- {channel}" for channel in channels)]
    listed = [f"{indent}- {item}" for item in items] + ([f"{indent}- pip:", *(f"{indent}    - {entry}" for entry in pip)] if pip else [])
    lines += ["dependencies:", *listed] if listed else ["dependencies: []"]
    return ("\n".join(lines) + "\n").encode()


conda_files = st.builds(
    conda_file, st.lists(st.sampled_from(CONDA_ITEMS), max_size=4, unique_by=lambda item: re.split("[=:' >]+", item.removeprefix("'"))[0 if "::" not in item else 1]),
    st.lists(st.sampled_from(("torch==2.0", "torch==2.1", "-r base.txt", "foo", "numpy>1")), max_size=3, unique_by=lambda item: item[:3]),
    st.lists(st.sampled_from(("conda-forge", "nvidia", "defaults")), min_size=1, max_size=2, unique=True), st.sampled_from(("one", "two")), st.booleans(),
)

versions = st.sampled_from(("1.0", "2.0", "2.1.0+cu121", "2.1.0+cu118", "1.0 @ git+https://h/r@" + "a" * 40))
captured = st.builds(
    lambda python, found, cuda, more: write_captured({"python": python, "implementation": "cpython", "packages": found, "cuda": cuda, **more}),
    st.sampled_from(("3.10", "3.11")), st.dictionaries(st.sampled_from(("numpy", "torch", "a-b")), versions), st.sampled_from((None, "12.1", "11.8")),
    st.one_of(st.just({}), st.fixed_dictionaries({"os_packages": st.dictionaries(st.sampled_from(("libgl1", "ffmpeg.x")), versions, min_size=1)}), st.just({"image": "sha256:aa"})),
)

DRIVERS = ((files, merge_packages), (conda_files, merge_packages), (captured, merge_captured))
triples = st.one_of(*(st.tuples(side, side, side, st.just(merge)) for side, merge in DRIVERS))


def merged(merge, base, ours, theirs, choose=leave):
    return merge(None if base is None else Bytes(base), Bytes(ours), Bytes(theirs), choose)


@given(triples, st.booleans())
def test_sides_that_agree_give_their_bytes(triple, added):
    base, ours, _, merge = triple
    assert merged(merge, None if added else base, ours, ours).content.read() == ours
    assert merged(merge, base, base, ours).content.read() == ours
    assert merged(merge, base, ours, base).content.read() == ours


@given(triples, st.booleans())
def test_conflicts_do_not_depend_on_which_side_is_ours(triple, added):
    base, ours, theirs, merge = triple
    base = None if added else base
    try:
        one = merged(merge, base, ours, theirs)
    except UnreadableContent as error:
        try:
            merged(merge, base, theirs, ours)
        except UnreadableContent as other:
            assert other.fields["format"] == error.fields["format"]
            return
        raise AssertionError("only one order can be read") from error
    other = merged(merge, base, theirs, ours)
    assert {(c.key, str(c.base), str(c.ours), str(c.theirs)) for c in one.conflicts} == {(c.key, str(c.base), str(c.theirs), str(c.ours)) for c in other.conflicts}


def states(*contents):
    grouped = group([() if content is None else read_packages(Bytes(content)).blocks for content in contents])
    return [{key: side[key].value for key in side} for side in grouped]


@given(st.one_of(st.tuples(files, files, files), st.tuples(conda_files, conda_files, conda_files)), st.sampled_from((OURS, THEIRS, BASE)))
def test_each_key_follows_the_rule_of_three_and_the_choice(triple, strategy):
    base, ours, theirs = triple
    assume(ours != theirs and base not in {ours, theirs})
    settled = []

    def choose(conflict):
        settled.append(conflict.key)
        return Choice(strategy)

    result = merged(merge_packages, base, ours, theirs, choose)
    assert result.conflicts == ()
    assert sorted(decision.key for decision in result.decisions) == sorted(settled)
    b, o, t, r = states(base, ours, theirs, result.content.read())
    lists = {"dependencies", "pip:"}
    if {key.split(";")[0] for key in r} & {key for side in (b, o, t, r) for key in side if isinstance(side[key], list)}:
        return  # one name with several markers: keys depend on the states that are looked at
    for key in (b.keys() | o.keys() | t.keys()) - lists:
        if any(key.split(";")[0] != key or key.split(";")[0] in {k.split(";")[0] for k in side if ";" in k} for side in (b, o, t, r)):
            continue
        states_of = [side.get(key, ABSENT) for side in (b, o, t)]
        if key in settled:
            expected = states_of[{BASE: 0, OURS: 1, THEIRS: 2}[strategy]]
        else:
            assert states_of[1] == states_of[2] or states_of[0] in states_of[1:], key
            expected = states_of[2] if states_of[1] == states_of[0] else states_of[1]
        assert r.get(key, ABSENT) == expected, key


@given(files, st.lists(st.sampled_from(("zlib-ours==1", "attrs-ours", "# ours alone")), unique=True, min_size=1), st.lists(st.sampled_from(("zlib-theirs==1", "attrs-theirs", "# theirs alone")), unique=True, min_size=1), st.integers(0, 9), st.integers(0, 9))
def test_disjoint_additions_are_both_there_and_nothing_else_changes(base, ours, theirs, at, place):
    lines = [block.text for block in read_packages(Bytes(base)).blocks]
    end = b"\r\n" if b"\r\n" in base else b"\n"
    if lines and not base.endswith(b"\n"):
        lines[-1] += end.decode()

    def with_lines(more, at):
        return "".join([*lines[:at], *(line + end.decode() for line in more), *lines[at:]]).encode()

    result = merged(merge_packages, "".join(lines).encode(), with_lines(ours, at), with_lines(theirs, place))
    assert result.conflicts == ()
    content = split_lines(result.content.read().decode())
    assert [line for line in content if "ours" in line] == [line + end.decode() for line in ours]
    assert sorted(line for line in content if "theirs" in line) == sorted(line + end.decode() for line in theirs)
    assert "".join(line for line in content if "ours" not in line and "theirs" not in line) == "".join(lines)


@given(st.one_of(files, conda_files, captured))
def test_nothing_differs_from_itself(content):
    diff = diff_captured if content.startswith(b"{") else diff_packages
    found = diff(Bytes(content), Bytes(content))
    assert (found.keys, found.lines, found.reason) == ((), (), "")


@given(st.one_of(st.tuples(files, files), st.tuples(conda_files, conda_files)))
def test_a_diff_backwards_is_the_diff_swapped(pair):
    before, after = (Bytes(content) for content in pair)
    there, back = diff_packages(before, after), diff_packages(after, before)
    notes = {"added": "removed", "removed": "added", "upgraded": "downgraded", "downgraded": "upgraded", "changed": "changed"}
    assert {(c.key, str(c.before), str(c.after), notes[c.note]) for c in there.keys} == {(c.key, str(c.after), str(c.before), c.note) for c in back.keys}
    assert bool(there.keys or there.lines or there.reason) == (pair[0] != pair[1])


@given(triples)
def test_newest_never_takes_an_older_version(triple):
    base, ours, theirs, merge = triple
    seen = []

    def newest(conflict):
        seen.append(conflict)
        return Choice(NEWEST)

    try:
        result = merged(merge, base, ours, theirs, newest)
    except UnreadableContent:
        return
    settled = {decision.key for decision in result.decisions}
    for conflict in seen:
        sign = order(conflict.ours, conflict.theirs) if isinstance(conflict.ours, str) and isinstance(conflict.theirs, str) else None
        if conflict.key in settled:
            assert sign in {-1, 1}
        else:
            assert conflict.key in {left.key for left in result.conflicts}


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60), st.sampled_from(("", "dependencies:\n", "numpy==1\n", "name: x\ndependencies:\n  - ")))
def test_any_text_is_read_whole_or_refused(text, head):
    content = (head + text).encode()
    try:
        read = read_packages(Bytes(content))
    except UnreadableContent:
        return
    body = content.removeprefix(b"\xef\xbb\xbf") if read.encoding != "utf-8" else content
    assert "".join(block.text for block in read.blocks).encode("utf-8", "surrogateescape") == body


@given(st.lists(st.sampled_from(("a", "==1", " ", "\\", "\n", "#", " # ", "-r x", "--hash=q", ";", "'", "@ u", "\r\n", ".", "/")), max_size=14).map("".join))
def test_the_blocks_of_a_file_are_its_text(text):
    try:
        blocks = read_requirements(split_lines(text))
    except UnreadableContent:
        return
    assert "".join(block.text for block in blocks) == text


@given(st.binary(max_size=60))
def test_any_bytes_are_an_entry_or_refused(content):
    try:
        fields = read_captured(Bytes(content))
    except UnreadableContent:
        return
    assert isinstance(fields["packages"], dict)


@given(captured)
def test_an_entry_is_its_keys(content):
    fields = read_captured(Bytes(content))
    assert write_captured(unflatten(flatten(fields))) == content
