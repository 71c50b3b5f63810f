/*
 * Packs directory entries into a READDIR or READDIRPLUS reply that never exceeds its room.
 */
#ifndef PROTO_DIRENT_H
#define PROTO_DIRENT_H

#include <stdint.h>

#include "conn.h"
#include "reply.h"

struct proto_dirents {
	char *data;
	size_t cap;
	size_t len; /* bytes packed so far */
};

/* Each returns 1 when the entry was taken, 0 when it does not fit, -EINVAL for a name that the
 * kernel would refuse.  `entry` NULL: no attributes for this one (nodeid 0). */
int proto_dirent_add(struct proto_dirents *d, const char *name, size_t namelen, uint64_t ino,
		     uint32_t mode, uint64_t next);
int proto_dirent_add_plus(const struct proto_conn *conn, struct proto_dirents *d, const char *name,
			  size_t namelen, uint64_t ino, uint32_t mode, uint64_t next,
			  const struct proto_entry *entry);

/* Walks a packed READDIRPLUS reply: *nodeid (0: none) of the record at *at, which moves on.  0 at
 * the end. */
int proto_dirent_next_plus(const void *data, size_t len, size_t *at, uint64_t *nodeid);

#endif
