/*
 * What an older kernel or a sandbox lacks: the daemon takes the next way, says so, and serves.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As <linux/fuse.h> of newer kernels has them. */
#define DEV_IOC_CLONE     0x8004e500u
#define DEV_IOC_SYNC_INIT 0xe503u

#define NO_IO_URING \
	{ \
		SYS_io_uring_setup, 0, EPERM \
	}
#define NO_CLONE \
	{ \
		SYS_ioctl, DEV_IOC_CLONE, EINVAL \
	}
#define NO_SYNC_INIT \
	{ \
		SYS_ioctl, DEV_IOC_SYNC_INIT, ENOTTY \
	}
#define NO_FSOPEN \
	{ \
		SYS_fsopen, 0, ENOSYS \
	}

/* Some work that needs several workers' worth of requests, then both ways to end. */
static void check_serves(struct daemon *d, const char *transport, const char *expected)
{
	char text[4] = "";
	int fd;

	daemon_start(d, transport, NULL);
	cr_assert(eventually(daemon_log_has(d, 0, expected)), "'%s' is missing: %s", expected,
		  daemon_log(d, 0));
	for (int i = 0; i < 50; i++)
		cr_assert_eq(mkdir(daemon_path(d, "dir%d", i), 0755), 0, "%s", strerror(errno));
	fd = open(daemon_path(d, "dir7/file"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(write(fd, "abc", 3), 3);
	cr_assert_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	cr_assert_eq(pread(fd, text, 3, 0), 3);
	cr_assert_str_eq(text, "abc");
	close(fd);
}

#define DENY(...) \
	.deny = (const struct deny[]){__VA_ARGS__}, \
	.ndeny = sizeof((const struct deny[]){__VA_ARGS__}) / sizeof(struct deny)

FACT(fallback, without_io_uring_it_reads_and_writes_and_says_so)
{
	struct daemon d = {DENY(NO_IO_URING)};

	check_serves(&d, "--transport=auto", "transport=dev (read/write");
	cr_assert(daemon_log_has(&d, 0, "io_uring cannot be used"));
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(fallback, io_uring_by_name_is_an_error_where_it_cannot_be_used)
{
	struct daemon d = {DENY(NO_IO_URING)};

	daemon_spawn(&d, "--io=uring", NULL);
	cr_assert_eq(daemon_wait(&d), 2);
	cr_assert(daemon_log_has(&d, 0, "--io=plain"), "%s", daemon_log(&d, 0));
	cr_assert(!daemon_mounted(&d), "the mount was left behind");
}

FACT(fallback, without_clones_the_ring_serves_and_forgets_come_by_the_shared_descriptor)
{
	struct daemon d = {DENY(NO_CLONE)};

	check_serves(&d, "--transport=uring", "transport=uring (");
	cr_assert_eq(daemon_unmount(&d), 0);
}

FACT(fallback, the_ring_by_name_is_an_error_that_says_why_where_it_cannot_be_used)
{
	struct daemon d = {DENY(NO_IO_URING)};
	char *text;

	daemon_spawn(&d, "--transport=uring", NULL);
	cr_assert_eq(daemon_wait(&d), 2);
	text = daemon_log(&d, 0);
	cr_assert_not_null(strstr(text, "transport uring"), "%s", text);
	cr_assert_not_null(strstr(text, "seccomp"), "%s", text);
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "not one line: %s", text);
	cr_assert(!daemon_mounted(&d), "the mount was left behind");
}

FACT(fallback, without_clones_the_workers_share_one_descriptor)
{
	struct daemon d = {DENY(NO_CLONE)}, plain = {DENY(NO_CLONE, NO_IO_URING)};

	check_serves(&d, "--transport=dev", "one shared descriptor");
	cr_assert_eq(daemon_unmount(&d), 0);
	check_serves(&plain, "--transport=dev", "one shared descriptor");
	cr_assert_eq(daemon_stop(&plain), 0);
}

FACT(fallback, without_synchronous_init_the_answer_follows_the_mount)
{
	struct daemon d = {DENY(NO_SYNC_INIT)};

	check_serves(&d, NULL, "mount=fsmount sync_init=0");
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(fallback, without_fsopen_it_mounts_by_mount_2)
{
	struct daemon d = {DENY(NO_FSOPEN)},
		      old = {DENY(NO_FSOPEN, NO_SYNC_INIT, NO_CLONE, NO_IO_URING)};

	check_serves(&d, NULL, "mount=mount");
	cr_assert_eq(daemon_unmount(&d), 0);
	check_serves(&old, "--transport=auto", "mount=mount");
	cr_assert_eq(daemon_stop(&old), 0);
}
