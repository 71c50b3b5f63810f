/*
 * Notifications byte by byte, and their room to the last byte.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "proto/notify.h"
#include "proto_message.h"

static unsigned char buf[8192];

static void fresh(void)
{
	memset(buf, 0x5a, sizeof(buf));
}

/* Length as returned, length as announced, code in place of the error, no id. */
static void expect_message(ssize_t ret, size_t written, size_t announced, uint32_t code)
{
	cr_assert_eq(ret, (ssize_t)written);
	cr_expect_eq(get32(buf, 0), announced);
	cr_expect_eq(get32(buf, 4), code);
	cr_expect_eq(get64(buf, 8), 0);
	cr_expect_eq(buf[written], 0x5a);
}

Test(proto_notify, poll_names_the_waiter, .init = fresh)
{
	expect_message(proto_notify_poll(buf, 24, 0x1234567890), 24, 24, 1);
	cr_expect_eq(get64(buf, 16), 0x1234567890);
	cr_expect_eq(proto_notify_poll(buf, 23, 1), -EMSGSIZE);
}

Test(proto_notify, inval_inode_has_a_signed_range, .init = fresh)
{
	expect_message(proto_notify_inval_inode(buf, 40, 7, -1, -4096), 40, 40, 2);
	cr_expect_eq(get64(buf, 16), 7);
	cr_expect_eq((int64_t)get64(buf, 24), -1);
	cr_expect_eq((int64_t)get64(buf, 32), -4096);
	cr_expect_eq(proto_notify_inval_inode(buf, 39, 7, 0, 0), -EMSGSIZE);
}

Test(proto_notify, inval_entry_ends_with_the_name_and_its_nul, .init = fresh)
{
	expect_message(proto_notify_inval_entry(buf, 36, 7, "abcX", 3, 0), 36, 36, 3);
	cr_expect_eq(get64(buf, 16), 7);
	cr_expect_eq(get32(buf, 24), 3);
	cr_expect_eq(get32(buf, 28), 0);
	cr_expect(memcmp(buf + 32, "abc\0", 4) == 0);
	cr_expect_eq(proto_notify_inval_entry(buf, 36, 7, "abc", 3, 1), 36);
	cr_expect_eq(get32(buf, 28), 1);
	cr_expect_eq(proto_notify_inval_entry(buf, 35, 7, "abc", 3, 0), -EMSGSIZE);
}

Test(proto_notify, delete_names_parent_and_child, .init = fresh)
{
	expect_message(proto_notify_delete(buf, 44, 7, 8, "abc", 3), 44, 44, 6);
	cr_expect_eq(get64(buf, 16), 7);
	cr_expect_eq(get64(buf, 24), 8);
	cr_expect_eq(get32(buf, 32), 3);
	cr_expect_eq(get32(buf, 36), 0);
	cr_expect(memcmp(buf + 40, "abc\0", 4) == 0);
	cr_expect_eq(proto_notify_delete(buf, 43, 7, 8, "abc", 3), -EMSGSIZE);
}

Test(proto_notify, names_have_a_limit)
{
	static char name[4096];

	memset(name, 'n', sizeof(name));
	cr_expect_eq(proto_notify_inval_entry(buf, sizeof(buf), 1, name, 4096, 0), -ENAMETOOLONG);
	cr_expect_eq(proto_notify_delete(buf, sizeof(buf), 1, 2, name, 4096), -ENAMETOOLONG);
	cr_expect_eq(proto_notify_inval_entry(buf, sizeof(buf), 1, name, 4095, 0), 32 + 4096);
	cr_expect_eq(proto_notify_inval_entry(buf, sizeof(buf), 1, name, SIZE_MAX, 0),
		     -ENAMETOOLONG);
	cr_expect_eq(proto_notify_inval_entry(buf, sizeof(buf), 1, "", 0, 0), -EINVAL);
	cr_expect_eq(proto_notify_delete(buf, sizeof(buf), 1, 2, "", 0), -EINVAL);
}

Test(proto_notify, store_announces_data_that_it_does_not_hold, .init = fresh)
{
	expect_message(proto_notify_store(buf, 40, 7, 4096, 1000), 40, 1040, 4);
	cr_expect_eq(get64(buf, 16), 7);
	cr_expect_eq(get64(buf, 24), 4096);
	cr_expect_eq(get32(buf, 32), 1000);
	cr_expect_eq(get32(buf, 36), 0);
	cr_expect_eq(proto_notify_store(buf, 39, 7, 0, 0), -EMSGSIZE);
	cr_expect_eq(proto_notify_store(buf, 40, 7, 0, UINT32_MAX), -EMSGSIZE);
	cr_expect_eq(proto_notify_store(buf, 40, 7, 0, UINT32_MAX - 40), 40);
	cr_expect_eq(get32(buf, 0), UINT32_MAX);
	cr_expect_eq(proto_notify_store(buf, 40, 7, 0, UINT32_MAX - 39), -EMSGSIZE);
}

Test(proto_notify, retrieve_carries_our_own_id, .init = fresh)
{
	expect_message(proto_notify_retrieve(buf, 48, 99, 7, 8192, 4096), 48, 48, 5);
	cr_expect_eq(get64(buf, 16), 99);
	cr_expect_eq(get64(buf, 24), 7);
	cr_expect_eq(get64(buf, 32), 8192);
	cr_expect_eq(get32(buf, 40), 4096);
	cr_expect_eq(get32(buf, 44), 0);
	cr_expect_eq(proto_notify_retrieve(buf, 47, 99, 7, 0, 0), -EMSGSIZE);
}

Test(proto_notify, resend_and_inc_epoch_are_bare, .init = fresh)
{
	expect_message(proto_notify_resend(buf, 16), 16, 16, 7);
	expect_message(proto_notify_inc_epoch(buf, 16), 16, 16, 8);
	cr_expect_eq(proto_notify_resend(buf, 15), -EMSGSIZE);
	cr_expect_eq(proto_notify_inc_epoch(buf, 0), -EMSGSIZE);
}

Test(proto_notify, prune_lists_its_nodes, .init = fresh)
{
	static const uint64_t nodes[] = {5, 6, 0xffffffffffffffff};

	expect_message(proto_notify_prune(buf, 56, nodes, 3), 56, 56, 9);
	cr_expect_eq(get32(buf, 16), 3);
	cr_expect_eq(get32(buf, 20), 0);
	cr_expect_eq(get64(buf, 24), 0);
	cr_expect(memcmp(buf + 32, nodes, 24) == 0);
	cr_expect_eq(proto_notify_prune(buf, 55, nodes, 3), -EMSGSIZE);
	cr_expect_eq(proto_notify_prune(buf, sizeof(buf), nodes, UINT32_MAX), -EMSGSIZE);
	fresh();
	expect_message(proto_notify_prune(buf, 32, NULL, 0), 32, 32, 9);
}

Test(proto_notify, every_code_has_a_name)
{
	static const char *const names[] = {"poll",   "inval_inode", "inval_entry",
					    "store",  "retrieve",    "delete",
					    "resend", "inc_epoch",   "prune"};

	for (uint32_t i = 0; i < 9; i++)
		cr_expect_str_eq(proto_notify_name(i + 1), names[i]);
	cr_expect_null(proto_notify_name(0));
	cr_expect_null(proto_notify_name(10));
	cr_expect_null(proto_notify_name(UINT32_MAX));
}
