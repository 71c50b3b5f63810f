/*
 * What a handler of readdir adds, and which of it the kernel will count.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/dirents.h"

#define PLUS_NODEID 0   /* of struct fuse_direntplus */
#define PLUS_NAME   152 /* behind its fixed part */

static const struct proto_conn conn = {.minor = 45};
static struct dirents d;
static _Alignas(8) char room[4096];

static int add_before(uint64_t next, const char *name, size_t namelen,
		      const struct llfused_entry *entry)
{
	return d.public.add(&d.public, name, namelen, 5, S_IFREG, next, entry);
}

static int add(const char *name, size_t namelen, const struct llfused_entry *entry)
{
	return add_before(1, name, namelen, entry);
}

static uint64_t nodeid_at(size_t at)
{
	uint64_t nodeid;

	memcpy(&nodeid, room + at + PLUS_NODEID, sizeof(nodeid));
	return nodeid;
}

Test(dirents, the_handler_sees_what_was_asked)
{
	dirents_open(&d, &conn, true, 0x8000, room, sizeof(room));
	cr_expect_eq(d.public.plus, 1);
	cr_expect_eq(d.public.flags, 0x8000);
	dirents_open(&d, &conn, false, 0, room, sizeof(room));
	cr_expect_eq(d.public.plus, 0);
	cr_expect_eq(dirents_result(&d), 0, "nothing added is the end");
}

Test(dirents, dot_and_dotdot_are_never_counted)
{
	const struct llfused_entry entry = {.nodeid = 77, .attr.mode = S_IFDIR};

	dirents_open(&d, &conn, true, 0, room, sizeof(room));
	cr_expect_eq(add(".", 1, &entry), 1);
	cr_expect_eq(add("..", 2, &entry), 1);
	cr_expect_eq(add("...", 3, &entry), 1);
	cr_expect_eq(add(".x", 2, &entry), 1);
	cr_expect_eq(add("x", 1, NULL), 1);
	cr_assert_eq(d.packed.len, 5 * (PLUS_NAME + 8));
	cr_expect_eq(nodeid_at(0), 0);
	cr_expect_eq(room[PLUS_NAME], '.');
	cr_expect_eq(nodeid_at(160), 0);
	cr_expect_eq(nodeid_at(320), 77);
	cr_expect_eq(nodeid_at(480), 77);
	cr_expect_eq(nodeid_at(640), 0);
}

Test(dirents, plain_listings_carry_no_entries)
{
	const struct llfused_entry entry = {.nodeid = 77};

	dirents_open(&d, &conn, false, 0, room, sizeof(room));
	cr_expect_eq(add("x", 1, &entry), 1, "nor are these looked at");
	cr_expect_eq(d.packed.len, 32);
	cr_expect_not(d.faulty);
}

static void expect_refused(bool plus, uint64_t next, const struct llfused_entry *entry)
{
	dirents_open(&d, &conn, plus, 0, room, sizeof(room));
	cr_expect_eq(add_before(next, "x", 1, entry), 0);
	cr_expect(d.faulty);
	cr_expect_eq(d.packed.len, 0);
	cr_expect_eq(dirents_result(&d), -EIO);
}

Test(dirents, offsets_are_above_0_and_no_larger_than_the_kernel_can_tell)
{
	for (int plus = 0; plus < 2; plus++) {
		expect_refused(plus, 0, NULL);
		expect_refused(plus, (uint64_t)INT64_MAX + 1, NULL);
		expect_refused(plus, UINT64_MAX, NULL);
		dirents_open(&d, &conn, plus, 0, room, sizeof(room));
		cr_expect_eq(add_before(1, "x", 1, NULL), 1);
		cr_expect_eq(add_before(INT64_MAX, "y", 1, NULL), 1);
		cr_expect_not(d.faulty);
	}
}

Test(dirents, entries_are_of_inodes_that_can_be)
{
	const struct llfused_entry typeless = {.nodeid = 77, .attr.mode = 0644};
	const struct llfused_entry endless = {
		.nodeid = 77, .attr = {.mode = S_IFREG, .size = (uint64_t)INT64_MAX + 1}};
	const struct llfused_entry root = {.nodeid = LLFUSED_ROOT_ID, .attr.mode = S_IFDIR};
	const struct llfused_entry none = {.nodeid = 0};

	expect_refused(true, 1, &typeless);
	expect_refused(true, 1, &endless);
	expect_refused(true, 1, &root);
	dirents_open(&d, &conn, true, 0, room, sizeof(room));
	cr_expect_eq(add(".", 1, &root), 1, "which is not told");
	cr_expect_eq(add("x", 1, &none), 1, "without an inode nothing is said of it");
	cr_expect_eq(nodeid_at(0), 0);
	cr_expect_eq(nodeid_at(160), 0);
	cr_expect_not(d.faulty);
}

Test(dirents, what_was_taken_is_told_in_spite_of_a_faulty_entry)
{
	dirents_open(&d, &conn, false, 0, room, sizeof(room));
	cr_expect_eq(add_before(1, "x", 1, NULL), 1);
	cr_expect_eq(add_before(0, "y", 1, NULL), 0);
	cr_expect(d.faulty);
	cr_expect_eq(dirents_result(&d), 0);
	cr_expect_eq(d.packed.len, 32);
}

Test(dirents, an_empty_reply_is_only_for_the_end)
{
	dirents_open(&d, &conn, false, 0, room, 31);
	cr_expect_eq(add("x", 1, NULL), 0);
	cr_expect_eq(dirents_result(&d), -EINVAL, "not even one fits");
	dirents_open(&d, &conn, false, 0, room, sizeof(room));
	cr_expect_eq(add("a/b", 3, NULL), 0);
	cr_expect_eq(dirents_result(&d), -EIO, "a name that cannot be");
	dirents_open(&d, &conn, false, 0, room, 32);
	cr_expect_eq(add("x", 1, NULL), 1);
	cr_expect_eq(add("y", 1, NULL), 0);
	cr_expect_eq(dirents_result(&d), 0, "there is one to tell");
}
