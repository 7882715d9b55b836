"""push and fetch: what is pushed is there for others, whole, in few requests; nobody's commits are lost."""

from __future__ import annotations

import threading

import pytest
from store_contents import rows, weights

from mvcs.errors import NotFastForward, RemoteCorrupt, RemoteError
from mvcs.objects.editing import flatten
from mvcs.ports import Silent
from mvcs.remote.s3_client import S3Settings
from mvcs.store.verify import check_store

HISTORY = [
    {"model.safetensors": weights(), "data/train.csv": rows(20_000), "params.yaml": b"lr: 1\n", "data/small.csv": rows(900)},
    {"model.safetensors": weights(steps=1), "params.yaml": b"lr: 2\n"},
    {"data/train.csv": rows(20_000, inserted=(17,)), "model.safetensors": weights(steps=2)},
    {"notes.md": b"x" * 300_000, "train.py": b"print(2)\n", **{f"data/{number}.txt": b"%d" % number for number in range(300)}},
]


def files(machine, oid):
    repository = machine.repository
    found = flatten(repository.load_tree, repository.commit(oid).tree)
    return {path: repository.store.read_blob(placed.entry.oid) for path, placed in found.items()}


def whole(machine):
    assert [problem.name for problem in check_store(machine.repository.store, Silent())] == []
    assert machine.repo.fsck().problems == []


def test_what_is_pushed_is_fetched_by_others(machine):
    ada, bob = machine("ada"), machine("bob")
    commits = [ada.commit(change) for change in HISTORY]
    done = ada.push()
    assert done.moves == (("heads/m/main", None, commits[-1]),)
    got = bob.fetch()
    assert bob.remote_refs() == {"heads/m/main": commits[-1]}
    assert got.size <= done.size
    for oid in commits:
        assert files(bob, oid) == files(ada, oid)
    whole(bob)


def test_commit_by_commit(machine):
    ada, bob = machine("ada"), machine("bob")
    sent = []
    for change in HISTORY:
        oid = ada.commit(change)
        sent.append(ada.push().size)
        bob.fetch()
        assert files(bob, oid) == files(ada, oid)
    assert sent[1] < 0.6 * sent[0]  # a difference to what is there
    whole(bob)


def test_nothing_new_is_nothing(machine):
    ada, bob = machine("ada"), machine("bob")
    ada.commit(HISTORY[0])
    ada.push()
    assert (ada.push().moves, ada.push().size) == ((), 0)
    bob.fetch()
    assert bob.fetch().moves == ()


def test_two_branches_share_what_they_share(machine):
    ada = machine("ada")
    ada.commit(HISTORY[0])
    first = ada.push().size
    ada.repo.switch("other", create=True)
    oid = ada.commit({"params.yaml": b"lr: 3\n"})
    done = ada.push("other")
    assert done.moves == (("heads/m/other", None, oid),)
    assert done.size < first / 20


def test_a_branch_that_others_moved_is_not_taken_back(machine):
    ada, bob = machine("ada"), machine("bob")
    ada.commit(HISTORY[0])
    ada.push()
    mine = bob.commit({"params.yaml": b"lr: 9\n"})
    with pytest.raises(NotFastForward):
        bob.push()
    bob.fetch()
    with pytest.raises(NotFastForward):
        bob.push()
    bob.push(force_with_lease=True)
    ada.fetch()
    assert ada.remote_refs() == {"heads/m/main": mine}


def test_many_push_at_once(machine):
    machines = [machine(f"m{number}") for number in range(6)]
    oids, failed = {}, []
    for number, one in enumerate(machines):
        one.repo.switch(f"b{number}", create=True)
        oids[f"heads/m/b{number}"] = one.commit({"params.yaml": b"lr: %d\n" % number, "model.safetensors": weights(steps=number)})

    def work(number):
        try:
            machines[number].push(f"b{number}")
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(machines))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    reader = machine("reader")
    reader.fetch()
    assert reader.remote_refs() == oids
    whole(reader)


@pytest.mark.parametrize("step", range(1, 9))
def test_a_push_that_breaks_off_is_gone_on_with(machine, step):
    """No ref is seen whose objects are missing; the next try ends it."""
    ada, bob = machine("ada"), machine("bob")
    for change in HISTORY:
        oid = ada.commit(change)
    left = [step]

    def breaking(method):
        def call(*arguments):
            left[0] -= 1
            if not left[0]:
                raise RemoteError(url="remote", reason="the network is gone")
            return method(*arguments)

        return call

    opened = ada.opened()
    home = opened.catalog.home
    for name in ("get", "put", "read", "swap"):
        setattr(home, name, breaking(getattr(home, name)))
    ada.opened = lambda: opened
    try:
        ada.push()
    except RemoteError:
        del ada.opened
        bob.fetch()
        assert bob.remote_refs() in ({}, {"heads/m/main": oid})
        ada.push()
    bob.fetch()
    assert files(bob, oid) == files(ada, oid)
    whole(bob)


@pytest.mark.parametrize("step", range(1, 9))
def test_a_fetch_that_breaks_off_leaves_nothing_half(machine, step):
    ada, bob = machine("ada"), machine("bob")
    for change in HISTORY:
        oid = ada.commit(change)
        ada.push()
    left = [step]
    opened = bob.opened()
    home, get = opened.catalog.home, opened.catalog.home.get

    def breaking(*arguments):
        left[0] -= 1
        if not left[0]:
            raise RemoteError(url="remote", reason="the network is gone")
        return get(*arguments)

    home.get = breaking
    bob.opened = lambda: opened
    try:
        bob.fetch()
    except RemoteError:
        del bob.opened
        assert bob.remote_refs() == {}
        whole(bob)
        bob.fetch()
    assert files(bob, oid) == files(ada, oid)
    whole(bob)


def test_damage_at_the_remote_is_told_and_harms_nobody(machine, tmp_path):
    (tmp_path / "folder").mkdir()
    at = (f"file://{tmp_path}/folder", S3Settings())
    ada = machine("ada", at)
    for change in HISTORY:
        oid = ada.commit(change)
    ada.push()
    home = ada.opened().catalog.home
    for number, listed in enumerate([item for kind in ("packs/", "meta/", "index/") for item in home.listing(kind)]):
        content = home.get(listed.key)
        for damage in (content[: len(content) // 3], bytes(byte ^ (index % 97 == 0) for index, byte in enumerate(content)), None):
            home.delete([listed.key])
            if damage is not None:
                home.put(listed.key, damage)
            bob = machine(f"bob{number}-{len(damage or b'')}", at)
            with pytest.raises(Exception, match=r"(?i)gone|damaged|short|corrupt|not its|bytes|end") as caught:
                bob.fetch()
            assert caught.value.exit_code == 7, caught.value
            assert bob.remote_refs() == {}
            whole(bob)
        home.put(listed.key, content)
    carol = machine("carol", at)
    carol.fetch()
    assert files(carol, oid) == files(ada, oid)
    assert RemoteCorrupt.exit_code == 7
