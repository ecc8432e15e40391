# SPDX-License-Identifier: MIT
"""Is a run worse than an earlier one?"""

import tables

WORSE = 1.03

# What must not grow at all, and what may by a little.
COUNTS = ["faults", "min_leaves", "tlb_entries", "pgtable_bytes"]


def worse(old, new):
    """In what a row is worse, as texts."""
    if old["cache"] != new["cache"]:
        yield f"cache mode {old['cache']} is {new['cache']} now"
    for field in COUNTS + ["insns"]:
        if new[field] > old[field] * WORSE:
            yield f"{field} {old[field]:,} -> {new[field]:,}"


def compare(base, report):
    """Print the rows that are worse than those of base. True if there are any."""
    old = {tables.name(row): row for row in base["rows"]}
    new = {tables.name(row): row for row in report["rows"]}
    flagged = 0
    print(f"\nCompared with {base['kernel']}, {len(old)} rows:")
    for name, row in old.items():
        if name not in new:
            found = ["is missing"]
        else:
            found = list(worse(row, new[name]))
        for text in found:
            print("WORSE " + " ".join(map(str, name)) + ": " + text)
        flagged += bool(found)
    better = sum(new[n]["insns"] * WORSE < old[n]["insns"] for n in old if n in new)
    print(f"{flagged} rows are worse, {better} take less than before by more than 3 %, "
          f"{sum(n not in old for n in new)} are new.")
    return flagged > 0
