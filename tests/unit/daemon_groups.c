/*
 * llfused_groups(): the caller's supplementary groups from /proc.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <grp.h>
#include <unistd.h>

#include <llfused/backend.h>

TestSuite(groups, .timeout = 20);

Test(groups, are_those_of_the_callers_thread)
{
	static const gid_t given[] = {7, 1001, 4294967290u};
	struct llfused_ctx ctx = {.pid = (uint32_t)getpid()};
	uint32_t list[8] = {0};

	if (setgroups(3, given) != 0)
		cr_skip_test("setting groups takes root");
	cr_assert_eq(llfused_groups(&ctx, list, 8), 3);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(list[i], given[i]);
}

Test(groups, no_groups_are_none)
{
	struct llfused_ctx ctx = {.pid = (uint32_t)getpid()};
	uint32_t list[1] = {42};

	if (setgroups(0, NULL) != 0)
		cr_skip_test("setting groups takes root");
	cr_assert_eq(llfused_groups(&ctx, list, 1), 0);
	cr_assert_eq(list[0], 42);
}

Test(groups, more_than_there_is_room_for_are_counted_but_not_stored)
{
	static const gid_t given[] = {7, 8, 9};
	struct llfused_ctx ctx = {.pid = (uint32_t)getpid()};
	uint32_t list[3] = {0, 0, 42};

	if (setgroups(3, given) != 0)
		cr_skip_test("setting groups takes root");
	cr_assert_eq(llfused_groups(&ctx, list, 2), 3);
	cr_assert_eq(list[0], 7);
	cr_assert_eq(list[1], 8);
	cr_assert_eq(list[2], 42);
}

Test(groups, of_a_caller_who_cannot_be_seen_are_esrch)
{
	struct llfused_ctx nobody = {.pid = 0};
	struct llfused_ctx gone = {.pid = 0x7fffffff};
	struct llfused_ctx kernel = {.pid = (uint32_t)getpid(), .flags = LLFUSED_CTX_NOCREDS};
	uint32_t list[1];

	cr_assert_eq(llfused_groups(&nobody, list, 1), -ESRCH);
	cr_assert_eq(llfused_groups(&gone, list, 1), -ESRCH);
	cr_assert_eq(llfused_groups(&kernel, list, 1), -ESRCH);
}
