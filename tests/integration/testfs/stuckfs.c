/*
 * A backend whose handlers get stuck, under the daemon's lock:
 *   hang       reading it never returns
 *   gate       reading it returns once the gate is open
 *   break      the same, and then it reports a fatal error
 *   slow       its release takes 100 ms
 *   free       nothing special
 *   w0 to w999 writing to them waits for the gate, with the lock released, and tells if the data
 *              change meanwhile
 * What the test has to say are files in the directory of -o flags=DIR: "gate" is an open gate, and
 * "notify" makes a thread of ours send a notification.  The mtime of the root tells, in seconds,
 * how often its attributes were asked for.  -o slow_init and hang_lookup: so that many wait for the
 * start, and for ever behind the first of them.
 */
#include "testfs.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAP_MS  5
#define WRITERS 100 /* the first one's nodeid */

enum file { HANG = 2, GATE, BREAK, SLOW, FREE };

static const char *const names[] = {"hang", "gate", "break", "slow", "free", NULL};
static const struct flat flat = {names, 4096};

static struct stuckfs {
	char *flags; /* NULL: none is ever there */
	bool broken_init;
	bool broken_root;
	bool slow_init;
	bool hang_lookup;
	pthread_t notifier;
	bool notifier_runs;
	atomic_bool stop;
	/* what was seen; under the daemon's lock */
	unsigned releases;
	unsigned root_asked;
} fs;

/* A dump of the stacks interrupts sleepers. */
static void nap(unsigned ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static void note_call(const char *op, const char *what)
{
	llfused_log(LLFUSED_LOG_INFO, "stuckfs: calls %s %s", op, what);
}

static bool has_flag(const char *name)
{
	char path[PATH_MAX];

	if (!fs.flags)
		return false;
	snprintf(path, sizeof path, "%s/%s", fs.flags, name);
	return access(path, F_OK) == 0;
}

static void wait_for_gate(void)
{
	while (!has_flag("gate"))
		nap(NAP_MS);
}

/* The data of a request are ours until we return. */
static void wait_and_watch(const unsigned char *data, size_t size)
{
	unsigned char first = data[0], last = data[size - 1];
	bool changed = false;

	while (!has_flag("gate")) {
		nap(NAP_MS);
		if (!changed && (data[0] != first || data[size - 1] != last)) {
			llfused_log(LLFUSED_LOG_INFO, "stuckfs: the data have changed");
			changed = true;
		}
	}
}

static void hang(void)
{
	for (;;)
		pause();
}

/* ---- life ---- */

static void *notify_when_told(void *arg)
{
	(void)arg;
	while (!atomic_load(&fs.stop)) {
		if (has_flag("notify")) {
			int ret = llfused_notify_inval_entry(LLFUSED_ROOT_ID, "x", 0);

			llfused_log(LLFUSED_LOG_INFO, "stuckfs: notified %d", ret);
			break;
		}
		nap(NAP_MS);
	}
	return NULL;
}

static int stuckfs_load(void **out, struct llfused_error *error)
{
	(void)error;
	*out = &fs;
	return 0;
}

static int stuckfs_configure(void *instance, const char *key, const char *value,
			     struct llfused_error *error)
{
	(void)instance;
	(void)error;
	if (strcmp(key, "flags") == 0) {
		fs.flags = strdup(value);
		return fs.flags ? 0 : -ENOMEM;
	}
	if (strcmp(key, "broken_init") == 0)
		fs.broken_init = true;
	if (strcmp(key, "broken_root") == 0)
		fs.broken_root = true;
	if (strcmp(key, "slow_init") == 0)
		fs.slow_init = true;
	if (strcmp(key, "hang_lookup") == 0)
		fs.hang_lookup = true;
	return 0;
}

static int stuckfs_init(void *instance, const struct llfused_conn *conn)
{
	(void)instance;
	(void)conn;
	if (fs.broken_init) {
		nap(2000);
		llfused_notify_inval_entry(LLFUSED_ROOT_ID, "x", 0);
		nap(200); /* what has begun to be sent cannot be dropped any more */
		return -EIO;
	}
	if (fs.slow_init)
		nap(1500);
	fs.notifier_runs = pthread_create(&fs.notifier, NULL, notify_when_told, NULL) == 0;
	return 0;
}

static void stuckfs_destroy(void *instance)
{
	(void)instance;
	llfused_log(LLFUSED_LOG_INFO, "stuckfs: destroy releases=%u.", fs.releases);
	atomic_store(&fs.stop, true);
	if (fs.notifier_runs)
		pthread_join(fs.notifier, NULL);
	free(fs.flags);
}

/* ---- inodes ---- */

static int stuckfs_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			  struct llfused_entry *out)
{
	unsigned number;

	(void)ctx;
	note_call("lookup", name);
	if (fs.hang_lookup)
		hang();
	if (sscanf(name, "w%u", &number) != 1 || number > 999)
		return flat_lookup(&flat, parent, name, out);
	flat_lookup(&flat, parent, "free", out);
	out->nodeid = WRITERS + number;
	out->attr.ino = out->nodeid;
	return 0;
}

static int stuckfs_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			   struct llfused_attr_out *out)
{
	(void)ctx;
	(void)fh;
	note_call("getattr", nodeid == LLFUSED_ROOT_ID ? "root" : "file");
	if (nodeid != LLFUSED_ROOT_ID)
		return flat_getattr(&flat, nodeid < WRITERS ? nodeid : FREE, out);
	if (fs.broken_root)
		return -EIO;
	flat_getattr(&flat, nodeid, out);
	out->attr.mtime.tv_sec = ++fs.root_asked;
	return 0;
}

/* ---- files ---- */

static int stuckfs_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
			struct llfused_open *out)
{
	(void)ctx;
	(void)nodeid;
	(void)flags;
	note_call("open", "");
	/* each read(2) and write(2) is one request */
	out->flags = LLFUSED_OPEN_DIRECT_IO;
	return 0;
}

static int stuckfs_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			uint32_t flags, struct llfused_buf *buf)
{
	(void)ctx;
	(void)fh;
	(void)flags;
	note_call("read", nodeid < WRITERS ? flat_name(&flat, nodeid) : "file");
	if (nodeid == HANG)
		hang();
	if (nodeid == GATE || nodeid == BREAK)
		wait_for_gate();
	if (nodeid == BREAK) {
		llfused_log(LLFUSED_LOG_INFO, "stuckfs: breaks");
		return llfused_fatal("broken");
	}
	llfused_buf_read(buf, "read", 4, offset);
	return 0;
}

static int stuckfs_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			 const void *data, size_t size, uint32_t flags, size_t *written)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	(void)offset;
	(void)flags;
	note_call("write", "");
	llfused_lock_release();
	wait_and_watch(data, size);
	llfused_lock_acquire(LLFUSED_FOREVER);
	*written = size;
	return 0;
}

static int stuckfs_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
			   uint64_t lock_owner)
{
	(void)ctx;
	(void)fh;
	(void)flags;
	(void)lock_owner;
	note_call("release", "");
	if (nodeid == SLOW)
		nap(100);
	fs.releases++;
	return 0;
}

static const struct llfused_option options[] = {
	{"flags", "DIR", "where the test's flags are"},
	{"broken_init", NULL, "init takes 2 s, queues a notification, and fails"},
	{"broken_root", NULL, "the root's attributes cannot be had"},
	{"slow_init", NULL, "init takes 1.5 s"},
	{"hang_lookup", NULL, "lookup never returns"},
	{NULL, NULL, NULL},
};

static const struct llfused_ops ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = stuckfs_lookup,
	.getattr = stuckfs_getattr,
	.open = stuckfs_open,
	.read = stuckfs_read,
	.write = stuckfs_write,
	.release = stuckfs_release,
};

static const struct llfused_backend stuckfs_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "stuckfs",
	.summary = "files that get stuck",
	.options = options,
	.ops = &ops,
	.load = stuckfs_load,
	.configure = stuckfs_configure,
	.init = stuckfs_init,
	.destroy = stuckfs_destroy,
};

LLFUSED_PLUGIN(stuckfs_backend)
