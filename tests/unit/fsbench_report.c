/*
 * The parts of fsbench's reports that have no side effects: medians and spreads, how goals are
 * written, and the picture's text.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fsbench/goal.h"
#include "fsbench/stats.h"
#include "fsbench/svg.h"

Test(fsbench_report, median_is_the_middle_whatever_the_order)
{
	const double odd[] = {9, 1, 5}, even[] = {4, 1, 9, 2};

	cr_assert_float_eq(stats_summarise(odd, 3).median, 5, 1e-9);
	cr_assert_float_eq(stats_summarise(even, 4).median, 3, 1e-9);
	cr_assert_float_eq(stats_summarise(odd, 3).min, 1, 1e-9);
	cr_assert_float_eq(stats_summarise(odd, 3).max, 9, 1e-9);
	cr_assert_float_eq(stats_summarise(odd, 1).median, 9, 1e-9);
}

Test(fsbench_report, spread_is_the_middle_half_by_the_median)
{
	const double samples[] = {10, 20, 30, 40, 1000};

	cr_assert_float_eq(stats_summarise(samples, 5).spread, 20.0 / 30, 1e-9);
	cr_assert_float_eq(stats_summarise(samples, 1).spread, 0, 1e-9);
}

Test(fsbench_report, one_unsupported_sample_makes_all_unsupported)
{
	const double samples[] = {10, -1, 30};

	cr_assert_lt(stats_summarise(samples, 3).median, 0);
	cr_assert_lt(stats_summarise(samples, 0).median, 0);
}

Test(fsbench_report, goal_is_taken_apart)
{
	struct goal goal;

	cr_assert(goal_parse(&goal, "create:memfs@2/memfs>=1.7"));
	cr_assert_str_eq(goal.phase, "create");
	cr_assert_str_eq(goal.system, "memfs@2");
	cr_assert_str_eq(goal.base, "memfs");
	cr_assert_float_eq(goal.ratio, 1.7, 1e-9);
}

Test(fsbench_report, what_is_no_goal_is_refused)
{
	static const char *const bad[] = {
		"",
		"create",
		"create:a>=1",
		"create:a/b",
		"create:a/b>=",
		"create:a/b>=1x",
		"create:a/b>=0",
		"create:a/b>=-1",
		"create:a/b>=nan",
		":a/b>=1",
		"create:/b>=1",
		"create:a/>=1",
		"create:a-name-that-is-longer-than-any-name-may-be/b>=1",
	};
	struct goal goal;

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_not(goal_parse(&goal, bad[i]), "%s", bad[i]);
}

Test(fsbench_report, a_name_may_end_with_its_threads)
{
	cr_assert_eq(name_threads("memfs", 8), 0);
	cr_assert_eq(name_threads("memfs@8", 8), 8);
	cr_assert_eq(name_threads("memfs@9", 8), -1);
	cr_assert_eq(name_threads("memfs@0", 8), -1);
	cr_assert_eq(name_threads("memfs@", 8), -1);
	cr_assert_eq(name_threads("memfs@2x", 8), -1);
	cr_assert_eq(name_threads("memfs@-2", 8), -1);
}

/* What svg_text or svg_chart writes; to be freed. */
static char *written(const char *text, const struct chart *chart)
{
	char *out = NULL;
	size_t size;
	FILE *file = open_memstream(&out, &size);

	cr_assert_not_null(file);
	if (chart)
		svg_chart(file, chart);
	else
		svg_text(file, text);
	fclose(file);
	return out;
}

Test(fsbench_report, svg_text_is_escaped)
{
	char *text = written("a<b> & \"c\" d\x01\x1f", NULL);

	cr_assert_str_eq(text, "a&lt;b&gt; &amp; &quot;c&quot; d");
	free(text);
}

static unsigned count(const char *text, const char *what)
{
	unsigned found = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		found++;
	return found;
}

Test(fsbench_report, svg_has_a_bar_for_each_value_and_for_each_in_the_legend)
{
	static const char *const series[] = {"one", "t&o"}, *const groups[] = {"g", "h", "none"};
	static const double values[] = {0.5, 1, -1, 20, -1, -1};
	const struct chart chart = {.title = "<title>",
				    .unit_of_one = "one = 1",
				    .series = series,
				    .series_count = 2,
				    .groups = groups,
				    .group_count = 3,
				    .values = values};
	char *text = written(NULL, &chart);

	cr_assert_eq(count(text, "<rect"), 2 + 3);
	cr_assert_eq(count(text, "<text"), count(text, "</text>"));
	cr_assert_eq(count(text, ">&lt;title&gt;<"), 1);
	cr_assert_eq(count(text, ">t&amp;o<"), 1);
	cr_assert_eq(count(text, ">0.50<"), 1);
	cr_assert_eq(count(text, ">20.00 "), 1, "what is cut off still says its value");
	cr_assert_eq(count(text, ">none<"), 0, "a group without bars takes no room");
	free(text);
}
