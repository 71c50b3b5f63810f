/*
 * The threads that nudge.  It knows nothing of entries: who takes their STATFS from the ring
 * answers it.
 */
#include "nudge.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "clock.h"

#define STACK_SIZE (64u * 1024)
#define PATIENCE   (CLOCK_SECOND / 2)

struct nudge {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	dev_t dev;
	unsigned users; /* threads, and who made it */
};

struct errand {
	struct nudge *nudge;
	unsigned qid;
};

struct nudge *nudge_new(dev_t dev)
{
	struct nudge *n = calloc(1, sizeof(*n));

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

/* Where the processor has gone, the request goes elsewhere and nothing is lost. */
static void stay_on(unsigned cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
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

static void *run(void *arg)
{
	struct errand errand = *(struct errand *)arg;

	free(arg);
	pthread_setname_np(pthread_self(), "nudge");
	stay_on(errand.qid);
	ask(errand.nudge->dev);
	leave(errand.nudge);
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

void nudge_ask(struct nudge *n, unsigned qid)
{
	struct errand *errand = malloc(sizeof(*errand));

	if (!errand)
		return;
	*errand = (struct errand){.nudge = n, .qid = qid};
	pthread_mutex_lock(&n->lock);
	n->users++;
	pthread_mutex_unlock(&n->lock);
	if (start(errand) != 0) {
		free(errand);
		leave(n);
	}
}

bool nudge_is_ours(uint32_t pid)
{
	return pid != 0 && syscall(SYS_tgkill, getpid(), (pid_t)pid, 0) == 0;
}
