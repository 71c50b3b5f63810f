/*
 * The word to the service manager, over sockets with and without a name in the file system.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/sdnotify.h"

static int listen_at(const char *name, int abstract)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(address.sun_path, name, len);
	if (abstract)
		address.sun_path[0] = '\0';
	cr_assert_eq(bind(fd, (struct sockaddr *)&address,
			  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		     0);
	return fd;
}

static void hears(int fd, const char *expected)
{
	char text[256];
	ssize_t n = recv(fd, text, sizeof text, MSG_DONTWAIT);

	cr_assert_eq(n, (ssize_t)strlen(expected));
	cr_assert_eq(memcmp(text, expected, strlen(expected)), 0);
}

Test(sdnotify, nobody_asked)
{
	unsetenv("NOTIFY_SOCKET");
	cr_assert_eq(sdnotify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	cr_assert_eq(sdnotify_send("READY=1"), 0);
}

Test(sdnotify, reaches_a_socket_file)
{
	char dir[] = "/tmp/llfused-unit-XXXXXX", name[64];
	int fd;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(name, sizeof name, "%s/s", dir);
	fd = listen_at(name, 0);
	setenv("NOTIFY_SOCKET", name, 1);
	cr_assert_eq(sdnotify_send("READY=1\nSTATUS=x"), 0);
	hears(fd, "READY=1\nSTATUS=x");
	close(fd);
	cr_assert_eq(sdnotify_send("STOPPING=1"), -ECONNREFUSED);
	unlink(name);
	rmdir(dir);
}

Test(sdnotify, reaches_an_abstract_socket)
{
	char name[64];
	int fd;

	snprintf(name, sizeof name, "@llfused-unit-%d", (int)getpid());
	fd = listen_at(name, 1);
	setenv("NOTIFY_SOCKET", name, 1);
	cr_assert_eq(sdnotify_send("READY=1"), 0);
	hears(fd, "READY=1");
	close(fd);
}

Test(sdnotify, addresses_of_other_kinds_are_refused)
{
	char name[200];

	setenv("NOTIFY_SOCKET", "relative", 1);
	cr_assert_eq(sdnotify_send("READY=1"), -EINVAL);
	memset(name, 'a', sizeof name);
	name[0] = '/';
	name[sizeof name - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	cr_assert_eq(sdnotify_send("READY=1"), -EINVAL);
}
