/*
 * laterfs: the ops, and its life.  -o delay=US is how long each answer takes.  At the end it logs
 * how often each kind of answer was given.
 */
#include "laterfs.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Each handler begins with it: a request that cannot become pending is not done at all. */
#define LATER_BEGIN(ctx, kind) \
	struct laterfs *fs = (ctx)->fs; \
	struct later_job *job = later_job_new((ctx), LATER_##kind); \
	if (!job) \
	return -EAGAIN

static void touch(struct later_node *node)
{
	clock_gettime(CLOCK_REALTIME, &node->mtime);
}

/* An answer that is done, as far as bytes are concerned. */
static int put_data(struct later_job *job, const void *data, size_t size)
{
	job->data = malloc(size + 1);
	if (!job->data)
		return -ENOMEM;
	memcpy(job->data, data, size);
	job->size = size;
	return 0;
}

/* ---- names ---- */

static int later_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			struct llfused_entry *out)
{
	LATER_BEGIN(ctx, entry);
	struct later_name *found = later_name_find(fs, parent, name);

	(void)out;
	if (found)
		later_node_enter(fs, later_node(fs, found->nodeid), &job->entry);
	return later_job_give(ctx, job, found ? 0 : -ENOENT);
}

/* A new node of that name; NULL: `error` says why. */
static struct later_node *make(struct llfused_ctx *ctx, struct later_job *job, uint64_t parent,
			       const char *name, uint32_t mode, int *error)
{
	struct laterfs *fs = ctx->fs;
	struct later_node *node = later_node_new(fs, ctx, mode);

	*error = node ? 0 : -ENOSPC;
	if (!node)
		return NULL;
	later_node_enter(fs, node, &job->entry);
	*error = name ? later_name_add(fs, parent, name, node) : 0;
	if (*error != 0)
		later_node_forget(fs, job->entry.nodeid, 1);
	later_node_attr(fs, node, &job->entry.attr);
	return *error == 0 ? node : NULL;
}

static int later_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		       uint64_t rdev, struct llfused_entry *out)
{
	LATER_BEGIN(ctx, entry);
	int error;

	(void)fs;
	(void)rdev;
	(void)out;
	make(ctx, job, parent, name, mode, &error);
	return later_job_give(ctx, job, error);
}

static int later_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		       struct llfused_entry *out)
{
	return later_mknod(ctx, parent, name, mode | S_IFDIR, 0, out);
}

static int later_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			 const char *target, struct llfused_entry *out)
{
	LATER_BEGIN(ctx, entry);
	struct later_node *node;
	int error;

	(void)fs;
	(void)out;
	node = make(ctx, job, parent, name, S_IFLNK | 0777, &error);
	if (node) {
		node->size = strlen(target);
		memcpy(node->data, target, node->size);
		job->entry.attr.size = node->size;
	}
	return later_job_give(ctx, job, error);
}

static int later_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent,
		      const char *newname, struct llfused_entry *out)
{
	LATER_BEGIN(ctx, entry);
	struct later_node *node = later_node(fs, nodeid);
	int error = node ? later_name_add(fs, newparent, newname, node) : -ENOENT;

	(void)out;
	if (error == 0)
		later_node_enter(fs, node, &job->entry);
	return later_job_give(ctx, job, error);
}

static int later_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
			uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	LATER_BEGIN(ctx, create);
	int error;

	(void)fs;
	(void)flags;
	(void)entry;
	make(ctx, job, parent, name, mode, &error);
	job->open = *out;
	return later_job_give(ctx, job, error);
}

static int later_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
			 struct llfused_entry *entry, struct llfused_open *out)
{
	return later_create(ctx, parent, NULL, mode, flags, entry, out);
}

static int later_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	LATER_BEGIN(ctx, error);
	struct later_name *found = later_name_find(fs, parent, name);

	if (found)
		later_name_drop(fs, found);
	return later_job_give(ctx, job, found ? 0 : -ENOENT);
}

static bool is_empty(const struct laterfs *fs, uint64_t nodeid)
{
	for (unsigned i = 0; i < LATER_NAMES; i++)
		if (fs->name[i].parent == nodeid)
			return false;
	return true;
}

static int later_rmdir(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	LATER_BEGIN(ctx, error);
	struct later_name *found = later_name_find(fs, parent, name);
	int error = !found ? -ENOENT : is_empty(fs, found->nodeid) ? 0 : -ENOTEMPTY;

	if (error == 0)
		later_name_drop(fs, found);
	return later_job_give(ctx, job, error);
}

static int later_rename(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			uint64_t newparent, const char *newname, uint32_t flags)
{
	LATER_BEGIN(ctx, error);
	struct later_name *from = later_name_find(fs, parent, name);
	struct later_name *to = later_name_find(fs, newparent, newname);
	int error = 0;

	if (!from)
		error = -ENOENT;
	else if (flags & ~1u || strlen(newname) >= LATER_NAME_MAX)
		error = -EINVAL;
	else if (to && flags & 1)
		error = -EEXIST;
	if (error == 0) {
		if (to)
			later_name_drop(fs, to);
		from->parent = newparent;
		strcpy(from->text, newname);
	}
	return later_job_give(ctx, job, error);
}

static void later_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		later_node_forget(ctx->fs, list[i].nodeid, list[i].nlookup);
}

/* ---- nodes ---- */

static int later_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			 struct llfused_attr_out *out)
{
	LATER_BEGIN(ctx, attr);
	const struct later_node *node = later_node(fs, nodeid);

	(void)fh;
	(void)out;
	if (node)
		later_node_attr(fs, node, &job->attr.attr);
	return later_job_give(ctx, job, node ? 0 : -ENOENT);
}

static int later_setattr(struct llfused_ctx *ctx, uint64_t nodeid,
			 const struct llfused_setattr *asked, struct llfused_attr_out *out)
{
	LATER_BEGIN(ctx, attr);
	struct later_node *node = later_node(fs, nodeid);
	struct llfused_setattr set = *asked;

	(void)out;
	if (!node)
		return later_job_give(ctx, job, -ENOENT);
	if (set.valid & LLFUSED_SET_SIZE && set.size > LATER_FILE_MAX)
		return later_job_give(ctx, job, -EFBIG);
	llfused_setattr_now(&set);
	if (set.valid & LLFUSED_SET_MODE)
		node->mode = (node->mode & S_IFMT) | (set.mode & 07777);
	if (set.valid & LLFUSED_SET_SIZE) {
		if (set.size < node->size)
			memset(node->data + set.size, 0, node->size - set.size);
		node->size = set.size;
	}
	if (set.valid & LLFUSED_SET_MTIME)
		node->mtime = set.mtime;
	later_node_attr(fs, node, &job->attr.attr);
	return later_job_give(ctx, job, 0);
}

static int later_readlink(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *target)
{
	LATER_BEGIN(ctx, data);
	const struct later_node *node = later_node(fs, nodeid);

	(void)target;
	return later_job_give(ctx, job, put_data(job, node->data, node->size));
}

/* The number of files is that of the lookups that count. */
static int later_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	LATER_BEGIN(ctx, statfs);

	(void)nodeid;
	(void)out;
	job->statfs = (struct llfused_statfs){
		.blocks = 4711,
		.files = later_lookups(fs),
		.bsize = 4096,
		.frsize = 4096,
		.namelen = LATER_NAME_MAX - 1,
	};
	return later_job_give(ctx, job, 0);
}

/* ---- extended attributes: one for each node ---- */

static int later_setxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			  const void *value, size_t size, uint32_t flags, uint32_t xflags)
{
	LATER_BEGIN(ctx, error);
	struct later_node *node = later_node(fs, nodeid);

	(void)flags;
	(void)xflags;
	if (strlen(name) >= sizeof node->xname || size > sizeof node->xvalue)
		return later_job_give(ctx, job, -ENOSPC);
	strcpy(node->xname, name);
	memcpy(node->xvalue, value, size);
	node->xsize = size;
	return later_job_give(ctx, job, 0);
}

/* The two questions about bytes: how many, and which. */
static int give_bytes(struct llfused_ctx *ctx, struct later_job *job, size_t cap, const void *data,
		      size_t size)
{
	if (cap == 0) {
		job->kind = LATER_xattr_size;
		job->size = size;
		return later_job_give(ctx, job, 0);
	}
	return later_job_give(ctx, job, size > cap ? -ERANGE : put_data(job, data, size));
}

static int later_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			  struct llfused_buf *value)
{
	LATER_BEGIN(ctx, data);
	const struct later_node *node = later_node(fs, nodeid);

	if (strcmp(node->xname, name) != 0)
		return later_job_give(ctx, job, -ENODATA);
	return give_bytes(ctx, job, value->cap, node->xvalue, node->xsize);
}

static int later_listxattr(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_buf *list)
{
	LATER_BEGIN(ctx, data);
	const struct later_node *node = later_node(fs, nodeid);

	return give_bytes(ctx, job, list->cap, node->xname,
			  node->xname[0] ? strlen(node->xname) + 1 : 0);
}

static int later_removexattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name)
{
	LATER_BEGIN(ctx, error);
	struct later_node *node = later_node(fs, nodeid);
	bool found = strcmp(node->xname, name) == 0;

	if (found)
		node->xname[0] = '\0';
	return later_job_give(ctx, job, found ? 0 : -ENODATA);
}

/* ---- open files ---- */

static int later_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		      struct llfused_open *out)
{
	LATER_BEGIN(ctx, open);

	(void)fs;
	(void)flags;
	job->open = *out;
	job->open.fh = nodeid + 1000;
	return later_job_give(ctx, job, 0);
}

/* Those that have nothing to do but to succeed. */
static int succeed(struct llfused_ctx *ctx)
{
	LATER_BEGIN(ctx, error);

	(void)fs;
	return later_job_give(ctx, job, 0);
}

static int later_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner)
{
	struct laterfs *fs = ctx->fs;

	(void)nodeid;
	(void)fh;
	if (fs->lock_owner == lock_owner)
		fs->lock_owner = 0;
	return succeed(ctx);
}

static int later_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
			 uint64_t lock_owner)
{
	(void)nodeid;
	(void)fh;
	(void)flags;
	(void)lock_owner;
	return succeed(ctx);
}

static int later_releasedir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags)
{
	return later_release(ctx, nodeid, fh, flags, 0);
}

static int later_fsync(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync)
{
	(void)nodeid;
	(void)fh;
	(void)datasync;
	return succeed(ctx);
}

static int later_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		      uint32_t flags, struct llfused_buf *buf)
{
	LATER_BEGIN(ctx, data);
	const struct later_node *node = later_node(fs, nodeid);
	size_t left = offset < node->size ? node->size - offset : 0;

	(void)fh;
	(void)flags;
	if (left > buf->cap)
		left = buf->cap;
	return later_job_give(ctx, job, put_data(job, node->data + (left ? offset : 0), left));
}

static int later_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       const void *data, size_t size, uint32_t flags, size_t *written)
{
	LATER_BEGIN(ctx, write);
	struct later_node *node = later_node(fs, nodeid);

	(void)fh;
	(void)flags;
	(void)written;
	if (offset > LATER_FILE_MAX || size > LATER_FILE_MAX - offset)
		return later_job_give(ctx, job, -EFBIG);
	memcpy(node->data + offset, data, size);
	if (offset + size > node->size)
		node->size = offset + size;
	touch(node);
	job->number = size;
	return later_job_give(ctx, job, 0);
}

static int later_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			 struct llfused_dirents *dirents)
{
	LATER_BEGIN(ctx, readdir);

	(void)fs;
	(void)fh;
	(void)dirents;
	job->nodeid = nodeid;
	job->number = offset;
	return later_job_give(ctx, job, 0);
}

/* ---- the rest ---- */

static int later_getlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		       struct llfused_lock *lock)
{
	LATER_BEGIN(ctx, lock);

	(void)nodeid;
	(void)fh;
	job->lock = *lock;
	if (fs->lock_owner == 0 || fs->lock_owner == lock->owner)
		job->lock.type = F_UNLCK;
	else
		job->lock = (struct llfused_lock){.start = 7, .end = 11, .type = F_WRLCK, .pid = 1};
	return later_job_give(ctx, job, 0);
}

static int later_setlk(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		       const struct llfused_lock *lock)
{
	LATER_BEGIN(ctx, error);
	bool mine = fs->lock_owner == 0 || fs->lock_owner == lock->owner;

	(void)nodeid;
	(void)fh;
	if (mine)
		fs->lock_owner = lock->type == F_UNLCK ? 0 : lock->owner;
	return later_job_give(ctx, job, mine ? 0 : -EAGAIN);
}

static int later_ioctl(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh,
		       struct llfused_ioctl *io, struct llfused_buf *out)
{
	LATER_BEGIN(ctx, ioctl);
	uint32_t number;

	(void)fs;
	(void)nodeid;
	(void)fh;
	(void)out;
	if (io->cmd != _IOWR('L', 1, uint32_t) || io->in_size != sizeof number)
		return later_job_give(ctx, job, -ENOTTY);
	memcpy(&number, io->in, sizeof number);
	number++;
	job->result = 5;
	return later_job_give(ctx, job, put_data(job, &number, sizeof number));
}

static int later_poll(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t events,
		      uint64_t wakeup, uint32_t *revents)
{
	LATER_BEGIN(ctx, poll);

	(void)fs;
	(void)nodeid;
	(void)fh;
	(void)wakeup;
	(void)revents;
	job->number = events & POLLPRI;
	return later_job_give(ctx, job, 0);
}

static int later_fallocate(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			   uint64_t length, uint32_t mode)
{
	LATER_BEGIN(ctx, error);
	struct later_node *node = later_node(fs, nodeid);

	(void)fh;
	if (mode != 0 || offset + length > LATER_FILE_MAX)
		return later_job_give(ctx, job, -EOPNOTSUPP);
	if (offset + length > node->size)
		node->size = offset + length;
	return later_job_give(ctx, job, 0);
}

static int later_lseek(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       uint32_t whence, uint64_t *result)
{
	LATER_BEGIN(ctx, number);
	const struct later_node *node = later_node(fs, nodeid);

	(void)fh;
	(void)result;
	job->number = whence == SEEK_DATA ? offset : node->size;
	return later_job_give(ctx, job, offset < node->size ? 0 : -ENXIO);
}

static int later_copy(struct llfused_ctx *ctx, uint64_t nodeid_in, uint64_t fh_in, uint64_t off_in,
		      uint64_t nodeid_out, uint64_t fh_out, uint64_t off_out, uint64_t length,
		      uint32_t flags, uint64_t *copied)
{
	LATER_BEGIN(ctx, write);
	struct later_node *in = later_node(fs, nodeid_in), *out = later_node(fs, nodeid_out);

	(void)fh_in;
	(void)fh_out;
	(void)flags;
	(void)copied;
	if (off_in > in->size || length > in->size - off_in)
		length = off_in > in->size ? 0 : in->size - off_in;
	if (off_out > LATER_FILE_MAX || length > LATER_FILE_MAX - off_out)
		return later_job_give(ctx, job, -EFBIG);
	memmove(out->data + off_out, in->data + off_in, length);
	if (off_out + length > out->size)
		out->size = off_out + length;
	job->number = length;
	return later_job_give(ctx, job, 0);
}

/* ---- life ---- */

static int later_load(void **out, struct llfused_error *error)
{
	struct laterfs *fs = calloc(1, sizeof *fs);

	(void)error;
	if (!fs)
		return -ENOMEM;
	fs->delay = 1000000;
	*out = fs;
	return later_tree_open(fs);
}

static int later_configure(void *instance, const char *key, const char *value,
			   struct llfused_error *error)
{
	struct laterfs *fs = instance;

	(void)key;
	(void)error;
	fs->delay = strtoul(value, NULL, 10) * 1000;
	return 0;
}

static int later_init(void *instance, const struct llfused_conn *conn)
{
	(void)conn;
	return later_jobs_start(instance);
}

static void report(const struct laterfs *fs)
{
#define LATER_NAME_OF(kind) #kind,
	static const char *const kinds[] = {LATER_KINDS(LATER_NAME_OF)};
	char text[512];
	int len = 0;

	for (int i = 0; i < LATER_KIND_COUNT; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, " %s=%lu", kinds[i],
				fs->answered[i]);
	llfused_log(LLFUSED_LOG_INFO, "laterfs:%s refused=%lu", text, fs->refused);
}

static void later_destroy(void *instance)
{
	struct laterfs *fs = instance;

	later_jobs_stop(fs);
	report(fs);
	later_tree_close(fs);
	free(fs);
}

static const struct llfused_option options[] = {
	{"delay", "US", "how long each answer takes"},
	{NULL, NULL, NULL},
};

static const struct llfused_ops ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = later_lookup,
	.forget = later_forget,
	.getattr = later_getattr,
	.setattr = later_setattr,
	.readlink = later_readlink,
	.symlink = later_symlink,
	.mknod = later_mknod,
	.mkdir = later_mkdir,
	.unlink = later_unlink,
	.rmdir = later_rmdir,
	.rename = later_rename,
	.link = later_link,
	.open = later_open,
	.create = later_create,
	.tmpfile = later_tmpfile,
	.read = later_read,
	.write = later_write,
	.flush = later_flush,
	.release = later_release,
	.fsync = later_fsync,
	.opendir = later_open,
	.readdir = later_readdir,
	.releasedir = later_releasedir,
	.fsyncdir = later_fsync,
	.statfs = later_statfs,
	.setxattr = later_setxattr,
	.getxattr = later_getxattr,
	.listxattr = later_listxattr,
	.removexattr = later_removexattr,
	.getlk = later_getlk,
	.setlk = later_setlk,
	.ioctl = later_ioctl,
	.poll = later_poll,
	.fallocate = later_fallocate,
	.lseek = later_lseek,
	.copy_file_range = later_copy,
};

static const struct llfused_backend laterfs_backend = {
	LLFUSED_BACKEND_STAMP,        .name = "laterfs",  .summary = "answers everything later",
	.options = options,           .ops = &ops,        .load = later_load,
	.configure = later_configure, .init = later_init, .destroy = later_destroy,
};

LLFUSED_PLUGIN(laterfs_backend)
