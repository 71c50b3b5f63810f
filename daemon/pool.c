/*
 * The pool's threads, the queue in front of them, and the free jobs behind them.
 * It must not know what a job is, nor in which order the lock goes round.
 *
 * Everything is under the lock's mutex.  Nobody is idle while a job could be run: an idle thread
 * and the first job are brought together when either of them arrives, or by the lock when it is
 * free.
 */
#include "pool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

struct pool_thread {
	struct pool *pool;
	struct pool_thread *next; /* of the idle ones */
	pthread_t thread;
	pthread_cond_t wake;
	struct pool_job *job; /* given to it, not yet begun */
	unsigned seat;
};

/* ---- with the mutex held ------------------------------------------------------------------ */

static void put_spare(struct pool *p, struct pool_job *job)
{
	job->next = p->spare;
	p->spare = job;
}

/* For one who wants a job, or for all, with the one among them who waits for the end. */
static void tell_spare(struct pool *p)
{
	if (p->draining)
		pthread_cond_broadcast(&p->spare_wake);
	else
		pthread_cond_signal(&p->spare_wake);
}

static struct pool_job *take_first(struct pool *p)
{
	struct pool_job *job = p->first;

	p->first = job->next;
	if (!p->first)
		p->last = NULL;
	p->queued--;
	return job;
}

/* The heir's two functions.  A job's turn comes only together with a thread for it: handlers that
 * want the lock back must not stand behind a job that nobody can run. */
static uint64_t first_ticket(void *arg)
{
	const struct pool *p = arg;

	return p->first && p->idle ? p->first->ticket : UINT64_MAX;
}

static pthread_t give_first(void *arg)
{
	struct pool *p = arg;
	struct pool_thread *t = p->idle;

	p->idle = t->next;
	t->job = take_first(p);
	p->busy++;
	pthread_cond_signal(&t->wake);
	return t->thread;
}

/* After a job or an idle thread has come. */
static void give_out(struct pool *p)
{
	if (p->config.serialized)
		lock_hand_on(p->config.lock);
	else if (first_ticket(p) != UINT64_MAX)
		give_first(p);
}

/* NULL: the pool stops.  A job that was given before that is run. */
static struct pool_job *next_job(struct pool_thread *t)
{
	struct pool *p = t->pool;
	struct pool_job *job;

	if (p->stopping)
		return NULL;
	t->next = p->idle;
	p->idle = t;
	give_out(p);
	while (!t->job && !p->stopping)
		lock_cond_wait(p->config.lock, &t->wake, NULL);
	job = t->job;
	t->job = NULL;
	return job;
}

/* ---- the threads -------------------------------------------------------------------------- */

static void run_job(struct pool_thread *t, struct pool_job *job)
{
	const struct pool_config *config = &t->pool->config;

	config->run(config->arg, job, t->seat);
	if (config->serialized && lock_is_mine(config->lock))
		lock_release(config->lock);
}

static void *thread_main(void *arg)
{
	struct pool_thread *t = arg;
	struct pool *p = t->pool;
	pthread_mutex_t *mutex = &p->config.lock->mutex;
	struct pool_job *job;
	char name[16]; /* the kernel's limit */

	snprintf(name, sizeof(name), "%s/%u", p->config.name, t->seat);
	pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(mutex);
	while ((job = next_job(t))) {
		pthread_mutex_unlock(mutex);
		run_job(t, job);
		pthread_mutex_lock(mutex);
		p->busy--;
		p->finished++;
		put_spare(p, job);
		tell_spare(p);
	}
	pthread_mutex_unlock(mutex);
	return NULL;
}

/* The mutex keeps the threads from looking at each other before all are there. */
static unsigned start_threads(struct pool *p, int *error)
{
	pthread_mutex_t *mutex = &p->config.lock->mutex;
	unsigned n = 0;

	pthread_mutex_lock(mutex);
	for (*error = 0; n < p->config.nthreads; n++) {
		struct pool_thread *t = &p->threads[n];

		*t = (struct pool_thread){.pool = p, .seat = n};
		clock_cond_init(&t->wake);
		*error = pthread_create(&t->thread, NULL, thread_main, t);
		if (*error != 0) {
			pthread_cond_destroy(&t->wake);
			break;
		}
	}
	p->stopping = *error != 0;
	pthread_mutex_unlock(mutex);
	return n;
}

/* None of them runs a job any more. */
static void end_threads(struct pool *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		pthread_join(p->threads[i].thread, NULL);
		pthread_cond_destroy(&p->threads[i].wake);
	}
	if (p->config.serialized)
		lock_set_heir(p->config.lock, NULL);
	pthread_cond_destroy(&p->spare_wake);
	free(p->threads);
	p->threads = NULL;
}

int pool_start(struct pool *p, const struct pool_config *config, struct pool_job **jobs,
	       unsigned njobs, struct err *err)
{
	struct lock_heir heir = {.ticket = first_ticket, .give = give_first, .arg = p};
	unsigned n;
	int error;

	*p = (struct pool){.config = *config};
	p->threads = calloc(config->nthreads, sizeof(p->threads[0]));
	if (!p->threads)
		return err_set(err, -ENOMEM, "no memory for %u threads", config->nthreads);
	clock_cond_init(&p->spare_wake);
	for (unsigned i = njobs; i > 0; i--)
		put_spare(p, jobs[i - 1]);
	if (config->serialized)
		lock_set_heir(config->lock, &heir);
	n = start_threads(p, &error);
	if (error == 0)
		return 0;
	end_threads(p, n);
	return err_set(err, -error, "cannot start thread %u of %u: %s", n + 1, config->nthreads,
		       strerror(error));
}

/* ---- jobs --------------------------------------------------------------------------------- */

/* With the mutex held. */
static struct pool_job *take_spare(struct pool *p)
{
	struct pool_job *job = p->draining ? NULL : p->spare;

	if (job)
		p->spare = job->next;
	return job;
}

struct pool_job *pool_get(struct pool *p)
{
	struct lock *l = p->config.lock;
	struct pool_job *job;

	pthread_mutex_lock(&l->mutex);
	while (!p->spare && !p->draining)
		lock_cond_wait(l, &p->spare_wake, NULL);
	job = take_spare(p);
	pthread_mutex_unlock(&l->mutex);
	return job;
}

struct pool_job *pool_try(struct pool *p)
{
	struct lock *l = p->config.lock;
	struct pool_job *job;

	pthread_mutex_lock(&l->mutex);
	job = take_spare(p);
	pthread_mutex_unlock(&l->mutex);
	return job;
}

void pool_put(struct pool *p, struct pool_job *job)
{
	struct lock *l = p->config.lock;

	pthread_mutex_lock(&l->mutex);
	put_spare(p, job);
	if (!p->stopping) /* after the end there is nobody to be told, and nothing to tell it with
			   */
		tell_spare(p);
	pthread_mutex_unlock(&l->mutex);
}

uint64_t pool_finished(struct pool *p)
{
	struct lock *l = p->config.lock;
	uint64_t n;

	pthread_mutex_lock(&l->mutex);
	n = p->finished;
	pthread_mutex_unlock(&l->mutex);
	return n;
}

/* With the mutex held; `before` is its predecessor in the queue, or NULL. */
static void unlink_job(struct pool *p, struct pool_job *before, struct pool_job *job)
{
	if (before)
		before->next = job->next;
	else
		p->first = job->next;
	if (p->last == job)
		p->last = before;
	p->queued--;
}

struct pool_job *pool_find(struct pool *p,
			   bool (*wanted)(const struct pool_job *job, const void *arg),
			   const void *arg, bool take)
{
	struct lock *l = p->config.lock;
	struct pool_job *before = NULL, *job;

	pthread_mutex_lock(&l->mutex);
	for (job = p->first; job && !wanted(job, arg); job = job->next)
		before = job;
	if (job && take)
		unlink_job(p, before, job);
	pthread_mutex_unlock(&l->mutex);
	return job;
}

void pool_submit(struct pool *p, struct pool_job *job)
{
	struct lock *l = p->config.lock;

	pthread_mutex_lock(&l->mutex);
	if (p->stopping) {
		put_spare(p, job);
	} else {
		job->next = NULL;
		job->ticket = lock_take_ticket(l);
		if (p->last)
			p->last->next = job;
		else
			p->first = job;
		p->last = job;
		p->queued++;
		give_out(p);
	}
	pthread_mutex_unlock(&l->mutex);
}

/* ---- the end ------------------------------------------------------------------------------ */

/* With the mutex held. */
static void send_home(struct pool *p)
{
	p->stopping = true;
	while (p->first)
		put_spare(p, take_first(p));
	for (struct pool_thread *t = p->idle; t; t = t->next)
		pthread_cond_signal(&t->wake);
	p->idle = NULL;
	pthread_cond_broadcast(&p->spare_wake);
}

int pool_stop(struct pool *p, uint64_t timeout)
{
	struct timespec until = clock_deadline(timeout);
	struct lock *l = p->config.lock;
	int ret = 0;
	bool stuck;

	if (!p->threads)
		return 0;
	pthread_mutex_lock(&l->mutex);
	p->draining = true;
	pthread_cond_broadcast(&p->spare_wake);
	while ((p->first || p->busy > 0) && ret != -ETIMEDOUT)
		ret = lock_cond_wait(l, &p->spare_wake, &until);
	send_home(p);
	stuck = p->busy > 0;
	pthread_mutex_unlock(&l->mutex);
	if (stuck)
		return -ETIMEDOUT;
	end_threads(p, p->config.nthreads);
	return 0;
}
