/*
 * Open files: the table of handles; open, flush and release.
 * Knows nothing of how data is read and written, nor which mode an inode is open in and why.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file_impl.h"
#include "lock.h"
#include "passthrough.h"
#include "reaper.h"
#include "system.h"

#define HANDLES_MAX (1u << 22) /* more than descriptors can be had */

/* What is opened on the source.  The rest is the kernel's on the mount, or is done for each request
 * by its own flags: O_DIRECT asks for aligned buffers, O_APPEND spoils offsets, O_SYNC syncs what
 * is synced by a request of its own. */
#define SOURCE_FLAGS (O_ACCMODE | O_TRUNC)

/* ---- the table ---- */

int pt_files_open(struct pt *fs, struct llfused_error *error)
{
	struct pt_files *files = calloc(1, sizeof(*files));

	if (!files || pt_slab_open(&files->handles, sizeof(struct pt_file), HANDLES_MAX)) {
		free(files);
		snprintf(error->text, sizeof(error->text), "no memory for the table of open files");
		return -ENOMEM;
	}
	pthread_mutex_init(&files->lock, NULL);
	for (size_t i = 0; i < PT_FILE_LOCKS; i++)
		pthread_mutex_init(&files->node[i], NULL);
	fs->files = files;
	return 0;
}

/* The node is set last and unset first: by it a record is seen to be in use. */
static void set_node(struct pt_file *file, struct pt_node *node)
{
	__atomic_store_n(&file->node, node, __ATOMIC_RELEASE);
}

static struct pt_node *node_of(const struct pt_file *file)
{
	return __atomic_load_n(&file->node, __ATOMIC_ACQUIRE);
}

struct pt_file *pt_file_at(const struct pt *fs, uint64_t fh)
{
	struct pt_file *file;

	if (fh == 0 || fh > atomic_load_explicit(&fs->files->highest, memory_order_relaxed))
		return NULL;
	file = pt_slab_at(&fs->files->handles, (uint32_t)(fh - 1));
	return node_of(file) ? file : NULL;
}

/* fd, flags and node are set by the caller, the node last. */
static struct pt_file *take_handle(struct pt_files *files, uint64_t *fh)
{
	uint32_t index;

	pthread_mutex_lock(&files->lock);
	index = pt_slab_take(&files->handles);
	if (index != PT_SLAB_NONE && index >= files->highest)
		files->highest = (uint64_t)index + 1;
	pthread_mutex_unlock(&files->lock);
	if (index == PT_SLAB_NONE)
		return NULL;
	*fh = (uint64_t)index + 1;
	return pt_slab_at(&files->handles, index);
}

static void give_handle(struct pt_files *files, uint64_t fh)
{
	pthread_mutex_lock(&files->lock);
	set_node(pt_slab_at(&files->handles, (uint32_t)(fh - 1)), NULL);
	pt_slab_give(&files->handles, (uint32_t)(fh - 1));
	pthread_mutex_unlock(&files->lock);
}

/* What is to be known of an inode before its descriptor is closed. */
struct last_look {
	bool nameless;
	bool slow; /* the close may be */
};

static struct last_look look(const struct pt *fs, const struct pt_file *file)
{
	enum pt_pace pace = pt_mount_at(&fs->source, file->node->mount)->pace;
	struct last_look l = {.slow = pt_close_is_slow(pace, false, 0)};
	struct stat st;

	if (l.slow || fstat(file->fd, &st) < 0)
		return l;
	l.nameless = st.st_nlink == 0;
	l.slow = pt_close_is_slow(pace, l.nameless, (uint64_t)st.st_blocks);
	return l;
}

static void end_handle(struct pt *fs, struct pt_file *file, uint64_t fh)
{
	const struct pt_file copy = *file;
	const struct last_look l = look(fs, file);

	give_handle(fs->files, fh);
	pt_file_leave(fs, &copy, l.nameless);
	if (l.slow)
		pt_reaper_close(fs, copy.fd);
	else
		close(copy.fd);
	pt_node_fd_free(fs);
	pt_node_drop(fs, copy.node);
}

void pt_files_close(struct pt *fs)
{
	struct pt_files *files = fs->files;

	for (uint64_t fh = 1; fh <= files->highest; fh++) {
		struct pt_file *file = pt_file_at(fs, fh);

		if (file)
			end_handle(fs, file, fh);
	}
	pt_slab_close(&files->handles);
	for (size_t i = 0; i < PT_FILE_LOCKS; i++)
		pthread_mutex_destroy(&files->node[i]);
	pthread_mutex_destroy(&files->lock);
	free(files);
	fs->files = NULL;
}

/* ---- opening ---- */

/* The file system says no to O_DIRECT at the open, and so would the kernel's own open of it later,
 * where nobody can be told. */
static int check_direct(int fd, uint32_t flags)
{
	int now;

	if (!(flags & O_DIRECT))
		return 0;
	now = fcntl(fd, F_GETFL);
	if (now < 0 || fcntl(fd, F_SETFL, now | O_DIRECT) < 0)
		return -errno;
	return fcntl(fd, F_SETFL, now) < 0 ? -errno : 0;
}

/* Makes a handle for `fd`, which it takes over as pt_file_adopt() does; `mode` is that of a file
 * just made, else 0. */
static int make_handle(struct pt *fs, struct pt_file made, uint32_t mode, struct llfused_open *out)
{
	int ret = check_direct(made.fd, made.flags);
	struct pt_file *file = NULL;

	if (!ret) {
		file = take_handle(fs->files, &out->fh);
		ret = file ? 0 : -ENFILE;
	}
	if (!ret)
		ret = pt_file_join(fs, &made, mode, out);
	if (ret) {
		if (file)
			give_handle(fs->files, out->fh);
		close(made.fd);
		pt_node_fd_free(fs);
		return ret;
	}
	pt_node_hold(fs, made.node);
	file->fd = made.fd;
	file->flags = made.flags;
	file->mode = made.mode;
	set_node(file, made.node);
	return 0;
}

int pt_file_adopt(struct pt *fs, uint64_t nodeid, uint32_t mode, int fd, uint32_t flags,
		  struct llfused_open *out)
{
	struct pt_file made = {.fd = fd, .flags = flags, .node = pt_node_at(fs, nodeid)};

	return make_handle(fs, made, mode, out);
}

/* Reading through a mount that keeps access times as they are leaves them so on the source. */
static uint32_t atime_flag(const struct pt *fs, uint32_t flags)
{
	if (fs->mount_flags & (LLFUSED_MOUNT_NOATIME | LLFUSED_MOUNT_RDONLY))
		return O_NOATIME;
	return flags & O_NOATIME;
}

/* 0 and *fd, LLFUSED_AGAIN, or a negative errno. */
static int open_source(const struct pt *fs, const struct llfused_ctx *ctx, const struct pt_ref *ref,
		       uint32_t flags, int *fd)
{
	uint32_t atime = atime_flag(fs, flags);
	uint32_t how = flags & SOURCE_FLAGS;

	/* Somebody with a lease on the file may keep an open waiting for long. */
	if (!(ctx->flags & LLFUSED_CTX_MAY_SLEEP))
		how |= O_NONBLOCK;
	*fd = pt_sys_reopen(fs, ref->fd, how | atime);
	if (*fd == -EPERM && atime)
		*fd = pt_sys_reopen(fs, ref->fd, how); /* not our file */
	if (*fd == -EPERM && flags & O_APPEND)
		*fd = pt_sys_reopen(fs, ref->fd, how | O_APPEND); /* append-only */
	if (*fd == -EAGAIN && how & O_NONBLOCK)
		return LLFUSED_AGAIN;
	return *fd < 0 ? *fd : 0;
}

int pt_file_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags, struct llfused_open *out)
{
	struct pt *fs = pt_of(ctx);
	struct pt_ref ref;
	int fd;
	int ret =
		pt_node_begin(ctx, nodeid, flags & O_TRUNC ? PT_WORK_CHANGE : PT_WORK_INODE, &ref);

	if (ret)
		return ret;
	ret = pt_node_fd_take(fs);
	if (!ret) {
		ret = open_source(fs, ctx, &ref, flags, &fd);
		if (ret)
			pt_node_fd_free(fs);
		else
			ret = make_handle(
				fs, (struct pt_file){.fd = fd, .flags = flags, .node = ref.node}, 0,
				out);
	}
	pt_node_put(fs, &ref);
	return ret;
}

/* ---- closing ---- */

/* As if the file itself was closed: what has gone wrong late is told now. */
static int close_copy(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return -errno;
	return close(copy) < 0 ? -errno : 0;
}

int pt_file_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner)
{
	struct pt *fs = pt_of(ctx);
	struct pt_file *file = pt_file_at(fs, fh);
	int ret = 0;

	(void)nodeid;
	if (!file)
		return -EBADF;
	if (pt_mount_at(&fs->source, file->node->mount)->pace == PT_PACE_SLOW) {
		ret = pt_source_pace(fs, ctx, file->node->mount, PT_WORK_LONG);
		if (ret)
			return ret;
		ret = close_copy(file->fd);
	}
	if (fs->options.locks_source)
		pt_lock_flush(fs, file, lock_owner);
	return ret;
}

int pt_file_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		    uint64_t lock_owner)
{
	struct pt *fs = pt_of(ctx);
	struct pt_file *file = pt_file_at(fs, fh);
	int ret;

	(void)nodeid;
	(void)flags;
	if (!file)
		return -EBADF;
	if (fs->options.locks_source) {
		ret = pt_source_pace(fs, ctx, file->node->mount, PT_WORK_INODE);
		if (ret)
			return ret;
		pt_lock_release(fs, file, lock_owner);
	}
	end_handle(fs, file, fh);
	return 0;
}
