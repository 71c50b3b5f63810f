/*
 * The fork into the background, and the word through the pipe by which the parent learns its exit
 * status.  It must not know what is started.
 */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "place.h"

#define ANSWER_TIMEOUT_MS 20000

/* Shorter than PIPE_BUF: it arrives whole or not at all. */
struct word {
	int status;
	dev_t dev;
	char text[sizeof((struct err *)0)->text];
};

/* What the file system says at its place. */
struct answer {
	int ret;
	struct place place;
};

int background_fork(struct background *bg, struct err *err)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return err_set(err, -errno, "socketpair: %s", strerror(errno));
	bg->child = fork();
	if (bg->child < 0) {
		close(fds[0]);
		close(fds[1]);
		return err_set(err, -errno, "fork: %s", strerror(errno));
	}
	if (bg->child == 0)
		setsid();
	bg->pipe_fd = fds[bg->child == 0];
	close(fds[bg->child != 0]);
	return 0;
}

static int send_word(struct background *bg, const struct word *word)
{
	ssize_t n;

	do
		n = send(bg->pipe_fd, word, sizeof *word, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

void background_hang_up(struct background *bg)
{
	if (bg->pipe_fd >= 0)
		close(bg->pipe_fd);
	bg->pipe_fd = -1;
}

/* The parent has seen the file system and will exit with 0; -EPIPE: it was stopped before. */
static int wait_for_go(struct background *bg, int end_fd)
{
	struct pollfd fds[] = {
		{.fd = bg->pipe_fd, .events = POLLIN},
		{.fd = end_fd, .events = POLLIN},
	};
	char go;

	while (poll(fds, 2, -1) < 0)
		if (errno != EINTR)
			return -EPIPE;
	if (fds[0].revents && read(bg->pipe_fd, &go, 1) == 1)
		return 0;
	/* It may be just because of the end that the parent gave up. */
	return fds[1].revents ? -ECANCELED : -EPIPE;
}

static void leave_terminal(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	dup2(fd, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int background_ready(struct background *bg, dev_t dev, int end_fd)
{
	struct word word;
	int ret;

	memset(&word, 0, sizeof word);
	word.dev = dev;
	/* Whoever reads our terminal's other end shall see it closed when the parent exits. */
	fflush(NULL);
	leave_terminal();
	log_set_target(LOG_TO_SYSLOG);
	ret = send_word(bg, &word);
	if (ret == 0)
		ret = wait_for_go(bg, end_fd);
	if (ret == 0)
		background_hang_up(bg);
	return ret;
}

int background_failed(struct background *bg, int status, const char *text)
{
	struct word word;
	int ret;

	if (bg->pipe_fd < 0)
		return -EPIPE;
	memset(&word, 0, sizeof word);
	word.status = status;
	snprintf(word.text, sizeof word.text, "%s", text);
	ret = send_word(bg, &word);
	background_hang_up(bg);
	return ret;
}

/* It is gone without a word: how? */
static int died(pid_t child, struct err *err)
{
	int status = 0;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		err_set(err, 0, "the daemon died while starting: %s", strsignal(WTERMSIG(status)));
	else
		err_set(err, 0, "the daemon ended while starting, with status %d",
			WEXITSTATUS(status));
	return 1;
}

/*
 * A process of its own asks: nothing gets whoever waits for a deaf daemon out of the kernel.
 * Returns where to read its answer from.
 */
static int ask_aside(const struct background *bg, const char *path, pid_t *asking)
{
	struct answer answer;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		close(bg->pipe_fd); /* our end must hang up when the parent does */
		memset(&answer, 0, sizeof answer);
		answer.ret = place_ask(path, &answer.place);
		if (write(fds[1], &answer, sizeof answer) < 0)
			_exit(1);
		_exit(0);
	}
	close(fds[1]);
	*asking = pid;
	if (pid > 0)
		return fds[0];
	close(fds[0]);
	return -EAGAIN;
}

/* The file system's answer, unless the child says or does something before it comes. */
static struct answer ask(const struct background *bg, const char *path)
{
	struct answer answer = {.ret = -ETIMEDOUT};
	struct pollfd fds[] = {{.events = POLLIN}, {.fd = bg->pipe_fd, .events = POLLIN}};
	pid_t asking = -1;

	fds[0].fd = ask_aside(bg, path, &asking);
	if (fds[0].fd < 0)
		return (struct answer){.ret = fds[0].fd};
	if (poll(fds, 2, ANSWER_TIMEOUT_MS) > 0 && !fds[0].revents)
		answer.ret = -ECANCELED;
	if (fds[0].revents) {
		if (read(fds[0].fd, &answer, sizeof answer) != (ssize_t)sizeof answer)
			answer.ret = -EIO;
		/* it is done, and must not outlive us with our terminal open */
		while (waitpid(asking, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0].fd);
	return answer;
}

/* True: a whole one. */
static bool receive_word(const struct background *bg, struct word *word)
{
	ssize_t n;

	do
		n = read(bg->pipe_fd, word, sizeof *word);
	while (n < 0 && errno == EINTR);
	word->text[sizeof word->text - 1] = '\0';
	return n == (ssize_t)sizeof *word;
}

static int told_failure(const struct word *word, struct err *err)
{
	err_set(err, 0, "%s", word->text);
	return word->status;
}

/* The child, which may know better what went wrong, is to end. */
static bool last_word(const struct background *bg, struct word *word)
{
	struct pollfd poll_fd = {.fd = bg->pipe_fd, .events = POLLIN};

	shutdown(bg->pipe_fd, SHUT_WR);
	/* Two signals: one to unmount, one not to wait for us. */
	if (bg->signals) {
		kill(bg->child, SIGTERM);
		kill(bg->child, SIGINT);
	}
	return poll(&poll_fd, 1, ANSWER_TIMEOUT_MS) > 0 && receive_word(bg, word);
}

static int prove(const struct background *bg, dev_t dev, const char *path, struct err *err)
{
	struct answer answer = ask(bg, path);
	struct word word;
	sigset_t all;

	if (answer.ret == 0 && answer.place.dev == dev) {
		/* From here on it is done: a signal must not say otherwise. */
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		if (send(bg->pipe_fd, "", 1, MSG_NOSIGNAL) == 1)
			return 0;
	}
	if (last_word(bg, &word))
		return told_failure(&word, err);
	if (answer.ret == -ECANCELED)
		return died(bg->child, err);
	if (answer.ret < 0)
		err_set(err, answer.ret, "%s does not answer after the mount: %s", path,
			strerror(-answer.ret));
	else
		err_set(err, 0, "%s: the file system was mounted, but is not to be seen there",
			path);
	return 1;
}

int background_wait(struct background *bg, const char *path, struct err *err)
{
	struct word word;
	int status;

	if (!receive_word(bg, &word))
		status = died(bg->child, err);
	else if (word.status != 0)
		status = told_failure(&word, err);
	else
		status = prove(bg, word.dev, path, err);
	background_hang_up(bg);
	return status;
}
