/*
 * Options of the mount: size, nr_inodes, data, mode, uid, gid.
 * Knows only how they are written and where their values go.
 */
#ifndef MEMFS_OPTIONS_H
#define MEMFS_OPTIONS_H

#include "fs.h"

extern const struct llfused_option options_list[];

/* Set-up; `fs` is not open yet. */
void options_defaults(struct memfs *fs);
/* 0, or -EINVAL and one line in `error` that names the option and its value. */
int options_set(struct memfs *fs, const char *key, const char *value, struct llfused_error *error);

#endif
