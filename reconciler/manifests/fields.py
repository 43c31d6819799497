"""Properties by the way that leads to them, with what the schemas say of each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.domain.rules.nearest import did_you_mean
from reconciler.manifests.identify import SCHEMAS
from reconciler.manifests.schemas import Schema, schema_of
from reconciler.manifests.wording import type_words

_INDEX: Final = re.compile(r"\[[0-9]*\]|/[0-9]+(?=/|$)")
_OMITTED = "spec"
"""The mapping that people leave out: `output.srt` is `output.spec.srt`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One property, or a kind of document."""

    way: str
    """From the document's kind, such as `output.spec.srt.latency`."""
    description: str
    """Meaning, unit, range and default, in whole sentences."""
    types: str
    """What its value is, in words; "" where the schema leaves that open."""
    values: tuple[str, ...] = ()
    """All that it can be, where that is a closed set."""
    default: object = None
    is_required: bool = False
    """Whether the mapping that it is in must have it, whatever the protocol."""
    children: tuple["Field", ...] = ()
    """Its properties, in the order of the schema; theirs are left out."""


class UnknownFieldError(Exception):
    """There is no such property; the message says what there is instead."""


def field_at(way: str) -> Field:
    """
    Return the property that a way such as `output.srt.latency` leads to.

    Raises:
        UnknownFieldError: it leads nowhere.

    """
    # As plans and pointers write it: `rtmpPush.destinations[0].url`.
    first, *names = _INDEX.sub("", way).strip("./").replace("/", ".").split(".")
    kinds = {name.lower(): schema for name, schema in SCHEMAS.items()}
    kind = first.lower()
    if kind not in kinds:
        return _only_one(".".join((first, *names)), kinds)
    root = schema_of(kinds[kind])
    here = _Place(root, root, kind)
    for name in names:
        here = here.child(name)
    return here.field()


def _only_one(end: str, kinds: Mapping[str, str]) -> Field:
    """Return the property that the end of a way belongs to, when there is one."""
    ways = [way for kind, schema in kinds.items() for way in _ways(_Place(schema_of(schema), schema_of(schema), kind))]
    found = [way for way in ways if f".{way}".endswith(f".{end}")]
    if len(found) == 1:
        return field_at(found[0])
    if found:
        raise UnknownFieldError(f"several properties are called {end}: {', '.join(found)}")
    names = {name for way in ways for name in way.split(".")}
    hint = did_you_mean(end, names) or f"begin with {' or '.join(kinds)}"
    raise UnknownFieldError(f"there is no kind and no property {end!r}; {hint}")


def _ways(place: "_Place") -> Iterator[str]:
    yield place.way
    for child in place.children().values():
        yield from _ways(child)


@dataclass(frozen=True, slots=True)
class _Place:
    root: Schema
    schema: Schema
    way: str
    is_required: bool = False

    def child(self, name: str) -> "_Place":
        """Return where a property is; that of the spec where the document itself has none of the name."""
        children = self.children()
        if name not in children and _OMITTED in children:
            return self.child(_OMITTED).child(name)
        if name not in children:
            hint = did_you_mean(name, children) or f"there are {', '.join(children)}" if children else "it has none"
            raise UnknownFieldError(f"{self.way} has no property {name!r}; {hint}")
        return children[name]

    def field(self, *, with_children: bool = True) -> Field:
        """Return what the schema says."""
        schema = self.schema
        enum = schema.get("enum", [schema["const"]] if "const" in schema else [])
        found = self.children() if with_children else {}
        if _OMITTED in found:
            # Of a document people ask for what they may write in it.
            found |= found.pop(_OMITTED).children()
        children = found.values()
        return Field(
            way=self.way,
            description=schema.get("description", ""),
            types=" or ".join(dict.fromkeys(_types(schema, self.root))),
            values=tuple(map(str, enum)),
            default=schema.get("default"),
            is_required=self.is_required,
            children=tuple(child.field(with_children=False) for child in children),
        )

    def children(self) -> dict[str, "_Place"]:
        """Return the properties of the mapping that is there, by name."""
        found: dict[str, _Place] = {}
        for schema in _mappings(self.schema, self.root):
            for name, child in schema.get("properties", {}).items():
                if name not in found and "not" not in child:
                    found[name] = _Place(
                        root=self.root,
                        schema=_resolved(child, self.root),
                        way=f"{self.way}.{name}",
                        is_required=name in schema.get("required", ()),
                    )
        return found


def _resolved(schema: Schema, root: Schema) -> Schema:
    """Return a schema with what it refers to; its own words come first."""
    if "$ref" not in schema:
        return schema
    target: Any = root
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return {**_resolved(target, root), **{key: value for key, value in schema.items() if key != "$ref"}}


def _mappings(schema: Schema, root: Schema) -> Sequence[Schema]:
    """Return the schemas that a mapping at this place may have: its own, one of several, or that of a list's items."""
    resolved = _resolved(schema, root)
    found = [resolved]
    for word in ("oneOf", "anyOf"):
        for branch in resolved.get(word, ()):
            found += _mappings(branch, root)
    if isinstance(resolved.get("items"), Mapping):
        found += _mappings(resolved["items"], root)
    return [one for one in found if "properties" in one]


def _types(schema: Schema, root: Schema) -> list[str]:
    resolved = _resolved(schema, root)
    wanted = resolved.get("type", [])
    words = [type_words(name) for name in (wanted if isinstance(wanted, list) else [wanted])]
    for word in ("oneOf", "anyOf"):
        for branch in resolved.get(word, ()):
            words += _types(branch, root)
    return words
