/*
 * The monotonic clock in nanoseconds, and condition variables that wait by it.
 */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND UINT64_C(1000000000)

uint64_t clock_now(void);

/* A time, or a length of time, as others want it. */
struct timespec clock_timespec(uint64_t ns);

/* The time in `timeout` ns; UINT64_MAX is centuries away. */
struct timespec clock_deadline(uint64_t timeout);

/* For timed waits until a clock_deadline(). */
void clock_cond_init(pthread_cond_t *cond);

#endif
