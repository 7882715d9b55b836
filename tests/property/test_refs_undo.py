"""Any sequence of moves, undos and redos: the ledger replays, and undo and redo are a cursor over a line of states."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mvcs.errors import NothingToUndo, RefConflict
from mvcs.objects.hashing import Oid
from mvcs.objects.operation import Move
from mvcs.refs.ledger import check_chain, operations, record, refs_at
from mvcs.refs.names import check_name
from mvcs.refs.revspec import parse
from mvcs.refs.table import Refs
from mvcs.refs.undo import inverse, to_redo, to_undo
from mvcs.store.memory import MemoryStore

ADA = ("Ada", "")
NAMES = ("heads/m/a", "heads/m/b", "HEAD/.")
TARGETS = (None, "heads/m/a", *[Oid(bytes([n]) * 32) for n in range(1, 4)])


@given(st.lists(st.one_of(st.sampled_from(["undo", "redo"]), st.tuples(st.sampled_from(NAMES), st.sampled_from(TARGETS))), max_size=25), st.lists(st.integers(0, 100), min_size=30, max_size=30))
def test_undo_and_redo_are_a_cursor_over_states(steps, clocks):
    store = MemoryStore()

    def now() -> dict:
        with store.read() as transaction:
            return dict(Refs.now(transaction).targets)

    def do(command, moves, evidence=()):
        with store.write() as transaction:
            return record(transaction, actor=ADA, now=clocks[len(moments)], command=command, moves=moves, evidence=evidence)

    moments: list[tuple[Oid, dict]] = []
    moments.append((do("init", (Move("heads/m/a", None, TARGETS[2]),)), now()))
    line, cursor = [now()], 0
    for step in steps:
        if isinstance(step, str):
            try:
                with store.read() as transaction:
                    oid, operation = to_undo(transaction) if step == "undo" else to_redo(transaction)
            except NothingToUndo:
                assert cursor == (0 if step == "undo" else len(line) - 1)
                continue
            cursor += -1 if step == "undo" else 1
            moment = do(step, inverse(operation.moves) if step == "undo" else operation.moves, (oid,))
            assert now() == line[cursor]
        else:
            name, target = step
            before = now().get(name)
            if before == target:
                continue
            moment = do("set", (Move(name, before, target),))
            line, cursor = [*line[: cursor + 1], now()], cursor + 1
        moments.append((moment, now()))
    with store.read() as transaction:
        assert list(check_chain(transaction)) == []
        times = [operation.time for _, operation in operations(transaction)]
        assert times == sorted(set(times), reverse=True)
        for oid, expected in moments:
            assert refs_at(transaction, operation=oid).targets == expected


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(TARGETS), st.sampled_from(TARGETS)), min_size=1, max_size=4))
def test_a_swap_is_all_or_nothing(moves):
    store = MemoryStore()
    with store.write() as transaction:
        record(transaction, actor=ADA, now=0, command="init", moves=(Move("heads/m/a", None, TARGETS[2]),))
    with store.read() as transaction:
        before = dict(Refs.now(transaction).targets)
    expected = dict(before)
    possible = True
    for name, old, new in moves:
        possible = possible and expected.get(name) == old
        expected[name] = new
    try:
        with store.write() as transaction:
            record(transaction, actor=ADA, now=0, command="x", moves=tuple(Move(*move) for move in moves))
    except RefConflict:
        assert not possible
        expected = before
    else:
        assert possible
    with store.read() as transaction:
        assert Refs.now(transaction).targets == {name: target for name, target in expected.items() if target is not None}


@given(st.text(max_size=30))
def test_any_text_is_a_revision_or_wrong_usage(text):
    from mvcs.errors import InvalidRevision

    try:
        found = parse(text)
    except InvalidRevision:
        return
    assert found.text == text


@given(st.text(max_size=30))
def test_a_legal_name_is_a_revision_of_its_own(name):
    from mvcs.errors import InvalidName

    try:
        check_name(name)
    except InvalidName:
        return
    assert parse(name).atom == name
    assert parse(name).suffixes == ()
    assert parse(f"{name}~2").atom == name
    assert parse(f"{name}@{{1}}").suffixes == (("at", "1"),)
