/*
 * Byte strings as short printable expressions: %HH is a byte, %{N*text} is text N times, all else
 * stands for itself. Pure functions; knows nothing of operations.
 */
#ifndef DIFF_EXPR_H
#define DIFF_EXPR_H

#include <stddef.h>

/* Expands into out (a NUL is added, not counted).  Returns the length, or -1 if malformed or over
 * max - 1 bytes. */
long expr_expand(const char *expr, char *out, size_t max);
/* The reverse; only repetitions of one or two bytes are found.  Returns 0, or -1 if it does not
 * fit. */
int expr_escape(const char *bytes, size_t len, char *out, size_t max);

#endif
