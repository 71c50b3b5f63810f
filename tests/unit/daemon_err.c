/*
 * The error line: set, wrapped, always one line and never too long.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "daemon/err.h"

Test(err, set_returns_the_code)
{
	struct err err = {""};

	cr_assert_eq(err_set(&err, -ENOENT, "no %s", "file"), -ENOENT);
	cr_assert_str_eq(err.text, "no file");
}

Test(err, wrap_goes_in_front)
{
	struct err err = {"inner"};

	err_wrap(&err, "outer %d", 1);
	cr_assert_str_eq(err.text, "outer 1: inner");
	err_wrap(&err, "outermost");
	cr_assert_str_eq(err.text, "outermost: outer 1: inner");
}

Test(err, set_may_use_its_own_text)
{
	struct err err = {"text"};

	err_set(&err, 0, "<%s>", err.text);
	cr_assert_str_eq(err.text, "<text>");
}

Test(err, control_characters_are_replaced)
{
	struct err err = {""};

	err_set(&err, 0, "a\nb\tc\x7f");
	cr_assert_str_eq(err.text, "a?b?c?");
	err_wrap(&err, "x\r");
	cr_assert_str_eq(err.text, "x?: a?b?c?");
}

Test(err, long_texts_are_cut)
{
	char text[2 * sizeof(struct err)];
	struct err err = {""};

	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = '\0';
	err_set(&err, 0, "%s", text);
	cr_assert_eq(strlen(err.text), sizeof err.text - 1);
	err_wrap(&err, "front");
	cr_assert_eq(strlen(err.text), sizeof err.text - 1);
	cr_assert_eq(strncmp(err.text, "front: aaa", 10), 0);
	err_wrap(&err, "%s", text);
	cr_assert_eq(strlen(err.text), sizeof err.text - 1);
}
