/*
 * Between the public header's structs and those of proto/: the two don't know each other.
 */
#ifndef DAEMON_CONVERT_H
#define DAEMON_CONVERT_H

#include <stdbool.h>

#include <llfused/backend.h>

#include "proto/reply.h"

/* Can there be such an inode?  One without a file type, or of a negative size, makes the kernel
 * take it for a bad one for good. */
bool convert_attr_possible(const struct llfused_attr *attr);

/* The same for a known inode: the root is a directory for good. */
bool convert_inode_possible(uint64_t nodeid, const struct llfused_attr *attr);

void convert_attr(const struct llfused_attr *from, struct proto_attr *to);
void convert_entry(const struct llfused_entry *from, struct proto_entry *to);
void convert_setattr(const struct fuse_setattr_in *from, struct llfused_setattr *to);

/* Would the kernel take it as the answer to this opcode?  A file that it is to read and write by
 * itself needs the feature in force, a backing id, and none of the flags that have to do with the
 * page cache; a directory cannot be one. */
bool convert_open_possible(const struct proto_conn *conn, uint32_t opcode,
			   const struct llfused_open *open);

struct proto_open convert_open(const struct llfused_open *from);
struct proto_statfs convert_statfs(const struct llfused_statfs *from);
struct llfused_lock convert_lock_in(const struct fuse_lk_in *from, int wait);
struct proto_lock convert_lock_out(const struct llfused_lock *from);

#endif
