"""Files of packages: names, values, options, comments, what is refused; the captured entry."""

from __future__ import annotations

import time

import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats.blocks import group
from mvcs.formats.captured import flatten, read_captured, unflatten, write_captured
from mvcs.formats.content import Bytes
from mvcs.formats.packages import CONDA, REQUIREMENTS, read_packages, typed_line
from mvcs.formats.pep508 import normal_name, order, parse_requirement, typed_requirement


def read(text):
    return read_packages(Bytes(text if isinstance(text, bytes) else text.encode()))


def said(text):
    return {key: found.value for key, found in group([read(text).blocks])[0].items()}


@pytest.mark.parametrize(("line", "key", "value"), [
    ("numpy", "numpy", "*"), ("numpy==1.26.4", "numpy", "==1.26.4"), ("  Scikit_Learn >= 1.0 , < 2", "scikit-learn", "<2,>=1.0"),
    ("torch==2.1.0+cu121", "torch", "==2.1.0+cu121"), ("a.b_c-d==1", "a-b-c-d", "==1"), ("x[b, A_a]==1", "x", "[a-a,b]==1"),
    ("x == 1 ; python_version<'3.9'", "x", '==1; python_version < "3.9"'), ("x==1 --hash=sha256:b --hash=sha256:a", "x", "==1 --hash=sha256:a --hash=sha256:b"),
    ("x==1 \\\n  --hash=sha256:b \\\n  --hash=sha256:a", "x", "==1 --hash=sha256:a --hash=sha256:b"), ("x===odd.version", "x", "===odd.version"),
    ("x @ https://h/x.whl", "x", "@ https://h/x.whl"), ("https://h/p/own_pkg-1.0-py3-none-any.whl#sha256=0a", "own-pkg", "@ https://h/p/own_pkg-1.0-py3-none-any.whl#sha256=0a"),
    ("git+https://h/o/r@v1#egg=Own_Pkg", "own-pkg", "@ git+https://h/o/r@v1#egg=Own_Pkg"), ("git+https://h/o/r@v1", "git+https://h/o/r", "@ git+https://h/o/r@v1"),
    ("git+ssh://git@h/o/r", "git+ssh://git@h/o/r", "@ git+ssh://git@h/o/r"), ("./sub[x]", "./sub", "@ ./sub[x]"), ("-e .", "-e .", "-e ."), ("--editable=./sub", "./sub", "-e ./sub"),
    ("-e git+https://h/o/r#egg=r", "r", "-e git+https://h/o/r#egg=r"), ("-r base.txt", "-r base.txt", "base.txt"), ("--requirement base.txt", "-r base.txt", "base.txt"), ("-rbase.txt", "-r base.txt", "base.txt"),
    ("-c limits.txt", "-c limits.txt", "limits.txt"), ("-i https://a", "--index-url", "https://a"), ("--index-url=https://a", "--index-url", "https://a"), ("--pre", "--pre", ""),
    ("--extra-index-url https://a", "--extra-index-url https://a", "https://a"), ("--no-binary :all:", "--no-binary", ":all:"),
])
def test_a_line_is_read_as_pip_reads_it(line, key, value):
    if key == "-e .":
        key = "."
    assert said(f"# top\n{line}  # why\n\n") == {key: value}
    assert "".join(block.text for block in read(f"# top\n{line}  # why\n\n").blocks) == f"# top\n{line}  # why\n\n"


def test_a_hash_inside_a_url_is_no_comment():
    (block,) = read("x @ https://h/x.zip#egg=x # why").blocks
    assert (block.value, block.comment) == ("@ https://h/x.zip#egg=x", " # why")


def test_names_that_differ_in_spelling_are_one_package():
    assert {normal_name(name) for name in ("Foo.Bar", "foo-bar", "FOO__bar", "foo-_.bar")} == {"foo-bar"}
    assert said("Foo.Bar==1\nfoo-bar==2\n") == {"foo-bar": ["==1", "==2"]}


def test_one_name_with_two_markers_is_two_keys():
    text = 'x==1; python_version < "3.9"\nx==2; python_version >= "3.9"\n'
    assert said(text) == {'x; python_version < "3.9"': '==1; python_version < "3.9"', 'x; python_version >= "3.9"': '==2; python_version >= "3.9"'}
    one, two = group([read(text).blocks, read("x==3\n").blocks])
    assert one["x"].value == ['==1; python_version < "3.9"', '==2; python_version >= "3.9"']
    assert two["x"].value == "==3"


@pytest.mark.parametrize("content", [b"\xff\xfe" + "numpy==1\r\n".encode("utf-16-le"), b"\xef\xbb\xbfnumpy==1\n", b"numpy==1\r\n"])
def test_encodings_and_line_ends_of_windows_are_read(content):
    assert said(content) == {"numpy": "==1"}


@pytest.mark.parametrize(("content", "line"), [
    ("a\nb c\n", 2), ("a==\n", 1), ("a\n\n==1\n", 3), ("a; nonsense\n", 1), ("-x foo\n", 1), ("a; " + "(" * 5000 + "os_name=='x'" + ")" * 5000, 1), ("a" * 70_000, 1),
    ("a # x\x0bevil==1\n", 1), ("a # x\u2028evil==1\n", 1), ("a # x\revil==1\n", 1), ("a\n# x\x85evil\n", 2), (b"\0\0", 0), ("a\n" * 60_000, 50_001),
    ("<<<<<<< ours\na==1\n=======\na==2\n>>>>>>> theirs\n", 1),
])
def test_what_is_no_file_of_packages_is_refused_with_its_line(content, line):
    with pytest.raises(UnreadableContent) as caught:
        read(content)
    assert caught.value.fields["line"] == line
    assert caught.value.fields["reason"]


def test_a_large_file_is_refused_unread():
    class Large(Bytes):
        size = 1 << 40

        def read(self):
            raise AssertionError("read")

    with pytest.raises(UnreadableContent, match="longer than"):
        read_packages(Large(b""))
    with pytest.raises(UnreadableContent, match="longer than"):
        read_captured(Large(b""))


@pytest.mark.parametrize("text", [" " * 2_000_000, "a" + " " * 1_000_000 + "!", "#" * 2_000_000, "a \\\n" * 100_000, "--x" + " " * 1_000_000, "-e " + "[" * 60_000, "name: x\ndependencies:\n" + "  - a\n" * 20_000])
def test_reading_takes_time_in_proportion(text):
    start = time.process_time()
    try:
        read(text)
    except UnreadableContent:
        pass
    assert time.process_time() - start < 5


def test_environment_yml_of_conda():
    text = (
        "# top\nname: train\nchannels:\n  - conda-forge\n  - nvidia\ndependencies:\n  - python=3.11  # the one\n  - conda-forge::Numpy >=1.26, <2\n"
        "  - 'mkl==2023.1=h6a678d5_0'\n\n  - pip\n  - pip:\n      - torch==2.1.0+cu121\n      - -r requirements.txt\n      - \"own @ git+https://h/r@v1\"\nvariables:\n  A: 1\nprefix: /x\n"
    )
    found = read(text)
    assert found.syntax == CONDA
    assert "".join(block.text for block in found.blocks) == text
    assert said(text) == {
        "name": "train", "channels": ["conda-forge", "nvidia"], "dependencies": "section", "python": "=3.11", "numpy": "conda-forge::>=1.26,<2",
        "mkl": "==2023.1=h6a678d5_0", "pip": "*", "pip:": "section", "pip:torch": "==2.1.0+cu121", "pip:-r requirements.txt": "requirements.txt",
        "pip:own": "@ git+https://h/r@v1", "variables": {"A": 1}, "prefix": "/x",
    }


@pytest.mark.parametrize("text", [
    "dependencies: [a, b]\n", "dependencies:\n  - a\n  - >\n    b\n", "dependencies:\n  - &x a\n  - *x\n", "dependencies:\n  - a: 1\n", "dependencies:\n  - pip: [a]\n", "dependencies:\n  - 1\n",
    "- a\ndependencies:\n", "dependencies:\n  - a\ndependencies:\n  - b\n", "dependencies:\n  - pip:\n      - a b\n", "dependencies:\n  - a\n ? b\n", "dependencies:\n  - a\n---\nname: x\n", "{name: x,\ndependencies:\n  []}\n",
])
def test_conda_files_in_another_style_are_refused(text):
    with pytest.raises(UnreadableContent):
        read(text)


@pytest.mark.parametrize(("first", "second", "sign"), [
    ("==1.9", "==1.10", -1), ("==2.1.0+cu118", "==2.1.0+cu121", -1), ("==2.1.0", "==2.1.0+cu121", -1), ("==1.0rc1", "==1.0", -1), ("==1!1", "==2", 1), ("==1.0", "==1", 0),
    ("==1.26", ">=2", -1), (">=2", "==1.26", 1), ("==2.1", ">=2", None), ("==2", ">=2", None), ("~=1.2", "~=1.3", -1), ("~=1.2", "==1.3", None), ("<2", "<3", None), (">=1,<2", "==3", None),
    ("*", "==1", None), ("[a]==1", "[a]==2", -1), ("[a]==1", "==2", None), ('==1; os_name == "nt"', '==2; os_name == "nt"', -1), ('==1; os_name == "nt"', "==2", None),
    ("==1 --hash=sha256:a", "==2 --hash=sha256:b", -1), ("==1.*", "==2.*", None), ("1.26.4", "2.0.0", -1), ("1.0 @ git+https://h/r@a", "1.1 @ git+https://h/r@b", -1), ("=1.2=h_0", "=1.3", -1),
    ("===odd", "===even", None), ("==" + "1" * 5000, "==1", None), ("3.9", "3.11", -1),
])
def test_versions_are_ordered_where_that_can_be_said(first, second, sign):
    assert order(first, second) == sign
    assert order(second, first) == (None if sign is None else -sign)


@pytest.mark.parametrize(("typed", "line"), [
    ("1.27", "numpy==1.27"), ("==1.27", "numpy==1.27"), (">=1,<2", "numpy>=1,<2"), ("*", "numpy"), ("NumPy==3", "NumPy==3"), ("@ https://h/n.whl", "numpy @ https://h/n.whl"),
    ("pandas==2", None), ("what ever", None), ("==", None), ("2.1.0+cu121", "numpy==2.1.0+cu121"),
])
def test_what_somebody_types_becomes_a_requirement(typed, line):
    assert typed_requirement("numpy", typed) == line


def test_a_typed_line_cannot_bring_another_line():
    (model,) = read("numpy==1 ; os_name == 'nt'  # why\n").blocks
    made = typed_line(REQUIREMENTS, model, "==2\nevil==1")
    assert made is None or made.key == "numpy"
    assert typed_line(REQUIREMENTS, model, "==2 # x") is None
    made = typed_line(REQUIREMENTS, model, "2")
    assert made is not None
    assert made.text == 'numpy==2 ; os_name == "nt"  # why\n'


def test_requirements_say_why_they_cannot_be_read():
    with pytest.raises(ValueError, match="parentheses"):
        parse_requirement("a; " + "(" * 5000)


ENTRY = {"python": "3.11", "implementation": "cpython", "packages": {"numpy": "1.26.4", "torch": "2.1.0+cu121"}, "cuda": "12.1"}


def test_the_entry_is_canonical_and_reads_back():
    content = write_captured({**ENTRY, "os_packages": {"lib.x": ""}, "image": "sha256:0a", "later": [1]})
    assert content == (b'{"cuda":"12.1","image":"sha256:0a","implementation":"cpython","later":[1],"os_packages":{"lib.x":""},'
                       b'"packages":{"numpy":"1.26.4","torch":"2.1.0+cu121"},"python":"3.11"}')
    fields = read_captured(Bytes(content))
    assert fields["packages"] == ENTRY["packages"]
    assert flatten(fields)["os_packages.lib.x"] == ""
    assert unflatten(flatten(fields)) == fields


@pytest.mark.parametrize("content", [
    b"", b"[]", b"1", b"{", b"{}", b'{"packages": []}', b'{"packages": {"a": 1}}', b'{"packages": {"A_b": "1"}}', b'{"packages": {}, "python": 3}', b'{"packages": {}, "cuda": 12}',
    b'{"packages": {}, "packages": {}}', b'{"packages": {"": "1"}}', b'{"packages": {}, "a.b": 1}', b'{"packages": {}, "os_packages": []}', b"[" * 100_000, b'{"packages": {}, "image": null}', b"\xff",
])
def test_what_is_no_entry_is_refused(content):
    with pytest.raises(UnreadableContent):
        read_captured(Bytes(content))
