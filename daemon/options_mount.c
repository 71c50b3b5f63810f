/*
 * The -o lists: taken apart at commas; the table of mount options.
 * It must not know how a mount is made, nor which options a backend has.
 */
#include "options_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int set_bool(struct mount_options *mount, const struct option_mount_row *row,
		    const char *value, struct err *err)
{
	(void)value;
	(void)err;
	*(bool *)((char *)mount + row->offset) = row->flag;
	return 0;
}

static int set_allow_other(struct mount_options *mount, const struct option_mount_row *row,
			   const char *value, struct err *err)
{
	(void)value;
	(void)err;
	mount->allow_other = (enum mount_tristate)row->flag;
	return 0;
}

static int set_text(struct mount_options *mount, const struct option_mount_row *row,
		    const char *value, struct err *err)
{
	char **text = (char **)((char *)mount + row->offset);
	char *copy = strdup(value);

	if (!copy)
		return err_set(err, -ENOMEM, "out of memory");
	free(*text);
	*text = copy;
	return 0;
}

static int set_fsname(struct mount_options *mount, const struct option_mount_row *row,
		      const char *value, struct err *err)
{
	if (!*value)
		return err_set(err, -EINVAL, "mount option fsname is empty: fsname=NAME");
	return set_text(mount, row, value, err);
}

static int set_max_read(struct mount_options *mount, const struct option_mount_row *row,
			const char *value, struct err *err)
{
	uint64_t n;

	if (options_number(value, 0, UINT32_MAX, &n) < 0)
		return err_set(err, -EINVAL, "mount option %s=%s: give a number of bytes", row->key,
			       value);
	mount->max_read = (uint32_t)n;
	return 0;
}

#define MEMBER(name) offsetof(struct mount_options, name)

const struct option_mount_row options_mount_table[] = {
	{"fsname", "NAME", "shown as the source (default: the backend's name)", set_fsname,
	 MEMBER(fsname), 0},
	{"subtype", "NAME", "shown as type fuse.NAME (default: llfused; empty: plain fuse)",
	 set_text, MEMBER(subtype), 0},
	{"allow_other", NULL, "all users may enter (default where root mounts)", set_allow_other, 0,
	 MOUNT_ON},
	{"no_allow_other", NULL, "only the user who mounts may enter (default otherwise)",
	 set_allow_other, 0, MOUNT_OFF},
	{"default_permissions", NULL, "the kernel checks modes (always with allow_other)", set_bool,
	 MEMBER(default_permissions), true},
	{"ro", NULL, "read-only", set_bool, MEMBER(ro), true},
	{"rw", NULL, "read and write (default)", set_bool, MEMBER(ro), false},
	{"nosuid", NULL, "setuid and setgid bits have no effect", set_bool, MEMBER(nosuid), true},
	{"suid", NULL, "they have (default where root mounts)", set_bool, MEMBER(nosuid), false},
	{"nodev", NULL, "device nodes cannot be opened", set_bool, MEMBER(nodev), true},
	{"dev", NULL, "they can (default where root mounts)", set_bool, MEMBER(nodev), false},
	{"noexec", NULL, "programs cannot be run", set_bool, MEMBER(noexec), true},
	{"exec", NULL, "they can (default)", set_bool, MEMBER(noexec), false},
	{"noatime", NULL, "reading does not change access times", set_bool, MEMBER(noatime), true},
	{"atime", NULL, "it does, as relatime", set_bool, MEMBER(noatime), false},
	{"relatime", NULL, "it does at times (default)", set_bool, MEMBER(noatime), false},
	{"max_read", "BYTES", "longest read request (default: as negotiated)", set_max_read,
	 MEMBER(max_read), 0},
	{"auto_unmount", NULL, "unmount even if llfused is killed", set_bool, MEMBER(auto_unmount),
	 true},
	{NULL, NULL, NULL, NULL, 0, 0},
};

/* A mount option, or one that is kept for the backend. */
static int add_option(struct options *options, const char *key, const char *value, struct err *err)
{
	const struct option_mount_row *row = options_mount_table;

	if (!*key)
		return err_set(err, -EINVAL, "-o: '=%s' has no name before it", value);
	while (row->key && strcmp(row->key, key) != 0)
		row++;
	if (!row->key)
		return options_add_pair(options, key, value, err);
	if (row->arg && !value)
		return err_set(err, -EINVAL, "mount option %s needs a value: %s=%s", key, key,
			       row->arg);
	if (!row->arg && value)
		return err_set(err, -EINVAL, "mount option %s takes no value", key);
	return row->set(&options->mount, row, value, err);
}

/*
 * Copies the text up to the next bare comma to `item`, without escapes.  Returns what is behind the
 * comma, or NULL at the end.
 */
static const char *next_item(const char *text, char *item)
{
	for (; *text && *text != ','; text++) {
		if (text[0] == '\\' && (text[1] == ',' || text[1] == '\\'))
			text++;
		*item++ = *text;
	}
	*item = '\0';
	return *text ? text + 1 : NULL;
}

int options_add_list(struct options *options, const char *text, struct err *err)
{
	char *item = malloc(strlen(text) + 1);
	int ret = 0;

	if (!item)
		return err_set(err, -ENOMEM, "out of memory");
	while (text && ret == 0) {
		char *equals;

		text = next_item(text, item);
		equals = strchr(item, '=');
		if (equals)
			*equals = '\0';
		if (*item || equals)
			ret = add_option(options, item, equals ? equals + 1 : NULL, err);
	}
	free(item);
	return ret;
}
