/*
 * Notifications as bytes: what is queued and what is sent at once, and what happens when nobody
 * serves.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/host.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"
#include "daemon_held.h"

#define SECOND UINT64_C(1000000000)

static struct fixture f;
static int ends[2];
static unsigned char got[5000];

static void open_fake(void)
{
	struct err err;

	fixture_open(&f, &fake_backend);
	f.s->conn.features |= FUSE_HAS_EXPIRE_ONLY;
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(notifyq_start(&f.s->notifyq, ends[0], &err), 0);
	f.s->fuse_fd = ends[0];
}

static void close_fake(void)
{
	signal(SIGPIPE, SIG_IGN);
	shutdown(ends[0], SHUT_RDWR);
	cr_expect_eq(notifyq_stop(&f.s->notifyq, 5 * SECOND), 0);
	f.s->reachable = false;
	fixture_close(&f);
	close(ends[0]);
	close(ends[1]);
}

TestSuite(host_notify, .init = open_fake, .fini = close_fake, .timeout = 30);

/* The next notification; its body's size. */
static size_t receive(unsigned code)
{
	size_t n = receive_message(ends[1], got, sizeof(got));

	cr_assert_geq(n, 16);
	cr_expect_eq(at32(got, 0), n);
	cr_expect_eq(at32(got, 4), code);
	cr_expect_eq(at64(got, 8), 0, "no unique");
	return n - 16;
}

/* ---- queued ---- */

Test(host_notify, queued_ones_arrive_in_order)
{
	cr_expect_eq(llfused_notify_inval_inode(5, -1, 0), 0);
	cr_expect_eq(llfused_notify_inval_entry(6, "name", 1), 0);
	cr_expect_eq(llfused_notify_delete(7, 8, "gone"), 0);
	cr_expect_eq(receive(FUSE_NOTIFY_INVAL_INODE), 24);
	cr_expect_eq(at64(got, 16), 5);
	cr_expect_eq(at64(got, 24), UINT64_MAX);
	cr_expect_eq(receive(FUSE_NOTIFY_INVAL_ENTRY), 16 + 5);
	cr_expect_eq(at64(got, 16), 6);
	cr_expect_eq(at32(got, 24), 4);
	cr_expect_eq(at32(got, 28), 1);
	cr_expect_str_eq((char *)got + 32, "name");
	cr_expect_eq(receive(FUSE_NOTIFY_DELETE), 24 + 5);
	cr_expect_eq(at64(got, 16), 7);
	cr_expect_eq(at64(got, 24), 8);
	cr_expect_str_eq((char *)got + 40, "gone");
	cr_expect_eq(committed_count(), 0, "nothing went another way");
}

Test(host_notify, ranges_of_data_are_told_as_they_are)
{
	llfused_notify_inval_inode(5, 4096, 100);
	receive(FUSE_NOTIFY_INVAL_INODE);
	cr_expect_eq(at64(got, 24), 4096);
	cr_expect_eq(at64(got, 32), 100);
}

Test(host_notify, a_kernel_that_cannot_expire_drops)
{
	f.s->conn.features &= ~FUSE_HAS_EXPIRE_ONLY;
	cr_expect_eq(llfused_notify_inval_entry(6, "name", 1), 0);
	receive(FUSE_NOTIFY_INVAL_ENTRY);
	cr_expect_eq(at32(got, 28), 0);
}

Test(host_notify, names_have_1_to_4095_bytes)
{
	char name[4097];

	memset(name, 'n', sizeof(name));
	name[4096] = '\0';
	cr_expect_eq(llfused_notify_inval_entry(7, name, 0), -ENAMETOOLONG);
	cr_expect_eq(llfused_notify_delete(7, 8, name), -ENAMETOOLONG);
	cr_expect_eq(llfused_notify_inval_entry(7, "", 0), -EINVAL);
	cr_expect_eq(llfused_notify_delete(7, 8, ""), -EINVAL);
	cr_expect_eq(llfused_notify_delete(7, 8, name + 1), 0);
	cr_expect_eq(receive(FUSE_NOTIFY_DELETE), 24 + 4096);
	cr_expect_eq(at32(got, 32), 4095);
	cr_expect_str_eq((char *)got + 40, name + 1);
	cr_expect_eq(llfused_notify_inval_entry(7, name + 1, 0), 0);
	cr_expect_eq(receive(FUSE_NOTIFY_INVAL_ENTRY), 16 + 4096);
	cr_expect_eq(llfused_notify_inval_entry(7, "n", 0), 0);
	cr_expect_eq(receive(FUSE_NOTIFY_INVAL_ENTRY), 16 + 2);
}

/* From here on messages stay in the queue. */
static void hold(void)
{
	hold_up(ends[0]);
	cr_assert_eq(llfused_notify_inval_entry(1, "first", 0), 0);
	wait_sending(&f.s->notifyq);
}

static uint64_t merged(void)
{
	struct notifyq_stats now;

	notifyq_stats(&f.s->notifyq, &now);
	return now.merged;
}

Test(host_notify, duplicates_are_sent_once)
{
	hold();
	llfused_notify_inval_entry(6, "name", 0);
	llfused_notify_inval_entry(6, "name", 0);
	cr_expect_eq(merged(), 1);
	llfused_notify_inval_entry(7, "name", 0);
	llfused_notify_inval_entry(6, "other", 0);
	llfused_notify_inval_entry(6, "name", 1);
	llfused_notify_delete(6, 1, "name");
	llfused_notify_delete(6, 2, "name");
	cr_expect_eq(merged(), 1, "they are not the same");
}

Test(host_notify, what_means_the_same_is_a_duplicate)
{
	hold();
	llfused_notify_inval_inode(5, -1, 0);
	llfused_notify_inval_inode(5, -7, 3);
	cr_expect_eq(merged(), 1);
	llfused_notify_inval_inode(5, 4096, 0);
	llfused_notify_inval_inode(5, 4096, -1);
	cr_expect_eq(merged(), 2);
	llfused_notify_inval_inode(5, 4096, 1);
	cr_expect_eq(merged(), 2);
}

Test(host_notify, all_data_and_attributes_cover_each_part)
{
	hold();
	llfused_notify_inval_inode(5, -1, 0);
	llfused_notify_inval_inode(5, 100, 50);
	llfused_notify_inval_inode(5, 0, -1);
	cr_expect_eq(merged(), 0, "a part does not cover all");
	llfused_notify_inval_inode(6, 0, 0);
	llfused_notify_inval_inode(6, -1, 0);
	llfused_notify_inval_inode(6, 100, 50);
	llfused_notify_inval_inode(6, 0, 0);
	cr_expect_eq(merged(), 3);
	llfused_notify_inval_inode(7, -1, 0);
	cr_expect_eq(merged(), 3, "another inode");
}

Test(host_notify, a_full_queue_is_said)
{
	unsigned accepted = 0;

	hold();
	while (accepted < 5000 && llfused_notify_inval_inode(accepted, -1, 0) == 0)
		accepted++;
	cr_expect_eq(accepted, MSGRING_LENGTH - 1);
	cr_expect_eq(llfused_notify_inval_inode(accepted, -1, 0), -EAGAIN);
}

/* ---- sent at once ---- */

Test(host_notify, poll_does_not_wait_in_the_queue)
{
	const struct committed *c;

	f.s->reachable = true;
	hold();
	cr_expect_eq(llfused_notify_poll(9), 0);
	c = committed_wait(1);
	cr_expect_eq(c->fd, ends[0]);
	cr_expect_eq(c->size, 24);
	cr_expect_eq(committed_error(c), FUSE_NOTIFY_POLL);
	cr_expect_eq(at64(c->bytes, 16), 9);
}

Test(host_notify, store_and_retrieve_are_sent_at_once)
{
	const struct committed *c;

	f.s->reachable = true;
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

Test(host_notify, a_store_is_one_message_whatever_a_write_may_carry)
{
	static const char data[4096];

	f.s->reachable = true;
	f.s->conn.max_write = 1024;
	cr_expect_eq(llfused_notify_store(5, 0, data, sizeof(data)), 0);
	cr_expect_eq(committed_wait(1)->size, 40 + sizeof(data));
	cr_expect_eq(committed_count(), 1);
	cr_expect_eq(llfused_notify_store(5, 7, NULL, 0), 0);
	cr_expect_eq(committed_wait(2)->size, 40);
}

Test(host_notify, what_no_message_can_say_is_einval)
{
	f.s->reachable = true;
	cr_expect_eq(llfused_notify_store(5, 0, "x", (size_t)1 << 32), -EINVAL);
	cr_expect_eq(llfused_notify_store(5, 0, "x", UINT32_MAX), -EINVAL, "with its header");
	cr_expect_eq(llfused_notify_store(5, UINT64_MAX, "x", 1), -EINVAL);
	cr_expect_eq(llfused_notify_store(5, INT64_MAX, "x", 1), -EINVAL);
	cr_expect_eq(llfused_notify_retrieve(UINT64_C(1) << 63, 5, 0, 1), -EINVAL);
	cr_expect_eq(committed_count(), 0);
	cr_expect_eq(llfused_notify_store(5, INT64_MAX - 1, "x", 1), 0);
	cr_expect_eq(llfused_notify_retrieve((UINT64_C(1) << 63) - 1, 5, 0, 1), 0);
	cr_expect_eq(host_cookie_of(at64(committed_wait(2)->bytes, 16)), INT64_MAX);
}

Test(host_notify, an_unknown_inode_is_no_error_but_others_are)
{
	f.s->reachable = true;
	committed_answer(-ENOENT);
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), 0);
	cr_expect_eq(llfused_notify_poll(5), 0);
	committed_answer(-ENOMEM);
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), -ENOMEM);
}

/* ---- nobody serves ---- */

Test(host_notify, nothing_is_sent_before_the_start_and_after_the_end)
{
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), -ENOTCONN);
	cr_expect_eq(llfused_notify_poll(5), -ENOTCONN);
	f.s->reachable = false;
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), -ENOTCONN);
	cr_expect_eq(llfused_notify_poll(5), -ENOTCONN);
	cr_expect_eq(notifyq_stop(&f.s->notifyq, SECOND), 0);
	cr_expect_eq(llfused_notify_inval_inode(5, 0, 0), -ENOTCONN);
	cr_expect_eq(committed_count(), 0);
}

Test(host_notify, without_a_session_nothing_is_there)
{
	host_bind(NULL);
	cr_expect_eq(llfused_notify_inval_inode(5, 0, 0), -ENOTCONN);
	cr_expect_eq(llfused_notify_inval_entry(5, "name", 1), -ENOTCONN);
	cr_expect_eq(llfused_notify_delete(5, 6, "name"), -ENOTCONN);
	cr_expect_eq(llfused_notify_poll(5), -ENOTCONN);
	cr_expect_eq(llfused_notify_store(5, 0, "x", 1), -ENOTCONN);
	cr_expect_eq(llfused_notify_retrieve(5, 0, 0, 1), -ENOTCONN);
}

/* ---- prune ---- */

#define PER_MESSAGE 513u /* node ids that a message has room for */

static uint64_t nodes[2 * PER_MESSAGE + 7];

static void fill_nodes(void)
{
	for (unsigned i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		nodes[i] = 1000 + i;
}

Test(host_notify, pruned_inodes_go_in_messages_of_many)
{
	static const unsigned counts[] = {PER_MESSAGE, PER_MESSAGE, 7};
	uint64_t next = 1000;

	fill_nodes();
	cr_expect_eq(llfused_notify_prune(nodes, sizeof(nodes) / sizeof(nodes[0])), 0);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(receive(PROTO_NOTIFY_PRUNE), 16 + 8 * (size_t)counts[i]);
		cr_expect_eq(at32(got, 16), counts[i]);
		for (unsigned k = 0; k < counts[i]; k++)
			cr_assert_eq(at64(got, 32 + 8 * (size_t)k), next++);
	}
	cr_expect_eq(committed_count(), 0, "nothing went another way");
}

Test(host_notify, nothing_is_sent_to_prune_nothing)
{
	uint64_t one = 77;

	cr_expect_eq(llfused_notify_prune(NULL, 0), 0);
	cr_expect_eq(llfused_notify_prune(&one, 1), 0);
	cr_expect_eq(receive(PROTO_NOTIFY_PRUNE), 16 + 8);
	cr_expect_eq(at64(got, 32), 77);
}

Test(host_notify, kernels_before_7_45_cannot_prune)
{
	uint64_t one = 77;

	f.s->conn.minor = 44;
	cr_expect_eq(llfused_notify_prune(&one, 1), -EOPNOTSUPP);
	f.s->conn.minor = 45;
	host_bind(NULL);
	cr_expect_eq(llfused_notify_prune(&one, 1), -ENOTCONN);
	host_bind(f.s);
}
