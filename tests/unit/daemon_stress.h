/*
 * Stress of the global lock and the pool, without a test framework: the unit tests run it, and so
 * does a plain program under the thread sanitizer, where the framework does not start.
 */
#ifndef TESTS_DAEMON_STRESS_H
#define TESTS_DAEMON_STRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define STRESS_THREADS 16
#define FOREVER        UINT64_MAX

struct stress {
	const char *name; /* what it shows */
	void (*run)(unsigned scale);
};

/* Both end with a name of NULL. */
extern const struct stress stress_lock[];
extern const struct stress stress_pool[];

/* How much is done; 1 takes about a second.  NULL, or the first expectation that was not met. */
const char *stress_run(const struct stress *stress, unsigned scale);

/* ---- for the stresses --------------------------------------------------------------------- */

/* From any thread; `text` is a constant. */
void stress_expect(bool met, const char *text);

struct stress_thread {
	pthread_t thread;
	void (*body)(struct stress_thread *t);
	unsigned id; /* from 0 */
	unsigned rounds;
	uint32_t random;
	unsigned long count; /* the body's own; 0 at first */
};

struct stress_team {
	struct stress_thread threads[STRESS_THREADS];
	unsigned n;
};

void stress_begin(struct stress_team *team, unsigned n, void (*body)(struct stress_thread *t),
		  unsigned rounds);
/* Waits for all; the sum of their counts. */
unsigned long stress_end(struct stress_team *team);

/* 0 to below - 1 */
unsigned stress_random(uint32_t *state, unsigned below);
void stress_sleep_us(unsigned us);
uint64_t stress_now(void); /* CLOCK_MONOTONIC in ns */

#endif
