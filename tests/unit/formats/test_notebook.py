"""Notebooks: read within bounds, written back as they were."""

from __future__ import annotations

import json

import pytest

from mvcs.errors import UnreadableContent
from mvcs.formats import notebook, notebook_json
from mvcs.formats.content import Bytes
from mvcs.formats.notebook import read_notebook, source_like
from mvcs.formats.notebook_json import Number, plain, write

DOCUMENT = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Ä\n", "text"]},
        {"cell_type": "code", "id": "b", "metadata": {"tags": []}, "source": "x = 1\n", "outputs": [{"data": {"n": [1, -0.5, 1e22, None, True]}}], "execution_count": 3},
    ],
    "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5,
}


def with_cells(cells: str) -> bytes:
    return b'{"cells": %s, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}' % cells.encode()


@pytest.mark.parametrize("content", [
    json.dumps(DOCUMENT, indent=1, ensure_ascii=False).encode() + b"\n", json.dumps(DOCUMENT, indent=1, ensure_ascii=False, sort_keys=True).encode(),
    json.dumps(DOCUMENT, indent=2).encode(), json.dumps(DOCUMENT, indent="\t").encode() + b"\n\n", json.dumps(DOCUMENT).encode(),
    json.dumps(DOCUMENT, separators=(",", ":")).encode(), json.dumps(DOCUMENT, separators=(",", ": "), ensure_ascii=False).encode(),
    json.dumps(DOCUMENT, indent=1).replace("\n", "\r\n").encode() + b"\r\n", b"\xef\xbb\xbf" + json.dumps(DOCUMENT, indent=1).encode(), b" \n" + json.dumps(DOCUMENT, indent=0).encode(),
    with_cells('[{"cell_type": "raw", "source": "", "x": [1.0, 1.50, 1E5, -0, 1e999, NaN, -Infinity, 123456789012345678901234567890, 0.1]}]'),
    with_cells('[{"cell_type": "raw", "source": "\\ud800"}]'), with_cells("[]"),
])
def test_written_back_byte_for_byte(content):
    read = read_notebook(Bytes(content))
    assert write(read.document, read.style) == content


@pytest.mark.parametrize(("content", "reason"), [
    (b"", "Expecting value"), (b"[]", "no cells"), (b"null", "no cells"), (b"{}", "no cells"), (b'{"cells": {}}', "no cells"), (b"\xff", "no UTF-8"), (b"{", "Expecting"),
    (b'{"worksheets": [], "nbformat": 3}', "nbformat 3"), (b'{"cells": [], "nbformat": 5}', "nbformat 5"), (b'{"cells": []}', "nbformat None"),
    (b'{"cells": [], "nbformat": 4, "nbformat_minor": "5"}', "nbformat"), (with_cells("[1]"), "cell 1 is no map"), (with_cells("[{}]"), "cell 1 has no type"),
    (with_cells('[{"cell_type": "code"}]'), "cell 1 has no source"), (with_cells('[{"cell_type": "code", "source": [1]}]'), "no source"),
    (with_cells('[{"cell_type": 1, "source": ""}]'), "no type"), (with_cells('[{"cell_type": "code", "source": "", "metadata": []}]'), "metadata of cell 1"),
    (b'{"cells": [], "nbformat": 4, "metadata": 1}', "metadata is no map"), (b'{"cells": [], "cells": [], "nbformat": 4}', "a key twice"),
    (b"[" * 100_000, "levels deep"), (b'{"cells": [], "nbformat": 4, "x": ' + b"[" * 200 + b"]" * 200 + b"}", "levels deep"), (b'{"a": ' * 50_000, "levels deep"),
    (with_cells('[{"cell_type": "code", "source": "", "n": ' + "1" * 5000 + ', "n": 2}]'), "a key twice"),
])
def test_what_is_no_notebook_is_refused(content, reason):
    with pytest.raises(UnreadableContent, match=reason) as caught:
        read_notebook(Bytes(content))
    assert caught.value.fields["format"] == "notebook"


def test_an_error_has_its_line():
    with pytest.raises(UnreadableContent) as caught:
        read_notebook(Bytes(b'{\n "cells": [\n  x\n ]\n}'))
    assert caught.value.fields["line"] == 3


def test_bounds(monkeypatch):
    class Large:
        size = notebook.LIMIT + 1

        def read(self):
            raise AssertionError("read")

    with pytest.raises(UnreadableContent, match="64 MiB"):
        read_notebook(Large())
    monkeypatch.setattr(notebook, "MAX_CELLS", 1)
    with pytest.raises(UnreadableContent, match="cells"):
        read_notebook(Bytes(json.dumps(DOCUMENT).encode()))
    monkeypatch.setattr(notebook_json, "MAX_VALUES", 10)
    with pytest.raises(UnreadableContent, match="values"):
        read_notebook(Bytes(json.dumps(DOCUMENT).encode()))


@pytest.mark.parametrize(("ids", "names"), [
    (["a", "b"], ["a", "b"]), (["a", "a"], [None, None]), (["a", None], [None, None]), (["a", "b/hunk-1"], [None, None]), (["a", "x" * 65], [None, None]), (["a", ""], [None, None]),
])
def test_ids_name_cells_if_all_are_ids_and_none_is_twice(ids, names):
    cells = [{"cell_type": "raw", "source": "", **({} if name is None else {"id": name})} for name in ids]
    assert [cell.name for cell in read_notebook(Bytes(with_cells(json.dumps(cells)))).cells] == names


def test_numbers_that_python_spells_otherwise():
    assert plain([Number("1.50"), {"a": Number("1e999")}, 1, "1"]) == [1.5, {"a": float("inf")}, 1, "1"]


def test_sources_in_the_form_of_another():
    assert source_like("a\nb", ["x"]) == ["a\n", "b"]
    assert source_like("a\nb", "x") == "a\nb"
