/*
 * Log lines as they come out of stderr: one event, one line, by level.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon_caught.h"

Test(log, levels_above_the_set_one_are_silent)
{
	catch_stderr(0);
	log_set_level(LLFUSED_LOG_WARNING);
	log_error("one %d", 1);
	log_warn("two");
	log_info("three");
	log_debug("four");
	cr_assert_str_eq(caught(), "llfused: one 1\nllfused: two\n");
}

Test(log, for_the_journal_a_line_begins_with_its_priority)
{
	catch_stderr(1);
	log_set_level(LLFUSED_LOG_DEBUG);
	log_error("a");
	log_warn("b");
	log_info("c");
	log_debug("d");
	cr_assert_str_eq(caught(), "<3>a\n<4>b\n<6>c\n<7>d\n");
}

Test(log, an_event_stays_one_line)
{
	catch_stderr(0);
	log_info("a\nb\n%s", "c\nd");
	cr_assert_str_eq(caught(), "llfused: a b c d\n");
}

Test(log, long_lines_are_cut_and_still_end)
{
	static char longer[10000];

	catch_stderr(0);
	memset(longer, 'x', sizeof longer - 1);
	log_info("%s", longer);
	log_info("next");
	caught();
	cr_assert_eq(strchr(caught_text, '\n') + 1, strstr(caught_text, "llfused: next\n"));
	cr_assert_gt(strlen(caught_text), 4000);
}

Test(log, what_was_asked_for_is_written_once_at_every_level)
{
	catch_stderr(1);
	log_set_level(LLFUSED_LOG_ERROR);
	log_asked("a%d", 1);
	log_info("not asked for");
	log_set_level(LLFUSED_LOG_WARNING);
	log_asked("b");
	log_set_level(LLFUSED_LOG_INFO);
	log_asked("c");
	log_set_level(LLFUSED_LOG_DEBUG);
	log_asked("d");
	cr_assert_str_eq(caught(), "<3>a1\n<4>b\n<6>c\n<6>d\n");
}

Test(log, backends_log_by_the_same_way)
{
	const int unknown = -1;

	catch_stderr(0);
	log_set_level(LLFUSED_LOG_INFO);
	llfused_log(LLFUSED_LOG_INFO, "from %s", "outside");
	llfused_log((enum llfused_log_level)unknown, "of no known level");
	cr_assert_str_eq(caught(), "llfused: from outside\n");
}
