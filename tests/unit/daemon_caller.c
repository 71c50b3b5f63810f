/*
 * What /proc tells of a caller: supplementary groups, for llfused_groups(), and the user id.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <grp.h>
#include <sys/fsuid.h>
#include <unistd.h>

#include <llfused/backend.h>

#include "daemon/caller.h"

TestSuite(caller, .timeout = 20);

Test(caller, groups_are_those_of_his_thread)
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

Test(caller, no_groups_are_none)
{
	struct llfused_ctx ctx = {.pid = (uint32_t)getpid()};
	uint32_t list[1] = {42};

	if (setgroups(0, NULL) != 0)
		cr_skip_test("setting groups takes root");
	cr_assert_eq(llfused_groups(&ctx, list, 1), 0);
	cr_assert_eq(list[0], 42);
}

Test(caller, groups_for_which_there_is_no_room_are_counted_but_not_stored)
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

Test(caller, groups_of_one_who_cannot_be_seen_are_esrch)
{
	struct llfused_ctx nobody = {.pid = 0};
	struct llfused_ctx gone = {.pid = 0x7fffffff};
	struct llfused_ctx kernel = {.pid = (uint32_t)getpid(), .flags = LLFUSED_CTX_NOCREDS};
	uint32_t list[1];

	cr_assert_eq(llfused_groups(&nobody, list, 1), -ESRCH);
	cr_assert_eq(llfused_groups(&gone, list, 1), -ESRCH);
	cr_assert_eq(llfused_groups(&kernel, list, 1), -ESRCH);
}

Test(caller, groups_are_known_where_only_the_user_id_is_hidden)
{
	struct llfused_ctx ctx = {
		.pid = (uint32_t)getpid(), .uid = UINT32_MAX, .flags = LLFUSED_CTX_NOCREDS};
	uint32_t list[1];

	cr_assert_geq(llfused_groups(&ctx, list, 1), 0);
}

Test(caller, the_user_id_is_that_of_the_file_system)
{
	uint32_t uid = 7;

	cr_assert_eq(caller_uid((uint32_t)getpid(), &uid), 0);
	cr_assert_eq(uid, geteuid());
	if (geteuid() != 0)
		cr_skip_test("setting ids takes root");
	setfsuid(4321);
	cr_assert_eq(caller_uid((uint32_t)getpid(), &uid), 0);
	cr_assert_eq(uid, 4321);
	cr_assert_eq(setresuid(1, 2, 3), 0);
	cr_assert_eq(caller_uid((uint32_t)getpid(), &uid), 0);
	cr_assert_eq(uid, 2, "it follows the effective one");
}

Test(caller, the_user_id_of_nobody_is_not_told)
{
	uint32_t uid = 7;

	cr_assert_eq(caller_uid(0, &uid), -ESRCH);
	cr_assert_lt(caller_uid(0x7fffffff, &uid), 0);
	cr_assert_eq(uid, 7);
}
