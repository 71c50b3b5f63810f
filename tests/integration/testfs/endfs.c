/*
 * A backend that ends in every way.  Each call is logged with its thread and the state of the
 * global lock: "endfs: read tid=12 lock=mine".  Reading a file does what its name says:
 *   ok     nothing special
 *   fatal  reports a fatal error
 *   twice  reports two
 *   later  a thread of our own reports one soon afterwards
 *   hold   never returns, with the global lock held
 *   away   never returns, with the global lock released
 *   keep   a thread of our own takes the global lock and never gives it back
 *   slow   takes 300 ms, with the global lock released
 * The release of the file "stay" never returns, that of "linger" takes 5 s.
 * -o fail=MOMENT and fatal=MOMENT make configure, ready or init (or destroy, or getattr) go wrong;
 * fatal=silent is ready() that succeeds all the same; nap=MS makes destroy() slow.  For what
 * happens before the options: $ENDFS is "fail-load", "fatal-load" or "nonblocking".
 */
#include "testfs.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum file { OK = 2, FATAL, TWICE, LATER, HOLD, AWAY, KEEP, SLOW, LINGER, STAY };

static const char *const names[] = {
	"ok", "fatal", "twice", "later", "hold", "away", "keep", "slow", "linger", "stay", NULL,
};
static const struct flat flat = {names, 3};

static struct endfs {
	char *fail, *fatal; /* NULL: no moment */
	unsigned nap;       /* ms */
	pthread_t later;
	bool later_runs;
} fs;

static void nap(unsigned ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	nanosleep(&t, NULL);
}

static void sleep_for_ever(void)
{
	for (;;)
		pause();
}

static const char *lock_state(void)
{
	switch (llfused_lock_acquire(0)) {
	case -EDEADLK:
		return "mine";
	case 0:
		llfused_lock_release();
		return "free";
	default:
		return "taken";
	}
}

static void note(const char *what)
{
	llfused_log(LLFUSED_LOG_INFO, "endfs: %s tid=%d lock=%s", what, (int)gettid(),
		    lock_state());
}

/* ---- life ---- */

static bool is_due(const char *order, const char *moment)
{
	return order && strcmp(order, moment) == 0;
}

/* What a moment comes to; `error` is NULL where there are no words. */
static int moment(const char *what, struct llfused_error *error)
{
	note(what);
	if (is_due(fs.fatal, what))
		return llfused_fatal("broken in %s", what);
	if (!is_due(fs.fail, what))
		return 0;
	if (error)
		snprintf(error->text, sizeof error->text, "no luck in %s", what);
	return -EIO;
}

/* The daemon reads the table after the first, and the second is the end of our code: with
 * dlclose(), or when the process exits properly. */
__attribute__((constructor)) static void declare(void);
__attribute__((destructor)) static void say_unmapped(void);

static void clean_up(void)
{
	free(fs.fail);
	free(fs.fatal);
	fs = (struct endfs){.fail = NULL};
}

static int end_load(void **instance, struct llfused_error *error)
{
	const char *order = getenv("ENDFS");
	int ret;

	if (is_due(order, "fail-load"))
		fs.fail = strdup("load");
	if (is_due(order, "fatal-load"))
		fs.fatal = strdup("load");
	*instance = &fs;
	ret = moment("load", error);
	if (ret < 0)
		clean_up();
	return ret;
}

static int end_configure(void *instance, const char *key, const char *value,
			 struct llfused_error *error)
{
	(void)instance;
	if (strcmp(key, "nap") == 0)
		fs.nap = (unsigned)atoi(value);
	else
		*(strcmp(key, "fail") == 0 ? &fs.fail : &fs.fatal) = strdup(value);
	return moment("configure", error);
}

static int end_ready(void *instance, struct llfused_error *error)
{
	(void)instance;
	if (is_due(fs.fatal, "silent"))
		llfused_fatal("broken in silence");
	return moment("ready", error);
}

static int end_init(void *instance, const struct llfused_conn *conn)
{
	(void)instance;
	(void)conn;
	return moment("init", NULL);
}

static void end_destroy(void *instance)
{
	(void)instance;
	moment("destroy", NULL);
	nap(fs.nap);
	if (fs.later_runs)
		pthread_join(fs.later, NULL);
	clean_up();
}

static void end_unload(void)
{
	note("unload");
}

/* ---- files ---- */

static void *break_later(void *arg)
{
	(void)arg;
	nap(100);
	llfused_fatal("broken in a thread");
	return NULL;
}

static void *keep_lock(void *arg)
{
	(void)arg;
	llfused_lock_acquire(LLFUSED_FOREVER);
	llfused_log(LLFUSED_LOG_INFO, "endfs: kept");
	sleep_for_ever();
	return NULL;
}

static void be_slow(void)
{
	int ret = llfused_lock_release();

	nap(300);
	if (ret == 0)
		llfused_lock_acquire(LLFUSED_FOREVER);
}

static int end_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		    uint32_t flags, struct llfused_buf *buf)
{
	pthread_t keeper;

	(void)ctx;
	(void)fh;
	(void)flags;
	note("read");
	switch ((enum file)nodeid) {
	case FATAL:
		return llfused_fatal("broken in %s", "a handler");
	case TWICE:
		llfused_fatal("broken once");
		return llfused_fatal("broken again");
	case LATER:
		fs.later_runs = pthread_create(&fs.later, NULL, break_later, NULL) == 0;
		break;
	case HOLD:
		sleep_for_ever();
		break;
	case AWAY:
		llfused_lock_release();
		sleep_for_ever();
		break;
	case KEEP:
		if (pthread_create(&keeper, NULL, keep_lock, NULL) == 0)
			pthread_detach(keeper);
		break;
	case SLOW:
		be_slow();
		break;
	default:
		break;
	}
	llfused_buf_read(buf, "ok\n", 3, offset);
	return 0;
}

static int end_release(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint32_t flags,
		       uint64_t lock_owner)
{
	(void)ctx;
	(void)fh;
	(void)flags;
	(void)lock_owner;
	note("release");
	if (nodeid == STAY)
		sleep_for_ever();
	if (nodeid == LINGER)
		nap(5000);
	return 0;
}

static int end_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		    struct llfused_open *out)
{
	(void)ctx;
	(void)nodeid;
	(void)flags;
	note("open");
	out->flags = LLFUSED_OPEN_DIRECT_IO;
	return 0;
}

static int end_flush(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t lock_owner)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	(void)lock_owner;
	note("flush");
	return 0;
}

static int end_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		     const void *data, size_t size, uint32_t flags, size_t *written)
{
	(void)ctx;
	(void)nodeid;
	(void)fh;
	(void)offset;
	(void)data;
	(void)flags;
	note("write");
	*written = size;
	return 0;
}

static int end_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
		      struct llfused_entry *out)
{
	int ret = flat_lookup(&flat, parent, name, out);

	(void)ctx;
	note("lookup");
	out->entry_timeout = 0;
	return ret;
}

static void end_forget(struct llfused_ctx *ctx, const struct llfused_forget *list, size_t count)
{
	(void)ctx;
	(void)list;
	(void)count;
	note("forget");
}

static int end_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
		       struct llfused_attr_out *out)
{
	(void)ctx;
	(void)fh;
	if (moment("getattr", NULL) < 0)
		return -EIO;
	return flat_getattr(&flat, nodeid, out);
}

static int end_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
		       struct llfused_attr_out *out)
{
	(void)ctx;
	(void)set;
	note("setattr");
	return flat_getattr(&flat, nodeid, out);
}

static int end_readdir(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       struct llfused_dirents *dirents)
{
	(void)ctx;
	(void)fh;
	note("readdir");
	return flat_readdir(&flat, nodeid, offset, dirents);
}

static int end_statfs(struct llfused_ctx *ctx, uint64_t nodeid, struct llfused_statfs *out)
{
	(void)ctx;
	(void)nodeid;
	note("statfs");
	out->namelen = 255;
	return 0;
}

static int end_getxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			struct llfused_buf *value)
{
	(void)ctx;
	(void)nodeid;
	(void)name;
	note("getxattr");
	return llfused_buf_put(value, "x", 1);
}

static int end_unlink(struct llfused_ctx *ctx, uint64_t parent, const char *name)
{
	(void)ctx;
	(void)parent;
	(void)name;
	note("unlink");
	return -EPERM;
}

static const struct llfused_ops ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = end_lookup,
	.forget = end_forget,
	.getattr = end_getattr,
	.setattr = end_setattr,
	.unlink = end_unlink,
	.open = end_open,
	.read = end_read,
	.write = end_write,
	.flush = end_flush,
	.release = end_release,
	.readdir = end_readdir,
	.statfs = end_statfs,
	.getxattr = end_getxattr,
};

static const struct llfused_option options[] = {
	{"fail", "MOMENT", "which function fails"},
	{"fatal", "MOMENT", "which function reports a fatal error"},
	{"nap", "MS", "how long destroy takes"},
	{NULL, NULL, NULL},
};

static struct llfused_backend endfs_backend = {
	LLFUSED_BACKEND_STAMP,      .name = "endfs",      .summary = "ends in every way",
	.options = options,         .ops = &ops,          .load = end_load,
	.configure = end_configure, .ready = end_ready,   .init = end_init,
	.destroy = end_destroy,     .unload = end_unload,
};

static void declare(void)
{
	if (is_due(getenv("ENDFS"), "nonblocking"))
		endfs_backend.declares = LLFUSED_CONCURRENT | LLFUSED_NONBLOCKING;
}

static void say_unmapped(void)
{
	llfused_log(LLFUSED_LOG_INFO, "endfs is unmapped");
}

LLFUSED_PLUGIN(endfs_backend)
