/*
 * Dispatch and the global lock: who holds it in a handler, what happens when a handler loses it;
 * what is answered without it; and a file system that is broken.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/host.h"
#include "daemon/log.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"

static struct fixture f;
static struct slot *slot = &f.slots[0];
static int seen;

static void open_with(const struct llfused_backend *backend)
{
	fixture_open(&f, backend);
	log_set_level(LLFUSED_LOG_ERROR);
}

static void close_all(void)
{
	fixture_close(&f);
}

TestSuite(dispatch_lock, .fini = close_all, .timeout = 30);

static void look_up(void)
{
	fixture_ask(&f, FUSE_LOOKUP, NULL, 0, "name", 5);
}

static int acquire_again(struct llfused_ctx *ctx)
{
	(void)ctx;
	seen = llfused_lock_acquire(0);
	return 0;
}

Test(dispatch_lock, a_plain_backend_has_the_lock_in_its_handlers)
{
	open_with(&fake_backend);
	fake.hook = acquire_again;
	look_up();
	cr_expect_eq(seen, -EDEADLK);
	cr_expect_eq(lock_acquire(&f.lock, 0), 0, "it is free again");
	lock_release(&f.lock);
}

static int take_and_release(struct llfused_ctx *ctx)
{
	(void)ctx;
	seen = llfused_lock_acquire(0);
	return seen == 0 ? llfused_lock_release() : seen;
}

Test(dispatch_lock, a_concurrent_backend_is_called_without_it)
{
	open_with(&fake_concurrent_backend);
	fake.hook = take_and_release;
	look_up();
	cr_expect_eq(seen, 0);
	cr_expect_eq(reply_error(slot), 0);
}

static int lose(struct llfused_ctx *ctx)
{
	(void)ctx;
	return llfused_lock_release();
}

Test(dispatch_lock, a_handler_that_loses_it_is_noted_and_served_on)
{
	open_with(&fake_backend);
	log_set_level(LLFUSED_LOG_ERROR);
	fake.hook = lose;
	look_up();
	cr_expect_eq(reply_error(slot), 0);
	cr_expect_eq(f.s->faults.noted[proto_opcode_index(proto_opcode_find(FUSE_LOOKUP))],
		     1u << FAULT_LOCK);
	fake.hook = acquire_again;
	look_up();
	cr_expect_eq(seen, -EDEADLK);
}

Test(dispatch_lock, the_lock_that_came_with_the_slot_is_not_taken_twice)
{
	size_t len;
	struct message_in m = {.opcode = FUSE_LOOKUP, .unique = 8, .tail = "name", .tail_size = 5};
	size_t size;

	open_with(&fake_backend);
	fake.hook = acquire_again;
	size = message_encode(&m, f.messages[0]);
	cr_assert_eq(dispatch_receive(slot, f.messages[0], size, &len), DISPATCH_RUN);
	cr_expect_eq(len, 0);
	cr_assert_eq(lock_acquire(&f.lock, LLFUSED_FOREVER), 0);
	slot->locked = true;
	cr_expect_gt(dispatch_run(slot), 16);
	cr_expect_eq(seen, -EDEADLK);
	cr_expect_eq(lock_release(&f.lock), -EPERM, "given back by dispatch");
}

/* ---- what needs no lock ---- */

static void *hold_the_lock(void *arg)
{
	lock_acquire(&f.lock, LLFUSED_FOREVER);
	return arg;
}

static void stick(void)
{
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, hold_the_lock, NULL), 0);
	pthread_join(thread, NULL);
}

static uint32_t caller = 4321; /* pid */

static void set_xattr(const char *name, uint64_t nodeid, uint32_t uid)
{
	struct fuse_setxattr_in in = {.size = 1};
	unsigned char message[256];
	char tail[64] = "";
	struct message_in m = {
		.opcode = FUSE_SETXATTR,
		.unique = 10,
		.nodeid = nodeid,
		.fixed = &in,
		.fixed_size = sizeof(in),
		.tail = tail,
		.tail_size = strlen(name) + 2,
	};
	size_t size;

	strcpy(tail, name);
	strcpy(tail + strlen(name) + 1, "1");
	size = message_encode(&m, message);
	memcpy(message + offsetof(struct fuse_in_header, uid), &uid, sizeof(uid));
	memcpy(message + offsetof(struct fuse_in_header, pid), &caller, sizeof(caller));
	fixture_dispatch(slot, message, size);
}

Test(dispatch_lock, stack_traces_are_for_root_and_the_owner_whoever_has_the_lock)
{
	open_with(&fake_backend);
	stick();
	set_xattr("fuse_stacktrace", LLFUSED_ROOT_ID, 0);
	cr_expect_eq(reply_error(slot), 0);
	set_xattr("user.fuse_stacktrace", LLFUSED_ROOT_ID, FIXTURE_OWNER);
	cr_expect_eq(reply_error(slot), 0);
	set_xattr("fuse_stacktrace", LLFUSED_ROOT_ID, FIXTURE_OWNER + 1);
	cr_expect_eq(reply_error(slot), -EPERM);
	cr_expect_eq(fake.calls, 0);
}

/* A process that is this user once it can be asked for, and lives for 20 s at most. */
static uint32_t make_caller(uid_t uid)
{
	int fds[2];
	char byte;
	pid_t pid;

	cr_assert_eq(pipe(fds), 0);
	pid = fork();
	cr_assert_geq(pid, 0);
	if (pid == 0) {
		alarm(20);
		if (setresuid(uid, uid, uid) != 0 || write(fds[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	cr_assert_eq(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
	return (uint32_t)pid;
}

static int ask_as(uint32_t pid)
{
	caller = pid;
	set_xattr("fuse_stacktrace", LLFUSED_ROOT_ID, UINT32_MAX);
	return reply_error(slot);
}

static int ask_as_user(uid_t uid)
{
	uint32_t pid = make_caller(uid);
	int ret = ask_as(pid);

	kill((pid_t)pid, SIGKILL);
	return ret;
}

Test(dispatch_lock, stack_traces_are_for_the_same_users_where_their_ids_are_hidden)
{
	open_with(&fake_backend);
	if (geteuid() != 0)
		cr_skip_test("other users take root");
	cr_expect_eq(ask_as((uint32_t)getpid()), 0);
	cr_expect_eq(ask_as_user(FIXTURE_OWNER), 0);
	cr_expect_eq(ask_as_user(FIXTURE_OWNER + 1), -EPERM);
	cr_expect_eq(ask_as(0), -EPERM, "a caller that cannot be seen");
	cr_expect_eq(ask_as(0x7fffffff), -EPERM);
	cr_expect_eq(fake.calls, 0);
}

Test(dispatch_lock, the_attribute_means_nothing_elsewhere)
{
	open_with(&fake_backend);
	set_xattr("fuse_stacktrace", FIXTURE_NODE, 0);
	set_xattr("fuse_stacktraces", LLFUSED_ROOT_ID, 0);
	cr_expect_eq(fake.calls, 2);
}

Test(dispatch_lock, absent_ops_are_answered_whoever_has_the_lock)
{
	open_with(&fake_poor_backend);
	stick();
	fixture_ask(&f, FUSE_STATFS, NULL, 0, NULL, 0);
	cr_expect_eq(reply_error(slot), 0);
	fixture_ask(&f, FUSE_READLINK, NULL, 0, NULL, 0);
	cr_expect_eq(reply_error(slot), -EOPNOTSUPP);
}

/* ---- a broken file system ---- */

static int break_down(struct llfused_ctx *ctx)
{
	(void)ctx;
	return llfused_fatal("disk %d is on fire", 3);
}

Test(dispatch_lock, after_a_fatal_error_no_handler_is_called)
{
	struct fuse_forget_in forget = {.nlookup = 1};

	open_with(&fake_backend);
	cr_expect_null(host_fatal_text());
	fake.hook = break_down;
	look_up();
	cr_expect_eq(reply_error(slot), -EIO);
	cr_expect_str_eq(host_fatal_text(), "disk 3 is on fire");
	cr_expect_eq(session_ended(f.s), SESSION_FATAL);
	look_up();
	cr_expect_eq(reply_error(slot), -EIO);
	cr_expect_eq(fake.calls, 1);
	fixture_ask(&f, FUSE_FORGET, &forget, sizeof(forget), NULL, 0);
	cr_expect_eq(fake.nforgot, 0);
	cr_expect_eq(llfused_fatal("and another"), -EIO);
	cr_expect_str_eq(host_fatal_text(), "disk 3 is on fire", "the first one counts");
}

static llfused_pending id;

static int pend(struct llfused_ctx *ctx)
{
	id = llfused_pend(ctx);
	return id != 0 ? LLFUSED_PENDING : -EAGAIN;
}

static void interrupt_it(uint64_t unique)
{
	struct message_in m = {.opcode = FUSE_INTERRUPT,
			       .unique = unique | 1,
			       .fixed = &unique,
			       .fixed_size = sizeof(unique)};

	cr_expect_eq(fixture_send(&f, 1, &m), 0);
}

static int pend_interrupt_and_break(struct llfused_ctx *ctx)
{
	interrupt_it(ctx->unique);
	break_down(ctx);
	return pend(ctx);
}

Test(dispatch_lock, after_a_fatal_error_nobody_is_told_of_interrupts)
{
	uint64_t pending, running;

	open_with(&fake_backend);
	fake.hook = pend;
	look_up();
	pending = fixture_unique();
	look_up();
	running = fixture_unique();
	interrupt_it(running);
	cr_expect_eq(fake.interrupts, 1);
	fake.hook = pend_interrupt_and_break;
	look_up();
	interrupt_it(pending);
	cr_expect_eq(fake.interrupts, 1);
}

Test(dispatch_lock, after_a_fatal_error_nothing_retrieved_is_handed_over)
{
	struct fuse_notify_retrieve_in in = {.size = 4};
	struct message_in m = {.opcode = FUSE_NOTIFY_REPLY,
			       .unique = 21 << 1 | 1,
			       .fixed = &in,
			       .fixed_size = sizeof(in),
			       .tail = "page",
			       .tail_size = 4};

	open_with(&fake_backend);
	fixture_send(&f, 0, &m);
	cr_expect_eq(fake.calls, 1);
	llfused_fatal("it broke");
	cr_expect_eq(fixture_send(&f, 0, &m), 0);
	cr_expect_eq(fake.calls, 1);
}

static void batch_forget(void)
{
	struct fuse_batch_forget_in in = {.count = 2};
	struct fuse_forget_one list[2] = {{.nodeid = 5, .nlookup = 1}, {.nodeid = 6, .nlookup = 1}};

	fixture_ask(&f, FUSE_BATCH_FORGET, &in, sizeof(in), list, sizeof(list));
}

Test(dispatch_lock, after_a_fatal_error_no_count_is_given_back)
{
	open_with(&fake_backend);
	fake.entry.nodeid = 5;
	batch_forget();
	cr_expect_eq(fake.nforgot, 2);
	look_up();
	cr_expect_eq(slot->counted, 5);
	llfused_fatal("it broke");
	dispatch_sent(slot, -ENOENT);
	batch_forget();
	cr_expect_eq(fake.nforgot, 2);
}

Test(dispatch_lock, what_waited_for_the_lock_during_a_fatal_error_is_not_called)
{
	struct message_in m = {.opcode = FUSE_LOOKUP, .unique = 8, .tail = "name", .tail_size = 5};
	size_t size, len;

	open_with(&fake_backend);
	size = message_encode(&m, f.messages[0]);
	cr_assert_eq(dispatch_receive(slot, f.messages[0], size, &len), DISPATCH_RUN);
	llfused_fatal("it broke");
	cr_expect_eq(dispatch_run(slot), 16);
	cr_expect_eq(reply_error(slot), -EIO);
	cr_expect_eq(fake.calls, 0);
	cr_expect_eq(slot->unique, 0, "it is not in flight any more");
}

/* ---- refused replies ---- */

static int list_three(struct llfused_dirents *d)
{
	struct llfused_entry entry = {.nodeid = 50, .attr.mode = S_IFREG};

	d->add(d, ".", 1, 1, S_IFDIR, 1, NULL);
	for (uint64_t i = 2; i < 5; i++, entry.nodeid++)
		d->add(d, "name", 4, i, S_IFREG, i, &entry);
	return 0;
}

Test(dispatch_lock, a_refused_listing_gives_each_count_back)
{
	struct fuse_read_in in = {.size = 4096};

	open_with(&fake_backend);
	fake.fill = list_three;
	cr_assert_gt(fixture_ask(&f, FUSE_READDIRPLUS, &in, sizeof(in), NULL, 0), 16);
	dispatch_sent(slot, -ENOENT);
	cr_assert_eq(fake.nforgot, 3);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(fake.forgot[i].nodeid, 50 + i);
		cr_expect_eq(fake.forgot[i].nlookup, 1);
	}
}

Test(dispatch_lock, a_refused_plain_listing_counts_nothing)
{
	struct fuse_read_in in = {.size = 4096};

	open_with(&fake_backend);
	fake.fill = list_three;
	cr_assert_gt(fixture_ask(&f, FUSE_READDIR, &in, sizeof(in), NULL, 0), 16);
	dispatch_sent(slot, -ENOENT);
	cr_expect_eq(fake.nforgot, 0);
}

/* ---- helpers of the header that only this side can test ---- */

Test(dispatch_lock, now_becomes_one_time_of_the_clock)
{
	struct llfused_setattr set = {
		.valid = LLFUSED_SET_ATIME | LLFUSED_SET_ATIME_NOW | LLFUSED_SET_MTIME |
			 LLFUSED_SET_MTIME_NOW | LLFUSED_SET_MODE,
	};
	struct llfused_setattr given = {
		.valid = LLFUSED_SET_ATIME | LLFUSED_SET_MTIME | LLFUSED_SET_MTIME_NOW,
		.atime = {.tv_sec = -5, .tv_nsec = 999999999},
	};

	open_with(&fake_backend);
	llfused_setattr_now(&set);
	cr_expect_eq(set.valid, LLFUSED_SET_ATIME | LLFUSED_SET_MTIME | LLFUSED_SET_MODE);
	cr_expect_gt(set.atime.tv_sec, 1500000000);
	cr_expect_eq(set.atime.tv_nsec, set.mtime.tv_nsec);
	llfused_setattr_now(&given);
	cr_expect_eq(given.valid, LLFUSED_SET_ATIME | LLFUSED_SET_MTIME);
	cr_expect_eq(given.atime.tv_sec, -5);
	cr_expect_eq(given.atime.tv_nsec, 999999999);
	cr_expect_gt(given.mtime.tv_sec, 1500000000);
}
