/*
 * The stress of the lock and the pool as a plain program, to be built with the thread sanitizer.
 * Usage: lock [SCALE], where 1 takes a few seconds without the sanitizer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/daemon_stress.h"

#define WATCHDOG 300 /* seconds, for each unit of the scale */

static unsigned failed, passed;

static void run_all(const struct stress *list, unsigned scale)
{
	for (const struct stress *s = list; s->name; s++) {
		const char *failure = stress_run(s, scale);

		if (failure)
			failed++;
		else
			passed++;
		printf("%-45s %s%s\n", s->name, failure ? "FAILED: " : "ok",
		       failure ? failure : "");
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	unsigned scale = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;

	alarm(WATCHDOG * scale);
	run_all(stress_lock, scale);
	run_all(stress_pool, scale);
	printf("lock-stress: %u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
