/*
 * auto_unmount: a small process that waits for our end, however it comes, and then takes a dead
 * mount away.  (fusermount3 has such an option, but looks at the mount as root, whom it does not
 * let in without allow_other.)  It must not know anything of the session.
 */
#include "mount_ways.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "place.h"

/* From Linux 5.9 on it is one call; a sandbox may not know it even there. */
static void close_all(int first, int last)
{
	int limit = (int)sysconf(_SC_OPEN_MAX);

	if (first > last || close_range((unsigned)first, (unsigned)last, 0) == 0)
		return;
	for (int fd = first; fd <= last && fd < limit; fd++)
		close(fd);
}

/* Keeps nothing of the parent's but `socket_fd`: not its terminal, and above all not /dev/fuse. */
static void let_go(int socket_fd)
{
	int null_fd;

	setsid();
	close_all(STDERR_FILENO + 1, socket_fd - 1);
	close_all(socket_fd + 1, INT_MAX);
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = STDIN_FILENO; null_fd >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null_fd, fd);
	if (null_fd > STDERR_FILENO && null_fd != socket_fd)
		close(null_fd);
	if (chdir("/") < 0)
		return;
}

static void watch(int socket_fd, const char *path)
{
	struct place place;
	sigset_t all;
	ssize_t n;
	char byte;
	int ret;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	/* Who kills all llfused by name shall not kill this one. */
	prctl(PR_SET_NAME, "auto_unmount");
	let_go(socket_fd);
	do
		n = read(socket_fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1) /* dismissed */
		return;
	/* A mount that answers is somebody else's; one that is just dying aborts the question. */
	ret = place_ask(path, &place);
	if (ret == -ENOTCONN || ret == -ECONNABORTED)
		mount_detach_path(path);
}

int mount_watch_start(struct mount *m, struct err *err)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set(err, -errno, "auto_unmount: socketpair: %s", strerror(errno));
	pid = fork();
	if (pid == 0) {
		watch(fds[0], m->path);
		_exit(0);
	}
	close(fds[0]);
	if (pid < 0) {
		close(fds[1]);
		return err_set(err, -errno, "auto_unmount: fork: %s", strerror(errno));
	}
	m->watch_fd = fds[1];
	return 0;
}

void mount_watch_dismiss(struct mount *m)
{
	/* It may have been killed: then it is out of the way as well. */
	if (send(m->watch_fd, "", 1, MSG_NOSIGNAL) < 0)
		log_debug("auto_unmount: %s", strerror(errno));
}
