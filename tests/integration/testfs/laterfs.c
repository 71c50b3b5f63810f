/*
 * laterfs: its life and its table.  -o delay=US is how long each answer takes.  At the end it logs
 * how often each kind of answer was given.
 */
#include "laterfs.h"

#include <stdio.h>
#include <stdlib.h>

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
