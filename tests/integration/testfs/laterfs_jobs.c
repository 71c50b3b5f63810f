/*
 * laterfs: the thread that answers.
 * It must not know what is answered.
 */
#include "laterfs.h"

#include <stdlib.h>
#include <time.h>

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- answering; in the thread ---- */

struct listing {
	struct laterfs *fs;
	const struct later_job *job;
	struct later_taken taken;
};

static int fill(void *arg, struct llfused_dirents *dirents)
{
	struct listing *listing = arg;

	later_list(listing->fs, listing->job->nodeid, listing->job->number, dirents,
		   &listing->taken);
	return 0;
}

/* Lookups that nobody got did not count. */
static int answer_readdir(struct laterfs *fs, const struct later_job *job)
{
	struct listing listing = {.fs = fs, .job = job};
	int ret;

	llfused_lock_acquire(LLFUSED_FOREVER);
	ret = llfused_complete_readdir(job->pending, fill, &listing);
	for (unsigned i = 0; ret != 0 && i < listing.taken.count; i++)
		later_node_forget(fs, listing.taken.nodeid[i], 1);
	llfused_lock_release();
	return ret;
}

static int answer_entry(struct laterfs *fs, const struct later_job *job)
{
	int ret;

	if (job->kind == LATER_create)
		ret = llfused_complete_create(job->pending, &job->entry, &job->open);
	else
		ret = llfused_complete_entry(job->pending, &job->entry);
	if (ret != 0) {
		llfused_lock_acquire(LLFUSED_FOREVER);
		later_node_forget(fs, job->entry.nodeid, 1);
		llfused_lock_release();
	}
	return ret;
}

static int answer(struct laterfs *fs, const struct later_job *job)
{
	switch (job->kind) {
	case LATER_entry:
	case LATER_create:
		return answer_entry(fs, job);
	case LATER_attr:
		return llfused_complete_attr(job->pending, &job->attr);
	case LATER_open:
		return llfused_complete_open(job->pending, &job->open);
	case LATER_data:
		return llfused_complete_data(job->pending, job->data, job->size);
	case LATER_xattr_size:
		return llfused_complete_xattr_size(job->pending, job->size);
	case LATER_write:
		return llfused_complete_write(job->pending, job->number);
	case LATER_readdir:
		return answer_readdir(fs, job);
	case LATER_statfs:
		return llfused_complete_statfs(job->pending, &job->statfs);
	case LATER_lock:
		return llfused_complete_lock(job->pending, &job->lock);
	case LATER_ioctl:
		return llfused_complete_ioctl(job->pending, job->result, job->data, job->size);
	case LATER_poll:
		return llfused_complete_poll(job->pending, (uint32_t)job->number);
	case LATER_number:
		return llfused_complete_number(job->pending, job->number);
	default:
		return llfused_complete(job->pending, job->error);
	}
}

/* Lock held; at the end nothing is waited for. */
static void wait_until(struct laterfs *fs, uint64_t due)
{
	struct timespec t = {
		.tv_sec = (time_t)(due / 1000000000),
		.tv_nsec = (long)(due % 1000000000),
	};

	while (!fs->stop && now() < due)
		pthread_cond_timedwait(&fs->wake, &fs->mutex, &t);
}

/* The next one, when it is due; NULL: there are no more, and there will be none. */
static struct later_job *next_job(struct laterfs *fs)
{
	struct later_job *job;

	pthread_mutex_lock(&fs->mutex);
	while (!fs->first && !fs->stop)
		pthread_cond_wait(&fs->wake, &fs->mutex);
	if (fs->first)
		wait_until(fs, fs->first->due);
	job = fs->first;
	if (job)
		fs->first = job->next;
	pthread_mutex_unlock(&fs->mutex);
	return job;
}

static void *run(void *arg)
{
	struct laterfs *fs = arg;
	struct later_job *job;

	while ((job = next_job(fs))) {
		int ret = answer(fs, job);

		pthread_mutex_lock(&fs->mutex);
		fs->answered[job->kind]++;
		fs->refused += ret != 0;
		pthread_mutex_unlock(&fs->mutex);
		free(job->data);
		free(job);
	}
	return NULL;
}

/* ---- for the handlers ---- */

struct later_job *later_job_new(struct llfused_ctx *ctx, enum later_kind kind)
{
	struct later_job *job = calloc(1, sizeof *job);

	if (!job)
		return NULL;
	job->kind = kind;
	job->pending = llfused_pend(ctx);
	if (job->pending != 0)
		return job;
	free(job);
	return NULL;
}

int later_job_data(struct later_job *job, const void *data, size_t size)
{
	job->data = malloc(size + 1);
	if (!job->data)
		return -ENOMEM;
	memcpy(job->data, data, size);
	job->size = size;
	return 0;
}

int later_job_give(struct llfused_ctx *ctx, struct later_job *job, int error)
{
	struct laterfs *fs = ctx->fs;

	if (error != 0)
		job->kind = LATER_error;
	job->error = error;
	job->due = now() + fs->delay;
	pthread_mutex_lock(&fs->mutex);
	if (fs->first)
		fs->last->next = job;
	else
		fs->first = job;
	fs->last = job;
	pthread_cond_signal(&fs->wake);
	pthread_mutex_unlock(&fs->mutex);
	return LLFUSED_PENDING;
}

int later_jobs_start(struct laterfs *fs)
{
	pthread_condattr_t attr;
	int ret;

	pthread_mutex_init(&fs->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&fs->wake, &attr);
	pthread_condattr_destroy(&attr);
	ret = -pthread_create(&fs->thread, NULL, run, fs);
	fs->runs = ret == 0;
	return ret;
}

void later_jobs_stop(struct laterfs *fs)
{
	if (!fs->runs)
		return;
	pthread_mutex_lock(&fs->mutex);
	fs->stop = true;
	pthread_cond_signal(&fs->wake);
	pthread_mutex_unlock(&fs->mutex);
	llfused_lock_release();
	pthread_join(fs->thread, NULL);
	llfused_lock_acquire(LLFUSED_FOREVER);
	fs->runs = false;
}
