/*
 * What a mount may use at most, and what it uses: data pages and inode space, as tmpfs counts them.
 * Knows nothing of what is stored.
 */
#ifndef MEMFS_LIMITS_H
#define MEMFS_LIMITS_H

#include <llfused/backend.h>
#include <stdatomic.h>

#define LIMITS_INODE_SPACE 1024 /* bytes of inode space that an inode or a further link takes */

struct limits {
	uint64_t max_pages;  /* 0: no limit */
	uint64_t max_inodes; /* 0: no limit */
	_Atomic uint64_t pages;
	_Atomic uint64_t space; /* bytes of inode space in use */
};

/* Half of the memory for data, and an inode for each two pages of memory, like tmpfs. */
void limits_defaults(struct limits *limits);
/* Any thread.  How many of `want` pages are granted; limits_give_pages() takes them back. */
uint64_t limits_take_pages(struct limits *limits, uint64_t want);
void limits_give_pages(struct limits *limits, uint64_t count);
/* Any thread.  0 or -ENOSPC. */
int limits_take_inode(struct limits *limits);
void limits_give_inode(struct limits *limits);
int limits_take_xattr(struct limits *limits, size_t space);
void limits_give_xattr(struct limits *limits, size_t space);

void limits_statfs(struct limits *limits, struct llfused_statfs *out);

#endif
