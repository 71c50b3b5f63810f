/*
 * Options of the mount, from text to values; see options.h.
 * Knows nothing of what their values do.
 */
#include "options.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND      UINT64_C(1000000000)
#define PERMISSIONS 0777u

const struct llfused_option pt_options_list[] = {
	{"cache", "WHEN", "none, auto (ask again after 1 s) or always (only we change the source)"},
	{"attr_timeout", "SECONDS", "how long attributes are taken for granted, as 0.5"},
	{"entry_timeout", "SECONDS", "how long names are"},
	{"passthrough", "WHEN", "auto or off: the kernel reads and writes open files by itself"},
	{"submounts", "HOW", "show or stop: whether what is mounted beneath the source is seen"},
	{"export", NULL, "file handles that last, for NFS"},
	{"watch", NULL, "changes made on the source are seen at once"},
	{"locks", "WHERE", "mount (among our users) or source (with those of the source, too)"},
	{"force-user", "USER", "shown as the owner of everything"},
	{"force-group", "GROUP", "shown as the group of everything"},
	{"umask", "OCTAL", "permissions that no new file or directory gets"},
	{"create-mode", "OCTAL", "permissions of new files; directories get x where r is"},
	{NULL, NULL, NULL},
};

void pt_options_defaults(struct pt_options *o)
{
	*o = (struct pt_options){.cache = PT_CACHE_AUTO, .passthrough = true, .submounts = true};
}

void pt_options_free(struct pt_options *o)
{
	free(o->source);
	o->source = NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits below `base`, and nothing else, up to `max`. */
static int parse_number(const char *text, unsigned base, uint64_t max, uint32_t *out)
{
	uint64_t number = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (!is_digit(*text) || digit >= base)
			return -EINVAL;
		number = number * base + digit;
		if (number > max)
			return -EINVAL;
	}
	*out = (uint32_t)number;
	return 0;
}

/* Seconds with a fraction, in nanoseconds; what does not fit is for ever. */
static int parse_seconds(const char *text, uint64_t *ns)
{
	uint64_t seconds = 0, fraction = 0, unit = SECOND / 10;

	if (!is_digit(*text))
		return -EINVAL;
	for (; is_digit(*text); text++)
		if (seconds <= UINT64_MAX / SECOND)
			seconds = seconds * 10 + (uint64_t)(*text - '0');
	if (*text == '.') {
		if (!is_digit(*++text))
			return -EINVAL;
		/* more digits than a nanosecond has count for nothing */
		for (; is_digit(*text); text++, unit /= 10)
			fraction += (uint64_t)(*text - '0') * unit;
	}
	if (*text)
		return -EINVAL;
	*ns = seconds < UINT64_MAX / SECOND ? seconds * SECOND + fraction : LLFUSED_FOREVER;
	return 0;
}

/* Which of `words` (NULL at the end) it is. */
static int parse_word(const char *text, const char *const words[])
{
	for (int i = 0; words[i]; i++)
		if (strcmp(text, words[i]) == 0)
			return i;
	return -EINVAL;
}

static int set_source(struct pt_options *o, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(o->source);
	o->source = copy;
	return 0;
}

static int set_cache(struct pt_options *o, const char *value)
{
	static const char *const words[] = {"none", "auto", "always", NULL};
	int word = parse_word(value, words);

	if (word < 0)
		return word;
	o->cache = (enum pt_cache)word;
	return 0;
}

static int set_attr_timeout(struct pt_options *o, const char *value)
{
	o->has_attr_timeout = true;
	return parse_seconds(value, &o->attr_timeout);
}

static int set_entry_timeout(struct pt_options *o, const char *value)
{
	o->has_entry_timeout = true;
	return parse_seconds(value, &o->entry_timeout);
}

static int set_passthrough(struct pt_options *o, const char *value)
{
	static const char *const words[] = {"off", "auto", NULL};
	int word = parse_word(value, words);

	o->passthrough = word > 0;
	return word < 0 ? word : 0;
}

static int set_submounts(struct pt_options *o, const char *value)
{
	static const char *const words[] = {"stop", "show", NULL};
	int word = parse_word(value, words);

	o->submounts = word > 0;
	return word < 0 ? word : 0;
}

static int set_locks(struct pt_options *o, const char *value)
{
	static const char *const words[] = {"mount", "source", NULL};
	int word = parse_word(value, words);

	o->locks_source = word > 0;
	return word < 0 ? word : 0;
}

static int set_export(struct pt_options *o, const char *value)
{
	(void)value;
	o->export = true;
	return 0;
}

static int set_watch(struct pt_options *o, const char *value)
{
	(void)value;
	o->watch = true;
	return 0;
}

static int set_force_user(struct pt_options *o, const char *value)
{
	const struct passwd *user;

	o->has_force_user = true;
	if (parse_number(value, 10, UINT32_MAX - 1, &o->force_user) == 0)
		return 0;
	if (is_digit(*value) || !(user = getpwnam(value)))
		return -EINVAL;
	o->force_user = user->pw_uid;
	return 0;
}

static int set_force_group(struct pt_options *o, const char *value)
{
	const struct group *group;

	o->has_force_group = true;
	if (parse_number(value, 10, UINT32_MAX - 1, &o->force_group) == 0)
		return 0;
	if (is_digit(*value) || !(group = getgrnam(value)))
		return -EINVAL;
	o->force_group = group->gr_gid;
	return 0;
}

static int set_umask(struct pt_options *o, const char *value)
{
	return parse_number(value, 8, PERMISSIONS, &o->umask);
}

static int set_create_mode(struct pt_options *o, const char *value)
{
	o->has_create_mode = true;
	return parse_number(value, 8, PERMISSIONS, &o->create_mode);
}

#define SECONDS_WANTED "give seconds, as 0, 0.5 or 3600"

int pt_options_set(struct pt_options *o, const char *key, const char *value,
		   struct llfused_error *error)
{
	static const struct {
		const char *key;
		int (*set)(struct pt_options *o, const char *value);
		const char *wants;
	} setters[] = {
		{"source", set_source, "give a directory"},
		{"cache", set_cache, "give none, auto or always"},
		{"attr_timeout", set_attr_timeout, SECONDS_WANTED},
		{"entry_timeout", set_entry_timeout, SECONDS_WANTED},
		{"passthrough", set_passthrough, "give auto or off"},
		{"submounts", set_submounts, "give show or stop"},
		{"export", set_export, ""},
		{"watch", set_watch, ""},
		{"locks", set_locks, "give mount or source"},
		{"force-user", set_force_user, "give a user's name or number"},
		{"force-group", set_force_group, "give a group's name or number"},
		{"umask", set_umask, "give octal permissions up to 777, as 022"},
		{"create-mode", set_create_mode, "give octal permissions up to 777, as 640"},
	};

	for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++) {
		int result;

		if (strcmp(key, setters[i].key) != 0)
			continue;
		result = setters[i].set(o, value ? value : "");
		if (result == -EINVAL)
			snprintf(error->text, sizeof(error->text),
				 "bad value in option %s=%.80s: %s", key, value ? value : "",
				 setters[i].wants);
		else if (result < 0)
			snprintf(error->text, sizeof(error->text), "no memory for option %s", key);
		return result;
	}
	snprintf(error->text, sizeof(error->text), "unknown option %.100s", key);
	return -EINVAL;
}

int pt_options_settle(struct pt_options *o, struct llfused_error *error)
{
	static const uint64_t timeouts[] = {
		[PT_CACHE_NONE] = 0, [PT_CACHE_AUTO] = SECOND, [PT_CACHE_ALWAYS] = LLFUSED_FOREVER};

	if (o->has_create_mode && o->umask) {
		snprintf(error->text, sizeof(error->text),
			 "umask= and create-mode= exclude each other: give one of them");
		return -EINVAL;
	}
	if (!o->has_attr_timeout)
		o->attr_timeout = timeouts[o->cache];
	if (!o->has_entry_timeout)
		o->entry_timeout = timeouts[o->cache];
	return 0;
}
