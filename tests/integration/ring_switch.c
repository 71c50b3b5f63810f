/*
 * The kernel's switch for FUSE over io_uring: on while the suite runs, then as it was.  It is read
 * when a connection is made, so that tests which run at the same time cannot each have it their own
 * way; suites that run at the same time wait for each other before one puts it back.
 *
 * tests/common/ring-on.sh does the same for scripts.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SWITCH "/sys/module/fuse/parameters/enable_uring"

static int fd = -1;
static int keeper = -1; /* our end of a pair of sockets */

static void set(char value)
{
	if (pwrite(fd, &value, 1, 0) != 1)
		perror(SWITCH);
}

/* In a process and session of its own: puts the switch back when the suite has ended or died. */
_Noreturn static void keep(int end)
{
	char byte;

	setsid();
	while (read(end, &byte, 1) > 0)
		;
	if (flock(fd, LOCK_EX) == 0)
		set('N');
	_exit(0);
}

/* Nobody waits for it as a child: its end of the pair tells that it has ended. */
static void start_keeper(void)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		if (fork() == 0)
			keep(pair[1]);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	close(pair[1]);
	keeper = pair[0];
	set('Y');
}

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	char before;

	(void)tests;
	fd = open(SWITCH, O_RDWR | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_SH) == 0 && pread(fd, &before, 1, 0) == 1 && before == 'N')
		start_keeper();
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	const char *transport = getenv("LLFUSED_TEST_TRANSPORT"),
		   *workers = getenv("LLFUSED_TEST_WORKERS");
	char byte;

	(void)stats;
	if (keeper >= 0 && shutdown(keeper, SHUT_WR) == 0)
		while (read(keeper, &byte, 1) > 0)
			;
	if (fd >= 0)
		close(fd);
	fprintf(stderr, "integration: on transport %s, %s\n",
		transport && *transport ? transport : "auto",
		workers && *workers ? "workers as given" : "workers by default");
}
