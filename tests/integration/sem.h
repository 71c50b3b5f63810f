/*
 * The tests of how a file system and its daemon behave towards each other: each rule is a test on
 * the recording backend, once under the daemon's lock and once as a concurrent backend.
 */
#ifndef INTEGRATION_SEM_H
#define INTEGRATION_SEM_H

#include "daemon.h"

/* A fact about both variants; its body gets the one to start as `backend`. */
#define SEM_FACT_WITHIN(suite, name, seconds) \
	static void sem_##suite##_##name(const char *backend); \
	FACT_WITHIN(suite, name, seconds) \
	{ \
		sem_##suite##_##name("semfs"); \
	} \
	FACT_WITHIN(suite, name##_concurrently, seconds) \
	{ \
		sem_##suite##_##name("semfs_mt"); \
	} \
	static void sem_##suite##_##name(const char *backend)

#define SEM_FACT(suite, name) SEM_FACT_WITHIN(suite, name, 30)

/* Starts the variant with more arguments, which end with NULL. */
#define sem_start(d, variant, ...) \
	do { \
		*(d) = (struct daemon){.testfs = true, .backend = (variant)}; \
		daemon_start((d), __VA_ARGS__); \
		sem_attach(d); \
	} while (0)

/* Opens the report and the control of a daemon that has been started. */
void sem_attach(const struct daemon *d);

/* Unmounts it, and insists on a good end and on what holds at any time. */
void sem_stop(const struct daemon *d);

/* From the report: 0 and "" for what is not there. */
unsigned long sem_value(const char *key);
const char *sem_text(const char *key); /* until the next call */

/* What follows `key` in a noted line, up to the next blank; until the next call. */
const char *sem_noted(const char *op, const char *key);

/* Gives the backend a command, which must succeed; or returns its errno. */
__attribute__((format(printf, 1, 2))) void sem_control(const char *format, ...);
__attribute__((format(printf, 1, 2))) int sem_try_control(const char *format, ...);

/* A file of that name with these contents; returns its nodeid, which is its st_ino. */
unsigned long sem_put(const struct daemon *d, const char *name, const char *text);
/* Its contents as read(2) gives them; until the next call. */
const char *sem_get(const struct daemon *d, const char *name);

/* The lookup count of an open file. */
unsigned long sem_count(int fd);

/* Requests of that sort since the start. */
unsigned long sem_messages(const struct daemon *d, const char *op);

/* The code costs so many messages, as counters_between() writes them. */
#define SEM_MESSAGES(d, expected, code) \
	do { \
		struct counters before, after; \
		counters_read((d), &before); \
		code; \
		counters_read((d), &after); \
		cr_assert_str_eq(counters_between(&before, &after), (expected)); \
	} while (0)

#endif
