/*
 * Options of the mount: data, and size, nr_inodes, mode, uid, gid, written as for tmpfs.
 * Knows nothing of what their values do.
 */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

const struct llfused_option options_list[] = {
	{"size", "SIZE", "room for data: bytes, or with k, m, g, t or % of memory; 0: no limit"},
	{"nr_inodes", "COUNT", "most files, also with k, m, g; 0: no limit"},
	{"data", "WHERE",
	 "cached: in our memory; passthrough: in a tmpfs, by the kernel alone; auto"},
	{"mode", "OCTAL", "permissions of the root directory (1777)"},
	{"uid", "USER", "owner of the root directory"},
	{"gid", "GROUP", "group of the root directory"},
	{NULL, NULL, NULL},
};

void options_defaults(struct memfs *fs)
{
	limits_defaults(&fs->limits);
	fs->root_mode = 01777;
	fs->root_uid = geteuid();
	fs->root_gid = getegid();
}

/* How far a suffix shifts a number, -1 for none that is known. */
static int shift_of(char suffix)
{
	const char *known = "kmgtpe";
	const char *at = strchr(known, tolower((unsigned char)suffix));

	return suffix && at ? (int)(at - known + 1) * 10 : -1;
}

/* A number, decimal, octal with 0 or hexadecimal with 0x; `end` is what follows it. */
static int parse_number(const char *text, int base, uint64_t *number, const char **end)
{
	char *rest;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	errno = 0;
	*number = strtoull(text, &rest, base);
	*end = rest;
	return errno ? -EINVAL : 0;
}

static int parse_scaled(const char *text, uint64_t *number, const char **end)
{
	int error = parse_number(text, 0, number, end);
	int shift;

	if (error || (shift = shift_of(**end)) < 0)
		return error;
	if (*number > UINT64_MAX >> shift)
		return -EINVAL;
	*number <<= shift;
	++*end;
	return 0;
}

static int percent_of_memory(uint64_t percent, uint64_t *size)
{
	struct sysinfo info = {.mem_unit = 1};
	uint64_t memory;

	sysinfo(&info);
	memory = info.totalram * (uint64_t)info.mem_unit / PAGE_BYTES;
	if (percent > UINT64_MAX / PAGE_BYTES / (memory ? memory : 1))
		return -EINVAL;
	*size = percent * memory * PAGE_BYTES / 100;
	return 0;
}

static int set_size(struct memfs *fs, const char *value)
{
	const char *end;
	uint64_t size;

	if (parse_scaled(value, &size, &end) < 0)
		return -EINVAL;
	if (strcmp(end, "%") == 0) {
		if (percent_of_memory(size, &size) < 0)
			return -EINVAL;
	} else if (*end) {
		return -EINVAL;
	}
	fs->limits.max_pages = size / PAGE_BYTES + (size % PAGE_BYTES != 0);
	return 0;
}

static int set_inodes(struct memfs *fs, const char *value)
{
	const char *end;
	uint64_t count;

	if (parse_scaled(value, &count, &end) < 0 || *end ||
	    count > UINT64_MAX / LIMITS_INODE_SPACE)
		return -EINVAL;
	fs->limits.max_inodes = count;
	return 0;
}

static int set_data(struct memfs *fs, const char *value)
{
	static const char *const names[] = {
		[FS_DATA_AUTO] = "auto",
		[FS_DATA_CACHED] = "cached",
		[FS_DATA_PASSTHROUGH] = "passthrough",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		fs->store = (enum fs_data)i;
		return 0;
	}
	return -EINVAL;
}

static int set_mode(struct memfs *fs, const char *value)
{
	const char *end;
	uint64_t mode;

	if (parse_number(value, 8, &mode, &end) < 0 || *end || mode > UINT32_MAX)
		return -EINVAL;
	fs->root_mode = mode & 07777;
	return 0;
}

static int parse_id(const char *value, uint32_t *id)
{
	const char *end;
	uint64_t number;

	if (parse_number(value, 10, &number, &end) < 0 || *end || number >= UINT32_MAX)
		return -EINVAL;
	*id = (uint32_t)number;
	return 0;
}

static int set_uid(struct memfs *fs, const char *value)
{
	const struct passwd *user;

	if (parse_id(value, &fs->root_uid) == 0)
		return 0;
	if (isdigit((unsigned char)*value) || !(user = getpwnam(value)))
		return -EINVAL;
	fs->root_uid = user->pw_uid;
	return 0;
}

static int set_gid(struct memfs *fs, const char *value)
{
	const struct group *group;

	if (parse_id(value, &fs->root_gid) == 0)
		return 0;
	if (isdigit((unsigned char)*value) || !(group = getgrnam(value)))
		return -EINVAL;
	fs->root_gid = group->gr_gid;
	return 0;
}

int options_set(struct memfs *fs, const char *key, const char *value, struct llfused_error *error)
{
	static const struct {
		const char *key;
		int (*set)(struct memfs *fs, const char *value);
		const char *wants;
	} setters[] = {
		{"size", set_size, "a size such as 512m or 50%"},
		{"nr_inodes", set_inodes, "a number such as 100k"},
		{"data", set_data, "auto, cached or passthrough"},
		{"mode", set_mode, "octal permissions such as 755"},
		{"uid", set_uid, "a user"},
		{"gid", set_gid, "a group"},
	};

	for (size_t i = 0; i < sizeof(setters) / sizeof(setters[0]); i++) {
		if (strcmp(key, setters[i].key) != 0)
			continue;
		if (value && setters[i].set(fs, value) == 0)
			return 0;
		snprintf(error->text, sizeof(error->text), "bad value in option %s=%.100s: not %s",
			 key, value ? value : "", setters[i].wants);
		return -EINVAL;
	}
	snprintf(error->text, sizeof(error->text), "unknown option %.100s", key);
	return -EINVAL;
}
