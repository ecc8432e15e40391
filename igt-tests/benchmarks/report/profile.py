# SPDX-License-Identifier: MIT
"""Traces as a table: how many instructions there were in each function."""

import argparse
import bisect
import collections
import pathlib
import sys

import tables

# Addresses of the kernel have the highest bit.
KERNEL = 1 << 63

# To read the clock, and to begin and end a trace, takes some.
SLACK = 100


def read_symbols(path):
    """Addresses of functions in order, and their names with their modules."""
    symbols = {}
    for line in path.read_text().splitlines():
        address, kind, name, *module = line.split()
        if kind in "tTwW":
            # What the compiler splits off has the function's name before a dot.
            symbols.setdefault(int(address, 16),
                               " ".join([name.split(".")[0], *module]))
    return sorted(symbols), symbols


def count(case):
    """Instructions by function, in the order in which these were first seen."""
    addresses, symbols = read_symbols(case / "kallsyms")
    counts = collections.Counter()
    for line in (case / "trace").read_text().splitlines():
        at = int(line, 16)
        found = bisect.bisect(addresses, at)
        name = symbols[addresses[found - 1]] if at >= KERNEL and found else "the program"
        counts[name] += 1
    return counts


def by_module(counts):
    modules = collections.Counter()
    for name, number in counts.items():
        parts = name.split(" ")
        if name == "the program":
            modules[name] += number
        else:
            modules[parts[1] if len(parts) > 1 else "[kernel]"] += number
    return modules


def table(columns, most):
    """A line for each name, those with most instructions first; the rest in one."""
    names = tables.unique(name for column in columns for name in column)
    names.sort(key=lambda name: -max(column[name] for column in columns))
    lines = [[name] + [f"{column[name]:,}" if column[name] else "-" for column in columns]
             for name in names[:most]]
    if most and names[most:]:
        lines.append([f"{len(names) - most} others"] + [
            f"{sum(column[name] for name in names[most:]):,}" for column in columns])
    head = ["instructions"] + [str(i + 1) for i in range(len(columns))]
    total = ["all"] + [f"{sum(column.values()):,}" for column in columns]
    return tables.render([head, *lines, total])


def main():
    parser = argparse.ArgumentParser(prog="profile")
    parser.add_argument("cases", nargs="+", type=pathlib.Path,
                        help="directories with a trace, kallsyms and what was counted")
    parser.add_argument("--lines", type=int, required=True, help="of functions")
    args = parser.parse_args()
    columns = [count(case) for case in args.cases]
    for i, (case, column) in enumerate(zip(args.cases, columns)):
        counted = int((case / "counted").read_text())
        print(f"{i + 1}: {case.name.replace(':', ', ')}; by its clock the guest has counted "
              f"{counted:,}")
        if abs(sum(column.values()) - counted) > max(SLACK, counted / 100):
            sys.exit(f"profile: the trace has {sum(column.values()):,} instructions: they do not agree")
    print("\n" + table([by_module(column) for column in columns], None))
    print("\n" + table(columns, args.lines))


main()
