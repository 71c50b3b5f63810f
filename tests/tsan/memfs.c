/*
 * The stress of memfs's names as a plain program, to be built with the thread sanitizer.
 * Usage: memfs [SCALE], where 1 takes a second or two without the sanitizer.
 */
#include <errno.h>
#include <llfused/backend.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/memfs_stress.h"

#define WATCHDOG 120 /* seconds, for each unit of the scale */

/* Of the daemon, which is not here: nobody is in any further group. */
int llfused_groups(const struct llfused_ctx *ctx, uint32_t *list, size_t max)
{
	(void)ctx;
	(void)list;
	(void)max;
	return 0;
}

/* The rest is for the store of file data that is not used here. */
int llfused_backing_open(int fd, uint32_t *id)
{
	(void)fd;
	(void)id;
	return -EPERM;
}

int llfused_backing_close(uint32_t id)
{
	(void)id;
	return -ENOENT;
}

int llfused_notify_inval_inode(uint64_t nodeid, int64_t offset, int64_t length)
{
	(void)nodeid;
	(void)offset;
	(void)length;
	return -ENOTCONN;
}

int llfused_fatal(const char *format, ...)
{
	fprintf(stderr, "memfs-stress: %s\n", format);
	abort();
}

int main(int argc, char **argv)
{
	unsigned scale = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
	const char *wrong;

	alarm(WATCHDOG * scale);
	wrong = memfs_stress(scale);
	if (wrong)
		printf("memfs-stress: %s\n", wrong);
	printf("memfs-stress: %d passed, %d failed\n", !wrong, wrong != NULL);
	return wrong ? 1 : 0;
}
