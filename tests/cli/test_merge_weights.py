"""Whose weights and metrics a merge has: each row of the table with real commits, in both directions."""

from __future__ import annotations

import pytest

from tests.cli.harness import PROJECT, listed, mvcs_run, ok, status, write
from tests.cli.test_merge import commit, merge, two_sides

W0, A, B = PROJECT["model.pt"], b"\0weights of a", b"\0weights of b"
M0, MA, MB = '{"auc": 0.5}\n', '{"auc": 0.7}\n', '{"auc": 0.8}\n'
BOTH_WAYS = pytest.mark.parametrize("ours", ["a", "b"])


def sides(folder, a, b):
    """Two branches from one commit; returns the short oids by branch."""
    made = {}
    for name, files in (("a", a), ("b", b)):
        ok("switch", "main", cwd=folder)
        ok("switch", "-c", name, cwd=folder)
        made[name] = commit(folder, files, name)[:12]
    return made


def merged(folder, ours, *words):
    """Merges the other branch into one of the two; returns what it answered."""
    ok("switch", ours, cwd=folder)
    return merge(folder, {"a": "b", "b": "a"}[ours], *words).json


def origin(folder, revision="HEAD"):
    return ok("show", revision, "--json", cwd=folder).json["origin"]


def outcome(folder):
    """Weights, metrics, how the weights were made, what is stale."""
    found = status(folder)
    path = folder / "metrics.json"
    return (
        (folder / "model.pt").read_bytes(), path.read_text() if path.exists() else None, origin(folder)["how"],
        found["stale"], found["stale_metrics"],
    )


def notes(done, word):
    return [note for note in done["notes"] if word in note]


@BOTH_WAYS
class TestRows:
    """The table: sides whose origin's recipe is the merged recipe, and who changed the weights since the base."""

    @pytest.mark.parametrize("also", [{}, {"model.pt": A, "metrics.json": MA}], ids=["untrained", "trained"])
    def test_one_side_trained_with_the_merged_recipe(self, project, ours, also):
        made = sides(project, {"README.md": "words\n", **also}, {"data/b.bin": b"\0", "model.pt": B, "metrics.json": MB})
        done = merged(project, ours)
        assert outcome(project) == (B, MB, "assumed", False, False)
        assert origin(project) == origin(project, "b")
        word = "ours" if ours == "a" else "theirs"
        dropped = [f"those of a ({made['a']}), made by another one, are not taken", f"--weights {word}"]
        assert [all(text in note for text in dropped) for note in done["notes"]] == ([True] if also else [])

    def test_both_did_and_one_changed_the_weights(self, project, ours):
        sides(project, {"README.md": "words\n"}, {"model.pt": B, "metrics.json": MB})
        done = merged(project, ours)
        assert outcome(project) == (B, MB, "assumed", False, False)
        assert (done["notes"], origin(project)) == ([], origin(project, "b"))

    def test_both_did_and_changed_different_files(self, project, ours):
        sides(project, {"model.pt": A, "metrics.json": MA}, {"b.pt": B, "metrics.json": MB})
        done = merged(project, ours)
        assert outcome(project) == (A, None, "merged:tensors", False, False)
        assert (project / "b.pt").read_bytes() == B
        assert origin(project)["recipe"] == origin(project, "main")["recipe"]
        assert done["conflicts"] == 0

    def test_both_did_and_changed_one_file(self, project, ours):
        sides(project, {"model.pt": A, "metrics.json": MA}, {"model.pt": B, "metrics.json": MB})
        assert merged(project, ours)["conflicts"] == 1
        ok("resolve", "model.pt", "--theirs", cwd=project)
        ok("commit", cwd=project)
        taken = (B, MB) if ours == "a" else (A, MA)  # a side's weights have that side's metrics
        assert outcome(project) == (*taken, "assumed", False, False)
        assert origin(project) == origin(project, "b" if ours == "a" else "a")

    def test_none_did_and_one_changed_the_weights(self, project, ours):
        sides(project, {"data/a.bin": b"\0"}, {"model.pt": B, "metrics.json": MB})
        done = merged(project, ours)
        assert outcome(project) == (B, MB, "assumed", True, False)
        assert (done["stale"], origin(project)) == (True, origin(project, "b"))

    def test_none_did_and_both_changed_the_weights(self, project, ours):
        sides(
            project, {"data/a.bin": b"\0", "model.pt": A, "metrics.json": MA},
            {"data/b.bin": b"\0", "model.pt": B, "metrics.json": MB},
        )
        done = merged(project, ours)
        mine = (A, MA) if ours == "a" else (B, MB)
        assert outcome(project) == (*mine, "assumed", True, False)
        assert (done["stale"], origin(project)) == (True, origin(project, ours))

    def test_none_did_and_nobody_changed_the_weights(self, project, ours):
        sides(project, {"data/a.bin": b"\0"}, {"data/b.bin": b"\0"})
        assert merged(project, ours)["stale"]
        assert outcome(project) == (W0, M0, "inherited", True, False)
        assert origin(project)["recipe"] == origin(project, "main")["recipe"]

    def test_nobody_changed_recipe_or_weights(self, project, ours):
        sides(project, {"README.md": "words\n"}, {"mvcs.toml": (project / "mvcs.toml").read_text() + "# more\n"})
        done = merged(project, ours)
        assert (done["stale"], done["notes"]) == (False, [])
        assert outcome(project) == (W0, M0, "inherited", False, False)

    @pytest.mark.parametrize("named", ["ours", "theirs"])
    def test_a_named_side_has_its_weights_whatever_made_them(self, project, ours, named):
        sides(
            project, {"data/a.bin": b"\0", "model.pt": A, "metrics.json": MA},
            {"data/b.bin": b"\0", "model.pt": B, "metrics.json": MB},
        )
        done = merged(project, ours, "--weights", named)
        taken = (A, MA) if (ours == "a") == (named == "ours") else (B, MB)
        assert outcome(project) == (*taken, f"merged:{named}", False, False)
        assert (done["stale"], done["notes"]) == (False, [])

    @pytest.mark.parametrize("recipe", [{}, {"data/a.bin": b"\0"}], ids=["same recipe", "new recipe"])
    @pytest.mark.parametrize("named", ["ours", "theirs"])
    def test_a_named_side_where_only_one_changed(self, project, ours, named, recipe):
        sides(project, {"README.md": "words\n", **recipe}, {"model.pt": B, "metrics.json": MB})
        merged(project, ours, "--weights", named)
        taken = (W0, M0) if (ours == "a") == (named == "ours") else (B, MB)
        assert outcome(project) == (*taken, f"merged:{named}", False, False)


@BOTH_WAYS
class TestArrangement:
    """What names weights otherwise, takes them out or away has trained nothing."""

    def start(self, project):
        commit(project, {"head.pt": b"\0head"}, "base")

    @pytest.mark.parametrize("way", ["add", "pattern"])
    def test_a_file_that_went_to_the_data_and_the_other_trained(self, project, ours, way):
        """The recipe is new, and nobody trained with it."""
        self.start(project)
        ok("switch", "-c", "a", cwd=project)
        if way == "add":
            ok("add", "head.pt", "--as", "data", cwd=project)
            ok("commit", "-m", "a", cwd=project)
        else:
            text = (project / "mvcs.toml").read_text()
            commit(project, {"mvcs.toml": text.replace("\ndata = [", '\ndata = [ "/head.pt",', 1)}, "a")
        assert origin(project) == {**origin(project, "main"), "how": "inherited"}
        assert status(project)["stale"]
        ok("switch", "main", cwd=project)
        ok("switch", "-c", "b", cwd=project)
        commit(project, {"model.pt": B, "metrics.json": MB}, "b")
        done = merged(project, ours)
        assert (done["conflicts"], done["stale"]) == (0, True)
        assert outcome(project) == (B, MB, "assumed", True, False)
        assert (listed(project)["head.pt"], (project / "head.pt").read_bytes()) == ("data", b"\0head")
        assert origin(project) == origin(project, "b")
        assert notes(done, "made by the merged recipe;") == []

    def test_a_file_that_went_to_the_data_under_another_name_and_was_trained(self, project, ours):
        ok("switch", "-c", "a", cwd=project)
        (project / "model.pt").rename(project / "data/start.pt")
        ok("add", "data/start.pt", "--as", "data", cwd=project)
        ok("commit", "-m", "a", cwd=project)
        ok("switch", "main", cwd=project)
        ok("switch", "-c", "b", cwd=project)
        commit(project, {"model.pt": B}, "b")
        assert merged(project, ours)["conflicts"] == 1
        (item,) = mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]
        values = [PROJECT["model.pt"], None, B] if ours == "a" else [PROJECT["model.pt"], B, None]
        assert (item["path"], item["key"]) == ("model.pt", None)
        assert [item[side] is None for side in ("base", "ours", "theirs")] == [value is None for value in values]
        ok("resolve", "model.pt", "--theirs" if ours == "a" else "--ours", cwd=project)
        ok("commit", cwd=project)
        assert {"model.pt": "weights", "data/start.pt": "data"}.items() <= listed(project).items()
        assert (project / "model.pt").read_bytes() == B
        assert status(project)["stale"]

    def test_renamed_here_and_trained_there(self, project, ours):
        sides(project, {"model.pt": None, "final.pt": W0, "data/a.bin": b"\0"}, {"model.pt": B, "metrics.json": MB})
        done = merged(project, ours)
        assert (done["conflicts"], done["stale"]) == (0, True)
        assert (project / "final.pt").read_bytes() == B
        assert not (project / "model.pt").exists()
        assert origin(project) == origin(project, "b")
        assert (project / "metrics.json").read_text() == MB
        assert not status(project)["stale_metrics"]

    def test_renamed_here_and_measured_anew_there(self, project, ours):
        """The same weights under another name: what was measured on them is still true."""
        sides(project, {"model.pt": None, "final.pt": W0}, {"metrics.json": MB})
        done = merged(project, ours)
        assert (done["conflicts"], done["notes"], done["stale"]) == (0, [], False)
        assert (project / "final.pt").read_bytes() == W0
        assert not (project / "model.pt").exists()
        assert (project / "metrics.json").read_text() == MB
        assert not status(project)["stale_metrics"]

    def test_taken_out_here_and_trained_there(self, project, ours):
        self.start(project)
        sides(project, {"head.pt": None}, {"model.pt": B, "metrics.json": MB})
        done = merged(project, ours)
        assert done["conflicts"] == 0
        assert (project / "model.pt").read_bytes() == B
        assert "head.pt" not in listed(project)

    def test_taken_out_here_and_that_trained_there_is_a_conflict(self, project, ours):
        sides(project, {"model.pt": None}, {"model.pt": B})
        assert merged(project, ours)["conflicts"] == 1
        (item,) = mvcs_run("conflicts", "--json", cwd=project).json["conflicts"]
        assert item["path"] == "model.pt"
        assert item["theirs" if ours == "a" else "ours"] is not None


@BOTH_WAYS
class TestTold:
    """What is dropped or stale is told, with commands that work."""

    @pytest.fixture
    def apart(self, project):
        """Both trained, each with its own recipe."""
        return sides(
            project, {"data/a.bin": b"\0", "model.pt": A, "metrics.json": MA},
            {"data/b.bin": b"\0", "model.pt": B, "metrics.json": MB},
        )

    def test_both_are_named_where_neither_was_made_by_the_merged_recipe(self, project, apart, ours):
        theirs = {"a": "b", "b": "a"}[ours]
        done = merged(project, ours)
        assert done["notes"] == [
            f"neither side's weights were made by the merged recipe: those of {ours} ({apart[ours]}) are kept and are stale,"
            f" those of {theirs} ({apart[theirs]}) are not taken (retrain and mvcs commit,"
            f" or: mvcs undo && mvcs merge {theirs} --weights theirs)"
        ]
        typed(project, done["notes"][0])
        assert outcome(project) == (B if ours == "a" else A, MB if ours == "a" else MA, "merged:theirs", False, False)

    def test_a_dry_run_has_nothing_to_undo(self, project, apart, ours):
        theirs = {"a": "b", "b": "a"}[ours]
        (note,) = merged(project, ours, "--dry-run")["notes"]
        assert note.endswith(f"or: mvcs merge {theirs} --weights theirs)")

    def test_with_conflicts_left_the_merge_is_given_up_first(self, project, apart, ours):
        for name in ("a", "b"):
            ok("switch", name, cwd=project)
            commit(project, {"README.md": name + "\n"}, "words")
        theirs = {"a": "b", "b": "a"}[ours]
        done = merged(project, ours)
        assert (done["how"], len(done["notes"])) == ("conflicts", 1)
        assert done["notes"][0].endswith(f"or: mvcs merge --abort && mvcs merge {theirs} --weights theirs)")
        for command in ("merge --abort", f"merge {theirs} --weights theirs -s README.md=ours"):
            ok(*command.split(), cwd=project)
        assert (project / "model.pt").read_bytes() == (B if ours == "a" else A)

    def test_metrics_that_no_side_measured_on_the_merged_weights(self, project, ours):
        made = sides(project, {"model.pt": A, "metrics.json": MA}, {"b.pt": B, "metrics.json": MB})
        done = merged(project, ours)
        theirs = {"a": "b", "b": "a"}[ours]
        assert done["notes"] == [
            f"the result has none of the metrics of {ours} ({made[ours]}) and {theirs} ({made[theirs]})"
            " (measure anew: mvcs commit --amend --metric NAME=VALUE)"
        ]
        ok("commit", "--amend", "--metric", "auc=0.9", cwd=project)
        assert not status(project)["stale_metrics"]
        assert ok("show", "--json", cwd=project).json["metrics"] == {"auc": 0.9}

    def test_metrics_of_other_weights_are_told_as_stale(self, project, ours):
        """One trained and did not measure, the other measured the old weights anew."""
        ok("switch", "-c", "a", cwd=project)
        write(project, {"metrics.json": MA})
        ok("commit", "-m", "a", cwd=project)
        ok("switch", "main", cwd=project)
        ok("switch", "-c", "b", cwd=project)
        (project / "metrics.json").unlink()
        commit(project, {"model.pt": B}, "b")
        done = merged(project, ours)
        assert (project / "model.pt").read_bytes() == B
        assert not (project / "metrics.json").exists()
        assert len(notes(done, "the result has none of the metrics of")) == 1

    def test_metrics_that_one_deleted_and_the_other_measured_anew_are_a_conflict(self, project, ours):
        sides(project, {"metrics.json": None}, {"metrics.json": MB})
        assert merged(project, ours)["conflicts"] == 1
        ok("resolve", "metrics.json", "--theirs" if ours == "a" else "--ours", cwd=project)
        ok("commit", cwd=project)
        assert outcome(project)[1:] == (MB, "inherited", False, False)


def typed(folder, note):
    """Types the commands that a note ends with."""
    for command in note.rpartition("or: ")[2].removesuffix(")").split(" && "):
        verb, *words = command.removeprefix("mvcs ").split()
        ok(verb, *words, cwd=folder)


def test_what_a_cherry_pick_tells_to_type(project):
    """It has no --weights."""
    made = sides(project, {"data/a.bin": b"\0", "model.pt": A}, {"data/b.bin": b"\0", "model.pt": B})
    ok("switch", "a", cwd=project)
    (note,) = [text for text in ok("cherry-pick", "b", "--json", cwd=project).json["notes"] if "neither" in text]
    assert note.endswith(f"or: mvcs reset --only weights {made['b']} && mvcs commit)")
    assert (project / "model.pt").read_bytes() == A
    typed(project, note)
    assert (project / "model.pt").read_bytes() == B


def test_what_is_told_to_type_keeps_the_strategies(project):
    """But not those of mvcs.toml, which hold without being typed."""
    write(project, {"mvcs.toml": (project / "mvcs.toml").read_text() + '\n[merge.strategies]\n"train.py" = "ours"\n'})
    commit(project, {}, "rules")
    files = {"params.yaml": "lr: 7\n", "train.py": "x = 7\n"}
    sides(project, {"data/a.bin": b"\0", "model.pt": A, **files}, {
        "data/b.bin": b"\0", "model.pt": B, **{path: text.replace("7", "8") for path, text in files.items()},
    })
    words = ("-s", "par*=ours")
    (note,) = [text for text in merged(project, "a", "--dry-run", *words)["notes"] if "not taken" in text]
    assert note.endswith("or: mvcs merge b -s 'par*=ours' --weights theirs)")
    (note,) = [text for text in merged(project, "a", *words)["notes"] if "not taken" in text]
    assert note.endswith("or: mvcs undo && mvcs merge b -s 'par*=ours' --weights theirs)")
    for command in (("undo",), ("merge", "b", *words, "--weights", "theirs")):
        ok(*command, cwd=project)
    assert (project / "params.yaml").read_text() == "lr: 7\n"
    assert outcome(project)[0] == B


def test_what_a_pick_tells_of_weights_that_it_has_taken(project):
    """There is nothing more to take: only to train, or to say that they come from this recipe."""
    sides(project, {"data/a.bin": b"\0"}, {"data/b.bin": b"\0", "model.pt": B})
    ok("switch", "a", cwd=project)
    (note,) = [text for text in ok("cherry-pick", "b", "--json", cwd=project).json["notes"] if "the weights" in text]
    assert note.endswith("(retrain and mvcs commit, or, if they do come from it: mvcs commit --trained)")
    assert status(project)["stale"]
    ok("commit", "--trained", cwd=project)
    assert not status(project)["stale"]
    assert (project / "model.pt").read_bytes() == B


def test_what_a_revert_calls_the_other_side(project):
    commit(project, {"data/a.bin": b"\0", "model.pt": A}, "a")
    commit(project, {"model.pt": B, "train.py": "later\n"}, "b")
    notes = ok("revert", "HEAD~1", "--json", cwd=project).json["notes"]
    assert any("those of the commit before HEAD~1 (" in note for note in notes)
    assert (project / "model.pt").read_bytes() == B


CONFIG = "lr: 1\nseed: 1\n"


class TestSettledByAnEdit:
    """A recipe that is settled by editing the files is judged at the commit, exactly as `resolve` does it."""

    def conflict(self, project, ours, theirs):
        commit(project, {"params.yaml": CONFIG}, "base")
        two_sides(
            project, {"params.yaml": CONFIG.replace("lr: 1", "lr: 2"), **ours},
            {"params.yaml": CONFIG.replace("lr: 1", "lr: 3"), **theirs},
        )
        assert merge(project, "other").code == 1

    def commits(self, project):
        """The commit's tree, where its weights came from, what its metrics were measured on."""
        shown = ok("show", "--json", cwd=project).json
        assert status(project)["clean"]
        assert ok("fsck", cwd=project).code == 0
        return shown["tree"], shown["origin"], shown["measured"], status(project)["stale"], status(project)["stale_metrics"]

    @pytest.mark.parametrize("lr", [2, 3, 4])
    @pytest.mark.parametrize("trained", ["both", "ours", "theirs", "nobody", "other files"])
    def test_both_ways_lead_to_the_same_commit(self, project, trained, lr):
        ours = {"model.pt": A, "metrics.json": MA} if trained in {"both", "ours", "other files"} else {}
        theirs = {"model.pt": B, "metrics.json": MB} if trained in {"both", "theirs"} else {}
        if trained == "other files":
            theirs = {"b.pt": B, "metrics.json": MB}
        self.conflict(project, ours, theirs)
        ok("resolve", "params.yaml:lr", "--set", str(lr), cwd=project)
        ok("commit", cwd=project)
        resolved = self.commits(project)
        ok("undo", cwd=project)
        ok("undo", cwd=project)
        assert ok("status", "--json", cwd=project).json["merging"]["conflicts"] == 1
        write(project, {"params.yaml": CONFIG.replace("lr: 1", f"lr: {lr}")})
        if lr == 2:  # as the merge wrote it: that this was meant is for a word to say
            ok("resolve", "params.yaml", "--edited", cwd=project)
        ok("commit", cwd=project)
        assert self.commits(project) == resolved

    def test_the_commit_tells_what_it_took_and_undo_brings_it_back(self, project):
        self.conflict(project, {"model.pt": A, "metrics.json": MA}, {"model.pt": B, "metrics.json": MB})
        assert (project / "model.pt").read_bytes() == A
        write(project, {"params.yaml": CONFIG.replace("lr: 1", "lr: 3")})
        told = ok("commit", "--json", cwd=project).json["warnings"]
        assert any("made by the merged recipe" in text and "other (" in text for text in told)
        assert any("model.pt" in text and "metrics.json" in text for text in told)
        assert outcome(project) == (B, MB, "assumed", False, False)
        while status(project)["merging"] is None:
            ok("undo", cwd=project)
        ok("undo", cwd=project)
        assert (project / "model.pt").read_bytes() == A
        assert (project / "params.yaml").read_text() == CONFIG.replace("lr: 1", "lr: 3")

    def test_weights_that_were_trained_while_settling_are_the_commit_s(self, project):
        self.conflict(project, {"model.pt": A}, {"model.pt": B})
        write(project, {"params.yaml": CONFIG.replace("lr: 1", "lr: 3"), "model.pt": b"\0new", "metrics.json": '{"auc": 1}'})
        ok("commit", cwd=project)
        assert outcome(project) == (b"\0new", '{"auc": 1}', "assumed", False, False)

    def test_declared_weights_stay(self, project):
        self.conflict(project, {"model.pt": A}, {"model.pt": B})
        write(project, {"params.yaml": CONFIG.replace("lr: 1", "lr: 3")})
        ok("commit", "--trained", cwd=project)
        assert (project / "model.pt").read_bytes() == A
        assert (origin(project)["how"], status(project)["stale"]) == ("declared", False)

    def test_weights_that_were_taken_out_while_settling_are_not_written_again(self, project):
        commit(project, {"head.pt": b"\0head"}, "base")
        self.conflict(project, {"model.pt": A}, {"model.pt": B})
        write(project, {"params.yaml": CONFIG.replace("lr: 1", "lr: 3")})
        (project / "head.pt").unlink()
        warnings = ok("commit", "--json", cwd=project).json["warnings"]
        assert "head.pt" not in listed(project)
        assert (project / "model.pt").read_bytes() == A
        assert origin(project) == origin(project, "HEAD~1")  # those of ours
        assert "the weights are stale: the recipe changed and they did not" in warnings

    def test_metrics_that_were_measured_while_settling_are_of_the_weights_that_were_there(self, project):
        self.conflict(project, {"model.pt": A, "metrics.json": MA}, {"model.pt": B, "metrics.json": MB})
        write(project, {"params.yaml": CONFIG.replace("lr: 1", "lr: 3"), "metrics.json": '{"auc": 1}'})
        assert ok("commit", "--json", cwd=project).json["stale"] == ["metrics"]
        assert (project / "model.pt").read_bytes() == B
        assert (project / "metrics.json").read_text() == '{"auc": 1}'

    def test_weights_that_were_settled_by_an_edit(self, project):
        """Theirs' bytes, put there by hand, are theirs' weights."""
        two_sides(project, {"model.pt": A, "metrics.json": MA}, {"model.pt": B, "metrics.json": MB})
        assert merge(project, "other").code == 1
        ok("resolve", "model.pt", "--theirs", cwd=project)
        ok("commit", cwd=project)
        resolved = self.commits(project)
        ok("undo", cwd=project)
        ok("undo", cwd=project)
        write(project, {"model.pt": B})
        ok("commit", cwd=project)
        assert self.commits(project) == resolved

    def test_a_recipe_that_nobody_trained_with_is_stale(self, project):
        self.conflict(project, {"model.pt": A}, {"model.pt": B})
        write(project, {"params.yaml": CONFIG.replace("lr: 1", "lr: 4")})
        done = ok("commit", "--json", cwd=project).json
        assert done["stale"] == ["weights", "metrics"]
        (note,) = [text for text in done["warnings"] if "neither side's" in text]
        assert note.endswith("or: mvcs undo && mvcs merge --abort && mvcs merge other --weights theirs)")
        for command in ("undo", "merge --abort", "merge other --weights theirs -s params.yaml=theirs"):
            ok(*command.split(), cwd=project)
        assert (project / "model.pt").read_bytes() == B

    def test_a_word_settles_what_is_already_as_it_says(self, project):
        """Nothing of the user's is lost by it."""
        two_sides(project, {"data/x.bin": b"\0o"}, {"data/x.bin": b"\0t"})
        merge(project, "other")
        write(project, {"data/x.bin": b"\0t"})
        ok("resolve", "data/x.bin", "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert status(project)["clean"]


def on_branch(folder, name, files, moves=()):
    """A branch of main with files written, and some renamed before."""
    ok("switch", "main", cwd=folder)
    ok("switch", "-c", name, cwd=folder)
    for old, new in moves:
        (folder / old).rename(folder / new)
    return commit(folder, files, name)


class TestTrueOrigin:
    """Whatever words settle, what is recorded of the weights is true of the files that came out."""

    @pytest.mark.parametrize("by", ["strategy", "word"])
    def test_a_renamed_file_against_one_of_the_same_name_that_was_trained(self, project, by):
        on_branch(project, "a", {}, [("model.pt", "b.pt")])
        on_branch(project, "b", {"params.yaml": "lr: 2\n", "b.pt": B, "model.pt": None})
        if by == "strategy":
            done = merged(project, "a", "-s", "*=ours")
        else:
            assert merged(project, "a")["conflicts"] == 1
            done = ok("resolve", "b.pt", "--ours", "--json", cwd=project).json
            ok("commit", cwd=project)
        assert ((project / "b.pt").read_bytes(), (project / "params.yaml").read_text()) == (W0, "lr: 2\n")
        assert status(project)["stale"]
        assert origin(project) == origin(project, "a")
        assert any("the weights are stale: those of a (" in note for note in done["notes"])

    def test_a_file_of_the_base_beside_one_that_was_trained_is_a_mixture(self, project):
        commit(project, {"b.pt": b"\0base"}, "base")
        on_branch(project, "a", {"b.pt": None})
        on_branch(project, "b", {"params.yaml": "lr: 2\n", "model.pt": B, "b.pt": B + b"2"})
        assert merged(project, "a")["conflicts"] == 1
        told = ok("resolve", "b.pt", "--base", "--json", cwd=project).json["notes"]
        assert [note.partition(" (")[0] for note in told if "stale" in note] == [
            "the weights are stale: their files were not all made by the merged recipe"
        ]
        ok("commit", cwd=project)
        assert ((project / "model.pt").read_bytes(), (project / "b.pt").read_bytes()) == (B, b"\0base")
        assert (status(project)["stale"], origin(project)["how"]) == (True, "mixed")
        commit(project, {"params.yaml": "lr: 0.1\n"}, "the recipe of the base")
        assert status(project)["stale"]  # which did not make the other file
        ok("commit", "--trained", cwd=project)
        assert not status(project)["stale"]

    def test_a_mixture_by_an_edit_is_one_too(self, project):
        commit(project, {"b.pt": b"\0base"}, "base")
        on_branch(project, "a", {"b.pt": None})
        on_branch(project, "b", {"params.yaml": "lr: 2\n", "model.pt": B, "b.pt": B + b"2"})
        assert merged(project, "a")["conflicts"] == 1
        write(project, {"b.pt": b"\0base"})
        ok("resolve", "b.pt", "--edited", cwd=project)
        ok("commit", cwd=project)
        assert (project / "b.pt").read_bytes() == b"\0base"
        assert (status(project)["stale"], origin(project)["how"]) == (True, "mixed")

    def test_a_rename_that_is_reverted_after_a_training(self, project):
        (project / "model.pt").rename(project / "b.pt")
        renamed = commit(project, {}, "renamed")
        commit(project, {"params.yaml": "lr: 2\n", "b.pt": None, "model.pt": B}, "trained under its old name")
        assert mvcs_run("revert", renamed, "--json", cwd=project).json["conflicts"] == 1
        ok("resolve", "model.pt", "--theirs", cwd=project)
        ok("commit", cwd=project)
        assert ((project / "model.pt").read_bytes(), (project / "params.yaml").read_text()) == (W0, "lr: 2\n")
        assert status(project)["stale"]
        assert origin(project) == origin(project, "main~3")

    def test_what_a_strategy_made_of_another_recipe_is_not_made_anew_by_a_conflict(self, project):
        words = {"README.md": "a\n"}
        sides(project, {"data/a.bin": b"\0", "model.pt": A, **words}, {"data/b.bin": b"\0", "model.pt": B})
        merged(project, "a", "--weights", "theirs")
        on_branch(project, "c", {"README.md": "c\n", "data/c.bin": b"\0"})
        ok("switch", "a", cwd=project)
        assert merge(project, "c").json["conflicts"] == 1
        ok("resolve", "README.md", "--ours", cwd=project)
        ok("commit", cwd=project)
        assert status(project)["stale"]

    def test_a_copy_beside_what_the_other_side_trained(self, project):
        on_branch(project, "a", {"copy.pt": W0})
        on_branch(project, "b", {"params.yaml": "lr: 2\n", "model.pt": B})
        assert merged(project, "a")["stale"]
        assert origin(project)["how"] == "mixed"
