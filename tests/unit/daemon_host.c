/*
 * What backends call outside of requests: notifications as bytes, and what happens when nobody
 * serves.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/host.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"

static struct fixture f;
static int ends[2];
static unsigned char got[512];

static void open_fake(void)
{
	struct err err;

	fixture_open(&f, &fake_backend);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(notifyq_start(&f.s->notifyq, ends[0], &err), 0);
	f.s->fuse_fd = ends[0];
}

static void close_fake(void)
{
	notifyq_stop(&f.s->notifyq);
	f.s->started = false; /* the transport has nothing to be stopped */
	fixture_close(&f);
	close(ends[0]);
	close(ends[1]);
}

TestSuite(host, .init = open_fake, .fini = close_fake, .timeout = 30);

/* The next notification; its body's size. */
static size_t receive(unsigned code)
{
	ssize_t n = recv(ends[1], got, sizeof(got), 0);

	cr_assert_geq(n, 16);
	cr_expect_eq(at32(got, 0), (size_t)n);
	cr_expect_eq(at32(got, 4), code);
	cr_expect_eq(at64(got, 8), 0, "no unique");
	return (size_t)n - 16;
}

Test(host, queued_notifications_arrive_in_order)
{
	cr_expect_eq(llfused_notify_inval_inode(5, -1, 0), 0);
	cr_expect_eq(llfused_notify_inval_entry(6, "name", 1), 0);
	cr_expect_eq(llfused_notify_delete(7, 8, "gone"), 0);
	cr_expect_eq(llfused_notify_poll(9), 0);
	cr_expect_eq(receive(FUSE_NOTIFY_INVAL_INODE), 24);
	cr_expect_eq(at64(got, 16), 5);
	cr_expect_eq(at64(got, 24), UINT64_MAX);
	cr_expect_eq(receive(FUSE_NOTIFY_INVAL_ENTRY), 16 + 5);
	cr_expect_eq(at64(got, 16), 6);
	cr_expect_eq(at32(got, 24), 4);
	cr_expect_eq(at32(got, 28), 1);
	cr_expect_str_eq((char *)got + 32, "name");
	cr_expect_eq(receive(FUSE_NOTIFY_DELETE), 24 + 5);
	cr_expect_eq(at64(got, 24), 8);
	cr_expect_str_eq((char *)got + 40, "gone");
	cr_expect_eq(receive(FUSE_NOTIFY_POLL), 8);
	cr_expect_eq(at64(got, 16), 9);
}

Test(host, names_of_255_bytes_fit_and_longer_ones_are_said)
{
	char name[257];

	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	cr_expect_eq(llfused_notify_delete(7, 8, name + 1), 0);
	cr_expect_eq(receive(FUSE_NOTIFY_DELETE), 24 + 256);
	memset(name, 'n', sizeof(name));
	{
		char longer[400];

		memset(longer, 'n', sizeof(longer));
		longer[399] = '\0';
		cr_expect_eq(llfused_notify_inval_entry(7, longer, 0), -ENAMETOOLONG);
		cr_expect_eq(llfused_notify_delete(7, 8, longer), -ENAMETOOLONG);
	}
	cr_expect_eq(llfused_notify_inval_entry(7, "", 0), -EINVAL);
}

Test(host, store_and_retrieve_are_sent_at_once)
{
	const struct committed *c;

	f.s->started = true;
	cr_expect_eq(llfused_notify_store(5, 4096, "data", 4), 0);
	c = committed_wait(1);
	cr_expect_eq(c->fd, ends[0]);
	cr_expect_eq(c->size, 16 + 24 + 4);
	cr_expect_eq(at32(c->bytes, 0), c->size);
	cr_expect_eq(committed_error(c), FUSE_NOTIFY_STORE);
	cr_expect_eq(at64(c->bytes, 24), 4096);
	cr_expect_eq(at32(c->bytes, 32), 4);
	cr_expect_arr_eq(c->bytes + 40, "data", 4);
	cr_expect_eq(llfused_notify_retrieve(21, 5, 0, 8192), 0);
	c = committed_wait(2);
	cr_expect_eq(committed_error(c), FUSE_NOTIFY_RETRIEVE);
	cr_expect_eq(at64(c->bytes, 16) & 1, 1, "the ids of requests are even");
	cr_expect_eq(host_cookie_of(at64(c->bytes, 16)), 21);
}

Test(host, an_unknown_inode_is_no_error_but_others_are)
{
	f.s->started = true;
	committed_answer(-ENOENT);
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), 0);
	committed_answer(-ENOMEM);
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), -ENOMEM);
	cr_expect_eq(llfused_notify_retrieve(UINT64_MAX, 5, 0, 1), -EINVAL);
}

Test(host, nothing_is_sent_before_the_start_and_after_the_end)
{
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), -ENOTCONN);
	f.s->started = true;
	f.s->stopped = true;
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), -ENOTCONN);
	notifyq_stop(&f.s->notifyq);
	cr_expect_eq(llfused_notify_inval_inode(5, 0, 0), -ENOTCONN);
	cr_expect_eq(committed_count(), 0);
}

Test(host, without_a_session_nothing_is_there)
{
	struct llfused_entry entry = {.nodeid = 1};

	host_bind(NULL);
	cr_expect_eq(llfused_complete(1, 0), -ENOENT);
	cr_expect_eq(llfused_complete_entry(1, &entry), -ENOENT);
	cr_expect_eq(llfused_notify_inval_inode(5, 0, 0), -ENOTCONN);
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), -ENOTCONN);
}
