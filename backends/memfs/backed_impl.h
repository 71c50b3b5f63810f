/*
 * What the parts of the second store share.  Only backed*.c include this.
 */
#ifndef MEMFS_BACKED_IMPL_H
#define MEMFS_BACKED_IMPL_H

#include "backed.h"

#define BACKED_DIRS 256u /* so that two who make files seldom meet in one directory */

/* In inode_backed.state.  A dying file is not open and has no name: its blocks are counted. */
#define BACKED_DYING  (1u << 0)
#define BACKED_QUEUED (1u << 1) /* in line to give its id up */
#define BACKED_USED   (1u << 2) /* opened since it got in line */

struct backed {
	int root;    /* of the private tmpfs */
	int pages;   /* a file there, for backed_take_page() */
	int context; /* to change its size */
	struct backed_idle *idle;
	pthread_mutex_t lock;
	uint64_t limit; /* pages; 0: none */
	uint64_t lent;  /* pages that the tmpfs has above the limit */
	uint64_t dying; /* blocks of 512 bytes of files that the kernel is about to forget */
};

/* Set-up, once the root is there.  0 or a negative errno. */
int backed_space_start(struct backed *backed, uint64_t limit);
void backed_space_stop(struct backed *backed);
/* So many more blocks are of dying files, or (negative) fewer.  Takes the lock of `backed`. */
void backed_space_dying(struct backed *backed, int64_t blocks);

/* Where a file lies in the private tmpfs, relative to its root. */
struct backed_name {
	char text[24];
};
struct backed_name backed_name(const struct inode *inode);

/* Gives the id up that the kernel has for the inode, if there is one. */
void backed_drop_id(struct inode *inode);

/* Set-up of the queue of ids whose files are closed.  0 or -ENOMEM. */
int backed_idle_start(struct backed *backed);
void backed_idle_stop(struct backed *backed);
/* With the lock of an inode that was closed and keeps its id: 1 when it is to get in line, which is
 * done when no lock is held. */
int backed_idle_note(struct inode *inode);
void backed_idle_enqueue(struct memfs *fs, uint32_t index, uint64_t file);

#endif
