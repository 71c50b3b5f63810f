/*
 * The stress of memfs's names as a plain program, to be built with the thread sanitizer.
 * Usage: memfs [SCALE], where 1 takes a second or two without the sanitizer.
 */
#include <llfused/backend.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/memfs_stress.h"

#define WATCHDOG 120 /* seconds, for each unit of the scale */

/* Of the daemon, which is not here: nobody is in any further group. */
int llfused_groups(const struct llfused_ctx *ctx, uint32_t *list, size_t max)
{
	(void)ctx;
	(void)list;
	(void)max;
	return 0;
}

int main(int argc, char **argv)
{
	unsigned scale = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
	const char *wrong;

	alarm(WATCHDOG * scale);
	wrong = memfs_stress(scale);
	printf("memfs-stress: %s\n", wrong ? wrong : "ok");
	return wrong ? 1 : 0;
}
