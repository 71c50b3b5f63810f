/*
 * Reads names and goals from the command line.  Must not know phases or systems that exist.
 */
#include "goal.h"

#include <stdlib.h>
#include <string.h>

bool name_copy(char name[static NAME_SIZE], const char *text, size_t length)
{
	if (length == 0 || length >= NAME_SIZE)
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	return true;
}

int name_threads(const char *name, unsigned most)
{
	const char *at = strrchr(name, '@');
	char *end;

	if (at == NULL)
		return 0;
	unsigned long threads = strtoul(at + 1, &end, 10);
	if (at[1] < '1' || at[1] > '9' || *end != '\0' || threads > most)
		return -1;
	return (int)threads;
}

bool goal_parse(struct goal *goal, const char *text)
{
	const char *colon = strchr(text, ':');
	const char *slash = colon == NULL ? NULL : strchr(colon, '/');
	const char *sign = slash == NULL ? NULL : strstr(slash, ">=");
	char *end;

	if (sign == NULL || !name_copy(goal->phase, text, (size_t)(colon - text)) ||
	    !name_copy(goal->system, colon + 1, (size_t)(slash - colon - 1)) ||
	    !name_copy(goal->base, slash + 1, (size_t)(sign - slash - 1)))
		return false;
	goal->ratio = strtod(sign + 2, &end);
	return end != sign + 2 && *end == '\0' && goal->ratio > 0;
}
