/*
 * A thread that unmounts, and who waits for it.  It must not know how to unmount.
 */
#include "unmount.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

struct unmount {
	int (*detach)(const char *path);
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool over; /* the thread has its result */
	bool left; /* nobody waits for it any more */
	int result;
	char path[];
};

static void release(struct unmount *u)
{
	pthread_cond_destroy(&u->done);
	pthread_mutex_destroy(&u->lock);
	free(u);
}

static void *run(void *arg)
{
	struct unmount *u = arg;
	int result = u->detach(u->path);
	bool left;

	pthread_mutex_lock(&u->lock);
	u->result = result;
	u->over = true;
	left = u->left;
	pthread_cond_signal(&u->done);
	pthread_mutex_unlock(&u->lock);
	if (left)
		release(u);
	return NULL;
}

static struct unmount *make(int (*detach)(const char *path), const char *path)
{
	size_t size = strlen(path) + 1;
	struct unmount *u = calloc(1, sizeof(*u) + size);

	if (!u)
		return NULL;
	u->detach = detach;
	memcpy(u->path, path, size);
	pthread_mutex_init(&u->lock, NULL);
	clock_cond_init(&u->done);
	return u;
}

static bool wait_for(struct unmount *u, uint64_t patience)
{
	struct timespec until = clock_deadline(patience);
	bool over;

	pthread_mutex_lock(&u->lock);
	while (!u->over && pthread_cond_timedwait(&u->done, &u->lock, &until) == 0)
		;
	over = u->over;
	u->left = true;
	pthread_mutex_unlock(&u->lock);
	return over;
}

int unmount_aside(int (*detach)(const char *path), const char *path, uint64_t patience)
{
	struct unmount *u = make(detach, path);
	pthread_t thread;
	int result;

	if (!u || pthread_create(&thread, NULL, run, u) != 0) {
		if (u)
			release(u);
		return detach(path);
	}
	if (!wait_for(u, patience)) {
		pthread_detach(thread);
		return -EINPROGRESS;
	}
	pthread_join(thread, NULL);
	result = u->result;
	release(u);
	return result;
}
