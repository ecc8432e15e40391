// SPDX-License-Identifier: MIT
/*
 * Pictures of mappings. The address range is a strip from left to right; in each
 * column of pixels, a level's colour takes as much of the height as its leaves
 * take of the addresses there. Huge leaves wide enough to see are set apart.
 */
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "svg.h"

#define WIDTH		1200
#define PAIR_HEIGHT	560
#define LEFT		40
#define STRIP		(WIDTH - 2 * LEFT)
#define STRIP_HEIGHT	72
#define VIEW_HEIGHT	150
#define CURVE_HEIGHT	120
#define BAND_HEIGHT	8
#define ZOOM_BYTES	(8ull << 20)
#define ZOOM_GAP	40
#define LABEL		130
#define LEVELS		3

static const struct {
	unsigned int shift;
	const char *colour;
	const char *text;
} levels[LEVELS] = {
	{ 30, "#1d3f8f", "PUD leaf, 1 GiB" },
	{ 21, "#2a9d8f", "PMD leaf, 2 MiB" },
	{ 12, "#f2b134", "PTE, 4 KiB" },
};

/* Part of the address range, and where it is drawn. */
struct strip {
	FILE *out;
	const struct svg_view *view;
	uint64_t from;
	uint64_t len;
	double x, y, width;
};

static double column_start(const struct strip *s, unsigned int column)
{
	return s->from + (double)s->len * column / s->width;
}

/* Bytes of each level in one column. Leaves before *next are left of it. */
static void measure(const struct strip *s, double start, double end,
		    unsigned int *next, double bytes[LEVELS])
{
	const struct svg_view *v = s->view;
	unsigned int i, level;

	memset(bytes, 0, LEVELS * sizeof(*bytes));
	while (*next < v->nr) {
		const struct svg_run *run = &v->runs[*next];

		if (run->addr + run->len > start)
			break;
		++*next;
	}
	for (i = *next; i < v->nr && v->runs[i].addr < end; i++) {
		double lo = v->runs[i].addr;
		double hi = lo + v->runs[i].len;

		lo = lo > start ? lo : start;
		hi = hi < end ? hi : end;
		for (level = 0; level < LEVELS; level++)
			if (v->runs[i].shift == levels[level].shift)
				bytes[level] += hi - lo;
	}
}

static void draw_columns(const struct strip *s, unsigned int from,
			 unsigned int to, const double share[LEVELS])
{
	double y = s->y + STRIP_HEIGHT;
	unsigned int level;

	for (level = 0; level < LEVELS; level++) {
		double height = share[level] * STRIP_HEIGHT;

		y -= height;
		if (height > 0)
			fprintf(s->out,
				"<rect x=\"%.1f\" y=\"%.2f\" width=\"%u\" height=\"%.2f\" fill=\"%s\"/>\n",
				s->x + from, y, to - from, height,
				levels[level].colour);
	}
}

/* White lines between huge leaves that are wide enough. */
static void draw_borders(const struct strip *s)
{
	const struct svg_view *v = s->view;
	double scale = s->width / s->len;
	unsigned int i;

	for (i = 0; i < v->nr; i++) {
		const struct svg_run *run = &v->runs[i];
		uint64_t addr = run->addr, step = 1ull << run->shift;

		if (run->shift == 12 || scale * step < 6)
			continue;
		for (; addr < run->addr + run->len && addr < s->from + s->len;
		     addr += step)
			if (addr > s->from)
				fprintf(s->out,
					"<rect x=\"%.1f\" y=\"%.1f\" width=\"1\" height=\"%d\" fill=\"#ffffff\"/>\n",
					s->x + (addr - s->from) * scale - 0.5,
					s->y, STRIP_HEIGHT);
	}
}

static bool begins_block(const struct svg_view *v, unsigned int i)
{
	const struct svg_run *run = &v->runs[i], *last = run - 1;

	return !i || last->addr + last->len != run->addr ||
	       last->pfn + (last->len >> 12) != run->pfn;
}

/* Contiguous memory has one shade of grey, its neighbour another. */
static void draw_blocks(const struct strip *s)
{
	const struct svg_view *v = s->view;
	double scale = s->width / s->len, from;
	unsigned int i, first = 0, blocks = 0;

	for (i = 1; i <= v->nr; i++) {
		if (i < v->nr && !begins_block(v, i))
			continue;
		from = s->x + (v->runs[first].addr - s->from) * scale;
		fprintf(s->out,
			"<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%d\" fill=\"%s\"/>\n",
			from, s->y - BAND_HEIGHT - 1,
			(v->runs[i - 1].addr + v->runs[i - 1].len -
			 v->runs[first].addr) * scale, BAND_HEIGHT,
			blocks++ % 2 ? "#999999" : "#444444");
		first = i;
	}
}

static void draw_strip(const struct strip *s)
{
	double share[LEVELS], run[LEVELS] = { 0 };
	unsigned int next = 0, column, start = 0, i;

	fprintf(s->out,
		"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"#e8e8e8\"/>\n",
		s->x, s->y, s->width, STRIP_HEIGHT);
	for (column = 0; column < s->width; column++) {
		double lo = column_start(s, column);
		double hi = column_start(s, column + 1);

		measure(s, lo, hi, &next, share);
		for (i = 0; i < LEVELS; i++)
			share[i] /= hi - lo;
		if (!memcmp(share, run, sizeof(run)))
			continue;
		draw_columns(s, start, column, run);
		memcpy(run, share, sizeof(run));
		start = column;
	}
	draw_columns(s, start, s->width, run);
	draw_borders(s);
}

static void format_size(char *text, size_t room, uint64_t bytes)
{
	if (bytes >= 1ull << 30 && bytes % (1 << 28) == 0)
		snprintf(text, room, "%g GiB", (double)bytes / (1 << 30));
	else if (bytes >= 1 << 20 || !bytes)
		snprintf(text, room, "%g MiB", (double)bytes / (1 << 20));
	else
		snprintf(text, room, "%g KiB", (double)bytes / 1024);
}

/* A label must not stick out of its strip: the next one may begin there. */
static const char *anchor(const struct strip *s, double x)
{
	if (x < s->x + 20)
		return "start";
	return x > s->x + s->width - 20 ? "end" : "middle";
}

/* Marks at a round step below a strip, counted from the start of the buffer. */
static void draw_scale(const struct strip *s, uint64_t origin)
{
	uint64_t step = 1 << 20, at;
	char text[32];

	while (s->len / step > s->width / LABEL)
		step *= 2;
	for (at = 0; at <= s->from + s->len - origin; at += step) {
		double x;

		if (origin + at < s->from)
			continue;
		x = s->x + (origin + at - s->from) * s->width / s->len;
		format_size(text, sizeof(text), at);
		fprintf(s->out,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"1\" height=\"6\" fill=\"#444444\"/>\n"
			"<text x=\"%.1f\" y=\"%.1f\" class=\"scale\" text-anchor=\"%s\">%s</text>\n",
			x, s->y + STRIP_HEIGHT, x, s->y + STRIP_HEIGHT + 20,
			anchor(s, x), text);
	}
}

static void draw_legend(FILE *out, double y)
{
	int i;

	for (i = 0; i < LEVELS; i++)
		fprintf(out,
			"<rect x=\"%d\" y=\"%.1f\" width=\"14\" height=\"14\" fill=\"%s\"/>\n"
			"<text x=\"%d\" y=\"%.1f\" class=\"text\">%s</text>\n",
			LEFT + 170 * i, y - 12, levels[i].colour,
			LEFT + 170 * i + 21, y, levels[i].text);
	fprintf(out,
		"<text x=\"%d\" y=\"%.1f\" class=\"faint\">A column's height is shared by the levels that map its addresses.</text>\n",
		LEFT + 170 * LEVELS, y);
}

/* What others chose to call themselves is not for the reader of a picture to run. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			putc(*text, out);
	}
}

static void draw_view(FILE *out, const struct svg_view *view, double y,
		      bool blocks)
{
	const struct strip strip = {
		.out = out, .view = view, .from = view->va, .len = view->size,
		.x = LEFT, .y = y + 12 + (blocks ? BAND_HEIGHT + 2 : 0),
		.width = STRIP,
	};

	fprintf(out, "<text x=\"%d\" y=\"%.1f\" class=\"name\">", LEFT, y);
	put_text(out, view->name);
	fprintf(out,
		"</text>\n<text x=\"%d\" y=\"%.1f\" class=\"numbers\">%s</text>\n",
		LEFT + STRIP, y, view->text);
	draw_strip(&strip);
	if (blocks)
		draw_blocks(&strip);
	draw_scale(&strip, view->va);
}

/* The ends of the first view, where heads and tails are. */
static void draw_ends(FILE *out, const struct svg_view *view, double y)
{
	struct strip strip = {
		.out = out, .view = view, .from = view->va, .len = ZOOM_BYTES,
		.x = LEFT, .y = y + 12, .width = (STRIP - ZOOM_GAP) / 2,
	};

	if (view->size < 2 * ZOOM_BYTES)
		return;
	fprintf(out,
		"<text x=\"%d\" y=\"%.1f\" class=\"name\">%s, first 8 MiB</text>\n",
		LEFT, y, view->name);
	draw_strip(&strip);
	draw_scale(&strip, view->va);

	strip.from = view->va + view->size - ZOOM_BYTES;
	strip.x += strip.width + ZOOM_GAP;
	fprintf(out,
		"<text x=\"%.1f\" y=\"%.1f\" class=\"name\">last 8 MiB</text>\n",
		strip.x, y);
	draw_strip(&strip);
	draw_scale(&strip, view->va);
}

static void draw_curve(FILE *out, const struct svg_curve *curve, double y)
{
	uint64_t most = curve->values[curve->nr - 1];
	unsigned int i;

	fprintf(out,
		"<text x=\"%d\" y=\"%.1f\" class=\"name\">%s: %llu</text>\n"
		"<text x=\"%d\" y=\"%.1f\" class=\"numbers\">%s</text>\n"
		"<polyline fill=\"none\" stroke=\"#b23a48\" stroke-width=\"2\" points=\"",
		LEFT, y, curve->name, (unsigned long long)most, LEFT + STRIP, y,
		curve->span);
	for (i = 0; i < curve->nr; i++)
		fprintf(out, "%.1f,%.1f ",
			LEFT + (double)STRIP * i / (curve->nr > 1 ? curve->nr - 1 : 1),
			y + 12 + STRIP_HEIGHT -
			(most ? (double)STRIP_HEIGHT * curve->values[i] / most : 0));
	fprintf(out, "\"/>\n");
}

static FILE *begin(const char *path, int height, const char *title,
		   const char *subtitle)
{
	FILE *out = fopen(path, "w");

	if (!out)
		err(1, "%s", path);
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n"
		"<style>\n"
		"text { font-family: 'DejaVu Sans', Helvetica, Arial, sans-serif; fill: #222222; }\n"
		".title { font-size: 24px; font-weight: bold; }\n"
		".name { font-size: 15px; font-weight: bold; }\n"
		".numbers { font-size: 14px; text-anchor: end; }\n"
		".text { font-size: 14px; }\n"
		".faint { font-size: 13px; fill: #666666; }\n"
		".scale { font-size: 12px; fill: #444444; }\n"
		"</style>\n"
		"<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n"
		"<text x=\"%d\" y=\"44\" class=\"title\">%s</text>\n"
		"<text x=\"%d\" y=\"70\" class=\"text\">%s</text>\n",
		WIDTH, height, WIDTH, height, WIDTH, height, LEFT, title, LEFT,
		subtitle);
	draw_legend(out, 102);
	return out;
}

static void end(FILE *out, const char *path)
{
	fprintf(out, "</svg>\n");
	if (fclose(out))
		err(1, "%s", path);
}

/**
 * svg_write_pair - write a picture of two mappings of one buffer
 * @path: file
 * @title: what is mapped
 * @subtitle: how
 * @views: the two; the ends of the first are drawn larger as well
 */
void svg_write_pair(const char *path, const char *title, const char *subtitle,
		    const struct svg_view views[2])
{
	FILE *out = begin(path, PAIR_HEIGHT, title, subtitle);

	draw_view(out, &views[0], 146, false);
	draw_view(out, &views[1], 286, false);
	draw_ends(out, &views[0], 426);
	end(out, path);
}

/**
 * svg_write_views - write a picture of some mappings
 * @path: file
 * @title: whose they are
 * @subtitle: when
 * @views: the mappings; a band over each tells where memory is contiguous
 * @nr: how many
 * @curve: something about all of them, drawn below; or NULL
 */
void svg_write_views(const char *path, const char *title, const char *subtitle,
		     const struct svg_view *views, unsigned int nr,
		     const struct svg_curve *curve)
{
	FILE *out = begin(path, 126 + nr * VIEW_HEIGHT +
			  (curve ? CURVE_HEIGHT : 0), title, subtitle);
	unsigned int i;

	for (i = 0; i < nr; i++)
		draw_view(out, &views[i], 146 + i * VIEW_HEIGHT, true);
	if (curve)
		draw_curve(out, curve, 146 + nr * VIEW_HEIGHT);
	end(out, path);
}
