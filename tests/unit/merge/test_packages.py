"""Merges of packages: keyed by name, both ways, in place, by strategy; and the defects of those who did it otherwise."""

from __future__ import annotations

import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats.captured import read_captured, write_captured
from mvcs.formats.content import Bytes
from mvcs.formats.values import ABSENT
from mvcs.merge.packages import OTHER_COMMENTS, merge_captured, merge_packages
from mvcs.merge.values import BASE, MEAN, NEWEST, OURS, SET, THEIRS, UNION, Choice, Conflict, Decision, leave

BASE_FILE = "# what trains\n--index-url https://a/simple\nnumpy==1.26\npandas==2.0  # frames\n\n# models\ntorch==2.1.0+cu118\n"


def merged(base, ours, theirs, choose=leave):
    result = merge_packages(None if base is None else Bytes(base.encode()), Bytes(ours.encode()), Bytes(theirs.encode()), choose)
    return result.content.read().decode(), list(result.conflicts), list(result.decisions)


def by(strategy, value=None):
    return lambda _: Choice(strategy, value)


def test_disjoint_packages_merge_and_everything_else_stays():
    text, conflicts, _ = merged(BASE_FILE, BASE_FILE.replace("1.26", "1.27"), BASE_FILE.replace("torch==2.1.0+cu118", "torch==2.1.0+cu121\nlightning"))
    assert conflicts == []
    assert text == BASE_FILE.replace("1.26", "1.27").replace("torch==2.1.0+cu118", "torch==2.1.0+cu121\nlightning")


def test_a_pin_and_a_bound_of_one_package_are_one_key():
    """ModelDB keys by library and constraint, so both survive."""
    text, conflicts, _ = merged("numpy\n", "NumPy==1.26\n", "numpy>=2\n")
    assert conflicts == [Conflict("numpy", "*", "==1.26", ">=2")]
    assert text == "<<<<<<< ours\nNumPy==1.26\n||||||| base\nnumpy\n=======\nnumpy>=2\n>>>>>>> theirs\n"


def test_deleting_and_changing_conflict_in_both_directions():
    """ModelDB settles one direction silently."""
    without, changed = BASE_FILE.replace("numpy==1.26\n", ""), BASE_FILE.replace("==1.26", "==1.27")
    assert merged(BASE_FILE, without, changed)[1] == [Conflict("numpy", "==1.26", ABSENT, "==1.27")]
    assert merged(BASE_FILE, changed, without)[1] == [Conflict("numpy", "==1.26", "==1.27", ABSENT)]
    assert merged(BASE_FILE, without, changed, by(THEIRS))[0] == changed
    assert merged(BASE_FILE, without, changed, by(OURS))[0] == without
    assert merged(BASE_FILE, changed, without, by(THEIRS))[0] == without


def test_both_deleting_or_adding_the_same_agrees():
    """git-theta calls identical additions a deletion, and two deletions a change of both."""
    without = BASE_FILE.replace("numpy==1.26\n", "")
    assert merged(BASE_FILE, without, without + "zlib\n") == (without + "zlib\n", [], [])
    assert merged("a\n", "a\nb==1\n", "a\nb==1\nc\n")[:2] == ("a\nb==1\nc\n", [])
    assert merged(None, "a\nb==1\n", "b==1\nc\n")[:2] == ("a\nb==1\nc\n", [])


def test_both_added_a_package_differently():
    assert merged("a\n", "a\nb==1\n", "a\nb==2\n")[1] == [Conflict("b", ABSENT, "==1", "==2")]
    assert merged("a\n", "a\nb==1\n", "a\nb==2\n", by(BASE))[0] == "a\n"


@pytest.mark.parametrize(("choice", "line"), [
    (Choice(OURS), "numpy==1.27"), (Choice(THEIRS), "numpy==2.0"), (Choice(BASE), "numpy==1.26"), (Choice(NEWEST), "numpy==2.0"), (Choice(SET, "2.1"), "numpy==2.1"),
    (Choice(SET, ">=1.27,<3"), "numpy>=1.27,<3"), (Choice(SET, "numpy[x]==3"), "numpy[x]==3"),
])
def test_a_conflict_is_settled_per_package(choice, line):
    text, conflicts, decisions = merged(BASE_FILE, BASE_FILE.replace("1.26", "1.27"), BASE_FILE.replace("1.26", "2.0"), lambda _: choice)
    assert (text, conflicts, decisions) == (BASE_FILE.replace("numpy==1.26", line), [], [Decision("numpy", choice.strategy)])


@pytest.mark.parametrize("choice", [Choice(UNION), Choice(MEAN), Choice(SET, "pandas==1"), Choice(SET, "what ever"), Choice(SET, 5), Choice(SET, "1.0 # x"), Choice("nonsense")])
def test_a_choice_that_means_nothing_leaves_the_conflict(choice):
    text, conflicts, decisions = merged(BASE_FILE, BASE_FILE.replace("1.26", "1.27"), BASE_FILE.replace("1.26", "2.0"), lambda _: choice)
    assert [conflict.key for conflict in conflicts] == ["numpy"]
    assert decisions == []
    assert "<<<<<<< ours\nnumpy==1.27\n" in text


@pytest.mark.parametrize(("ours", "theirs"), [("<2", "<3"), ("==1", ">=0.5"), ("[x]==1", "==2"), ("==1; os_name == 'nt'", "==2"), ("", "==2"), ("==1 --hash=sha256:aa", "==1 --hash=sha256:bb")])
def test_newest_settles_only_what_can_be_ordered(ours, theirs):
    assert [conflict.key for conflict in merged("a==0\n", f"a{ours}\n", f"a{theirs}\n", by(NEWEST))[1]] == ["a"]
    assert [conflict.key for conflict in merged("a==0\n", "", f"a{theirs}\n", by(NEWEST))[1]] == ["a"]


def test_options_merge_by_name():
    there = BASE_FILE.replace("https://a/simple", "https://b/simple")
    here = BASE_FILE.replace("https://a/simple", "https://c/simple")
    assert merged(BASE_FILE, BASE_FILE + "zlib\n", there)[0] == there + "zlib\n"
    assert merged(BASE_FILE, here, there)[1] == [Conflict("--index-url", "https://a/simple", "https://c/simple", "https://b/simple")]
    both = merged("a\n", "--extra-index-url https://x\n-r x.txt\na\n", "--extra-index-url https://y\n-c y.txt\na\n")
    assert both[1] == []
    assert sorted(both[0].splitlines()) == ["--extra-index-url https://x", "--extra-index-url https://y", "-c y.txt", "-r x.txt", "a"]
    assert merged(BASE_FILE, here, there, by(SET, "https://d/simple"))[0] == BASE_FILE.replace("https://a", "https://d")


def test_comments_of_both_sides_are_kept():
    ours, theirs = BASE_FILE.replace("# models", "# models, ours"), BASE_FILE.replace("# what trains", "# what trains, theirs").replace("1.26", "1.27")
    assert merged(BASE_FILE, ours, theirs)[:2] == (theirs.replace("# models", "# models, ours"), [])
    assert merged("a  # x\nb\n", "a  # y\nb\n", "a==2  # x\nb\n")[:2] == ("a==2  # y\nb\n", [])
    assert merged("a  # x\nb\n", "a==2  # x\nb\n", "a  # y\nb\n")[:2] == ("a==2  # y\nb\n", [])


def test_two_comments_on_one_package_are_a_conflict_that_shows_them():
    text, conflicts, _ = merged("a==1  # x\n", "a==1  # y\n", "a==2  # z\n")
    assert conflicts == [Conflict("a", "a==1  # x", "a==1  # y", "a==2  # z", OTHER_COMMENTS)]
    assert merged("a==1  # x\n", "a==1  # y\n", "a==2  # z\n", by(THEIRS))[0] == "a==2  # z\n"
    assert merged("a==1  # x\n", "a==1  # y\n", "a==2  # z\n", by(NEWEST))[1] == conflicts
    assert "<<<<<<<" in text


def test_lines_of_a_compiled_file_stay_with_their_packages():
    base = "numpy==1.26.4 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via pandas\npandas==2.0\n    # via -r in.txt\n"
    ours = base.replace("pandas==2.0", "pandas==2.1").replace("    # via pandas\n", "    # via\n    #   pandas\n    #   xarray\n") + "xarray==1\n    # via -r in.txt\n"
    theirs = base.replace("--hash=sha256:aa", "--hash=sha256:cc") + "zarr==3\n    # via -r in.txt\n"
    text, conflicts, _ = merged(base, ours, theirs)
    assert conflicts == []
    assert text == ours.replace("sha256:aa", "sha256:cc") + "zarr==3\n    # via -r in.txt\n"


def test_new_packages_go_beside_their_neighbours_and_sorted_files_stay_sorted():
    base = "a==1\nf==1\nm==1\n"
    assert merged(base, "a==1\nc==1\nf==1\nm==1\nz==1\n", "a==1\nb==1\nf==1\nm==1\nq==1\n")[0] == "a==1\nb==1\nc==1\nf==1\nm==1\nq==1\nz==1\n"
    parts = "# one\na\n\n# two\nb\n"
    assert merged(parts, parts.replace("a\n", "a\nours\n"), parts.replace("# two\nb\n", "# two\ntheirs\nb\n"))[0] == "# one\na\nours\n\n# two\ntheirs\nb\n"
    assert merged(parts, parts + "ours\n", parts + "\n# three\ntheirs\n")[0] == parts + "ours\n\n# three\ntheirs\n"


def test_one_name_under_several_markers():
    base = 'a==1; python_version < "3.9"\na==2; python_version >= "3.9"\n'
    text, conflicts, _ = merged(base, base.replace("==1", "==1.1"), base.replace("==2", "==2.1"))
    assert (text, conflicts) == (base.replace("==1", "==1.1").replace("==2", "==2.1"), [])
    _, conflicts, _ = merged(base, base.replace("==1", "==1.1"), base.replace("==1", "==1.2"))
    assert [conflict.key for conflict in conflicts] == ['a; python_version < "3.9"']


def test_splitting_a_package_by_marker_against_a_change_is_a_conflict():
    split = 'a==1; python_version < "3.9"\na==2; python_version >= "3.9"\n'
    _, conflicts, _ = merged("a==1\n", split, "a==1.1\n")
    assert conflicts == [Conflict("a", "==1", ['==1; python_version < "3.9"', '==2; python_version >= "3.9"'], "==1.1")]
    assert merged("a==1\n", split, "a==1.1\n", by(OURS))[0] == split
    assert merged("a==1\n", split, "a==1.1\n", by(THEIRS))[0] == "a==1.1\n"


def test_line_ends_and_the_last_line():
    base = "a==1\nb==1\n"
    crlf = base.replace("\n", "\r\n")
    assert merged(base, base.replace("a==1", "a==2"), crlf)[0] == crlf.replace("a==1", "a==2")
    assert merged(base, crlf, base.replace("a==1", "a==2") + "c\n")[0] == crlf.replace("a==1", "a==2") + "c\r\n"
    assert merged("a", "a\nb", "a\nc")[0] == "a\nb\nc"
    assert merged(None, "a", "b")[0] == "a\nb"


def test_two_sides_in_different_encodings_or_syntaxes_are_refused():
    with pytest.raises(UnreadableContent, match="encoding"):
        merge_packages(Bytes(b"a\n"), Bytes("\ufeffa\nb\n".encode("utf-16-le")), Bytes(b"a\nc\n"), leave)
    with pytest.raises(UnreadableContent, match="syntax"):
        merged("a\n", "a\nb\n", "dependencies:\n  - a\n")


def test_a_side_that_cannot_be_read_is_refused_unless_only_one_changed():
    bad = "what ever\n"
    assert merged(bad, bad, "a\n")[0] == "a\n"
    assert merged("a\n", bad, "a\n")[0] == bad
    assert merged("a\n", bad, bad)[0] == bad
    with pytest.raises(UnreadableContent, match="theirs"):
        merged("a\n", "b\n", bad)


def test_conflicts_come_in_the_order_of_the_file():
    base = "z==1\n--pre\na==1\nm==1\n"
    ours, theirs = base.replace("==1", "==2"), base.replace("==1", "==3")
    assert [conflict.key for conflict in merged(base, ours, theirs)[1]] == ["z", "a", "m"]
    assert merged(base, ours, theirs, lambda c: Choice(THEIRS) if c.key == "a" else None)[2] == [Decision("a", THEIRS)]


CONDA = "name: x\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.10\n  - numpy=1.26  # n\n  - pip\n  - pip:\n      - torch==2.0\nvariables:\n  A: b\n"


def test_conda_files_merge_by_package():
    assert merged(CONDA, CONDA.replace("1.26", "1.27"), CONDA.replace("torch==2.0", "torch==2.1\n      - foo"))[:2] == (CONDA.replace("1.26", "1.27").replace("torch==2.0", "torch==2.1\n      - foo"), [])
    assert merged(CONDA, CONDA.replace("1.26", "1.27"), CONDA.replace("1.26", "1.28"))[1] == [Conflict("numpy", "=1.26", "=1.27", "=1.28")]
    assert merged(CONDA, CONDA.replace("torch==2.0", "torch==2.1"), CONDA.replace("torch==2.0", "torch==2.2"), by(NEWEST))[0] == CONDA.replace("torch==2.0", "torch==2.2")
    assert merged(CONDA, CONDA.replace("1.26", "1.27"), CONDA.replace("1.26", "1.28"), by(SET, ">=3"))[0] == CONDA.replace("numpy=1.26", "numpy>=3")
    order = CONDA.replace("- conda-forge", "- nvidia\n  - conda-forge")
    assert merged(CONDA, order, CONDA.replace("- conda-forge", "- defaults"))[1] == [Conflict("channels", ["conda-forge"], ["nvidia", "conda-forge"], ["defaults"])]


def test_the_pip_list_of_conda_comes_and_goes_with_its_items():
    without = CONDA.replace("  - pip:\n      - torch==2.0\n", "")
    assert merged(CONDA, without, CONDA.replace("torch==2.0", "torch==2.0\n      - foo"))[0] == CONDA.replace("torch==2.0", "foo")
    assert merged(without, without.replace("1.26", "1.27"), CONDA)[0] == CONDA.replace("1.26", "1.27")
    assert merged(CONDA, CONDA.replace("1.26", "1.27"), without)[0] == without.replace("1.26", "1.27")


def test_items_stand_under_those_of_ours():
    flat = "dependencies:\n- a\n- b\n"
    wide = "dependencies:\n    - a\n    - b\n    - pip:\n        - c\n"
    assert merged("dependencies:\n- a\n", flat, wide.replace("    - b\n", ""))[0] == "dependencies:\n- a\n- pip:\n    - c\n- b\n"


def test_an_empty_list_of_dependencies_is_filled():
    empty, one, two = "dependencies: []\n", "dependencies:\n  - a\n", "dependencies:\n  - b\n"
    assert merged(empty, one, two)[0] == "dependencies:\n  - a\n  - b\n"
    assert merged(one, "dependencies: []\nname: x\n", "dependencies:\n  - a\n  - b\n")[:2] == ("dependencies:\n  - b\nname: x\n", [])


def entry(**fields):
    packages = fields.pop("packages", {})
    return Bytes(write_captured({"python": "3.11", "implementation": "cpython", "packages": {"numpy": "1.26.4", "torch": "2.1.0+cu118", **packages}, "cuda": "11.8", **fields}))


def captured(base, ours, theirs, choose=leave):
    result = merge_captured(base, ours, theirs, choose)
    return read_captured(result.content), list(result.conflicts), list(result.decisions)


def test_captured_environments_merge_by_package_and_field():
    found, conflicts, _ = captured(entry(), entry(packages={"numpy": "2.0.0"}), entry(packages={"torch": "2.1.0+cu121"}, cuda="12.1", os_packages={"libgl1": ""}))
    assert conflicts == []
    assert found == {"python": "3.11", "implementation": "cpython", "packages": {"numpy": "2.0.0", "torch": "2.1.0+cu121"}, "cuda": "12.1", "os_packages": {"libgl1": ""}}


def test_captured_conflicts_and_strategies():
    ours, theirs = entry(packages={"numpy": "1.27"}, python="3.12"), entry(packages={"numpy": "1.9"}, python="3.9", cuda=None)
    found, conflicts, _ = captured(entry(), ours, theirs)
    assert conflicts == [Conflict("packages.numpy", "1.26.4", "1.27", "1.9"), Conflict("python", "3.11", "3.12", "3.9")]
    assert found["packages"]["numpy"] == "1.27"
    assert found["cuda"] is None
    found, conflicts, decisions = captured(entry(), ours, theirs, by(NEWEST))
    assert (found["packages"]["numpy"], found["python"], conflicts) == ("1.27", "3.12", [])
    assert decisions == [Decision("packages.numpy", NEWEST), Decision("python", NEWEST)]
    found, conflicts, decisions = captured(entry(), ours, theirs, lambda c: Choice(SET, "==2.5") if c.key == "packages.numpy" else Choice(BASE))
    assert (found["packages"]["numpy"], found["python"], conflicts) == ("2.5", "3.11", [])
    assert [conflict.key for conflict in captured(entry(), ours, theirs, by(SET, "a b"))[1]] == ["packages.numpy", "python"]
    assert captured(None, ours, theirs)[1][0] == Conflict("cuda", ABSENT, "11.8", None)


def test_a_captured_package_deleted_and_changed_is_a_conflict_both_ways():
    without = Bytes(write_captured({"python": "3.11", "implementation": "cpython", "packages": {"torch": "2.1.0+cu118"}, "cuda": "11.8"}))
    changed = entry(packages={"numpy": "2.0"})
    assert captured(entry(), without, changed)[1] == [Conflict("packages.numpy", "1.26.4", ABSENT, "2.0")]
    assert captured(entry(), changed, without)[1] == [Conflict("packages.numpy", "1.26.4", "2.0", ABSENT)]
    assert "numpy" not in captured(entry(), changed, without, by(THEIRS))[0]["packages"]
