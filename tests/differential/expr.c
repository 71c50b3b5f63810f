/*
 * Byte strings as short printable expressions (see expr.h).
 * Pure functions; knows nothing of operations.
 */
#include "expr.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Expands expr[0..len) without repetitions, appending at *used. */
static int expand_plain(const char *expr, size_t len, char *out, size_t *used, size_t max)
{
	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)expr[i];

		if (c == '%') {
			if (i + 2 >= len)
				return -1;
			int hi = hex_digit(expr[i + 1]), lo = hex_digit(expr[i + 2]);

			if (hi < 0 || lo < 0)
				return -1;
			c = hi * 16 + lo;
			i += 2;
		}
		if (*used + 1 >= max)
			return -1;
		out[(*used)++] = (char)c;
	}
	return 0;
}

/* expr points behind "%{".  Returns the length eaten, or -1. */
static long expand_repeat(const char *expr, char *out, size_t *used, size_t max)
{
	char *star;
	unsigned long n = strtoul(expr, &star, 10);
	const char *end = strchr(expr, '}');

	if (*star != '*' || !end || end < star || n > max)
		return -1;
	for (unsigned long i = 0; i < n; i++)
		if (expand_plain(star + 1, (size_t)(end - star - 1), out, used, max) < 0)
			return -1;
	return end - expr + 1;
}

long expr_expand(const char *expr, char *out, size_t max)
{
	size_t used = 0;

	while (*expr) {
		if (expr[0] == '%' && expr[1] == '{') {
			long eaten = expand_repeat(expr + 2, out, &used, max);

			if (eaten < 0)
				return -1;
			expr += 2 + eaten;
		} else {
			size_t len = expr[0] == '%' ? strnlen(expr, 3) : 1;

			if (expand_plain(expr, len, out, &used, max) < 0)
				return -1;
			expr += len;
		}
	}
	out[used] = '\0';
	return (long)used;
}

/* One byte; the length, or 0 if it does not fit. */
static size_t escape_byte(unsigned char c, char *out, size_t max)
{
	if (max < 5)
		return 0;
	if (c < 0x20 || c >= 0x7f || c == '%' || c == '"' || c == '}')
		return (size_t)snprintf(out, max, "%%%02X", c);
	out[0] = (char)c;
	return 1;
}

/* How often the unit at the start of bytes follows itself. */
static size_t repeats(const char *bytes, size_t len, size_t unit)
{
	size_t n = 1;

	while ((n + 1) * unit <= len && memcmp(bytes, bytes + n * unit, unit) == 0)
		n++;
	return n;
}

/* A repetition that is worth writing as one: its unit (1 or 2 bytes), else 0. */
static size_t worth_repeating(const char *bytes, size_t len, size_t *n)
{
	for (size_t unit = 1; unit <= 2 && unit <= len; unit++) {
		*n = repeats(bytes, len, unit);
		if (*n >= 10)
			return unit;
	}
	return 0;
}

int expr_escape(const char *bytes, size_t len, char *out, size_t max)
{
	size_t used = 0, at = 0;

	while (at < len) {
		size_t n = 1, unit = worth_repeating(bytes + at, len - at, &n);
		size_t todo = unit ? unit : 1;

		if (used + 16 >= max)
			return -1;
		if (unit)
			used += (size_t)snprintf(out + used, max - used, "%%{%zu*", n);
		for (size_t i = 0; i < todo; i++)
			used += escape_byte((unsigned char)bytes[at + i], out + used, max - used);
		if (used + 2 >= max)
			return -1;
		if (unit)
			out[used++] = '}';
		at += todo * (unit ? n : 1);
	}
	out[used] = '\0';
	return 0;
}
