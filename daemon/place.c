/*
 * statx(2) in the two ways that matter for a mount point.
 * It must not know what the answer is for.
 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

/* Newer than the headers of Debian 12. */
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x00004000U
#endif

static int look(const char *path, int flags, unsigned mask, struct place *out)
{
	struct statx stx;

	flags |= AT_NO_AUTOMOUNT;
	if (statx(AT_FDCWD, path, flags, mask | STATX_MNT_ID_UNIQUE, &stx) < 0)
		return -errno;
	*out = (struct place){
		.dev = makedev(stx.stx_dev_major, stx.stx_dev_minor),
		.mode = stx.stx_mode,
		.id = stx.stx_mask & STATX_MNT_ID_UNIQUE ? stx.stx_mnt_id : 0,
	};
	return 0;
}

#define PATIENCE 1000 /* ms */

/* A daemon on FUSE over io_uring that is being killed cancels what its threads were to get, some
 * milliseconds before its connection ends. */
int place_ask(const char *path, struct place *out)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	int ret;

	for (int i = 0; i < PATIENCE; i++) {
		ret = look(path, AT_STATX_FORCE_SYNC, STATX_TYPE | STATX_MODE, out);
		if (ret != -ECANCELED)
			break;
		nanosleep(&moment, NULL);
	}
	return ret;
}

int place_look(const char *path, struct place *out)
{
	return look(path, AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW, 0, out);
}
