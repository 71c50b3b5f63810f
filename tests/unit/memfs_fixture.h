/*
 * A memfs for the tests to play on: short names for its ops, called directly through its table.
 * Each call is made as the user in fx->ctx.  Nothing of a mount or of the daemon is used.
 */
#ifndef TESTS_MEMFS_FIXTURE_H
#define TESTS_MEMFS_FIXTURE_H

#include "memfs/fs.h"
#include "memfs/memfs.h"

#include <stdint.h>
#include <sys/types.h>

#define ROOT LLFUSED_ROOT_ID

struct fx {
	struct memfs *fs;
	const struct llfused_ops *ops;
	struct llfused_ctx ctx; /* uid 0, gid 0, umask 0 */
};

/* Options as "size=1m,nr_inodes=10", or NULL.  The test fails when they are refused. */
void fx_start(struct fx *fx, const char *options);
/* Destroys; the file system may hold anything. */
void fx_stop(struct fx *fx);
/* Fails unless nothing but the root is left and nothing has leaked. */
void fx_expect_empty(struct fx *fx);

/*
 * The calls that name an inode keep no lookup count, but for those with "held" in their names. They
 * return a nodeid, or a negative errno as int64_t.
 */
int64_t fx_lookup(struct fx *fx, uint64_t parent, const char *name); /* -ENOENT when absent */
int64_t fx_lookup_held(struct fx *fx, uint64_t parent, const char *name);
int64_t fx_file(struct fx *fx, uint64_t parent, const char *name);
int64_t fx_file_held(struct fx *fx, uint64_t parent, const char *name);
int64_t fx_mknod(struct fx *fx, uint64_t parent, const char *name, uint32_t mode, uint64_t rdev);
int64_t fx_mkdir(struct fx *fx, uint64_t parent, const char *name, uint32_t mode);
int64_t fx_symlink(struct fx *fx, uint64_t parent, const char *name, const char *target);
int64_t fx_link(struct fx *fx, uint64_t nodeid, uint64_t parent, const char *name);
int64_t fx_tmpfile_held(struct fx *fx, uint64_t parent, uint32_t flags);

void fx_forget(struct fx *fx, uint64_t nodeid, uint64_t nlookup);
int fx_unlink(struct fx *fx, uint64_t parent, const char *name);
int fx_rmdir(struct fx *fx, uint64_t parent, const char *name);
int fx_rename(struct fx *fx, uint64_t parent, const char *name, uint64_t newparent,
	      const char *newname, uint32_t flags);

ssize_t fx_write(struct fx *fx, uint64_t nodeid, uint64_t offset, const void *bytes, size_t size);
ssize_t fx_read(struct fx *fx, uint64_t nodeid, uint64_t offset, void *bytes, size_t size);
int fx_fallocate(struct fx *fx, uint64_t nodeid, uint64_t offset, uint64_t size, uint32_t mode);
int64_t fx_seek(struct fx *fx, uint64_t nodeid, uint64_t offset, int whence);
/* As ftruncate(2): with a handle. */
int fx_truncate(struct fx *fx, uint64_t nodeid, uint64_t size);
int fx_chmod(struct fx *fx, uint64_t nodeid, uint32_t mode);
int fx_setattr(struct fx *fx, uint64_t nodeid, const struct llfused_setattr *set);
/* The test fails when there is no such inode. */
struct llfused_attr fx_stat(struct fx *fx, uint64_t nodeid);
/* Without what the lanes have in stock; no other thread allocates now. */
uint64_t fx_pages_used(const struct pages *pages);
struct llfused_statfs fx_statfs(struct fx *fx);

int fx_setxattr(struct fx *fx, uint64_t nodeid, const char *name, const void *value, size_t size,
		uint32_t flags);
ssize_t fx_getxattr(struct fx *fx, uint64_t nodeid, const char *name, void *value, size_t size);
int fx_removexattr(struct fx *fx, uint64_t nodeid, const char *name);

/* What readdir gave. */
struct fx_dirent {
	char name[256];
	uint64_t ino;
	uint64_t next;
	uint32_t mode;
	uint64_t nodeid; /* with plus */
};

/* At most `most` entries from `offset` on, the dots included; how many. */
size_t fx_readdir(struct fx *fx, uint64_t nodeid, uint64_t offset, int plus,
		  struct fx_dirent *entries, size_t most);

#endif
