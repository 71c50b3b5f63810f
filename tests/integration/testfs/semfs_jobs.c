/*
 * The recording file system's own thread: it sends what must not be sent from a handler, and then
 * ends the request that ordered it.  Nothing is locked while it sends.
 */
#include "semfs.h"

#include <stdlib.h>
#include <string.h>

static struct sem_job *next_job(struct semfs *fs)
{
	struct sem_job *job;

	pthread_mutex_lock(&fs->jobs_mutex);
	while (!fs->jobs && !fs->thread_stops)
		pthread_cond_wait(&fs->jobs_wake, &fs->jobs_mutex);
	job = fs->jobs;
	if (job)
		fs->jobs = job->next;
	pthread_mutex_unlock(&fs->jobs_mutex);
	return job;
}

static int do_job(const struct sem_job *job)
{
	if (job->retrieve)
		return llfused_notify_retrieve(job->cookie, job->nodeid, job->offset, job->size);
	return llfused_notify_store(job->nodeid, job->offset, job->data, job->size);
}

static void *run(void *arg)
{
	struct semfs *fs = arg;
	struct sem_job *job;

	while ((job = next_job(fs))) {
		int ret = do_job(job);

		if (ret == 0)
			llfused_complete_write(job->pending, job->written);
		else
			llfused_complete(job->pending, ret);
		free(job);
	}
	return NULL;
}

int sem_jobs_start(struct semfs *fs)
{
	int ret = pthread_create(&fs->thread, NULL, run, fs);

	fs->thread_runs = ret == 0;
	return -ret;
}

void sem_jobs_stop(struct semfs *fs)
{
	if (!fs->thread_runs)
		return;
	pthread_mutex_lock(&fs->jobs_mutex);
	fs->thread_stops = true;
	pthread_cond_signal(&fs->jobs_wake);
	pthread_mutex_unlock(&fs->jobs_mutex);
	pthread_join(fs->thread, NULL);
	fs->thread_runs = false;
}

int sem_jobs_add(struct semfs *fs, struct llfused_ctx *ctx, struct sem_job *job)
{
	struct sem_job **at = &fs->jobs;

	job->pending = llfused_pend(ctx);
	if (job->pending == 0) {
		free(job);
		return -EAGAIN;
	}
	pthread_mutex_lock(&fs->jobs_mutex);
	while (*at)
		at = &(*at)->next;
	*at = job;
	pthread_cond_signal(&fs->jobs_wake);
	pthread_mutex_unlock(&fs->jobs_mutex);
	return LLFUSED_PENDING;
}

void sem_retrieved(struct llfused_ctx *ctx, uint64_t cookie, uint64_t nodeid, uint64_t offset,
		   const void *data, size_t size)
{
	__attribute__((cleanup(sem_leave))) struct semfs *fs =
		sem_enter(ctx, SEM_op_retrieved, nodeid);
	void *copy = malloc(size ? size : 1);

	if (!copy)
		return;
	if (size > 0)
		memcpy(copy, data, size);
	free(fs->retrieved.data);
	fs->retrieved.data = copy;
	fs->retrieved.size = size;
	fs->retrieved.cookie = cookie;
	fs->retrieved.nodeid = nodeid;
	fs->retrieved.offset = offset;
	fs->retrieved.count++;
}
