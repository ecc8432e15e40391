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
    """The row of that name; of several sizes the largest."""
    rows = [row for row in report["rows"]
            if (row["way"], row["shape"], row["work"]) == (way, shape, work)
            and size in (None, row["bytes"])]
    return max(rows, key=lambda row: row["bytes"], default=None)


def size_text(size):
    return f"{size / GIB:.6g} GiB" if size >= GIB else f"{size / MIB:.6g} MiB"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def short(value):
    """Of what there may be little for a page."""
    if value >= 100:
        return number(value)
    if value >= 1:
        return f"{value:.2f}"
    return f"{value:.4f}" if value >= 0.001 else f"{value:.5f}"


def locks_per_page(row):
    leaves = row["leaves"]
    pages = (leaves["pud"] << 18) + (leaves["pmd"] << 9) + leaves["pte"]
    return row["locks"] / pages if pages else 0


def leaves_text(row):
    parts = [f"{row['leaves'][level]:,} {level.upper()}"
             for level in ("pud", "pmd", "pte") if row["leaves"][level]]
    return " + ".join(parts) or "none"


# Title, work, and what of its row.
COLUMNS = [
    ("1 touch", "touch-one", lambda r: number(r["insns"])),
    ("refault", "refault-one", lambda r: number(r["insns"])),
    ("per page", "touch-read", lambda r: number(r["insns_per_page"])),
    ("random", "touch-read-random", lambda r: number(r["insns_per_page"])),
    ("again", "refault", lambda r: number(r["insns_per_page"])),
    ("evict", "evict", lambda r: number(r["insns_per_page"])),
    ("munmap", "munmap", lambda r: number(r["insns_per_page"])),
    ("fork", "fork", lambda r: number(r["insns_per_page"])),
    ("exit", "exit", lambda r: number(r["insns_per_page"])),
    ("locks", "touch-read", lambda r: short(locks_per_page(r))),
]


def shape_table(report, shape):
    """A list of lists of texts: a head, then a line for each way."""
    head = ["way", "of", "faults", "calls", "leaves", "min", "tables, KiB", "cache"]
    table = [head + [title for title, _, _ in COLUMNS]]
    for way in unique(row["way"] for row in report["rows"]):
        full = find(report, way, shape, "touch-read") or find(report, way, shape, "populate")
        if not full:
            continue
        line = [way, size_text(full["bytes"]), f"{full['faults']:,}",
                f"{full['callbacks']:,}", leaves_text(full), f"{full['min_leaves']:,}",
                f"{full['pgtable_bytes'] / 1024:,.0f}", full["cache"]]
        for _, work, text in COLUMNS:
            row = find(report, way, shape, work)
            if not row and work == "touch-read":
                row = find(report, way, shape, "populate")
            line.append(text(row) if row else "-")
        table.append(line)
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


def goals(report):
    """Lines (what, figure, at most); the ones whose rows are there."""
    def insns(way, shape, work, field="insns"):
        row = find(report, way, shape, work)
        return row and row[field]

    def four_threads(field):
        one, four = (insns("vmf_range", "misaligned-4k", f"threads-{n}", field)
                     for n in (1, 4))
        return one and four / one

    ttm_first = insns("ttm_bo_vm_fault", "misaligned-4k", "touch-one")
    ttm_again = insns("ttm_bo_vm_fault", "misaligned-4k", "refault-one")
    first = insns("vmf_range", "misaligned-4k", "touch-one")
    small = insns("vmf_range", "aligned", "touch-one")
    lines = [
        ("instructions per PTE, page tables there",
         insns("vmf_range", "misaligned-4k", "refault", "insns_per_leaf"), 20),
        ("instructions per PMD leaf",
         insns("vmf_range_no_pud", "aligned", "refault-one", "insns_per_leaf"), 60),
        ("a fault that writes one leaf, to stock TTM's",
         small and ttm_first and small / ttm_first, 1),
        ("one touch of a misaligned GiB, to a fault of stock TTM, tables made",
         first and ttm_first and first / ttm_first, 1.5),
        ("the same, tables there",
         ttm_again and insns("vmf_range", "misaligned-4k", "refault-one") / ttm_again, 1.5),
        ("locks of a fault that fills a page table, table there",
         insns("vmf_range", "misaligned-4k", "refault-one", "locks"), 4),
        ("locks of four threads that touch single pages, to those of one",
         four_threads("locks"), 1.03),
        ("the same, instructions",
         four_threads("insns"), 1.03),
        ("refault of a GiB of PTEs, to its first faults",
         first and insns("vmf_range", "misaligned-4k", "refault") /
         insns("vmf_range", "misaligned-4k", "touch-read"), 1),
        ("rows of vmf_range and ttm_range with more leaves than needed",
         sum(row["tlb_entries"] > row["min_leaves"] for row in report["rows"]
             if row["way"] in ("vmf_range", "vmf_range_populate", "ttm_range")), 0),
    ]
    for way, shape in (("vmf_range", "aligned"), ("vmf_range_no_pud", "aligned"),
                       ("vmf_range", "misaligned-4k")):
        rows = [row for row in report["rows"] if row["work"] == "touch-each-2m" and
                (row["way"], row["shape"]) == (way, shape)]
        if rows:
            rows.sort(key=lambda row: row["bytes"])
            ratio = (rows[-1]["insns"] / rows[-1]["bytes"]) / (rows[0]["insns"] / rows[0]["bytes"])
            lines.append((f"a GiB of {size_text(rows[-1]['bytes'])}, to one of "
                          f"{size_text(rows[0]['bytes'])}, {way} {shape}", ratio, 1.03))
    return [line for line in lines if line[1] is not None]


def render(table):
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    return "\n".join("  ".join(
        text.ljust(width) if i == 0 else text.rjust(width)
        for i, (text, width) in enumerate(zip(line, widths))).rstrip() for line in table)


ABOUT = """\
1 touch, refault: instructions of one fault, first and after an eviction. Others: for
each page that is mapped. per page: every page touched once, or mmap() where that maps
all; random: in scattered order; again: after an eviction; locks: taken for each page
that is touched. min: the fewest leaves that can map the same."""


def text(report):
    parts = [f"Linux {report['kernel']}, instructions of the guest's kernel.\n{ABOUT}"]
    for shape in unique(row["shape"] for row in report["rows"]):
        parts.append(f"== {shape}\n" + render(shape_table(report, shape)))
        parts.append(f"== {shape}, touched by 1 to 4 threads: instructions and locks for "
                     "each page\n" + render(threads_table(report, shape)))
    scaling = scaling_table(report)
    if len(scaling) > 1:
        parts.append("== instructions per GiB, by size\n" + render(scaling))
    parts.append("== goals\n" + "\n".join(
        f"{'met   ' if value <= most else 'MISSED'}  {what}: {value:,.2f}, at most {most:g}"
        for what, value, most in goals(report)))
    return "\n\n".join(parts)
