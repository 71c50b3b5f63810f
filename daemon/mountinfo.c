/*
 * Reader of /proc/self/mountinfo: lines to fields, octal escapes to bytes.
 * It must not know why somebody wants to know.
 */
#include "mountinfo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* Fields before the optional ones: id parent major:minor root point flags */
#define FIELDS_FIXED 6

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes blanks, newlines and backslashes as \ooo. */
static char *unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
		    is_octal(from[3])) {
			*to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
	return text;
}

/* The next field that ends with one blank; NULL at the end of the line. */
static char *next_field(char **rest)
{
	return *rest ? strsep(rest, " ") : NULL;
}

int mountinfo_parse(char *line, struct mountinfo *out)
{
	char *field[FIELDS_FIXED], *tail[3], *rest = line, *optional;
	unsigned major_number, minor_number;

	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < FIELDS_FIXED; i++)
		if (!(field[i] = next_field(&rest)) || !*field[i])
			return -EINVAL;
	do {
		optional = next_field(&rest);
		if (!optional)
			return -EINVAL;
	} while (strcmp(optional, "-") != 0);
	for (int i = 0; i < 3; i++)
		if (!(tail[i] = next_field(&rest)))
			return -EINVAL;

	if (sscanf(field[0], "%d", &out->id) != 1 || sscanf(field[1], "%d", &out->parent) != 1 ||
	    sscanf(field[2], "%u:%u", &major_number, &minor_number) != 2)
		return -EINVAL;
	out->dev = makedev(major_number, minor_number);
	out->point = unescape(field[4]);
	out->flags = field[5];
	out->type = unescape(tail[0]);
	out->source = unescape(tail[1]);
	out->options = tail[2];
	return 0;
}

int mountinfo_option(const struct mountinfo *info, const char *key, unsigned long *value)
{
	size_t len = strlen(key);

	for (const char *at = info->options; at && *at;) {
		if (strncmp(at, key, len) == 0 && at[len] == '=' && at[len + 1] >= '0' &&
		    at[len + 1] <= '9') {
			*value = strtoul(at + len + 1, NULL, 10);
			return 0;
		}
		at = strchr(at, ',');
		if (at)
			at++;
	}
	return -ENOENT;
}

int mountinfo_search(FILE *from, const char *path, struct mountinfo_entry *out)
{
	struct mountinfo_entry best = {.buffer = NULL};
	struct mountinfo info;
	char *line = NULL;
	size_t size = 0;

	/* A mount on top of another comes later in the list, as a rule; its parent says it surely.
	 */
	while (getline(&line, &size, from) > 0) {
		if (mountinfo_parse(line, &info) < 0 || strcmp(info.point, path) != 0)
			continue;
		if (best.buffer && best.info.parent == info.id)
			continue;
		free(best.buffer);
		best.info = info;
		best.buffer = line;
		line = NULL;
		size = 0;
	}
	free(line);
	if (!best.buffer)
		return -ENOENT;
	*out = best;
	return 0;
}

int mountinfo_find(const char *path, struct mountinfo_entry *out)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	int ret;

	if (!file)
		return -errno;
	ret = mountinfo_search(file, path, out);
	fclose(file);
	return ret;
}

bool mountinfo_has(const char *path, dev_t dev)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	struct mountinfo info;
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return false;
	while (!found && getline(&line, &size, file) > 0)
		found = mountinfo_parse(line, &info) == 0 && info.dev == dev &&
			strcmp(info.point, path) == 0;
	free(line);
	fclose(file);
	return found;
}
