# SPDX-License-Identifier: MIT
"""From the lines that vmf_range_bench prints to a file, a page and tables."""

import argparse
import json
import pathlib
import sys

import compare
import page
import schema
import tables


def main():
    parser = argparse.ArgumentParser(prog="report")
    parser.add_argument("lines", type=pathlib.Path, help="what vmf_range_bench printed")
    parser.add_argument("--kernel", required=True, help="release that it ran on")
    for name, what in (("--json", "all rows"), ("--html", "the page")):
        parser.add_argument(name, type=pathlib.Path, action="append", default=[],
                            help=f"write {what} here; may be repeated")
    parser.add_argument("--base", type=pathlib.Path, help="rows of an earlier run")
    args = parser.parse_args()

    rows = [json.loads(line) for line in args.lines.read_text().splitlines()]
    report = {"kernel": args.kernel, "rows": rows}
    errors = schema.errors(report)
    if errors:
        sys.exit("\n".join(errors[:20]))
    base = None
    if args.base:
        base = json.loads(args.base.read_text())
        errors = schema.errors(base)
        if errors:
            sys.exit(f"{args.base}: " + "\n".join(errors[:20]))

    lines = ",\n".join(json.dumps(row) for row in rows)
    for path in args.json:
        path.write_text(f'{{"kernel": {json.dumps(args.kernel)}, "rows": [\n{lines}\n]}}\n')
    for path in args.html:
        path.write_text(page.page(report))
    print(tables.text(report))
    if base and compare.compare(base, report):
        sys.exit(1)


main()
