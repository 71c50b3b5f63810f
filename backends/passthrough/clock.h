/*
 * The monotonic clock in nanoseconds, and condition variables that wait by it.
 */
#ifndef PASSTHROUGH_CLOCK_H
#define PASSTHROUGH_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define PT_SECOND UINT64_C(1000000000)

uint64_t pt_clock_now(void);

/* A time of that clock, as others want it. */
struct timespec pt_clock_timespec(uint64_t ns);

/* For timed waits until a time of that clock. */
void pt_clock_cond_init(pthread_cond_t *cond);

/* Waits until it is signalled, or until the time `until`: then ETIMEDOUT. */
int pt_clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until);

#endif
