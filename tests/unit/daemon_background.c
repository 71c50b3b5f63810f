/*
 * What the parent makes of its child's word, of its silence, and of its death.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/background.h"

static dev_t dev_of(const char *path)
{
	struct stat st;

	cr_assert_eq(stat(path, &st), 0);
	return st.st_dev;
}

Test(background, failure_travels_with_its_status, .timeout = 30)
{
	struct background bg = {.signals = true};
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		background_failed(&bg, 2, "bad size");
		_exit(0);
	}
	cr_assert_eq(background_wait(&bg, "/proc", &err), 2);
	cr_assert_str_eq(err.text, "bad size");
}

Test(background, success_is_proven_by_the_device, .timeout = 30)
{
	struct background bg = {.signals = true};
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		background_ready(&bg, dev_of("/proc"), -1);
		_exit(0);
	}
	cr_assert_eq(background_wait(&bg, "/proc", &err), 0, "%s", err.text);
}

Test(background, another_device_is_no_success, .timeout = 30)
{
	struct background bg = {.signals = true};
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		background_ready(&bg, dev_of("/proc") + 1, -1);
		_exit(0);
	}
	cr_assert_eq(background_wait(&bg, "/proc", &err), 1);
	cr_assert(strstr(err.text, "not to be seen"), "%s", err.text);
}

Test(background, a_child_that_dies_without_a_word_is_told, .timeout = 30)
{
	struct background bg = {.signals = true};
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		raise(SIGKILL);
		_exit(0);
	}
	cr_assert_eq(background_wait(&bg, "/proc", &err), 1);
	cr_assert(strstr(err.text, "died while starting: Killed"), "%s", err.text);
}

Test(background, a_child_that_ends_without_a_word_is_told, .timeout = 30)
{
	struct background bg = {.signals = true};
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0)
		_exit(7);
	cr_assert_eq(background_wait(&bg, "/proc", &err), 1);
	cr_assert(strstr(err.text, "status 7"), "%s", err.text);
}

Test(background, the_child_leads_a_session_of_its_own, .timeout = 30)
{
	struct background bg = {.signals = true};
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		background_failed(&bg, getsid(0) == getpid() ? 3 : 4, "");
		_exit(0);
	}
	cr_assert_eq(background_wait(&bg, "/proc", &err), 3);
}

Test(background, an_end_before_the_parent_has_looked_is_told, .timeout = 30)
{
	struct background bg = {.signals = true};
	struct err err = {""};
	int end_fd = eventfd(1, EFD_CLOEXEC);

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		signal(SIGTERM, SIG_IGN);
		signal(SIGINT, SIG_IGN);
		if (background_ready(&bg, dev_of("/proc") + 1, end_fd) == -ECANCELED)
			background_failed(&bg, 5, "it broke");
		_exit(0);
	}
	cr_assert_eq(background_wait(&bg, "/proc", &err), 5);
	cr_assert_str_eq(err.text, "it broke");
	close(end_fd);
}

Test(background, a_failure_is_not_told_to_a_parent_that_has_gone, .timeout = 30)
{
	struct background bg = {.signals = true};
	struct err err = {""};
	int status;

	signal(SIGPIPE, SIG_DFL);
	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		char byte;

		while (read(bg.pipe_fd, &byte, 1) != 0) /* until it has */
			;
		_exit(background_failed(&bg, 2, "x") == -EPIPE && bg.pipe_fd == -1 ? 0 : 1);
	}
	close(bg.pipe_fd);
	cr_assert_eq(waitpid(bg.child, &status, 0), bg.child);
	cr_assert_eq(status, 0);
}
