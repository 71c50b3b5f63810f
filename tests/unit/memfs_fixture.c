/*
 * A memfs for the tests to play on: its ops called directly, errors checked where a test cannot.
 */
#include "memfs_fixture.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void configure(struct fx *fx, const char *options)
{
	char copy[256];
	char *rest = copy;
	char *item;

	snprintf(copy, sizeof(copy), "%s", options);
	while ((item = strsep(&rest, ","))) {
		struct llfused_error error = {""};
		char *value = strchr(item, '=');

		if (value)
			*value++ = '\0';
		cr_assert_eq(memfs_backend.configure(fx->fs, item, value, &error), 0, "%s",
			     error.text);
	}
}

void fx_start(struct fx *fx, const char *options)
{
	struct llfused_error error = {""};
	void *fs;

	cr_assert_eq(memfs_backend.load(&fs, &error), 0, "%s", error.text);
	*fx = (struct fx){.fs = fs, .ops = memfs_backend.ops, .ctx = {.fs = fs}};
	if (options)
		configure(fx, options);
	cr_assert_eq(memfs_backend.ready(fs, &error), 0, "%s", error.text);
}

void fx_stop(struct fx *fx)
{
	memfs_backend.destroy(fx->fs);
}

uint64_t fx_pages_used(const struct pages *pages)
{
	uint64_t used = pages->used;

	for (unsigned i = 0; i < LANES; i++)
		used -= pages->lanes[i].stock.count;
	return used;
}

static uint64_t inodes_used(const struct itable *table)
{
	uint64_t used = table->used;

	for (unsigned i = 0; i < LANES; i++)
		used -= table->lanes[i].end - table->lanes[i].next;
	return used;
}

void fx_expect_empty(struct fx *fx)
{
	struct memfs *fs = fx->fs;

	cr_expect_eq(fs->limits.pages, 0, "pages counted: %ju", (uintmax_t)fs->limits.pages);
	cr_expect_eq(fs->limits.space, 1024, "inode space counted: %ju",
		     (uintmax_t)fs->limits.space);
	cr_expect_eq(fx_pages_used(&fs->data), 0, "data pages used: %ju",
		     (uintmax_t)fx_pages_used(&fs->data));
	cr_expect_eq(inodes_used(&fs->inodes), 1, "inodes used: %ju",
		     (uintmax_t)inodes_used(&fs->inodes));
	cr_expect_eq(fx_pages_used(&fs->slab.pages), 1, "slab pages used: %ju",
		     (uintmax_t)fx_pages_used(&fs->slab.pages));
}

/* What an op that names an inode gave, with or without its lookup count. */
static int64_t entered(struct fx *fx, int error, const struct llfused_entry *entry, int held)
{
	if (error)
		return error;
	if (!entry->nodeid)
		return -ENOENT;
	if (!held)
		fx_forget(fx, entry->nodeid, 1);
	return (int64_t)entry->nodeid;
}

int64_t fx_lookup_held(struct fx *fx, uint64_t parent, const char *name)
{
	struct llfused_entry entry = {0};

	return entered(fx, fx->ops->lookup(&fx->ctx, parent, name, &entry), &entry, 1);
}

int64_t fx_lookup(struct fx *fx, uint64_t parent, const char *name)
{
	struct llfused_entry entry = {0};

	return entered(fx, fx->ops->lookup(&fx->ctx, parent, name, &entry), &entry, 0);
}

int64_t fx_mknod(struct fx *fx, uint64_t parent, const char *name, uint32_t mode, uint64_t rdev)
{
	struct llfused_entry entry = {0};
	int error = fx->ops->mknod(&fx->ctx, parent, name, mode, rdev, &entry);

	return entered(fx, error, &entry, 0);
}

int64_t fx_file(struct fx *fx, uint64_t parent, const char *name)
{
	return fx_mknod(fx, parent, name, S_IFREG | 0644, 0);
}

int64_t fx_file_held(struct fx *fx, uint64_t parent, const char *name)
{
	struct llfused_entry entry = {0};
	int error = fx->ops->mknod(&fx->ctx, parent, name, S_IFREG | 0644, 0, &entry);

	return entered(fx, error, &entry, 1);
}

int64_t fx_mkdir(struct fx *fx, uint64_t parent, const char *name, uint32_t mode)
{
	struct llfused_entry entry = {0};

	return entered(fx, fx->ops->mkdir(&fx->ctx, parent, name, mode, &entry), &entry, 0);
}

int64_t fx_symlink(struct fx *fx, uint64_t parent, const char *name, const char *target)
{
	struct llfused_entry entry = {0};

	return entered(fx, fx->ops->symlink(&fx->ctx, parent, name, target, &entry), &entry, 0);
}

int64_t fx_link(struct fx *fx, uint64_t nodeid, uint64_t parent, const char *name)
{
	struct llfused_entry entry = {0};

	return entered(fx, fx->ops->link(&fx->ctx, nodeid, parent, name, &entry), &entry, 0);
}

int64_t fx_tmpfile_held(struct fx *fx, uint64_t parent, uint32_t flags)
{
	struct llfused_entry entry = {0};
	struct llfused_open open = {.flags = LLFUSED_OPEN_KEEP_CACHE};
	int error = fx->ops->tmpfile(&fx->ctx, parent, 0600, flags, &entry, &open);

	return entered(fx, error, &entry, 1);
}

void fx_forget(struct fx *fx, uint64_t nodeid, uint64_t nlookup)
{
	struct llfused_forget one = {nodeid, nlookup};

	fx->ops->forget(&fx->ctx, &one, 1);
}

int fx_unlink(struct fx *fx, uint64_t parent, const char *name)
{
	return fx->ops->unlink(&fx->ctx, parent, name);
}

int fx_rmdir(struct fx *fx, uint64_t parent, const char *name)
{
	return fx->ops->rmdir(&fx->ctx, parent, name);
}

int fx_rename(struct fx *fx, uint64_t parent, const char *name, uint64_t newparent,
	      const char *newname, uint32_t flags)
{
	return fx->ops->rename(&fx->ctx, parent, name, newparent, newname, flags);
}

ssize_t fx_write(struct fx *fx, uint64_t nodeid, uint64_t offset, const void *bytes, size_t size)
{
	size_t written = 0;
	int error = fx->ops->write(&fx->ctx, nodeid, 0, offset, bytes, size, 0, &written);

	return error ? error : (ssize_t)written;
}

ssize_t fx_read(struct fx *fx, uint64_t nodeid, uint64_t offset, void *bytes, size_t size)
{
	struct llfused_buf buf = {.data = bytes, .cap = size};
	int error = fx->ops->read(&fx->ctx, nodeid, 0, offset, 0, &buf);

	return error ? error : (ssize_t)buf.len;
}

int fx_fallocate(struct fx *fx, uint64_t nodeid, uint64_t offset, uint64_t size, uint32_t mode)
{
	return fx->ops->fallocate(&fx->ctx, nodeid, 0, offset, size, mode);
}

int64_t fx_seek(struct fx *fx, uint64_t nodeid, uint64_t offset, int whence)
{
	uint64_t result = 0;
	int error = fx->ops->lseek(&fx->ctx, nodeid, 0, offset, (uint32_t)whence, &result);

	return error ? error : (int64_t)result;
}

int fx_setattr(struct fx *fx, uint64_t nodeid, const struct llfused_setattr *set)
{
	struct llfused_attr_out out;

	return fx->ops->setattr(&fx->ctx, nodeid, set, &out);
}

int fx_truncate(struct fx *fx, uint64_t nodeid, uint64_t size)
{
	struct llfused_setattr set = {.valid = LLFUSED_SET_SIZE | LLFUSED_SET_FH, .size = size};

	return fx_setattr(fx, nodeid, &set);
}

int fx_chmod(struct fx *fx, uint64_t nodeid, uint32_t mode)
{
	struct llfused_setattr set = {.valid = LLFUSED_SET_MODE, .mode = mode};

	return fx_setattr(fx, nodeid, &set);
}

struct llfused_attr fx_stat(struct fx *fx, uint64_t nodeid)
{
	struct llfused_attr_out out;

	cr_assert_eq(fx->ops->getattr(&fx->ctx, nodeid, NULL, &out), 0);
	return out.attr;
}

struct llfused_statfs fx_statfs(struct fx *fx)
{
	struct llfused_statfs out = {0};

	cr_assert_eq(fx->ops->statfs(&fx->ctx, ROOT, &out), 0);
	return out;
}

int fx_setxattr(struct fx *fx, uint64_t nodeid, const char *name, const void *value, size_t size,
		uint32_t flags)
{
	return fx->ops->setxattr(&fx->ctx, nodeid, name, value, size, flags, 0);
}

ssize_t fx_getxattr(struct fx *fx, uint64_t nodeid, const char *name, void *value, size_t size)
{
	struct llfused_buf buf = {.data = value, .cap = size};
	int error = fx->ops->getxattr(&fx->ctx, nodeid, name, &buf);

	return error ? error : (ssize_t)buf.len;
}

int fx_removexattr(struct fx *fx, uint64_t nodeid, const char *name)
{
	return fx->ops->removexattr(&fx->ctx, nodeid, name);
}

/* Takes up to `most` entries. */
struct taker {
	struct llfused_dirents dirents;
	struct fx_dirent *entries;
	size_t most;
	size_t count;
};

static int take(struct llfused_dirents *dirents, const char *name, size_t namelen, uint64_t ino,
		uint32_t mode, uint64_t next, const struct llfused_entry *entry)
{
	struct taker *taker = (struct taker *)dirents;
	struct fx_dirent *to = &taker->entries[taker->count];

	if (taker->count == taker->most)
		return 0;
	*to = (struct fx_dirent){.ino = ino, .next = next, .mode = mode & S_IFMT};
	memcpy(to->name, name, namelen);
	if (entry)
		to->nodeid = entry->nodeid;
	taker->count++;
	return 1;
}

size_t fx_readdir(struct fx *fx, uint64_t nodeid, uint64_t offset, int plus,
		  struct fx_dirent *entries, size_t most)
{
	struct taker taker = {
		.dirents = {.plus = (uint32_t)plus, .add = take}, .entries = entries, .most = most};

	cr_assert_eq(fx->ops->readdir(&fx->ctx, nodeid, 0, offset, &taker.dirents), 0);
	return taker.count;
}
