"""What mvcs.toml declares of the system is in the entry, with an interpreter and without, and follows mvcs.toml."""

from __future__ import annotations

import pytest

from mvcs.ingredients.handlers.environment import NOT_CAPTURED, Environment

DIGEST = "docker.io/library/python@sha256:" + "0" * 64
ENTRY = {"python": "3.11", "implementation": "cpython", "packages": {"numpy": "2.0"}, "cuda": None}


class Scope:
    """A commit without new weights that carries an entry on."""

    def __init__(self, entry, said=()):
        self.changed = frozenset({"about"})
        self._entry, self._said = entry, said

    def has(self, ingredient):
        return self._entry is not None

    def entry(self, ingredient, name):
        return self._entry

    def said(self, ingredient):
        return self._said


def captured(tmp_path, entry, said=(), *, os_packages=None, image=""):
    handler = Environment(str(tmp_path), None, None, lambda path: False, os_packages=os_packages or {}, image=image)
    found = handler.capture(Scope(entry, said))
    return dict(found.entries), found.incomplete


def test_it_joins_the_entry_that_is_carried_on(tmp_path):
    entries, incomplete = captured(tmp_path, ENTRY, os_packages={"ffmpeg": "", "libgl1": "1.6"}, image=DIGEST)
    assert entries == {"packages": {**ENTRY, "os_packages": {"ffmpeg": "", "libgl1": "1.6"}, "image": DIGEST}}
    assert incomplete == ()


def test_what_is_declared_no_longer_leaves_it(tmp_path):
    assert captured(tmp_path, {**ENTRY, "image": DIGEST, "os_packages": {"a": ""}}) == ({"packages": ENTRY}, ())
    assert captured(tmp_path, {"packages": {}, "image": DIGEST}) == ({"packages": None}, (NOT_CAPTURED,))


def test_what_is_unchanged_is_no_edit(tmp_path):
    assert captured(tmp_path, {**ENTRY, "image": DIGEST}, image=DIGEST)[0] == {}
    assert captured(tmp_path, None) == ({}, ("no environment in the commit",))


def test_without_an_interpreter_it_is_recorded_and_the_packages_are_missing(tmp_path):
    assert captured(tmp_path, None, image=DIGEST) == ({"packages": {"packages": {}, "image": DIGEST}}, (NOT_CAPTURED,))


@pytest.mark.parametrize("image", ["python:3.11", "python", DIGEST[:-1]])
def test_an_image_by_name_alone_may_come_to_mean_another(tmp_path, image):
    (reason,) = captured(tmp_path, ENTRY, image=image)[1]
    assert image in reason
    assert captured(tmp_path, {**ENTRY, "image": image}, (reason, "package x: gone"), image=DIGEST)[1] == ("package x: gone",)
