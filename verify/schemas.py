"""Records as JSON text: written in one way, and read against a schema that is shipped beside this file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jsonschema

__all__ = ["read", "record_text", "schema"]

Json = dict[str, Any]


def schema(name: str) -> Json:
    """The JSON schema in `name.schema.json`."""
    found: Json = json.loads(files(__package__).joinpath(f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


def record_text(record: Json) -> str:
    """A record as it is written to a file."""
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read(text: str, kind: str, version: int, against: Json, maker: str) -> Json:
    """The record of a kind and version in a file's text; its every float can be read. `maker` is what writes them.

    Raises ValueError, with the place, for what is not JSON, of another kind or version, or against the schema.
    """
    try:
        record = json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("a record is not nested as deeply as this") from error
    except ValueError as error:
        raise ValueError(f"JSON as `shiftproof {maker}` writes it is required (is it cut off?): {error}") from error
    if not isinstance(record, dict) or record.get("schema") != kind:
        got = f"schema {record.get('schema')!r}" if isinstance(record, dict) else type(record).__name__
        raise ValueError(f"the record of a {kind.partition('-')[2]} (schema {kind!r}) is required, got {_short(got)}")
    has = record.get("version")
    if type(has) is not int or has != version:
        newer = isinstance(has, int) and has > version
        advice = "a newer shiftproof made it" if newer else f"make it anew with `shiftproof {maker}`"
        raise ValueError(f"a record of version {version} is required, got {_short(repr(has))}: {advice}")
    try:
        jsonschema.Draft202012Validator(against).validate(record)
    except jsonschema.ValidationError as error:
        raise ValueError(f"{_place(error.absolute_path)}: {_short(error.message)}") from error
    except RecursionError as error:
        raise ValueError("a record is not nested as deeply as this") from error
    for path, value in _strings(record, ()):
        if _HEX.fullmatch(value):
            try:
                float.fromhex(value)
            except OverflowError as error:
                raise ValueError(f"{_place(path)}: a binary64 number is required, got {value}") from error
    return record


_HEX = re.compile(r"-?0x[01]\.[0-9a-f]+p[+-][0-9]+")


def _refuse(constant: str) -> None:
    raise ValueError(f"floats are hex strings, got {constant}")


def _place(path: Any) -> str:
    return "/".join(map(str, path)) or "the record"


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."


def _strings(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _strings(item, (*path, key))
