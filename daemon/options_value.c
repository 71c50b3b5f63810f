/*
 * Strict readers of numbers: digits and nothing else, no overflow, no floating point.
 * It must not know which option a number belongs to.
 */
#include "options_impl.h"

#include <errno.h>

#define NS_PER_SECOND UINT64_C(1000000000)
#define SECONDS_MAX   UINT64_C(1000000000) /* thirty years; sums stay far from overflow */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads digits and moves `text` behind them; -EINVAL without one, or when it becomes larger than
 * `max`. */
static int read_digits(const char **text, uint64_t max, uint64_t *out)
{
	const char *at = *text;
	uint64_t n = 0;

	if (!is_digit(*at))
		return -EINVAL;
	for (; is_digit(*at); at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (n > (UINT64_MAX - digit) / 10 || n * 10 + digit > max)
			return -EINVAL;
		n = n * 10 + digit;
	}
	*text = at;
	*out = n;
	return 0;
}

int options_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n;

	if (read_digits(&text, max, &n) < 0 || *text || n < min)
		return -EINVAL;
	*out = n;
	return 0;
}

int options_seconds(const char *text, uint64_t *ns)
{
	uint64_t seconds, fraction = 0, unit = NS_PER_SECOND / 10;

	if (read_digits(&text, SECONDS_MAX, &seconds) < 0)
		return -EINVAL;
	if (*text == '.') {
		if (!is_digit(*++text))
			return -EINVAL;
		for (; is_digit(*text); text++, unit /= 10) {
			if (!unit)
				return -EINVAL;
			fraction += (uint64_t)(*text - '0') * unit;
		}
	}
	if (*text)
		return -EINVAL;
	*ns = seconds * NS_PER_SECOND + fraction;
	return 0;
}
