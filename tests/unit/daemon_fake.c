/*
 * The fake backend's ops.  What they keep is written under a lock; the hook runs outside of it, so
 * that two hooks could meet if dispatch let them.
 */
#include "daemon_fake.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct fake fake = {
	.entry.attr.mode = S_IFREG | 0644,
	.attr.attr.mode = S_IFREG | 0644,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void begin(const char *op, const struct llfused_ctx *ctx, uint64_t node)
{
	int now = atomic_fetch_add(&fake.inside, 1) + 1;

	pthread_mutex_lock(&lock);
	if (now > fake.most_inside)
		fake.most_inside = now;
	fake.op = op;
	fake.ctx = *ctx;
	fake.node = node;
}

static int end(struct llfused_ctx *ctx)
{
	int ret;

	pthread_mutex_unlock(&lock);
	ret = fake.hook ? fake.hook(ctx) : fake.answer;
	fake.calls++;
	fake.inside--;
	return ret;
}

/* For what has no result. */
static void end_silent(void)
{
	pthread_mutex_unlock(&lock);
	fake.calls++;
	fake.inside--;
}

static void keep_name(char *to, const char *name)
{
	snprintf(to, sizeof(fake.name), "%s", name);
}

static void keep_data(const void *data, size_t size)
{
	fake.data_size = size;
	if (size > 0)
		memcpy(fake.data, data, size < sizeof(fake.data) ? size : sizeof(fake.data));
}

static void put_bytes(struct llfused_buf *buf)
{
	fake.cap = buf->cap;
	buf->len = fake.nbytes;
	if (fake.bytes && fake.nbytes <= buf->cap)
		memcpy(buf->data, fake.bytes, fake.nbytes);
}

/* ---- names and inodes ---- */

static int fake_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		       struct llfused_entry *out)
{
	begin("lookup", ctx, parent);
	keep_name(fake.name, name);
	*out = fake.entry;
	return end(ctx);
}

static void fake_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count)
{
	begin("forget", ctx, 0);
	for (size_t i = 0; i < count && fake.nforgot < FAKE_FORGETS; i++)
		fake.forgot[fake.nforgot++] = list[i];
	if (fake.forget_calls < 16)
		fake.forget_sizes[fake.forget_calls] = count;
	fake.forget_calls++;
	if (fake.forget_hook)
		fake.forget_hook(ctx);
	end_silent();
}

static int fake_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			struct llfused_attr_out *out)
{
	begin("getattr", ctx, nodeid);
	fake.has_fh = fh != NULL;
	fake.fh = fh ? *fh : 0;
	*out = fake.attr;
	return end(ctx);
}

static int fake_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
			struct llfused_attr_out *out)
{
	begin("setattr", ctx, nodeid);
	fake.set = *set;
	*out = fake.attr;
	return end(ctx);
}

static int fake_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target)
{
	begin("readlink", ctx, nodeid);
	put_bytes(target);
	return end(ctx);
}

static int fake_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			const char *target, struct llfused_entry *out)
{
	begin("symlink", ctx, parent);
	keep_name(fake.name, name);
	keep_name(fake.name2, target);
	*out = fake.entry;
	return end(ctx);
}

static int fake_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		      uint64_t rdev, struct llfused_entry *out)
{
	begin("mknod", ctx, parent);
	keep_name(fake.name, name);
	fake.mode = mode;
	fake.number = rdev;
	*out = fake.entry;
	return end(ctx);
}

static int fake_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		      struct llfused_entry *out)
{
	begin("mkdir", ctx, parent);
	keep_name(fake.name, name);
	fake.mode = mode;
	*out = fake.entry;
	return end(ctx);
}

static int fake_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	begin("unlink", ctx, parent);
	keep_name(fake.name, name);
	return end(ctx);
}

static int fake_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	begin("rmdir", ctx, parent);
	keep_name(fake.name, name);
	return end(ctx);
}

static int fake_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		       uint64_t newparent, const char *newname, uint32_t flags)
{
	begin("rename", ctx, parent);
	keep_name(fake.name, name);
	keep_name(fake.name2, newname);
	fake.node2 = newparent;
	fake.flags = flags;
	return end(ctx);
}

static int fake_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent,
		     const char *newname, struct llfused_entry *out)
{
	begin("link", ctx, nodeid);
	fake.node2 = newparent;
	keep_name(fake.name, newname);
	*out = fake.entry;
	return end(ctx);
}

static int fake_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	begin("statfs", ctx, nodeid);
	*out = fake.statfs;
	return end(ctx);
}

static int fake_access(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t mask)
{
	begin("access", ctx, nodeid);
	fake.flags = mask;
	return end(ctx);
}

static int fake_setxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			 const void *value, size_t size, uint32_t flags, uint32_t xflags)
{
	begin("setxattr", ctx, nodeid);
	keep_name(fake.name, name);
	keep_data(value, size);
	fake.flags = flags;
	fake.flags2 = xflags;
	return end(ctx);
}

static int fake_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			 struct llfused_buf *value)
{
	begin("getxattr", ctx, nodeid);
	keep_name(fake.name, name);
	put_bytes(value);
	return end(ctx);
}

static int fake_listxattr(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *names)
{
	begin("listxattr", ctx, nodeid);
	put_bytes(names);
	return end(ctx);
}

static int fake_removexattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name)
{
	begin("removexattr", ctx, nodeid);
	keep_name(fake.name, name);
	return end(ctx);
}

/* ---- open files ---- */

static int fake_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		     struct llfused_open *out)
{
	begin("open", ctx, nodeid);
	fake.flags = flags;
	fake.flags2 = out->flags;
	*out = fake.open;
	return end(ctx);
}

static int fake_opendir(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
			struct llfused_open *out)
{
	begin("opendir", ctx, nodeid);
	fake.flags = flags;
	fake.flags2 = out->flags;
	*out = fake.open;
	return end(ctx);
}

static int fake_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		       uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	begin("create", ctx, parent);
	keep_name(fake.name, name);
	fake.mode = mode;
	fake.flags = flags;
	fake.flags2 = out->flags;
	*entry = fake.entry;
	*out = fake.open;
	return end(ctx);
}

static int fake_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
			struct llfused_entry *entry, struct llfused_open *out)
{
	begin("tmpfile", ctx, parent);
	fake.mode = mode;
	fake.flags = flags;
	*entry = fake.entry;
	*out = fake.open;
	return end(ctx);
}

static int fake_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     uint32_t flags, struct llfused_buf *buf)
{
	begin("read", ctx, nodeid);
	fake.fh = fh;
	fake.offset = offset;
	fake.flags = flags;
	put_bytes(buf);
	return end(ctx);
}

static int fake_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      const void *data, size_t size, uint32_t flags, size_t *written)
{
	begin("write", ctx, nodeid);
	fake.fh = fh;
	fake.offset = offset;
	fake.flags = flags;
	keep_data(data, size);
	*written = fake.number;
	return end(ctx);
}

static int fake_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner)
{
	begin("flush", ctx, nodeid);
	fake.fh = fh;
	fake.size = lock_owner;
	return end(ctx);
}

static int fake_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
			uint64_t lock_owner)
{
	begin("release", ctx, nodeid);
	fake.fh = fh;
	fake.flags = flags;
	fake.size = lock_owner;
	return end(ctx);
}

static int fake_releasedir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags)
{
	begin("releasedir", ctx, nodeid);
	fake.fh = fh;
	fake.flags = flags;
	return end(ctx);
}

static int fake_fsync(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync)
{
	begin("fsync", ctx, nodeid);
	fake.fh = fh;
	fake.flags = (uint32_t)datasync;
	return end(ctx);
}

static int fake_fsyncdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync)
{
	begin("fsyncdir", ctx, nodeid);
	fake.fh = fh;
	fake.flags = (uint32_t)datasync;
	return end(ctx);
}

static int fake_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			struct llfused_dirents *dirents)
{
	begin("readdir", ctx, nodeid);
	fake.fh = fh;
	fake.offset = offset;
	fake.flags = dirents->plus;
	if (fake.fill)
		fake.fill(dirents);
	return end(ctx);
}

static int fake_getlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, struct llfused_lock *l)
{
	begin("getlk", ctx, nodeid);
	fake.fh = fh;
	fake.lock_in = *l;
	*l = fake.lock_out;
	return end(ctx);
}

static int fake_setlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		      const struct llfused_lock *l)
{
	begin("setlk", ctx, nodeid);
	fake.fh = fh;
	fake.lock_in = *l;
	return end(ctx);
}

static int fake_bmap(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t blocksize, uint64_t *block)
{
	begin("bmap", ctx, nodeid);
	fake.size = blocksize;
	fake.offset = *block;
	*block = fake.number;
	return end(ctx);
}

static int fake_ioctl(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		      struct llfused_ioctl *io, struct llfused_buf *out)
{
	begin("ioctl", ctx, nodeid);
	fake.fh = fh;
	fake.ioctl = *io;
	keep_data(io->in, io->in_size);
	put_bytes(out);
	io->result = (int32_t)fake.number;
	return end(ctx);
}

static int fake_poll(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t events,
		     uint64_t wakeup, uint32_t *revents)
{
	begin("poll", ctx, nodeid);
	fake.fh = fh;
	fake.events = events;
	fake.wakeup = wakeup;
	*revents = (uint32_t)fake.number;
	return end(ctx);
}

static int fake_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			  uint64_t length, uint32_t mode)
{
	begin("fallocate", ctx, nodeid);
	fake.fh = fh;
	fake.offset = offset;
	fake.size = length;
	fake.mode = mode;
	return end(ctx);
}

static int fake_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      uint32_t whence, uint64_t *result)
{
	begin("lseek", ctx, nodeid);
	fake.fh = fh;
	fake.offset = offset;
	fake.flags = whence;
	*result = fake.number;
	return end(ctx);
}

static int fake_copy(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in, uint64_t off_in,
		     uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out, uint64_t length,
		     uint32_t flags, uint64_t *copied)
{
	begin("copy_file_range", ctx, nodeid_in);
	fake.fh = fh_in;
	fake.offset = off_in;
	fake.node2 = nodeid_out;
	fake.fh2 = fh_out;
	fake.offset2 = off_out;
	fake.size = length;
	fake.flags = flags;
	*copied = fake.number;
	return end(ctx);
}

static void fake_interrupt(struct llfused_ctx *ctx, llfused_pending pending)
{
	begin("interrupt", ctx, 0);
	pthread_mutex_unlock(&lock);
	fake.told = pending;
	fake.interrupts++;
	fake.inside--;
}

static void fake_retrieved(struct llfused_ctx *ctx, uint64_t cookie, uint64_t nodeid,
			   uint64_t offset, const void *data, size_t size)
{
	begin("retrieved", ctx, nodeid);
	fake.number = cookie;
	fake.offset = offset;
	keep_data(data, size);
	end_silent();
}

/* ---- the stamps ---- */

static const struct llfused_ops all_ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = fake_lookup,
	.forget = fake_forget,
	.getattr = fake_getattr,
	.setattr = fake_setattr,
	.readlink = fake_readlink,
	.symlink = fake_symlink,
	.mknod = fake_mknod,
	.mkdir = fake_mkdir,
	.unlink = fake_unlink,
	.rmdir = fake_rmdir,
	.rename = fake_rename,
	.link = fake_link,
	.open = fake_open,
	.create = fake_create,
	.tmpfile = fake_tmpfile,
	.read = fake_read,
	.write = fake_write,
	.flush = fake_flush,
	.release = fake_release,
	.fsync = fake_fsync,
	.opendir = fake_opendir,
	.readdir = fake_readdir,
	.releasedir = fake_releasedir,
	.fsyncdir = fake_fsyncdir,
	.statfs = fake_statfs,
	.setxattr = fake_setxattr,
	.getxattr = fake_getxattr,
	.listxattr = fake_listxattr,
	.removexattr = fake_removexattr,
	.access = fake_access,
	.getlk = fake_getlk,
	.setlk = fake_setlk,
	.bmap = fake_bmap,
	.ioctl = fake_ioctl,
	.poll = fake_poll,
	.fallocate = fake_fallocate,
	.lseek = fake_lseek,
	.copy_file_range = fake_copy,
	.interrupt = fake_interrupt,
	.retrieved = fake_retrieved,
};

static const struct llfused_ops poor_ops = {
	.size = sizeof(struct llfused_ops), .lookup = fake_lookup, .getattr = fake_getattr};

static const struct llfused_ops locking_ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = fake_lookup,
	.getattr = fake_getattr,
	.getlk = fake_getlk,
	.setlk = fake_setlk,
};

const struct llfused_backend fake_backend = {LLFUSED_BACKEND_STAMP, .name = "fake",
					     .ops = &all_ops};
const struct llfused_backend fake_concurrent_backend = {
	LLFUSED_BACKEND_STAMP, .name = "fake", .declares = LLFUSED_CONCURRENT, .ops = &all_ops};
const struct llfused_backend fake_split_backend = {LLFUSED_BACKEND_STAMP, .name = "fake",
						   .declares = LLFUSED_SPLIT, .ops = &all_ops};
const struct llfused_backend fake_poor_backend = {LLFUSED_BACKEND_STAMP, .name = "poor",
						  .ops = &poor_ops};
const struct llfused_backend fake_locking_backend = {LLFUSED_BACKEND_STAMP, .name = "locking",
						     .ops = &locking_ops};
