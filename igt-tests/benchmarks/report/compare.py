# SPDX-License-Identifier: MIT
"""Is a run worse than an earlier one?"""

import tables

WORSE = 1.03
# The blocks of a random shape are others each time.
WORSE_RANDOM = 1.1

# An interrupt's worth of instructions, which even the least of five runs may have; a
# single touch has none.
NOISE = 10_000
EXACT = ("touch-one", "refault-one")

# A table of an upper level is there already, or not.
TABLE_BYTES = 4096

# So does the allocator refill its lists, or not.
LOCKS = 20


def worse(old, new):
    """In what a row is worse, as texts."""
    if old["cache"] != new["cache"]:
        yield f"cache mode {old['cache']} is {new['cache']} now"
    random = old["shape"] == "blocks-random"
    factor = WORSE_RANDOM if random else WORSE
    noise = 0 if old["work"] in EXACT and not random else NOISE
    for field, slack in (("insns", noise), ("locks", LOCKS), ("faults", 0),
                         ("tlb_entries", 0), ("pgtable_bytes", TABLE_BYTES)):
        if new[field] > old[field] * factor + slack:
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
    better = sum(new[n]["insns"] * WORSE + NOISE < old[n]["insns"] for n in old if n in new)
    print(f"{flagged} rows are worse, {better} take over 3 % less than before, "
          f"{sum(n not in old for n in new)} are new.")
    return flagged > 0
