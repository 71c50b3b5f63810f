/*
 * Neither of source and mount point may lie inside the other: told by walking up from each.
 * It must not know what a backend does with its source.
 */
#include "source_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

/* Newer than the headers of some. */
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U
#endif

#define DEPTH_MAX 8192 /* directories above each other; paths of more are not taken by anybody */

/* A directory, and the mount through which it is seen. */
struct spot {
	uint32_t dev_major, dev_minor;
	uint64_t ino;
	uint64_t mount; /* 0 where the kernel does not tell */
};

/* Asks no server that is far away, or gone. */
static bool look(int fd, struct spot *out)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID, &stx) < 0)
		return false;
	*out = (struct spot){
		.dev_major = stx.stx_dev_major,
		.dev_minor = stx.stx_dev_minor,
		.ino = stx.stx_ino,
		.mount = stx.stx_mask & STATX_MNT_ID ? stx.stx_mnt_id : 0,
	};
	return true;
}

static bool is_same(const struct spot *a, const struct spot *b)
{
	return a->dev_major == b->dev_major && a->dev_minor == b->dev_minor && a->ino == b->ino;
}

/* The directory above `fd`, which is closed; -1 at the root, or when it cannot be told. */
static int go_up(int fd, struct spot *spot)
{
	struct spot below = *spot;
	int above = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

	close(fd);
	if (above < 0)
		return -1;
	if (look(above, spot) && !(is_same(spot, &below) && spot->mount == below.mount))
		return above;
	close(above);
	return -1;
}

/* Is the directory `path` strictly below the one at `top`? */
static bool is_below(const char *path, const struct spot *top)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct spot spot;
	bool found = false;

	if (fd < 0 || !look(fd, &spot) || is_same(&spot, top)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	for (int i = 0; i < DEPTH_MAX && !found && (fd = go_up(fd, &spot)) >= 0; i++)
		found = is_same(&spot, top);
	if (fd >= 0)
		close(fd);
	return found;
}

static bool look_at(const char *path, struct spot *out)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool seen;

	if (fd < 0)
		return false;
	seen = look(fd, out);
	close(fd);
	return seen;
}

int source_check(const char *source, const char *mountpoint, struct err *err)
{
	struct spot spot;

	if (look_at(mountpoint, &spot) && is_below(source, &spot))
		return err_set(err, -EINVAL,
			       "source %s lies inside the mount point %s, which would hide it: "
			       "mount elsewhere",
			       source, mountpoint);
	if (look_at(source, &spot) && is_below(mountpoint, &spot))
		return err_set(err, -EINVAL,
			       "mount point %s lies inside the source %s, which would show itself: "
			       "mount elsewhere",
			       mountpoint, source);
	return 0;
}
