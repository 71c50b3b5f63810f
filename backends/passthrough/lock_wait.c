/*
 * Locks that are waited for: each by a thread of its own, so that no thread that serves requests
 * does.  The tender joins the threads that have ended and wakes those that are to give up.
 * It knows nothing of ranges.
 */
#include "lock_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>

#include "clock.h"
#include "file.h"
#include "join.h"
#include "passthrough.h"

#define WAITS_MAX  1024u             /* at a time; beyond: ENOLCK */
#define STACK_SIZE (128u * 1024)     /* of a waiting thread; the least that sanitizers live with */
#define AGAIN_NS   UINT64_C(1000000) /* between two signals to a thread that has to give up */

/* No other part of the daemon uses it. */
static int wake_signal(void)
{
	return SIGRTMIN + 2;
}

static void on_wake(int number)
{
	(void)number;
}

/* ---- the waiting thread ---- */

/*
 * A signal that comes before the call has begun is lost: the tender sends them until the thread has
 * ended.  Other signals (those that ask for a call stack) are none of ours.
 */
static int wait_flock(struct pt_wait *wait)
{
	int ret;

	do
		ret = atomic_load(&wait->cancelled) ? -EINTR
						    : pt_lock_flock(wait->file->fd, 0, &wait->lock);
	while (ret == -EINTR && !atomic_load(&wait->cancelled));
	return ret;
}

/*
 * What was waited for is taken once more, in order with what the owner's other threads do: one of
 * them may have given it up already, and then the wait goes on.
 */
static int wait_record(struct pt_wait *wait)
{
	int ret;

	do {
		ret = atomic_load(&wait->cancelled)
			      ? -EINTR
			      : pt_lock_fcntl(wait->holder->fd, F_OFD_SETLKW, &wait->lock);
		if (ret == 0)
			ret = pt_holder_set(wait->fs, wait->holder, wait->file, &wait->lock);
	} while (ret == -EAGAIN || (ret == -EINTR && !atomic_load(&wait->cancelled)));
	return ret;
}

static void *run(void *arg)
{
	struct pt_wait *wait = arg;
	struct pt_locks *locks = wait->fs->locks;
	sigset_t set;
	bool left;
	int ret;

	pthread_setname_np(pthread_self(), "lock-wait");
	sigemptyset(&set);
	sigaddset(&set, wake_signal());
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	ret = wait->holder ? wait_record(wait) : wait_flock(wait);

	pthread_mutex_lock(&locks->mutex);
	wait->over = true;
	if (wait->holder)
		wait->holder->waits--;
	left = locks->left;
	pthread_mutex_unlock(&locks->mutex);
	if (left)
		return NULL; /* nobody is there to be told */
	llfused_complete(wait->pending, ret);
	if (wait->holder)
		pt_holder_put(wait->fs, wait->holder);

	pthread_mutex_lock(&locks->mutex);
	wait->ended = true;
	pthread_cond_signal(&locks->wake);
	pthread_mutex_unlock(&locks->mutex);
	return NULL;
}

/* ---- beginning one ---- */

static int make_thread(struct pt_wait *wait)
{
	pthread_attr_t attr;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	ret = pthread_create(&wait->thread, &attr, run, wait);
	pthread_attr_destroy(&attr);
	return ret == 0 ? 0 : -ENOLCK;
}

/* The mutex is held: the tender sees the wait with its thread, or not at all. */
static int add(struct pt_locks *locks, struct pt_wait *wait)
{
	int ret;

	if (locks->stopping || locks->nwaits == WAITS_MAX)
		return -ENOLCK;
	if (wait->holder && pt_lock_deadlocks(locks, wait))
		return -EDEADLK;
	ret = make_thread(wait);
	if (ret != 0)
		return ret;
	wait->next = locks->waits;
	locks->waits = wait;
	locks->nwaits++;
	if (wait->holder) {
		wait->holder->users++;
		wait->holder->waits++;
	}
	return 0;
}

/* While the holder is busy its descriptor may be replaced: not once somebody waits on it. */
static int enter(struct pt_locks *locks, struct pt_wait *wait)
{
	struct pt_holder *holder = wait->holder;
	int ret;

	if (holder)
		pthread_mutex_lock(&holder->busy);
	pthread_mutex_lock(&locks->mutex);
	ret = add(locks, wait);
	pthread_mutex_unlock(&locks->mutex);
	if (holder)
		pthread_mutex_unlock(&holder->busy);
	return ret;
}

int pt_wait_begin(struct llfused_ctx *ctx, struct pt_holder *holder, const struct pt_file *file,
		  const struct llfused_lock *lock)
{
	struct pt_locks *locks = pt_of(ctx)->locks;
	struct pt_wait *wait = calloc(1, sizeof(*wait));
	int ret = -ENOLCK;

	if (!wait)
		return ret;
	wait->fs = pt_of(ctx);
	wait->lock = *lock;
	wait->file = file;
	wait->holder = holder;
	wait->pending = llfused_pend(ctx);
	if (wait->pending != 0)
		ret = enter(locks, wait);
	if (ret == 0)
		return LLFUSED_PENDING;
	free(wait);
	return ret;
}

/* ---- ending them ---- */

void pt_wait_interrupt(struct pt_locks *locks, llfused_pending pending)
{
	pthread_mutex_lock(&locks->mutex);
	for (struct pt_wait *wait = locks->waits; wait; wait = wait->next)
		if (wait->pending == pending) {
			atomic_store(&wait->cancelled, true);
			pthread_cond_signal(&locks->wake);
		}
	pthread_mutex_unlock(&locks->mutex);
}

/* The mutex is held; it is released for the moment that a thread needs to end. */
static void join_ended(struct pt_locks *locks)
{
	struct pt_wait **at = &locks->waits;

	while (*at) {
		struct pt_wait *wait = *at;

		if (!wait->ended) {
			at = &wait->next;
			continue;
		}
		*at = wait->next;
		pthread_mutex_unlock(&locks->mutex);
		pthread_join(wait->thread, NULL);
		free(wait);
		pthread_mutex_lock(&locks->mutex);
		locks->nwaits--;
		at = &locks->waits;
	}
}

/* The mutex is held.  Is there one that has not ended yet? */
static bool wake_cancelled(struct pt_locks *locks)
{
	bool any = false;

	for (struct pt_wait *wait = locks->waits; wait; wait = wait->next) {
		if (!atomic_load(&wait->cancelled) || wait->over)
			continue;
		pthread_kill(wait->thread, wake_signal());
		any = true;
	}
	return any;
}

static void wait_a_moment(struct pt_locks *locks)
{
	pt_clock_wait(&locks->wake, &locks->mutex, pt_clock_now() + AGAIN_NS);
}

static void *tend(void *arg)
{
	struct pt_locks *locks = arg;

	pthread_setname_np(pthread_self(), "lock-tender");
	pthread_mutex_lock(&locks->mutex);
	while (!locks->left) {
		join_ended(locks);
		if (wake_cancelled(locks))
			wait_a_moment(locks);
		else if (locks->stopping && !locks->waits)
			break;
		else
			pthread_cond_wait(&locks->wake, &locks->mutex);
	}
	pthread_mutex_unlock(&locks->mutex);
	return NULL;
}

/* ---- life ---- */

int pt_wait_start(struct pt_locks *locks)
{
	struct sigaction action = {.sa_handler = on_wake};
	int ret;

	/* without SA_RESTART: waiting calls end with EINTR */
	if (sigaction(wake_signal(), &action, NULL) < 0)
		return -errno;
	pt_clock_cond_init(&locks->wake);
	ret = pthread_create(&locks->tender, NULL, tend, locks);
	if (ret != 0)
		pthread_cond_destroy(&locks->wake);
	return -ret;
}

bool pt_wait_stop(struct pt *fs)
{
	struct pt_locks *locks = fs->locks;

	pthread_mutex_lock(&locks->mutex);
	locks->stopping = true;
	for (struct pt_wait *wait = locks->waits; wait; wait = wait->next)
		atomic_store(&wait->cancelled, true);
	pthread_cond_signal(&locks->wake);
	pthread_mutex_unlock(&locks->mutex);
	if (pt_join_thread(fs, locks->tender, "waits for locks do not end")) {
		pthread_cond_destroy(&locks->wake);
		return true;
	}
	pthread_mutex_lock(&locks->mutex);
	locks->left = true;
	pthread_mutex_unlock(&locks->mutex);
	return false;
}
