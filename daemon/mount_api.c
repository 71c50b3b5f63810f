/*
 * The way of newer kernels: fsopen, fsconfig, fsmount, move_mount; with synchronous INIT if
 * offered. It must not know when this way is taken.
 */
#include "mount_ways.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "proto/abi.h"

/* The kernel's own words on what it refused, if it has any; else those for `code`. */
static int config_failed(int fs_fd, int code, const char *what, struct err *err)
{
	char text[256];
	ssize_t n;

	while ((n = read(fs_fd, text, sizeof text - 1)) > 0) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		if (strncmp(text, "e ", 2) == 0)
			return err_set(err, code, "%s: %s", what, text + 2);
	}
	return err_set(err, code, "%s: %s", what, strerror(-code));
}

static int set_string(int fs_fd, const char *key, const char *value, struct err *err)
{
	if (fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0) == 0)
		return 0;
	return config_failed(fs_fd, -errno, key, err);
}

static int set_number(int fs_fd, const char *key, unsigned long value, struct err *err)
{
	char text[24];

	snprintf(text, sizeof text, "%lu", value);
	return set_string(fs_fd, key, text, err);
}

static int set_flag(int fs_fd, const char *key, struct err *err)
{
	if (fsconfig(fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0) == 0)
		return 0;
	return config_failed(fs_fd, -errno, key, err);
}

static int configure(int fs_fd, int fuse_fd, const struct mount_plan *plan, struct err *err)
{
	int ret = set_string(fs_fd, "source", plan->fsname, err);

	if (!ret && *plan->subtype)
		ret = set_string(fs_fd, "subtype", plan->subtype, err);
	if (!ret)
		ret = set_number(fs_fd, "fd", (unsigned long)fuse_fd, err);
	if (!ret)
		ret = set_string(fs_fd, "rootmode", MOUNT_ROOTMODE, err);
	if (!ret)
		ret = set_number(fs_fd, "user_id", geteuid(), err);
	if (!ret)
		ret = set_number(fs_fd, "group_id", getegid(), err);
	if (!ret && plan->options->max_read)
		ret = set_number(fs_fd, "max_read", plan->options->max_read, err);
	if (!ret && plan->default_permissions)
		ret = set_flag(fs_fd, "default_permissions", err);
	if (!ret && plan->allow_other)
		ret = set_flag(fs_fd, "allow_other", err);
	if (!ret && plan->options->ro)
		ret = set_flag(fs_fd, "ro", err);
	return ret;
}

/* Makes the file system; the kernel waits inside the call until INIT is answered. */
static int create_waiting(struct mount *m, int fs_fd, struct mount_plan *plan, struct err *err)
{
	struct mount_init init;
	int ret = mount_init_start(&init, m->fuse_fd, plan, err);
	int error = 0;

	if (ret < 0)
		return ret;
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		error = errno;
	ret = mount_init_finish(&init, error != 0);
	plan->answered = init.answered;
	if (init.answered && ret < 0) {
		*err = init.err;
		return ret;
	}
	return error ? config_failed(fs_fd, -error, "creating the file system", err) : ret;
}

static int create(struct mount *m, int fs_fd, struct mount_plan *plan, struct err *err)
{
	/* Kernels before 6.18 know nothing of it: there INIT waits to be read. */
	m->sync_init = ioctl(m->fuse_fd, FUSE_DEV_IOC_SYNC_INIT) == 0;
	if (m->sync_init)
		return create_waiting(m, fs_fd, plan, err);
	if (fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return config_failed(fs_fd, -errno, "creating the file system", err);
	return mount_answer(m, plan, err);
}

static unsigned attach_flags(const struct mount_options *options)
{
	unsigned flags = options->noatime ? MOUNT_ATTR_NOATIME : MOUNT_ATTR_RELATIME;

	if (options->ro)
		flags |= MOUNT_ATTR_RDONLY;
	if (options->nosuid)
		flags |= MOUNT_ATTR_NOSUID;
	if (options->nodev)
		flags |= MOUNT_ATTR_NODEV;
	if (options->noexec)
		flags |= MOUNT_ATTR_NOEXEC;
	return flags;
}

static int attach(struct mount *m, int fs_fd, const struct mount_plan *plan, struct err *err)
{
	int ret = 0;
	int tree_fd = fsmount(fs_fd, FSMOUNT_CLOEXEC, attach_flags(plan->options));

	if (tree_fd < 0)
		return config_failed(fs_fd, -errno, "fsmount", err);
	if (move_mount(tree_fd, "", AT_FDCWD, plan->path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		ret = err_set(err, -errno, "move_mount: %s", strerror(errno));
	else
		mount_note_attached(m);
	close(tree_fd);
	return ret;
}

int mount_api_open(struct mount *m, int fs_fd, struct mount_plan *plan, struct err *err)
{
	int ret = configure(fs_fd, m->fuse_fd, plan, err);

	m->way = MOUNT_BY_FSMOUNT;
	if (!ret)
		ret = create(m, fs_fd, plan, err);
	if (!ret)
		ret = attach(m, fs_fd, plan, err);
	return ret;
}
