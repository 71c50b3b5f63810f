/*
 * The command line: what is wrong is said in one line with status 2, and nothing is mounted.
 */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGS 6

/* Arguments before the mount point, and what the line must name. */
struct refusal {
	const char *args[ARGS];
	const char *culprit;
	bool no_place; /* no mount point behind them */
};

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static void check_nothing_mounted(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[1024];

	cr_assert_not_null(file);
	while (fgets(line, sizeof line, file))
		cr_assert(!strstr(line, harness_dir) || !strstr(line, " - fuse.llfused"), "%s",
			  line);
	fclose(file);
}

static void check_run(const char *const *argv, const char *culprit)
{
	char shown[512] = "";
	struct run run;

	for (int i = 1; argv[i]; i++)
		snprintf(shown + strlen(shown), sizeof shown - strlen(shown), " %s", argv[i]);
	run_command(&run, 0, (char *const *)argv);
	cr_assert_eq(run.status, 2, "llfused%s: status %d, %s", shown, run.status, run.err);
	cr_assert_eq(count_lines(run.err), 1, "llfused%s: not one line: %s", shown, run.err);
	cr_assert_not_null(strstr(run.err, culprit), "llfused%s: '%s' is not named: %s", shown,
			   culprit, run.err);
	cr_assert_str_empty(run.out, "llfused%s: %s", shown, run.out);
	check_nothing_mounted();
}

static void check_refusals(const struct refusal *list, size_t n)
{
	const char *mnt = harness_mkdir("mnt", 0);

	for (size_t i = 0; i < n; i++) {
		const char *argv[ARGS + 3] = {daemon_binary()};
		int argc = 1;

		for (int a = 0; a < ARGS && list[i].args[a]; a++)
			argv[argc++] = list[i].args[a];
		if (!list[i].no_place)
			argv[argc] = mnt;
		check_run(argv, list[i].culprit);
	}
}

#define CHECK(...) \
	do { \
		static const struct refusal list[] = {__VA_ARGS__}; \
		check_refusals(list, sizeof list / sizeof list[0]); \
	} while (0)

#define B "--backend=tmpfs"

FACT(cli, unknown_options_are_named)
{
	CHECK({{B, "--frobnicate"}, "--frobnicate", false}, {{B, "--frob=1"}, "--frob", false},
	      {{B, "-x"}, "-x", false}, {{B, "-fx"}, "-x", false});
}

FACT(cli, an_unknown_or_missing_backend_is_named)
{
	CHECK({{"--backend=nosuch"}, "nosuch", false}, {{"--backend="}, "backend", false},
	      {{"-f"}, "--backend", false});
}

FACT(cli, bad_numbers_of_workers_are_named)
{
	CHECK({{B, "--workers=0"}, "--workers=0", false},
	      {{B, "--workers=many"}, "--workers=many", false},
	      {{B, "--workers=-1"}, "--workers=-1", false},
	      {{B, "--workers="}, "--workers=", false},
	      {{B, "--workers=3x"}, "--workers=3x", false},
	      {{B, "--workers=99999999999999999999"}, "--workers=9999", false});
}

FACT(cli, bad_values_are_named)
{
	CHECK({{B, "--stop-timeout=soon"}, "--stop-timeout=soon", false},
	      {{B, "--stop-timeout=-1"}, "--stop-timeout=-1", false},
	      {{B, "--log-level=loud"}, "loud", false}, {{B, "--io=magic"}, "magic", false},
	      {{B, "--transport=pigeon"}, "pigeon", false},
	      {{B, "-omax_read=x"}, "max_read=x", false}, {{B, "-omax_read"}, "max_read", false},
	      {{B, "-oro=1"}, "ro", false});
}

FACT(cli, the_ring_by_name_and_plain_reads_are_a_contradiction_that_is_said)
{
	CHECK({{B, "--transport=uring", "--io=plain"}, "--io=plain", false});
}

FACT(cli, bad_backend_options_are_named)
{
	CHECK({{B, "-osize=abc"}, "size=abc", false}, {{B, "-osize="}, "size", false},
	      {{B, "-osize=10x"}, "size=10x", false}, {{B, "-osize=-1"}, "size=-1", false},
	      {{B, "-osize"}, "size", false}, {{B, "-omode=9"}, "mode=9", false},
	      {{B, "-onr_inodes=few"}, "nr_inodes=few", false},
	      {{B, "-ouid=no-such"}, "uid=no-such", false},
	      {{B, "-ogid=no-such"}, "gid=no-such", false},
	      {{B, "--source=/tmp"}, "source", false});
}

FACT(cli, an_unknown_o_key_names_those_that_are_known)
{
	CHECK({{B, "-ocolour=red"}, "colour", false}, {{B, "-ocolour=red"}, "nr_inodes", false},
	      {{B, "-ocolour=red"}, "allow_other", false});
}

FACT(cli, a_missing_mount_point_is_said)
{
	CHECK({{B}, "mount point", true}, {{"-f", B}, "mount point", true});
}

FACT(cli, a_value_that_is_missing_is_said)
{
	CHECK({{B, "--workers"}, "--workers", true}, {{B, "-o"}, "-o", true});
}

FACT(cli, a_mount_point_that_cannot_be_one_is_named)
{
	const char *mnt = harness_mkdir("mnt", 0);
	const char *file = harness_path("file"), *none = harness_path("none");

	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	check_run((const char *[]){daemon_binary(), B, none, NULL}, none);
	check_run((const char *[]){daemon_binary(), B, file, NULL}, file);
	check_run((const char *[]){daemon_binary(), B, mnt, mnt, NULL}, mnt);
}

FACT(cli, too_few_descriptors_for_the_workers_are_a_set_up_error)
{
	static const char limited[] =
		"ulimit -n 12; exec \"$0\" --backend=tmpfs --workers=8 \"$1\"";
	const char *argv[] = {
		"/bin/sh", "-c", limited, daemon_binary(), harness_mkdir("few", 0), NULL,
	};

	check_run(argv, "io_uring");
}

FACT(cli, too_few_descriptors_for_the_mount_are_not_taken_for_a_missing_module)
{
	static const char limited[] = "ulimit -n 8; exec \"$0\" --backend=tmpfs \"$1\"";
	const char *argv[] = {
		"/bin/sh", "-c", limited, daemon_binary(), harness_mkdir("fewer", 0), NULL,
	};

	check_run(argv, "/dev/fuse: Too many open files\n");
}

FACT(cli, the_same_line_is_said_in_the_foreground)
{
	const char *none = harness_path("none");

	check_run((const char *[]){daemon_binary(), B, "-f", none, NULL}, none);
	check_run((const char *[]){daemon_binary(), B, "-d", none, NULL}, none);
}

static void check_lists(const char *text, const char *const *words)
{
	for (; *words; words++)
		cr_assert_not_null(strstr(text, *words), "'%s' is missing in:\n%s", *words, text);
}

FACT(cli, help_lists_every_option)
{
	static const char *const words[] = {
		"--backend",
		"--source",
		"-o, ",
		"--workers",
		"--transport",
		"--queue-depth",
		"--io",
		"-f, --foreground",
		"-d, --debug",
		"--log-level",
		"--stop-timeout",
		"-V, --version",
		"-h, --help",
		"fsname",
		"subtype",
		"allow_other",
		"default_permissions",
		"ro",
		"nosuid",
		"nodev",
		"noexec",
		"noatime",
		"max_read",
		"auto_unmount",
		"tmpfs",
		"memfs",
		NULL,
	};
	struct run run;

	run_daemon(&run, "--help", NULL);
	cr_assert_eq(run.status, 0);
	cr_assert_str_empty(run.err);
	check_lists(run.out, words);
	run_daemon(&run, "-h", NULL);
	cr_assert_eq(run.status, 0);
	check_lists(run.out, words);
}

FACT(cli, help_with_a_backend_lists_its_options)
{
	static const char *const words[] = {
		"size=", "nr_inodes=", "mode=", "uid=", "gid=", NULL,
	};
	struct run run;

	run_daemon(&run, B, "--help", NULL);
	cr_assert_eq(run.status, 0);
	check_lists(run.out, words);
}

FACT(cli, version_shows_own_protocol_api_and_liburing)
{
	static const char *const words[] = {"llfused", "7.45", "API", "liburing", NULL};
	struct run run;

	run_daemon(&run, "--version", NULL);
	cr_assert_eq(run.status, 0);
	cr_assert_str_empty(run.err);
	check_lists(run.out, words);
	run_daemon(&run, "-V", NULL);
	cr_assert_eq(run.status, 0);
	check_lists(run.out, words);
}

FACT(cli, debug_prints_a_line_for_each_request_and_reply)
{
	struct daemon d = {0};
	struct counters before, after;
	unsigned requests = 0, replies = 0;
	size_t from;
	char *log;

	daemon_start(&d, "-d", NULL);
	/* the first one asks for what the kernel then remembers not to ask for */
	close(open(daemon_path(&d, "first"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	counters_read(&d, &before);
	from = daemon_log_size(&d);
	for (int i = 0; i < 5; i++)
		close(open(daemon_path(&d, "f%d", i), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	counters_read(&d, &after);
	log = daemon_log(&d, from);
	for (char *at = strtok(log, "\n"); at; at = strtok(NULL, "\n")) {
		requests += strstr(at, "request: ") != NULL;
		replies += strstr(at, "reply: ") != NULL;
	}
	cr_assert_str_eq(counters_between(&before, &after), "LOOKUP+5 GETATTR+5 MKNOD+5");
	cr_assert_eq(requests, 15, "%u lines for 15 requests", requests);
	cr_assert_eq(replies, 15, "%u lines for 15 replies", replies);
	cr_assert(daemon_log_has(&d, from, "MKNOD") && daemon_log_has(&d, from, "f4"));
	cr_assert_eq(daemon_stop(&d), 0);
}
