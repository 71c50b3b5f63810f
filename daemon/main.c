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
#include "plugin.h"
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

/* Nothing runs any more but the thread that is stuck, and that may have locks of libc. */
static int ended(const struct serve_result *result)
{
	if (result->stuck)
		_Exit(result->status);
	return result->status;
}

static int run_foreground(struct options *options, struct lifecycle *lifecycle)
{
	struct serve_result result;

	serve_run(options, lifecycle, NULL, &result);
	if (result.status == EXIT_SETUP)
		fail(result.status, &result.err);
	else if (result.status != 0)
		log_error("%s", result.err.text);
	return ended(&result);
}

static int run_background(struct options *options, struct lifecycle *lifecycle)
{
	struct background bg = {.signals = !options->no_signal_handlers};
	struct serve_result result;
	struct err err = {""};
	int status;

	if (background_fork(&bg, &err) < 0)
		return fail(EXIT_SETUP, &err);
	if (bg.child > 0) {
		lifecycle_unblock(lifecycle);
		status = background_wait(&bg, options->mountpoint, &err);
		return status == 0 ? 0 : fail(status, &err);
	}
	serve_run(options, lifecycle, &bg, &result);
	if (result.status != 0 && background_failed(&bg, result.status, result.err.text) < 0)
		log_error("%s", result.err.text);
	return ended(&result);
}

static int run(struct options *options)
{
	struct lifecycle_config config = {
		.signals = !options->no_signal_handlers,
		.abandon_on_fatal = options->on_fatal == ON_FATAL_ABANDON,
		.stop_timeout = options->stop_timeout,
	};
	struct lifecycle lifecycle;
	struct err err = {""};
	int status;

	log_set_level(options->log_level);
	if (check_place(options, &err) < 0 || lifecycle_open(&lifecycle, &config, &err) < 0)
		return fail(EXIT_SETUP, &err);
	status = options->foreground ? run_foreground(options, &lifecycle)
				     : run_background(options, &lifecycle);
	lifecycle_close(&lifecycle);
	return status;
}

/* A backend's own options are known only to itself. */
static int print_help(const struct options *options)
{
	struct plugin plugin;
	struct err err = {""};

	if (!options->backend) {
		options_help(stdout, NULL);
		return 0;
	}
	if (plugin_open(&plugin, options->backend, &err) < 0)
		return fail(EXIT_SETUP, &err);
	options_help(stdout, &plugin.backend);
	plugin_close(&plugin);
	return 0;
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
		status = print_help(&options);
	else if (options.version)
		print_version();
	else
		status = run(&options);
	options_free(&options);
	return status;
}
