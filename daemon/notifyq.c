/*
 * The notification queue and its thread.  It knows messages as bytes only.
 */
#include "notifyq.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

/* ---- sending ---- */

/* 0 or a negative errno. */
static int send_message(int fd, const struct msgring_message *message)
{
	ssize_t n;

	do
		n = write(fd, message->bytes, message->size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/*
 * What the kernel says of a message that is right: it does not know the inode or the name, or knows
 * it as something else by now; the connection has ended; a deleted directory is in use.
 */
static bool is_usual(int error)
{
	switch (error) {
	case 0:
	case -ENOENT:
	case -ENOTDIR:
	case -ENOTEMPTY:
	case -EBUSY:
	case -ENODEV:
	case -ENOTCONN:
	case -ECONNABORTED:
		return true;
	default:
		return false;
	}
}

/* Lock held; it is released around the sending. */
static void send_first(struct notifyq *q)
{
	uint64_t since, waited;
	struct msgring_message message = msgring_first(&q->ring, &since);
	int error;

	/* the kernel may act on it at any moment now, so it covers nothing that comes later */
	msgring_hide_first(&q->ring);
	q->sending = true;
	pthread_mutex_unlock(&q->lock);
	error = send_message(q->fd, &message);
	if (!is_usual(error))
		log_debug("notification refused: %s", strerror(-error));
	waited = clock_now() - since;
	pthread_mutex_lock(&q->lock);
	q->sending = false;
	msgring_drop_first(&q->ring);
	if (is_usual(error))
		q->stats.sent++;
	else
		q->stats.refused++;
	if (waited > q->stats.longest)
		q->stats.longest = waited;
}

static void *run(void *arg)
{
	struct notifyq *q = arg;

	pthread_setname_np(pthread_self(), "notify");
	pthread_mutex_lock(&q->lock);
	while (!q->stopping)
		if (q->ring.count == 0)
			pthread_cond_wait(&q->wake, &q->lock);
		else
			send_first(q);
	q->ended = true;
	pthread_cond_signal(&q->gone);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* ---- start ---- */

static void make_lock(struct notifyq *q)
{
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->wake, NULL);
	clock_cond_init(&q->gone);
	q->made = true;
}

int notifyq_start(struct notifyq *q, int fd, struct err *err)
{
	int ret;

	*q = (struct notifyq){.fd = fd};
	ret = msgring_init(&q->ring, err);
	if (ret != 0)
		return ret;
	make_lock(q);
	ret = pthread_create(&q->thread, NULL, run, q);
	if (ret != 0) {
		msgring_free(&q->ring);
		return err_set(err, -ret, "cannot start the notification thread: %s",
			       strerror(ret));
	}
	q->running = true;
	return 0;
}

/* ---- queueing ---- */

/*
 * Only what has not begun to be sent counts.  The kernel will act on such a message after this
 * call, that is after the change that this call is about, so it forgets whatever it learned before
 * that; what it learns later is right.  Nothing is gained by forgetting twice.
 */
static bool is_covered(const struct notifyq *q, const struct msgring_message *message,
		       const struct msgring_message *cover)
{
	return msgring_has(&q->ring, message) || (cover->bytes && msgring_has(&q->ring, cover));
}

static int put(struct notifyq *q, const struct msgring_message *message,
	       const struct msgring_message *cover, uint64_t since)
{
	if (q->stopping)
		return -ENOTCONN;
	if (is_covered(q, message, cover)) {
		q->stats.merged++;
		return 0;
	}
	if (!msgring_add(&q->ring, message, since)) {
		q->stats.dropped++;
		return -EAGAIN;
	}
	pthread_cond_signal(&q->wake);
	return 0;
}

int notifyq_put(struct notifyq *q, const void *message, size_t size, const void *cover,
		size_t cover_size)
{
	struct msgring_message m, c;
	uint64_t since = clock_now();
	int ret;

	if (!q->running)
		return -ENOTCONN;
	if (size == 0 || size > NOTIFYQ_MESSAGE_MAX)
		return -EMSGSIZE;
	m = msgring_message(message, size);
	c = msgring_message(cover, cover ? cover_size : 0);
	pthread_mutex_lock(&q->lock);
	ret = put(q, &m, &c, since);
	pthread_mutex_unlock(&q->lock);
	return ret;
}

/* ---- the end ---- */

/* Lock held. */
static int wait_gone(struct notifyq *q, uint64_t timeout)
{
	struct timespec until = clock_deadline(timeout);
	int ret = 0;

	while (!q->ended && ret == 0)
		ret = pthread_cond_timedwait(&q->gone, &q->lock, &until);
	return q->ended ? 0 : -ret;
}

int notifyq_stop(struct notifyq *q, uint64_t timeout)
{
	int ret;

	if (!q->running)
		return 0;
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	q->stats.dropped += msgring_cut(&q->ring, q->sending);
	pthread_cond_signal(&q->wake);
	ret = wait_gone(q, timeout);
	if (ret == 0)
		msgring_free(&q->ring);
	pthread_mutex_unlock(&q->lock);
	if (ret != 0)
		return ret;
	pthread_join(q->thread, NULL);
	q->running = false;
	return 0;
}

void notifyq_stats(struct notifyq *q, struct notifyq_stats *out)
{
	uint64_t since, t;

	*out = (struct notifyq_stats){.sent = 0};
	if (!q->made)
		return;
	pthread_mutex_lock(&q->lock);
	*out = q->stats;
	out->queued = q->ring.count;
	if (out->queued > 0) {
		msgring_first(&q->ring, &since);
		t = clock_now();
		out->lag = t > since ? t - since : 0;
	}
	if (out->lag > out->longest)
		out->longest = out->lag;
	pthread_mutex_unlock(&q->lock);
}
