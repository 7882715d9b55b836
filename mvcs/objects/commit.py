"""Commits: one state of one model, with its parents and where its weights and metrics came from.

Knows: the fields and their encoding. Refuses to know: how origin and measured are decided (`mvcs.ops.commit`).
Implements: spec 5.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mvcs.errors import InvalidObject
from mvcs.objects.codec import Fields, decode, encode
from mvcs.objects.hashing import COMMIT, RECIPE, Oid, object_oid
from mvcs.objects.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mvcs.objects.codec import Value

INGREDIENTS = ("code", "data", "config", "environment", "weights", "metrics", "about")
RECIPE_INGREDIENTS = ("code", "data", "config", "environment")
MIXED = "mixed"
"""How weights came about of which several recipes made parts."""

MAX_MESSAGE = 1 << 20
"""Bytes of UTF-8."""
MAX_GENERATION = 2**32 - 1
"""What a row of the graph table can hold."""


class Person(Record):
    """Who, and when.

    Args:
        name: Shown name, not empty.
        email: Address, may be empty.
        time: Nanoseconds since 1970 in UTC.
        offset: Local offset from UTC in minutes.
    """

    __slots__ = ("email", "name", "offset", "time")

    def __init__(self, name: str, email: str, time: int, offset: int) -> None:
        self.name = name
        self.email = email
        self.time = time
        self.offset = offset

    def to_value(self) -> Value:
        """Returns the encoded form."""
        return [self.name, self.email, self.time, self.offset]

    @classmethod
    def from_value(cls, kind: str, value: Value) -> Person:
        """Reads the encoded form."""
        fields = Fields(kind, value)
        person = cls(
            fields.text("name"), fields.text("email"), fields.number("time", least=None),
            fields.number("offset", least=None),
        )
        fields.done()
        if not person.name:
            raise InvalidObject(kind=kind, reason="a person without a name")
        if abs(person.offset) > 24 * 60:
            raise InvalidObject(kind=kind, reason=f"an offset of {person.offset} minutes")
        return person

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.email else self.name


class Origin(Record):
    """Where weights came from.

    Args:
        recipe: Recipe oid that gave them.
        how: run, assumed, declared, inherited, linked, mixed, or merged:STRATEGY.
        start: Weights tree that training began from, if any.
    """

    __slots__ = ("how", "recipe", "start")

    def __init__(self, recipe: Oid, how: str, start: Oid | None = None) -> None:
        self.recipe = recipe
        self.how = how
        self.start = start


class Commit(Record):
    """One state of one model.

    Args:
        model: Name of the model.
        tree: Root tree, whose entries are the ingredients.
        parents: Parents in order, the branch's own first.
        generation: 1 without parents, else one more than the highest of the parents.
        author: Who made the model state.
        committer: Who made the commit.
        message: Any text.
        origin: Where the weights came from; None without weights.
        measured: Weights tree that the metrics were measured on.
        provenance: Blob of canonical JSON about the machine and the Git repository.
        incomplete: (ingredient, reason) of what is missing to recreate the model.
    """

    __slots__ = (
        "author", "committer", "generation", "incomplete", "measured", "message", "model", "origin", "parents",
        "provenance", "tree",
    )

    def __init__(
        self, *, model: str, tree: Oid, parents: tuple[Oid, ...], generation: int, author: Person, committer: Person,
        message: str, origin: Origin | None = None, measured: Oid | None = None, provenance: Oid | None = None,
        incomplete: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.model = model
        self.tree = tree
        self.parents = parents
        self.generation = generation
        self.author = author
        self.committer = committer
        self.message = message
        self.origin = origin
        self.measured = measured
        self.provenance = provenance
        self.incomplete = incomplete

    def encode(self) -> bytes:
        """Returns the canonical payload.

        Raises:
            InvalidObject: If `decode` would refuse it.
        """
        origin: Value = None
        if self.origin is not None:
            origin = [self.origin.recipe, self.origin.how, self.origin.start]
        payload = encode((
            COMMIT, 1, self.model, self.tree, list(self.parents), self.generation, self.author.to_value(),
            self.committer.to_value(), self.message, origin, self.measured, self.provenance,
            [list(reason) for reason in self.incomplete],
        ))
        self.decode(payload)  # what cannot be read again must not be stored
        return payload

    @classmethod
    def decode(cls, payload: bytes) -> Commit:
        """Reads a payload.

        Raises:
            InvalidObject: If it is not a legal commit.
        """
        fields = Fields(COMMIT, decode(COMMIT, payload, 11))
        model, tree = fields.text("model"), Oid(fields.oid("tree"))
        parents = tuple(_oids(fields.array("parents")))
        generation = fields.number("generation", least=1)
        author = Person.from_value(COMMIT, fields.array("author"))
        committer = Person.from_value(COMMIT, fields.array("committer"))
        message = fields.text("message")
        origin = _origin(fields)
        measured, provenance = fields.oid_or_none("measured"), fields.oid_or_none("provenance")
        incomplete = []
        for item in fields.array("incomplete"):
            pair = Fields(COMMIT, item)
            incomplete.append((pair.text("ingredient"), pair.text("reason")))
            pair.done()
        if len(message.encode()) > MAX_MESSAGE:
            raise InvalidObject(kind=COMMIT, reason="a message over 1 MiB")
        if not model:
            raise InvalidObject(kind=COMMIT, reason="a commit without a model")
        if incomplete != sorted(set(incomplete)):
            raise InvalidObject(kind=COMMIT, reason="reasons not sorted or not unique")
        if len(set(parents)) != len(parents):
            raise InvalidObject(kind=COMMIT, reason="one parent twice")
        if (generation == 1) != (not parents) or generation > MAX_GENERATION:
            raise InvalidObject(kind=COMMIT, reason=f"generation {generation} with {len(parents)} parents")
        return cls(
            model=model, tree=tree, parents=parents, generation=generation, author=author, committer=committer,
            message=message, origin=origin, measured=None if measured is None else Oid(measured),
            provenance=None if provenance is None else Oid(provenance), incomplete=tuple(incomplete),
        )

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]


def _oids(values: list[Value]) -> list[Oid]:
    fields = Fields(COMMIT, values)
    return [Oid(fields.oid("parent")) for _ in values]


def _origin(fields: Fields) -> Origin | None:
    if fields.peek() is None:
        fields.skip()
        return None
    inner = Fields(COMMIT, fields.array("origin"))
    recipe, how, start = inner.oid("recipe"), inner.text("how"), inner.oid_or_none("start")
    inner.done()
    return Origin(Oid(recipe), how, None if start is None else Oid(start))


def recipe_oid(ingredients: Mapping[str, Oid | None]) -> Oid:
    """Returns the oid of a recipe: what the weights should be a function of.

    Args:
        ingredients: Tree oids by ingredient; those of the recipe count, a missing one as nil. In `code`, notebooks
            stand for their cell sources (`mvcs.ingredients.recipe`).

    Sources:
        spec 5.3.1.
    """
    payload = encode((RECIPE, 1, *[ingredients.get(name) for name in RECIPE_INGREDIENTS]))
    return object_oid(RECIPE, payload)


def mixed_recipe(recipes: Iterable[Oid]) -> Oid:
    """Returns what stands for several recipes of which each made a part of some weights: the recipe of no commit.

    Sources:
        spec 5.3.2.
    """
    return object_oid(RECIPE, encode((MIXED, 1, *sorted(set(recipes)))))
