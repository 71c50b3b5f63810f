/*
 * The source directory and the mounts beneath it.
 * Knows nothing of inodes.
 */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "creds.h"
#include "kind.h"
#include "passthrough.h"
#include "system.h"

#define FOUND_MAX (PT_MOUNTS_MAX * 2) /* places of the hash: never more than half are in use */

static uint64_t dev_of(const struct statx *stx)
{
	return makedev(stx->stx_dev_major, stx->stx_dev_minor);
}

static uint32_t place_of(uint64_t id, uint64_t dev)
{
	uint64_t mixed = (id ^ dev << 20) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(mixed >> 40) % FOUND_MAX;
}

/* The index of the mount, or -ENOENT and the place where it would stand. */
static int find(const struct pt_source *s, uint64_t id, uint64_t dev, uint32_t *place)
{
	uint32_t at = place_of(id, dev);
	unsigned index;

	for (;; at = (at + 1) % FOUND_MAX) {
		index = atomic_load_explicit(&s->found[at], memory_order_acquire);
		if (!index)
			break;
		if (s->mounts[index - 1].id == id && s->mounts[index - 1].dev == dev)
			return (int)index - 1;
	}
	*place = at;
	return -ENOENT;
}

int pt_source_known(const struct pt *fs, const struct statx *stx)
{
	uint64_t dev = dev_of(stx);
	uint32_t place;

	if (fs->own_dev && dev == fs->own_dev)
		return -ELOOP;
	return find(&fs->source, stx->stx_mnt_id, dev, &place);
}

/* The lock is held; the place is free. */
static int add(struct pt_source *s, struct pt_mount *mount, uint32_t place)
{
	unsigned index = atomic_load_explicit(&s->nmounts, memory_order_relaxed);

	if (index == PT_MOUNTS_MAX)
		return -ENFILE;
	s->mounts[index] = *mount;
	atomic_store_explicit(&s->nmounts, index + 1, memory_order_relaxed);
	atomic_store_explicit(&s->found[place], (uint16_t)(index + 1), memory_order_release);
	return (int)index;
}

int pt_source_mount(struct pt *fs, int fd, const struct statx *stx)
{
	struct pt_source *s = &fs->source;
	struct pt_mount mount = {.id = stx->stx_mnt_id, .dev = dev_of(stx)};
	int known = pt_source_known(fs, stx);
	uint32_t place = 0;
	int result;

	if (known != -ENOENT)
		return known;
	/* Others may find the same one meanwhile: only one is kept. */
	result = pt_kind_look(fd, stx, &mount);
	if (result)
		return result;
	pthread_mutex_lock(&s->lock);
	result = find(s, mount.id, mount.dev, &place);
	known = result;
	if (result == -ENOENT)
		result = add(s, &mount, place);
	pthread_mutex_unlock(&s->lock);
	if (known >= 0 || result < 0)
		close(mount.fd);
	return result;
}

static int refuse(struct llfused_error *error, const char *path, int result)
{
	const char *why;

	if (result == -ENOENT)
		why = "there is no such directory; make it, or give another one as --source=DIR";
	else if (result == -ENOTDIR)
		why = "it is not a directory; give the directory in which it lies";
	else if (result == -EACCES || result == -EPERM)
		why = "no permission to enter it; start as a user who may, or give another one";
	else if (result == -ELOOP)
		why = "too many symbolic links, or a circle of them";
	else if (result == -ENOTCONN)
		why = "the file system there has gone; unmount it (umount -l) first";
	else
		why = strerror(-result);
	snprintf(error->text, sizeof(error->text), "source '%.100s': %s", path, why);
	return result;
}

static int open_root(struct pt_source *s, const char *path)
{
	s->path = realpath(path, NULL);
	if (!s->path)
		return -errno;
	s->root_fd = open(s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->root_fd < 0)
		return -errno;
	/* To search it is what is needed; O_PATH alone does not ask for that. */
	if (faccessat(s->root_fd, ".", X_OK, AT_EACCESS) < 0)
		return -errno;
	return 0;
}

int pt_source_open(struct pt *fs, const char *path, struct llfused_error *error)
{
	struct pt_source *s = &fs->source;
	struct statx stx;
	int result;

	memset(s, 0, sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->root_fd = -1;
	s->mounts = calloc(PT_MOUNTS_MAX, sizeof(*s->mounts));
	s->found = calloc(FOUND_MAX, sizeof(*s->found));
	result = s->mounts && s->found ? open_root(s, path) : -ENOMEM;
	if (!result)
		result = pt_sys_stat(s->root_fd, "", &stx);
	if (!result)
		result = pt_source_mount(fs, s->root_fd, &stx);
	if (result >= 0)
		return 0;
	refuse(error, path, result);
	pt_source_close(fs);
	return result;
}

void pt_source_close(struct pt *fs)
{
	struct pt_source *s = &fs->source;

	/* Never opened. */
	if (!s->mounts && !s->found)
		return;
	for (unsigned i = 0; s->mounts && i < atomic_load(&s->nmounts); i++)
		close(s->mounts[i].fd);
	if (s->root_fd >= 0)
		close(s->root_fd);
	free(s->path);
	free(s->mounts);
	free((void *)s->found);
	pthread_mutex_destroy(&s->lock);
	memset(s, 0, sizeof(*s));
	s->root_fd = -1;
}

int pt_source_pace(const struct pt *fs, const struct llfused_ctx *ctx, uint32_t mount,
		   enum pt_work work)
{
	enum pt_pace pace = pt_mount_at(&fs->source, mount)->pace;

	/* A server is told the group of who asks. */
	if (work >= PT_WORK_CHANGE || pace == PT_PACE_SLOW)
		pt_creds_restore();
	if (ctx->flags & LLFUSED_CTX_MAY_SLEEP)
		return 0;
	switch (pace) {
	case PT_PACE_MEMORY:
		return work == PT_WORK_LONG ? LLFUSED_AGAIN : 0;
	case PT_PACE_DISK:
		return work == PT_WORK_INODE ? 0 : LLFUSED_AGAIN;
	default:
		return LLFUSED_AGAIN;
	}
}

bool pt_source_stops_at(const struct pt *fs, uint32_t mount)
{
	const struct pt_mount *mounts = fs->source.mounts;

	/* Other devices of the same mount are subvolumes, which belong to the source. */
	return !fs->options.submounts && mounts[mount].id != mounts[0].id;
}
