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
#include "session_impl.h"

#define PARAMETER "/sys/module/fuse/parameters/enable_uring"

bool transport_wants_uring(struct session *s)
{
	if (s->config.transport == TRANSPORT_DEV || s->config.io == IO_PLAIN)
		return false;
	s->ring_error = worker_ring_probe();
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

	if (s->config.transport == TRANSPORT_DEV)
		snprintf(text, size, "not wanted");
	else if (s->config.io == IO_PLAIN)
		snprintf(text, size, "--io=plain");
	else if (s->ring_error == -ENOMEM)
		snprintf(text, size, "no memory for an io_uring: raise the limit of locked memory");
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
	char why[128];

	if (s->conn.features & FUSE_OVER_IO_URING) {
		s->transport = &transport_uring;
		return 0;
	}
	s->transport = &transport_dev;
	tell_why_not(s, why, sizeof(why));
	if (s->config.transport == TRANSPORT_URING)
		return err_set(err, -EOPNOTSUPP, "transport uring is not to be had: %s", why);
	return 0;
}
