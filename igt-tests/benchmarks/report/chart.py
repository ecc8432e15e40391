# SPDX-License-Identifier: MIT
"""Charts as SVG, on logarithmic scales; page.py has their style sheet."""

import collections
import html
import math

import tables

# Of bars; of lines.
WIDTH, WIDE = 480, 990

# Of a character, roughly, in the font of the charts and in bold; room between lines.
CHAR, BOLD, LINE = 6.9, 7.8, 18
MARGIN, TOP = 16, 24

STYLE = """
svg.chart { display: block; width: 100%; font: 12px sans-serif;
            text-rendering: geometricPrecision; }
svg text { fill: #222; } svg .axis { fill: #555; font-size: 11px; }
svg .grid { stroke: #d5d9de; stroke-width: 1; }
svg .halo { stroke: #fff; stroke-width: 3px; paint-order: stroke; }
svg .leader { stroke: #aaa; stroke-width: 0.7; }
.ours { --mark: #1d6fb8; } .best { --mark: #b85300; } .other { --mark: #7d8894; }
.bar, .dot { fill: var(--mark); stroke: var(--mark); stroke-width: 1.4; }
.part { fill-opacity: 0.2; stroke-dasharray: 4 2; }
.line { fill: none; stroke: var(--mark); stroke-width: 1.8; }
svg text.ours, svg text.best { font-weight: bold; fill: var(--mark); }
svg text.inside { fill: #fff; }
"""

# part: on less memory than the chart is about. note: what else is to be said.
Bar = collections.namedtuple("Bar", "label value kind note part")

# points: of (x, value).
Line = collections.namedtuple("Line", "label kind points")

BEST = "best peer"


def figure(value):
    """Whole numbers as they are; of what there may be little, at least two digits."""
    if value == int(value):
        return f"{int(value):,}"
    if value >= 0.001:
        return tables.short(value)
    return f"{value:.{1 - math.floor(math.log10(value))}f}"


def decade_text(power):
    if power >= 6:
        return f"{10 ** (power - 6):,} M"
    return f"{10 ** power:,}" if power >= 0 else f"{10.0 ** power:.{-power}f}"


class Scale:
    """From values to places between start and end. A zero, which has none, is at the
    start."""

    def __init__(self, values, start, end):
        logs = [math.log10(value) for value in values if value > 0] or [0.5]
        # Even the least is away from the start.
        self.low = math.floor(min(logs) - 0.1)
        self.high = max(math.ceil(max(logs)), self.low + 1)
        self.start, self.end = start, end

    def __call__(self, value):
        if value <= 0:
            return self.start
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def texts(self):
        """What is written at the decades."""
        return [decade_text(power) for power in range(self.low, self.high + 1)]

    def decades(self, room):
        """(place, text) of each; no text at some if there is no room for all."""
        each = (self.end - self.start) / (self.high - self.low)
        step = math.ceil(room / abs(each))
        for i, name in enumerate(self.texts()):
            yield self.start + i * each, "" if i % step else name


def text(x, y, what, classes="", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{classes}">'
            f"{html.escape(what)}</text>")


def line(x1, y1, x2, y2, classes):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'class="{classes}"/>')


def svg(width, height, parts, label):
    return (f'<svg class="chart" viewBox="0 0 {width} {height:.0f}" role="img" '
            f'aria-label="{html.escape(label)}">\n' + "\n".join(parts) + "\n</svg>")


def bar(item, y, scale, right):
    """One bar with its texts, which end at right."""
    end = scale(item.value)
    if end > scale.start:
        classes = f"bar {item.kind}" + (" part" if item.part else "")
        yield (f'<rect x="{scale.start:.1f}" y="{y + 3}" width="{end - scale.start:.1f}" '
               f'height="{LINE - 7}" class="{classes}"/>')
    label = "" if item.kind == "best" else item.kind
    yield text(scale.start - 6, y + 13, item.label, label, "end")
    shown = figure(item.value)
    yield text(end + 5, y + 13, shown, "halo")
    if item.kind == "best":
        x, width = end + 11 + len(shown) * CHAR, len(BEST) * BOLD
        if x + width > right and end - scale.start > width + 8:
            yield text(end - 4, y + 12, BEST, "best" if item.part else "best inside", "end")
        else:
            yield text(x, y + 13, BEST, "halo best")


def bars(title, what, items, size):
    """Horizontal bars, the shortest first. what: the unit; size: of the notes' column."""
    items = sorted(items, key=lambda item: item.value)
    left = max(len(item.label) * (BOLD if item.kind == "ours" else CHAR)
               for item in items) + 10
    right = WIDTH - max(len(note) for note in [size] + [i.note for i in items]) * CHAR - 6
    values = [item.value for item in items]
    scale = Scale(values, left, right - max(len(figure(v)) for v in values) * CHAR - 10)
    bottom = MARGIN + len(items) * LINE + 2

    parts = [text(WIDTH, 11, size, "axis", "end")]
    for x, name in scale.decades(max(map(len, scale.texts())) * CHAR + 8):
        parts += [line(x, MARGIN, x, bottom, "grid"),
                  text(x, bottom + 13, name, "axis", "middle")]
    parts.append(text((scale.start + scale.end) / 2, bottom + 27,
                      f"{what}, logarithmic", "axis", "middle"))
    for i, item in enumerate(items):
        y = MARGIN + i * LINE
        parts += bar(item, y, scale, right)
        parts.append(text(WIDTH, y + 13, item.note, "", "end"))
    said = "; ".join(f"{i.label} {figure(i.value)}, {i.note}" for i in items)
    return svg(WIDTH, bottom + 32, parts, f"{title}: {said}")


# Around 0, 0.
DOTS = ["M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z", "M-3-3h6v6h-6z", "M-4 3h8l-4-7z",
        "M-4 0l4-4.5l4 4.5l-4 4.5z", "M-4-3h8l-4 7z"]
DASHES = ["none", "6 3", "2 3", "9 3 2 3"]


def spread(places, gap, bottom):
    """The same places, ascending, moved so that there is a gap between all."""
    moved = []
    for place in places:
        moved.append(max(place, moved[-1] + gap) if moved else place)
    for i in reversed(range(len(moved))):
        moved[i] = min(moved[i], bottom - gap * (len(moved) - 1 - i))
    return moved


def one_line(item, i, at):
    """A line and its dots; at: from x and value to a place."""
    places = [at(*point) for point in item.points]
    where = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield (f'<polyline points="{where}" class="line {item.kind}" '
           f'stroke-dasharray="{DASHES[i % len(DASHES)]}"/>')
    part = " part" if i // len(DOTS) % 2 else ""
    for x, y in places:
        yield (f'<path transform="translate({x:.1f} {y:.1f})" d="{DOTS[i % len(DOTS)]}" '
               f'class="dot {item.kind}{part}" stroke-dasharray="none"/>')


def x_axis(ticks, place, top, bottom):
    """Of the texts, only those for which there is room."""
    last = -math.inf
    for tick, name in ticks:
        x = place(tick)
        yield line(x, top, x, bottom, "grid")
        if x - last > len(name) * CHAR + 4:
            yield text(x, bottom + 13, name, "axis", "middle")
            last = x


def lines(title, what, items, ticks):
    """Lines over x, each named beside its last point. ticks: (x, text)."""
    names = {item.label: item.label + " " + figure(item.points[-1][1]) +
             (f", {BEST}" if item.kind == "best" else "") for item in items}
    bottom = TOP + max(150, LINE * len(items))
    scale = Scale([value for item in items for _, value in item.points], bottom, TOP)
    left = max(map(len, scale.texts())) * CHAR + 8
    right = WIDE - max(len(names[item.label]) * (CHAR if item.kind == "other" else BOLD)
                        for item in items) - 34
    first, last = ticks[0][0], ticks[-1][0]

    def place(x):
        return left + 12 + (x - first) / ((last - first) or 1) * (right - left - 12)

    parts = [text(0, 10, f"{what}, logarithmic", "axis")]
    for y, name in scale.decades(14):
        parts += [line(left, y, right + 8, y, "grid"),
                  text(left - 4, y + 4, name, "axis", "end")]
    parts += x_axis(ticks, place, TOP, bottom)
    items = sorted(items, key=lambda item: scale(item.points[-1][1]))
    ends = [scale(item.points[-1][1]) for item in items]
    for i, (item, y, beside) in enumerate(zip(items, ends, spread(ends, 15, bottom))):
        parts.append(line(place(item.points[-1][0]), y, right + 24, beside, "leader"))
        parts += one_line(item, i, lambda x, value: (place(x), scale(value)))
        parts.append(text(right + 28, beside + 4, names[item.label],
                          "" if item.kind == "other" else item.kind))
    said = "; ".join(f"{item.label} " + ", ".join(figure(v) for _, v in item.points)
                     for item in items)
    return svg(WIDE, bottom + 18, parts, f"{title}: {said}")
