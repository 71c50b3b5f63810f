/*
 * Reports of test backends.
 * It must not know what they report.
 */
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *report_text(const struct daemon *d)
{
	static char text[4096];
	int fd = open(daemon_path(d, "report"), O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof text - 1);

	cr_assert(n > 0, "report: %s", strerror(errno));
	text[n] = '\0';
	close(fd);
	return text;
}

unsigned long report_value(const char *text, const char *key)
{
	char pattern[32];
	const char *at;

	snprintf(pattern, sizeof pattern, " %s=", key);
	at = strstr(text, pattern);
	cr_assert_not_null(at, "no %s in '%s'", key, text);
	return strtoul(at + strlen(pattern), NULL, 10);
}

unsigned long report_of(const struct daemon *d, const char *key)
{
	return report_value(report_text(d), key);
}
