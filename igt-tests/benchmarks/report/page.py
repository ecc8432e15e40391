# SPDX-License-Identifier: MIT
"""The report as one page of HTML, with its charts inside."""

import html
import math

import tables

WIDTH, LABEL, BAR, GAP = 1000, 210, 18, 6

# Ours, and everybody else.
COLOURS = {True: "#1d6fb8", False: "#9aa5b1"}

STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 1100px; color: #222; }
table { border-collapse: collapse; font-size: 13px; margin: 0.5em 0 2em; }
th, td { padding: 2px 8px; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; }
.met { color: #18722c; } .missed { color: #b3261e; font-weight: bold; }
"""

CHARTS = [
    ("touch-one", "insns", "One touch: instructions of the first fault"),
    ("touch-read", "insns_per_page", "Every page touched: instructions per page"),
    ("touch-read", "faults", "Every page touched: faults per GiB"),
    ("touch-read", "locks", "Every page touched: locks per GiB"),
    ("touch-read", "tlb_entries", "TLB entries that cover a GiB"),
]


def ours(way):
    return way.startswith(("vmf_range", "ttm_range"))


def figure(row, field):
    value = row[field]
    if field in ("faults", "locks", "tlb_entries"):
        value = value * tables.GIB / row["bytes"]
    return value


def bars(items):
    """An SVG of horizontal bars, on a logarithmic scale: (label, value, ours)."""
    top = math.log10(max(value for _, value, _ in items) + 1) or 1
    height = len(items) * (BAR + GAP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
           f'width="100%" font-family="sans-serif" font-size="13">']
    for i, (label, value, own) in enumerate(items):
        y = i * (BAR + GAP)
        width = max(1.0, math.log10(value + 1) / top * (WIDTH - LABEL - 110))
        out.append(
            f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{html.escape(label)}</text>'
            f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR}" '
            f'fill="{COLOURS[own]}"/>'
            f'<text x="{LABEL + width + 6:.1f}" y="{y + 14}">{tables.number(value)}</text>')
    return "\n".join(out) + "\n</svg>"


def charts(report, shape):
    for work, field, title in CHARTS:
        items = []
        for way in tables.unique(row["way"] for row in report["rows"]):
            row = tables.find(report, way, shape, work)
            if not row and work == "touch-read":
                row = tables.find(report, way, shape, "populate")
            if row:
                items.append((way, figure(row, field), ours(way)))
        if items:
            yield f"<h3>{html.escape(title)}</h3>\n{bars(items)}"


def table_html(table):
    lines = ["".join(f"<th>{html.escape(text)}</th>" for text in table[0])]
    lines += ["".join(f"<td>{html.escape(text)}</td>" for text in line)
              for line in table[1:]]
    return ('<div class="wide"><table>' + "\n".join(f"<tr>{line}</tr>" for line in lines) +
            "</table></div>")


def goals_html(report):
    lines = []
    for what, value, most in tables.goals(report):
        verdict = "met" if value <= most else "missed"
        lines.append(f'<tr><td>{html.escape(what)}</td><td>{value:,.2f}</td>'
                     f'<td>{most:g}</td><td class="{verdict}">{verdict}</td></tr>')
    return ("<table><tr><th>goal</th><th>is</th><th>at most</th><th></th></tr>" +
            "\n".join(lines) + "</table>")


def page(report):
    """The page, as a text."""
    body = [f"<h1>Mapping device memory on Linux {html.escape(report['kernel'])}</h1>",
            "<p>Instructions of the guest's kernel; bars have a logarithmic scale. "
            f"{html.escape(tables.ABOUT)}</p>", "<h2>Goals</h2>", goals_html(report)]
    for shape in tables.unique(row["shape"] for row in report["rows"]):
        body.append(f"<h2>{html.escape(shape)}</h2>")
        body += charts(report, shape)
        body.append(table_html(tables.shape_table(report, shape)))
        body += ["<h3>1 to 4 threads: instructions and locks per page</h3>",
                 table_html(tables.threads_table(report, shape))]
    scaling = tables.scaling_table(report)
    if len(scaling) > 1:
        body += ["<h2>Instructions per GiB, by size</h2>", table_html(scaling)]
    rows = report["rows"]
    fields = [field for field in rows[0] if field != "leaves"]
    body += ["<h2>All rows</h2>", table_html(
        [fields + ["leaves"]] + [[str(row[field]) for field in fields] +
                                 [tables.leaves_text(row)] for row in rows])]
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f"<title>vmf_range: benchmarks</title><style>{STYLE}</style></head>\n<body>\n" +
            "\n".join(body) + "\n</body></html>\n")
