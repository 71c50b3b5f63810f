/*
 * The end of a session whose handler does not come back, with a kernel played over a socket pair:
 * whoever waits for an answer gets one, also those whose requests nobody has read yet.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/log.h"
#include "daemon/worker.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"

#define MS       UINT64_C(1000000)
#define REQUESTS 230u /* more than there are slots */

static int ends[2]; /* the session's, the kernel's */
static struct session *s;
static struct instance instance;
static struct lock lock;

static unsigned char init_reply[4096];

/* ---- the kernel ---- */

static void kernel_sends(const struct message_in *m)
{
	unsigned char message[4096];
	size_t size = message_encode(m, message);

	cr_assert_eq(send(ends[1], message, size, 0), (ssize_t)size);
}

static struct {
	pthread_t thread;
	atomic_bool stop;
	atomic_uint answered;             /* different requests */
	_Atomic int32_t result[REQUESTS]; /* of the first answer; 1: there was none */
} kernel;

static uint64_t unique_of(unsigned request)
{
	return 4 + 2 * (uint64_t)request;
}

/* The session may answer a request several times, since the kernel would take the first only. */
static void note_reply(const unsigned char *reply)
{
	uint64_t i = (at64(reply, 8) - unique_of(0)) / 2;

	cr_assert_lt(i, REQUESTS);
	if (kernel.result[i] != 1)
		return;
	kernel.result[i] = (int32_t)at32(reply, 4);
	kernel.answered++;
}

static void *receive_replies(void *arg)
{
	struct pollfd pfd = {.fd = ends[1], .events = POLLIN};
	unsigned char reply[4096];

	while (!kernel.stop)
		if (poll(&pfd, 1, 10) == 1 && recv(ends[1], reply, sizeof(reply), 0) >= 16)
			note_reply(reply);
	return arg;
}

/* ---- the session ---- */

static void start(enum io_choice io)
{
	struct session_config config = {
		.instance = &instance,
		.lock = &lock,
		.workers = 1,
		.io = io,
		.max_pending = 1000,
	};
	struct fuse_init_in in = {.major = 7, .minor = 31, .flags = FUSE_MAX_PAGES};
	struct err err;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	/* unlike a socket, the kernel takes all replies at once */
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &(int){1 << 20}, sizeof(int));
	log_set_level(LLFUSED_LOG_ERROR);
	lock_init(&lock);
	fixture_adopt(&instance, &fake_backend, ends, &lock);
	cr_assert_eq(session_new(&s, &config, &err), 0);
	kernel_sends(&(struct message_in){
		.opcode = FUSE_INIT, .unique = 2, .fixed = &in, .fixed_size = 16});
	cr_assert_eq(session_handshake(ends[0], s, &err), 0, "%s", err.text);
	cr_assert_geq(recv(ends[1], init_reply, sizeof(init_reply), 0), 16);
	cr_assert_eq(session_start(s, ends[0], 0, &err), 0, "%s", err.text);
	for (unsigned i = 0; i < REQUESTS; i++)
		kernel.result[i] = 1;
	cr_assert_eq(pthread_create(&kernel.thread, NULL, receive_replies, NULL), 0);
}

static bool slots_are_used_up(void)
{
	bool used_up;

	pthread_mutex_lock(&lock.mutex);
	used_up = !s->handlers.pool.spare;
	pthread_mutex_unlock(&lock.mutex);
	return used_up;
}

/* One is in a handler, some in the queue, the others are not read. */
static void ask_too_much(void)
{
	for (unsigned i = 0; i < REQUESTS; i++)
		kernel_sends(&(struct message_in){.opcode = FUSE_LOOKUP,
						  .unique = unique_of(i),
						  .tail = "name",
						  .tail_size = 5});
	while (fake.inside == 0 || !slots_are_used_up())
		nanosleep(&(struct timespec){.tv_nsec = MS}, NULL);
	nanosleep(&(struct timespec){.tv_nsec = 20 * MS}, NULL);
	cr_expect_eq(kernel.answered, 0);
	cr_expect_lt(s->handlers.nslots, REQUESTS);
}

static void end_kernel(void)
{
	nanosleep(&(struct timespec){.tv_nsec = 50 * MS}, NULL);
	kernel.stop = true;
	pthread_join(kernel.thread, NULL);
}

static void expect_eio_for_all(void)
{
	cr_expect_eq(kernel.answered, REQUESTS);
	for (unsigned i = 0; i < REQUESTS; i++)
		cr_assert_eq(kernel.result[i], -EIO, "request %u: %d", i, kernel.result[i]);
}

static int never_end(struct llfused_ctx *ctx)
{
	while (ctx)
		pause();
	return 0;
}

static int end_when_answered(struct llfused_ctx *ctx)
{
	unsigned i = (unsigned)(ctx->unique - unique_of(0)) / 2;

	while (kernel.result[i] == 1)
		nanosleep(&(struct timespec){.tv_nsec = MS}, NULL);
	return -ENOENT;
}

static void stop_behind_what_never_ends(enum io_choice io)
{
	fake.hook = never_end;
	start(io);
	ask_too_much();
	cr_expect_eq(session_stop(s, 100 * MS), -ETIMEDOUT);
	cr_expect_eq(session_stop(s, 0), -ETIMEDOUT);
	end_kernel();
	expect_eio_for_all();
	cr_expect_eq(fake.calls, 0);
}

Test(session_stop, all_are_answered_when_a_handler_never_ends, .timeout = 60)
{
	stop_behind_what_never_ends(IO_PLAIN);
}

Test(session_stop, all_are_answered_when_a_handler_never_ends_by_io_uring, .timeout = 60)
{
	stop_behind_what_never_ends(IO_AUTO);
}

static void stop_behind_what_waits_for_its_answer(enum io_choice io)
{
	fake.hook = end_when_answered;
	start(io);
	ask_too_much();
	cr_expect_eq(session_stop(s, 100 * MS), 0);
	end_kernel();
	expect_eio_for_all();
	cr_expect_eq(fake.calls, 1);
	session_free(s);
	close(ends[0]);
	close(ends[1]);
}

Test(session_stop, a_handler_that_ends_after_its_answer_ends_the_session, .timeout = 60)
{
	stop_behind_what_waits_for_its_answer(IO_PLAIN);
}

Test(session_stop, the_same_by_io_uring, .timeout = 60)
{
	stop_behind_what_waits_for_its_answer(IO_AUTO);
}

/* Within the grace nothing is refused. */
static int take_its_time(struct llfused_ctx *ctx)
{
	(void)ctx;
	nanosleep(&(struct timespec){.tv_nsec = MS}, NULL);
	return -ENOENT;
}

Test(session_stop, what_was_read_is_served_within_the_grace, .timeout = 60)
{
	fake.hook = take_its_time;
	start(IO_PLAIN);
	for (unsigned i = 0; i < 50; i++)
		kernel_sends(&(struct message_in){.opcode = FUSE_LOOKUP,
						  .unique = unique_of(i),
						  .tail = "name",
						  .tail_size = 5});
	while (s->workers[0].stats.requests[0] + s->workers[1].stats.requests[0] < 50)
		nanosleep(&(struct timespec){.tv_nsec = MS / 10}, NULL);
	cr_expect_eq(session_stop(s, 10000 * MS), 0);
	end_kernel();
	cr_expect_eq(kernel.answered, 50);
	for (unsigned i = 0; i < 50; i++)
		cr_expect_eq(kernel.result[i], -ENOENT, "request %u: %d", i, kernel.result[i]);
	session_free(s);
}
