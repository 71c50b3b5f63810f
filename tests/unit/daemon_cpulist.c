/*
 * How many processors a list of sysfs names.
 */
#include <criterion/criterion.h>
#include <unistd.h>

#include "daemon/cpulist.h"

TestSuite(cpulist, .timeout = 10);

Test(cpulist, a_list_counts_each_processor)
{
	cr_expect_eq(cpulist_count("0\n"), 1);
	cr_expect_eq(cpulist_count("0-1\n"), 2);
	cr_expect_eq(cpulist_count("0-255\n"), 256);
	cr_expect_eq(cpulist_count("0-3"), 4, "the end of line may be absent");
}

Test(cpulist, ranges_and_holes_are_counted_without_the_holes)
{
	cr_expect_eq(cpulist_count("0,2\n"), 2);
	cr_expect_eq(cpulist_count("0-3,8,10-11\n"), 7);
	cr_expect_eq(cpulist_count("4-7\n"), 4);
	cr_expect_eq(cpulist_count("5-5\n"), 1);
	cr_expect_eq(cpulist_count("0,1,2,3\n"), 4);
}

Test(cpulist, what_is_no_list_counts_nothing)
{
	static const char *const wrong[] = {
		"",
		"\n",
		"-",
		"0-",
		"-1",
		"a",
		"0-1x",
		"0,",
		",0",
		"0,,1",
		"3-1",
		"0 1",
		"0-1-2",
		"0\n\n",
		"1,0",
		"0-3,2",
		"0,0",
		"0-65536",
		"+1",
		" 0",
		"0x3",
		"0-1\n1",
		"99999999999999999999",
		"0-99999999999999999999",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect_eq(cpulist_count(wrong[i]), 0, "'%s'", wrong[i]);
}

Test(cpulist, this_machine_has_as_many_as_its_list_says)
{
	cr_expect_geq(cpulist_possible(), (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
	cr_expect_leq(cpulist_possible(), 65536u);
}
