/*
 * What the parent makes of its child's word, of its silence, and of its death.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
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
	struct background bg;
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
	struct background bg;
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		background_ready(&bg, dev_of("/proc"));
		_exit(0);
	}
	cr_assert_eq(background_wait(&bg, "/proc", &err), 0, "%s", err.text);
}

Test(background, another_device_is_no_success, .timeout = 30)
{
	struct background bg;
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		background_ready(&bg, dev_of("/proc") + 1);
		_exit(0);
	}
	cr_assert_eq(background_wait(&bg, "/proc", &err), 1);
	cr_assert(strstr(err.text, "not to be seen"), "%s", err.text);
}

Test(background, a_child_that_dies_without_a_word_is_told, .timeout = 30)
{
	struct background bg;
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
	struct background bg;
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0)
		_exit(7);
	cr_assert_eq(background_wait(&bg, "/proc", &err), 1);
	cr_assert(strstr(err.text, "status 7"), "%s", err.text);
}

Test(background, the_child_leads_a_session_of_its_own, .timeout = 30)
{
	struct background bg;
	struct err err = {""};

	cr_assert_eq(background_fork(&bg, &err), 0);
	if (bg.child == 0) {
		background_failed(&bg, getsid(0) == getpid() ? 3 : 4, "");
		_exit(0);
	}
	cr_assert_eq(background_wait(&bg, "/proc", &err), 3);
}
