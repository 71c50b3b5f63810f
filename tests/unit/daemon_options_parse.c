/*
 * The command line: what is understood, and what is refused with which words.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "daemon/options.h"

#define ARGS_MAX 16

static struct options parsed;
static struct err err;

/* Parses a line that is split at '|'. */
static int parse(const char *line)
{
	char text[512], *rest = text, *argv[ARGS_MAX + 1] = {NULL};
	int argc = 0;

	options_free(&parsed);
	err.text[0] = '\0';
	snprintf(text, sizeof text, "llfused|%s", line);
	while (rest && argc < ARGS_MAX)
		argv[argc++] = strsep(&rest, "|");
	return options_parse(argc, argv, &parsed, &err);
}

static void refused(const char *line, const char *words)
{
	cr_assert_eq(parse(line), -EINVAL, "accepted: %s", line);
	cr_assert(strstr(err.text, words), "%s: '%s' is not in '%s'", line, words, err.text);
	cr_assert_null(strchr(err.text, '\n'));
}

static void done(void)
{
	options_free(&parsed);
}

TestSuite(options_parse, .fini = done);

Test(options_parse, defaults)
{
	cr_assert_eq(parse("--backend=tmpfs|/mnt"), 0, "%s", err.text);
	cr_assert_str_eq(parsed.backend, "tmpfs");
	cr_assert_str_eq(parsed.mountpoint, "/mnt");
	cr_assert_not(parsed.foreground);
	cr_assert_not(parsed.debug);
	cr_assert_eq(parsed.workers, 0);
	cr_assert_eq(parsed.transport, TRANSPORT_AUTO);
	cr_assert_eq(parsed.io, IO_AUTO);
	cr_assert_eq(parsed.log_level, LLFUSED_LOG_INFO);
	cr_assert_eq(parsed.stop_timeout, 5000000000);
	cr_assert_not(parsed.no_signal_handlers);
	cr_assert_eq(parsed.on_fatal, ON_FATAL_UNMOUNT);
	cr_assert_eq(parsed.max_pending, 65536);
	cr_assert_eq(parsed.mount.allow_other, MOUNT_DEFAULT);
	cr_assert_null(parsed.mount.fsname);
	cr_assert_null(parsed.mount.subtype);
	cr_assert_eq(parsed.nbackend_options, 0);
}

Test(options_parse, value_behind_equals_or_as_next_argument)
{
	cr_assert_eq(parse("--backend|tmpfs|--workers|3|--io|plain|/mnt"), 0, "%s", err.text);
	cr_assert_eq(parsed.workers, 3);
	cr_assert_eq(parsed.io, IO_PLAIN);
	cr_assert_eq(parse("--backend=tmpfs|--workers=1024|--io=uring|/mnt"), 0, "%s", err.text);
	cr_assert_eq(parsed.workers, 1024);
	cr_assert_eq(parsed.io, IO_URING);
}

Test(options_parse, a_backend_is_kept_as_it_was_given)
{
	cr_assert_eq(parse("--backend=./no/such.so|-o|any=1|/mnt"), 0, "%s", err.text);
	cr_assert_str_eq(parsed.backend, "./no/such.so");
	cr_assert_eq(parsed.nbackend_options, 1);
	cr_assert_eq(parse("--backend=first|--backend=second|/mnt"), 0, "%s", err.text);
	cr_assert_str_eq(parsed.backend, "second");
}

Test(options_parse, how_it_ends_is_chosen)
{
	cr_assert_eq(parse("--backend=x|--no-signal-handlers|--on-fatal=abandon|/mnt"), 0, "%s",
		     err.text);
	cr_assert(parsed.no_signal_handlers);
	cr_assert_eq(parsed.on_fatal, ON_FATAL_ABANDON);
	cr_assert_eq(parse("--backend=x|--on-fatal|unmount|/mnt"), 0, "%s", err.text);
	cr_assert_eq(parsed.on_fatal, ON_FATAL_UNMOUNT);
	refused("--backend=x|--on-fatal=panic|/mnt",
		"--on-fatal=panic: give one of unmount, abandon");
	refused("--backend=x|--no-signal-handlers=1|/mnt", "takes no value");
}

Test(options_parse, max_pending_has_bounds)
{
	cr_assert_eq(parse("--backend=x|--max-pending=1|/mnt"), 0, "%s", err.text);
	cr_assert_eq(parsed.max_pending, 1);
	cr_assert_eq(parse("--backend=x|--max-pending=16777216|/mnt"), 0, "%s", err.text);
	cr_assert_eq(parsed.max_pending, 16777216);
	refused("--backend=x|--max-pending=0|/mnt",
		"--max-pending=0: give a number from 1 to 16777216");
	refused("--backend=x|--max-pending=16777217|/mnt", "--max-pending=16777217");
	refused("--backend=x|--max-pending=many|/mnt", "--max-pending=many");
}

Test(options_parse, queue_depth_has_bounds)
{
	cr_assert_eq(parse("--backend=x|/mnt"), 0, "%s", err.text);
	cr_assert_eq(parsed.queue_depth, 0, "chosen by the daemon");
	cr_assert_eq(parse("--backend=x|--queue-depth=1|/mnt"), 0, "%s", err.text);
	cr_assert_eq(parsed.queue_depth, 1);
	cr_assert_eq(parse("--backend=x|--queue-depth=1024|/mnt"), 0, "%s", err.text);
	cr_assert_eq(parsed.queue_depth, 1024);
	refused("--backend=x|--queue-depth=0|/mnt",
		"--queue-depth=0: give a number from 1 to 1024");
	refused("--backend=x|--queue-depth=1025|/mnt", "--queue-depth=1025");
}

Test(options_parse, short_options_join)
{
	cr_assert_eq(parse("-foro,noexec|--backend=tmpfs|/mnt"), 0, "%s", err.text);
	cr_assert(parsed.foreground);
	cr_assert(parsed.mount.ro);
	cr_assert(parsed.mount.noexec);
}

Test(options_parse, debug_stays_in_the_foreground_and_logs_all)
{
	cr_assert_eq(parse("-d|--log-level=error|--backend=tmpfs|/mnt"), 0, "%s", err.text);
	cr_assert(parsed.debug);
	cr_assert(parsed.foreground);
	cr_assert_eq(parsed.log_level, LLFUSED_LOG_DEBUG);
}

Test(options_parse, options_may_follow_the_mount_point)
{
	cr_assert_eq(parse("/mnt|-f|--backend=tmpfs|--stop-timeout=0.25"), 0, "%s", err.text);
	cr_assert(parsed.foreground);
	cr_assert_eq(parsed.stop_timeout, 250000000);
}

Test(options_parse, two_dashes_end_the_options)
{
	cr_assert_eq(parse("--backend=tmpfs|--|-f"), 0, "%s", err.text);
	cr_assert_str_eq(parsed.mountpoint, "-f");
	cr_assert_not(parsed.foreground);
}

Test(options_parse, help_and_version_need_nothing_else)
{
	cr_assert_eq(parse("--help"), 0);
	cr_assert(parsed.help);
	cr_assert_eq(parse("-V"), 0);
	cr_assert(parsed.version);
	cr_assert_eq(parse("--backend=memfs|-h"), 0);
	cr_assert_str_eq(parsed.backend, "memfs");
}

Test(options_parse, what_is_missing_is_named)
{
	refused("/mnt", "no backend given");
	refused("/mnt", "--backend=NAME with tmpfs, memfs, passthrough, null, a plugin's name, or "
			"the path");
	refused("--backend=|/mnt", "the backend's name is empty");
	refused("--backend=tmpfs", "no mount point");
	refused("--backend=tmpfs|/mnt|--workers", "--workers=N");
	refused("--backend=tmpfs|/mnt|-o", "-o");
}

Test(options_parse, unknown_is_named)
{
	refused("--backend=tmpfs|--frob=1|/mnt", "'--frob'");
	refused("--backend=tmpfs|--work=1|/mnt", "'--work'");
	refused("--backend=tmpfs|--workersx=1|/mnt", "'--workersx'");
	refused("--backend=tmpfs|-fx|/mnt", "'-x'");
	refused("--backend=tmpfs|/mnt|/more", "'/more'");
}

Test(options_parse, bad_values_are_named)
{
	static const char *const workers[] = {
		"0", "1025", "-1", "abc", "1x", "", " 1", "0x10", "18446744073709551617"};
	char line[128];

	for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
		snprintf(line, sizeof line, "--backend=tmpfs|--workers=%s|/mnt", workers[i]);
		refused(line, "--workers=");
	}
	refused("--backend=tmpfs|--transport=fast|/mnt", "auto, dev, uring");
	refused("--backend=tmpfs|--io=fast|/mnt", "auto, uring, plain");
	refused("--backend=tmpfs|--log-level=loud|/mnt", "error, warning, info, debug");
	refused("--backend=tmpfs|--stop-timeout=-1|/mnt", "--stop-timeout=-1");
	refused("--backend=tmpfs|--foreground=yes|/mnt", "--foreground takes no value");
}

Test(options_parse, each_transport_can_be_named)
{
	cr_assert_eq(parse("--backend=tmpfs|--transport=dev|/mnt"), 0);
	cr_assert_eq(parsed.transport, TRANSPORT_DEV);
	cr_assert_eq(parse("--backend=tmpfs|--transport=uring|/mnt"), 0);
	cr_assert_eq(parsed.transport, TRANSPORT_URING);
}

Test(options_parse, control_characters_stay_out_of_the_error_line)
{
	refused("--backend=x|--a\nb\tc\033[1m|/mnt", "'--a?b?c?[1m'");
}
