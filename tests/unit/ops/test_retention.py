"""[retention]: which commits lose their weights, what keeps them, and that a loss is never taken for a purpose."""

from __future__ import annotations

import json
import os

import pytest

import mvcs
from mvcs.errors import InvalidConfig, MvcsError, NothingToCommit, ObjectMissing, UnsavedWork
from mvcs.objects.attestation import Attestation
from mvcs.objects.commit import Commit, Origin
from mvcs.objects.hashing import ATTESTATION, COMMIT, Oid, parse_oid
from mvcs.objects.operation import Move
from mvcs.objects.root import VERDICTS
from mvcs.ops import retention
from mvcs.ops.collected import WeightsCollected, collected_commits, collection_of
from mvcs.ops.gc import gc
from mvcs.ops.retention import Loss, attest
from mvcs.refs.roots import LocalRoots, land, notes_of
from mvcs.repo.layout import Place
from mvcs.repo.project import Rule
from mvcs.repo.repository import Repository
from mvcs.store.base import OBJECTS, PINS
from tests.cli.harness import snapshot, write


def statements(lab) -> list[tuple[Attestation, dict]]:
    """Returns what is attested, in landing order, with the payloads."""
    store = lab.repo._repository.store
    home = LocalRoots(store)
    notes = sorted(notes_of(home, home.read_root(VERDICTS)), key=lambda note: note.landing)
    said = [Attestation.decode(store.load(note.attestation, ATTESTATION)) for note in notes]
    return [(item, json.loads(store.read_blob(item.payload))) for item in said]


def test_an_old_run_loses_its_weights_and_keeps_all_else(lab):
    oid = lab.run("runs/1", "weights of the run", **{"data/b.csv": "3,4", "notes.md": "x"})
    before = {item.path: item.entry.oid for item in lab.repo.ls(oid, generated=True)}
    main = dict.fromkeys(lab.repo["main"].files)
    contents = {path: lab.repo["main"].files[path] for path in main}
    lab.day(31)
    done = lab.repo.gc()
    assert (done.collected, done.by_rule()) == (1, [("runs/*", 30, 1, 18)])
    assert not lab.has(oid)
    assert {item.path: item.entry.oid for item in lab.repo.ls(oid, generated=True)} == before
    for item in lab.repo[oid].files.entries():
        if item.ingredient != "weights":
            assert lab.repo[oid].files[os.fsdecode(item.path)]
    assert lab.repo[oid].metrics == {"auc": 0.75}
    assert {path: lab.repo["main"].files[path] for path in main} == contents
    ((said, payload),) = statements(lab)
    assert (said.subject_kind, said.subject.hex(), said.predicate) == (COMMIT, oid, "collected")
    weights = lab.repo._repository.load_tree
    assert payload == {
        "pattern": "runs/*", "days": 30, "bytes": 18,
        "weights": mvcs.objects.editing.ingredient_trees(weights, parse_oid(lab.repo[oid].tree))["weights"].hex(),
    }
    assert lab.problems() == []
    again = lab.repo.gc()
    assert (again.collected, again.objects, again.chunks) == (0, 0, 0)
    assert len(statements(lab)) == 1


def test_a_dry_run_says_the_same_and_does_nothing(lab):
    oid = lab.run("runs/1", "weights of the run")
    lab.day(31)
    planned = lab.repo.gc(dry_run=True)
    assert lab.has(oid)
    assert statements(lab) == []
    done = lab.repo.gc()
    assert planned.to_dict() == {**done.to_dict(), "segments": 0}
    assert planned.by_rule() == done.by_rule()


@pytest.mark.parametrize(("text", "undo_days", "day", "gone"), [
    ("", 0, 30, False), ("", 0, 31, True), ("", 60, 31, False), ("", 60, 61, True),
    ('"runs/*" = 5\n', 0, 6, True), ('"runs/*" = 5\n', 30, 6, False), ('"runs/*" = 0\n', 0, 1, True),
    ('"runs/*" = "forever"\n', 0, 9999, False), ('"other/*" = 1\n', 0, 31, True), ('"*" = "forever"\n', 0, 31, False),
    ('"runs/1" = 50\n"*" = 1\n', 0, 31, False), ('"runs/1" = 50\n"*" = 1\n', 0, 51, True),
    ('"runs/?" = 50\n', 0, 40, False), ('"runs/[23]" = 50\n', 0, 40, True), ('"RUNS/*" = 1\n"runs/*" = 50\n', 0, 40, False),
])
def test_the_first_pattern_and_the_undo_window_say_how_long(lab, text, undo_days, day, gone):
    oid = lab.run("runs/1", "weights of the run")
    lab.rules(text)
    lab.repo.config_set("gc.undo_days", str(undo_days))
    lab.day(day)
    assert lab.repo.gc().collected == int(gone)
    assert lab.has(oid) == (not gone)
    assert lab.problems() == []


def stage(lab, oid):
    home = LocalRoots(lab.repo._repository.store)
    land(home, "registry", actor=("A", ""), now=1, command="x", write_id=b"w", moves=(Move("stages/m/prod", None, parse_oid(oid)),))


def ref(key):
    def put(lab, oid):
        lab.repo._repository.publish(actor=("A", ""), command="x", moves=(Move(key, None, parse_oid(oid)),))

    return put


def pin(lab, oid):
    with lab.repo._repository.store.write() as transaction:
        transaction.put(PINS, b"run 1", parse_oid(oid))


def start_of_a_kept_commit(lab, oid):
    repository = lab.repo._repository
    tip = repository.commit(parse_oid(lab.repo["main"].id))
    trees = mvcs.objects.editing.ingredient_trees(repository.load_tree, parse_oid(lab.repo[oid].tree))
    made = Commit(
        model="m", tree=tip.tree, parents=(parse_oid(lab.repo["main"].id),), generation=tip.generation + 1, author=tip.author,
        committer=tip.committer, message="fine-tuned", origin=Origin(Oid(bytes(32)), "run", trees["weights"]),
    )
    with repository.store.batch() as batch:
        new = batch.put_object(COMMIT, made.encode())
        repository.publish(actor=("A", ""), command="x", moves=(Move("heads/m/tuned", None, new),), batch=batch)


def merged_into_main(lab, oid):
    repository = lab.repo._repository
    tip, run = parse_oid(lab.repo["main"].id), repository.commit(parse_oid(oid))
    made = Commit(
        model="m", tree=repository.commit(tip).tree, parents=(tip, parse_oid(oid)), generation=run.generation + 1,
        author=run.author, committer=run.committer, message="merged", origin=run.origin,
    )
    with repository.store.batch() as batch:
        new = batch.put_object(COMMIT, made.encode())
        repository.publish(actor=("A", ""), command="x", moves=(Move("heads/m/main", tip, new),), batch=batch)


def another_workspace_on_it(lab, oid):
    below = lab.folder / "second"
    write(below, {"mvcs.toml": 'model = "m"\n'})
    lab.repo._repository.publish(actor=("A", ""), command="x", moves=(Move("HEAD/second", None, "heads/m/runs/1"),))


@pytest.mark.parametrize("keep", [
    ref("tags/m/v1"), ref("heads/m/release"), ref("heads/other/runs/1"), ref("remotes/origin/m/runs/1"), ref("HEAD/elsewhere"),
    ref("versions/m/1.0.0"), stage, pin, start_of_a_kept_commit, merged_into_main, another_workspace_on_it,
    lambda lab, oid: lab.repo.switch("runs/1"), lambda lab, oid: lab.repo.switch(oid, detach=True),
    lambda lab, oid: lab.repo.tag("v1", oid, message="an object of its own"),
    lambda lab, oid: lab.run("keep", "weights of the run"),
], ids=["tag", "branch", "other model", "remote", "HEAD", "version", "stage", "pin", "start", "merged", "workspace", "on it", "detached", "tag object", "same bytes"])
def test_what_anything_else_needs_stays(lab, keep):
    oid = lab.run("runs/1", "weights of the run")
    other = lab.run("runs/2", "weights that nothing else needs")
    lab.repo.config_set("gc.undo_days", "0")
    keep(lab, oid)
    lab.day(100)
    lab.repo.gc()
    assert lab.has(oid)
    assert lab.repo[oid].weights.files["model.pt"] == b"weights of the run"
    assert not lab.has(other)
    assert [said.subject.hex() for said, _ in statements(lab)] == [other]
    assert lab.problems() == []


def test_a_young_commit_keeps_its_weights_and_its_old_parent_does_not(lab):
    old = lab.run("runs/1", "old")
    lab.day(50)
    young = lab.run("runs/1", "young")
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(60)
    assert lab.repo.gc().collected == 1
    assert (lab.has(old), lab.has(young)) == (False, True)
    lab.repo.tag("v1", young)
    lab.day(200)
    assert lab.repo.gc().collected == 0
    assert lab.has(young)
    assert lab.problems() == []


def test_the_branch_that_keeps_it_longest_decides(lab):
    oid = lab.run("runs/1", "shared")
    lab.repo.branch("exp/1", "runs/1")
    lab.rules('"exp/*" = 90\n"runs/*" = 10\n')
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(80)
    assert lab.repo.gc().collected == 0
    lab.day(91)
    assert lab.repo.gc().by_rule() == [("exp/*", 90, 1, 6)]
    assert not lab.has(oid)


def test_weights_of_two_old_commits_go_when_the_last_needs_them_no_more(lab):
    first = lab.run("runs/1", "same weights", **{"data/b.csv": "1"})
    lab.day(20)
    second = lab.run("runs/1", "same weights", **{"data/b.csv": "2"})
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(40)
    assert lab.repo.gc().collected == 0
    assert lab.has(first)
    lab.day(60)
    done = lab.repo.gc()
    assert {loss.commit.hex() for loss in done.losses} == {first, second}
    assert done.by_rule() == [("runs/*", 30, 2, 12)]
    assert lab.problems() == []


def test_large_weights_give_their_chunks_back(lab):
    noise = os.urandom(900_000)
    oid = lab.run("runs/1", noise)
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(31)
    assert lab.repo.gc(thorough=True).bytes > 850_000
    assert sum(lab.repo.du().stored.values()) < 100_000
    with pytest.raises(WeightsCollected):
        lab.repo[oid].weights.files["model.pt"]
    assert lab.problems() == []


def test_a_chunk_that_a_kept_file_has_too_is_not_lost(lab):
    """A blob of one chunk that is a piece of a larger one that stays: it can still be read, so nothing is attested."""
    whole = os.urandom(900_000)
    lab.repo.switch("keep", create=True)
    write(lab.folder, {"model.pt": whole})
    kept = lab.repo.commit("keep").oid.hex()
    store = lab.repo._repository.store
    piece = store.read_chunk(store.recipe(lab.repo[kept].weights.files.entries()[0].entry.oid).chunk(1))
    lab.repo.switch("main")
    oid = lab.run("runs/1", piece)
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(31)
    for _ in range(2):
        assert lab.repo.gc().collected == 0
    assert lab.repo[oid].weights.files["model.pt"] == piece


def test_outside_a_workspace_and_for_other_models_nothing_is_collected(lab):
    oid = lab.run("runs/1", "weights of the run")
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(100)
    place = lab.repo._repository.place
    assert gc(Repository(Place(place.repository, place.top, None), clock=lab.clock)).collected == 0
    other = lab.folder / "other"
    other.mkdir()
    write(other, {"train.py": "1"})
    with mvcs.init(other, model="n", yes=True, clock=lab.clock)[0] as repo:
        assert repo.gc().collected == 0
    assert lab.has(oid)


def test_an_mvcs_toml_that_cannot_be_read_stops_gc(lab):
    oid = lab.run("runs/1", "weights of the run")
    lab.rules('"runs/*" = "30"\n')
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(100)
    for dry_run in (True, False):
        with pytest.raises(InvalidConfig):
            lab.repo.gc(dry_run=dry_run)
    lab.rules("")
    assert lab.has(oid)


def test_beside_git_the_branch_is_git_s(lab):
    """Git's HEAD says where the workspace stands, whatever its own ref said when mvcs was last asked."""
    oid = lab.run("runs/1", "weights of the run")
    (lab.folder / ".git").mkdir()
    (lab.folder / ".git/HEAD").write_text("ref: refs/heads/runs/1\n")
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(100)
    with mvcs.open(lab.folder, clock=lab.clock) as repo:
        assert repo.gc().collected == 0
        (lab.folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
        assert repo.gc().collected == 1
    assert not lab.has(oid)


# Purpose and loss


def collect(lab, weights="weights of the run"):
    """Returns a commit on runs/1 whose weights are gone."""
    oid = lab.run("runs/1", weights)
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(31)
    assert lab.repo.gc().collected == 1
    return oid


def lose(lab, blob):
    with lab.repo._repository.store.write() as transaction:
        assert transaction.delete(OBJECTS, blob)


def test_what_rules_would_have_taken_and_nothing_attests_is_a_loss(lab):
    oid = lab.run("runs/1", "weights of the run")
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(100)
    lose(lab, lab.repo[oid].weights.files.entries()[0].entry.oid)
    assert [item["kind"] for item in lab.problems()][:1] == ["blob"]
    assert lab.repo.gc().collected == 0
    assert lab.problems() != []
    with pytest.raises(ObjectMissing):
        lab.repo[oid].weights.files["model.pt"]
    assert lab.repo.show(oid).collected is None


def test_a_blob_that_another_commit_needs_is_a_loss_whatever_is_attested(lab):
    first = collect(lab)
    second = lab.run("exp/1", "weights of the run", **{"data/b.csv": "5"})
    assert lab.has(first)
    assert lab.repo.show(first).collected is None
    lose(lab, lab.repo[second].weights.files.entries()[0].entry.oid)
    assert any(item["kind"] == "blob" and "needs it" in item["reason"] for item in lab.problems())


def test_only_weights_are_excused(lab):
    oid = collect(lab)
    (data,) = [item.entry.oid for item in lab.repo[oid].code.entries() if item.path == b"train.py"]
    lose(lab, data)
    assert [item["name"] for item in lab.problems() if item["kind"] == "blob"] == [data.hex()]


def test_a_tag_on_a_collected_commit_is_no_damage(lab):
    oid = collect(lab)
    lab.repo.tag("v1", oid)
    lab.repo.branch("again", oid)
    assert lab.problems() == []
    lab.repo.gc()
    assert lab.problems() == []
    assert lab.repo.show("v1").collected is not None


def test_a_longer_undo_window_makes_no_damage_of_what_a_shorter_one_let_go(lab):
    """Records of what the files held name root trees of collected commits."""
    oid = collect(lab)
    lab.repo.config_set("gc.undo_days", "9999")
    assert lab.problems() == []
    lab.repo.reset(oid)
    (lab.folder / "model.pt").unlink()
    write(lab.folder, {"train.py": "changed"})
    lab.repo.restore(["train.py"])  # its record has the weights of HEAD, which are nowhere
    assert lab.problems() == []
    lab.repo.gc()
    assert lab.problems() == []


def test_what_was_garbage_and_an_attestation_now_names_stays(lab):
    """The payload happens to be stored already, and dead."""
    lab.run("runs/1", "weights of the run")
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(31)
    ((loss,), store) = (lab.repo.gc(dry_run=True).losses, lab.repo._repository.store)
    with store.batch() as batch:
        batch.put_bytes(loss.payload())
        batch.settle()
        with store.write() as transaction:
            batch.finish(transaction)
    assert lab.repo.gc().collected == 1
    assert [payload["bytes"] for _, payload in statements(lab)] == [18]
    assert lab.problems() == []


def test_the_second_look_keeps_what_the_first_had_walked_by_name(lab, monkeypatch):
    """Also where nothing but a longer time makes it firm, and where a young commit has the same weights tree."""
    oids = [lab.run(f"runs/{number}", f"weights {number}") for number in range(4)]
    lab.repo.config_set("gc.undo_days", "0")
    lab.day(45)
    young = lab.run("runs/young", "weights 3", **{"data/b.csv": "other data"})

    def between(name):
        if name == "gc marked":
            lab.rules('"runs/1" = 90\n')
            lab.repo.tag("late", oids[2])
            monkeypatch.setattr(mvcs.ports, "on_reached", lambda name: None)

    lab.day(50)
    monkeypatch.setattr(mvcs.ports, "on_reached", between)
    assert [loss.commit.hex() for loss in lab.repo.gc().losses] == [oids[0]]
    assert [lab.has(oid) for oid in [*oids, young]] == [False, True, True, True, True]
    assert lab.problems() == []


def test_many_attestations_land_at_once(lab, monkeypatch):
    monkeypatch.setattr(retention, "AT_ONCE", 1500)
    repository = lab.repo._repository
    losses = [Loss(Oid(n.to_bytes(32, "big")), Rule("runs/*", 30), Oid(bytes(32)), {Oid(bytes(32)): n}) for n in range(3000)]
    attest(repository, losses, (5 * 10**9, 60))
    root = LocalRoots(repository.store).read_root(VERDICTS)
    assert (root.generation, root.landed, type(root.notes)) == (2, 3000, bytes)
    assert set(collected_commits(repository)) == {loss.commit for loss in losses}
    for number in (0, 1, 1499, 1500, 2999):
        found = collection_of(repository, losses[number].commit)
        assert (found.commit, found.rule, found.date) == (losses[number].commit, "runs/*, 30 days", "1970-01-01")
    assert collection_of(repository, Oid(b"\xff" * 32)) is None
    assert lab.problems() == []
    assert lab.repo.gc().objects < 100  # nodes of the notes that were replaced
    assert lab.problems() == []


# Verbs on what is gone


@pytest.mark.parametrize("verb", [
    lambda repo, oid: repo.checkout(oid), lambda repo, oid: repo.switch("runs/1"), lambda repo, oid: repo.switch("runs/1", force=True),
    lambda repo, oid: repo.restore(["."], source=oid), lambda repo, oid: repo.restore(["model.pt"], source=oid),
    lambda repo, oid: repo.reset(oid, hard=True), lambda repo, oid: repo[oid].weights.files["model.pt"],
    lambda repo, oid: list(repo.cat("runs/1:model.pt")), lambda repo, oid: repo[oid].weights.files.mapped("model.pt"),
    lambda repo, oid: mvcs.clone(repo.root, repo.root + "-copy", branch="runs/1"),
])
def test_what_needs_the_weights_is_refused_by_name_and_changes_nothing(lab, verb):
    oid = collect(lab)
    write(lab.folder, {"train.py": "unsaved", "notes.txt": "mine"})
    before, refs, operations = snapshot(lab.folder), lab.repo.refs, len(lab.repo.op_log())
    with pytest.raises(WeightsCollected) as caught:
        verb(lab.repo, oid)
    assert caught.value.fields == {"paths": ("model.pt",), "commit": oid[:12], "date": "2024-11-04", "rule": "runs/*, 30 days"}
    assert caught.value.exit_code == 4
    assert (snapshot(lab.folder), lab.repo.refs, len(lab.repo.op_log())) == (before, refs, operations)
    assert not os.path.exists(f"{lab.folder}-copy")
    lab.repo.restore(["train.py"])
    words = caught.value.hint.split()
    assert words[0] == "mvcs"
    if words[1] == "restore":
        lab.repo.restore(words[4:], source=words[3])
        assert (lab.folder / "train.py").read_text() == "train runs/1"


def test_verbs_that_only_look_do_not_mind(lab):
    oid = collect(lab)
    assert next(item.metrics for item in lab.repo.log([oid], metrics=True)) == {"auc": 0.75}
    assert lab.repo.du(oid).ingredients["weights"] == 18
    assert {change.path for change in lab.repo.diff("main", oid)} == {b"model.pt", b"train.py"}
    assert lab.repo.show(oid).to_dict()["collected"] is True
    assert lab.repo.show("main").to_dict()["collected"] is False
    lab.repo.reset(oid)
    assert {change.path for change in lab.repo.status().changes} == {b"model.pt", b"train.py"}
    assert lab.repo.restore(["train.py"]).paths == ["train.py"]
    with pytest.raises(WeightsCollected):
        lab.repo.restore(["model.pt"])
    with pytest.raises(WeightsCollected):
        lab.repo.checkout()
    lab.repo.undo()
    lab.repo.undo()
    assert lab.repo.status().clean
    assert lab.problems() == []


def on_collected(lab):
    """Stands on a commit whose weights were collected, with the very files in the workspace."""
    oid = collect(lab)
    write(lab.folder, {"model.pt": "weights of the run", "train.py": "train runs/1"})
    for name in ("model.pt", "train.py"):  # old enough for the next look to believe their stat
        os.utime(lab.folder / name, (10**9, 10**9))
    lab.repo.reset(oid)
    for _ in range(2):
        assert lab.repo.status().clean
    assert not lab.has(oid)
    return oid


def test_a_commit_after_a_reset_stores_what_it_sees_unchanged(lab):
    oid = on_collected(lab)
    write(lab.folder, {"train.py": "a new recipe"})
    made = lab.repo.commit("on top").oid.hex()
    assert lab.repo[made].weights.files["model.pt"] == b"weights of the run"
    assert lab.repo.show(oid).collected is None
    assert lab.problems() == []
    lab.day(100)
    assert lab.repo.gc().collected == 0
    assert lab.has(made)


def test_a_commit_of_nothing_stores_them_too(lab):
    oid = on_collected(lab)
    with pytest.raises(NothingToCommit):
        lab.repo.commit("nothing")
    assert lab.repo[oid].weights.files["model.pt"] == b"weights of the run"
    assert lab.repo.show(oid).collected is None
    lab.repo.switch("runs/1")
    assert lab.problems() == []


def test_an_amend_and_a_saved_commit_store_them(lab):
    on_collected(lab)
    write(lab.folder, {"train.py": "unsaved"})
    saved = lab.repo.reset("HEAD~1", hard=True).saved
    assert saved is not None
    assert lab.repo[saved.hex()].weights.files["model.pt"] == b"weights of the run"
    lab.repo.undo()
    assert (lab.folder / "model.pt").read_text() == "weights of the run"
    lab.repo.commit("amended", amend=True)
    assert lab.problems() == []


def test_bytes_that_only_the_files_have_are_not_overwritten(lab):
    on_collected(lab)
    lab.repo.branch("elsewhere", "HEAD~1")
    before = snapshot(lab.folder)
    with pytest.raises(UnsavedWork) as caught:
        lab.repo.switch("elsewhere")
    assert caught.value.fields["paths"] == ("model.pt",)
    assert snapshot(lab.folder) == before
    lab.repo.switch("elsewhere", force=True)
    lab.repo.undo()
    assert snapshot(lab.folder) == before
    assert lab.problems() == []


def test_a_clone_knows_purpose_from_loss(lab, tmp_path):
    oid = collect(lab)
    mvcs.clone(str(lab.folder), str(tmp_path / "copy"), clock=lab.clock)
    with mvcs.open(tmp_path / "copy", clock=lab.clock) as copy:
        assert copy.fsck().problems == []
        assert copy.show(oid).collected is not None
        assert copy[oid].code["train.py"] == b"train runs/1"
        copy.gc()
        assert copy.fsck().problems == []
    lose(lab, lab.repo["main"].weights.files.entries()[0].entry.oid)
    with pytest.raises(MvcsError):
        mvcs.clone(str(lab.folder), str(tmp_path / "broken"))


def test_a_clone_takes_what_was_stored_again(lab, tmp_path):
    oid = on_collected(lab)
    with pytest.raises(NothingToCommit):
        lab.repo.commit("nothing")
    lab.repo.reset("HEAD~1", hard=True)
    mvcs.clone(str(lab.folder), str(tmp_path / "copy"))
    with mvcs.open(tmp_path / "copy") as copy:
        assert copy[oid].weights.files["model.pt"] == b"weights of the run"


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"pattern":3,"days":"x"}', b'{"pattern":"runs/*"}'])
def test_an_attestation_of_another_hand_is_read_as_far_as_it_goes(lab, payload):
    oid = collect(lab)
    repository = lab.repo._repository
    with repository.store.batch() as batch:
        said = batch.put_bytes(payload)
        batch.settle()
        with repository.store.write() as transaction:
            batch.finish(transaction)
    author = repository.commit(parse_oid(oid)).author
    land(
        LocalRoots(repository.store), VERDICTS, actor=("A", ""), now=1, command="x", write_id=b"x",
        attestations=(Attestation(COMMIT, parse_oid(oid), "collected", said, author),),
    )
    assert lab.repo.show(oid).collected.rule == "no rule given"
    with pytest.raises(WeightsCollected):
        lab.repo.checkout(oid)
