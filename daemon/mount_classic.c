/*
 * The way of older kernels: mount(2).  It returns at once, and INIT waits to be read.
 * It must not know when this way is taken.
 */
#include "mount_ways.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

static unsigned long mount_flags(const struct mount_options *options)
{
	unsigned long flags = 0;

	if (options->ro)
		flags |= MS_RDONLY;
	if (options->nosuid)
		flags |= MS_NOSUID;
	if (options->nodev)
		flags |= MS_NODEV;
	if (options->noexec)
		flags |= MS_NOEXEC;
	if (options->noatime)
		flags |= MS_NOATIME;
	return flags;
}

/* The file system's part of the options; all of it is ours, so that nothing needs an escape. */
static void mount_data(char *buf, size_t size, int fuse_fd, const struct mount_plan *plan)
{
	char max_read[32] = "";

	if (plan->options->max_read)
		snprintf(max_read, sizeof max_read, ",max_read=%u", plan->options->max_read);
	snprintf(buf, size, "fd=%d,rootmode=%s,user_id=%u,group_id=%u%s%s%s", fuse_fd,
		 MOUNT_ROOTMODE, (unsigned)geteuid(), (unsigned)getegid(), max_read,
		 plan->default_permissions ? ",default_permissions" : "",
		 plan->allow_other ? ",allow_other" : "");
}

int mount_classic_open(struct mount *m, struct mount_plan *plan, struct err *err)
{
	char data[256], *type;
	int ret;

	m->way = MOUNT_BY_MOUNT;
	mount_data(data, sizeof data, m->fuse_fd, plan);
	if (asprintf(&type, "fuse%s%s", *plan->subtype ? "." : "", plan->subtype) < 0)
		return err_set(err, -ENOMEM, "out of memory");
	ret = mount(plan->fsname, plan->path, type, mount_flags(plan->options), data);
	if (ret < 0)
		ret = err_set(err, -errno, "mount: %s", strerror(errno));
	free(type);
	if (ret < 0)
		return ret;
	mount_note_attached(m);
	return mount_answer(m, plan, err);
}
