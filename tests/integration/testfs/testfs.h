/*
 * The flat directory of fixed files that some test backends share.  Each of these is a plugin: it
 * knows the public header and nothing of the daemon.
 */
#ifndef TESTFS_H
#define TESTFS_H

#include <llfused/backend.h>

/* Names of the files in the root; nodeid 2 is the first one.  Ends with NULL. */
struct flat {
	const char *const *names;
	uint64_t size; /* of each file */
};

/* Attributes are never cached: each stat is a request. */
int flat_lookup(const struct flat *flat, uint64_t parent, const char *name,
		struct llfused_entry *out);
int flat_getattr(const struct flat *flat, uint64_t nodeid, struct llfused_attr_out *out);
int flat_readdir(const struct flat *flat, uint64_t nodeid, uint64_t offset,
		 struct llfused_dirents *dirents);
/* The name of a file's nodeid; NULL when there is none. */
const char *flat_name(const struct flat *flat, uint64_t nodeid);

#endif
