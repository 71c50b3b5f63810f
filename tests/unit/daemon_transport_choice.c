/*
 * Which transport is chosen, and the reason given when FUSE over io_uring is not to be had.  The
 * kernel's switch is played in a mount namespace of the test's own.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/session_impl.h"
#include "daemon/transport_choice.h"
#include "proto/abi.h"

#define PARAMETERS "/sys/module/fuse/parameters"

static struct session s;
static struct err err;

TestSuite(transport_choice, .timeout = 20);

/* A value for the switch, or NULL: this kernel has none. */
static void play_parameter(const char *value)
{
	int fd;

	cr_assert_eq(unshare(CLONE_NEWNS), 0, "needs root: %s", strerror(errno));
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("test", PARAMETERS, "tmpfs", 0, NULL), 0, "%s", strerror(errno));
	if (!value)
		return;
	fd = open(PARAMETERS "/enable_uring", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert_eq(write(fd, value, strlen(value)), (ssize_t)strlen(value));
	close(fd);
}

static void expect_refused(const char *one, const char *two)
{
	s.config.transport = TRANSPORT_URING;
	cr_expect_eq(transport_choose(&s, &err), -EOPNOTSUPP);
	cr_expect_not_null(strstr(err.text, "transport uring"), "%s", err.text);
	cr_expect_not_null(strstr(err.text, one), "%s", err.text);
	cr_expect_not_null(strstr(err.text, two), "%s", err.text);
	/* what was not asked for by name is done without */
	s.config.transport = TRANSPORT_AUTO;
	cr_expect_eq(transport_choose(&s, &err), 0);
	cr_expect_eq(s.transport, &transport_dev);
}

Test(transport_choice, what_the_kernel_has_agreed_to_is_used)
{
	s.conn.features = FUSE_OVER_IO_URING;
	cr_expect_eq(transport_choose(&s, &err), 0);
	cr_expect_eq(s.transport, &transport_uring);
	s.config.transport = TRANSPORT_URING;
	cr_expect_eq(transport_choose(&s, &err), 0);
	cr_expect_eq(s.transport, &transport_uring);
}

Test(transport_choice, the_kernel_is_not_asked_for_what_is_not_wanted)
{
	cr_expect(transport_wants_uring(&s), "io_uring: %s", strerror(-s.ring_error));
	s.config.transport = TRANSPORT_DEV;
	cr_expect_not(transport_wants_uring(&s));
	s.config.transport = TRANSPORT_AUTO;
	s.config.io = IO_PLAIN;
	cr_expect_not(transport_wants_uring(&s));
}

Test(transport_choice, a_switch_that_is_off_is_named_with_what_to_do)
{
	play_parameter("N\n");
	expect_refused(PARAMETERS "/enable_uring", "echo Y");
}

Test(transport_choice, a_kernel_without_the_switch_is_too_old)
{
	play_parameter(NULL);
	expect_refused("kernel", "6.14");
}

Test(transport_choice, a_kernel_that_does_not_offer_it_all_the_same_is_said)
{
	play_parameter("Y\n");
	expect_refused("kernel", "offer");
}

Test(transport_choice, a_forbidden_io_uring_is_told_with_its_reason)
{
	s.ring_error = -EPERM;
	expect_refused(strerror(EPERM), "seccomp");
}

Test(transport_choice, too_little_locked_memory_is_told)
{
	s.ring_error = -ENOMEM;
	expect_refused("memory", "limit");
}

Test(transport_choice, plain_reads_that_were_asked_for_are_the_reason)
{
	s.config.io = IO_PLAIN;
	expect_refused("--io=plain", "--io=plain");
}
