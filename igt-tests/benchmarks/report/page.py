# SPDX-License-Identifier: MIT
"""The report as one page of HTML, with its charts inside."""

import html
import itertools
import math
import pathlib
import re

import chart
import tables

DOCS = pathlib.Path(__file__).parents[3] / "docs" / "benchmarks.rst"

STYLE = """
* { box-sizing: border-box; }
body { font: 15px/1.5 sans-serif; margin: 0 auto; padding: 1em; max-width: 1160px;
       color: #222; background: #fff; }
h1 { font-size: 1.6em; margin-bottom: 0.2em; }
h2 { margin-top: 2em; border-bottom: 2px solid #ddd; } h2 small { font-weight: normal; }
h3 { font-size: 15px; margin: 0.5em 0 0; } h3 + p { margin: 0 0 0.3em; }
a { color: #15568f; } small, .about { color: #444; font-size: 13px; }
nav { columns: 3; padding: 0.5em 1em; border: 1px solid #ccc; }
nav a { display: block; }
table { border-collapse: collapse; font-size: 13px; margin: 0.5em 0 1em; }
th, td { padding: 2px 8px; text-align: right; vertical-align: top;
         border-bottom: 1px solid #ddd; }
th { border-bottom: 2px solid #999; } th:first-child, td:first-child, .texts td,
.texts th { text-align: left; }
.wide { overflow-x: auto; } .ways td:first-child, .wide td { white-space: nowrap; }
.met { color: #14611f; } .missed { color: #b3261e; font-weight: bold; }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 1.2em 2em; }
.charts figure { margin: 0; min-width: 0; break-inside: avoid; }
.charts .lines { grid-column: 1 / -1; }
.legend { display: flex; flex-wrap: wrap; gap: 0 1.5em; font-size: 13px; margin: 0.5em 0; }
.legend svg { width: 26px; height: 12px; vertical-align: -1px; margin-right: 5px; }
details { margin: 0.6em 0; } summary { cursor: pointer; font-weight: bold; }
details[open] > summary { margin-bottom: 0.5em; }
.rows { overflow: auto; max-height: 85vh; } .rows thead { position: sticky; top: 0;
        background: #fff; }
.rows button { font: inherit; font-weight: bold; border: 0; padding: 0; background: none;
        color: #15568f; cursor: pointer; }
[aria-sort=ascending] button::after { content: " \\25b2"; }
[aria-sort=descending] button::after { content: " \\25bc"; }
input { font: inherit; width: 24em; max-width: 100%; }
@media screen and (max-width: 860px) { .charts { grid-template-columns: 1fr; }
    nav { columns: 2; } }
@media print { body { max-width: none; padding: 0; font-size: 12px; } .find { display: none; }
    .wide { overflow: visible; max-height: none; }
    details table { font-size: 8px; } details td, details th { padding: 1px 3px; }
    .wide td { white-space: normal; } .rows thead { position: static; }
    h2, h3, summary { break-after: avoid; } tr { break-inside: avoid; } }
"""

# What is folded is printed as well, but for the rows.
SCRIPT = """
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details.more")) part.open = true;
});
const table = document.querySelector(".rows table"), box = document.querySelector(".find");
if (table) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  let rows = [...body.rows].map(row => ({ row, text: row.textContent.toLowerCase(),
      cells: [...row.cells].map(cell => cell.textContent) }));
  const filter = () => {
    const words = box.querySelector("input").value.toLowerCase().split(/\\s+/);
    let shown = 0;
    for (const { row, text } of rows) {
      row.hidden = !words.every(word => text.includes(word));
      shown += !row.hidden;
    }
    box.querySelector("output").textContent = `${shown} of ${rows.length}`;
  };
  const sort = column => {
    const up = heads[column].ariaSort !== "ascending";
    for (const head of heads) head.removeAttribute("aria-sort");
    heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    rows.sort((a, b) => {
      const [x, y] = [a.cells[column], b.cells[column]], less = x - y;
      return (isNaN(less) ? x.localeCompare(y) : less) * (up ? 1 : -1);
    });
    body.append(...rows.map(line => line.row));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(column));
    head.replaceChildren(button);
  });
  box.addEventListener("input", filter);
  box.hidden = false;
  filter();
}
"""

# Of works that map by a touch; mmap() is what a way does instead that maps all at once.
TOUCH, INSTEAD = "touch-read", "populate"

# What else there is to see of these: title, unit, and what of a row.
MORE = [("Faults", "faults", "faults"), ("Locks taken", "locks", "locks"),
        ("TLB entries that hold what is mapped", "TLB entries", "tlb_entries")]

LEGEND = [("ours", "", "this project, name in bold"), ("best", "", "best peer, said so"),
          ("other", "", "other peers"),
          ("other", " part", "pale and dashed: measured on less memory than others in the "
           "chart; what is per GiB is extrapolated")]


def ours(way):
    return way.startswith(("vmf_range", "ttm_range"))


def glossary():
    """What docs/benchmarks.rst says of each name. It may not be there."""
    try:
        text = DOCS.read_text(encoding="utf-8")
    except OSError:
        return {}
    found = {}
    ways = re.search(r"^way +who\n=.*\n((?:``|  ).*\n)+", text, re.M)
    for name, what in re.findall(r"^``(.+?)`` +(.+(?:\n  .+)*)", ways[0] if ways else "",
                                 re.M):
        found[name] = " ".join(what.split())
    for head, what in re.findall(r"^(``.+)\n((?:\t.+\n)+)", text, re.M):
        named = re.findall("``(.+?)``", head)
        # Of "threads-1 to threads-4", what all of them are.
        named += [series(name)[0] for name in named if series(name)]
        found.update(dict.fromkeys(named, " ".join(what.split())))
    shapes = re.search(r"^Shapes are (?:.+\n)+", text, re.M)
    for name, what in re.findall(r"``(.+?)``\s\(([^)]+)\)", shapes[0] if shapes else ""):
        found[name] = " ".join(what.split())
    return found


def prose(text):
    return re.sub("``(.+?)``", r"<code>\1</code>", html.escape(text))


def anchor(name):
    return "shape-" + re.sub(r"\W+", "-", name)


def names(report, field, shape=None):
    return tables.unique(row[field] for row in report["rows"]
                         if shape in (None, row["shape"]))


def per_page(row, field="insns"):
    """With more digits than the row has."""
    if tables.pages(row):
        return row[field] / tables.pages(row)
    return row["insns_per_page"] if field == "insns" else 0.0


def cost(row):
    """Instructions: of single touches as they are, of others for each page."""
    return row["insns"] if row["work"].endswith("-one") else per_page(row)


def unit(work):
    return "instructions" if work.endswith("-one") else "instructions per page"


def counted(number, what):
    return f"{number:,} {what}" + "s" * (number != 1)


def series(work):
    """(name, number) of a work that is one of several of that name, as threads-2."""
    match = re.fullmatch(r"(.+)-(\d+)", work)
    return match and (match[1], int(match[2]))


def scaled(report):
    """Works by size: {work: {(way, shape): rows}}, of what was done at several sizes."""
    sizes = {}
    for row in report["rows"]:
        sizes.setdefault(row["work"], {}).setdefault(
            (row["way"], row["shape"]), []).append(row)
    return {work: {key: sorted(rows, key=lambda row: row["bytes"])
                   for key, rows in keys.items() if len(rows) > 1}
            for work, keys in sizes.items() if any(len(rows) > 1 for rows in keys.values())}


def only_scaled(report):
    """Works that were done for that alone."""
    return {work for work, keys in scaled(report).items()
            if len(keys) == len({(row["way"], row["shape"]) for row in report["rows"]
                                 if row["work"] == work})}


def kinds(values):
    """Whose a value is, by way: ours, the best of the others, or another. If those are
    all the same, none is the best."""
    peers = [value for way, value in values.items() if not ours(way)]
    best = min(peers) if peers and min(peers) < max(peers) else None
    return {way: "ours" if ours(way) else "best" if value == best else "other"
            for way, value in values.items()}


def figure_html(title, about, drawing, classes="bars"):
    about = f'<p class="about">{prose(about)}</p>' if about else ""
    return (f'<figure class="{classes}"><h3>{html.escape(title)}</h3>{about}\n{drawing}'
            "</figure>")


def bars(title, about, rows, value, what, whole=0):
    """A chart of what value() says of each row. whole: of so much memory; if none, as
    much as any row has."""
    values = {row["way"]: value(row) for row in rows}
    kind = kinds(values)
    most = whole or max(row["bytes"] for row in rows)
    items = [chart.Bar(row["way"], values[row["way"]], kind[row["way"]],
                       tables.size_text(row["bytes"]) +
                       (", mmap()" if row["work"] == INSTEAD else ""),
                       row["bytes"] < most) for row in rows]
    return figure_html(title, about, chart.bars(title, what, items, "measured on"))


def shape_rows(report, shape, work):
    rows = [tables.find_all(report, way, shape, work) for way in names(report, "way")]
    return [row for row in rows if row]


def work_chart(report, shape, work, words):
    rows = shape_rows(report, shape, work)
    if not rows:
        return ""
    instead = any(row["work"] == INSTEAD for row in rows) and work == TOUCH
    about = words.get(work, "")
    if instead and INSTEAD in words:
        about += f" ``{INSTEAD}``: {words[INSTEAD]}"
    return bars(f"{work}{' or ' + INSTEAD if instead else ''}: {unit(work)}",
                about, rows, cost, unit(work))


def more_charts(report, shape):
    """Faults and such, for each GiB; for each page if nothing has that size."""
    rows = shape_rows(report, shape, TOUCH)
    if not rows:
        return
    large = max(row["bytes"] for row in rows) >= tables.GIB
    for title, unit_of, field in MORE:
        def value(row, field=field):
            if not large:
                return per_page(row, field)
            return row[field] * tables.GIB / row["bytes"]

        what = "per GiB" if large else "per page"
        yield bars(f"{title}, {what}", None, rows, value, f"{unit_of} {what}",
                   tables.GIB if large else 0)


def series_charts(report, shape):
    """Of works that differ by a number: instructions and locks, as lines over it."""
    works = [work for work in names(report, "work", shape) if series(work)]
    for name, group in itertools.groupby(works, lambda work: series(work)[0]):
        group = sorted(group, key=lambda work: series(work)[1])
        if len(group) < 2:
            continue
        for what, field in (("instructions", "insns"), ("locks", "locks")):
            points = {}
            for way in names(report, "way"):
                rows = [tables.find(report, way, shape, work) for work in group]
                if all(rows):
                    points[way, tables.size_text(rows[-1]["bytes"])] = [
                        (series(row["work"])[1], per_page(row, field)) for row in rows]
            if not points:
                continue
            kind = kinds({way: line[-1][1] for (way, _), line in points.items()})
            title = f"{series(group[0])[1]} to {series(group[-1])[1]} {name}: {what} per page"
            yield figure_html(title, None, chart.lines(
                title, f"{what} per page, by number of {name}",
                [chart.Line(f"{way}, {size}:", kind[way], line)
                 for (way, size), line in points.items()],
                [(series(work)[1], str(series(work)[1])) for work in group]), "lines")


def scaling_charts(report, words):
    def sizes_of(keys):
        return sorted({row["bytes"] for rows in keys.values() for row in rows})

    for work, keys in sorted(scaled(report).items(), key=lambda item: -len(sizes_of(item[1]))):
        sizes = sizes_of(keys)
        items = [chart.Line(f"{way}, {shape}:", "ours" if ours(way) else "other",
                            [(math.log2(row["bytes"]),
                              row["insns"] * tables.GIB / row["bytes"]) for row in rows])
                 for (way, shape), rows in keys.items()]
        title = f"{work}: instructions per GiB"
        yield figure_html(title, words.get(work), chart.lines(
            title, "instructions per GiB, by size", items,
            [(math.log2(size), tables.size_text(size)) for size in sizes]), "lines")


def legend(some=("ours", "best", "other")):
    marks = [f'<span><svg viewBox="0 0 26 12"><rect x="1" y="1" width="24" height="10" '
             f'class="bar {kind}{part}"/></svg>{what}</span>' for kind, part, what in LEGEND
             if kind in some and not (part and "best" not in some)]
    return f'<div class="legend">{"".join(marks)}</div>'


def charts_html(charts):
    charts = [one for one in charts if one]
    return f'<div class="charts">{"".join(charts)}</div>' if charts else ""


def folded(title, content):
    if not content:
        return ""
    return (f'<details class="more"><summary>{html.escape(title)}</summary>\n{content}'
            "</details>")


def table_html(table, classes=""):
    head, *lines = [[html.escape(text) for text in line] for line in table]
    return (f'<div class="wide {classes}"><table><thead><tr>' +
            "".join(f"<th>{text}</th>" for text in head) + "</tr></thead>\n<tbody>" +
            "\n".join("<tr>" + "".join(f"<td>{text}</td>" for text in line) + "</tr>"
                      for line in lines) + "</tbody></table></div>")


def shape_html(report, shape, words):
    """What is seen at once is what all pages and one touch take."""
    skip = only_scaled(report) | {TOUCH, INSTEAD}
    works = [work for work in names(report, "work", shape)
             if work not in skip and not series(work)]
    single = [work for work in works if work.endswith("-one")]
    quiet = [work for work in works
             if not any(row["faults"] for row in report["rows"] if row["work"] == work)]
    faulting = [work for work in works if work not in single + quiet]

    def charts(of):
        return charts_html(work_chart(report, shape, work, words) for work in of)

    about = f": {html.escape(words[shape])}" if shape in words else ""
    yield f'<h2 id="{anchor(shape)}">{html.escape(shape)}<small>{about}</small></h2>'
    yield legend()
    yield charts([TOUCH] + single)
    yield folded("Faults, locks, TLB entries", charts_html(more_charts(report, shape)))
    yield folded(", ".join(faulting), charts(faulting))
    yield folded(", ".join(quiet), charts(quiet))
    threads = tables.threads_table(report, shape)
    yield folded("Threads", charts_html(series_charts(report, shape)) +
                 (table_html(threads) if len(threads) > 1 else ""))
    yield folded("The same as tables", "".join(
        f'<p class="about">{html.escape(about)}</p>{table_html(table)}'
        for title, about, table in tables.sections(report) if title.startswith(shape)))


def least(rows):
    return min(rows, key=cost, default=None)


def named(row):
    return f"{row['way']} {chart.figure(cost(row))}" if row else "-"


def mapped(row):
    return f"{tables.pages(row):,}" if row else "-"


def times(row, own):
    if not row or not own or not cost(own):
        return "-"
    ratio = cost(row) / cost(own)
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2f}"


def glance_html(report, work, title, about):
    """For each shape the least of ours and of the peers; and the most that a peer takes,
    but for a single touch, how much it maps."""
    single = work.endswith("-one")
    table = [["shape", "this project", "pages", "best peer", "pages", "times ours"] if single
             else ["shape", "this project", "best peer", "times ours", "most", "times ours"]]
    for shape in names(report, "shape"):
        rows = shape_rows(report, shape, work)
        if not rows:
            continue
        own = least(row for row in rows if ours(row["way"]))
        peers = [row for row in rows if not ours(row["way"])]
        best, worst = least(peers), max(peers, key=cost, default=None)
        if single:
            line = [named(own), mapped(own), named(best), mapped(best), times(best, own)]
        else:
            line = [named(own), named(best), times(best, own), named(worst),
                    times(worst, own)]
        table.append([shape] + line)
    if len(table) == 1:
        return ""
    return (f'<h3>{html.escape(title)}</h3><p class="about">{about}</p>' +
            table_html(table))


def verdict_text(goals):
    missed = sum(not tables.met(value, most) for _, value, most in goals)
    return f"{missed} of {len(goals)} missed" if missed else f"all {len(goals)} met"


def names_html(report, field, words):
    def meaning(name):
        return words.get(name) or words.get((series(name) or [None])[0], "")

    groups = {}
    for name in names(report, field):
        groups.setdefault(meaning(name), []).append(f"<code>{html.escape(name)}</code>")
    lines = [f"<tr><td>{'<br>'.join(group)}</td><td>{prose(what)}</td></tr>"
             for what, group in groups.items()]
    return (f'<table class="texts ways"><tr><th>{field}</th><th></th></tr>' +
            "\n".join(lines) + "</table>")


def rows_html(report):
    rows = report["rows"]
    fields = tables.unique(field for row in rows for field in row if field != "leaves")
    table = [fields + ["leaves"]] + [[str(row.get(field, "")) for field in fields] +
                                     [tables.leaves_text(row)] for row in rows]
    return (f"<details><summary>{counted(len(rows), 'row')}: filter, and sort by a click on "
            'a head</summary>\n<p class="find" hidden><label>rows that have all of these '
            'words: <input type="search"></label> <output></output></p>\n' +
            table_html(table, "rows") + "</details>")


def intro(report):
    count = {field: counted(len(names(report, field)), field)
             for field in ("way", "work", "shape")}
    rows = counted(len(report["rows"]), "row")
    return (f'<p>What it takes to map device memory: {rows}, of '
            f'<a href="#names">{count["way"]}</a> to map, '
            f'<a href="#names">{count["work"]}</a> done with the mapping, and '
            f'{count["shape"]} of memory. Ways of this project are those '
            "whose "
            "names begin with <code>vmf_range</code> or <code>ttm_range</code>; peers are all "
            "others.</p><p>Counted are instructions of the guest's kernel, not time: QEMU "
            "runs one processor that counts them, so that a figure does not depend on the "
            "host. What the program itself executes is taken off. Page faults and locks are "
            "counted, and leaves read from the page tables. Less is better everywhere.</p>"
            "<p>Scales are logarithmic: from one line to the next is ten times. A way that "
            "takes a fault for every few pages was measured on less memory, which is written "
            "beside its bar.</p>")


def contents(links):
    return ("<nav aria-label=\"contents\">" + "".join(
        f'<a href="#{where}">{html.escape(what)}</a>' for where, what in links) + "</nav>")


def page(report):
    """The page, as a text."""
    words = glossary()
    goals = tables.goals(report)
    verdict = f"Goals: {verdict_text(goals)}"
    shapes = names(report, "shape")
    scaling = charts_html(scaling_charts(report, words))
    links = [("glance", "At a glance"), ("goals", verdict)]
    links += [(anchor(shape), shape) for shape in shapes]
    links += [("scaling", "Scaling")] if scaling else []
    links += [("names", "Ways and works"), ("rows", "All rows")]

    body = [f"<h1>Mapping device memory on Linux {html.escape(report['kernel'])}</h1>",
            intro(report), contents(links), '<h2 id="glance">At a glance</h2>',
            glance_html(report, TOUCH, "All pages: instructions per page",
                        "Mapped by a touch of each, or by mmap(). Where a peer takes less "
                        "than 1 times ours, it is better."),
            glance_html(report, "touch-one", "A single touch: instructions",
                        "Beside each, how many pages it maps: a fault that maps more takes "
                        "more, and spares as many others."),
            f'<h2 id="goals">{verdict}</h2>', table_html(tables.goals_table(report))]
    for shape in shapes:
        body += shape_html(report, shape, words)
    if scaling:
        body += ['<h2 id="scaling">Scaling: what was measured at several sizes</h2>',
                 "<p>A level line is a cost per GiB that does not depend on the size.</p>",
                 legend(("ours", "other")), scaling]
        table = tables.scaling_table(report)
        body.append(table_html(table) if len(table) > 1 else "")
    body.append('<h2 id="names">Ways and works</h2>')
    body += [names_html(report, field, words) for field in ("way", "work")]
    body += ['<h2 id="rows">All rows</h2>', rows_html(report)]
    return (f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width">'
            f"<title>vmf_range: benchmarks</title><style>{STYLE}{chart.STYLE}</style></head>"
            "\n<body>\n" + "\n".join(body) +
            f"\n<script>{SCRIPT}</script></body></html>\n")
