/*
 * Choosing the transport, and telling why FUSE over io_uring is not to be had.
 */
#include "transport_choice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "proto/abi.h"
#include "log.h"
#include "ring_setup.h"
#include "session_impl.h"

#define STOP_GRACE UINT64_C(2000000000)
#define PARAMETER  "/sys/module/fuse/parameters/enable_uring"

bool transport_wants_uring(struct session *s)
{
	if (s->config.transport == TRANSPORT_DEV || s->config.io == IO_PLAIN)
		return false;
	s->ring_error = ring_setup_probe();
	return s->ring_error == 0;
}

/* 'Y', 'N', or 0: there is no such parameter. */
static char read_parameter(void)
{
	int fd = open(PARAMETER, O_RDONLY | O_CLOEXEC);
	char c = 0;

	if (fd < 0 || read(fd, &c, 1) != 1)
		c = 0;
	if (fd >= 0)
		close(fd);
	return c;
}

static void tell_why_not(const struct session *s, char *text, size_t size)
{
	char parameter = read_parameter();

	if (s->config.io == IO_PLAIN)
		snprintf(text, size, "--io=plain");
	else if (s->ring_error == -ENOMEM)
		snprintf(text, size, "no memory for an io_uring: raise the limit of locked memory");
	else if (s->ring_error == -EMFILE || s->ring_error == -ENFILE)
		snprintf(text, size, "%s: raise the limit of open files", strerror(-s->ring_error));
	else if (s->ring_error != 0)
		snprintf(text, size,
			 "io_uring cannot be used (%s): see kernel.io_uring_disabled and seccomp",
			 strerror(-s->ring_error));
	else if (parameter == 0)
		snprintf(text, size, "the kernel does not have it: 6.14 or later does");
	else if (parameter != 'Y')
		snprintf(text, size, "it is switched off: echo Y >" PARAMETER);
	else
		snprintf(text, size, "the kernel did not offer it");
}

int transport_choose(struct session *s, struct err *err)
{
	s->why[0] = '\0';
	if (s->conn.features & FUSE_OVER_IO_URING) {
		s->transport = &transport_uring;
		return 0;
	}
	s->transport = &transport_dev;
	if (s->config.transport == TRANSPORT_DEV)
		return 0;
	tell_why_not(s, s->why, sizeof(s->why));
	if (s->config.transport == TRANSPORT_URING)
		return err_set(err, -EOPNOTSUPP, "transport uring is not to be had: %s", s->why);
	return 0;
}

static void forget_feature(struct session *s)
{
	s->conn.features &= ~FUSE_OVER_IO_URING;
	for (unsigned i = 0; i < s->answer.nfeatures; i++) {
		struct proto_feature *f = &s->answer.feature[i];

		if (f->bit == FUSE_OVER_IO_URING) {
			f->on = 0;
			f->reason = "its queues cannot be made";
		}
	}
}

/* As long as not every queue is served, the kernel can be told to do without. */
static int fall_back(struct session *s, int error, struct err *err)
{
	snprintf(s->why, sizeof(s->why), "%s", err->text);
	if (s->transport->stop(s, STOP_GRACE) != 0)
		return error;
	error = ring_setup_decline(s->fuse_fd);
	if (error != 0)
		return err_set(err, error, "%s; and it cannot be declined: %s", s->why,
			       strerror(-error));
	/* the start line says it, or the one line of the error that comes now, too */
	log_debug("transport uring cannot be started, taking dev: %s", s->why);
	forget_feature(s);
	inflight_free(&s->inflight);
	s->transport = &transport_dev;
	return s->transport->start(s, s->how, sizeof(s->how), err);
}

int transport_start(struct session *s, struct err *err)
{
	int ret = s->transport->start(s, s->how, sizeof(s->how), err);

	if (ret == 0 || s->transport != &transport_uring)
		return ret;
	if (s->config.transport != TRANSPORT_URING)
		return fall_back(s, ret, err);
	err_wrap(err, "transport uring cannot be started (--transport=auto would do without)");
	return ret;
}
