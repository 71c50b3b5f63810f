/*
 * The frame of every integration test: a mount namespace and a directory of its own, and a guard
 * process that ends hung mounts, shows the daemons' logs after a failure, and cleans up.
 * It must not know what is tested.
 */
#ifndef INTEGRATION_HARNESS_H
#define INTEGRATION_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <criterion/criterion.h>

/*
 * A test named like a fact.  After `seconds` the guard aborts the test's FUSE connections, so that
 * whatever hangs fails; criterion's own timeout comes behind it.
 */
#define FACT_WITHIN(suite, name, seconds) \
	static void suite##_##name(void); \
	Test(suite, name, .timeout = (seconds) + 30) \
	{ \
		harness_run(suite##_##name, seconds); \
	} \
	static void suite##_##name(void)

#define FACT(suite, name) FACT_WITHIN(suite, name, 30)

void harness_run(void (*body)(void), unsigned seconds);

/* Nobody special, but with a name: fusermount3 wants its callers to have one. */
#define HARNESS_USER 2

/* The test's directory: an empty tmpfs that all users may enter. */
extern const char *const harness_dir;

/* A path below it, printf-like.  Never freed: a test is a short process. */
__attribute__((format(printf, 1, 2))) char *harness_path(const char *format, ...);

/* A new directory below it that belongs to `uid`. */
char *harness_mkdir(const char *name, uid_t uid);

/* A process that the guard kills at the end, and whose mounts it may abort. */
void harness_track(pid_t pid);

/* A file that the guard shows when the test has failed. */
void harness_show(const char *path);

/* Aborts the FUSE connection that is mounted at `path` in the test's namespace. */
void harness_abort(const char *path);

/* Puts a node that everybody may open over /dev/fuse, in this test's namespace only. */
void harness_open_fuse_to_all(void);

/*
 * Runs `fn` in a child: as another user, or with the namespaces and identity of a process in a user
 * namespace.  Returns fn's result, 0 to 255; errno values fit, so "return errno" is what most do.
 */
int harness_as(uid_t uid, int (*fn)(void *), void *arg);
int harness_inside(pid_t pid, int (*fn)(void *), void *arg);

/* A child that runs `fn` and exits with its result; dies with the test. */
pid_t harness_fork(int (*fn)(void *), void *arg);
/* Its result, 128 + signal where it was killed, -1 when it has not ended after `ms`. */
int harness_reap(pid_t pid, unsigned ms);

void nap(unsigned ms);

/* Ends the test as skipped, which is said with its name and the reason. */
_Noreturn void harness_skip(const char *reason);

/* Waits for what must come about, at most `ms`. */
#define eventually_within(ms, condition) \
	({ \
		bool came = false; \
		for (unsigned waited = 0; !(came = (condition)) && waited < (ms); waited += 2) \
			nap(2); \
		came; \
	})
#define eventually(condition) eventually_within(10000, condition)

#endif
