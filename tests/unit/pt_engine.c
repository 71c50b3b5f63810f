/*
 * passthrough: reads, writes and syncs by io_uring, from request to reply, without a kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "daemon_fixture.h"
#include "passthrough/engine.h"
#include "passthrough/file.h"
#include "passthrough/io.h"
#include "pt_ops.h"

#define REPLIES_MAX 2048
#define BOUND       1024 /* requests under way */
#define SIZE        100000

/* ---- what was replied ---- */

struct reply {
	uint64_t unique;
	int error;
	size_t size;
	char *body;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct reply replies[REPLIES_MAX];
static unsigned nreplies;

static int keep(struct session *s, int fd, const struct iovec *iov, int iovcnt)
{
	const struct fuse_out_header *head = iov[0].iov_base;
	struct reply *r = &replies[nreplies];
	char *at = malloc(head->len);

	(void)s;
	(void)fd;
	cr_assert_not_null(at);
	pthread_mutex_lock(&lock);
	cr_assert_lt(nreplies, REPLIES_MAX);
	*r = (struct reply){head->unique, head->error, head->len - sizeof(*head), at};
	for (int i = 1; i < iovcnt; i++) {
		memcpy(at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	nreplies++;
	pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&lock);
	return 0;
}

static const struct transport keeping = {.name = "keeping", .commit = keep};

/* Waits a few seconds; are there as many? */
static bool replied(unsigned count)
{
	struct timespec until;
	int ret = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&lock);
	while (nreplies < count && ret == 0)
		ret = pthread_cond_timedwait(&more, &lock, &until);
	pthread_mutex_unlock(&lock);
	return ret == 0;
}

/* ---- requests ---- */

static struct fixture f;
static uint64_t fh;
static int pipes[2] = {-1, -1};
static bool from_pipe; /* read, instead of the file */
static int result;     /* of the last read from the pipe */

static int read_op(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t handle, uint64_t offset,
		   uint32_t flags, struct llfused_buf *buf)
{
	if (!from_pipe)
		return pt_io_read(ctx, nodeid, handle, offset, flags, buf);
	result = pt_engine_read(pt_ops_fs, ctx, pipes[0], 0, buf->cap);
	return result;
}

static int nothing(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		   struct llfused_entry *out)
{
	(void)ctx;
	(void)parent;
	(void)name;
	(void)out;
	return -ENOENT;
}

static int no_attr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *handle,
		   struct llfused_attr_out *out)
{
	(void)ctx;
	(void)nodeid;
	(void)handle;
	(void)out;
	return -ENOENT;
}

static const struct llfused_ops ops = {
	LLFUSED_OPS_STAMP,    .lookup = nothing,          .getattr = no_attr,
	.read = read_op,      .write = pt_io_write,       .fsync = pt_io_fsync,
	.open = pt_file_open, .release = pt_file_release,
};

static const struct llfused_backend backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "engine",
	.summary = "reads and writes",
	.ops = &ops,
};

static char contents[SIZE];

static void begin(void)
{
	struct llfused_open out = {.flags = 0};
	int fd;

	for (size_t i = 0; i < SIZE; i++)
		contents[i] = (char)(i * 7 / 5);
	pt_ops_begin("");
	fd = open("file", O_WRONLY | O_CREAT, 0644);
	cr_assert_eq(write(fd, contents, SIZE), SIZE);
	close(fd);
	cr_assert_not_null(pt_ops_fs->engine);
	pt_ops_fs->source.mounts[0].pace = PT_PACE_SLOW;
	cr_assert_eq(pt_ops->open(&pt_ops_pool, pt_ops_find("file"), O_RDWR, &out), 0);
	fh = out.fh;
	fixture_open(&f, &backend);
	f.s->fs = pt_ops_fs;
	f.s->transport = &keeping;
	cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
}

static void end(void)
{
	close(pipes[1]);
	pt_ops_end();
	fixture_close(&f);
}

TestSuite(pt_engine, .init = begin, .fini = end, .timeout = 60);

/* Nothing is answered by the handler itself. */
static void ask(uint32_t opcode, const void *fixed, size_t fixed_size, const void *tail,
		size_t tail_size)
{
	size_t len = fixture_ask(&f, opcode, fixed, fixed_size, tail, tail_size);

	cr_assert_eq(len, 0, "error %d", reply_error(&f.slots[0]));
}

static void ask_read(uint64_t offset, uint32_t size)
{
	const struct fuse_read_in in = {.fh = fh, .offset = offset, .size = size};

	ask(FUSE_READ, &in, sizeof(in), NULL, 0);
}

static void ask_write(uint64_t offset, const char *data, uint32_t size, uint32_t flags)
{
	const struct fuse_write_in in = {.fh = fh, .offset = offset, .size = size, .flags = flags};

	ask(FUSE_WRITE, &in, sizeof(in), data, size);
}

static const struct reply *last_reply(unsigned count)
{
	cr_assert(replied(count));
	cr_expect_eq(replies[count - 1].unique, fixture_unique());
	return &replies[count - 1];
}

/* ---- one at a time ---- */

Test(pt_engine, reads_up_to_the_end_of_the_file)
{
	const struct reply *r;

	ask_read(0, 131072);
	r = last_reply(1);
	cr_expect_eq(r->error, 0);
	cr_expect_eq(r->size, SIZE);
	cr_expect_eq(memcmp(r->body, contents, SIZE), 0);
	ask_read(SIZE - 10, 4096);
	r = last_reply(2);
	cr_expect_eq(r->size, 10);
	cr_expect_eq(memcmp(r->body, contents + SIZE - 10, 10), 0);
	ask_read(SIZE, 4096);
	r = last_reply(3);
	cr_expect_eq(r->error, 0);
	cr_expect_eq(r->size, 0);
}

Test(pt_engine, writes_what_it_was_given_even_if_that_changes_afterwards)
{
	char data[4096], back[4096];
	const struct reply *r;
	int fd;

	memset(data, 'w', sizeof data);
	ask_write(5000, data, sizeof data, O_RDWR);
	memset(f.messages[0], 'x', 2 * sizeof data);
	r = last_reply(1);
	cr_expect_eq(r->error, 0);
	cr_expect_eq(at32(r->body, 0), sizeof data);
	fd = open("file", O_RDONLY);
	cr_assert_eq(pread(fd, back, sizeof back, 5000), (ssize_t)sizeof back);
	close(fd);
	cr_expect_eq(memcmp(back, data, sizeof back), 0);
}

Test(pt_engine, appends)
{
	ask_write(0, "end", 3, O_RDWR | O_APPEND);
	last_reply(1);
	cr_expect_eq(pt_ops_stat("file").st_size, SIZE + 3);
}

/* ---- for users ---- */

static unsigned mode_after_write(unsigned mode, uint32_t write_flags)
{
	const struct fuse_write_in in = {
		.fh = fh,
		.size = 1,
		.flags = O_RDWR,
		.write_flags = write_flags,
	};
	static unsigned count;

	cr_assert_eq(chmod("file", mode), 0);
	ask(FUSE_WRITE, &in, sizeof(in), "x", 1);
	cr_expect_eq(last_reply(++count)->error, 0);
	return pt_ops_stat("file").st_mode & 07777;
}

Test(pt_engine, setuid_and_setgid_go_when_the_kernel_says_so)
{
	cr_expect_eq(mode_after_write(06755, 0), 06755, "root keeps them");
	cr_expect_eq(mode_after_write(06755, FUSE_WRITE_KILL_SUIDGID), 0755);
	cr_expect_eq(mode_after_write(06755, 0), 06755, "that was for one write");
	/* the file's group is the daemon's */
	cr_expect_eq(mode_after_write(02644, FUSE_WRITE_KILL_SUIDGID), 0644);
}

/* A file on a descriptor that may be written is written, whoever could not open it. */
Test(pt_engine, writes_for_users_need_no_rights_on_the_file)
{
	cr_assert_eq(chown("file", 1234, 1234), 0);
	cr_expect_eq(mode_after_write(04600, FUSE_WRITE_KILL_SUIDGID), 0600);
}

Test(pt_engine, file_capabilities_go_with_any_write)
{
	/* version 2: CAP_NET_RAW, effective */
	static const uint32_t capability[5] = {0x02000001, 1 << 13};

	cr_assert_eq(setxattr("file", "security.capability", capability, sizeof capability, 0), 0);
	mode_after_write(0755, FUSE_WRITE_KILL_SUIDGID);
	cr_expect_eq(getxattr("file", "security.capability", NULL, 0), -1);
	cr_expect_eq(errno, ENODATA);
}

Test(pt_engine, its_start_changes_nothing_of_the_thread)
{
	struct pt fs = {.engine = NULL};
	const gid_t groups[] = {7, 8};
	gid_t after[8];
	char before[256], now[256];

	cr_assert_eq(setgroups(2, groups), 0);
	umask(027);
	cr_assert_not_null(getcwd(before, sizeof before));
	cr_assert_eq(pt_engine_start(&fs), 0);
	cr_assert_not_null(fs.engine);
	cr_expect_eq(umask(0), 027);
	cr_expect_str_eq(getcwd(now, sizeof now), before);
	cr_expect_eq(getgroups(8, after), 2);
	pt_engine_stop(&fs);
}

Test(pt_engine, errors_reach_the_caller)
{
	struct pt_file *file = pt_file_at(pt_ops_fs, fh);
	int own = file->fd;

	file->fd = open("file", O_WRONLY);
	ask_read(0, 10);
	cr_expect_eq(last_reply(1)->error, -EBADF);
	close(file->fd);
	file->fd = open("file", O_RDONLY);
	ask_write(0, "x", 1, O_RDWR);
	cr_expect_eq(last_reply(2)->error, -EBADF);
	close(file->fd);
	file->fd = own;
}

Test(pt_engine, syncs_and_says_if_that_failed)
{
	struct pt_file *file = pt_file_at(pt_ops_fs, fh);
	struct fuse_fsync_in in = {.fh = fh};
	int own = file->fd;

	ask(FUSE_FSYNC, &in, sizeof(in), NULL, 0);
	cr_expect_eq(last_reply(1)->error, 0);
	in.fsync_flags = 1;
	ask(FUSE_FSYNC, &in, sizeof(in), NULL, 0);
	cr_expect_eq(last_reply(2)->error, 0);
	file->fd = pipes[0];
	ask(FUSE_FSYNC, &in, sizeof(in), NULL, 0);
	cr_expect_eq(last_reply(3)->error, -EINVAL);
	file->fd = own;
}

Test(pt_engine, a_read_that_gets_less_goes_on_until_there_is_no_more)
{
	const struct reply *r;

	from_pipe = true;
	ask_read(0, 10);
	cr_assert_eq(write(pipes[1], "0123", 4), 4);
	usleep(20000);
	cr_expect_eq(nreplies, 0);
	cr_assert_eq(write(pipes[1], "456789", 6), 6);
	r = last_reply(1);
	cr_expect_eq(r->size, 10);
	cr_expect_eq(memcmp(r->body, "0123456789", 10), 0);
	ask_read(0, 10);
	cr_assert_eq(write(pipes[1], "ab", 2), 2);
	close(pipes[1]);
	r = last_reply(2);
	cr_expect_eq(r->size, 2);
}

/* ---- many ---- */

static void let_pipe_end(unsigned count)
{
	close(pipes[1]);
	pipes[1] = -1;
	cr_expect(replied(count));
}

Test(pt_engine, requests_that_wait_stop_no_others)
{
	from_pipe = true;
	for (int i = 0; i < 300; i++)
		ask_read(0, 10);
	from_pipe = false;
	ask_read(0, 10);
	cr_expect_eq(last_reply(1)->size, 10);
	ask_write(0, "x", 1, O_RDWR);
	cr_expect_eq(last_reply(2)->error, 0);
	let_pipe_end(302);
}

Test(pt_engine, too_many_are_refused_until_some_have_ended)
{
	struct fuse_read_in in = {.fh = fh, .size = 10};

	from_pipe = true;
	for (int i = 0; i < BOUND; i++)
		ask_read(0, 10);
	cr_expect_gt(fixture_ask(&f, FUSE_READ, &in, sizeof(in), NULL, 0), 0);
	cr_expect_eq(result, -EAGAIN);
	let_pipe_end(BOUND);
	from_pipe = false;
	/* the last answer goes out before its place is free */
	usleep(20000);
	ask_read(0, 10);
	cr_expect_eq(last_reply(BOUND + 1)->size, 10);
}

static void *end_pipe_later(void *arg)
{
	usleep(100000);
	close(pipes[1]);
	return arg;
}

Test(pt_engine, stops_when_the_last_one_has_ended)
{
	pthread_t thread;

	from_pipe = true;
	for (int i = 0; i < 10; i++)
		ask_read(0, 10);
	cr_assert_eq(pthread_create(&thread, NULL, end_pipe_later, NULL), 0);
	pt_engine_stop(pt_ops_fs);
	cr_expect_eq(nreplies, 10);
	cr_expect_null(pt_ops_fs->engine);
	pthread_join(thread, NULL);
	pipes[1] = -1;
}

#define THREADS 4
#define EACH    200

static void *ask_many(void *arg)
{
	unsigned slot = *(unsigned *)arg;
	const struct fuse_read_in in = {.fh = fh, .offset = slot * 1000, .size = 1000};
	const struct message_in m = {.opcode = FUSE_READ, .fixed = &in, .fixed_size = sizeof(in)};

	for (int i = 0; i < EACH; i++)
		if (fixture_send(&f, slot, &m) != 0)
			return NULL;
	return arg;
}

Test(pt_engine, takes_requests_from_several_threads)
{
	pthread_t threads[THREADS];
	unsigned slots[THREADS];

	for (unsigned i = 0; i < THREADS; i++) {
		slots[i] = i;
		cr_assert_eq(pthread_create(&threads[i], NULL, ask_many, &slots[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		void *all;

		pthread_join(threads[i], &all);
		cr_expect_not_null(all);
	}
	cr_assert(replied(THREADS * EACH));
	for (unsigned i = 0; i < THREADS * EACH; i++) {
		cr_expect_eq(replies[i].error, 0);
		cr_assert_eq(replies[i].size, 1000);
	}
}
