/*
 * The way of users without privileges: fusermount3 mounts and hands the descriptor over a socket.
 * It must not know when this way is taken.
 */
#include "mount_ways.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HELPER "fusermount3"

/* Starts it with `stderr_fd` as its stderr (-1: /dev/null) and `keep_fd` (-1: none) left open. */
static int spawn_helper(char *const argv[], int stderr_fd, int keep_fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (stderr_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, stderr_fd, STDERR_FILENO);
	else
		posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (keep_fd >= 0) /* onto itself: takes O_CLOEXEC away */
		posix_spawn_file_actions_adddup2(&actions, keep_fd, keep_fd);
	error = posix_spawnp(pid, HELPER, &actions, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	return -error;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

int mount_helper_detach(const char *path)
{
	char *argv[] = {(char[]){HELPER},
			(char[]){"-u"},
			(char[]){"-q"},
			(char[]){"-z"},
			(char[]){"--"},
			(char *)path,
			NULL};
	pid_t pid;
	int ret = spawn_helper(argv, -1, -1, &pid);

	return ret < 0 ? ret : wait_for(pid);
}

/* A name as the helper's -o takes it. */
static void put_escaped(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == ',' || *text == '\\')
			fputc('\\', to);
		fputc(*text, to);
	}
}

/* The text for -o; free() it.  NULL: out of memory. */
static char *helper_options(const struct mount_plan *plan)
{
	const struct mount_options *options = plan->options;
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	fputs("fsname=", to);
	put_escaped(to, plan->fsname);
	if (*plan->subtype) {
		fputs(",subtype=", to);
		put_escaped(to, plan->subtype);
	}
	if (options->max_read)
		fprintf(to, ",max_read=%u", options->max_read);
	fprintf(to, "%s%s", plan->default_permissions ? ",default_permissions" : "",
		plan->allow_other ? ",allow_other" : "");
	fprintf(to, "%s%s%s", options->ro ? ",ro" : "", options->nosuid ? ",nosuid" : "",
		options->nodev ? ",nodev" : "");
	fprintf(to, "%s%s", options->noexec ? ",noexec" : "", options->noatime ? ",noatime" : "");
	if (fclose(to) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* The descriptor that the helper sends; -ENODATA when it hung up without one. */
static int receive_fd(int socket_fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control,
	};
	const struct cmsghdr *head;
	ssize_t n;
	int fd;

	do
		n = recvmsg(socket_fd, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	head = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof(int)))
		return -ENODATA;
	memcpy(&fd, CMSG_DATA(head), sizeof fd);
	return fd;
}

/* What the helper said before it gave up. */
static int helper_failed(int stderr_fd, struct err *err)
{
	char text[300];
	size_t len = 0;
	ssize_t n;

	do {
		n = read(stderr_fd, text + len, sizeof text - 1 - len);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0 && len < sizeof text - 1);
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return err_set(err, -EPERM, "%s", *text ? text : HELPER " failed without a word");
}

/* Runs the helper up to the moment when it has mounted; `socket_fd` is our end, `theirs` its own.
 */
static int run_helper(struct mount *m, const struct mount_plan *plan, int socket_fd, int *theirs,
		      int stderr_fds[2], struct err *err)
{
	char *options = helper_options(plan);
	char *argv[] = {(char[]){HELPER}, (char[]){"-o"},     options,
			(char[]){"--"},   (char *)plan->path, NULL};
	char number[16];
	pid_t pid;
	int ret;

	if (!options)
		return err_set(err, -ENOMEM, "out of memory");
	snprintf(number, sizeof number, "%d", *theirs);
	setenv("_FUSE_COMMFD", number, 1);
	ret = spawn_helper(argv, stderr_fds[1], *theirs, &pid);
	unsetenv("_FUSE_COMMFD");
	free(options);
	if (ret < 0)
		return err_set(err, ret, "this needs root or " HELPER " (package fuse3): %s",
			       strerror(-ret));

	/* Only the helper may hold these, or its end would not show. */
	close(*theirs);
	*theirs = -1;
	close(stderr_fds[1]);
	stderr_fds[1] = -1;
	m->fuse_fd = receive_fd(socket_fd);
	if (m->fuse_fd < 0)
		helper_failed(stderr_fds[0], err);
	wait_for(pid);
	return m->fuse_fd < 0 ? -EPERM : 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int mount_by_helper(struct mount *m, const struct mount_plan *plan, struct err *err)
{
	int sockets[2], stderr_fds[2], ret;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return err_set(err, -errno, "socketpair: %s", strerror(errno));
	if (pipe2(stderr_fds, O_CLOEXEC) < 0) {
		ret = err_set(err, -errno, "pipe: %s", strerror(errno));
		close(sockets[0]);
		close(sockets[1]);
		return ret;
	}
	ret = run_helper(m, plan, sockets[0], &sockets[1], stderr_fds, err);
	close_if_open(stderr_fds[0]);
	close_if_open(stderr_fds[1]);
	close_if_open(sockets[1]);
	close(sockets[0]);
	return ret;
}

int mount_helper_open(struct mount *m, struct mount_plan *plan, struct err *err)
{
	int flags, ret = mount_by_helper(m, plan, err);

	m->way = MOUNT_BY_HELPER;
	if (ret < 0)
		return ret;
	mount_note_attached(m);
	flags = fcntl(m->fuse_fd, F_GETFL);
	if (flags < 0 || fcntl(m->fuse_fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return err_set(err, -errno, "fcntl: %s", strerror(errno));
	return mount_answer(m, plan, err);
}
