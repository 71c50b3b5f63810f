/*
 * The notification queue and its thread.  It knows messages as bytes only.
 */
#include "notifyq.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"

static void send_one(struct notifyq *q, const struct notifyq_message *message)
{
	ssize_t n = write(q->fd, message->bytes, message->size);

	/* what the kernel does not know needs no invalidation */
	if (n < 0 && errno != ENOENT && errno != ENOTCONN && errno != ENODEV)
		log_debug("notification refused: %s", strerror(errno));
}

static void *run(void *arg)
{
	struct notifyq *q = arg;
	struct notifyq_message message;

	pthread_mutex_lock(&q->lock);
	while (!q->stopping) {
		if (q->count == 0) {
			pthread_cond_wait(&q->wake, &q->lock);
			continue;
		}
		message = q->ring[q->head];
		q->head = (q->head + 1) % NOTIFYQ_LENGTH;
		q->count--;
		q->sent++;
		pthread_mutex_unlock(&q->lock);
		send_one(q, &message);
		pthread_mutex_lock(&q->lock);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

int notifyq_start(struct notifyq *q, int fd, struct err *err)
{
	int ret;

	*q = (struct notifyq){.fd = fd};
	q->ring = mmap(NULL, NOTIFYQ_LENGTH * sizeof(q->ring[0]), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (q->ring == MAP_FAILED)
		return err_set(err, -errno, "cannot reserve the notification queue: %s",
			       strerror(errno));
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->wake, NULL);
	ret = pthread_create(&q->thread, NULL, run, q);
	if (ret != 0) {
		munmap(q->ring, NOTIFYQ_LENGTH * sizeof(q->ring[0]));
		return err_set(err, -ret, "cannot start the notification thread: %s",
			       strerror(ret));
	}
	q->running = true;
	return 0;
}

int notifyq_put(struct notifyq *q, const void *message, size_t size)
{
	struct notifyq_message *slot;
	int ret = 0;

	if (!q->running)
		return -ENOTCONN;
	if (size > NOTIFYQ_MESSAGE_MAX)
		return -ENAMETOOLONG;
	pthread_mutex_lock(&q->lock);
	if (q->stopping) {
		ret = -ENOTCONN;
	} else if (q->count == NOTIFYQ_LENGTH) {
		q->dropped++;
		ret = -EAGAIN;
	} else {
		slot = &q->ring[(q->head + q->count) % NOTIFYQ_LENGTH];
		slot->size = (uint16_t)size;
		memcpy(slot->bytes, message, size);
		q->count++;
		pthread_cond_signal(&q->wake);
	}
	pthread_mutex_unlock(&q->lock);
	return ret;
}

void notifyq_stop(struct notifyq *q)
{
	if (!q->running)
		return;
	pthread_mutex_lock(&q->lock);
	q->stopping = true;
	pthread_cond_signal(&q->wake);
	pthread_mutex_unlock(&q->lock);
	pthread_join(q->thread, NULL);
	q->running = false;
	munmap(q->ring, NOTIFYQ_LENGTH * sizeof(q->ring[0]));
}
