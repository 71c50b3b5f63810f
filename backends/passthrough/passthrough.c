/*
 * The passthrough backend: its tables of ops and its life, from load to destroy.
 * Knows nothing of how any op works.
 */
#include "passthrough.h"

#include "attr.h"
#include "backing.h"
#include "creds.h"
#include "dir.h"
#include "engine.h"
#include "file.h"
#include "io.h"
#include "ioctl.h"
#include "lock.h"
#include "names.h"
#include "reaper.h"
#include "watch.h"
#include "xattr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The instance, and how much of it stands. */
struct instance {
	struct pt fs;
	size_t nopened;  /* of open_steps */
	size_t nstarted; /* of start_steps */
};

static int load(void **out, struct llfused_error *error)
{
	struct instance *in = calloc(1, sizeof(*in));

	if (!in) {
		snprintf(error->text, sizeof(error->text), "no memory for the file system");
		return -ENOMEM;
	}
	pt_options_defaults(&in->fs.options);
	in->fs.proc_fd = -1;
	*out = in;
	return 0;
}

static int configure(void *instance, const char *key, const char *value,
		     struct llfused_error *error)
{
	struct instance *in = instance;

	return pt_options_set(&in->fs.options, key, value, error);
}

/* ---- ready: before the mount ---- */

static int open_proc(struct pt *fs, struct llfused_error *error)
{
	fs->proc_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fs->proc_fd >= 0)
		return 0;
	snprintf(error->text, sizeof(error->text),
		 "/proc/self/fd: %s: /proc must be mounted to open files again", strerror(errno));
	return -errno;
}

static void close_proc(struct pt *fs)
{
	close(fs->proc_fd);
}

static int open_source(struct pt *fs, struct llfused_error *error)
{
	return pt_source_open(fs, fs->options.source ? fs->options.source : "", error);
}

/* In this order; closed in the order read backwards. */
static const struct {
	int (*open)(struct pt *fs, struct llfused_error *error);
	void (*close)(struct pt *fs);
} open_steps[] = {
	{open_proc, close_proc},         {open_source, pt_source_close},
	{pt_nodes_open, pt_nodes_close}, {pt_files_open, pt_files_close},
	{pt_dirs_open, pt_dirs_close},
};

#define OPEN_STEPS (sizeof(open_steps) / sizeof(open_steps[0]))

static int ready(void *instance, struct llfused_error *error)
{
	struct instance *in = instance;
	int result = pt_options_settle(&in->fs.options, error);

	while (result == 0 && in->nopened < OPEN_STEPS) {
		result = open_steps[in->nopened].open(&in->fs, error);
		if (result == 0)
			in->nopened++;
	}
	return result;
}

/* ---- wish ---- */

#define OPS \
	.size = sizeof(struct llfused_ops), .lookup = pt_names_lookup, .forget = pt_node_forget, \
	.getattr = pt_attr_getattr, .setattr = pt_attr_setattr, .readlink = pt_names_readlink, \
	.symlink = pt_names_symlink, .mknod = pt_names_mknod, .mkdir = pt_names_mkdir, \
	.unlink = pt_names_unlink, .rmdir = pt_names_rmdir, .rename = pt_names_rename, \
	.link = pt_names_link, .open = pt_file_open, .create = pt_names_create, \
	.tmpfile = pt_names_tmpfile, .read = pt_io_read, .write = pt_io_write, \
	.flush = pt_file_flush, .release = pt_file_release, .fsync = pt_io_fsync, \
	.opendir = pt_dir_opendir, .readdir = pt_dir_readdir, .releasedir = pt_dir_releasedir, \
	.fsyncdir = pt_dir_fsyncdir, .statfs = pt_attr_statfs, .setxattr = pt_xattr_set, \
	.getxattr = pt_xattr_get, .listxattr = pt_xattr_list, .removexattr = pt_xattr_remove, \
	.ioctl = pt_ioctl, .fallocate = pt_io_fallocate, .lseek = pt_io_lseek, \
	.copy_file_range = pt_io_copy_file_range

/* The kernel keeps locks among the mount's users by itself.  flush is called for files of slow
 * file systems only: the others are opened with NOFLUSH. */
static const struct llfused_ops ops = {OPS};

static const struct llfused_ops ops_with_locks = {
	OPS,
	.getlk = pt_lock_get,
	.setlk = pt_lock_set,
	.interrupt = pt_lock_interrupt,
};

static void wish(void *instance, struct llfused_wishes *wishes)
{
	const struct instance *in = instance;
	const struct pt *fs = &in->fs;

	if (fs->options.passthrough) {
		wishes->wants |= LLFUSED_WANT_PASSTHROUGH;
		wishes->stack_depth = pt_mount_at(&fs->source, 0)->stacked ? 2 : 1;
	}
	if (fs->options.export)
		wishes->wants |= LLFUSED_WANT_EXPORT;
	if (fs->options.cache == PT_CACHE_ALWAYS)
		wishes->wants |= LLFUSED_WANT_OWN_DATA;
	if (fs->options.locks_source)
		wishes->ops = &ops_with_locks;
}

/* ---- init: mounted ---- */

static int start_locks(struct pt *fs)
{
	return fs->options.locks_source ? pt_lock_start(fs) : 0;
}

static void stop_locks(struct pt *fs)
{
	if (fs->options.locks_source)
		pt_lock_stop(fs);
}

static int open_watch(struct pt *fs)
{
	return fs->options.watch ? pt_watch_open(fs) : 0;
}

static void close_watch(struct pt *fs)
{
	if (fs->options.watch)
		pt_watch_close(fs);
}

static int start_watch(struct pt *fs)
{
	return fs->options.watch ? pt_watch_start(fs) : 0;
}

static void stop_watch(struct pt *fs)
{
	if (fs->options.watch)
		pt_watch_stop(fs);
}

/* In this order; stopped in the order read backwards.  The reaper's thread tells of nodes that go
 * to the backing ids and the watch, and the watch's thread gives descriptors to the reaper. */
static const struct {
	int (*start)(struct pt *fs);
	void (*stop)(struct pt *fs);
} start_steps[] = {
	{pt_engine_start, pt_engine_stop}, {pt_backing_start, pt_backing_stop},
	{open_watch, close_watch},         {pt_reaper_start, pt_reaper_stop},
	{start_locks, stop_locks},         {start_watch, stop_watch},
};

#define START_STEPS (sizeof(start_steps) / sizeof(start_steps[0]))

static int init(void *instance, const struct llfused_conn *conn)
{
	struct instance *in = instance;
	struct pt *fs = &in->fs;
	int result = 0;

	fs->own_dev = conn->dev;
	fs->wants = conn->want;
	fs->mount_flags = conn->mount;
	fs->can_switch = pt_creds_can_switch();
	while (result == 0 && in->nstarted < START_STEPS) {
		result = start_steps[in->nstarted].start(fs);
		if (result == 0)
			in->nstarted++;
	}
	return result;
}

static void destroy(void *instance)
{
	struct instance *in = instance;

	while (in->nstarted > 0 && !in->fs.stuck)
		start_steps[--in->nstarted].stop(&in->fs);
	/* What is left, a thread may still use; the process ends, and all with it. */
	if (in->fs.stuck)
		return;
	while (in->nopened > 0)
		open_steps[--in->nopened].close(&in->fs);
	pt_options_free(&in->fs.options);
	free(in);
}

const struct llfused_backend pt_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "passthrough",
	.summary = "a directory, as it is on its own file system",
	.declares = LLFUSED_SPLIT | LLFUSED_NEEDS_SOURCE,
	.wants = LLFUSED_WANT_ACL | LLFUSED_WANT_KILLPRIV | LLFUSED_WANT_SUPP_GROUP |
		 LLFUSED_WANT_CACHE_SYMLINKS | LLFUSED_WANT_IDMAP,
	.options = pt_options_list,
	.ops = &ops,
	.load = load,
	.configure = configure,
	.ready = ready,
	.init = init,
	.destroy = destroy,
	.wish = wish,
};
