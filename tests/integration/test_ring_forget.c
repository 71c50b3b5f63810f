/*
 * FORGETs beside FUSE over io_uring: the reader of /dev/fuse lets them pile up, so that deleting
 * files does not wake it for each.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define FILES 4000

static double milliseconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static unsigned long forget_messages(const struct daemon *d)
{
	struct counters c;

	counters_read(d, &c);
	return counters_of(&c, "FORGET") + counters_of(&c, "BATCH_FORGET");
}

static void make_files(const struct daemon *d)
{
	for (int i = 0; i < FILES; i++) {
		char *path = daemon_path(d, "f%d", i);
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		cr_assert_geq(fd, 0);
		close(fd);
		free(path);
	}
}

static void delete_files(const struct daemon *d)
{
	for (int i = 0; i < FILES; i++) {
		char *path = daemon_path(d, "f%d", i);

		cr_assert_eq(unlink(path), 0);
		free(path);
	}
}

FACT(ring_forget, deleting_files_sends_at_most_one_message_a_millisecond)
{
	struct daemon d = {0};
	unsigned long before, after;
	double begin, took;

	daemon_start(&d, "--transport=uring", NULL);
	make_files(&d);
	before = forget_messages(&d);
	begin = milliseconds_now();
	delete_files(&d);
	took = milliseconds_now() - begin;
	after = forget_messages(&d);
	/* the last ones come while the counters are asked for */
	cr_assert_lt((double)(after - before), took + 20, "%lu messages in %.0f ms", after - before,
		     took);
	cr_assert_eq(daemon_unmount(&d), 0);
}
