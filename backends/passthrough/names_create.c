/*
 * New files that are open at once: create and tmpfile.
 * Knows nothing of open modes and handles.
 */
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "attr.h"
#include "creds.h"
#include "file.h"
#include "names_impl.h"
#include "node_table.h"
#include "passthrough.h"
#include "system.h"

/* Opens a file that is made by it, as the caller.  Of the caller's flags only the access counts:
 * the others are for the requests on the open file. */
static int open_as(const struct llfused_ctx *ctx, int dir_fd, const char *name, uint32_t mode,
		   uint32_t flags, bool *limited)
{
	struct pt_creds creds;
	int fd;
	int result = pt_creds_begin(pt_of(ctx), ctx, &creds);

	if (result)
		return result;
	fd = pt_sys_open(dir_fd, name, flags, mode);
	pt_creds_end(&creds);
	*limited = creds.limited;
	return fd;
}

/* `mode` is settled. */
static int open_new(const struct llfused_ctx *ctx, int dir_fd, const char *name, uint32_t mode,
		    uint32_t flags)
{
	bool limited = false;
	int fd;

	mode &= 07777;
	if (mode & S_ISGID)
		pt_creds_restore();
	fd = open_as(ctx, dir_fd, name, mode, flags, &limited);
	if (limited && (fd == -EDQUOT || fd == -ENOSPC)) {
		pt_creds_restore();
		fd = open_as(ctx, dir_fd, name, mode, flags, &limited);
	}
	return fd;
}

static bool is_behind(int path_fd, int fd, struct statx *stx)
{
	struct stat st;

	return pt_sys_stat(path_fd, "", stx) == 0 && fstat(fd, &st) == 0 &&
	       st.st_ino == stx->stx_ino &&
	       st.st_dev == makedev(stx->stx_dev_major, stx->stx_dev_minor);
}

/* An O_PATH descriptor of the open file, and its statx: by its name (NULL: it has none), which is
 * quicker, if nobody has put another file there. */
static int open_path(const struct pt *fs, int dir_fd, const char *name, int fd, struct statx *stx)
{
	int path_fd = name ? pt_sys_open(dir_fd, name, O_PATH | O_NOFOLLOW, 0) : -ENOENT;
	int result;

	if (path_fd >= 0) {
		if (is_behind(path_fd, fd, stx))
			return path_fd;
		close(path_fd);
	}
	path_fd = pt_sys_reopen(fs, fd, O_PATH);
	if (path_fd < 0)
		return path_fd;
	result = pt_sys_stat(path_fd, "", stx);
	if (result) {
		close(path_fd);
		return result;
	}
	return path_fd;
}

static int enter_open(struct pt *fs, int dir_fd, const char *name, int fd, uint32_t mode,
		      struct llfused_entry *entry)
{
	struct statx stx;
	int path_fd = open_path(fs, dir_fd, name, fd, &stx);
	int result;

	/* The file is there: it is not to fail now for want of a descriptor. */
	if (path_fd == -EMFILE && pt_budget_squeeze(fs))
		path_fd = open_path(fs, dir_fd, name, fd, &stx);
	if (path_fd < 0)
		return path_fd;
	result = pt_names_mend_mode(fs, path_fd, mode, &stx);
	if (result) {
		close(path_fd);
		return result;
	}
	return pt_names_enter(fs, path_fd, &stx, entry);
}

/* The open file `fd`, taken over, gets a node and a handle.  The file stays even if they cannot be
 * had. */
static int adopt(struct pt *fs, int fd, uint32_t flags, struct llfused_entry *entry,
		 struct llfused_open *out)
{
	bool noatime = flags & O_NOATIME || fs->mount_flags & LLFUSED_MOUNT_NOATIME;
	int result;

	/* Not at the open: a server may have given the file to another owner, whose right it is. */
	if (noatime)
		fcntl(fd, F_SETFL, O_NOATIME);
	result = pt_file_adopt(fs, entry->nodeid, entry->attr.mode, fd, flags, out);
	if (result) {
		pt_node_unlook(fs, entry->nodeid);
		return result;
	}
	/* The kernel looks at the attributes once more before it gives the file to the caller.
	 * Where they are not to be cached, they are for the tick in which the file was made: else
	 * each create takes a getattr. */
	if (entry->attr_timeout > 0 && pt_attr_timeout(fs, pt_node_at(fs, entry->nodeid)) == 0)
		entry->attr_timeout = 1;
	return 0;
}

static int create_in(struct llfused_ctx *ctx, int dir_fd, const char *name, uint32_t mode,
		     uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	const uint32_t how =
		(flags & O_ACCMODE) | (name ? O_CREAT | O_EXCL : O_TMPFILE | (flags & O_EXCL));
	struct pt *fs = pt_of(ctx);
	int fd, result;

	mode = pt_names_mode(fs, mode, false);
	result = pt_node_fd_take(fs);
	if (result)
		return result;
	fd = open_new(ctx, dir_fd, name ? name : ".", mode, how);
	result = fd < 0 ? fd : enter_open(fs, dir_fd, name, fd, mode, entry);
	if (result == 0)
		return adopt(fs, fd, flags & ~(uint32_t)(O_CREAT | O_EXCL | O_TRUNC), entry, out);
	if (fd >= 0)
		close(fd);
	pt_node_fd_free(fs);
	return result;
}

/*
 * A file that is there already is not opened here: the kernel believed that it was not, and so has
 * not checked whether the caller may.  -ESTALE has it look anew, and then it sends an open.
 */
int pt_names_create(struct llfused_ctx *ctx, uint64_t parent, const char *name, uint32_t mode,
		    uint32_t flags, struct llfused_entry *entry, struct llfused_open *out)
{
	struct pt_ref dir;
	int result = pt_names_begin(ctx, parent, PT_WORK_MAKE, &dir);

	if (result)
		return result;
	result = create_in(ctx, dir.fd, name, mode, flags, entry, out);
	pt_node_put(pt_of(ctx), &dir);
	return result == -EEXIST && !(flags & O_EXCL) ? -ESTALE : result;
}

int pt_names_tmpfile(struct llfused_ctx *ctx, uint64_t parent, uint32_t mode, uint32_t flags,
		     struct llfused_entry *entry, struct llfused_open *out)
{
	struct pt_ref dir;
	int result = pt_names_begin(ctx, parent, PT_WORK_MAKE, &dir);

	if (result)
		return result;
	result = create_in(ctx, dir.fd, NULL, mode, flags, entry, out);
	pt_node_put(pt_of(ctx), &dir);
	return result;
}
