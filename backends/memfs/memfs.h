/*
 * The in-memory backend's one public symbol, for the table of built-in backends.
 * Nothing of the file system's insides is visible here.
 */
#ifndef MEMFS_MEMFS_H
#define MEMFS_MEMFS_H

#include <llfused/backend.h>

extern const struct llfused_backend memfs_backend;

#endif
