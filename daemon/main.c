/*
 * llfused: the way from the command line to a served file system, and the only place that exits.
 * It must not hold anything that a test would want to call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <liburing.h>

#include "background.h"
#include "lifecycle.h"
#include "log.h"
#include "mount.h"
#include "options.h"
#include "proto/abi.h"
#include "serve.h"

#define EXIT_SETUP 2

#define TEXT_OF(x)       #x
#define TEXT_OF_VALUE(x) TEXT_OF(x)

/* liburing 2.4 and later say it in a header; for earlier ones the build passes it. */
#if defined(IO_URING_VERSION_MAJOR) && defined(IO_URING_VERSION_MINOR)
#define LIBURING TEXT_OF_VALUE(IO_URING_VERSION_MAJOR) "." TEXT_OF_VALUE(IO_URING_VERSION_MINOR)
#elif defined(LLFUSED_LIBURING)
#define LIBURING LLFUSED_LIBURING
#else
#define LIBURING "unknown"
#endif

static void print_version(void)
{
	printf("llfused %s\nprotocol %d.%d\nAPI %d.%d\nliburing %s\n", LLFUSED_VERSION, PROTO_MAJOR,
	       PROTO_MINOR, LLFUSED_API_MAJOR, LLFUSED_API_MINOR, LIBURING);
}

/* The line that says why there will be no file system. */
static int fail(int status, const struct err *err)
{
	fprintf(stderr, "llfused: %s\n", err->text);
	return status;
}

/* A descriptor of ours must never be taken for one of the standard ones. */
static int open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	return fd;
}

/* Faults that can be found before anything is started; the path becomes an absolute one. */
static int check_place(struct options *options, struct err *err)
{
	char *path;
	int ret = mount_check(options->mountpoint, err);

	if (ret < 0)
		return ret;
	path = realpath(options->mountpoint, NULL);
	if (!path)
		return err_set(err, -errno, "mount point %s: %s", options->mountpoint,
			       strerror(errno));
	free(options->mountpoint);
	options->mountpoint = path;
	return 0;
}

static int run_foreground(const struct options *options, struct lifecycle *lifecycle)
{
	struct err err = {""};
	int status = serve_run(options, lifecycle, NULL, &err);

	return status == EXIT_SETUP ? fail(status, &err) : status;
}

static int run_background(const struct options *options, struct lifecycle *lifecycle)
{
	struct background bg;
	struct err err = {""};
	int status;

	if (background_fork(&bg, &err) < 0)
		return fail(EXIT_SETUP, &err);
	if (bg.child > 0) {
		lifecycle_unblock(lifecycle);
		status = background_wait(&bg, options->mountpoint, &err);
		return status == 0 ? 0 : fail(status, &err);
	}
	status = serve_run(options, lifecycle, &bg, &err);
	if (status == EXIT_SETUP)
		background_failed(&bg, status, err.text);
	return status;
}

static int run(struct options *options)
{
	struct lifecycle lifecycle;
	struct err err = {""};
	int status;

	log_set_level(options->log_level);
	if (check_place(options, &err) < 0 || lifecycle_open(&lifecycle, &err) < 0)
		return fail(EXIT_SETUP, &err);
	status = options->foreground ? run_foreground(options, &lifecycle)
				     : run_background(options, &lifecycle);
	lifecycle_close(&lifecycle);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err = {""};
	int status = 0;

	if (open_standard_fds() < 0)
		return EXIT_SETUP;
	if (options_parse(argc, argv, &options, &err) < 0)
		status = fail(EXIT_SETUP, &err);
	else if (options.help)
		options_help(stdout, options.backend);
	else if (options.version)
		print_version();
	else
		status = run(&options);
	options_free(&options);
	return status;
}
