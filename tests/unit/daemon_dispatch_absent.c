/*
 * What is answered for each request when the backend lacks the op: the table of dispatch against
 * one written by hand, and the rule that locks of the backend's own keep OPEN and FLUSH coming.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "daemon_fake.h"
#include "daemon_fixture.h"
#include "proto_message.h"

#define NO_REPLY 1
#define BODY     2 /* success with a body */

static const struct {
	uint32_t opcode;
	int answer;     /* errno, 0, NO_REPLY or BODY */
	int with_locks; /* the same where getlk and setlk are there */
} expected[] = {
	{FUSE_LOOKUP, BODY, BODY},
	{FUSE_FORGET, NO_REPLY, NO_REPLY},
	{FUSE_GETATTR, BODY, BODY},
	{FUSE_SETATTR, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_READLINK, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_SYMLINK, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_MKNOD, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_MKDIR, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_UNLINK, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_RMDIR, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_RENAME, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_LINK, -ENOSYS, -ENOSYS},
	{FUSE_OPEN, -ENOSYS, BODY},
	{FUSE_READ, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_WRITE, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_STATFS, BODY, BODY},
	{FUSE_RELEASE, 0, 0},
	{FUSE_FSYNC, -ENOSYS, -ENOSYS},
	{FUSE_SETXATTR, -EOPNOTSUPP, -EOPNOTSUPP}, /* never remembered */
	{FUSE_GETXATTR, -ENOSYS, -ENOSYS},
	{FUSE_LISTXATTR, -ENOSYS, -ENOSYS},
	{FUSE_REMOVEXATTR, -ENOSYS, -ENOSYS},
	{FUSE_FLUSH, -ENOSYS, 0},
	{FUSE_INIT, -EIO, -EIO},
	{FUSE_OPENDIR, -ENOSYS, BODY},
	{FUSE_READDIR, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_RELEASEDIR, 0, 0},
	{FUSE_FSYNCDIR, -ENOSYS, -ENOSYS},
	{FUSE_GETLK, -EOPNOTSUPP, BODY},
	{FUSE_SETLK, -EOPNOTSUPP, 0},
	{FUSE_SETLKW, -EOPNOTSUPP, 0},
	{FUSE_ACCESS, -ENOSYS, -ENOSYS},
	{FUSE_CREATE, -ENOSYS, -ENOSYS},
	{FUSE_INTERRUPT, NO_REPLY, NO_REPLY},
	{FUSE_BMAP, -ENOSYS, -ENOSYS},
	{FUSE_DESTROY, 0, 0},
	{FUSE_IOCTL, -ENOTTY, -ENOTTY},
	{FUSE_POLL, -ENOSYS, -ENOSYS},
	{FUSE_NOTIFY_REPLY, NO_REPLY, NO_REPLY},
	{FUSE_BATCH_FORGET, NO_REPLY, NO_REPLY},
	{FUSE_FALLOCATE, -ENOSYS, -ENOSYS},
	{FUSE_READDIRPLUS, -EOPNOTSUPP, -EOPNOTSUPP},
	{FUSE_RENAME2, -ENOSYS, -ENOSYS},
	{FUSE_LSEEK, -ENOSYS, -ENOSYS},
	{FUSE_COPY_FILE_RANGE, -ENOSYS, -ENOSYS},
	{FUSE_SETUPMAPPING, -ENOSYS, -ENOSYS},
	{FUSE_REMOVEMAPPING, -ENOSYS, -ENOSYS},
	{FUSE_SYNCFS, -ENOSYS, -ENOSYS},
	{FUSE_TMPFILE, -ENOSYS, -ENOSYS},
	{PROTO_OP_STATX, BODY, BODY},
	{PROTO_OP_COPY_FILE_RANGE_64, -ENOSYS, -ENOSYS},
	{CUSE_INIT, -ENOSYS, -ENOSYS},
};

#define EXPECTED (sizeof(expected) / sizeof(expected[0]))

static void expect_answer(struct fixture *f, uint32_t opcode, int answer)
{
	const struct proto_opcode *op = proto_opcode_find(opcode);
	struct slot *slot = &f->slots[0];
	static struct message m;
	size_t size;
	void *block;

	message_make(&m, op, op->in_size);
	block = message_classic(&m, message_size(&m));
	size = fixture_dispatch(slot, block, message_size(&m));
	free(block);
	if (answer == NO_REPLY) {
		cr_expect_eq(size, 0, "%s: %zu bytes", op->name, size);
		return;
	}
	cr_expect_eq(at32(slot->reply, 0), size, "%s", op->name);
	cr_expect_eq(reply_unique(slot), TEST_UNIQUE, "%s", op->name);
	if (answer == BODY) {
		cr_expect_gt(size, 16, "%s: no body", op->name);
		answer = 0;
	} else {
		cr_expect_eq(size, 16, "%s: %zu bytes", op->name, size);
	}
	cr_expect_eq(reply_error(slot), answer, "%s: %d, not %d", op->name, reply_error(slot),
		     answer);
}

Test(dispatch_absent, each_absent_op_has_its_answer, .timeout = 30)
{
	struct fixture f;

	fake.entry.nodeid = 4;
	fixture_open(&f, &fake_poor_backend);
	cr_assert_eq(EXPECTED, proto_opcode_count, "a row for each request");
	for (size_t i = 0; i < EXPECTED; i++)
		expect_answer(&f, expected[i].opcode, expected[i].answer);
	cr_expect_eq(fake.calls, 3, "lookup, getattr, and statx as getattr");
	fixture_close(&f);
}

Test(dispatch_absent, own_locks_keep_what_releases_them_coming, .timeout = 30)
{
	struct fixture f;

	fixture_open(&f, &fake_locking_backend);
	for (size_t i = 0; i < EXPECTED; i++)
		expect_answer(&f, expected[i].opcode, expected[i].with_locks);
	fixture_close(&f);
}

Test(dispatch_absent, open_with_own_locks_answers_as_the_kernel_would_have_done, .timeout = 30)
{
	struct fixture f;

	fixture_open(&f, &fake_locking_backend);
	expect_answer(&f, FUSE_OPEN, BODY);
	cr_expect_eq(at64(reply_body(&f.slots[0]), 0), 0, "fh");
	cr_expect_eq(at32(reply_body(&f.slots[0]), 8), FOPEN_KEEP_CACHE);
	fixture_close(&f);
}

Test(dispatch_absent, statfs_is_zeros_with_the_usual_sizes, .timeout = 30)
{
	struct fixture f;

	fixture_open(&f, &fake_poor_backend);
	expect_answer(&f, FUSE_STATFS, BODY);
	for (unsigned i = 0; i < 5; i++)
		cr_expect_eq(at64(reply_body(&f.slots[0]), 8 * i), 0);
	cr_expect_eq(at32(reply_body(&f.slots[0]), 44), 255);
	fixture_close(&f);
}

/* A backend that was compiled when the table was shorter. */
Test(dispatch_absent, ops_beyond_an_older_table_are_absent, .timeout = 30)
{
	size_t size = offsetof(struct llfused_ops, access);
	void *ops = malloc(size);
	struct llfused_backend backend = fake_backend;
	struct fixture f;

	memcpy(ops, fake_backend.ops, size);
	memcpy(ops, &size, sizeof(size)); /* its first member */
	backend.ops = ops;
	fixture_open(&f, &backend);
	expect_answer(&f, FUSE_ACCESS, -ENOSYS);
	expect_answer(&f, PROTO_OP_COPY_FILE_RANGE_64, -ENOSYS);
	expect_answer(&f, FUSE_REMOVEXATTR, 0);
	fixture_close(&f);
	free(ops);
}
