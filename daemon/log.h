/*
 * The log: one event, one line, to stderr (with a level prefix for the journal) or to syslog once
 * the daemon is in the background.  Any thread; writes one line with one call.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <llfused/backend.h>

enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };

void log_set_level(enum llfused_log_level level);
void log_set_target(enum log_target target);
int log_enabled(enum llfused_log_level level);
__attribute__((format(printf, 2, 3))) void log_at(enum llfused_log_level level, const char *format,
						  ...);

/* What somebody asked for: at level info, or where that is not logged, at the one that is. */
__attribute__((format(printf, 1, 2))) void log_asked(const char *format, ...);

#define log_error(...) log_at(LLFUSED_LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LLFUSED_LOG_WARNING, __VA_ARGS__)
#define log_info(...)  log_at(LLFUSED_LOG_INFO, __VA_ARGS__)
#define log_debug(...) \
	do { \
		if (log_enabled(LLFUSED_LOG_DEBUG)) \
			log_at(LLFUSED_LOG_DEBUG, __VA_ARGS__); \
	} while (0)

#endif
