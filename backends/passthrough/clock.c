/*
 * The monotonic clock: a step of the wall clock neither shortens a wait nor makes it endless.
 * Knows nothing of who waits.
 */
#include "clock.h"

uint64_t pt_clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * PT_SECOND + (uint64_t)t.tv_nsec;
}

struct timespec pt_clock_timespec(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / PT_SECOND),
				 .tv_nsec = (long)(ns % PT_SECOND)};
}

void pt_clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

int pt_clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until)
{
	const struct timespec at = pt_clock_timespec(until);

	return pthread_cond_timedwait(cond, lock, &at);
}
