/*
 * What all stresses need: teams of threads, random numbers, the first failure.
 */
#include "daemon_stress.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

static _Atomic(const char *) failure;

void stress_expect(bool met, const char *text)
{
	const char *none = NULL;

	if (!met)
		atomic_compare_exchange_strong(&failure, &none, text);
}

const char *stress_run(const struct stress *stress, unsigned scale)
{
	atomic_store(&failure, NULL);
	stress->run(scale);
	return atomic_load(&failure);
}

static void *thread_main(void *arg)
{
	struct stress_thread *t = arg;

	t->body(t);
	return NULL;
}

void stress_begin(struct stress_team *team, unsigned n, void (*body)(struct stress_thread *t),
		  unsigned rounds)
{
	team->n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct stress_thread *t = &team->threads[i];

		*t = (struct stress_thread){
			.body = body, .id = i, .rounds = rounds, .random = 1 + i * 2654435761u};
		if (pthread_create(&t->thread, NULL, thread_main, t) != 0) {
			stress_expect(false, "no thread can be started");
			return;
		}
		team->n++;
	}
}

unsigned long stress_end(struct stress_team *team)
{
	unsigned long sum = 0;

	for (unsigned i = 0; i < team->n; i++) {
		pthread_join(team->threads[i].thread, NULL);
		sum += team->threads[i].count;
	}
	return sum;
}

/* A linear congruential generator; its upper bits are good enough here. */
unsigned stress_random(uint32_t *state, unsigned below)
{
	*state = *state * 1664525u + 1013904223u;
	return (unsigned)(((uint64_t)*state * below) >> 32);
}

void stress_sleep_us(unsigned us)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

uint64_t stress_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}
