# SPDX-License-Identifier: MIT
"""The tables for the documentation."""

import tables


def rst_table(table):
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    rule = "  ".join("=" * width for width in widths)
    # An empty cell at the start of a line would continue the line before.
    lines = ["  ".join((text or "\\").ljust(width) for text, width in zip(line, widths)).rstrip()
             for line in table]
    return "\n".join([rule, lines[0], rule, *lines[1:], rule])


def rst(report):
    """A file to be included: what ran, then each table under its title in bold."""
    parts = [".. SPDX-License-Identifier: GPL-2.0-only",
             ".. Written by 'make bench', not by hand.",
             f"Linux {report['kernel']}, {report['emulator']}."]
    for title, about, table in tables.sections(report):
        parts.append(f"**{title}**: {about}\n\n{rst_table(table)}")
    parts.append("**Goals**\n\n" + rst_table(tables.goals_table(report)))
    return "\n\n".join(parts) + "\n"
