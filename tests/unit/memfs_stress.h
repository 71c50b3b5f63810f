/*
 * Threads that make, move, replace and remove the same few names of one memfs, in directories that
 * move, too.  Without criterion, so that it runs under the thread sanitizer as well.
 */
#ifndef TESTS_MEMFS_STRESS_H
#define TESTS_MEMFS_STRESS_H

/* A second or two for each unit of `scale`.  NULL, or what went wrong. */
const char *memfs_stress(unsigned scale);

#endif
