/*
 * Backing ids: registering files with the kernel, and when an idle id is given up.
 * Knows nothing of opens, nor why a file is not passed through but for what the kernel says.
 */
#include "backing.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "backing_table.h"
#include "clock.h"
#include "creds.h"
#include "passthrough.h"

#define IDLE_MAX 8192u
#define IDLE_FOR (5 * PT_SECOND)
#define LATE_BY  (PT_SECOND / 2) /* the thread wakes so much later, for several at a time */
#define GATHER   5000000L        /* ns that it waits for more of those that are to end at once */

/* The lock is a leaf: no other is taken under it, and no system call is made. */
struct pt_backing {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool stopping;
	bool asleep;  /* the thread waits */
	bool forever; /* as long as there is no idle one */
	struct pt_backing_table table;
	struct pt_backing_id *dead; /* in no table any more, to be closed by the thread */
	atomic_bool denied;         /* the kernel refuses everything */
};

static void wake_thread(struct pt_backing *b)
{
	b->asleep = false;
	b->forever = false;
	pthread_cond_signal(&b->wake);
}

/* Leaves it to the thread.  The lock is held. */
static void bury(struct pt_backing *b, struct pt_backing_id *e)
{
	pt_backing_table_remove(&b->table, e);
	e->next = b->dead;
	b->dead = e;
	if (b->asleep)
		wake_thread(b);
}

/* ---- the thread ---- */

static void end_id(struct pt_backing_id *e)
{
	llfused_backing_close(e->id);
	free(e);
}

static void end_list(struct pt_backing_id *e)
{
	while (e) {
		struct pt_backing_id *next = e->next;

		end_id(e);
		e = next;
	}
}

static void retire(struct pt_backing *b, uint64_t at)
{
	while (b->table.oldest && at - b->table.oldest->since >= IDLE_FOR)
		bury(b, b->table.oldest);
}

/* Until something is to be done, or the oldest one's time is over. */
static void wait_for_work(struct pt_backing *b)
{
	const struct pt_backing_id *oldest = b->table.oldest;

	b->asleep = true;
	b->forever = !oldest;
	if (!oldest) {
		pthread_cond_wait(&b->wake, &b->lock);
		return;
	}
	pt_clock_wait(&b->wake, &b->lock, oldest->since + IDLE_FOR + LATE_BY);
}

/* Where many files are removed, many are ended at a time.  The lock is held. */
static void end_dead(struct pt_backing *b)
{
	const struct timespec gather = {.tv_nsec = GATHER};
	struct pt_backing_id *dead;

	pthread_mutex_unlock(&b->lock);
	nanosleep(&gather, NULL);
	pthread_mutex_lock(&b->lock);
	dead = b->dead;
	b->dead = NULL;
	pthread_mutex_unlock(&b->lock);
	end_list(dead);
	pthread_mutex_lock(&b->lock);
}

static void *run(void *arg)
{
	struct pt_backing *b = arg;

	pthread_mutex_lock(&b->lock);
	while (!b->stopping) {
		if (!b->dead)
			wait_for_work(b);
		b->asleep = false;
		b->forever = false;
		retire(b, pt_clock_now());
		if (b->dead)
			end_dead(b);
	}
	pthread_mutex_unlock(&b->lock);
	return NULL;
}

/* ---- life ---- */

static int start_thread(struct pt_backing *b)
{
	int ret;

	pthread_mutex_init(&b->lock, NULL);
	pt_clock_cond_init(&b->wake);
	ret = pthread_create(&b->thread, NULL, run, b);
	if (ret) {
		pthread_cond_destroy(&b->wake);
		pthread_mutex_destroy(&b->lock);
	}
	return -ret;
}

int pt_backing_start(struct pt *fs)
{
	struct pt_backing *b;
	int ret;

	if (!fs->options.passthrough || !(fs->wants & LLFUSED_WANT_PASSTHROUGH))
		return 0;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	ret = start_thread(b);
	if (ret)
		free(b);
	else
		fs->backing = b;
	return ret;
}

void pt_backing_stop(struct pt *fs)
{
	struct pt_backing *b = fs->backing;

	if (!b)
		return;
	fs->backing = NULL;
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	wake_thread(b);
	pthread_mutex_unlock(&b->lock);
	pthread_join(b->thread, NULL);
	end_list(b->dead);
	for (size_t i = 0; i < PT_BACKING_BUCKETS; i++)
		end_list(b->table.buckets[i]);
	pthread_cond_destroy(&b->wake);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* ---- use ---- */

/* Takes the node's id from the idle ones. */
static bool find_idle(struct pt_backing *b, const struct pt_node *node, uint32_t *id)
{
	struct pt_backing_id *e;

	pthread_mutex_lock(&b->lock);
	e = pt_backing_table_find(&b->table, node);
	if (e) {
		pt_backing_table_use(&b->table, e);
		*id = e->id;
	}
	pthread_mutex_unlock(&b->lock);
	return e != NULL;
}

/* Writing past us takes setuid and setgid away from everybody, from root too: such files are
 * written by requests, which tell who writes. */
static int check_file(int fd, uint32_t mode)
{
	struct stat st = {.st_mode = mode};

	if (mode == 0 && fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && !(st.st_mode & (S_ISUID | S_ISGID)) ? 0 : -EOPNOTSUPP;
}

/* The kernel keeps the credentials, for all that is done with the id. */
static int register_file(int fd, uint32_t mode, uint32_t *id)
{
	struct pt_creds creds;
	int ret = check_file(fd, mode);

	if (!ret)
		ret = pt_creds_limit(&creds);
	if (ret)
		return ret;
	ret = llfused_backing_open(fd, id);
	pt_creds_end(&creds);
	return ret;
}

/* What will not be otherwise for the next file. */
static void remember_refusal(struct pt *fs, const struct pt_node *node, int error)
{
	if (error == -ELOOP)
		fs->source.mounts[node->mount].no_backing = true;
	else if (error == -EPERM)
		fs->backing->denied = true;
}

static bool is_slow(const struct pt *fs, const struct pt_node *node)
{
	return pt_mount_at(&fs->source, node->mount)->pace == PT_PACE_SLOW;
}

static bool is_refused(const struct pt *fs, const struct pt_node *node)
{
	return fs->backing->denied || pt_mount_at(&fs->source, node->mount)->no_backing;
}

int pt_backing_get(struct pt *fs, struct pt_node *node, int fd, bool writable, uint32_t mode,
		   uint32_t *id)
{
	struct pt_backing *b = fs->backing;
	struct pt_backing_id *e;
	int ret;

	if (find_idle(b, node, id))
		return 0;
	if (is_refused(fs, node))
		return -EOPNOTSUPP;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	ret = register_file(fd, mode, id);
	if (ret) {
		remember_refusal(fs, node, ret);
		free(e);
		return ret;
	}
	e->node = node->index;
	e->id = *id;
	/* An idle one that can write would keep the file from being executed on the source, and the
	 * source from being made read-only. */
	e->fleeting = writable;
	e->slow = is_slow(fs, node);
	pthread_mutex_lock(&b->lock);
	pt_backing_table_add(&b->table, e);
	pthread_mutex_unlock(&b->lock);
	return 0;
}

/* What is to be given up for it, by the caller; NULL: nothing.  The lock is held. */
static struct pt_backing_id *make_idle(struct pt_backing *b, struct pt_backing_id *e, bool nameless)
{
	if (!e->fleeting && !nameless) {
		pt_backing_table_idle(&b->table, e, pt_clock_now());
		if (b->forever)
			wake_thread(b);
		if (b->table.nidle <= IDLE_MAX)
			return NULL;
		e = b->table.oldest;
	}
	if (e->slow) {
		bury(b, e);
		return NULL;
	}
	pt_backing_table_remove(&b->table, e);
	return e;
}

void pt_backing_put(struct pt *fs, struct pt_node *node, bool nameless)
{
	struct pt_backing *b = fs->backing;
	struct pt_backing_id *end;

	if (!b)
		return; /* at the end all ids go before the files */
	pthread_mutex_lock(&b->lock);
	end = make_idle(b, pt_backing_table_find(&b->table, node), nameless);
	pthread_mutex_unlock(&b->lock);
	if (end)
		end_id(end);
}

void pt_backing_drop(struct pt *fs, struct pt_node *node)
{
	struct pt_backing *b = fs->backing;
	struct pt_backing_id *e;

	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	e = pt_backing_table_find(&b->table, node);
	if (e && e->idle)
		bury(b, e);
	else if (e)
		e->fleeting = true;
	pthread_mutex_unlock(&b->lock);
}
