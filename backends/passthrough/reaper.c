/*
 * The thread for what takes long and nobody waits for.
 * Knows nothing of what the descriptors were.
 */
#include "reaper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "join.h"
#include "node_table.h"
#include "passthrough.h"

#define BATCH 64u
#define SWEEP (20 * PT_SECOND) /* between two looks for files that were removed behind us */

struct pt_reaper {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int *fds; /* a stack: no order is promised */
	size_t count, room;
	bool prune;
	atomic_bool stop;
};

/* Takes some descriptors.  The lock is held. */
static size_t take(struct pt_reaper *r, int fds[BATCH])
{
	size_t count = r->count < BATCH ? r->count : BATCH;

	for (size_t i = 0; i < count; i++)
		fds[i] = r->fds[--r->count];
	if (r->count == 0) {
		free(r->fds);
		r->fds = NULL;
		r->room = 0;
	}
	return count;
}

/* The lock is held, and is released meanwhile. */
static void work(struct pt *fs, const int *fds, size_t count, bool prune)
{
	struct pt_reaper *r = fs->reaper;

	pthread_mutex_unlock(&r->lock);
	if (prune)
		pt_prune_by_name(fs);
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	pthread_mutex_lock(&r->lock);
}

static void *run(void *arg)
{
	struct pt *fs = arg;
	struct pt_reaper *r = fs->reaper;
	uint64_t sweep = pt_clock_now() + SWEEP;
	int fds[BATCH];
	size_t count;
	bool prune;

	pthread_mutex_lock(&r->lock);
	while (!r->stop || r->count > 0) {
		count = take(r, fds);
		prune = r->prune && !r->stop;
		r->prune = false;
		if (count > 0 || prune) {
			work(fs, fds, count, prune);
		} else if (pt_clock_wait(&r->wake, &r->lock, sweep) == ETIMEDOUT) {
			pthread_mutex_unlock(&r->lock);
			pt_node_sweep(fs, &r->stop);
			sweep = pt_clock_now() + SWEEP;
			pthread_mutex_lock(&r->lock);
		}
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

int pt_reaper_start(struct pt *fs)
{
	struct pt_reaper *r = calloc(1, sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	pt_clock_cond_init(&r->wake);
	fs->reaper = r;
	error = pthread_create(&r->thread, NULL, run, fs);
	if (!error)
		return 0;
	fs->reaper = NULL;
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
	return -error;
}

void pt_reaper_stop(struct pt *fs)
{
	struct pt_reaper *r = fs->reaper;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	if (!pt_join_thread(fs, r->thread, "files are still being closed"))
		return;
	fs->reaper = NULL;
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r->fds);
	free(r);
}

/* The lock is held. */
static bool push(struct pt_reaper *r, int fd)
{
	size_t room = r->room ? 2 * r->room : BATCH;
	int *fds;

	if (r->count == r->room) {
		fds = realloc(r->fds, room * sizeof(*fds));
		if (!fds)
			return false;
		r->fds = fds;
		r->room = room;
	}
	r->fds[r->count++] = fd;
	return true;
}

void pt_reaper_close(struct pt *fs, int fd)
{
	struct pt_reaper *r = fs->reaper;
	bool pushed = false;

	if (r) {
		pthread_mutex_lock(&r->lock);
		pushed = push(r, fd);
		if (r->count == 1)
			pthread_cond_signal(&r->wake);
		pthread_mutex_unlock(&r->lock);
	}
	if (!pushed)
		close(fd);
}

void pt_reaper_prune(struct pt *fs)
{
	struct pt_reaper *r = fs->reaper;

	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->prune = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
}
