/*
 * Dispatch of answers that cannot be: inodes, lengths, results.  The caller gets EIO, the log one
 * line; nothing of it reaches the kernel.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/stat.h>

#include "daemon_caught.h"
#include "daemon_fake.h"
#include "daemon_fixture.h"

static struct fixture f;
static struct slot *const slot = &f.slots[0];

static void open_fake(void)
{
	catch_stderr(0);
	fixture_open(&f, &fake_backend);
	fake.entry.nodeid = 5;
}

static void close_fake(void)
{
	fixture_close(&f);
}

TestSuite(dispatch_fault, .init = open_fake, .fini = close_fake, .timeout = 30);

static size_t look_up(const char *name)
{
	return fixture_ask(&f, FUSE_LOOKUP, NULL, 0, name, strlen(name) + 1);
}

/* No part of the answer is told or counted. */
static void expect_eio(size_t size)
{
	cr_expect_eq(size, 16);
	cr_expect_eq(reply_error(slot), -EIO);
	cr_expect_eq(slot->counted, 0);
	dispatch_sent(slot, -ENOENT);
	cr_expect_eq(fake.nforgot, 0);
}

static unsigned warnings(const char *op)
{
	char part[64];

	snprintf(part, sizeof part, "backend fake: fault: %s ", op);
	return caught_count(part);
}

/* ---- inodes ---- */

/* Every request whose reply is an inode under a name. */
static const struct {
	const char *name;
	uint32_t opcode;
	size_t fixed, tail;
} makers[] = {
	{"SYMLINK", FUSE_SYMLINK, 0, 4},
	{"MKNOD", FUSE_MKNOD, sizeof(struct fuse_mknod_in), 2},
	{"MKDIR", FUSE_MKDIR, sizeof(struct fuse_mkdir_in), 2},
	{"LINK", FUSE_LINK, sizeof(struct fuse_link_in), 2},
	{"CREATE", FUSE_CREATE, sizeof(struct fuse_create_in), 2},
	{"TMPFILE", FUSE_TMPFILE, sizeof(struct fuse_create_in), 2},
};

#define MAKERS (sizeof(makers) / sizeof(makers[0]))

static size_t make(unsigned i)
{
	static const char zeros[128];

	return fixture_ask(&f, makers[i].opcode, zeros, makers[i].fixed, "x\0y", makers[i].tail);
}

static void expect_no_maker_may(void)
{
	for (unsigned i = 0; i < MAKERS; i++)
		expect_eio(make(i));
}

Test(dispatch_fault, what_was_made_has_a_nodeid_and_it_is_not_the_roots)
{
	for (unsigned i = 0; i < MAKERS; i++)
		cr_expect_geq(make(i), 16 + 128, "%s", makers[i].name);
	fake.entry.nodeid = 0;
	expect_no_maker_may();
	fake.entry.nodeid = LLFUSED_ROOT_ID;
	expect_no_maker_may();
	for (unsigned i = 0; i < MAKERS; i++)
		cr_expect_eq(warnings(makers[i].name), 1, "%s", makers[i].name);
}

Test(dispatch_fault, what_was_made_is_an_inode_that_can_be)
{
	fake.entry.attr.mode = 0644;
	expect_no_maker_may();
	fake.entry.attr.mode = S_IFREG;
	fake.entry.attr.size = (uint64_t)INT64_MAX + 1;
	expect_no_maker_may();
}

Test(dispatch_fault, a_name_of_the_root_is_eio_and_the_root_stays)
{
	struct fuse_getattr_in in = {.fh = 0};

	fake.entry = (struct llfused_entry){.nodeid = LLFUSED_ROOT_ID, .attr.mode = S_IFDIR | 0755};
	expect_eio(look_up("name"));
	expect_eio(look_up("..."));
	expect_eio(look_up(".x"));
	cr_expect_eq(warnings("LOOKUP"), 1);
	cr_expect_eq(look_up("."), 16 + 128);
	cr_expect_eq(at64(reply_body(slot), 0), LLFUSED_ROOT_ID);
	cr_expect_eq(look_up(".."), 16 + 128);
	cr_expect_eq(at64(reply_body(slot), 0), LLFUSED_ROOT_ID);
	fake.attr.attr.mode = S_IFDIR | 0755;
	fixture_send(&f, 0,
		     &(struct message_in){.opcode = FUSE_GETATTR,
					  .nodeid = LLFUSED_ROOT_ID,
					  .fixed = &in,
					  .fixed_size = sizeof(in)});
	cr_expect_eq(reply_error(slot), 0);
	cr_expect_eq(fake.node, LLFUSED_ROOT_ID);
	fake.attr.attr.mode = S_IFREG | 0644;
	fixture_send(&f, 0,
		     &(struct message_in){.opcode = FUSE_GETATTR,
					  .nodeid = LLFUSED_ROOT_ID,
					  .fixed = &in,
					  .fixed_size = sizeof(in)});
	cr_expect_eq(reply_error(slot), -EIO, "it stays a directory");
}

Test(dispatch_fault, a_lookup_without_a_nodeid_is_a_negative_entry)
{
	fake.entry = (struct llfused_entry){.entry_timeout = 7};
	cr_expect_eq(look_up("name"), 16 + 128, "its attributes do not matter");
	cr_expect_eq(at64(reply_body(slot), 0), 0);
	cr_expect_eq(slot->counted, 0);
	cr_expect_eq(warnings("LOOKUP"), 0);
}

Test(dispatch_fault, lookups_find_inodes_that_can_be)
{
	fake.entry.attr.mode = 0755;
	expect_eio(look_up("name"));
	fake.entry.nodeid = LLFUSED_ROOT_ID;
	expect_eio(look_up("."));
	fake.entry =
		(struct llfused_entry){.nodeid = 5, .attr = {.mode = S_IFREG, .size = UINT64_MAX}};
	expect_eio(look_up("name"));
	fake.entry.attr.size = INT64_MAX;
	cr_expect_eq(look_up("name"), 16 + 128);
	cr_expect_eq(warnings("LOOKUP"), 1);
}

static void ask_attributes(uint32_t opcode, size_t fixed, const char *name)
{
	static const char zeros[128];

	fake.attr.attr = (struct llfused_attr){.mode = S_IFREG | 0600, .size = INT64_MAX};
	cr_expect_gt(fixture_ask(&f, opcode, zeros, fixed, NULL, 0), 16, "%s", name);
	fake.attr.attr.mode = 0600;
	expect_eio(fixture_ask(&f, opcode, zeros, fixed, NULL, 0));
	fake.attr.attr = (struct llfused_attr){.mode = S_IFREG, .size = (uint64_t)INT64_MAX + 1};
	expect_eio(fixture_ask(&f, opcode, zeros, fixed, NULL, 0));
	cr_expect_eq(warnings(name), 1, "%s", name);
}

Test(dispatch_fault, attributes_are_of_inodes_that_can_be)
{
	ask_attributes(FUSE_GETATTR, sizeof(struct fuse_getattr_in), "GETATTR");
	ask_attributes(FUSE_SETATTR, sizeof(struct fuse_setattr_in), "SETATTR");
	ask_attributes(PROTO_OP_STATX, sizeof(struct proto_statx_in), "STATX");
}

/* ---- listings ---- */

static uint64_t next;

static int list_two(struct llfused_dirents *dirents)
{
	const struct llfused_entry entry = {.nodeid = 9, .attr.mode = S_IFREG};

	if (dirents->add(dirents, "first", 5, 3, S_IFREG, 1, &entry))
		dirents->add(dirents, "second", 6, 4, S_IFREG, next, &entry);
	return 0;
}

static int list_one_without_type(struct llfused_dirents *dirents)
{
	const struct llfused_entry entry = {.nodeid = 9};

	dirents->add(dirents, "first", 5, 3, S_IFREG, 1, &entry);
	return 0;
}

Test(dispatch_fault, a_listing_ends_before_an_entry_that_cannot_be)
{
	struct fuse_read_in in = {.size = 4096};

	fake.fill = list_two;
	next = 2;
	cr_expect_eq(fixture_ask(&f, FUSE_READDIR, &in, sizeof(in), NULL, 0), 16 + 64);
	cr_expect_eq(warnings("READDIR"), 0);
	next = 0;
	cr_expect_eq(fixture_ask(&f, FUSE_READDIR, &in, sizeof(in), NULL, 0), 16 + 32);
	cr_expect_eq(warnings("READDIR"), 1);
	next = UINT64_MAX;
	cr_expect_eq(fixture_ask(&f, FUSE_READDIRPLUS, &in, sizeof(in), NULL, 0), 16 + 160);
	cr_expect_eq(warnings("READDIRPLUS"), 1);
	fake.fill = list_one_without_type;
	expect_eio(fixture_ask(&f, FUSE_READDIRPLUS, &in, sizeof(in), NULL, 0));
	cr_expect_eq(fixture_ask(&f, FUSE_READDIR, &in, sizeof(in), NULL, 0), 16 + 32);
	cr_expect_eq(warnings("READDIRPLUS"), 1);
}

/* ---- lengths and results ---- */

Test(dispatch_fault, lengths_beyond_the_room_are_warned_of_once_a_request)
{
	struct fuse_read_in read = {.size = 4};
	struct fuse_getxattr_in xattr = {.size = 4};
	struct fuse_ioctl_in ioctl = {.out_size = 4};
	struct fuse_write_in write = {.size = 1};

	fake.nbytes = 5000;
	fake.number = 2;
	for (unsigned i = 0; i < 2; i++) {
		expect_eio(fixture_ask(&f, FUSE_READ, &read, sizeof(read), NULL, 0));
		expect_eio(fixture_ask(&f, FUSE_READLINK, NULL, 0, NULL, 0));
		expect_eio(fixture_ask(&f, FUSE_GETXATTR, &xattr, sizeof(xattr), "k", 2));
		expect_eio(fixture_ask(&f, FUSE_LISTXATTR, &xattr, sizeof(xattr), NULL, 0));
		expect_eio(fixture_ask(&f, FUSE_IOCTL, &ioctl, sizeof(ioctl), NULL, 0));
		expect_eio(fixture_ask(&f, FUSE_WRITE, &write, sizeof(write), "x", 1));
	}
	cr_expect_eq(caught_count("more bytes than"), 6);
	cr_expect_eq(warnings("READ") + warnings("WRITE") + warnings("IOCTL"), 3);
}

Test(dispatch_fault, results_that_are_none_are_warned_of_once_a_request)
{
	static const int answers[] = {5, INT32_MAX, -512, INT32_MIN};

	for (unsigned i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		fake.answer = answers[i];
		expect_eio(look_up("name"));
	}
	cr_expect_eq(warnings("LOOKUP"), 1);
	fake.answer = LLFUSED_PENDING;
	expect_eio(look_up("name"));
	expect_eio(look_up("name"));
	cr_expect_eq(warnings("LOOKUP"), 2);
	cr_expect_eq(caught_count("LLFUSED_PENDING"), 1);
	fake.answer = -ENOSYS;
	look_up("name");
	look_up("name");
	cr_expect_eq(warnings("LOOKUP"), 3);
	fake.answer = -511;
	look_up("name");
	cr_expect_eq(reply_error(slot), -511);
	cr_expect_eq(warnings("LOOKUP"), 3);
	expect_eio((fake.answer = 1, fixture_ask(&f, FUSE_UNLINK, NULL, 0, "name", 5)));
	cr_expect_eq(warnings("UNLINK"), 1);
}

/* ---- open files ---- */

/* Every request whose reply is an open file. */
static const struct {
	const char *name;
	uint32_t opcode;
	size_t fixed, tail;
} openers[] = {
	{"OPEN", FUSE_OPEN, sizeof(struct fuse_open_in), 0},
	{"CREATE", FUSE_CREATE, sizeof(struct fuse_create_in), 2},
	{"TMPFILE", FUSE_TMPFILE, sizeof(struct fuse_create_in), 2},
	{"OPENDIR", FUSE_OPENDIR, sizeof(struct fuse_open_in), 0},
};

static size_t open_by(unsigned i)
{
	static const char zeros[128];

	return fixture_ask(&f, openers[i].opcode, zeros, openers[i].fixed, "x", openers[i].tail);
}

Test(dispatch_fault, a_backed_file_that_the_kernel_would_refuse_is_not_told_to_it)
{
	f.s->conn.features |= FUSE_PASSTHROUGH;
	fake.open.flags = LLFUSED_OPEN_PASSTHROUGH | LLFUSED_OPEN_KEEP_CACHE;
	fake.open.backing_id = 3;
	for (unsigned i = 0; i < 4; i++)
		expect_eio(open_by(i));
	fake.open.flags = LLFUSED_OPEN_PASSTHROUGH;
	expect_eio(open_by(3));
	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(warnings(openers[i].name), 1, "%s", openers[i].name);
	for (unsigned i = 0; i < 3; i++) {
		size_t size = open_by(i);

		cr_assert_geq(size, 16 + 16, "%s", openers[i].name);
		cr_expect_eq(at32(slot->reply, size - 8), FOPEN_PASSTHROUGH);
		cr_expect_eq(at32(slot->reply, size - 4), 3);
	}
	f.s->conn.features &= ~FUSE_PASSTHROUGH;
	for (unsigned i = 0; i < 4; i++)
		expect_eio(open_by(i));
}
