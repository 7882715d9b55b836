"""TOML that keeps its comments, the line of each mistake, the nearest value first."""

from __future__ import annotations

import pytest

from mvcs.errors import ConfigNotFound, InvalidArgument, InvalidConfig
from mvcs.repo.config import KEYS, Config
from mvcs.repo.layout import check_format, find_place, write_format
from mvcs.repo.toml import add_to_list, line_of, parse_toml, quoted, read_toml, remove_from_lists, set_value

TEXT = """\
# a comment
model = "m"   # named

[ingredients]
# sources
code = [
  "*.py",  # python
  "*.sh",
]
data = ["data/"]

[capture]
checkpoints = "all"
"""


def test_the_line_of_a_key():
    assert [line_of(TEXT, "model"), line_of(TEXT, "code", "ingredients"), line_of(TEXT, "data", "ingredients"), line_of(TEXT, "checkpoints", "capture")] == [2, 6, 10, 13]
    assert [line_of(TEXT, "ingredients"), line_of(TEXT, "nosuch"), line_of(TEXT, "code", "capture")] == [4, 1, 1]
    assert line_of('"quoted" = 1\n[a]\nb.c = 2\n', "quoted") == 1
    assert line_of('"quoted" = 1\n[a]\nb.c = 2\n', "b", "a") == 3


def test_a_syntax_error_has_its_line():
    with pytest.raises(InvalidConfig) as caught:
        parse_toml("a = 1\nb = \nc = 2\n", "x.toml")
    assert (caught.value.fields["file"], caught.value.fields["line"]) == ("x.toml", 2)


def test_lists_are_edited_and_comments_stay(tmp_path):
    path = tmp_path / "mvcs.toml"
    path.write_text(TEXT)
    assert add_to_list(str(path), "ingredients", "code", ["*.sh", "new/", 'q"uote', "back\\slash"]) == ["new/", 'q"uote', "back\\slash"]
    assert add_to_list(str(path), "ingredients", "weights", ["*.pt"]) == ["*.pt"]
    assert add_to_list(str(path), "fresh", "list", ["x"]) == ["x"]
    text = path.read_text()
    assert all(comment in text for comment in ("# a comment", "# named", "# sources", "# python"))
    values, _ = read_toml(str(path))
    assert values["ingredients"] == {"code": ["*.py", "*.sh", "new/", 'q"uote', "back\\slash"], "data": ["data/"], "weights": ["*.pt"]}
    assert remove_from_lists(str(path), "ingredients", ["new/", "data/", "nosuch"]) == ["new/", "data/"]
    assert read_toml(str(path))[0]["ingredients"]["data"] == []
    assert list(tmp_path.iterdir()) == [path]  # nothing temporary is left


@pytest.mark.parametrize("text", ["plain", 'q"uote', "back\\slash", "é🙂", "tab\t", "\x7f", "\x01", "line\nbreak", "\u2028", "'"])
def test_a_quoted_string_reads_back(text):
    assert parse_toml(f"a = {quoted(text)}", "x")["a"] == text


def test_values_are_set_and_removed(tmp_path):
    path = str(tmp_path / "deep" / "config.toml")
    set_value(path, "a.b", 5)
    set_value(path, "a.c", "x")
    assert read_toml(path)[0] == {"a": {"b": 5, "c": "x"}}
    set_value(path, "a.b", None)
    for missing in ("a.b", "z.z"):
        with pytest.raises(ConfigNotFound):
            set_value(path, missing, None)


def test_the_nearest_value_wins(tmp_path):
    for name, value in (("repository", 1), ("user", 2)):
        (tmp_path / name).write_text(f"[lock]\ntimeout = {value}\n")
    files = [("repository", str(tmp_path / "repository")), ("user", str(tmp_path / "user")), ("system", str(tmp_path / "nosuch"))]
    environment: dict[str, str] = {}
    config = Config(files, environment.get)
    assert config.origin("lock.timeout") == (1, f"repository {tmp_path}/repository")
    environment["MVCS_LOCK_TIMEOUT"] = "9"
    assert config.origin("lock.timeout") == (9, "environment MVCS_LOCK_TIMEOUT")
    environment.clear()
    config.set("lock.timeout", None, "repository")
    assert config.integer("lock.timeout") == 2
    config.set("lock.timeout", None, "user")
    assert config.origin("lock.timeout") == (60, "default")


@pytest.mark.parametrize("key", KEYS)
def test_every_key_has_a_default_of_its_type_and_a_meaning(key):
    kind, default, variable, meaning = KEYS[key]
    assert type(default) is kind
    assert meaning
    assert not variable or variable.startswith("MVCS_")


@pytest.mark.parametrize(("key", "value", "error"), [
    ("nosuch", "1", ConfigNotFound), ("lock", "1", ConfigNotFound), ("lock.timeout", "soon", InvalidArgument), ("lock.timeout", "", InvalidArgument), ("user.name", "\udcff", InvalidArgument),
])
def test_what_cannot_be_set(tmp_path, key, value, error):
    config = Config([("repository", str(tmp_path / "c"))], lambda name: None)
    with pytest.raises(error):
        config.set(key, value, "repository")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("text", ["[lock]\ntimeout = true\n", "[lock]\ntimeout = 1.5\n", "[user]\nname = []\n"])
def test_a_value_of_another_type_is_told_with_its_line(tmp_path, text):
    (tmp_path / "c").write_text(text)
    config = Config([("repository", str(tmp_path / "c"))], lambda name: None)
    with pytest.raises(InvalidConfig) as caught:
        for key in ("lock.timeout", "user.name"):
            config.get(key)
    assert caught.value.fields["line"] == 2


def test_sections_that_are_values_are_no_values(tmp_path):
    (tmp_path / "c").write_text('lock = 5\nuser = "x"\n')
    config = Config([("repository", str(tmp_path / "c"))], lambda name: None)
    assert config.get("lock.timeout") == 60
    assert config.get("user.name") == ""


# Places


def test_the_format_file(tmp_path):
    write_format(str(tmp_path))
    assert (tmp_path / "format").read_text() == "mvcs 1\n"
    check_format(str(tmp_path))


def test_a_place_is_found_from_below(tmp_path):
    from mvcs.errors import NotARepository

    top = tmp_path / "top"
    (top / ".mvcs").mkdir(parents=True)
    (top / "models/a/src").mkdir(parents=True)
    with pytest.raises(NotARepository):
        find_place(str(top))  # without its format file it is none
    write_format(str(top / ".mvcs"))
    assert find_place(str(top / "models/a/src")).workspace is None
    (top / "mvcs.toml").write_text("")
    (top / "models/a/mvcs.toml").write_text("")
    found = find_place(str(top / "models/a/src"))
    assert (found.repository, found.top, found.workspace, found.workspace_id) == (str(top / ".mvcs"), str(top), str(top / "models/a"), "models/a")
    assert find_place(str(top)).workspace_id == "."
    for wrong in (top / "nosuch", top / "models" / "typo", top / "mvcs.toml"):
        with pytest.raises(NotARepository):
            find_place(str(wrong))
    elsewhere = find_place(str(top / "models/a"), str(top / ".mvcs"))
    assert elsewhere.workspace == str(top / "models/a")
    with pytest.raises(NotARepository):
        find_place(str(top), str(tmp_path))


def test_an_mvcs_toml_above_the_repository_is_not_its_workspace(tmp_path):
    (tmp_path / "mvcs.toml").write_text("")
    (tmp_path / "inner/.mvcs").mkdir(parents=True)
    write_format(str(tmp_path / "inner/.mvcs"))
    assert find_place(str(tmp_path / "inner")).workspace is None
