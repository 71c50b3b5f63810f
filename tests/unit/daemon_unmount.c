/*
 * Unmounting aside: whoever asks for it gets the result, or goes on without it.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/unmount.h"

static sem_t gate;
static atomic_int calls;

static int at_once(const char *path)
{
	calls++;
	return strcmp(path, "/somewhere") == 0 ? -EBUSY : 0;
}

static int behind_the_gate(const char *path)
{
	(void)path;
	while (sem_wait(&gate) < 0)
		;
	calls++;
	return 0;
}

Test(unmount, the_result_is_handed_on, .timeout = 30)
{
	cr_expect_eq(unmount_aside(at_once, "/somewhere", 20 * CLOCK_SECOND), -EBUSY);
	cr_expect_eq(unmount_aside(at_once, "/elsewhere", 20 * CLOCK_SECOND), 0);
	cr_expect_eq(calls, 2);
}

Test(unmount, one_that_hangs_is_left_alone_and_goes_on, .timeout = 30)
{
	char path[] = "/somewhere";

	sem_init(&gate, 0, 0);
	cr_assert_eq(unmount_aside(behind_the_gate, path, CLOCK_SECOND / 20), -EINPROGRESS);
	cr_expect_eq(calls, 0);
	memset(path, 'x', sizeof(path)); /* nobody looks at it any more */
	sem_post(&gate);
	while (calls == 0)
		;
}
