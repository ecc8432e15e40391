# SPDX-License-Identifier: MIT
"""From the lines that vmf_range_bench prints to a file, a page and tables."""

import argparse
import json
import pathlib
import sys

import compare
import page
import rst
import schema
import tables


def arguments():
    parser = argparse.ArgumentParser(prog="report")
    parser.add_argument("lines", type=pathlib.Path, nargs="?",
                        help="what vmf_range_bench printed")
    parser.add_argument("--kernel", help="release that it ran on")
    parser.add_argument("--emulator", help="what emulated the machine")
    for name, what in (("--json", "all rows"), ("--html", "the page"),
                       ("--rst", "the tables for the documentation")):
        parser.add_argument(name, type=pathlib.Path, action="append", default=[],
                            help=f"write {what} here; may be repeated")
    parser.add_argument("--base", type=pathlib.Path, help="rows of an earlier run; without "
                        "lines, only see whether they can be compared with")
    parser.add_argument("--part", action="store_true",
                        help="rows are those of a quick run: goals may lack theirs")
    return parser.parse_args()


def read_base(path):
    base = json.loads(path.read_text())
    errors = schema.errors(base)
    if errors:
        sys.exit(f"{path}: " + "\n".join(errors[:20]))
    return base


def write(report, args):
    lines = ",\n".join(json.dumps(row) for row in report["rows"])
    head = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}"
                     for key, value in report.items() if key != "rows")
    for path in args.json:
        path.write_text(f'{{{head}, "rows": [\n{lines}\n]}}\n')
    for path in args.html:
        path.write_text(page.page(report))
    for path in args.rst:
        path.write_text(rst.rst(report))


def main():
    args = arguments()
    base = args.base and read_base(args.base)
    if not args.lines:
        return
    report = {"kernel": args.kernel, "emulator": args.emulator,
              "rows": [json.loads(line) for line in args.lines.read_text().splitlines()]}
    errors = schema.errors(report)
    if errors:
        sys.exit("\n".join(errors[:20]))
    write(report, args)
    print(tables.text(report))
    missed = [what for what, value, most in tables.goals(report)
              if not tables.met(value, most) and not (args.part and value is None)]
    worse = base and compare.compare(base, report)
    if missed or worse:
        sys.exit(1)


main()
