/*
 * What the parts of file.c share: the table of handles, and the state of an inode that is open.
 */
#ifndef PASSTHROUGH_FILE_IMPL_H
#define PASSTHROUGH_FILE_IMPL_H

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "file.h"
#include "slab.h"

#define PT_FILE_LOCKS 256u /* a power of two */

struct pt_files {
	pthread_mutex_t lock;                /* of taking and giving handles */
	struct pt_slab handles;              /* struct pt_file; fh is the index + 1 */
	_Atomic uint64_t highest;            /* fh ever given out */
	pthread_mutex_t node[PT_FILE_LOCKS]; /* the nodes' file locks, by their index */
};

/* How the inode's opens are, from the first of them to the last release. */
struct pt_file_state {
	enum pt_file_mode mode;
	uint32_t backing_id; /* with PT_FILE_BACKING */
	uint32_t opens;
	uint32_t mappers; /* of them, those that may map the file to write to it */
};

/* `flags` of open(2). */
static inline bool pt_file_writes(uint32_t flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* Without the right to read nothing is mapped. */
static inline bool pt_file_maps(uint32_t flags)
{
	return (flags & O_ACCMODE) == O_RDWR;
}

/*
 * One more open of the inode, by a handle with fd, flags and node set: the first one chooses the
 * mode, the others get the same.  Fills in file->mode and what the kernel is to be told of it.
 * `mode`: st_mode of a file just made, of which the kernel has not heard before; else 0.  0 or
 * -ENOMEM.
 */
int pt_file_join(struct pt *fs, struct pt_file *file, uint32_t mode, struct llfused_open *out);
/* Its end; `nameless`: the inode has no name any more.  Before the node is let go. */
void pt_file_leave(struct pt *fs, const struct pt_file *file, bool nameless);

#endif
