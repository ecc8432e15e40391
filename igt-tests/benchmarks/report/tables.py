# SPDX-License-Identifier: MIT
"""Tables for people, from rows."""

MIB = 1 << 20
GIB = 1 << 30


def name(row):
    """What tells a row from all others."""
    return row["way"], row["shape"], row["work"], row["bytes"]


def unique(values):
    return list(dict.fromkeys(values))


def find(report, way, shape, work, size=None):
    """The row of that name; without a size, that of a buffer and not of the window."""
    for row in report["rows"]:
        if (row["way"], row["shape"], row["work"]) == (way, shape, work) and \
                (row["bytes"] < 2 * GIB if size is None else row["bytes"] == size):
            return row
    return None


def size_text(size):
    for unit, name in ((GIB, "GiB"), (MIB, "MiB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size / 1024:.3g} KiB"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def short(value):
    """Of what there may be little for a page."""
    if value >= 100:
        return number(value)
    if value >= 1:
        return f"{value:.2f}"
    return f"{value:.4f}" if value >= 0.001 else f"{value:.5f}"


def pages(row):
    """How many are mapped, or were."""
    leaves = row["leaves"]
    return (leaves["pud"] << 18) + (leaves["pmd"] << 9) + leaves["pte"]


def locks_per_page(row):
    return row["locks"] / pages(row) if pages(row) else 0


def leaves_text(row):
    parts = [f"{row['leaves'][level]:,} {level.upper()}"
             for level in ("pud", "pmd", "pte") if row["leaves"][level]]
    return " + ".join(parts) or "none"


# Title, work, and what of its row: of all of a buffer, and of what may be a part of it.
ALL = [
    ("1 touch", "touch-one", lambda r: number(r["insns"])),
    ("evicted", "refault-one", lambda r: number(r["insns"])),
    ("its locks", "refault-one", lambda r: f"{r['locks']:,}"),
    ("per page", "touch-read", lambda r: short(r["insns_per_page"])),
    ("per leaf", "touch-read", lambda r: short(r["insns_per_leaf"])),
    ("locks per page", "touch-read", lambda r: short(locks_per_page(r))),
]
PARTS = [
    ("write", "touch-write", lambda r: short(r["insns_per_page"])),
    ("random", "touch-read-random", lambda r: short(r["insns_per_page"])),
    ("random write", "touch-write-random", lambda r: short(r["insns_per_page"])),
    ("refault", "refault", lambda r: short(r["insns_per_page"])),
    ("per leaf", "refault", lambda r: short(r["insns_per_leaf"])),
    ("evict", "evict", lambda r: short(r["insns_per_page"])),
    ("munmap", "munmap", lambda r: short(r["insns_per_page"])),
    ("fork", "fork", lambda r: short(r["insns_per_page"])),
    ("exit", "exit", lambda r: short(r["insns_per_page"])),
]


def find_all(report, way, shape, work):
    """The row; that of mmap() where it takes the place of touches."""
    row = find(report, way, shape, work)
    if not row and work == "touch-read":
        row = find(report, way, shape, "populate")
    return row


def cells(report, way, shape, columns):
    rows = [find_all(report, way, shape, work) for _, work, _ in columns]
    return [text(row) if row else "-" for row, (_, _, text) in zip(rows, columns)]


def mapped_table(report, shape):
    """What maps all of a buffer: a list of lists of texts, a head, then a line for each way."""
    table = [["way", "of", "faults", "calls", "leaves", "min", "tables, KiB", "cache"]]
    for way in unique(row["way"] for row in report["rows"]):
        row = find_all(report, way, shape, "touch-read") or find(report, way, shape, "touch-one")
        if row:
            table.append([way, size_text(row["bytes"]), f"{row['faults']:,}",
                          f"{row['callbacks']:,}", leaves_text(row), f"{row['min_leaves']:,}",
                          f"{row['pgtable_bytes'] / 1024:,.0f}", row["cache"]])
    return table


def cost_table(report, shape):
    """What that takes."""
    table = [["way"] + [title for title, _, _ in ALL]]
    for way in unique(row["way"] for row in report["rows"]):
        line = cells(report, way, shape, ALL)
        if any(text != "-" for text in line):
            table.append([way] + line)
    return table


def parts_table(report, shape):
    """What was done with a buffer, or with a part of it: instructions for each page."""
    table = [["way", "of"] + [title for title, _, _ in PARTS]]
    for way in unique(row["way"] for row in report["rows"]):
        row = find(report, way, shape, "munmap")
        if row:
            table.append([way, size_text(row["bytes"])] + cells(report, way, shape, PARTS))
    return table


THREADS = (1, 2, 3, 4)


def threads_table(report, shape):
    """What threads that touch all pages take for each page, by their number."""
    table = [["way", "of"] + [f"insns, {n}" for n in THREADS] +
             [f"locks, {n}" for n in THREADS]]
    for way in unique(row["way"] for row in report["rows"]):
        rows = [find(report, way, shape, f"threads-{n}") for n in THREADS]
        if all(rows):
            table.append([way, size_text(rows[0]["bytes"])] +
                         [short(row["insns_per_page"]) for row in rows] +
                         [short(locks_per_page(row)) for row in rows])
    return table


def scaling_table(report):
    """Cost per GiB of what was measured at several sizes."""
    keys = unique((row["way"], row["shape"], row["work"]) for row in report["rows"]
                  if row["work"] in ("touch-each-2m", "populate"))
    sizes = [size * GIB for size in (1, 4, 16, 64, 256)]
    sizes = [size for size in sizes if any(find(report, *key, size) for key in keys)]
    table = [["way", "shape", "work"] + [size_text(size) for size in sizes]]
    for key in keys:
        rows = [find(report, *key, size) for size in sizes]
        if sum(row is not None for row in rows) > 1:
            table.append(list(key) + [number(row["insns"] * GIB / row["bytes"])
                                      if row else "-" for row in rows])
    return table


MOVES = [("touch-read", "first"), ("moved", "moved"), ("moved-twice", "moved twice")]


def moves_table(report):
    """A buffer that was moved out of the window and back, touched everywhere again."""
    table = [["way", "", "faults", "leaves", "min", "instructions", "per page"]]
    for way in unique(row["way"] for row in report["rows"] if row["work"] == "moved"):
        for work, title in MOVES:
            row = find(report, way, "blocks-2m", work)
            if row:
                table.append([way, title, f"{row['faults']:,}", leaves_text(row),
                              f"{row['min_leaves']:,}", f"{row['insns']:,}",
                              short(row["insns_per_page"])])
    return table


def marginal(report, way, shape):
    """A GiB more when there are many, to a GiB more when there are few."""
    rows = [row for row in report["rows"] if (row["way"], row["shape"], row["work"]) ==
            (way, shape, "touch-each-2m")]
    rows.sort(key=lambda row: row["bytes"])
    if len(rows) < 3:
        return None
    (a, b), (c, d) = rows[:2], rows[-2:]
    few = (b["insns"] - a["insns"]) / (b["bytes"] - a["bytes"])
    many = (d["insns"] - c["insns"]) / (d["bytes"] - c["bytes"])
    return many / few


def goals(report):
    """Lines (what, figure, at most); the figure is None where rows are missing."""
    def of(way, shape, work, field="insns"):
        row = find(report, way, shape, work)
        return row and row[field]

    def ratio(one, other):
        return one / other if one is not None and other else None

    ours = [row for row in report["rows"]
            if row["way"] in ("vmf_range", "vmf_range_populate", "ttm_range")]
    ttm = "ttm_bo_vm_fault"
    misaligned = "misaligned-4k"
    lines = [
        ("instructions per PTE of a misaligned GiB, page tables there",
         of("vmf_range", misaligned, "refault", "insns_per_leaf"), 20),
        ("instructions per PMD leaf of an aligned GiB, page tables there",
         of("vmf_range_no_pud", "aligned", "refault-one", "insns_per_leaf"), 60),
        ("a fault that maps one page: ttm_range to stock TTM, tables made",
         ratio(of("ttm_range", "one-page", "touch-one"), of(ttm, "one-page", "touch-one")), 1),
        ("the same, tables there",
         ratio(of("ttm_range", "one-page", "refault-one"),
               of(ttm, "one-page", "refault-one")), 1),
        ("one touch of a misaligned GiB: ttm_range to a fault of stock TTM, tables made",
         ratio(of("ttm_range", misaligned, "touch-one"), of(ttm, misaligned, "touch-one")), 1.5),
        ("the same, tables there",
         ratio(of("ttm_range", misaligned, "refault-one"),
               of(ttm, misaligned, "refault-one")), 1.5),
        ("locks of a fault that fills a page table, table there",
         of("vmf_range", misaligned, "refault-one", "locks"), 4),
        ("refault of single pages to first faults, per page",
         ratio(of("vmf_range", misaligned, "refault", "insns_per_page"),
               of("vmf_range", misaligned, "touch-read", "insns_per_page")), 1),
        ("a buffer moved out and back: faults, to first faults",
         ratio(of("ttm_range", "blocks-2m", "moved", "faults"),
               of("ttm_range", "blocks-2m", "touch-read", "faults")), 1),
        ("moved twice, once back in single pages: faults, to first faults",
         ratio(of("ttm_range", "blocks-2m", "moved-twice", "faults"),
               of("ttm_range", "blocks-2m", "touch-read", "faults")), 1),
        ("rows of vmf_range and ttm_range with more leaves than needed",
         sum(row["tlb_entries"] > row["min_leaves"] for row in ours) if ours else None, 0),
    ]
    for way, shape in (("vmf_range", "aligned"), ("vmf_range_no_pud", "aligned"),
                       ("vmf_range", misaligned)):
        lines.append((f"a GiB more at 64 GiB, to a GiB more at 4 GiB: {way}, {shape}",
                      marginal(report, way, shape), 1.03))
    return lines


def met(value, most):
    return value is not None and value <= most


def render(table):
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return "\n".join("  ".join(
        text.ljust(width) if i == 0 else text.rjust(width)
        for i, (text, width) in enumerate(zip(line, widths))).rstrip() for line in table)


ABOUT = """\
All of it, each page touched once, or mmap() where that maps all. min: the fewest leaves
that can map the same."""

ABOUT_COST = """\
1 touch: instructions of one fault, page tables made; evicted: the same after an eviction,
with the tables there, and its locks. Others: all pages touched, page tables made."""

ABOUT_PARTS = """\
Instructions per page (per leaf: of refault), of all of the buffer, or of 64 MiB where that
has more than 65,536 leaves."""


def sections(report):
    """Titles with what is to be said about them, and tables."""
    for shape in unique(row["shape"] for row in report["rows"]):
        yield f"{shape}: what maps it", ABOUT, mapped_table(report, shape)
        yield f"{shape}: what that takes", ABOUT_COST, cost_table(report, shape)
        parts = parts_table(report, shape)
        if len(parts) > 1:
            yield f"{shape}: what is done with it", ABOUT_PARTS, parts
        threads = threads_table(report, shape)
        if len(threads) > 1:
            yield (f"{shape}: touched by 1 to 4 threads",
                   "Instructions and locks for each page.", threads)
    moves = moves_table(report)
    if len(moves) > 1:
        yield ("blocks-2m: moved", "64 MiB out of the window and back, then touched "
               "everywhere; moved twice: it was back in single pages meanwhile.", moves)
    scaling = scaling_table(report)
    if len(scaling) > 1:
        yield "Instructions per GiB, by size", "Touched once in each 2 MiB.", scaling


def goals_table(report):
    return [["goal", "is", "at most", ""]] + [
        [what, "-" if value is None else f"{value:,.2f}", f"{most:g}",
         "met" if met(value, most) else "MISSED"] for what, value, most in goals(report)]


def text(report):
    parts = [f"Linux {report['kernel']}, instructions of the guest's kernel."]
    for title, about, table in sections(report):
        parts.append(f"== {title}\n{about}\n\n{render(table)}")
    parts.append("== goals\n" + render(goals_table(report)))
    return "\n\n".join(parts)
