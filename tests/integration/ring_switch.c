/*
 * The kernel's switch for FUSE over io_uring: on while the suite runs, then as it was.  It is read
 * when a connection is made, so that tests which run at the same time cannot each have it their own
 * way; suites that run at the same time wait for each other before one puts it back.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define SWITCH "/sys/module/fuse/parameters/enable_uring"

static int fd = -1;
static char before; /* 'Y' or 'N'; 0: there is none */

static void set(char value)
{
	if (pwrite(fd, &value, 1, 0) != 1)
		perror(SWITCH);
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	(void)tests;
	fd = open(SWITCH, O_RDWR | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_SH) < 0 || pread(fd, &before, 1, 0) != 1)
		return;
	if (before == 'N')
		set('Y');
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	if (before == 'N' && flock(fd, LOCK_EX) == 0)
		set('N');
	if (fd >= 0)
		close(fd);
}
