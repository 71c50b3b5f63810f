/*
 * The daemon's request counters, read from its log.
 * It must not know any opcode but the FORGETs.
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK "counters: "

void counters_read(const struct daemon *d, struct counters *out)
{
	size_t from = daemon_log_size(d), len;
	char *log, *at;

	cr_assert_eq(kill(d->pid, SIGUSR1), 0);
	/* The line behind the one that is wanted: so that one is complete. */
	cr_assert(eventually(daemon_log_has(d, from, MARK "malformed=")),
		  "SIGUSR1 showed no counters");
	log = daemon_log(d, from);
	at = strstr(log, MARK);
	cr_assert_not_null(at);
	at += strlen(MARK);
	len = strcspn(at, "\n");
	cr_assert(len < sizeof out->line);
	snprintf(out->line, sizeof out->line, "%.*s", (int)len, at);
	free(log);
}

unsigned long counters_of(const struct counters *c, const char *op)
{
	size_t len = strlen(op);

	for (const char *at = c->line; *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strncmp(at, op, len) == 0 && at[len] == '=')
			return strtoul(at + len + 1, NULL, 10);
	return 0;
}

const char *counters_between(const struct counters *before, const struct counters *after)
{
	static char text[1024];
	size_t len = 0;
	char op[64];

	text[0] = '\0';
	for (const char *at = after->line; sscanf(at, "%63[^=]=", op) == 1;) {
		unsigned long more = counters_of(after, op) - counters_of(before, op);

		if (more > 0 && !strstr(op, "FORGET"))
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%s+%lu",
						len ? " " : "", op, more);
		at += strcspn(at, " ");
		at += strspn(at, " ");
	}
	return text;
}
