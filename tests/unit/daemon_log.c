/*
 * Log lines as they come out of stderr: one event, one line, by level.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

static char text[16384];
static int file;

/* From now on stderr is a file. */
static void catch_stderr(int as_journal)
{
	char name[] = "/tmp/llfused-unit-XXXXXX", stream[64];
	struct stat st;

	file = mkstemp(name);
	cr_assert_geq(file, 0);
	unlink(name);
	fstat(file, &st);
	snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + !as_journal);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(file, STDERR_FILENO);
}

static const char *caught(void)
{
	ssize_t n = pread(file, text, sizeof text - 1, 0);

	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

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
	cr_assert_eq(strchr(text, '\n') + 1, strstr(text, "llfused: next\n"));
	cr_assert_gt(strlen(text), 4000);
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
