/*
 * Log lines: composed on the stack, written with one call, to stderr or to syslog.
 * It must not know what is logged, and allocates nothing.
 */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 /* longer lines are cut */

static atomic_int max_level = LLFUSED_LOG_INFO;
static atomic_int current_target = LOG_TO_STDERR;

static const int syslog_priority[] = {
	[LLFUSED_LOG_ERROR] = LOG_ERR,
	[LLFUSED_LOG_WARNING] = LOG_WARNING,
	[LLFUSED_LOG_INFO] = LOG_INFO,
	[LLFUSED_LOG_DEBUG] = LOG_DEBUG,
};

/* Is stderr what the service manager reads?  $JOURNAL_STREAM holds its device and inode. */
static int stderr_is_journal(void)
{
	static atomic_int known = -1;
	int answer = atomic_load_explicit(&known, memory_order_relaxed);
	unsigned long long dev, ino;
	const char *text;
	struct stat st;

	if (answer >= 0)
		return answer;
	text = getenv("JOURNAL_STREAM");
	answer = text && sscanf(text, "%llu:%llu", &dev, &ino) == 2 &&
		 fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
	atomic_store_explicit(&known, answer, memory_order_relaxed);
	return answer;
}

__attribute__((format(printf, 2, 0))) static void write_stderr(enum llfused_log_level level,
							       const char *format, va_list args)
{
	char line[LINE_MAX_BYTES];
	size_t head, len;
	int n;

	if (stderr_is_journal())
		n = snprintf(line, sizeof line, "<%d>", syslog_priority[level]);
	else
		n = snprintf(line, sizeof line, "llfused: ");
	head = (size_t)n;
	n = vsnprintf(line + head, sizeof line - head, format, args);
	if (n < 0)
		return;
	len = head + (size_t)n;
	if (len > sizeof line - 1)
		len = sizeof line - 1;
	for (size_t i = head; i < len; i++)
		if (line[i] == '\n')
			line[i] = ' ';
	line[len++] = '\n';
	/* Nobody can be told that the log is lost. */
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void log_set_level(enum llfused_log_level level)
{
	atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

void log_set_target(enum log_target target)
{
	if (target == LOG_TO_SYSLOG)
		openlog("llfused", LOG_PID, LOG_DAEMON);
	atomic_store_explicit(&current_target, (int)target, memory_order_relaxed);
}

int log_enabled(enum llfused_log_level level)
{
	return (int)level <= atomic_load_explicit(&max_level, memory_order_relaxed);
}

__attribute__((format(printf, 2, 0))) static void log_args(enum llfused_log_level level,
							   const char *format, va_list args)
{
	if (!log_enabled(level))
		return;
	if (atomic_load_explicit(&current_target, memory_order_relaxed) == LOG_TO_SYSLOG)
		vsyslog(syslog_priority[level], format, args);
	else
		write_stderr(level, format, args);
}

void log_at(enum llfused_log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_args(level, format, args);
	va_end(args);
}

void log_asked(const char *format, ...)
{
	int max = atomic_load_explicit(&max_level, memory_order_relaxed);
	va_list args;

	va_start(args, format);
	log_args(max < LLFUSED_LOG_INFO ? (enum llfused_log_level)max : LLFUSED_LOG_INFO, format,
		 args);
	va_end(args);
}

/* The backends' way to the same log.  A level from outside may be any number. */
LLFUSED_EXPORT void llfused_log(enum llfused_log_level level, const char *format, ...)
{
	va_list args;

	if ((unsigned)level > LLFUSED_LOG_DEBUG)
		level = LLFUSED_LOG_DEBUG;
	va_start(args, format);
	log_args(level, format, args);
	va_end(args);
}
