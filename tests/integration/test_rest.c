/*
 * What few backends have: waiting locks by the hundred, bmap, lseek, fallocate, copy_file_range.
 * See testfs/devfs.c and testfs/rangefs.c.
 */
#include "callers.h"
#include "files.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void start(struct daemon *d, const char *backend, const char *option)
{
	*d = (struct daemon){.testfs = true, .backend = backend};
	daemon_start(d, option, NULL);
}

static int open_file(const struct daemon *d, const char *name)
{
	int fd = open(daemon_path(d, "%s", name), O_RDWR | O_CLOEXEC);

	cr_assert(fd >= 0, "%s: %s", name, strerror(errno));
	return fd;
}

/* ---- locks ---- */

#define WAITERS 600

struct crowd {
	const struct daemon *d;
	atomic_uint got, interrupted, failed;
};

static int ofd_lock(int fd, int cmd, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

	return fcntl(fd, cmd, &lock) < 0 ? errno : 0;
}

static void *wait_for_lock(void *arg)
{
	struct crowd *crowd = arg;
	int fd = open(daemon_path(crowd->d, "lock"), O_RDWR | O_CLOEXEC);
	int error = fd < 0 ? errno : ofd_lock(fd, F_OFD_SETLKW, F_RDLCK);

	atomic_fetch_add(error == 0       ? &crowd->got
			 : error == EINTR ? &crowd->interrupted
					  : &crowd->failed,
			 1);
	/* the kernel does not do it for locks of this sort */
	if (error == 0)
		ofd_lock(fd, F_OFD_SETLK, F_UNLCK);
	close(fd);
	return NULL;
}

static void stay_on_one_processor(void)
{
	cpu_set_t set, one;

	cr_assert_eq(sched_getaffinity(0, sizeof set, &set), 0);
	CPU_ZERO(&one);
	for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; cpu++)
		if (CPU_ISSET(cpu, &set))
			CPU_SET(cpu, &one);
	cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
}

static void check_waiting_locks(const char *workers)
{
	static pthread_t thread[WAITERS];
	struct crowd crowd = {.got = 0};
	pthread_attr_t small;
	struct daemon d;
	int fd;

	start(&d, "devfs", workers);
	crowd.d = &d;
	stay_on_one_processor();
	callers_catch(SIGUSR1);
	fd = open_file(&d, "lock");
	cr_assert_eq(ofd_lock(fd, F_OFD_SETLK, F_WRLCK), 0);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 128 * 1024);
	for (int i = 0; i < WAITERS; i++)
		cr_assert_eq(pthread_create(&thread[i], &small, wait_for_lock, &crowd), 0);
	cr_assert(eventually(report_of(&d, "waiting") == WAITERS), "%s", report_text(&d));
	/* one of them is interrupted, and only that one goes */
	cr_assert_eq(pthread_kill(thread[300], SIGUSR1), 0);
	cr_assert_eq(pthread_join(thread[300], NULL), 0);
	cr_assert_eq(atomic_load(&crowd.interrupted), 1);
	cr_assert_eq(report_of(&d, "waiting"), WAITERS - 1);
	cr_assert_eq(report_of(&d, "interrupts"), 1);
	cr_assert_eq(atomic_load(&crowd.got), 0, "granted while it was held");
	/* from the same processor */
	cr_assert_eq(ofd_lock(fd, F_OFD_SETLK, F_UNLCK), 0);
	for (int i = 0; i < WAITERS; i++)
		if (i != 300)
			cr_assert_eq(pthread_join(thread[i], NULL), 0);
	cr_assert_eq(atomic_load(&crowd.got), WAITERS - 1);
	cr_assert_eq(atomic_load(&crowd.failed), 0);
	cr_assert(eventually(report_of(&d, "held") == 0));
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(rest, the_unlock_passes_600_waiting_locks_of_one_processor)
{
	check_waiting_locks("--workers=4");
}

FACT(rest, the_unlock_passes_600_waiting_locks_with_one_worker)
{
	check_waiting_locks("--workers=1");
}

FACT(rest, a_lock_beyond_max_pending_is_enolck)
{
	struct daemon d;
	pid_t waiter[2];
	int fd;

	start(&d, "devfs", "--max-pending=2");
	fd = open_file(&d, "lock");
	cr_assert_eq(callers_lock(fd, F_SETLK, F_WRLCK), 0);
	for (int i = 0; i < 2; i++)
		waiter[i] = harness_fork(callers_wait_for_lock, daemon_path(&d, "lock"));
	cr_assert(eventually(report_of(&d, "waiting") == 2));
	cr_assert_eq(harness_as(0, callers_wait_for_lock, daemon_path(&d, "lock")), ENOLCK);
	cr_assert_eq(callers_lock(fd, F_SETLK, F_UNLCK), 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(harness_reap(waiter[i], 5000), 0);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- bmap ---- */

/* The kernel asks only where there is a block device below, which takes a mount of type fuseblk:
 * the op itself is left to the unit tests. */
FACT(bmap, it_is_not_asked_of_a_mount_without_a_block_device)
{
	int block = 5, fd;
	struct daemon d;

	start(&d, "devfs", NULL);
	fd = open_file(&d, "dev");
	cr_assert_eq(ioctl(fd, FIBMAP, &block), 0, "%s", strerror(errno));
	cr_assert_eq(block, 0);
	cr_assert_eq(report_of(&d, "bmaps"), 0);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- lseek ---- */

#define BLOCK 4096

static bool says(const struct daemon *d, const char *line)
{
	return strstr(report_text(d), line) != NULL;
}

static int seek(int fd, off_t offset, int whence, off_t expected)
{
	off_t got = lseek(fd, offset, whence);

	if (got < 0)
		return errno;
	cr_assert_eq(got, expected, "%ld instead of %ld", (long)got, (long)expected);
	return 0;
}

FACT(lseek, data_and_holes_are_the_backends)
{
	struct daemon d;
	int fd;

	start(&d, "rangefs", NULL);
	fd = open_file(&d, "one");
	cr_assert_eq(pwrite(fd, "x", 1, 2 * BLOCK + 5), 1);
	cr_assert_eq(pwrite(fd, "y", 1, 7 * BLOCK), 1);
	cr_assert_eq(ftruncate(fd, 10 * BLOCK), 0);
	cr_assert_eq(seek(fd, 0, SEEK_DATA, 2 * BLOCK), 0);
	cr_assert(says(&d, "lseek node=2 fh=1 offset=0 whence=3\n"), "%s", report_text(&d));
	cr_assert_eq(seek(fd, 2 * BLOCK + 9, SEEK_DATA, 2 * BLOCK + 9), 0);
	cr_assert_eq(seek(fd, 2 * BLOCK, SEEK_HOLE, 3 * BLOCK), 0);
	cr_assert(says(&d, "lseek node=2 fh=1 offset=8192 whence=4\n"), "%s", report_text(&d));
	cr_assert_eq(seek(fd, 3 * BLOCK, SEEK_DATA, 7 * BLOCK), 0);
	cr_assert_eq(seek(fd, 8 * BLOCK, SEEK_DATA, 0), ENXIO);
	cr_assert_eq(seek(fd, 10 * BLOCK, SEEK_HOLE, 0), ENXIO);
	cr_assert_eq(ftruncate(fd, 7 * BLOCK + 1), 0);
	cr_assert_eq(seek(fd, 7 * BLOCK, SEEK_HOLE, 7 * BLOCK + 1), 0, "the end is a hole");
	/* the others are the kernel's own */
	cr_assert_eq(seek(fd, -1, SEEK_END, 7 * BLOCK), 0);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- fallocate ---- */

static blkcnt_t blocks_of(int fd)
{
	return files_stat(fd).st_blocks * 512 / BLOCK;
}

FACT(fallocate, each_mode_reaches_the_backend)
{
	char back[3 * BLOCK], text[3 * BLOCK];
	struct daemon d;
	int fd;

	start(&d, "rangefs", NULL);
	fd = open_file(&d, "two");
	cr_assert_eq(fallocate(fd, 0, 0, 3 * BLOCK), 0, "%s", strerror(errno));
	cr_assert(says(&d, "fallocate node=3 fh=1 mode=0 range=0+12288\n"), "%s", report_text(&d));
	cr_assert_eq(files_stat(fd).st_size, 3 * BLOCK);
	cr_assert_eq(blocks_of(fd), 3);
	cr_assert_eq(fallocate(fd, FALLOC_FL_KEEP_SIZE, 3 * BLOCK, 2 * BLOCK), 0);
	cr_assert(says(&d, "mode=1 range=12288+8192\n"), "%s", report_text(&d));
	cr_assert_eq(files_stat(fd).st_size, 3 * BLOCK);
	cr_assert_eq(blocks_of(fd), 5);
	memset(text, 't', sizeof text);
	cr_assert_eq(pwrite(fd, text, sizeof text, 0), (ssize_t)sizeof text);
	cr_assert_eq(pread(fd, back, sizeof back, 0), (ssize_t)sizeof back);
	cr_assert_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, BLOCK, BLOCK), 0);
	cr_assert(says(&d, "mode=3 range=4096+4096\n"), "%s", report_text(&d));
	cr_assert_eq(blocks_of(fd), 4);
	cr_assert_eq(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 100), 0);
	cr_assert(says(&d, "mode=16 range=0+100\n"), "%s", report_text(&d));
	/* what was cached is not what is seen */
	memset(text, 0, 100);
	memset(text + BLOCK, 0, BLOCK);
	cr_assert_eq(pread(fd, back, sizeof back, 0), (ssize_t)sizeof back);
	cr_assert_eq(memcmp(back, text, sizeof back), 0);
	cr_assert_eq(fallocate(fd, FALLOC_FL_ZERO_RANGE, 5 * BLOCK, BLOCK), 0);
	cr_assert_eq(files_stat(fd).st_size, 6 * BLOCK);
	cr_assert_eq(fallocate(fd, 0, 0, 65 * BLOCK), -1);
	cr_assert_eq(errno, ENOSPC);
	cr_assert_eq(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, BLOCK), -1);
	cr_assert_eq(errno, EOPNOTSUPP);
	cr_assert(says(&d, "mode=0 range=0+266240\n"), "the kernel lets the last one through");
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- copy_file_range ---- */

#define COPIED 50000 /* by one call, at most */

FACT(copy_file_range, the_backend_copies_between_two_files)
{
	static char text[60000], back[60000];
	off_t from = 1000, to = 3;
	struct daemon d;
	int one, two;

	start(&d, "rangefs", NULL);
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)(i % 251);
	one = open_file(&d, "one");
	two = open_file(&d, "two");
	cr_assert_eq(pwrite(one, text, sizeof text, 0), (ssize_t)sizeof text);
	/* cached, so that it is seen to be dropped */
	cr_assert_eq(pwrite(two, "old old old", 11, 0), 11);
	cr_assert_eq(pread(two, back, sizeof back, 0), 11);
	cr_assert_eq(copy_file_range(one, &from, two, &to, sizeof text, 0), COPIED, "%s",
		     strerror(errno));
	cr_assert(says(&d, "copy from=2@1000 to=3@3 length=59000 flags=0 fhs=1\n"), "%s",
		  report_text(&d));
	cr_assert_eq(from, 1000 + COPIED);
	cr_assert_eq(to, 3 + COPIED);
	/* the rest, and then the end */
	cr_assert_eq(copy_file_range(one, &from, two, &to, sizeof text, 0), 9000);
	cr_assert_eq(copy_file_range(one, &from, two, &to, sizeof text, 0), 0);
	cr_assert_eq(files_stat(two).st_size, 59003);
	cr_assert_eq(pread(two, back, sizeof back, 0), 59003);
	cr_assert_eq(memcmp(back, "old", 3), 0);
	cr_assert_eq(memcmp(back + 3, text + 1000, 59000), 0);
	close(one);
	close(two);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(copy_file_range, within_one_file_and_beyond_its_limit)
{
	off_t from = 0, to = 2 * BLOCK;
	struct daemon d;
	char back[8] = "";
	int fd;

	start(&d, "rangefs", NULL);
	fd = open_file(&d, "one");
	cr_assert_eq(pwrite(fd, "seven..", 7, 0), 7);
	cr_assert_eq(copy_file_range(fd, &from, fd, &to, 5, 0), 5);
	cr_assert_eq(pread(fd, back, 7, 2 * BLOCK), 5);
	cr_assert_str_eq(back, "seven");
	from = 0;
	to = 64 * BLOCK - 2;
	cr_assert_eq(copy_file_range(fd, &from, fd, &to, 5, 0), -1);
	cr_assert_eq(errno, EFBIG);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}
