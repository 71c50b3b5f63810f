/*
 * The threads that nudge.  It knows nothing of entries: who takes their STATFS from the ring
 * answers it.
 */
#include "nudge.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "clock.h"

#define STACK_SIZE (64u * 1024)
#define PATIENCE   (CLOCK_SECOND / 2)

struct errand {
	struct nudge *nudge;
	unsigned qid;
	pid_t thread;
	struct errand *next; /* of those whose threads are asking */
};

struct nudge {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	dev_t dev;
	unsigned users; /* threads, and who made it */
	struct errand *asking;
	atomic_bool out_of_reach[]; /* by queue */
};

struct nudge *nudge_new(dev_t dev, unsigned queues)
{
	struct nudge *n = calloc(1, sizeof(*n) + queues * sizeof(n->out_of_reach[0]));

	if (!n)
		return NULL;
	pthread_mutex_init(&n->lock, NULL);
	clock_cond_init(&n->idle);
	n->dev = dev;
	n->users = 1;
	return n;
}

/* The last user frees it. */
static void leave(struct nudge *n)
{
	unsigned left;

	pthread_mutex_lock(&n->lock);
	left = --n->users;
	if (left == 1)
		pthread_cond_signal(&n->idle);
	pthread_mutex_unlock(&n->lock);
	if (left > 0)
		return;
	pthread_cond_destroy(&n->idle);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

void nudge_free(struct nudge *n)
{
	struct timespec until = clock_deadline(PATIENCE);

	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	while (n->users > 1 && pthread_cond_timedwait(&n->idle, &n->lock, &until) == 0)
		;
	pthread_mutex_unlock(&n->lock);
	leave(n);
}

/* From elsewhere the question would come by another queue, and help nobody. */
static bool stay_on(unsigned cpu)
{
	cpu_set_t one;

	if (cpu >= CPU_SETSIZE)
		return false;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0;
}

static void ask(dev_t dev)
{
#ifdef SYS_ustat
	/* the kernel's form of a device number, in 32 bits */
	unsigned encoded = (minor(dev) & 0xff) | major(dev) << 8 | (minor(dev) & ~0xffu) << 12;
	unsigned char answer[64];

	syscall(SYS_ustat, encoded, answer);
#else
	(void)dev;
#endif
}

static void enter(struct errand *errand)
{
	struct nudge *n = errand->nudge;

	errand->thread = gettid();
	pthread_mutex_lock(&n->lock);
	errand->next = n->asking;
	n->asking = errand;
	pthread_mutex_unlock(&n->lock);
}

static void finish(struct errand *errand)
{
	struct nudge *n = errand->nudge;
	struct errand **at = &n->asking;

	pthread_mutex_lock(&n->lock);
	while (*at != errand)
		at = &(*at)->next;
	*at = errand->next;
	pthread_mutex_unlock(&n->lock);
}

static void *run(void *arg)
{
	struct errand *errand = arg;
	struct nudge *n = errand->nudge;
	bool reached;

	pthread_setname_np(pthread_self(), "nudge");
	reached = stay_on(errand->qid);
	atomic_store(&n->out_of_reach[errand->qid], !reached);
	if (reached) {
		enter(errand);
		ask(n->dev);
		finish(errand);
	}
	free(errand);
	leave(n);
	return NULL;
}

static int start(struct errand *errand)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr,
				  STACK_SIZE > PTHREAD_STACK_MIN ? STACK_SIZE : PTHREAD_STACK_MIN);
	ret = pthread_create(&thread, &attr, run, errand);
	pthread_attr_destroy(&attr);
	return ret;
}

bool nudge_ask(struct nudge *n, unsigned qid)
{
	struct errand *errand = malloc(sizeof(*errand));

	if (!errand)
		return false;
	*errand = (struct errand){.nudge = n, .qid = qid};
	pthread_mutex_lock(&n->lock);
	n->users++;
	pthread_mutex_unlock(&n->lock);
	if (start(errand) != 0) {
		free(errand);
		leave(n);
		return false;
	}
	return !atomic_load(&n->out_of_reach[qid]);
}

bool nudge_is_ours(struct nudge *n, uint32_t pid)
{
	bool found = false;

	pthread_mutex_lock(&n->lock);
	for (const struct errand *e = n->asking; e && !found; e = e->next)
		found = (uint32_t)e->thread == pid;
	pthread_mutex_unlock(&n->lock);
	return found;
}
