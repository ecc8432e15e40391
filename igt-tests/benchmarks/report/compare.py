# SPDX-License-Identifier: MIT
"""Is a run worse than an earlier one?"""

import tables

WORSE = 1.03

# Where there are many, the allocator refills its lists now and then; what is short was done
# until the least was seen twice.
MANY_LOCKS = 1_000
REFILLS = 20

# A table of an upper level is there already, or not.
TABLE_BYTES = 4096

# The difference of two processes or teams, of 300,000 instructions and more each.
LARGE_WORKS = ("fork", "exit", "threads")
LARGE_INSNS = 1_000

FIELDS = ("insns", "locks", "faults", "callbacks", "tlb_entries", "pgtable_bytes")


def slack(field, old):
    if field == "locks" and old["locks"] >= MANY_LOCKS:
        return REFILLS
    if field == "insns" and old["work"].startswith(LARGE_WORKS):
        return LARGE_INSNS
    return TABLE_BYTES if field == "pgtable_bytes" else 0


def worse(old, new):
    """In what a row is worse, as texts."""
    if old["cache"] != new["cache"]:
        yield f"cache mode {old['cache']} is {new['cache']} now"
    for field in FIELDS:
        if new[field] > old[field] * WORSE + slack(field, old):
            yield f"{field} {old[field]:,} -> {new[field]:,}"


def compare(base, report):
    """Print the rows that are worse than those of base. True if there are any."""
    old = {tables.name(row): row for row in base["rows"]}
    new = {tables.name(row): row for row in report["rows"]}
    flagged = 0
    print(f"\nCompared with {base['kernel']}, {base['emulator']}, {len(old)} rows:")
    for field in ("kernel", "emulator"):
        if base[field] != report[field]:
            print(f"NOTE: another {field}")
    for name, row in old.items():
        if name not in new:
            found = ["is missing"]
        else:
            found = list(worse(row, new[name]))
        for text in found:
            print("WORSE " + " ".join(map(str, name)) + ": " + text)
        flagged += bool(found)
    better = sum(new[n]["insns"] * WORSE < old[n]["insns"] for n in old if n in new)
    print(f"{flagged} rows are worse, {better} take over 3 % less than before, "
          f"{sum(n not in old for n in new)} are new.")
    return flagged > 0
