"""
What an error of the schema engine means, in the words of somebody who edits manifests.

The engine's own messages quote what they complain about, secrets included; none of them is used. A value is quoted
only at a property that is known to hold none.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, Final

from reconciler.domain.documents import Fault, Path
from reconciler.domain.findings import Rule
from reconciler.domain.rules.catalogue import (
    FAILOVER,
    MISPLACED,
    MISSING_PROPERTY,
    NOT_ALLOWED,
    OUT_OF_RANGE,
    RULES,
    UNKNOWN_PROPERTY,
    WRONG_FORM,
    WRONG_TYPE,
)
from reconciler.domain.rules.nearest import did_you_mean
from reconciler.manifests.schemas import Breach, schema_of

_QUOTED: Final = frozenset({
    "apiVersion", "kind", "name", "region", "maxBandwidth", "state", "protocol", "mode", "latency", "ms", "port",
    "senderCountry", "receiverCountry", "peerIdleTimeout", "idleTimeout", "chunkSize", "maxConcurrent",
    "profile", "owner", "editRules", "ratePerS", "debounceMs", "maxWaitMs", "rescanS", "observeS", "dampS",
    "actions", "begin", "evenEmpty", "every", "order", "page", "perS", "reads", "rows", "seconds", "shown", "times",
    "when", "action", "change", "drift", "expires", "from", "lifts", "longestOverrunMinutes", "outside", "overrun",
    "resource", "since", "to", "until", "zone",
})  # fmt: skip
"""Properties whose value may be quoted; all others might hold a secret, or something pasted in its place."""

_SHOWN: Final = frozenset({"flow", "flows", "host", "allowlist", "protect", "redundancyGroup"})
"""More properties whose line may be shown: names of flows and addresses."""

_SECRETIVE: Final = frozenset({"encryption", "passphrase", "streamKey", "password", "credentials", "rtmpPull"})
"""Properties below which nothing that people wrote is told."""

_MEANT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "rtmp": ("rtmpPush", "did you mean rtmpPush?"),
        "rtsp": ("rtp", "an output of protocol RTSP has no settings of its own, beside allowlist and maxConcurrent"),
    }
)
"""Words that are near to the wrong property: the property beside which they are meant, and what to say."""
_RECURRING: Final = frozenset({"since", "until"})
"""Properties of windows beside `every`."""
_UNIT: Final = re.compile(r"\b(?:milliseconds|bytes|minutes)\b", re.IGNORECASE)
_UNITS: Final[Mapping[str, int]] = MappingProxyType({"": 1, "ms": 1, "s": 1000, "sec": 1000})
_WITH_UNIT: Final = re.compile(r"(?P<number>[0-9]{1,9})\s*(?P<unit>[a-z]*)")
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9_]")
_MAX_NAME: Final = 32

_PLAIN_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
_MAX_QUOTED: Final = 60
_MAX_UNKNOWN: Final = 50
"""Unknown keys of one mapping that are told of; more say no more."""
_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "object": "a mapping",
        "array": "a list",
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "empty",
    }
)


def faults_of(breach: Breach) -> Iterator[Fault]:
    """Return what one breach means; usually one fault, and one for each key that is unknown or missing."""
    if breach.around is not None:
        yield _misplaced(breach)
    elif breach.keyword in _WORDINGS:
        yield from _WORDINGS[breach.keyword](breach)
    else:
        yield Fault(rule=WRONG_FORM, path=breach.path, message="the value does not fit its property")


def is_secretive(path: Path) -> bool:
    """Return whether the path leads to, or through, something that may hold a secret."""
    return not _SECRETIVE.isdisjoint(path) or ("rtmpPush" in path and "destinations" in path)


def holds_no_secret(path: Path) -> bool:
    """Return whether the value at a path can be shown, whatever it is."""
    names = [part for part in path if isinstance(part, str)]
    return bool(names) and (names[-1] in _QUOTED or names[-1] in _SHOWN) and not is_secretive(path)


def type_name(value: object) -> str:
    """Return what a value is, in words."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}
    return "a fraction" if isinstance(value, float) else _TYPES[names.get(type(value), "null")]


def type_words(name: str) -> str:
    """Return a type of JSON Schema in words."""
    return _TYPES[name]


def _rule(breach: Breach, usual: Rule) -> Rule:
    """Return the rule that the schema names for this keyword, or the usual one."""
    named = breach.schema.get("x-rule", {})
    return RULES[named[breach.keyword]] if breach.keyword in named else usual


def _unknown(breach: Breach) -> Iterator[Fault]:
    known = [name for name, schema in breach.schema["properties"].items() if "not" not in schema]
    there_are = f"there are {', '.join(known)}" if known else "there are none here"
    unknown = (key for key in breach.value if key not in breach.schema["properties"])
    for key in islice(unknown, _MAX_UNKNOWN):
        # `{streamKey:value}` is a key to YAML: where a secret may be, no key is told that is not ours.
        may_tell = _PLAIN_KEY.fullmatch(key) is not None and not is_secretive(breach.path)
        yield Fault(
            rule=UNKNOWN_PROPERTY,
            path=(*breach.path, key),
            message=f"there is no property `{key}` here" if may_tell else "there is no such property here",
            hint=_meant(key, known) or there_are,
            on_key=True,
            is_hidden=not may_tell,
        )


def _meant(key: str, known: list[str]) -> str:
    beside, words = _MEANT.get(key, ("", ""))
    return words if beside in known else did_you_mean(key, known)


def _missing(breach: Breach) -> Iterator[Fault]:
    for name in breach.wanted:
        if name not in breach.value:
            yield Fault(
                rule=MISSING_PROPERTY, path=breach.path, message=f"`{name}` is missing", hint=_example(breach, name)
            )


def _example(breach: Breach, name: str) -> str:
    known = breach.schema.get("properties", {})
    return _first_sentence(known.get(name, {}).get("description", "") or _descriptions().get(name, ""))


@cache
def _descriptions() -> Mapping[str, str]:
    """Return what the schemas say of properties, by name: for those that a protocol asks for at another place."""
    found: dict[str, str] = {}
    for definition in chain.from_iterable(schema_of(kind)["$defs"].values() for kind in ("output", "flow")):
        for name, schema in definition.get("properties", {}).items():
            found.setdefault(name, schema.get("description", ""))
    return found


def _misplaced(breach: Breach) -> Fault:
    key = str(breach.value)
    return Fault(
        rule=MISPLACED, path=(*breach.path, key), message=f"`{key}` {_why_not(key, breach.around)}", on_key=True
    )


def _why_not(key: str, around: Mapping[str, Any]) -> str:
    """Return why a property has no place in this mapping, from what stands beside it."""
    if key in _RECURRING:
        return "is for windows that recur, and this one has no `every`"
    if "kind" in around:
        return f"does not belong to kind {around['kind']}"
    protocol = around.get("protocol")
    if protocol is None:
        return "cannot stand beside `flow`" if "flow" in around else "is for callers only, and this is a listener"
    if protocol == "SRT" and key in {"allowlist", "maxConcurrent"}:
        return "is for listeners only, and this is a caller"
    return f"does not belong to protocol {protocol}"


def _wrong_type(breach: Breach) -> Iterator[Fault]:
    wanted = breach.wanted if isinstance(breach.wanted, list) else [breach.wanted]
    if breach.value is None:
        yield Fault(
            rule=WRONG_TYPE, path=breach.path, message="the value is missing", hint="write one, or remove the property"
        )
        return
    rule = _rule(breach, WRONG_TYPE)
    if rule is not WRONG_TYPE:
        yield Fault(
            rule=rule,
            path=breach.path,
            message="a secret is written out where a reference to one must be",
            hint="use {env: NAME} or {file: NAME}; change this secret, for git keeps it",
        )
        return
    message = f"must be {' or '.join(_TYPES[name] for name in wanted)}, not {type_name(breach.value)}"
    yield Fault(rule=rule, path=breach.path, message=message, hint=_way_to_type(breach, wanted))


def _way_to_type(breach: Breach, wanted: list[str]) -> str:
    """Return how the value may come to have a type that is wanted, "" where that is not plain."""
    value = breach.value
    if wanted == ["string"] and not isinstance(value, dict | list):
        return "quote it"
    if "integer" in wanted and isinstance(value, str) and not is_secretive(breach.path):
        return _as_number(value, unit_of(breach.schema))
    if "object" in wanted and not isinstance(value, list):
        names = breach.schema.get("required") or list(breach.schema.get("properties", ()))[:2]
        return f"such as {{{', '.join(f'{name}: …' for name in names)}}}" if names and wanted == ["object"] else ""
    return ""


def _as_number(text: str, unit: str) -> str:
    written = _WITH_UNIT.fullmatch(text.strip().lower())
    if written is None or (unit != "milliseconds" and written["unit"]) or written["unit"] not in _UNITS:
        return f"in {unit}, without a unit" if unit else ""
    number = int(written["number"]) * _UNITS[written["unit"]]
    return f"write {number}, in {unit}" if unit and written["unit"] else f"write {number}, without quotes"


def unit_of(schema: Mapping[str, Any]) -> str:
    """Return the unit of a number as its schema says it, "" when it has none."""
    found = _UNIT.search(schema.get("description", ""))
    return found[0].lower() if found is not None else ""


def _not_allowed(breach: Breach) -> Iterator[Fault]:
    allowed = breach.wanted if breach.keyword == "enum" else [breach.wanted]
    words = [str(value) for value in allowed]
    unit = unit_of(breach.schema)
    hint = f"in {unit}" if unit else ""
    if isinstance(breach.value, str) and breach.value in words:
        hint = "without quotes"
    elif isinstance(breach.value, str) and not is_secretive(breach.path):
        hint = did_you_mean(breach.value, words)
    yield Fault(rule=NOT_ALLOWED, path=breach.path, message=f"must be {_either(words)}{_instead(breach)}", hint=hint)


def _either(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _out_of_range(breach: Breach) -> Iterator[Fault]:
    least, most = breach.schema["minimum"], breach.schema["maximum"]
    unit = unit_of(breach.schema)
    message = f"must be {least} to {most}{_instead(breach)}"
    yield Fault(rule=OUT_OF_RANGE, path=breach.path, message=message, hint=f"in {unit}" if unit else "")


def _wrong_length(breach: Breach) -> Iterator[Fault]:
    message = "must not be empty" if breach.keyword == "minLength" else f"has more than {breach.wanted} characters"
    yield Fault(rule=OUT_OF_RANGE, path=breach.path, message=message)


def _wrong_count(breach: Breach) -> Iterator[Fault]:
    least, most = breach.schema.get("minItems", 0), breach.schema.get("maxItems")
    message = f"must have {least} to {most} items" if most is not None else f"must have {least} items or more"
    yield Fault(rule=OUT_OF_RANGE, path=breach.path, message=message)


def _repeated(breach: Breach) -> Iterator[Fault]:
    yield Fault(rule=OUT_OF_RANGE, path=breach.path, message="has an item more than once", hint="keep one of them")


def _wrong_form(breach: Breach) -> Iterator[Fault]:
    yield Fault(
        rule=_rule(breach, WRONG_FORM),
        path=breach.path,
        message=f"not a valid {_article(breach.path)}{_quoted(breach)}",
        hint=_way_to_form(breach) or _first_sentence(breach.schema.get("description", "")),
    )


def _way_to_form(breach: Breach) -> str:
    name, value = breach.path[-1] if breach.path else "", str(breach.value)
    if name == "name" and _may_quote(breach):
        return f"write {_NO_NAME.sub('_', value)[:_MAX_NAME] or 'one'}: 1 to {_MAX_NAME} letters, digits and _"
    if name == "env" and value.startswith("$"):
        return "the name of the variable, without $"
    return ""


def _article(path: Path) -> str:
    names = [part for part in path if isinstance(part, str)]
    return f"`{names[-1]}`" if names else "the property"


def _refused(breach: Breach) -> Iterator[Fault]:
    rule = _rule(breach, MISPLACED)
    what = f"`{breach.path[-1]}` is for outputs, and this is a flow"
    hint = "write it in each of the outputs that stand in for each other"
    if rule is FAILOVER:
        what, hint = "failover of an output is not supported", "remove it; use a second output"
    yield Fault(rule=rule, path=breach.path, message=what, hint=hint, on_key=True)


def _either_or(breach: Breach) -> Iterator[Fault]:
    if not isinstance(breach.value, dict):
        # Its type is wrong, and that is told already.
        return
    names = [name for branch in breach.wanted for name in branch["required"]]
    given = [name for name in names if name in breach.value]
    if given:
        message = f"{' and '.join(f'`{name}`' for name in given)} are both given"
        yield Fault(
            rule=MISPLACED, path=(*breach.path, given[-1]), message=message, hint="keep one of them", on_key=True
        )
    else:
        yield Fault(
            rule=MISSING_PROPERTY, path=breach.path, message=f"{' or '.join(f'`{name}`' for name in names)} is missing"
        )


def _instead(breach: Breach) -> str:
    """Return the value for the end of "must be …", "" where it may not be quoted."""
    quoted = _may_quote(breach)
    return f", not {quoted}" if quoted else ""


def _quoted(breach: Breach) -> str:
    quoted = _may_quote(breach)
    return f": {quoted}" if quoted else ""


def _may_quote(breach: Breach) -> str:
    value, path = breach.value, breach.path
    if not path or path[-1] not in _QUOTED or is_secretive(path) or isinstance(value, dict | list):
        return ""
    text = str(value)
    return text if text.isprintable() and len(text) <= _MAX_QUOTED else ""


def _first_sentence(text: str) -> str:
    return re.split(r"\.\s+(?=[A-Z])", text, maxsplit=1)[0].rstrip(".")


_WORDINGS: Final[Mapping[str, Callable[[Breach], Iterator[Fault]]]] = MappingProxyType(
    {
        "additionalProperties": _unknown,
        "required": _missing,
        "type": _wrong_type,
        "enum": _not_allowed,
        "const": _not_allowed,
        "minimum": _out_of_range,
        "maximum": _out_of_range,
        "minLength": _wrong_length,
        "maxLength": _wrong_length,
        "minItems": _wrong_count,
        "maxItems": _wrong_count,
        "uniqueItems": _repeated,
        "pattern": _wrong_form,
        "not": _refused,
        "oneOf": _either_or,
    }
)
"""By the keyword of the schema that is not kept."""
