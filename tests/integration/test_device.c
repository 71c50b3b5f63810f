/*
 * Files that are devices of a sort: poll with wake-up, and ioctl.  See testfs/devfs.c.
 */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <time.h>
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

/* ---- poll ---- */

static void ring(const struct daemon *d, const char *how)
{
	int fd = open_file(d, "bell");

	cr_assert_eq(write(fd, how, strlen(how)), (ssize_t)strlen(how), "%s", strerror(errno));
	close(fd);
}

static void hear(int fd)
{
	char byte;

	cr_assert_eq(read(fd, &byte, 1), 1);
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

FACT(poll, it_tells_what_is_there_without_waiting)
{
	struct pollfd pfd = {.events = POLLIN | POLLOUT | POLLPRI};
	struct daemon d;

	start(&d, "devfs", NULL);
	pfd.fd = open_file(&d, "bell");
	cr_assert_eq(poll(&pfd, 1, 0), 1);
	cr_assert_eq(pfd.revents, POLLOUT);
	cr_assert_eq(report_of(&d, "scheduled"), 0, "a wake-up was asked for, and nobody waits");
	cr_assert_eq(report_of(&d, "events") & (POLLIN | POLLOUT | POLLPRI),
		     POLLIN | POLLOUT | POLLPRI);
	ring(&d, "ring");
	cr_assert_eq(poll(&pfd, 1, 0), 1);
	cr_assert_eq(pfd.revents, POLLIN | POLLOUT);
	hear(pfd.fd);
	pfd.events = POLLIN;
	cr_assert_eq(poll(&pfd, 1, 30), 0, "it is not ready any more");
	cr_assert(report_of(&d, "scheduled") > 0);
	close(pfd.fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* Each way of waiting: 1 when it became readable within `ms`. */
static int wait_poll(int fd, int ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	int n = poll(&pfd, 1, ms);

	cr_assert_eq(n == 1, pfd.revents == POLLIN);
	return n;
}

static int wait_select(int fd, int ms)
{
	struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return select(fd + 1, &set, NULL, NULL, &t);
}

static int wait_epoll(int fd, int ms)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(EPOLL_CLOEXEC), n;

	cr_assert_eq(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
	n = epoll_wait(set, &event, 1, ms);
	close(set);
	return n;
}

static void check_wakes(int (*wait)(int, int), const char *how)
{
	struct daemon d;
	double begin;
	int fd;

	start(&d, "devfs", "--workers=1");
	fd = open_file(&d, "bell");
	for (int round = 0; round < 3; round++) {
		cr_assert_eq(wait(fd, 20), 0, "nobody has rung");
		ring(&d, how);
		begin = seconds_now();
		cr_assert_eq(wait(fd, 10000), 1, "%s", report_text(&d));
		cr_assert(seconds_now() - begin < 5);
		cr_assert_eq(wait(fd, 10000), 1, "it is still there");
		hear(fd);
	}
	cr_assert(report_of(&d, "woken") > 0);
	cr_assert_eq(report_of(&d, "wake_errors"), 0);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(poll, a_thread_of_the_backend_wakes_poll)
{
	check_wakes(wait_poll, "later 60");
}

FACT(poll, a_thread_of_the_backend_wakes_select)
{
	check_wakes(wait_select, "later 60");
}

FACT(poll, a_thread_of_the_backend_wakes_epoll)
{
	check_wakes(wait_epoll, "later 60");
}

static int wait_for_bell(void *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return wait_poll(fd, 10000) == 1 ? 0 : ETIMEDOUT;
}

FACT(poll, a_handler_wakes_all_who_wait)
{
	struct daemon d;
	pid_t waiter[5];

	start(&d, "devfs", "--workers=1");
	for (int i = 0; i < 5; i++)
		waiter[i] = harness_fork(wait_for_bell, daemon_path(&d, "bell"));
	cr_assert(eventually(report_of(&d, "scheduled") == 5));
	ring(&d, "ring");
	for (int i = 0; i < 5; i++)
		cr_assert_eq(harness_reap(waiter[i], 5000), 0, "waiter %d: %s", i, report_text(&d));
	cr_assert_eq(report_of(&d, "woken"), 5);
	cr_assert_eq(report_of(&d, "wake_errors"), 0);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(poll, a_wakeup_may_be_sent_from_init_on)
{
	struct daemon d;

	start(&d, "devfs", NULL);
	cr_assert_not_null(strstr(report_text(&d), " early=0"), "%s", report_text(&d));
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(poll, an_edge_is_told_once)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET}, got;
	int set = epoll_create1(EPOLL_CLOEXEC), fd;
	struct daemon d;

	start(&d, "devfs", NULL);
	fd = open_file(&d, "bell");
	cr_assert_eq(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event), 0);
	cr_assert_eq(epoll_wait(set, &got, 1, 20), 0);
	for (int round = 0; round < 3; round++) {
		ring(&d, "ring");
		cr_assert_eq(epoll_wait(set, &got, 1, 5000), 1, "round %d", round);
		cr_assert_eq(got.events, EPOLLIN);
		cr_assert_eq(epoll_wait(set, &got, 1, 20), 0, "the same edge again");
	}
	hear(fd);
	close(fd);
	close(set);
	cr_assert_eq(daemon_stop(&d), 0);
}

/* ---- ioctl ---- */

static void check_ioctls(int fd, uint64_t flags)
{
	static char big[16383], back[16383];
	uint32_t number[4] = {1, 20, 300, 4000};
	char eight[8] = "abcdefg";
	uint64_t sizes[3];

	cr_assert_eq(ioctl(fd, _IO('L', 1)), 7);
	cr_assert_eq(ioctl(fd, _IO('L', 2), 4711), 4711);
	cr_assert_eq(ioctl(fd, _IO('L', 3)), -1);
	cr_assert_eq(errno, EBUSY);
	cr_assert_eq(ioctl(fd, _IOW('L', 4, uint32_t[4]), number), 4321);
	memset(sizes, 0xff, sizeof sizes);
	cr_assert_eq(ioctl(fd, _IOR('L', 5, uint64_t[3]), sizes), 0);
	cr_assert_eq(sizes[0], 0, "%llu bytes came in", (unsigned long long)sizes[0]);
	cr_assert_eq(sizes[1], sizeof sizes);
	cr_assert_eq(sizes[2], flags, "flags %llu", (unsigned long long)sizes[2]);
	cr_assert_eq(ioctl(fd, _IOWR('L', 6, char[8]), eight), 8);
	cr_assert_eq(memcmp(eight, "\0gfedcba", 8), 0);
	for (size_t i = 0; i < sizeof big; i++)
		back[sizeof big - 1 - i] = big[i] = (char)(i * 7 + i / 256);
	cr_assert_eq(ioctl(fd, _IOWR('L', 7, char[16383]), big), 16383);
	cr_assert_eq(memcmp(big, back, sizeof big), 0);
	memcpy(eight, "abcdefg", 8);
	cr_assert_eq(ioctl(fd, _IOR('L', 8, char[8]), eight), 0);
	cr_assert_eq(memcmp(eight, "xxxxefg", 8), 0, "more came out than was given");
	cr_assert_eq(ioctl(fd, _IOR('L', 9, char[8]), eight), -1);
	cr_assert_eq(errno, EIO, "more than asked for is no answer");
	cr_assert_eq(ioctl(fd, _IO('L', 99)), -1);
	cr_assert_eq(errno, ENOTTY);
	/* nothing but a mapped argument is read */
	cr_assert_eq(ioctl(fd, _IOW('L', 4, uint32_t[4]), NULL), -1);
	cr_assert_eq(errno, EFAULT);
}

FACT(ioctl, sizes_results_and_errors_are_the_backends)
{
	struct daemon d;
	int fd;

	start(&d, "devfs", NULL);
	fd = open_file(&d, "dev");
	check_ioctls(fd, 0);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(ioctl, a_directory_takes_them_and_the_backend_is_told)
{
	struct daemon d;
	int fd;

	start(&d, "devfs", NULL);
	fd = open(d.mnt, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check_ioctls(fd, 16);
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
}

FACT(ioctl, a_file_or_a_backend_without_any_is_enotty)
{
	struct daemon d, none;
	int fd;

	start(&d, "devfs", NULL);
	fd = open_file(&d, "bell");
	cr_assert_eq(ioctl(fd, _IO('L', 1)), -1);
	cr_assert_eq(errno, ENOTTY);
	close(fd);
	start(&none, "rangefs", NULL);
	fd = open_file(&none, "one");
	for (int round = 0; round < 2; round++) {
		cr_assert_eq(ioctl(fd, _IO('L', 1)), -1);
		cr_assert_eq(errno, ENOTTY);
	}
	close(fd);
	cr_assert_eq(daemon_stop(&d), 0);
	cr_assert_eq(daemon_stop(&none), 0);
}
