/*
 * New inodes without an open file (mknod, mkdir, symlink), and new names of old ones.
 * New ones belong to the caller: they are made with the caller's credentials.
 */
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "creds.h"
#include "names_impl.h"
#include "node_table.h"
#include "passthrough.h"
#include "system.h"

uint32_t pt_names_mode(const struct pt *fs, uint32_t mode, bool is_dir)
{
	const struct pt_options *o = &fs->options;

	if (o->has_create_mode) {
		mode = (mode & ~0777u) | o->create_mode;
		if (is_dir)
			mode |= (o->create_mode & 0444) >> 2;
	}
	return mode & ~o->umask;
}

int pt_names_mend_mode(const struct pt *fs, int fd, uint32_t mode, struct statx *stx)
{
	char path[32];

	if (!fs->options.has_create_mode || ((stx->stx_mode ^ mode) & 0777) == 0)
		return 0;
	pt_creds_restore(); /* setgid stays */
	pt_sys_fd_path(path, fd);
	if (chmod(path, (stx->stx_mode & 07000) | (mode & 0777)) < 0)
		return -errno;
	return pt_sys_stat(fd, "", stx);
}

int pt_names_begin(const struct llfused_ctx *ctx, uint64_t nodeid, enum pt_work work,
		   struct pt_ref *ref)
{
	struct pt *fs = pt_of(ctx);
	int result = pt_node_begin(ctx, nodeid, work, ref);

	if (result == 0 && pt_source_stops_at(fs, ref->node->mount)) {
		pt_node_put(fs, ref);
		return -EPERM;
	}
	return result;
}

/* What lies under a name that was just made.  Somebody may have put something else there on the
 * source meanwhile, which is as good, if it is of the sort that the kernel will take. */
static int enter_made(struct pt *fs, int dir_fd, const char *name, uint32_t mode,
		      struct llfused_entry *out)
{
	struct statx stx;
	int fd = pt_sys_open(dir_fd, name, O_PATH | O_NOFOLLOW, 0);
	int result;

	/* It is there: it is not to fail now for want of a descriptor. */
	if (fd == -EMFILE && pt_budget_squeeze(fs))
		fd = pt_sys_open(dir_fd, name, O_PATH | O_NOFOLLOW, 0);
	if (fd < 0)
		return fd;
	result = pt_sys_stat(fd, "", &stx);
	if (result == 0 && (stx.stx_mode & S_IFMT) != (mode & S_IFMT))
		result = -EIO;
	if (result == 0 && !S_ISLNK(mode))
		result = pt_names_mend_mode(fs, fd, mode, &stx);
	if (result) {
		close(fd);
		return result;
	}
	return pt_names_enter(fs, fd, &stx, out);
}

/* What is to be made.  A symbolic link has a target. */
struct wanted {
	uint32_t mode; /* with S_IFMT */
	dev_t rdev;
	const char *target;
};

static int make(int dir_fd, const char *name, const struct wanted *w)
{
	int result;

	if (S_ISDIR(w->mode))
		result = mkdirat(dir_fd, name, w->mode & 07777);
	else if (w->target)
		result = symlinkat(w->target, dir_fd, name);
	else
		result = mknodat(dir_fd, name, w->mode, w->rdev);
	return result < 0 ? -errno : 0;
}

static int make_and_enter(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			  const struct wanted *w, struct llfused_entry *out)
{
	struct pt *fs = pt_of(ctx);
	struct pt_creds creds;
	struct pt_ref dir;
	int result = pt_names_begin(ctx, parent, PT_WORK_CHANGE, &dir);

	if (result)
		return result;
	result = pt_creds_begin(fs, ctx, &creds);
	if (result == 0) {
		result = make(dir.fd, name, w);
		pt_creds_end(&creds);
	}
	if (result == 0)
		result = enter_made(fs, dir.fd, name, w->mode, out);
	pt_node_put(fs, &dir);
	return result;
}

int pt_names_symlink(struct llfused_ctx *ctx, uint64_t parent, const char *name, const char *target,
		     struct llfused_entry *out)
{
	const struct wanted w = {.mode = S_IFLNK, .target = target};

	return make_and_enter(ctx, parent, name, &w, out);
}

int pt_names_mknod(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		   uint64_t rdev, struct llfused_entry *out)
{
	const struct wanted w = {.mode = pt_names_mode(pt_of(ctx), mode, false), .rdev = rdev};

	if (S_ISDIR(mode) || S_ISLNK(mode))
		return -EINVAL;
	return make_and_enter(ctx, parent, name, &w, out);
}

int pt_names_mkdir(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		   struct llfused_entry *out)
{
	const struct wanted w = {.mode = S_IFDIR | pt_names_mode(pt_of(ctx), mode & 07777, true)};

	return make_and_enter(ctx, parent, name, &w, out);
}

/* By the descriptor, which takes CAP_DAC_READ_SEARCH; else by its path. */
static int link_inode(int fd, int dir_fd, const char *name)
{
	char path[32];

	if (linkat(fd, "", dir_fd, name, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	pt_sys_fd_path(path, fd);
	return linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

int pt_names_link(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t newparent, const char *newname,
		  struct llfused_entry *out)
{
	struct pt *fs = pt_of(ctx);
	struct pt_ref dir, ref;
	int result = pt_names_begin(ctx, newparent, PT_WORK_CHANGE, &dir);

	if (result)
		return result;
	result = pt_names_begin(ctx, nodeid, PT_WORK_CHANGE, &ref);
	if (result == 0) {
		result = link_inode(ref.fd, dir.fd, newname);
		if (result == 0)
			result = pt_names_enter_ref(fs, &ref, out);
		pt_node_put(fs, &ref);
	}
	pt_node_put(fs, &dir);
	return result;
}
