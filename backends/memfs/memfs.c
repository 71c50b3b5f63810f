/*
 * The in-memory backend: its tables of ops and its life, from load to destroy.
 * Knows nothing of how any op works.
 */
#include "memfs.h"

#include "attr.h"
#include "backed.h"
#include "backed_io.h"
#include "backed_open.h"
#include "io.h"
#include "namei.h"
#include "options.h"
#include "symlink.h"
#include "xattr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int load(void **out, struct llfused_error *error)
{
	struct memfs *fs = calloc(1, sizeof(*fs));

	if (!fs) {
		snprintf(error->text, sizeof(error->text), "no memory for the file system");
		return -ENOMEM;
	}
	options_defaults(fs);
	*out = fs;
	return 0;
}

static int configure(void *fs, const char *key, const char *value, struct llfused_error *error)
{
	return options_set(fs, key, value, error);
}

static int ready(void *fs, struct llfused_error *error)
{
	return fs_open(fs, error);
}

static int init(void *instance, const struct llfused_conn *conn)
{
	struct memfs *fs = instance;

	fs->noatime = (conn->mount & LLFUSED_MOUNT_NOATIME) != 0;
	return fs->backed ? backed_init(fs, conn) : 0;
}

static void destroy(void *fs)
{
	fs_close(fs);
	free(fs);
}

#define OPS \
	.size = sizeof(struct llfused_ops), .lookup = namei_lookup, .forget = namei_forget, \
	.getattr = attr_getattr, .setattr = attr_setattr, .readlink = symlink_readlink, \
	.symlink = namei_symlink, .mknod = namei_mknod, .mkdir = namei_mkdir, \
	.unlink = namei_unlink, .rmdir = namei_rmdir, .rename = namei_rename, .link = namei_link, \
	.readdir = namei_readdir, .setxattr = xattr_setxattr, .getxattr = xattr_getxattr, \
	.listxattr = xattr_listxattr, .removexattr = xattr_removexattr

/*
 * open, opendir, flush, fsync and the others of an open file are left out: the kernel opens without
 * asking, and an unlinked file that is open lives by its lookup count.
 */
static const struct llfused_ops ops = {
	OPS,
	.tmpfile = namei_tmpfile,
	.read = io_read,
	.write = io_write,
	.statfs = io_statfs,
	.fallocate = io_fallocate,
	.lseek = io_lseek,
	.copy_file_range = io_copy_file_range,
};

/* The second store: each open gets the file behind the inode, for the kernel to read and write. */
static const struct llfused_ops backed_ops = {
	OPS,
	.open = backed_open,
	.create = backed_create,
	.tmpfile = backed_tmpfile,
	.release = backed_release,
	.read = backed_read,
	.write = backed_write,
	.statfs = backed_statfs,
	.fallocate = backed_fallocate,
	.lseek = backed_lseek,
	.copy_file_range = backed_copy_file_range,
};

static void wish(void *instance, struct llfused_wishes *wishes)
{
	const struct memfs *fs = instance;

	if (!fs->backed)
		return;
	wishes->wants |= LLFUSED_WANT_PASSTHROUGH;
	wishes->ops = &backed_ops;
}

const struct llfused_backend memfs_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "tmpfs",
	.summary = "files in memory, as on a kernel tmpfs",
	.declares = LLFUSED_CONCURRENT | LLFUSED_NONBLOCKING,
	.wants = LLFUSED_WANT_ACL | LLFUSED_WANT_KILLPRIV | LLFUSED_WANT_SECCTX |
		 LLFUSED_WANT_EXPORT | LLFUSED_WANT_CACHE_SYMLINKS | LLFUSED_WANT_OWN_DATA,
	.options = options_list,
	.ops = &ops,
	.load = load,
	.configure = configure,
	.ready = ready,
	.init = init,
	.destroy = destroy,
	.wish = wish,
};
