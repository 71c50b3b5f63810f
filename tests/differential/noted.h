/*
 * Sets of files, by their inode numbers on side A, that something is remembered of.
 * Knows nothing of what it is.
 */
#ifndef DIFF_NOTED_H
#define DIFF_NOTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

enum { NOTED_MAX = 1024 };

struct noted {
	uint64_t ino[NOTED_MAX];
	size_t n;
};

bool noted_has(const struct noted *n, const struct statx *a);
/* What is over NOTED_MAX is not remembered. */
void noted_add(struct noted *n, const struct statx *a);

#endif
