/*
 * Starting, watching and ending llfused.  Everything here asserts by itself what must not fail.
 */
#ifndef INTEGRATION_DAEMON_H
#define INTEGRATION_DAEMON_H

#include "harness.h"

/* A system call that the daemon must do without, as on an older kernel or in a sandbox. */
struct deny {
	int number;
	unsigned command; /* second argument, as ioctl's; 0: any */
	int error;
};

/* All zero is a good start: the real binary, as root, at a mount point that is made. */
struct daemon {
	uid_t uid;           /* who runs it */
	bool userns;         /* in a user and mount namespace of its own, there as root */
	bool testfs;         /* finds the test backends, too */
	const char *env;     /* one more "KEY=VALUE", or NULL */
	const char *mnt;     /* NULL: made by daemon_spawn() */
	const char *backend; /* NULL: tmpfs */
	const struct deny *deny;
	size_t ndeny;
	unsigned descriptors; /* how many it may ever have; 0: as many as we */

	const char *transport; /* that its arguments name, or NULL */
	pid_t pid;
	const char *log; /* its stdout and stderr */
};

/*
 * Runs it with -f and waits until its mount stands, on the transport that was asked for by name.
 * The arguments end with NULL.  Where they do not say --workers, $LLFUSED_TEST_WORKERS does, if it
 * is set; the same with --transport and $LLFUSED_TEST_TRANSPORT.
 */
__attribute__((sentinel)) void daemon_start(struct daemon *d, ...);
/* The same without waiting. */
__attribute__((sentinel)) void daemon_spawn(struct daemon *d, ...);

/* Is something mounted at d->mnt, as the daemon sees it? */
bool daemon_mounted(const struct daemon *d);

/* Are its requests taken from FUSE over io_uring?  Its start line says it. */
bool daemon_on_ring(const struct daemon *d);

/*
 * Is this what callers get from a mount whose daemon has gone?  ECANCELED: the request was on its
 * way into an entry of a ring whose thread was ending.
 */
bool daemon_gone(int error);

/* Its exit status once it has ended; 128 + signal if killed; -1 when it has not after 15 s. */
int daemon_wait(const struct daemon *d);

/* SIGTERM, then daemon_wait(). */
int daemon_stop(const struct daemon *d);

/* umount(2), then daemon_wait(). */
int daemon_unmount(const struct daemon *d);

/* The mountinfo line of d->mnt, NULL if there is none; free() it. */
char *daemon_mountinfo(const struct daemon *d);

/* Its log from byte `from` on; free() it. */
char *daemon_log(const struct daemon *d, size_t from);
size_t daemon_log_size(const struct daemon *d);
bool daemon_log_has(const struct daemon *d, size_t from, const char *text);

/* "VmRSS:" and the like from /proc/PID/status; -1 when it is not there. */
long daemon_status_of(const struct daemon *d, const char *key);

/* How many descriptors it has open. */
unsigned daemon_count_fds(const struct daemon *d);

/* A path below its mount point, printf-like. */
__attribute__((format(printf, 2, 3))) char *daemon_path(const struct daemon *d, const char *format,
							...);

/* From here on the calling process and its children cannot make these calls.  0 or -1. */
int deny_calls(const struct deny *list, size_t n);

/* The absolute path of what was built: $variable, or `name` in $BUILD (default: build). */
const char *daemon_built(const char *variable, const char *name);

/* The binary, and the directory of the test backends, at paths that every user can reach. */
const char *daemon_binary(void);
const char *daemon_test_plugins(void);

/* Was it built with a sanitizer?  Then it needs more memory, and allocates where it would not. */
bool daemon_is_sanitized(void);

/* A command that runs to its end, at most 20 s. */
struct run {
	int status;
	char *out;
	char *err;
};
void run_command(struct run *run, uid_t uid, char *const argv[]);
__attribute__((sentinel)) void run_daemon(struct run *run, ...);

/* ---- counters ---- */

struct counters {
	char line[4096]; /* "LOOKUP=12 GETATTR=3/1 ..." */
};

/* Makes the daemon log them (SIGUSR1) and reads them. */
void counters_read(const struct daemon *d, struct counters *out);
unsigned long counters_of(const struct counters *c, const char *op);

/*
 * The requests that came between the two, as "LOOKUP+1 MKNOD+1", in the table's order; "" for none.
 * FORGETs are left out: they come when the kernel likes.
 */
const char *counters_between(const struct counters *before, const struct counters *after);

#endif
