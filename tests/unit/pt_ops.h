/*
 * The whole passthrough backend over a directory of a fresh tmpfs, its ops called as the daemon
 * calls them, but without a kernel.
 */
#ifndef TESTS_UNIT_PT_OPS_H
#define TESTS_UNIT_PT_OPS_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <sys/stat.h>

#include "passthrough/passthrough.h"

extern struct pt *pt_ops_fs;
extern const struct llfused_ops *pt_ops; /* of the instance */
/* A thread that may sleep, and one that may not. */
extern struct llfused_ctx pt_ops_pool, pt_ops_worker;

/* Makes the mount (in a namespace of the test's own), enters it as the working directory, and
 * starts the backend with "source" and the options given, as "key=value,key". */
void pt_ops_begin(const char *options);
/* The same for a source that stands already. */
void pt_ops_serve(const char *source, const char *options);
void pt_ops_end(void);
/* Into the mount again: an op that changes the thread's rights leaves it in "/". */
void pt_ops_come_back(void);

/* Looks a name up and gives its nodeid; paths are relative to the source. */
uint64_t pt_ops_find(const char *path);
struct llfused_attr pt_ops_attr(uint64_t nodeid);

/* On the source. */
void pt_ops_write(const char *path, const char *text);
struct stat pt_ops_stat(const char *path); /* lstat */

unsigned pt_ops_open_fds(void);

#endif
