/*
 * The entries of a directory: found by name, and in a fixed order by cookie.
 * Knows nothing of permissions, times and link counts.  All under the directory's lock.
 */
#ifndef MEMFS_DIR_H
#define MEMFS_DIR_H

#include "fs.h"

/* Cookies 1 and 2 stand behind "." and "..". */
#define DIR_FIRST_COOKIE 3

#define DIR_ENTRY_SIZE 20 /* what an entry adds to st_size, as tmpfs counts */
#define DIR_EMPTY_SIZE 40

struct dirent_node {
	uint64_t cookie; /* never used twice in a directory */
	uint32_t next;   /* in the bucket */
	uint32_t hash;
	uint32_t inode; /* index */
	uint8_t type;   /* S_IFMT bits of the inode, shifted down by 12 */
	uint8_t size;   /* of name */
	char name[];    /* without a NUL */
};

struct name {
	const char *bytes;
	size_t size;
	uint32_t hash;
};

struct name dir_name(const struct memfs *fs, const char *bytes);

void dir_init(struct inode *dir, uint32_t parent);
/* Frees what the directory holds; it must have no entry. */
void dir_free(struct memfs *fs, struct inode *dir);

/* The entry's reference, or 0. */
uint32_t dir_find(const struct memfs *fs, const struct inode *dir, const struct name *name);

/* What an entry stands for. */
struct pointee {
	uint32_t inode; /* index */
	uint8_t type;   /* S_IFMT bits, shifted down by 12 */
};

/* Any thread that holds the inode's lock. */
struct pointee dir_pointee(const struct memfs *fs, const struct inode *inode);
struct pointee dir_pointee_of(const struct memfs *fs, uint32_t ref);

/*
 * Changes; the directory is locked exclusively.  The caller counts entries, after each change: the
 * count must be right before it.  dir_add appends: 0 or -ENOSPC.  dir_rename gives an entry another
 * name at its place in the order: 0 or -ENOSPC, and nothing changed.
 */
int dir_add(struct memfs *fs, struct inode *dir, const struct name *name,
	    const struct pointee *what);
void dir_remove(struct memfs *fs, struct inode *dir, uint32_t ref);
int dir_rename(struct memfs *fs, struct inode *dir, uint32_t ref, const struct name *name);
void dir_point(struct memfs *fs, struct inode *dir, uint32_t ref, const struct pointee *what);

/* The first entry whose cookie is greater than `cookie`; NULL at the end. */
const struct dirent_node *dir_after(const struct memfs *fs, const struct inode *dir,
				    uint64_t cookie);

/*
 * What readdir gives out for a cookie.  A kernel that caches listings joins a listing which was
 * broken off with a later one if their offsets meet, even if entries of the first part are gone or
 * renamed since.  So an offset also holds how many such changes there were; for reading on only the
 * cookie counts.
 */
#define DIR_COOKIE_BITS 43

static inline uint64_t dir_offset(const struct inode *dir, uint64_t cookie)
{
	uint64_t most = INT64_MAX >> DIR_COOKIE_BITS;

	return (dir->dir.changes & most) << DIR_COOKIE_BITS | cookie;
}

static inline uint64_t dir_cookie(uint64_t offset)
{
	return offset & ((UINT64_C(1) << DIR_COOKIE_BITS) - 1);
}

static inline struct dirent_node *dir_node(const struct memfs *fs, uint32_t ref)
{
	return slab_at(&fs->slab, ref);
}

static inline struct inode *dir_target(const struct memfs *fs, uint32_t ref)
{
	return inode_at(&fs->inodes, dir_node(fs, ref)->inode);
}

#endif
