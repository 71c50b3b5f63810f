/*
 * The service manager's view: READY=1 when the mount works, STOPPING=1 when it ends.
 */
#include "daemon.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket as systemd has it; the name is an address, '@' standing for the NUL of an abstract one.
 */
static int listen_at(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	cr_assert_eq(bind(fd, (struct sockaddr *)&address, size), 0, "%s: %s", name,
		     strerror(errno));
	return fd;
}

/* The next datagram within 10 s; "" for none. */
static const char *receive(int fd)
{
	static char text[512];
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	ssize_t n = 0;

	if (poll(&wait, 1, 10000) == 1)
		n = recv(fd, text, sizeof text - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void check_notifications(const char *name)
{
	struct daemon d = {0};
	struct stat above, mounted;
	int fd = listen_at(name);
	char env[256];

	snprintf(env, sizeof env, "NOTIFY_SOCKET=%s", name);
	d.env = env;
	daemon_spawn(&d, NULL);
	cr_assert_not_null(strstr(receive(fd), "READY=1"));
	/* It was not said too early. */
	cr_assert_eq(stat(d.mnt, &mounted), 0);
	cr_assert_eq(stat(harness_dir, &above), 0);
	cr_assert_neq(mounted.st_dev, above.st_dev);
	cr_assert_eq(daemon_stop(&d), 0);
	cr_assert_not_null(strstr(receive(fd), "STOPPING=1"));
	close(fd);
}

FACT(notify, ready_and_stopping_reach_a_socket_with_a_path)
{
	check_notifications(harness_path("socket"));
}

FACT(notify, ready_and_stopping_reach_an_abstract_socket)
{
	char name[64];

	snprintf(name, sizeof name, "@llfused-test-%d", (int)getpid());
	check_notifications(name);
}

FACT(notify, a_socket_that_is_not_there_does_no_harm)
{
	struct daemon d = {.env = "NOTIFY_SOCKET=/nowhere/socket"};

	daemon_start(&d, NULL);
	cr_assert_eq(daemon_stop(&d), 0);
}
