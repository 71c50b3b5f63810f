/*
 * Calls a program around the measured part of each phase, so that it can look at what fsbench does
 * not know.  Must not know what the program does.
 */
#include "fsbench.h"

#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void hook_call(const struct plan *plan, const char *when, const struct system *system,
	       const struct phase *phase, uint64_t done)
{
	char number[32];
	int status = -1;
	pid_t pid;

	if (plan->hook == NULL)
		return;
	if (phase->flags & PHASE_MIB)
		snprintf(number, sizeof(number), "%.3f", (double)done / (1 << 20));
	else
		snprintf(number, sizeof(number), "%" PRIu64, done);
	char *const arguments[] = {(char *)plan->hook,  (char *)when, (char *)system->name,
				   (char *)phase->name, number,       NULL};
	if (posix_spawnp(&pid, plan->hook, NULL, NULL, arguments, environ) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0) {
		/* The other threads wait at a barrier. */
		fprintf(stderr, "fsbench: the hook %s failed\n", plan->hook);
		_exit(1);
	}
}
