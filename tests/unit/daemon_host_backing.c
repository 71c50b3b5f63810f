/*
 * Backing files where there is no kernel to register them: what is refused before it is asked.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/host.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"

static struct fixture f;
static int file;
static uint32_t id = 42;

static void open_fake(void)
{
	fixture_open(&f, &fake_backend);
	f.s->conn.features |= FUSE_PASSTHROUGH;
	f.s->reachable = true;
	file = memfd_create("backing", MFD_CLOEXEC);
	cr_assert_geq(file, 0);
	f.s->fuse_fd = file; /* knows no such commands */
}

static void close_fake(void)
{
	cr_expect_eq(id, 42, "no id is told without one");
	fixture_close(&f);
	close(file);
}

TestSuite(host_backing, .init = open_fake, .fini = close_fake, .timeout = 30);

static void expect_both(int error)
{
	cr_expect_eq(llfused_backing_open(file, &id), error);
	cr_expect_eq(llfused_backing_close(1), error);
}

Test(host_backing, what_the_kernel_says_is_the_answer)
{
	expect_both(-ENOTTY);
	f.s->fuse_fd = -1;
	expect_both(-EBADF);
}

Test(host_backing, nothing_is_registered_where_it_is_not_in_force)
{
	f.s->conn.features &= ~FUSE_PASSTHROUGH;
	expect_both(-EPERM);
}

Test(host_backing, nothing_is_registered_before_or_after_the_mount)
{
	f.s->reachable = false;
	expect_both(-ENOTCONN);
	host_bind(NULL);
	expect_both(-ENOTCONN);
	host_bind(f.s);
}
