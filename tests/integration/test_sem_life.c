/*
 * The rules on a backend's life and on the threads that call it.
 */
#include "sem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHILDREN 4
#define ROUNDS   60

static char *read_text(const char *path)
{
	static char text[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof text - 1);

	cr_assert(n >= 0, "%s: %s", path, strerror(errno));
	close(fd);
	text[n] = '\0';
	return text;
}

/* The file has one line for each call of such a function, and one for the first request. */
SEM_FACT(life, init_comes_once_before_the_first_request_and_destroy_once_after_the_last)
{
	const char *life = harness_path("life");
	char option[256];
	struct daemon d;

	snprintf(option, sizeof option, "life=%s", life);
	sem_start(&d, backend, "-o", option, NULL);
	sem_put(&d, "f", "text");
	cr_assert_str_eq(sem_get(&d, "f"), "text");
	cr_assert_str_eq(read_text(life), "load\nready\ninit with the lock\nrequest\n");
	sem_stop(&d);
	cr_assert_str_eq(read_text(life), "load\nready\ninit with the lock\nrequest\n"
					  "destroy with the lock\nunload\n");
}

/* ---- threads ---- */

struct work {
	const struct daemon *d;
	int number;
};

static int work_once(const struct work *w, int round)
{
	char *path = daemon_path(w->d, "%d-%d", w->number, round), buf[8];
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644), ret = 0;
	struct stat st;

	if (fd < 0 || write(fd, "12345", 5) != 5 || pread(fd, buf, sizeof buf, 0) != 5)
		ret = EIO;
	close(fd);
	if (ret == 0 && (stat(path, &st) < 0 || st.st_size != 5 || unlink(path) < 0))
		ret = EIO;
	return ret;
}

static int work(void *arg)
{
	int ret = 0;

	for (int round = 0; ret == 0 && round < ROUNDS; round++)
		ret = work_once(arg, round);
	return ret;
}

static void work_in_parallel(const struct daemon *d)
{
	struct work w[CHILDREN];
	pid_t pid[CHILDREN];

	for (int i = 0; i < CHILDREN; i++) {
		w[i] = (struct work){.d = d, .number = i};
		pid[i] = harness_fork(work, &w[i]);
	}
	for (int i = 0; i < CHILDREN; i++)
		cr_assert_eq(harness_reap(pid[i], 20000), 0);
}

SEM_FACT(threads, with_one_worker_every_handler_is_called_in_one_and_the_same_thread)
{
	struct daemon d;

	sem_start(&d, backend, "--workers=1", NULL);
	work_in_parallel(&d);
	cr_assert_eq(sem_value("threads"), 1);
	cr_assert_eq(sem_value("calls.create"), CHILDREN * ROUNDS);
	sem_stop(&d);
}

/* That those of a serialized backend never overlap is seen at the end of every test. */
SEM_FACT(threads, with_several_workers_no_more_than_these_call_handlers)
{
	struct daemon d;

	sem_start(&d, backend, "--workers=4", NULL);
	work_in_parallel(&d);
	cr_assert_leq(sem_value("threads"), 4);
	if (strcmp(backend, "semfs_mt") == 0)
		cr_assert_geq(sem_value("threads"), 2);
	cr_assert_eq(sem_value("calls.create"), CHILDREN * ROUNDS);
	sem_stop(&d);
}
