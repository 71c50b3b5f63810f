/*
 * Numbers and seconds of the command line: exact, and nothing but digits.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "daemon/options_impl.h"

static void number_is(const char *text, uint64_t expected)
{
	uint64_t n = 77;

	cr_assert_eq(options_number(text, 0, UINT64_MAX, &n), 0, "%s", text);
	cr_assert_eq(n, expected, "%s", text);
}

static void no_number(const char *text, uint64_t min, uint64_t max)
{
	uint64_t n = 77;

	cr_assert_eq(options_number(text, min, max, &n), -EINVAL, "%s", text);
	cr_assert_eq(n, 77);
}

Test(options_value, numbers_are_read_to_the_last_bit)
{
	number_is("0", 0);
	number_is("007", 7);
	number_is("18446744073709551615", UINT64_MAX);
}

Test(options_value, what_is_no_number_is_refused)
{
	static const char *const texts[] = {"", " 1", "1 ", "+1", "-1", "1k", "0x1", "1.0", "one"};

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		no_number(texts[i], 0, UINT64_MAX);
	no_number("18446744073709551616", 0, UINT64_MAX);
	no_number("99999999999999999999999", 0, UINT64_MAX);
}

Test(options_value, bounds_are_kept)
{
	uint64_t n;

	no_number("0", 1, 10);
	no_number("11", 1, 10);
	cr_assert_eq(options_number("1", 1, 10, &n), 0);
	cr_assert_eq(options_number("10", 1, 10, &n), 0);
	cr_assert_eq(n, 10);
}

static void seconds_are(const char *text, uint64_t expected)
{
	uint64_t ns = 77;

	cr_assert_eq(options_seconds(text, &ns), 0, "%s", text);
	cr_assert_eq(ns, expected, "%s", text);
}

Test(options_value, seconds_become_exact_nanoseconds)
{
	seconds_are("0", 0);
	seconds_are("5", UINT64_C(5000000000));
	seconds_are("0.5", 500000000);
	seconds_are("1.000000001", 1000000001);
	seconds_are("0.999999999", 999999999);
	seconds_are("1000000000", UINT64_C(1000000000000000000));
}

Test(options_value, what_are_no_seconds_is_refused)
{
	static const char *const texts[] = {"",      ".5",           "1.",        "-1",
					    "1e3",   "1s",           "nan",       "inf",
					    "1.5.5", "0.0000000001", "1000000001"};
	uint64_t ns = 77;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		cr_assert_eq(options_seconds(texts[i], &ns), -EINVAL, "%s", texts[i]);
	cr_assert_eq(ns, 77);
}
