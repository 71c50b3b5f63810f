/*
 * Open directories: their handles, and what is done with one but listing it.
 * Knows nothing of entries.
 */
#include "dir.h"

#include "dir_list.h"
#include "passthrough.h"
#include "slab.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_OPEN (1u << 20)

struct handle {
	int fd; /* -1 at a mount where submounts=stop stops */
	uint16_t mount;
	pthread_mutex_t lock; /* of the listing */
	struct pt_listing listing;
};

struct pt_dirs {
	pthread_mutex_t lock;
	struct pt_slab slab; /* of struct handle */
};

/* What does not change as long as the directory is open. */
struct view {
	struct handle *handle;
	int fd;
	uint16_t mount;
};

int pt_dirs_open(struct pt *fs, struct llfused_error *error)
{
	struct pt_dirs *dirs = calloc(1, sizeof(*dirs));
	int result = dirs ? pt_slab_open(&dirs->slab, sizeof(struct handle), MOST_OPEN) : -ENOMEM;

	if (result) {
		free(dirs);
		snprintf(error->text, sizeof(error->text),
			 "no address space for open directories (%s): raise the limit (ulimit -v)",
			 strerror(-result));
		return result;
	}
	pthread_mutex_init(&dirs->lock, NULL);
	fs->dirs = dirs;
	return 0;
}

static struct handle *handle_at(const struct pt_dirs *dirs, uint32_t index)
{
	return pt_slab_at(&dirs->slab, index);
}

/* 0, or -EBADF: nothing is open there. */
static int look(const struct pt *fs, uint64_t fh, struct view *out)
{
	struct pt_dirs *dirs = fs->dirs;
	int result = -EBADF;

	pthread_mutex_lock(&dirs->lock);
	if (fh < MOST_OPEN && pt_slab_in_use(&dirs->slab, (uint32_t)fh)) {
		struct handle *handle = handle_at(dirs, (uint32_t)fh);

		*out = (struct view){handle, handle->fd, handle->mount};
		result = 0;
	}
	pthread_mutex_unlock(&dirs->lock);
	return result;
}

static void handle_close(struct handle *handle)
{
	if (handle->fd >= 0)
		close(handle->fd);
	pt_listing_free(&handle->listing);
	pthread_mutex_destroy(&handle->lock);
}

void pt_dirs_close(struct pt *fs)
{
	struct pt_dirs *dirs = fs->dirs;

	for (uint32_t i = 0; i < dirs->slab.used; i++)
		if (pt_slab_in_use(&dirs->slab, i))
			handle_close(handle_at(dirs, i));
	pt_slab_close(&dirs->slab);
	pthread_mutex_destroy(&dirs->lock);
	free(dirs);
	fs->dirs = NULL;
}

int pt_dir_fd(const struct pt *fs, uint64_t fh)
{
	struct view view;

	return look(fs, fh, &view) == 0 ? view.fd : -1;
}

/* ---- opendir, releasedir ---- */

/* Reading is not to move the access time if the caller or the mount says so, as far as the source's
 * file system lets us. */
static int open_again(const struct pt *fs, int fd, uint32_t flags)
{
	bool noatime = (flags & O_NOATIME) || (fs->mount_flags & LLFUSED_MOUNT_NOATIME);
	int result = -EPERM;

	if (noatime)
		result = pt_sys_reopen(fs, fd, O_RDONLY | O_DIRECTORY | O_NOATIME);
	return result == -EPERM ? pt_sys_reopen(fs, fd, O_RDONLY | O_DIRECTORY) : result;
}

/* A descriptor for a handle, counted; -1 in `*fd` where nothing is to be seen. */
static int open_counted(struct pt *fs, const struct pt_ref *ref, uint32_t flags, int *fd)
{
	int result;

	*fd = -1;
	if (pt_source_stops_at(fs, ref->node->mount))
		return 0;
	result = pt_node_fd_take(fs);
	if (result)
		return result;
	*fd = open_again(fs, ref->fd, flags);
	if (*fd >= 0)
		return 0;
	pt_node_fd_free(fs);
	return *fd;
}

/* fd is taken over, if there is room. */
static int make_handle(struct pt_dirs *dirs, int fd, uint16_t mount, uint64_t *fh)
{
	uint32_t index;

	pthread_mutex_lock(&dirs->lock);
	index = pt_slab_take(&dirs->slab);
	if (index != PT_SLAB_NONE) {
		struct handle *handle = handle_at(dirs, index);

		handle->fd = fd;
		handle->mount = mount;
		pthread_mutex_init(&handle->lock, NULL);
	}
	pthread_mutex_unlock(&dirs->lock);
	*fh = index;
	return index == PT_SLAB_NONE ? -ENFILE : 0;
}

static void close_counted(struct pt *fs, int fd)
{
	if (fd < 0)
		return;
	close(fd);
	pt_node_fd_free(fs);
}

static int open_handle(struct pt *fs, const struct pt_ref *ref, uint32_t flags, uint64_t *fh)
{
	int fd;
	int result = open_counted(fs, ref, flags, &fd);

	if (result)
		return result;
	result = make_handle(fs->dirs, fd, ref->node->mount, fh);
	if (result)
		close_counted(fs, fd);
	return result;
}

int pt_dir_opendir(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		   struct llfused_open *out)
{
	struct pt *fs = pt_of(ctx);
	struct pt_ref ref;
	int result = pt_node_begin(ctx, nodeid, PT_WORK_INODE, &ref);

	if (result)
		return result;
	result = open_handle(fs, &ref, flags, &out->fh);
	pt_node_put(fs, &ref);
	/* Otherwise the kernel would tell by mtime whether a listing that it has kept is still
	 * right, and two changes within a tick of the clock have the same. */
	out->flags = fs->options.cache == PT_CACHE_ALWAYS
			     ? LLFUSED_OPEN_KEEP_CACHE | LLFUSED_OPEN_CACHE_DIR
			     : 0;
	return result;
}

int pt_dir_releasedir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags)
{
	struct pt *fs = pt_of(ctx);
	struct pt_dirs *dirs = fs->dirs;
	struct view view;
	int result = look(fs, fh, &view);

	(void)nodeid;
	(void)flags;
	if (!result)
		result = pt_source_pace(fs, ctx, view.mount, PT_WORK_INODE);
	if (result)
		return result;
	/* the last listing has ended, which only the kernel knows yet */
	pthread_mutex_lock(&view.handle->lock);
	pthread_mutex_unlock(&view.handle->lock);
	pthread_mutex_lock(&dirs->lock);
	view.handle->fd = -1;
	handle_close(view.handle);
	pt_slab_give(&dirs->slab, (uint32_t)fh);
	pthread_mutex_unlock(&dirs->lock);
	close_counted(fs, view.fd);
	return 0;
}

/* ---- readdir, fsyncdir ---- */

int pt_dir_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		   struct llfused_dirents *dirents)
{
	struct pt *fs = pt_of(ctx);
	const struct pt_node *node = pt_node_at(fs, nodeid);
	struct view view;
	int result = node ? look(fs, fh, &view) : -ESTALE;

	if (result)
		return result;
	if (view.fd < 0)
		return pt_listing_nothing(fs, node, offset, dirents);
	result = pt_source_pace(fs, ctx, view.mount, PT_WORK_LOOK);
	if (result)
		return result;
	/* who lists may sleep, so we do not wait for him where we must not */
	if (ctx->flags & LLFUSED_CTX_MAY_SLEEP)
		pthread_mutex_lock(&view.handle->lock);
	else if (pthread_mutex_trylock(&view.handle->lock) != 0)
		return LLFUSED_AGAIN;
	result = pt_listing_tell(ctx, &view.handle->listing, view.fd, node, offset, dirents);
	pthread_mutex_unlock(&view.handle->lock);
	return result;
}

int pt_dir_fsyncdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, int datasync)
{
	const struct pt *fs = pt_of(ctx);
	struct view view;
	int result = look(fs, fh, &view);

	(void)nodeid;
	if (!result)
		result = pt_source_pace(fs, ctx, view.mount, PT_WORK_LONG);
	if (result || view.fd < 0)
		return result;
	return (datasync ? fdatasync(view.fd) : fsync(view.fd)) < 0 ? -errno : 0;
}
