/*
 * Is this a place to mount on?  Dead mounts are explained, or cleared where they are our own.
 * It must not know how a mount is made.
 */
#include "mount_ways.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "mountinfo.h"
#include "place.h"

#define OWN_TYPE  "fuse.llfused"
#define CLEAR_MAX 16 /* dead mounts on top of each other */

/* What the kernel says for a FUSE mount whose daemon has gone, or never answered INIT well. */
static bool is_dead(int error)
{
	return error == -ENOTCONN || error == -ECONNABORTED || error == -ECONNREFUSED;
}

static bool is_fuse(const struct mountinfo *info)
{
	return strcmp(info->type, "fuse") == 0 || strncmp(info->type, "fuse.", 5) == 0;
}

static bool is_own(const struct mountinfo *info)
{
	unsigned long owner;

	return strcmp(info->type, OWN_TYPE) == 0 &&
	       mountinfo_option(info, "user_id", &owner) == 0 && owner == geteuid();
}

/* 0: cleared, look again. */
static int clear_dead(const char *path, const char *resolved, const struct mountinfo *info,
		      int error, struct err *err)
{
	int ret;

	if (!is_fuse(info))
		return err_set(err, error, "mount point %s: %s", path, strerror(-error));
	if (is_own(info)) {
		ret = mount_detach_path(resolved);
		if (ret == 0) {
			log_info("cleared the dead llfused mount at %s", resolved);
			return 0;
		}
	}
	return err_set(err, error,
		       "mount point %s holds a dead FUSE mount: clear it with 'umount %s' or "
		       "'fusermount3 -u %s'",
		       path, path, path);
}

static int handle_dead(const char *path, int error, struct err *err)
{
	struct mountinfo_entry entry;
	char *resolved = realpath(path, NULL);
	int ret;

	ret = resolved ? mountinfo_find(resolved, &entry) : error;
	if (ret == 0) {
		ret = clear_dead(path, resolved, &entry.info, error, err);
		free(entry.buffer);
	} else {
		ret = err_set(err, error, "mount point %s lies in a dead FUSE mount", path);
	}
	free(resolved);
	return ret;
}

/* A FUSE mount without allow_other keeps others out, root too, so they cannot tell if it is dead.
 */
static int explain_refusal(const char *path, int error, struct err *err)
{
	struct mountinfo_entry entry;
	char *resolved = realpath(path, NULL);
	bool fuse = false;

	if (resolved && mountinfo_find(resolved, &entry) == 0) {
		fuse = is_fuse(&entry.info);
		free(entry.buffer);
	}
	free(resolved);
	if (!fuse)
		return err_set(err, error, "mount point %s: %s", path, strerror(-error));
	return err_set(err, error,
		       "mount point %s holds a FUSE mount of another user, alive or dead: if it is "
		       "dead, clear it with 'umount %s'",
		       path, path);
}

int mount_check(const char *path, struct err *err)
{
	struct place place;
	int ret = 0;

	for (int round = 0; round < CLEAR_MAX; round++) {
		ret = place_ask(path, &place);
		if (!is_dead(ret))
			break;
		ret = handle_dead(path, ret, err);
		if (ret < 0)
			return ret;
	}
	if (ret == -ENOENT)
		return err_set(err, ret, "mount point %s does not exist", *path ? path : "''");
	if (ret == -EACCES)
		return explain_refusal(path, ret, err);
	if (ret < 0)
		return err_set(err, ret, "mount point %s: %s", path, strerror(-ret));
	if (!S_ISDIR(place.mode))
		return err_set(err, -ENOTDIR, "mount point %s is not a directory", path);
	return 0;
}
