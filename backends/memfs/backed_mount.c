/*
 * The private tmpfs beneath the second store: making it, and saying why there can be none.
 * Knows nothing of inodes and of files.
 */
#include "backed_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The inode number of the initial user namespace is part of the kernel's interface. */
#define INITIAL_USER_NS UINT64_C(0xeffffffd)

static int may_register_files(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	struct stat ns;

	if (syscall(SYS_capget, &head, data) < 0 || stat("/proc/self/ns/user", &ns) < 0)
		return 0;
	return ns.st_ino == INITIAL_USER_NS &&
	       (data[CAP_TO_INDEX(CAP_SYS_ADMIN)].effective & CAP_TO_MASK(CAP_SYS_ADMIN));
}

static int set(int context, const char *key, const char *value)
{
	return fsconfig(context, FSCONFIG_SET_STRING, key, value, 0);
}

/* The limit on data is its own; the one on inodes stays ours. */
static int configure(int context, uint64_t pages)
{
	char blocks[24];

	snprintf(blocks, sizeof(blocks), "%ju", (uintmax_t)pages);
	if (set(context, "nr_blocks", blocks) < 0 || set(context, "nr_inodes", "0") < 0 ||
	    set(context, "mode", "0700") < 0)
		return -1;
	return fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* The root of a tmpfs that is mounted nowhere; -1 and errno. */
static int make_tmpfs(uint64_t pages)
{
	int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int root = -1;
	int error;

	if (context < 0)
		return -1;
	if (configure(context, pages) == 0)
		root = fsmount(context, FSMOUNT_CLOEXEC, 0);
	error = errno;
	close(context);
	errno = error;
	return root;
}

static int make_dirs(int root)
{
	char name[3];

	for (unsigned i = 0; i < BACKED_DIRS; i++) {
		snprintf(name, sizeof(name), "%02x", i);
		if (mkdirat(root, name, 0700) < 0)
			return -1;
	}
	return 0;
}

static int fill_in(struct backed *backed, uint64_t pages)
{
	int result;

	backed->root = make_tmpfs(pages);
	if (backed->root < 0 || make_dirs(backed->root) < 0)
		return -errno;
	backed->pages = openat(backed->root, "pages", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (backed->pages < 0)
		return -errno;
	result = backed_idle_start(backed);
	return result ? result : backed_space_start(backed, pages);
}

int backed_start(struct memfs *fs, struct llfused_error *error)
{
	int result;

	if (!may_register_files()) {
		snprintf(error->text, sizeof(error->text),
			 "option data=passthrough takes CAP_SYS_ADMIN in the initial user "
			 "namespace: run as root there, or with data=cached");
		return -EPERM;
	}
	fs->backed = malloc(sizeof(*fs->backed));
	if (!fs->backed)
		return -ENOMEM;
	*fs->backed = (struct backed){.root = -1, .pages = -1, .context = -1};
	pthread_mutex_init(&fs->backed->lock, NULL);
	result = fill_in(fs->backed, fs->limits.max_pages);
	if (result)
		snprintf(error->text, sizeof(error->text),
			 "option data=passthrough: cannot make a tmpfs for the data (%s): run with "
			 "data=cached",
			 strerror(-result));
	return result;
}

int backed_init(struct memfs *fs, const struct llfused_conn *conn)
{
	struct mount_attr noatime = {
		.attr_set = MOUNT_ATTR_NOATIME,
		.attr_clr = MOUNT_ATTR__ATIME,
	};

	if (!(conn->want & LLFUSED_WANT_PASSTHROUGH))
		return llfused_fatal("option data=passthrough: this kernel has no FUSE passthrough "
				     "(Linux 6.9 with CONFIG_FUSE_PASSTHROUGH): run with "
				     "data=cached");
	if (fs->noatime &&
	    mount_setattr(fs->backed->root, "", AT_EMPTY_PATH, &noatime, sizeof(noatime)) < 0)
		return llfused_fatal("option data=passthrough: cannot switch access times off "
				     "(%s): mount without noatime, or with data=cached",
				     strerror(errno));
	return 0;
}

/* With its descriptors the tmpfs goes, as soon as the kernel has no file of it open. */
void backed_stop(struct memfs *fs)
{
	struct backed *backed = fs->backed;

	if (!backed)
		return;
	backed_idle_stop(backed);
	backed_space_stop(backed);
	if (backed->pages >= 0)
		close(backed->pages);
	if (backed->root >= 0)
		close(backed->root);
	pthread_mutex_destroy(&backed->lock);
	free(backed);
	fs->backed = NULL;
}
