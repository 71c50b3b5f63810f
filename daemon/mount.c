/*
 * Mounting: the choice among the ways, what all of them share, and taking the mount away.
 * It must not know the steps of any single way.
 */
#include "mount_ways.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "mountinfo.h"
#include "place.h"
#include "unmount.h"

#define FUSE_DEVICE "/dev/fuse"
/* For an unmount, which behind a request that waits takes as long as that does. */
#define DETACH_PATIENCE (CLOCK_SECOND / 2)

void mount_note_attached(struct mount *m)
{
	struct place place = {.dev = 0};

	/* Nobody serves yet, so the file system itself cannot be asked. */
	if (place_look(m->path, &place) < 0)
		log_warn("cannot look at the new mount at %s", m->path);
	m->attached = true;
	m->dev = place.dev;
	m->id = place.id;
}

int mount_answer(struct mount *m, struct mount_plan *plan, struct err *err)
{
	plan->answered = true;
	return plan->handshake(m->fuse_fd, plan->arg, err);
}

static bool allows_other(const struct mount_options *options)
{
	if (options->allow_other == MOUNT_DEFAULT)
		return geteuid() == 0;
	return options->allow_other == MOUNT_ON;
}

bool mount_default_permissions(const struct mount_options *options)
{
	/* Without it, whoever gets in goes past modes by way of cached entries. */
	return options->default_permissions || allows_other(options);
}

/* By the system calls.  -EPERM and -EACCES with plan->answered false: this user may not. */
static int mount_direct(struct mount *m, struct mount_plan *plan, struct err *err)
{
	int fs_fd, ret;

	m->fuse_fd = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (m->fuse_fd < 0)
		return err_set(err, -errno, FUSE_DEVICE ": %s%s", strerror(errno),
			       errno == ENOENT || errno == ENXIO || errno == ENODEV
				       ? " (is the kernel's fuse module loaded?)"
				       : "");
	fs_fd = fsopen("fuse", FSOPEN_CLOEXEC);
	if (fs_fd >= 0) {
		ret = mount_api_open(m, fs_fd, plan, err);
		close(fs_fd);
	} else if (errno == ENOSYS || errno == EPERM) {
		/* EPERM may be a sandbox that does not know the call. */
		ret = mount_classic_open(m, plan, err);
	} else {
		ret = err_set(err, -errno, "fsopen: %s", strerror(errno));
	}
	return ret;
}

static void close_fuse(struct mount *m)
{
	if (m->fuse_fd >= 0)
		close(m->fuse_fd);
	m->fuse_fd = -1;
}

static int mount_any(struct mount *m, struct mount_plan *plan, struct err *err)
{
	int ret = mount_direct(m, plan, err);

	if ((ret != -EPERM && ret != -EACCES) || plan->answered)
		return ret;
	log_debug("mounting by ourselves: %s; trying fusermount3", err->text);
	close_fuse(m);
	m->sync_init = false;
	return mount_helper_open(m, plan, err);
}

int mount_open(struct mount *m, const char *path, const struct mount_options *options,
	       const char *default_name, mount_handshake handshake, void *arg, struct err *err)
{
	struct mount_plan plan;
	int ret;

	*m = (struct mount){.fuse_fd = -1, .watch_fd = -1, .path = realpath(path, NULL)};
	if (!m->path)
		return err_set(err, -errno, "mount point %s: %s", path, strerror(errno));
	plan = (struct mount_plan){
		.path = m->path,
		.fsname = options->fsname ? options->fsname : default_name,
		.subtype = options->subtype ? options->subtype : "llfused",
		.allow_other = allows_other(options),
		.default_permissions = mount_default_permissions(options),
		.options = options,
		.handshake = handshake,
		.arg = arg,
	};
	ret = mount_any(m, &plan, err);
	if (ret == 0 && options->auto_unmount)
		ret = mount_watch_start(m, err);
	if (ret < 0) {
		err_wrap(err, "mounting on %s", m->path);
		mount_close(m);
		return ret;
	}
	m->allow_other = plan.allow_other;
	m->default_permissions = plan.default_permissions;
	return 0;
}

int mount_detach_path(const char *path)
{
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	return errno == EPERM ? mount_helper_detach(path) : -errno;
}

static bool is_ours(const struct mount *m)
{
	struct place place;

	return place_look(m->path, &place) == 0 && place.dev == m->dev && place.id == m->id;
}

/* A path leads to the topmost mount, and a descriptor of ours, which would lead below it, would
 * keep it busy for umount(8). */
static void tell_covered(const struct mount *m)
{
	if (mountinfo_has(m->path, m->dev))
		log_warn("another file system is mounted on ours at %s: ours stays below it",
			 m->path);
}

void mount_detach(struct mount *m)
{
	int ret;

	if (!m->attached)
		return;
	if (!is_ours(m)) {
		tell_covered(m);
		return;
	}
	m->attached = false;
	ret = unmount_aside(m->way == MOUNT_BY_HELPER ? mount_helper_detach : mount_detach_path,
			    m->path, DETACH_PATIENCE);
	if (ret == -EINPROGRESS)
		log_debug("the unmount of %s waits for requests", m->path);
	else if (ret < 0)
		log_warn("cannot unmount %s: %s", m->path, strerror(-ret));
}

void mount_abandon(struct mount *m)
{
	m->attached = false;
	if (m->watch_fd >= 0)
		mount_watch_dismiss(m);
}

/* Once the connection has ended, its device number may be somebody else's who mounted here anew. */
static bool may_be_ours(const struct mount *m)
{
	struct place place;
	int ret;

	if (m->id)
		return true;
	ret = place_ask(m->path, &place);
	return ret == -ENOTCONN || ret == -ECONNABORTED;
}

void mount_close(struct mount *m)
{
	/* First of all: an unmount may wait for requests that nobody serves any more. */
	close_fuse(m);
	if (m->attached && may_be_ours(m))
		mount_detach(m);
	if (m->watch_fd >= 0)
		close(m->watch_fd);
	m->watch_fd = -1;
	free(m->path);
	m->path = NULL;
}
