/*
 * Processes that call and wait.
 * It must not know which backend answers them.
 */
#include "callers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

static void on_signal(int number)
{
	(void)number;
}

void callers_catch(int number)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(number, &action, NULL);
}

int callers_lock(int fd, int cmd, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

	return fcntl(fd, cmd, &lock) < 0 ? errno : 0;
}

int callers_wait_for_lock(void *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	callers_catch(SIGUSR1);
	return callers_lock(fd, F_SETLKW, F_WRLCK);
}

int callers_try_lock(void *path)
{
	return callers_lock(open(path, O_RDWR | O_CLOEXEC), F_SETLK, F_WRLCK);
}

bool callers_dump_has(const struct daemon *d, const char *text)
{
	size_t from = daemon_log_size(d);

	cr_assert_eq(kill(d->pid, SIGUSR1), 0);
	cr_assert(eventually(daemon_log_has(d, from, "malformed=")));
	return eventually_within(20, daemon_log_has(d, from, text));
}

void callers_wait_until_waiting(const struct daemon *d, const char *op)
{
	char text[64];

	snprintf(text, sizeof text, "in flight: %s ", op);
	cr_assert(eventually(callers_dump_has(d, text)), "no %s is waiting", op);
}
