/*
 * What a test, which is a process of its own, writes to stderr.
 */
#ifndef TESTS_DAEMON_CAUGHT_H
#define TESTS_DAEMON_CAUGHT_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char caught_text[16384];
static int caught_file;

/* From now on stderr is a file, which the log takes for the journal or not. */
static inline void catch_stderr(int as_journal)
{
	char name[] = "/tmp/llfused-unit-XXXXXX", stream[64];
	struct stat st;

	caught_file = mkstemp(name);
	cr_assert_geq(caught_file, 0);
	unlink(name);
	fstat(caught_file, &st);
	snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + !as_journal);
	setenv("JOURNAL_STREAM", stream, 1);
	dup2(caught_file, STDERR_FILENO);
}

/* All of it. */
static inline const char *caught(void)
{
	ssize_t n = pread(caught_file, caught_text, sizeof caught_text - 1, 0);

	cr_assert_geq(n, 0);
	caught_text[n] = '\0';
	return caught_text;
}

/* How often `part` is in it. */
static inline unsigned caught_count(const char *part)
{
	unsigned n = 0;

	for (const char *at = caught(); (at = strstr(at, part)); at += strlen(part))
		n++;
	return n;
}

#endif
