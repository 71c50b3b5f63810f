/*
 * Files whose reads take their time, each in its own way:
 *   sleep   the handler sleeps; when interrupted it answers EINTR
 *   pend    pending; another thread answers after the delay, whatever is interrupted
 *   early   pending; ends with EINTR as soon as it is interrupted, and only then
 *   race    pending; the answer and the interrupt race for it
 *   attr    its attributes come from another thread after the delay
 *   report  what was seen: "interrupts=N answers=N eintr=N lost=N"
 * -o delay=MS sets the delay.
 */
#include "testfs.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define JOBS_MAX 256

enum file { SLEEP = 2, PEND, EARLY, RACE, ATTR, REPORT };

static const char *const names[] = {"sleep", "pend", "early", "race", "attr", "report", NULL};
static const struct flat flat = {names, 4096};

struct job {
	llfused_pending pending; /* 0: free */
	uint64_t nodeid;
	uint64_t due; /* ns; 0: never by itself */
};

struct slowfs {
	pthread_mutex_t lock;
	pthread_t thread;
	bool stop;
	uint64_t delay; /* ns */
	struct job job[JOBS_MAX];
	/* what was seen */
	atomic_ulong interrupts; /* calls of interrupt(), and sleepers that saw theirs */
	atomic_ulong answers;
	atomic_ulong eintr;
	atomic_ulong lost; /* completions that found the request answered */
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void nap(uint64_t ns)
{
	struct timespec t = {
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};

	nanosleep(&t, NULL);
}

static void count(struct slowfs *fs, int ret, atomic_ulong *done)
{
	atomic_fetch_add(ret == -ENOENT ? &fs->lost : done, 1);
}

/* ---- the thread that answers ---- */

static void answer(struct slowfs *fs, const struct job *job)
{
	struct llfused_attr_out attr;

	if (job->nodeid == ATTR) {
		flat_getattr(&flat, job->nodeid, &attr);
		count(fs, llfused_complete_attr(job->pending, &attr), &fs->answers);
		return;
	}
	count(fs, llfused_complete_data(job->pending, "answered", 8), &fs->answers);
}

/* A job that is due, taken out; pending 0 when there is none. */
static struct job next_due(struct slowfs *fs)
{
	struct job found = {.pending = 0};
	uint64_t t = now();

	pthread_mutex_lock(&fs->lock);
	for (unsigned i = 0; i < JOBS_MAX && found.pending == 0; i++) {
		struct job *job = &fs->job[i];

		if (job->pending == 0 || job->due == 0 || job->due > t)
			continue;
		found = *job;
		job->pending = 0;
	}
	pthread_mutex_unlock(&fs->lock);
	return found;
}

static bool must_stop(struct slowfs *fs)
{
	bool stop;

	pthread_mutex_lock(&fs->lock);
	stop = fs->stop;
	pthread_mutex_unlock(&fs->lock);
	return stop;
}

static void *run(void *arg)
{
	struct slowfs *fs = arg;

	while (!must_stop(fs)) {
		struct job job = next_due(fs);

		if (job.pending != 0)
			answer(fs, &job);
		else
			nap(50000);
	}
	return NULL;
}

static int defer(struct slowfs *fs, struct llfused_ctx *ctx, uint64_t nodeid, uint64_t due)
{
	int ret = -EAGAIN;

	pthread_mutex_lock(&fs->lock);
	for (unsigned i = 0; i < JOBS_MAX; i++) {
		struct job *job = &fs->job[i];

		if (job->pending != 0)
			continue;
		*job = (struct job){llfused_pend(ctx), nodeid, due};
		ret = job->pending == 0 ? -EAGAIN : LLFUSED_PENDING;
		break;
	}
	pthread_mutex_unlock(&fs->lock);
	return ret;
}

/* ---- ops ---- */

static int read_sleeping(struct slowfs *fs, struct llfused_ctx *ctx, struct llfused_buf *buf)
{
	uint64_t end = now() + fs->delay;

	while (now() < end) {
		nap(1000000);
		if (llfused_interrupted(ctx)) {
			atomic_fetch_add(&fs->interrupts, 1);
			atomic_fetch_add(&fs->eintr, 1);
			return -EINTR;
		}
	}
	atomic_fetch_add(&fs->answers, 1);
	memcpy(buf->data, "answered", 8);
	buf->len = 8;
	return 0;
}

static int read_report(struct slowfs *fs, uint64_t offset, struct llfused_buf *buf)
{
	if (offset == 0)
		buf->len = (size_t)snprintf(buf->data, buf->cap,
					    "interrupts=%lu answers=%lu eintr=%lu lost=%lu\n",
					    atomic_load(&fs->interrupts), atomic_load(&fs->answers),
					    atomic_load(&fs->eintr), atomic_load(&fs->lost));
	return 0;
}

static int slowfs_read(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, uint64_t offset,
		       uint32_t flags, struct llfused_buf *buf)
{
	struct slowfs *fs = ctx->fs;

	(void)fh;
	(void)flags;
	switch (nodeid) {
	case SLEEP:
		return read_sleeping(fs, ctx, buf);
	case PEND:
		return defer(fs, ctx, nodeid, now() + fs->delay);
	case EARLY:
		return defer(fs, ctx, nodeid, 0);
	case RACE:
		return defer(fs, ctx, nodeid, now() + now() % 400000);
	case REPORT:
		return read_report(fs, offset, buf);
	default:
		return 0;
	}
}

static void slowfs_interrupt(struct llfused_ctx *ctx, llfused_pending pending)
{
	struct slowfs *fs = ctx->fs;
	bool end = false;

	atomic_fetch_add(&fs->interrupts, 1);
	pthread_mutex_lock(&fs->lock);
	for (unsigned i = 0; i < JOBS_MAX; i++) {
		struct job *job = &fs->job[i];

		if (job->pending != pending)
			continue;
		if (job->nodeid == EARLY) {
			end = true;
			job->pending = 0;
		}
		if (job->nodeid == RACE) /* stays in the list: both answer */
			end = true;
	}
	pthread_mutex_unlock(&fs->lock);
	if (end)
		count(fs, llfused_complete(pending, -EINTR), &fs->eintr);
}

static int slowfs_lookup(struct llfused_ctx *ctx, uint64_t parent, const char *name,
			 struct llfused_entry *out)
{
	(void)ctx;
	return flat_lookup(&flat, parent, name, out);
}

static int slowfs_getattr(struct llfused_ctx *ctx, uint64_t nodeid, const uint64_t *fh,
			  struct llfused_attr_out *out)
{
	struct slowfs *fs = ctx->fs;

	(void)fh;
	if (nodeid == ATTR)
		return defer(fs, ctx, nodeid, now() + fs->delay);
	return flat_getattr(&flat, nodeid, out);
}

static int slowfs_open(struct llfused_ctx *ctx, uint64_t nodeid, uint32_t flags,
		       struct llfused_open *out)
{
	(void)ctx;
	(void)nodeid;
	(void)flags;
	/* each read(2) is one request */
	out->flags = LLFUSED_OPEN_DIRECT_IO;
	return 0;
}

/* ---- life ---- */

static int slowfs_load(void **out, struct llfused_error *error)
{
	struct slowfs *fs = calloc(1, sizeof *fs);

	(void)error;
	if (!fs)
		return -ENOMEM;
	pthread_mutex_init(&fs->lock, NULL);
	fs->delay = 200000000;
	*out = fs;
	return 0;
}

static int slowfs_configure(void *arg, const char *key, const char *value,
			    struct llfused_error *error)
{
	struct slowfs *fs = arg;

	(void)error;
	if (strcmp(key, "delay") == 0)
		fs->delay = strtoul(value, NULL, 10) * 1000000;
	return 0;
}

static int slowfs_init(void *arg, const struct llfused_conn *conn)
{
	struct slowfs *fs = arg;

	(void)conn;
	return -pthread_create(&fs->thread, NULL, run, fs);
}

static void slowfs_destroy(void *arg)
{
	struct slowfs *fs = arg;

	pthread_mutex_lock(&fs->lock);
	fs->stop = true;
	pthread_mutex_unlock(&fs->lock);
	if (fs->thread)
		pthread_join(fs->thread, NULL);
	free(fs);
}

static const struct llfused_option options[] = {
	{.key = "delay", .arg = "MS", .help = "how long slow things take"},
	{.key = NULL},
};

static const struct llfused_ops ops = {
	.size = sizeof ops,
	.lookup = slowfs_lookup,
	.getattr = slowfs_getattr,
	.open = slowfs_open,
	.read = slowfs_read,
	.interrupt = slowfs_interrupt,
};

static const struct llfused_backend slowfs_backend = {
	LLFUSED_BACKEND_STAMP,
	.name = "slowfs",
	.summary = "files that take their time",
	.declares = LLFUSED_CONCURRENT,
	.options = options,
	.ops = &ops,
	.load = slowfs_load,
	.configure = slowfs_configure,
	.init = slowfs_init,
	.destroy = slowfs_destroy,
};

LLFUSED_PLUGIN(slowfs_backend)
