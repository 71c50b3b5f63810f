/*
 * The bytes that writes write: a pattern from a number, so that an operation prints short.
 * Knows nothing of files.
 */
#ifndef DIFF_FILL_H
#define DIFF_FILL_H

#include <stddef.h>
#include <stdint.h>

/* seed 0 gives zeros. */
void fill_bytes(unsigned char *out, size_t len, int64_t seed);

#endif
