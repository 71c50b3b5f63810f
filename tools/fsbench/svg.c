/*
 * Writes the picture: real text, no script, and colours that are seen on white and on black.
 */
#include "svg.h"

#define WIDTH     860
#define LABELS    120 /* left of the bars */
#define ONE       430 /* pixels of 1.0 */
#define LONGEST   1.5
#define BAR       11 /* with the gap below it */
#define GROUP_GAP 10
#define LEGEND    20
#define LINE      16

static const char *const colours[] = {"#2f81f7", "#d29922", "#3fa34d", "#a371f7",
				      "#db6d28", "#1f9e9e", "#e5534b", "#8c6d46"};
static const char grey[] = "#6e7681";

void svg_text(FILE *file, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '<':
			fputs("&lt;", file);
			break;
		case '>':
			fputs("&gt;", file);
			break;
		case '&':
			fputs("&amp;", file);
			break;
		case '"':
			fputs("&quot;", file);
			break;
		default:
			/* XML knows no other control characters. */
			if ((unsigned char)*text >= ' ' || *text == '\t')
				fputc(*text, file);
		}
}

static const char *colour(unsigned series)
{
	return colours[series % (sizeof(colours) / sizeof(colours[0]))];
}

static void text_put(FILE *file, double x, double y, const char *style, const char *text)
{
	fprintf(file, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, style);
	svg_text(file, text);
	fputs("</text>\n", file);
}

/* One row for each three series; returns where it ends. */
static double legend_put(FILE *file, const struct chart *chart, double y)
{
	for (unsigned i = 0; i < chart->series_count; i++) {
		double x = LABELS + i % 3 * 230, at = y + i / 3 * LINE;

		fprintf(file,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\" fill=\"%s\"/>\n", x,
			at, colour(i));
		text_put(file, x + 16, at + 9, "", chart->series[i]);
	}
	return y + (chart->series_count + 2) / 3 * LINE;
}

static void bar_put(FILE *file, double value, unsigned series, double y)
{
	char number[32];
	double length = (value < LONGEST ? value : LONGEST) * ONE;

	fprintf(file, "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
		LABELS, y, length < 1 ? 1 : length, BAR - 2, colour(series));
	snprintf(number, sizeof(number), value < 0.095 ? "%.3f%s" : "%.2f%s", value,
		 value > LONGEST ? " \xe2\x96\xb8" : "");
	text_put(file, LABELS + length + 4, y + BAR - 3, "font-size=\"9\"", number);
}

/* The bars of one group, with its name beside them; returns where it ends. */
static double group_put(FILE *file, const struct chart *chart, unsigned group, double y)
{
	const double *values = chart->values + (size_t)group * chart->series_count;
	double begin = y;

	for (unsigned i = 0; i < chart->series_count; i++)
		if (values[i] >= 0) {
			bar_put(file, values[i], i, y);
			y += BAR;
		}
	if (y == begin)
		return y;
	text_put(file, LABELS - 8, (begin + y) / 2 + 4, "text-anchor=\"end\"",
		 chart->groups[group]);
	return y + GROUP_GAP;
}

/* How much the bars of all groups need; a group without bars needs nothing. */
static unsigned groups_height(const struct chart *chart)
{
	unsigned height = 0;

	for (unsigned group = 0; group < chart->group_count; group++) {
		const double *values = chart->values + (size_t)group * chart->series_count;
		unsigned bars = 0;

		for (unsigned i = 0; i < chart->series_count; i++)
			bars += values[i] >= 0;
		height += bars > 0 ? bars * BAR + GROUP_GAP : 0;
	}
	return height;
}

void svg_chart(FILE *file, const struct chart *chart)
{
	unsigned rows = (chart->series_count + 2) / 3;
	unsigned height = 3 * LINE + LEGEND + rows * LINE + groups_height(chart);

	fprintf(file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" "
		"height=\"%u\" font-family=\"sans-serif\" font-size=\"12\" fill=\"%s\">\n",
		WIDTH, height, WIDTH, height, grey);
	text_put(file, LABELS, LINE, "font-size=\"15\" font-weight=\"bold\"", chart->title);
	double top = legend_put(file, chart, LINE + 12) + LEGEND, y = top;
	text_put(file, LABELS + ONE, top - 6, "text-anchor=\"middle\" font-size=\"10\"",
		 chart->unit_of_one);
	for (unsigned i = 0; i < chart->group_count; i++)
		y = group_put(file, chart, i, y);
	fprintf(file,
		"<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
		"stroke-dasharray=\"3 3\"/>\n",
		LABELS + ONE, LABELS + ONE, top, y - GROUP_GAP, grey);
	fputs("</svg>\n", file);
}
