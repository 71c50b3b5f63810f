/*
 * What handlers and threads do with the global lock.  Reading a file does what its name says:
 *   busy       works a moment with the lock held
 *   slow       releases the lock, sleeps -o nap=MS, takes it again
 *   errors     uses the lock in every wrong way; the text tells what came of it
 *   polite     yields in a handler, to our thread that waits; the text tells whether it ran
 *   forgetful  returns without the lock
 *   stuck      never returns, with the lock held, and our thread waits for it
 *   report     what was seen
 * Looking up "lost" never returns, either.
 * Writing to `control` gives our thread something to do:
 *   hold N     takes the lock, keeps it until the file -o go=PATH is there, and yields N times
 *   quiet      takes the lock and yields very often
 *   compete N  N times: takes the lock, keeps it for a moment, yields once
 */
#include "testfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000u

enum file { BUSY = 2, SLOW, ERRORS, POLITE, FORGETFUL, STUCK, REPORT, CONTROL };

static const char *const names[] = {
	"busy", "slow", "errors", "polite", "forgetful", "stuck", "report", "control", NULL,
};
static const struct flat flat = {names, 0};

enum order { NOTHING, HOLD, QUIET, COMPETE, KEEP, TAKE, STOP };

static struct lockyield {
	unsigned nap; /* ms */
	char *go;
	bool caches_root;

	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	enum order order; /* what it is to do next */
	unsigned count;
	atomic_int tid;
	atomic_bool tried, keeps, lets_go, wants; /* of KEEP and TAKE */
	atomic_uint takes;

	/* what was seen */
	atomic_uint inside; /* who believes to have the lock */
	atomic_ulong calls, overlaps, busy, served, xattrs;
	atomic_uint asleep;
	atomic_ulong rounds, misses; /* of COMPETE; a miss: nobody ran in a yield */
	char wrong[128];             /* what KEEP got for its errors */
	char xattr[64];
} fs = {.mutex = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* Signals do not end it. */
static void nap(uint64_t ns)
{
	struct timespec t = {
		.tv_sec = (time_t)(ns / (1000 * MS)),
		.tv_nsec = (long)(ns % (1000 * MS)),
	};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* ---- who has the lock ---- */

static void mark_in(void)
{
	if (atomic_fetch_add(&fs.inside, 1) != 0)
		atomic_fetch_add(&fs.overlaps, 1);
}

static void mark_out(void)
{
	atomic_fetch_sub(&fs.inside, 1);
}

static int let_go(void)
{
	mark_out();
	return llfused_lock_release();
}

static int take_back(uint64_t timeout)
{
	int ret = llfused_lock_acquire(timeout);

	if (ret == 0)
		mark_in();
	return ret;
}

/* How many handlers were entered while it yielded. */
static unsigned long yield_counting(unsigned count)
{
	unsigned long before = atomic_load(&fs.calls);

	mark_out();
	llfused_lock_yield(count);
	mark_in();
	return atomic_load(&fs.calls) - before;
}

/* The first and the last line of each handler. */
static void enter(void)
{
	mark_in();
	atomic_fetch_add(&fs.calls, 1);
}

static int leave(int ret)
{
	mark_out();
	return ret;
}

/* ---- our thread ---- */

static void give_order(enum order order, unsigned count)
{
	pthread_mutex_lock(&fs.mutex);
	fs.order = order;
	fs.count = count;
	pthread_cond_signal(&fs.wake);
	pthread_mutex_unlock(&fs.mutex);
}

static void hold(unsigned count)
{
	unsigned long calls;

	take_back(LLFUSED_FOREVER);
	llfused_log(LLFUSED_LOG_INFO, "lockyield: held");
	while (access(fs.go, F_OK) < 0)
		nap(MS);
	unlink(fs.go);
	calls = yield_counting(count);
	let_go();
	llfused_log(LLFUSED_LOG_INFO, "lockyield: yielded calls=%lu", calls);
}

static void yield_alone(void)
{
	uint64_t start;
	unsigned long calls;

	take_back(LLFUSED_FOREVER);
	start = now();
	calls = yield_counting(1000000000);
	start = now() - start;
	let_go();
	llfused_log(LLFUSED_LOG_INFO, "lockyield: yielded calls=%lu ms=%lu", calls,
		    (unsigned long)(start / MS));
}

static void compete(unsigned count)
{
	atomic_store(&fs.misses, 0);
	atomic_store(&fs.rounds, 0);
	while (count-- > 0) {
		take_back(LLFUSED_FOREVER);
		/* whoever asks meanwhile has to wait */
		nap(MS);
		if (yield_counting(1) == 0)
			atomic_fetch_add(&fs.misses, 1);
		let_go();
		atomic_fetch_add(&fs.rounds, 1);
	}
	llfused_log(LLFUSED_LOG_INFO, "lockyield: competed");
}

/* First it misuses the lock that a handler has. */
static void keep(void)
{
	int before = llfused_lock_release(), yield = llfused_lock_yield(1), twice;

	atomic_store(&fs.tried, true);
	take_back(LLFUSED_FOREVER);
	twice = llfused_lock_acquire(LLFUSED_FOREVER);
	snprintf(fs.wrong, sizeof fs.wrong, "thread_release=%s thread_yield=%s thread_twice=%s",
		 strerrorname_np(-before), strerrorname_np(-yield), strerrorname_np(-twice));
	atomic_store(&fs.keeps, true);
	while (!atomic_load(&fs.lets_go))
		nap(MS);
	let_go();
	atomic_store(&fs.keeps, false);
}

/* Its name is looked for in a list of call stacks. */
__attribute__((noinline)) static void wait_for_the_lock(void)
{
	atomic_store(&fs.wants, true);
	take_back(LLFUSED_FOREVER);
	atomic_store(&fs.wants, false);
	atomic_fetch_add(&fs.takes, 1);
	let_go();
}

static enum order next_order(unsigned *count)
{
	enum order order;

	pthread_mutex_lock(&fs.mutex);
	while (fs.order == NOTHING)
		pthread_cond_wait(&fs.wake, &fs.mutex);
	order = fs.order;
	*count = fs.count;
	fs.order = NOTHING;
	pthread_mutex_unlock(&fs.mutex);
	return order;
}

static void *take_orders(void *arg)
{
	unsigned count;

	(void)arg;
	atomic_store(&fs.tid, gettid());
	for (;;) {
		switch (next_order(&count)) {
		case HOLD:
			hold(count);
			break;
		case QUIET:
			yield_alone();
			break;
		case COMPETE:
			compete(count);
			break;
		case KEEP:
			keep();
			break;
		case TAKE:
			wait_for_the_lock();
			break;
		default:
			return NULL;
		}
	}
}

/* It has asked for the lock, and sleeps until it gets it. */
static void wait_until_it_waits(void)
{
	char path[64], text[512], *at;
	FILE *file;

	while (!atomic_load(&fs.wants))
		nap(MS);
	snprintf(path, sizeof path, "/proc/self/task/%d/stat", atomic_load(&fs.tid));
	for (bool sleeps = false; !sleeps; nap(MS)) {
		file = fopen(path, "re");
		at = file && fgets(text, sizeof text, file) ? strrchr(text, ')') : NULL;
		sleeps = at && at[2] == 'S';
		if (file)
			fclose(file);
	}
}

/* ---- what reading does ---- */

__attribute__((format(printf, 2, 3))) static void answer(struct llfused_buf *buf,
							 const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	llfused_buf_read(buf, text, strlen(text), 0);
}

static void read_busy(void)
{
	atomic_fetch_add(&fs.busy, 1);
	if (atomic_load(&fs.asleep) > 0)
		atomic_fetch_add(&fs.served, 1);
	nap(MS / 10);
}

static void read_slow(void)
{
	atomic_fetch_add(&fs.asleep, 1);
	llfused_log(LLFUSED_LOG_INFO, "lockyield: asleep");
	let_go();
	nap((uint64_t)fs.nap * MS);
	take_back(LLFUSED_FOREVER);
	atomic_fetch_sub(&fs.asleep, 1);
}

static void read_errors(struct llfused_buf *buf)
{
	int again_now = llfused_lock_acquire(0), again = llfused_lock_acquire(LLFUSED_FOREVER);
	int yield = llfused_lock_yield(0), release, twice, yield_without, not_now, too_long, taken;
	uint64_t start;

	atomic_store(&fs.tried, false);
	atomic_store(&fs.lets_go, false);
	give_order(KEEP, 0);
	while (!atomic_load(&fs.tried))
		nap(MS);
	release = let_go();
	while (!atomic_load(&fs.keeps))
		nap(MS);
	twice = llfused_lock_release();
	yield_without = llfused_lock_yield(1);
	not_now = llfused_lock_acquire(0);
	start = now();
	too_long = llfused_lock_acquire(40 * MS);
	start = now() - start;
	atomic_store(&fs.lets_go, true);
	taken = take_back(LLFUSED_FOREVER);
	answer(buf,
	       "again_now=%s again=%s yield=%s release=%s twice=%s yield_without=%s not_now=%s "
	       "too_long=%s waited=%d taken=%s %s\n",
	       strerrorname_np(-again_now), strerrorname_np(-again), strerrorname_np(-yield),
	       strerrorname_np(-release), strerrorname_np(-twice), strerrorname_np(-yield_without),
	       strerrorname_np(-not_now), strerrorname_np(-too_long), start >= 40 * MS,
	       strerrorname_np(-taken), fs.wrong);
}

static void read_polite(struct llfused_buf *buf)
{
	unsigned before = atomic_load(&fs.takes);

	give_order(TAKE, 0);
	wait_until_it_waits();
	yield_counting(1);
	answer(buf, "ran=%u\n", atomic_load(&fs.takes) - before);
}

/* Its name is looked for, too. */
__attribute__((noinline)) static void sleep_with_the_lock(void)
{
	give_order(TAKE, 0);
	llfused_log(LLFUSED_LOG_INFO, "lockyield: stuck");
	for (;;)
		pause();
}

static void read_report(struct llfused_buf *buf)
{
	answer(buf,
	       "calls=%lu overlaps=%lu busy=%lu asleep=%u served=%lu rounds=%lu misses=%lu "
	       "xattrs=%lu xattr=%s\n",
	       atomic_load(&fs.calls), atomic_load(&fs.overlaps), atomic_load(&fs.busy),
	       atomic_load(&fs.asleep), atomic_load(&fs.served), atomic_load(&fs.rounds),
	       atomic_load(&fs.misses), atomic_load(&fs.xattrs), fs.xattr);
}

/* ---- ops ---- */

static int lockyield_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			  uint32_t flags, struct llfused_buf *buf)
{
	(void)ctx;
	(void)fh;
	(void)offset;
	(void)flags;
	enter();
	switch ((enum file)nodeid) {
	case BUSY:
		read_busy();
		break;
	case SLOW:
		read_slow();
		break;
	case ERRORS:
		read_errors(buf);
		break;
	case POLITE:
		read_polite(buf);
		break;
	case FORGETFUL:
		return let_go();
	case STUCK:
		sleep_with_the_lock();
		break;
	case REPORT:
		read_report(buf);
		break;
	default:
		break;
	}
	return leave(0);
}

static int lockyield_write(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
			   const void *data, size_t size, uint32_t flags, size_t *written)
{
	static const struct {
		const char *word;
		enum order order;
	} orders[] = {{"hold", HOLD}, {"quiet", QUIET}, {"compete", COMPETE}};
	char text[64] = "", word[16] = "";
	unsigned count = 0;

	(void)ctx;
	(void)fh;
	(void)offset;
	(void)flags;
	enter();
	if (nodeid != CONTROL || size >= sizeof text)
		return leave(-EINVAL);
	memcpy(text, data, size);
	*written = size;
	sscanf(text, "%15s %u", word, &count);
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		if (strcmp(orders[i].word, word) == 0) {
			give_order(orders[i].order, count);
			return leave(0);
		}
	}
	return leave(-EINVAL);
}

static int lockyield_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			    struct llfused_entry *out)
{
	(void)ctx;
	enter();
	if (strcmp(name, "lost") == 0)
		sleep_with_the_lock();
	return leave(flat_lookup(&flat, parent, name, out));
}

static int lockyield_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			     struct llfused_attr_out *out)
{
	int ret;

	(void)ctx;
	(void)fh;
	enter();
	ret = flat_getattr(&flat, nodeid, out);
	if (nodeid == LLFUSED_ROOT_ID && fs.caches_root)
		out->timeout = LLFUSED_FOREVER;
	return leave(ret);
}

static int lockyield_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
			  struct llfused_open *out)
{
	(void)ctx;
	(void)nodeid;
	(void)flags;
	enter();
	/* each read(2) is one request */
	out->flags = LLFUSED_OPEN_DIRECT_IO;
	return leave(0);
}

static int lockyield_setxattr(struct llfused_ctx *ctx, uint64_t nodeid, const char *name,
			      const void *value, size_t size, uint32_t flags, uint32_t xflags)
{
	(void)ctx;
	(void)value;
	(void)size;
	(void)flags;
	(void)xflags;
	enter();
	atomic_fetch_add(&fs.xattrs, 1);
	snprintf(fs.xattr, sizeof fs.xattr, "%lu:%.48s", (unsigned long)nodeid, name);
	return leave(0);
}

/* ---- life ---- */

static int lockyield_load(void **out, struct llfused_error *error)
{
	(void)error;
	*out = &fs;
	return 0;
}

static int lockyield_configure(void *instance, const char *key, const char *value,
			       struct llfused_error *error)
{
	(void)instance;
	(void)error;
	if (strcmp(key, "nap") == 0)
		fs.nap = (unsigned)atoi(value);
	else if (strcmp(key, "go") == 0)
		fs.go = strdup(value);
	else
		fs.caches_root = true;
	return 0;
}

static int lockyield_init(void *instance, const struct llfused_conn *conn)
{
	(void)instance;
	(void)conn;
	return -pthread_create(&fs.thread, NULL, take_orders, NULL);
}

static void lockyield_destroy(void *instance)
{
	(void)instance;
	if (fs.thread) {
		give_order(STOP, 0);
		llfused_lock_release();
		pthread_join(fs.thread, NULL);
		llfused_lock_acquire(LLFUSED_FOREVER);
	}
	free(fs.go);
}

static const struct llfused_option options[] = {
	{"nap", "MS", "how long slow reads take"},
	{"go", "PATH", "the file that ends a hold"},
	{"cache_root", NULL, "the attributes of the root may be cached for ever"},
	{NULL, NULL, NULL},
};

static const struct llfused_ops ops = {
	.size = sizeof(struct llfused_ops),
	.lookup = lockyield_lookup,
	.getattr = lockyield_getattr,
	.open = lockyield_open,
	.read = lockyield_read,
	.write = lockyield_write,
	.setxattr = lockyield_setxattr,
};

static const struct llfused_backend lockyield_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "lockyield",
	.summary = "uses the global lock",
	.options = options,
	.ops = &ops,
	.load = lockyield_load,
	.configure = lockyield_configure,
	.init = lockyield_init,
	.destroy = lockyield_destroy,
};

LLFUSED_PLUGIN(lockyield_backend)
