# SPDX-License-Identifier: MIT
"""Does a report match bench.schema.json, and can it be true? Knows the keywords that are
used there."""

import json
import pathlib

import tables

SCHEMA = json.loads(
    (pathlib.Path(__file__).parent.parent / "bench.schema.json").read_text())

TYPES = {"object": dict, "array": list, "string": str, "integer": int,
         "number": (int, float)}

# What says nothing about whether a value is right.
COMMENTS = {"$schema", "$comment", "$defs", "title", "description"}


def check_object(schema, value, where):
    known = schema.get("properties", {})
    for name in schema.get("required", []):
        if name not in value:
            yield f"{where}: no '{name}'"
    for name, member in value.items():
        if name in known:
            yield from check(known[name], member, f"{where}.{name}")
        elif schema.get("additionalProperties") is False:
            yield f"{where}: '{name}' is not expected"


def check(schema, value, where):
    for keyword, wanted in schema.items():
        if keyword in COMMENTS or keyword in ("required", "additionalProperties"):
            continue
        if keyword == "type":
            if not isinstance(value, TYPES[wanted]) or isinstance(value, bool):
                yield f"{where}: {value!r} is no {wanted}"
                return
        elif keyword == "$ref":
            yield from check(SCHEMA["$defs"][wanted.removeprefix("#/$defs/")],
                             value, where)
        elif keyword == "enum":
            if value not in wanted:
                yield f"{where}: {value!r} is none of {', '.join(wanted)}"
        elif keyword == "minimum":
            if value < wanted:
                yield f"{where}: {value} is less than {wanted}"
        elif keyword in ("minLength", "minItems"):
            if len(value) < wanted:
                yield f"{where}: is shorter than {wanted}"
        elif keyword == "items":
            for i, item in enumerate(value):
                yield from check(wanted, item, f"{where}[{i}]")
        elif keyword == "properties":
            yield from check_object(schema, value, where)
        else:
            yield f"bench.schema.json: '{keyword}' is not known here"


def errors(report):
    """What is wrong with it, as a list of texts."""
    found = list(check(SCHEMA, report, "report"))
    if not found:
        names = set()
        for row in report["rows"]:
            name = tables.name(row)
            if name in names:
                found.append(f"two rows are {' '.join(map(str, name))}")
            names.add(name)
            # What a fault maps, it maps under the page table's lock at least.
            if row["locks"] < row["faults"]:
                found.append(f"{' '.join(map(str, name))}: {row['faults']} faults took "
                             f"{row['locks']} locks")
    return found
