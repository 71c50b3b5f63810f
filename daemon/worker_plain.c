/*
 * The loop of a worker without io_uring: a blocking read, the handler, a write.  A signal ends the
 * read when the session stops.
 */
#include "worker.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "dispatch.h"

/* The session's own descriptor does not block, so that a shared one is never stuck in read(). */
static int wait_readable(struct worker *w)
{
	struct pollfd pfd[2] = {
		{.fd = w->fd, .events = POLLIN},
		{.fd = w->session->stop_fd, .events = POLLIN},
	};

	if (poll(pfd, 2, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	return pfd[1].revents ? 1 : 0;
}

static int serve(struct worker *w, size_t size)
{
	struct slot *slot = w->slot;
	size_t len;
	int ret = worker_message(w, size, &len);

	if (len > 0)
		dispatch_sent(slot, write(w->fd, w->reply, len) < 0 ? -errno : 0);
	return ret;
}

int worker_loop_plain(struct worker *w)
{
	int ret = 0;

	worker_started(w, 0);
	while (ret == 0 && !atomic_load(&w->quit)) {
		ssize_t n = read(w->fd, w->slot->message, w->slot->message_cap);

		if (n >= 0)
			ret = serve(w, (size_t)n);
		else if (errno == EAGAIN)
			ret = wait_readable(w);
		else
			ret = worker_read_failed(errno);
	}
	return ret < 0 ? ret : 0;
}
