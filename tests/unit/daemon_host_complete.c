/*
 * Answers to pending requests: which body fits which request, and what the backend and the caller
 * are told when it does not.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/host.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"

static struct fixture f;
static struct slot *const slot = &f.slots[0];
static llfused_pending id;

static void open_fake(void)
{
	fixture_open(&f, &fake_backend);
}

static void close_fake(void)
{
	cr_expect_eq(fake.nforgot, 0, "who completes takes counts back, not the daemon");
	fixture_close(&f);
}

TestSuite(host_complete, .init = open_fake, .fini = close_fake, .timeout = 30);

static int pend(struct llfused_ctx *ctx)
{
	id = llfused_pend(ctx);
	cr_expect_neq(id, 0);
	return LLFUSED_PENDING;
}

static void ask(uint32_t opcode, const void *fixed, size_t size, const char *name)
{
	fake.hook = pend;
	cr_assert_eq(fixture_ask(&f, opcode, fixed, size, name, name ? strlen(name) + 1 : 0), 0);
}

/* The newest reply belongs to the last request; `size` is its body's. */
static const unsigned char *expect_reply(int error, size_t size)
{
	static unsigned count;
	const struct committed *c = committed_wait(++count);

	cr_assert_not_null(c);
	cr_assert_eq(committed_count(), count);
	cr_expect_eq(c->fd, slot->fd, "the descriptor that the request came in on");
	cr_expect_eq(at32(c->bytes, 0), c->size);
	cr_expect_eq(c->size, 16 + size);
	cr_expect_eq(committed_error(c), error);
	cr_expect_eq(committed_unique(c), fixture_unique());
	return c->bytes + 16;
}

/* ---- the requests ---- */

static void ask_lookup(void)
{
	ask(FUSE_LOOKUP, NULL, 0, "name");
}

static void ask_mkdir(void)
{
	ask(FUSE_MKDIR, &(struct fuse_mkdir_in){0}, sizeof(struct fuse_mkdir_in), "name");
}

static void ask_create(void)
{
	ask(FUSE_CREATE, &(struct fuse_create_in){0}, sizeof(struct fuse_create_in), "name");
}

static void ask_tmpfile(void)
{
	ask(FUSE_TMPFILE, &(struct fuse_create_in){0}, sizeof(struct fuse_create_in), "#tmp");
}

static void ask_getattr(void)
{
	ask(FUSE_GETATTR, &(struct fuse_getattr_in){0}, sizeof(struct fuse_getattr_in), NULL);
}

static void ask_statx(void)
{
	ask(PROTO_OP_STATX, &(struct proto_statx_in){0}, sizeof(struct proto_statx_in), NULL);
}

static void ask_open(void)
{
	ask(FUSE_OPEN, &(struct fuse_open_in){0}, sizeof(struct fuse_open_in), NULL);
}

static void ask_opendir(void)
{
	ask(FUSE_OPENDIR, &(struct fuse_open_in){0}, sizeof(struct fuse_open_in), NULL);
}

static void ask_read(void)
{
	ask(FUSE_READ, &(struct fuse_read_in){.size = 4}, sizeof(struct fuse_read_in), NULL);
}

static void ask_readlink(void)
{
	ask(FUSE_READLINK, NULL, 0, NULL);
}

static void ask_getxattr(uint32_t size)
{
	struct fuse_getxattr_in in = {.size = size};

	ask(FUSE_GETXATTR, &in, sizeof(in), "user.x");
}

static void ask_listxattr(uint32_t size)
{
	struct fuse_getxattr_in in = {.size = size};

	ask(FUSE_LISTXATTR, &in, sizeof(in), NULL);
}

static void ask_xattr_value(void)
{
	ask_getxattr(4);
}

static void ask_xattr_size(void)
{
	ask_getxattr(0);
}

static void ask_write(void)
{
	struct fuse_write_in in = {.size = 5};

	ask(FUSE_WRITE, &in, sizeof(in), "four");
}

static void ask_copy_of(uint32_t opcode, uint64_t len)
{
	struct fuse_copy_file_range_in in = {.len = len};

	ask(opcode, &in, sizeof(in), NULL);
}

static void ask_copy(void)
{
	ask_copy_of(FUSE_COPY_FILE_RANGE, 100);
}

static void ask_copy_64(void)
{
	ask_copy_of(PROTO_OP_COPY_FILE_RANGE_64, 100);
}

static void ask_listing(uint32_t opcode, uint32_t size)
{
	struct fuse_read_in in = {.size = size, .flags = O_DIRECTORY | O_NOATIME};

	ask(opcode, &in, sizeof(in), NULL);
}

static void ask_readdir(void)
{
	ask_listing(FUSE_READDIR, 4096);
}

static void ask_readdirplus(void)
{
	ask_listing(FUSE_READDIRPLUS, 4096);
}

static void ask_statfs(void)
{
	ask(FUSE_STATFS, NULL, 0, NULL);
}

static void ask_getlk(void)
{
	ask(FUSE_GETLK, &(struct fuse_lk_in){0}, sizeof(struct fuse_lk_in), NULL);
}

static void ask_ioctl(void)
{
	struct fuse_ioctl_in in = {.out_size = 4};

	ask(FUSE_IOCTL, &in, sizeof(in), NULL);
}

static void ask_poll(void)
{
	ask(FUSE_POLL, &(struct fuse_poll_in){0}, sizeof(struct fuse_poll_in), NULL);
}

static void ask_lseek(void)
{
	ask(FUSE_LSEEK, &(struct fuse_lseek_in){0}, sizeof(struct fuse_lseek_in), NULL);
}

static void ask_bmap(void)
{
	ask(FUSE_BMAP, &(struct fuse_bmap_in){0}, sizeof(struct fuse_bmap_in), NULL);
}

static void ask_unlink(void)
{
	ask(FUSE_UNLINK, NULL, 0, "name");
}

static void ask_setlkw(void)
{
	ask(FUSE_SETLKW, &(struct fuse_lk_in){0}, sizeof(struct fuse_lk_in), NULL);
}

/* ---- the completions ---- */

static const struct llfused_entry file = {.nodeid = 5, .attr.mode = S_IFREG | 0644};
static unsigned fills;

static int fill_one(void *arg, struct llfused_dirents *dirents)
{
	struct llfused_entry entry = {.nodeid = 77, .attr.mode = S_IFREG};

	(void)arg;
	fills++;
	cr_expect_eq(dirents->add(dirents, "name", 4, 5, S_IFREG, 1, &entry), 1);
	return 0;
}

static int with_nothing(void)
{
	return llfused_complete(id, 0);
}

static int with_entry(void)
{
	return llfused_complete_entry(id, &file);
}

static int with_create(void)
{
	return llfused_complete_create(id, &file, &(struct llfused_open){.fh = 3});
}

static int with_attr(void)
{
	return llfused_complete_attr(id, &(struct llfused_attr_out){.attr.mode = S_IFREG});
}

static int with_open(void)
{
	return llfused_complete_open(id, &(struct llfused_open){.fh = 3});
}

static int with_data(void)
{
	return llfused_complete_data(id, "data", 4);
}

static int with_xattr_size(void)
{
	return llfused_complete_xattr_size(id, 4);
}

static int with_write(void)
{
	return llfused_complete_write(id, 5);
}

static int with_readdir(void)
{
	return llfused_complete_readdir(id, fill_one, NULL);
}

static int with_statfs(void)
{
	return llfused_complete_statfs(id, &(struct llfused_statfs){.blocks = 1});
}

static int with_lock(void)
{
	return llfused_complete_lock(id, &(struct llfused_lock){.start = 9});
}

static int with_ioctl(void)
{
	return llfused_complete_ioctl(id, 7, "data", 4);
}

static int with_poll(void)
{
	return llfused_complete_poll(id, 5);
}

static int with_number(void)
{
	return llfused_complete_number(id, 4096);
}

/* ---- which fits which ---- */

static int (*const answers[])(void) = {
	with_nothing, with_entry,   with_create, with_attr, with_open,  with_data, with_xattr_size,
	with_write,   with_readdir, with_statfs, with_lock, with_ioctl, with_poll, with_number,
};

static const struct {
	const char *name;
	void (*ask)(void);
	int (*answer)(void); /* the only one that is right */
	size_t size;         /* of its body */
} pairs[] = {
	{"LOOKUP", ask_lookup, with_entry, 128},
	{"MKDIR", ask_mkdir, with_entry, 128},
	{"CREATE", ask_create, with_create, 128 + 16},
	{"TMPFILE", ask_tmpfile, with_create, 128 + 16},
	{"GETATTR", ask_getattr, with_attr, 104},
	{"STATX", ask_statx, with_attr, 288},
	{"OPEN", ask_open, with_open, 16},
	{"OPENDIR", ask_opendir, with_open, 16},
	{"READ", ask_read, with_data, 4},
	{"READLINK", ask_readlink, with_data, 4},
	{"GETXATTR", ask_xattr_value, with_data, 4},
	{"GETXATTR size", ask_xattr_size, with_xattr_size, 8},
	{"WRITE", ask_write, with_write, 8},
	{"COPY_FILE_RANGE", ask_copy, with_write, 8},
	{"COPY_FILE_RANGE_64", ask_copy_64, with_write, 8},
	{"READDIR", ask_readdir, with_readdir, 32},
	{"READDIRPLUS", ask_readdirplus, with_readdir, 160},
	{"STATFS", ask_statfs, with_statfs, 80},
	{"GETLK", ask_getlk, with_lock, 24},
	{"IOCTL", ask_ioctl, with_ioctl, 16 + 4},
	{"POLL", ask_poll, with_poll, 8},
	{"LSEEK", ask_lseek, with_number, 8},
	{"BMAP", ask_bmap, with_number, 8},
	{"UNLINK", ask_unlink, with_nothing, 0},
	{"SETLKW", ask_setlkw, with_nothing, 0},
};

#define PAIRS   (sizeof(pairs) / sizeof(pairs[0]))
#define ANSWERS (sizeof(answers) / sizeof(answers[0]))

Test(host_complete, one_answer_fits_and_every_other_is_eio_for_the_caller)
{
	for (unsigned i = 0; i < PAIRS; i++)
		for (unsigned j = 0; j < ANSWERS; j++) {
			bool fits = answers[j] == pairs[i].answer;
			int ret;

			pairs[i].ask();
			ret = answers[j]();
			cr_expect_eq(ret, fits ? 0 : -EINVAL, "%s %u: %d", pairs[i].name, j, ret);
			expect_reply(fits ? 0 : -EIO, fits ? pairs[i].size : 0);
			cr_expect_eq(answers[j](), -ENOENT, "once");
		}
	cr_expect_eq(fills, 2, "directories are filled when they were asked for");
	cr_expect_eq(f.s->pending.count, 0);
}

/* -ENOENT: the caller has gone.  Whatever the reply would have counted is the backend's to undo. */
Test(host_complete, what_the_kernel_refuses_is_said_and_not_undone)
{
	committed_answer(-ENOENT);
	for (unsigned i = 0; i < PAIRS; i++) {
		pairs[i].ask();
		cr_expect_eq(pairs[i].answer(), -ENOENT, "%s", pairs[i].name);
		expect_reply(0, pairs[i].size);
	}
	committed_answer(-EINVAL);
	ask_lookup();
	cr_expect_eq(with_entry(), -EINVAL);
	expect_reply(0, 128);
	ask_lookup();
	cr_expect_eq(llfused_complete(id, -ENOENT), -EINVAL);
	expect_reply(-ENOENT, 0);
	cr_expect_eq(f.s->pending.count, 0);
	cr_expect_eq(f.s->pending.completing, 0);
}

Test(host_complete, bodies_say_what_the_backend_said)
{
	const unsigned char *body;

	ask_create();
	with_create();
	body = expect_reply(0, 144);
	cr_expect_eq(at64(body, 0), 5);
	cr_expect_eq(at64(body, 128), 3);
	ask_xattr_size();
	with_xattr_size();
	cr_expect_eq(at32(expect_reply(0, 8), 0), 4);
	ask_statfs();
	with_statfs();
	cr_expect_eq(at64(expect_reply(0, 80), 0), 1);
	ask_ioctl();
	with_ioctl();
	body = expect_reply(0, 20);
	cr_expect_eq(at32(body, 0), 7);
	cr_expect_arr_eq(body + 16, "data", 4);
	ask_poll();
	with_poll();
	cr_expect_eq(at32(expect_reply(0, 8), 0), 5);
	ask_lseek();
	with_number();
	cr_expect_eq(at64(expect_reply(0, 8), 0), 4096);
	ask_bmap();
	with_number();
	cr_expect_eq(at64(expect_reply(0, 8), 0), 4096);
	ask_copy();
	with_write();
	cr_expect_eq(at32(expect_reply(0, 8), 0), 5);
	ask_copy_64();
	with_write();
	cr_expect_eq(at64(expect_reply(0, 8), 0), 5);
	ask_read();
	with_data();
	cr_expect_arr_eq(expect_reply(0, 4), "data", 4);
}

/* ---- sizes ---- */

Test(host_complete, data_fits_what_was_asked_for)
{
	ask_read();
	cr_expect_eq(llfused_complete_data(id, NULL, 0), 0);
	expect_reply(0, 0);
	ask_read();
	cr_expect_eq(llfused_complete_data(id, "longer", 5), -EINVAL);
	expect_reply(-EIO, 0);
	ask_readlink();
	cr_expect_eq(llfused_complete_data(id, "target", 6), 0);
	expect_reply(0, 6);
}

Test(host_complete, xattrs_keep_to_the_size)
{
	ask_xattr_value();
	cr_expect_eq(llfused_complete_data(id, "longer", 5), -EINVAL);
	expect_reply(-ERANGE, 0);
	ask_listxattr(4);
	cr_expect_eq(llfused_complete_data(id, "abc", 4), 0);
	expect_reply(0, 4);
	ask_listxattr(4);
	cr_expect_eq(llfused_complete_data(id, "abcd", 5), -EINVAL);
	expect_reply(-ERANGE, 0);
	ask_listxattr(0);
	cr_expect_eq(llfused_complete_xattr_size(id, SIZE_MAX), 0);
	cr_expect_eq(at32(expect_reply(0, 8), 0), UINT32_MAX, "not what is left of it");
}

Test(host_complete, ioctls_carry_no_more_than_the_caller_has_room_for)
{
	ask_ioctl();
	cr_expect_eq(llfused_complete_ioctl(id, -5, NULL, 0), 0);
	cr_expect_eq((int32_t)at32(expect_reply(0, 16), 0), -5);
	ask_ioctl();
	cr_expect_eq(llfused_complete_ioctl(id, 0, "longer", 5), -EINVAL);
	expect_reply(-EIO, 0);
}

Test(host_complete, no_more_is_written_than_was_given)
{
	ask_write();
	cr_expect_eq(llfused_complete_write(id, 0), 0);
	expect_reply(0, 8);
	ask_write();
	cr_expect_eq(llfused_complete_write(id, 6), -EINVAL);
	expect_reply(-EIO, 0);
	ask_write();
	cr_expect_eq(llfused_complete_write(id, (size_t)1 << 32), -EINVAL, "not 0");
	expect_reply(-EIO, 0);
	ask_copy_of(FUSE_COPY_FILE_RANGE, UINT64_MAX);
	cr_expect_eq(llfused_complete_write(id, UINT32_MAX), 0);
	cr_expect_eq(at32(expect_reply(0, 8), 0), UINT32_MAX);
	ask_copy_of(FUSE_COPY_FILE_RANGE, UINT64_MAX);
	cr_expect_eq(llfused_complete_write(id, (size_t)UINT32_MAX + 1), -EINVAL);
	expect_reply(-EIO, 0);
	ask_copy_of(PROTO_OP_COPY_FILE_RANGE_64, UINT64_MAX);
	cr_expect_eq(llfused_complete_write(id, SIZE_MAX), 0);
	cr_expect_eq(at64(expect_reply(0, 8), 0), UINT64_MAX);
	ask_copy_64();
	cr_expect_eq(llfused_complete_write(id, 101), -EINVAL);
	expect_reply(-EIO, 0);
}

/* ---- errors ---- */

Test(host_complete, any_request_may_fail)
{
	for (unsigned i = 0; i < PAIRS; i++) {
		pairs[i].ask();
		cr_expect_eq(llfused_complete(id, -ENOLCK), 0, "%s", pairs[i].name);
		expect_reply(-ENOLCK, 0);
	}
}

Test(host_complete, errnos_keep_the_rules)
{
	ask_lookup();
	cr_expect_eq(llfused_complete(id, -ENOSYS), 0);
	expect_reply(-EOPNOTSUPP, 0);
	ask_lookup();
	cr_expect_eq(llfused_complete(id, -511), 0);
	expect_reply(-511, 0);
	ask_lookup();
	cr_expect_eq(llfused_complete(id, -512), -EINVAL);
	expect_reply(-EIO, 0);
	ask_lookup();
	cr_expect_eq(llfused_complete(id, 3), -EINVAL);
	expect_reply(-EIO, 0);
	ask_unlink();
	cr_expect_eq(llfused_complete(id, LLFUSED_PENDING), -EINVAL);
	expect_reply(-EIO, 0);
}

/* ---- directories ---- */

struct listing {
	const char *names[8]; /* up to NULL */
	int ret;
	unsigned taken;
	uint32_t plus, flags;
	void (*meanwhile)(void);
};

static int fill_listing(void *arg, struct llfused_dirents *dirents)
{
	struct listing *l = arg;

	fills++;
	l->plus = dirents->plus;
	l->flags = dirents->flags;
	for (unsigned i = 0; l->names[i]; i++) {
		struct llfused_entry entry = {.nodeid = 100 + i, .attr.mode = S_IFREG};

		if (!dirents->add(dirents, l->names[i], strlen(l->names[i]), 5, S_IFREG, i + 1,
				  &entry))
			break;
		l->taken++;
	}
	if (l->meanwhile)
		l->meanwhile();
	return l->ret;
}

Test(host_complete, a_listing_is_packed_as_in_readdir)
{
	struct listing l = {.names = {"one", "two"}};
	const unsigned char *body;

	ask_readdir();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), 0);
	body = expect_reply(0, 64);
	cr_expect_eq(l.plus, 0);
	cr_expect_eq(l.flags, O_DIRECTORY | O_NOATIME);
	cr_expect_arr_eq(body + 24, "one", 3);
	cr_expect_eq(at64(body, 32 + 8), 2, "the offset of the second");
	ask_readdirplus();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), 0);
	body = expect_reply(0, 320);
	cr_expect_eq(l.plus, 1);
	cr_expect_eq(l.flags, O_DIRECTORY | O_NOATIME);
	cr_expect_eq(at64(body, 0), 100);
	cr_expect_eq(at64(body, 160), 101);
	cr_expect_eq(fills, 2);
}

Test(host_complete, a_listing_never_counts_dot_and_dotdot)
{
	struct listing l = {.names = {".", "..", "x"}};
	const unsigned char *body;

	ask_readdirplus();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), 0);
	body = expect_reply(0, 480);
	cr_expect_eq(at64(body, 0), 0);
	cr_expect_eq(at64(body, 160), 0);
	cr_expect_eq(at64(body, 320), 102);
}

Test(host_complete, a_listing_keeps_to_the_room_and_ends_with_nothing)
{
	struct listing l = {.names = {"one", "two", "three"}}, none = {.taken = 0};

	ask_listing(FUSE_READDIR, 70);
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), 0);
	expect_reply(0, 64);
	cr_expect_eq(l.taken, 2);
	ask_readdir();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &none), 0);
	expect_reply(0, 0);
}

Test(host_complete, a_listing_that_cannot_be_told_is_no_end)
{
	struct listing l = {.names = {"one"}}, bad = {.names = {"a/b"}};

	ask_listing(FUSE_READDIR, 20);
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), -EINVAL);
	expect_reply(-EINVAL, 0);
	ask_readdir();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &bad), -EINVAL);
	expect_reply(-EIO, 0);
	ask_listing(FUSE_READDIR, 0);
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), -EINVAL);
	expect_reply(-EINVAL, 0);
}

Test(host_complete, no_room_is_made_for_more_than_a_reply_may_have)
{
	struct listing l = {.names = {"one"}};

	ask_listing(FUSE_READDIR, UINT32_MAX);
	cr_expect_eq(f.s->pending.records[0].room, FIXTURE_BODY);
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), 0);
	expect_reply(0, 32);
}

Test(host_complete, what_fill_returns_is_the_answer)
{
	struct listing l = {.names = {"one"}, .ret = -EACCES};

	ask_readdirplus();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), 0);
	expect_reply(-EACCES, 0);
	l.ret = LLFUSED_PENDING;
	ask_readdirplus();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), -EINVAL);
	expect_reply(-EIO, 0);
	l.ret = -ENOSYS;
	ask_readdirplus();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), 0);
	expect_reply(-EOPNOTSUPP, 0);
	cr_expect_eq(fills, 3);
}

static void fail_all(void)
{
	session_fail_pending(f.s);
}

static void complete_it(void)
{
	cr_expect_eq(llfused_complete(id, -EINTR), 0);
}

Test(host_complete, the_first_answer_counts_while_a_listing_is_made)
{
	struct listing l = {.names = {"one"}, .meanwhile = complete_it};

	ask_readdirplus();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), -ENOENT);
	expect_reply(-EINTR, 0);
	l.ret = -EACCES;
	ask_readdirplus();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), -ENOENT);
	expect_reply(-EINTR, 0);
}

Test(host_complete, the_end_does_not_wait_for_a_listing)
{
	struct listing l = {.names = {"one"}, .meanwhile = fail_all};

	ask_readdirplus();
	cr_expect_eq(llfused_complete_readdir(id, fill_listing, &l), -ENOENT);
	expect_reply(-EIO, 0);
}

/* ---- nobody is there ---- */

Test(host_complete, without_a_session_there_are_no_requests)
{
	host_bind(NULL);
	id = 1;
	for (unsigned j = 0; j < ANSWERS; j++)
		cr_expect_eq(answers[j](), -ENOENT);
	cr_expect_eq(fills, 0);
}

/* ---- backed files ---- */

static int complete_backed(uint32_t flags)
{
	struct llfused_open open = {
		.fh = 3, .flags = LLFUSED_OPEN_PASSTHROUGH | flags, .backing_id = 4};

	return llfused_complete_open(id, &open);
}

static int create_backed(uint32_t flags)
{
	struct llfused_open open = {
		.fh = 3, .flags = LLFUSED_OPEN_PASSTHROUGH | flags, .backing_id = 4};

	return llfused_complete_create(id, &file, &open);
}

Test(host_complete, a_backed_file_has_its_id_in_the_reply)
{
	const unsigned char *body;

	f.s->conn.features |= FUSE_PASSTHROUGH;
	ask_open();
	cr_expect_eq(complete_backed(0), 0);
	body = expect_reply(0, 16);
	cr_expect_eq(at32(body, 8), FOPEN_PASSTHROUGH);
	cr_expect_eq(at32(body, 12), 4);
	ask_create();
	cr_expect_eq(create_backed(LLFUSED_OPEN_NOFLUSH), 0);
	body = expect_reply(0, 128 + 16);
	cr_expect_eq(at32(body, 128 + 12), 4);
}

Test(host_complete, a_backed_file_that_cannot_be_is_eio_for_both_sides)
{
	ask_open();
	cr_expect_eq(complete_backed(0), -EINVAL, "not in force");
	expect_reply(-EIO, 0);
	f.s->conn.features |= FUSE_PASSTHROUGH;
	ask_open();
	cr_expect_eq(complete_backed(LLFUSED_OPEN_KEEP_CACHE), -EINVAL);
	expect_reply(-EIO, 0);
	ask_create();
	cr_expect_eq(create_backed(LLFUSED_OPEN_KEEP_CACHE), -EINVAL);
	expect_reply(-EIO, 0);
	ask_opendir();
	cr_expect_eq(complete_backed(0), -EINVAL);
	expect_reply(-EIO, 0);
}
