/*
 * A session with a kernel played over a socket pair: INIT from old and new kernels, start,
 * requests, stop with what is still open.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"

#define GRACE        UINT64_C(5000000000)
#define ALL_FEATURES UINT64_C(0x7fd73fffffb)
#define MOUNT_DEV    makedev(0, 77)

static int ends[2]; /* the session's, the kernel's */
static struct session *s;
static struct err err;
static unsigned char reply[4096];
static struct llfused_backend backend;
static struct instance instance;
static struct lock lock;

static int init_result;
static struct llfused_conn told;

static int backend_init(void *fs, const struct llfused_conn *conn)
{
	(void)fs;
	told = *conn;
	return init_result;
}

static void make_session(unsigned workers, enum io_choice io)
{
	struct session_config config = {
		.instance = &instance,
		.lock = &lock,
		.workers = workers,
		.transport = TRANSPORT_DEV,
		.io = io,
		.max_pending = 1000,
	};

	fixture_adopt(&instance, &backend, ends, &lock);
	cr_assert_eq(session_new(&s, &config, &err), 0);
}

static void make(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	backend = fake_backend;
	backend.init = backend_init;
	lock_init(&lock);
}

static void unmake(void)
{
	if (s) {
		session_stop(s, GRACE);
		session_free(s);
	}
	close(ends[0]);
	close(ends[1]);
}

TestSuite(session, .init = make, .fini = unmake, .timeout = 60);

static void kernel_sends(const struct message_in *m)
{
	unsigned char message[4096];
	size_t size = message_encode(m, message);

	cr_assert_eq(send(ends[1], message, size, 0), (ssize_t)size);
}

static void kernel_offers(uint32_t major, uint32_t minor, uint64_t features, size_t size)
{
	struct fuse_init_in in = {
		.major = major,
		.minor = minor,
		.max_readahead = 131072,
		.flags = (uint32_t)features,
		.flags2 = (uint32_t)(features >> 32),
	};

	kernel_sends(&(struct message_in){
		.opcode = FUSE_INIT, .unique = 2, .fixed = &in, .fixed_size = size});
}

/* The next reply's size; it must come soon. */
static size_t kernel_receives(void)
{
	struct pollfd pfd = {.fd = ends[1], .events = POLLIN};
	ssize_t n;

	cr_assert_eq(poll(&pfd, 1, 10000), 1, "no reply");
	n = recv(ends[1], reply, sizeof(reply), 0);
	cr_assert_geq(n, 16);
	cr_expect_eq(at32(reply, 0), (size_t)n);
	return (size_t)n;
}

static int reply_errno(void)
{
	return (int)at32(reply, 4);
}

static uint64_t reply_features(void)
{
	return at32(reply, 16 + 12) | (uint64_t)at32(reply, 16 + 32) << 32;
}

/* ---- INIT ---- */

Test(session, the_newest_kernel_is_answered_in_full)
{
	make_session(1, IO_AUTO);
	kernel_offers(7, 45, ALL_FEATURES, 64);
	cr_assert_eq(session_handshake(ends[0], s, &err), 0, "%s", err.text);
	cr_assert_eq(kernel_receives(), 16 + 64);
	cr_expect_eq(at64(reply, 8), 2);
	cr_expect_eq(reply_errno(), 0);
	cr_expect_eq(at32(reply, 16), 7);
	cr_expect_eq(at32(reply, 20), 45);
	cr_expect_eq(at32(reply, 16 + 20), 1 << 20, "max_write");
	cr_expect_gt(at32(reply, 16 + 16) >> 16, 9, "congestion_threshold must be given");
	cr_expect(reply_features() & FUSE_INIT_EXT);
	cr_expect(reply_features() & FUSE_BIG_WRITES);
	cr_expect_not(reply_features() & FUSE_WRITEBACK_CACHE);
	cr_expect_not(reply_features() & FUSE_OVER_IO_URING);
	cr_expect_eq(s->conn.minor, 45);
}

Test(session, the_ring_is_agreed_to_where_it_is_offered_and_not_refused)
{
	make_session(1, IO_AUTO);
	s->config.transport = TRANSPORT_AUTO;
	kernel_offers(7, 45, ALL_FEATURES, 64);
	cr_assert_eq(session_handshake(ends[0], s, &err), 0, "%s", err.text);
	kernel_receives();
	cr_expect(reply_features() & FUSE_OVER_IO_URING);
	cr_expect_eq(s->transport, &transport_uring);
}

Test(session, a_kernel_newer_than_we_gets_our_minor)
{
	make_session(1, IO_AUTO);
	kernel_offers(7, 99, UINT64_MAX, 64);
	cr_assert_eq(session_handshake(ends[0], s, &err), 0);
	kernel_receives();
	cr_expect_eq(at32(reply, 20), 45);
}

Test(session, old_kernels_get_their_own_minor_and_less_to_read)
{
	static const struct {
		uint32_t minor;
		size_t in, out;
		uint32_t max_write;
	} kernels[] = {{12, 16, 24, 131072}, {22, 16, 24, 131072}, {31, 16, 64, 1 << 20}};

	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		make_session(1, IO_AUTO);
		kernel_offers(7, kernels[i].minor, i < 2 ? 0x1ff : 0x3ffffff, kernels[i].in);
		cr_assert_eq(session_handshake(ends[0], s, &err), 0);
		cr_expect_eq(kernel_receives(), 16 + kernels[i].out);
		cr_expect_eq(at32(reply, 20), kernels[i].minor);
		cr_expect_eq(at32(reply, 16 + 20), kernels[i].max_write);
		cr_expect_eq(s->conn.minor, kernels[i].minor);
		cr_expect_eq(s->conn.max_write, kernels[i].max_write);
		session_free(s);
	}
	s = NULL;
}

Test(session, what_cannot_be_served_is_told_to_both_sides)
{
	make_session(1, IO_AUTO);
	kernel_offers(8, 1, ALL_FEATURES, 64);
	cr_expect_eq(session_handshake(ends[0], s, &err), -EPROTO);
	cr_expect_eq(kernel_receives(), 16);
	cr_expect_eq(reply_errno(), -EPROTO);
	cr_expect(strstr(err.text, "8.1"), "%s", err.text);
	kernel_offers(7, 1, 0, 8);
	cr_expect_eq(session_handshake(ends[0], s, &err), -EPROTO);
	kernel_receives();
	cr_expect_eq(session_start(s, ends[0], MOUNT_DEV, &err), -EPROTO, "INIT was not answered");
}

Test(session, a_first_message_that_is_not_init_is_refused_with_an_answer)
{
	make_session(1, IO_AUTO);
	kernel_sends(&(struct message_in){
		.opcode = FUSE_LOOKUP, .unique = 4, .tail = "name", .tail_size = 5});
	cr_expect_eq(session_handshake(ends[0], s, &err), -EPROTO);
	cr_expect_eq(kernel_receives(), 16);
	cr_expect_eq(at64(reply, 8), 4);
	cr_expect_eq(reply_errno(), -EPROTO);
	kernel_sends(&(struct message_in){.opcode = FUSE_INIT, .unique = 6, .tail_size = 0});
	cr_expect_eq(session_handshake(ends[0], s, &err), -EPROTO, "INIT without its struct");
	kernel_receives();
	cr_expect_eq(reply_errno(), -EPROTO);
	cr_assert_eq(send(ends[1], "x", 1, 0), 1);
	cr_expect_eq(session_handshake(ends[0], s, &err), -EPROTO);
	cr_expect_eq(recv(ends[1], reply, 1, MSG_DONTWAIT), -1, "nobody to answer");
}

static void *offer_late(void *arg)
{
	nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	kernel_offers(7, 45, ALL_FEATURES, 64);
	return arg;
}

Test(session, init_may_come_late)
{
	pthread_t thread;

	make_session(1, IO_AUTO);
	cr_assert_eq(pthread_create(&thread, NULL, offer_late, NULL), 0);
	cr_expect_eq(session_handshake(ends[0], s, &err), 0);
	pthread_join(thread, NULL);
}

/* The features of the answer for a backend with these ops and wishes. */
static uint64_t negotiated(const struct llfused_ops *ops, uint32_t wants)
{
	backend.ops = ops;
	backend.wants = wants;
	make_session(1, IO_AUTO);
	kernel_offers(7, 45, ALL_FEATURES, 64);
	cr_assert_eq(session_handshake(ends[0], s, &err), 0);
	kernel_receives();
	session_free(s);
	s = NULL;
	return reply_features();
}

Test(session, locks_go_to_the_backend_only_if_it_has_them)
{
	uint64_t locks = FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS;

	cr_expect_eq(negotiated(fake_locking_backend.ops, 0) & locks, locks);
	cr_expect_eq(negotiated(fake_poor_backend.ops, 0) & locks, 0);
}

Test(session, truncation_at_open_needs_an_open_that_can_be_told_all)
{
	cr_expect(negotiated(fake_backend.ops, 0) & FUSE_ATOMIC_O_TRUNC);
	cr_expect_not(negotiated(fake_poor_backend.ops, 0) & FUSE_ATOMIC_O_TRUNC);
	cr_expect_not(negotiated(fake_backend.ops, LLFUSED_WANT_KILLPRIV) & FUSE_ATOMIC_O_TRUNC);
}

Test(session, wishes_become_features)
{
	cr_expect(negotiated(fake_poor_backend.ops, LLFUSED_WANT_KILLPRIV) &
		  FUSE_HANDLE_KILLPRIV_V2);
	cr_expect(negotiated(fake_poor_backend.ops, LLFUSED_WANT_ACL) & FUSE_POSIX_ACL);
	cr_expect(reply_features() & FUSE_DONT_MASK);
	cr_expect(negotiated(fake_poor_backend.ops, LLFUSED_WANT_SECCTX) & FUSE_SECURITY_CTX);
	cr_expect(negotiated(fake_poor_backend.ops, LLFUSED_WANT_SUPP_GROUP) &
		  FUSE_CREATE_SUPP_GROUP);
	cr_expect(negotiated(fake_poor_backend.ops, LLFUSED_WANT_EXPORT) & FUSE_EXPORT_SUPPORT);
	cr_expect(negotiated(fake_poor_backend.ops, LLFUSED_WANT_CACHE_SYMLINKS) &
		  FUSE_CACHE_SYMLINKS);
	cr_expect(negotiated(fake_poor_backend.ops, LLFUSED_WANT_OWN_DATA) &
		  FUSE_EXPLICIT_INVAL_DATA);
	cr_expect_not(reply_features() & FUSE_AUTO_INVAL_DATA);
	cr_expect(negotiated(fake_poor_backend.ops, 0) & FUSE_AUTO_INVAL_DATA);
	cr_expect_not(reply_features() & (FUSE_POSIX_ACL | FUSE_DONT_MASK | FUSE_SECURITY_CTX));
	cr_expect_not(reply_features() & (FUSE_PASSTHROUGH | FUSE_ALLOW_IDMAP));
}

Test(session, idmapped_mounts_are_wished_for_where_the_kernel_checks_permissions)
{
	cr_expect_not(negotiated(fake_poor_backend.ops, LLFUSED_WANT_IDMAP) & FUSE_ALLOW_IDMAP);
	cr_expect(negotiated(fake_poor_backend.ops, LLFUSED_WANT_IDMAP | LLFUSED_WANT_ACL) &
		  FUSE_ALLOW_IDMAP);
}

static void drop_sys_admin(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	cr_assert_eq(syscall(SYS_capget, &head, data), 0);
	data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective &= ~CAP_TO_MASK(CAP_SYS_ADMIN);
	cr_assert_eq(syscall(SYS_capset, &head, data), 0);
}

Test(session, kernel_passthrough_is_wished_for_with_the_depth_of_the_wish)
{
	if (geteuid() != 0)
		cr_skip_test("it takes root");
	cr_expect(negotiated(fake_poor_backend.ops, LLFUSED_WANT_PASSTHROUGH) & FUSE_PASSTHROUGH);
	cr_expect_eq(at32(reply, 16 + 36), 1, "max_stack_depth");
	cr_expect_not(negotiated(fake_poor_backend.ops, 0) & FUSE_PASSTHROUGH);
	cr_expect_eq(at32(reply, 16 + 36), 0);
	backend.wants = LLFUSED_WANT_PASSTHROUGH;
	make_session(1, IO_AUTO);
	instance.stack_depth = 2;
	kernel_offers(7, 45, ALL_FEATURES, 64);
	cr_assert_eq(session_handshake(ends[0], s, &err), 0);
	kernel_receives();
	cr_expect_eq(at32(reply, 16 + 36), 2);
}

Test(session, kernel_passthrough_is_off_with_the_reason_where_it_is_not_allowed)
{
	char line[4096];

	if (geteuid() == 0)
		drop_sys_admin();
	backend.wants = LLFUSED_WANT_PASSTHROUGH;
	make_session(1, IO_PLAIN);
	kernel_offers(7, 45, ALL_FEATURES, 64);
	cr_assert_eq(session_handshake(ends[0], s, &err), 0);
	kernel_receives();
	cr_expect_not(reply_features() & FUSE_PASSTHROUGH);
	cr_expect_eq(session_wants(s), 0);
	session_describe(s, line, sizeof(line));
	cr_expect(strstr(line, "passthrough(needs CAP_SYS_ADMIN in the initial user namespace)"),
		  "%s", line);
}

/* ---- serving ---- */

static void start(unsigned workers, enum io_choice io)
{
	make_session(workers, io);
	kernel_offers(7, 45, ALL_FEATURES, 64);
	cr_assert_eq(session_handshake(ends[0], s, &err), 0);
	kernel_receives();
	cr_assert_eq(session_start(s, ends[0], MOUNT_DEV, &err), 0, "%s", err.text);
}

static void look_up(uint64_t unique)
{
	kernel_sends(&(struct message_in){
		.opcode = FUSE_LOOKUP, .unique = unique, .tail = "name", .tail_size = 5});
}

static void serve(unsigned workers, enum io_choice io)
{
	fake.entry.nodeid = 5;
	fake.calls = 0;
	start(workers, io);
	for (uint64_t unique = 4; unique < 400; unique += 2) {
		look_up(unique);
		cr_assert_eq(kernel_receives(), 16 + 128);
		cr_assert_eq(at64(reply, 8), unique);
	}
	cr_expect_eq(fake.calls, 198);
	cr_expect_eq(session_ended(s), SESSION_RUNNING);
	cr_expect_eq(session_stop(s, GRACE), 0);
	cr_expect_eq(session_ended(s), SESSION_STOPPED);
	session_free(s);
	s = NULL;
}

Test(session, serves_and_stops_with_plain_reads)
{
	serve(2, IO_PLAIN);
}

Test(session, serves_and_stops_with_what_is_best)
{
	serve(2, IO_AUTO);
}

Test(session, one_worker_is_enough)
{
	serve(1, IO_AUTO);
}

Test(session, handlers_that_do_not_block_run_on_the_workers)
{
	backend.declares |= LLFUSED_NONBLOCKING;
	serve(2, IO_PLAIN);
	serve(1, IO_AUTO);
}

/* Every third one asks to be called again. */
static int some_again(struct llfused_ctx *ctx)
{
	return ctx->unique % 3 == 0 && !(ctx->flags & LLFUSED_CTX_MAY_SLEEP) ? LLFUSED_AGAIN : 0;
}

static void serve_split(unsigned workers, enum io_choice io)
{
	fake.entry.nodeid = 5;
	fake.calls = 0;
	start(workers, io);
	for (uint64_t unique = 6; unique < 600; unique += 2) {
		look_up(unique);
		cr_assert_eq(kernel_receives(), 16 + 128);
		cr_assert_eq(at64(reply, 8), unique);
	}
	cr_expect_eq(fake.calls, 297 + 99);
	cr_expect_eq(session_stop(s, GRACE), 0);
	session_free(s);
	s = NULL;
}

Test(session, a_split_backend_is_served_by_readers_and_pool)
{
	backend.declares |= LLFUSED_SPLIT;
	fake.hook = some_again;
	serve_split(1, IO_PLAIN);
	serve_split(3, IO_AUTO);
}

static _Atomic bool let_go;

static int sleep_in_pool(struct llfused_ctx *ctx)
{
	if (ctx->unique >= 1000)
		return 0;
	if (!(ctx->flags & LLFUSED_CTX_MAY_SLEEP))
		return LLFUSED_AGAIN;
	while (!let_go)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	return -ENOENT;
}

Test(session, readers_of_a_split_backend_serve_while_the_whole_pool_sleeps)
{
	backend.declares |= LLFUSED_SPLIT;
	fake.hook = sleep_in_pool;
	fake.entry.nodeid = 5;
	start(2, IO_AUTO);
	for (uint64_t unique = 4; unique < 24; unique += 2)
		look_up(unique);
	for (uint64_t unique = 1000; unique < 1100; unique += 2) {
		look_up(unique);
		cr_assert_eq(kernel_receives(), 16 + 128);
		cr_assert_eq(at64(reply, 8), unique);
	}
	let_go = true;
	for (unsigned i = 0; i < 10; i++) {
		cr_expect_eq(kernel_receives(), 16);
		cr_expect_lt(at64(reply, 8), 24);
		cr_expect_eq(reply_errno(), -ENOENT);
	}
}

static int pend(struct llfused_ctx *ctx)
{
	return llfused_pend(ctx) ? LLFUSED_PENDING : -EAGAIN;
}

Test(session, stop_answers_what_is_pending)
{
	struct pollfd end;

	fake.hook = pend;
	start(2, IO_PLAIN);
	end = (struct pollfd){.fd = session_end_fd(s), .events = POLLIN};
	for (uint64_t unique = 4; unique < 44; unique += 2)
		look_up(unique);
	while (fake.calls < 20)
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	cr_expect_eq(recv(ends[1], reply, 1, MSG_DONTWAIT), -1, "nothing is answered yet");
	cr_expect_eq(poll(&end, 1, 0), 0);
	session_stop(s, GRACE);
	cr_expect_eq(poll(&end, 1, 0), 1);
	for (unsigned i = 0; i < 20; i++) {
		cr_expect_eq(kernel_receives(), 16);
		cr_expect_eq(reply_errno(), -EIO);
	}
	cr_expect_eq(s->pending.count, 0);
	cr_expect_eq(llfused_complete(UINT64_C(1) << 32 | 1, 0), -ENOENT);
}

Test(session, init_is_told_what_came_true)
{
	backend.wants = LLFUSED_WANT_KILLPRIV | LLFUSED_WANT_SECCTX;
	make_session(1, IO_PLAIN);
	kernel_offers(7, 31, FUSE_HANDLE_KILLPRIV_V2 | FUSE_MAX_PAGES, 16);
	cr_assert_eq(session_handshake(ends[0], s, &err), 0);
	cr_assert_eq(session_start(s, ends[0], MOUNT_DEV, &err), 0);
	cr_expect_eq(told.want, LLFUSED_WANT_KILLPRIV);
	cr_expect_eq(told.max_write, 1 << 20);
	cr_expect_eq(told.dev, MOUNT_DEV);
	cr_expect_eq(session_stop(s, GRACE), 0);
	cr_expect_eq(session_stop(s, GRACE), 0);
}

Test(session, a_backend_that_fails_to_init_ends_the_start)
{
	init_result = -ENOMEM;
	make_session(1, IO_PLAIN);
	kernel_offers(7, 45, ALL_FEATURES, 64);
	cr_assert_eq(session_handshake(ends[0], s, &err), 0);
	cr_expect_eq(session_start(s, ends[0], MOUNT_DEV, &err), -ENOMEM);
	cr_expect(strstr(err.text, "fake"), "%s", err.text);
	cr_expect_eq(llfused_notify_inval_inode(5, 0, 0), -ENOTCONN);
	session_free(s);
	s = NULL;
}

Test(session, describes_itself_in_one_line_of_any_size)
{
	char line[4096], cut[64];

	backend.wants = LLFUSED_WANT_KILLPRIV;
	start(3, IO_PLAIN);
	session_describe(s, line, sizeof(line));
	cr_expect(strstr(line, "backend=fake"), "%s", line);
	cr_expect(strstr(line, "transport=dev"), "%s", line);
	cr_expect(strstr(line, "workers=3"), "%s", line);
	cr_expect(strstr(line, "protocol=7.45"), "%s", line);
	cr_expect(strstr(line, " on=async_read,"), "%s", line);
	cr_expect(strstr(line, "writeback_cache(not wanted)"), "%s", line);
	session_describe(s, cut, sizeof(cut));
	cr_expect_eq(strlen(cut), sizeof(cut) - 1);
	cr_expect_eq(strncmp(cut, line, sizeof(cut) - 1), 0);
	log_set_level(LLFUSED_LOG_ERROR);
	session_dump(s);
}
