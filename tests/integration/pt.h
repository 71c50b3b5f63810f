/*
 * Passthrough daemons on fresh sources, and files on both sides of them.  Everything here asserts
 * by itself what must not fail.
 */
#ifndef INTEGRATION_PT_H
#define INTEGRATION_PT_H

#include <errno.h>
#include <string.h>

#include "daemon.h"

/* The file system of the source. */
enum pt_kind {
	PT_TMPFS, /* a kernel tmpfs of its own */
	PT_EXT4,  /* on a loop device, 64 MiB */
	PT_DIR    /* a directory of the test's own tmpfs */
};

/* A fact about both sorts of sources; its body gets the one to use as `kind`. */
#define PT_FACT(suite, name) \
	static void suite##_with_##name(enum pt_kind kind); \
	FACT(suite, name##_on_tmpfs) \
	{ \
		suite##_with_##name(PT_TMPFS); \
	} \
	FACT(suite, name##_on_ext4) \
	{ \
		suite##_with_##name(PT_EXT4); \
	} \
	static void suite##_with_##name(enum pt_kind kind)

/* All zero is a good start: root's daemon, on a tmpfs. */
struct pt {
	enum pt_kind kind;
	struct daemon d; /* uid, userns, mnt, ...: as for daemon_start() */
	const char *src; /* NULL: made by pt_make_source(); belongs to d.uid */
};

/* Makes the source and nothing else.  What is there already stays. */
void pt_make_source(struct pt *p);

/* "--source=...", for daemon_start() and the like. */
const char *pt_source_option(const struct pt *p);

/* Source and daemon; more arguments for it, which end with NULL. */
#define pt_start(p, ...) \
	do { \
		pt_make_source(p); \
		(p)->d.backend = "passthrough"; \
		daemon_start(&(p)->d, pt_source_option(p), __VA_ARGS__); \
	} while (0)

/* The same where the dead mount of a daemon that was killed is to be replaced: that is there from
 * the start. */
#define pt_start_over(p, ...) \
	do { \
		daemon_spawn(&(p)->d, pt_source_option(p), __VA_ARGS__); \
		pt_wait_until_serving(p); \
	} while (0)
void pt_wait_until_serving(const struct pt *p);

/* Unmounts it and insists on a good end: status 0, and no message that was malformed. */
void pt_stop(const struct pt *p);

/* Does the start line say that kernel passthrough is on? */
bool pt_passes_through(const struct pt *p);

/* A new file system at a new directory of that name below the test's: its path. */
char *pt_make_fs(enum pt_kind kind, const char *name, uid_t uid);

/* A path on the source, or on the mount; printf-like, never freed. */
__attribute__((format(printf, 2, 3))) char *pt_src(const struct pt *p, const char *format, ...);
__attribute__((format(printf, 2, 3))) char *pt_mnt(const struct pt *p, const char *format, ...);

/* ---- files, wherever they lie ---- */

/* The call succeeds; or it fails, with this errno. */
#define PT_OK(call) cr_assert((call) >= 0, "%s: %s", #call, strerror(errno))
#define PT_FAILS(call, number) \
	do { \
		long pt_ret = (long)(call); \
		int pt_errno = pt_ret < 0 ? errno : 0; \
		cr_assert_eq(pt_errno, (number), "%s: %s, expected %s", #call, \
			     pt_errno ? strerror(pt_errno) : "no error", strerror(number)); \
	} while (0)

/* open(2), mode 0644; the descriptor. */
int pt_open(const char *path, int flags);

/* Makes the file or replaces its contents, in place. */
void pt_put(const char *path, const char *text);
/* Adds to its end, opened with O_APPEND for that. */
void pt_append(const char *path, const char *text);
/* Its contents; a new string. */
char *pt_get(const char *path);
/* The same: does it have these contents?  false, too, when it cannot be read. */
bool pt_has(const char *path, const char *text);

struct stat pt_stat(const char *path); /* lstat(2) */
bool pt_exists(const char *path);

/* The names in a directory but "." and "..", sorted, as "a b c"; a new string. */
char *pt_list(const char *path);

/* Fills a file with `size` bytes that tell their place. */
void pt_fill(const char *path, size_t size);

/* Milliseconds of a clock that never jumps. */
unsigned long pt_now_ms(void);

#endif
