/*
 * The engine's life: its ring, its thread, and the credentials for writes of users.
 * Knows nothing of requests.
 */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "creds.h"
#include "engine_impl.h"
#include "join.h"
#include "passthrough.h"

#define SUBMIT_ENTRIES 64u /* each is submitted at once */

static int open_ring(struct io_uring *ring)
{
	struct io_uring_params params = {
		.flags = IORING_SETUP_CQSIZE,
		/* room for all that are under way and what wakes the thread */
		.cq_entries = 2 * PT_ENGINE_REQUESTS,
	};

	return io_uring_queue_init_params(SUBMIT_ENTRIES, ring, &params);
}

/* The kernel keeps a copy of what this thread is for the moment. */
static void *register_user(void *arg)
{
	struct pt_engine *e = arg;
	struct pt_creds creds;
	int id;

	if (pt_creds_drop(&creds) != 0)
		return NULL;
	id = io_uring_register_personality(&e->ring);
	pt_creds_end(&creds);
	if (id > 0)
		e->user = (uint16_t)id;
	return NULL;
}

/* On a thread of its own, which ends: the caller keeps its groups, umask and working directory. */
static void make_user(struct pt_engine *e)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, register_user, e) == 0)
		pthread_join(thread, NULL);
	if (!e->user)
		llfused_log(LLFUSED_LOG_INFO, "slow writes of users hold a thread each");
}

static int open_engine(struct pt_engine *e)
{
	int ret = open_ring(&e->ring);

	if (ret)
		return ret;
	make_user(e);
	pthread_mutex_init(&e->lock, NULL);
	ret = -pthread_create(&e->thread, NULL, pt_engine_run, e);
	if (ret) {
		pthread_mutex_destroy(&e->lock);
		io_uring_queue_exit(&e->ring);
	}
	return ret;
}

int pt_engine_start(struct pt *fs)
{
	struct pt_engine *e = calloc(1, sizeof(*e));
	int ret;

	if (!e)
		return -ENOMEM;
	ret = open_engine(e);
	if (ret) {
		llfused_log(LLFUSED_LOG_INFO,
			    "no io_uring for slow reads and writes (%s): they hold a thread each",
			    strerror(-ret));
		free(e);
		e = NULL;
	}
	fs->engine = e;
	return 0;
}

/* The requests are answered by now; what is left of them may be with a server that does not
 * answer. */
void pt_engine_stop(struct pt *fs)
{
	struct pt_engine *e = fs->engine;

	if (!e)
		return;
	fs->engine = NULL;
	pthread_mutex_lock(&e->lock);
	e->stopping = true;
	pthread_mutex_unlock(&e->lock);
	pt_engine_submit(e, NULL);
	if (!pt_join_thread(fs, e->thread, "reads or writes do not end"))
		return;
	io_uring_queue_exit(&e->ring);
	pthread_mutex_destroy(&e->lock);
	free(e);
}
