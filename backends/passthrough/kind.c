/*
 * What sort of file system a mount is.
 * Knows nothing of other mounts.
 */
#include "kind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "handle.h"
#include "source.h"
#include "system.h"

#define HANDLES  1u
#define SIZELESS 2u
#define STACKED  4u

/*
 * By f_type of statfs(2).  What is not here is slow, since nobody knows it.  Handles: an inode that
 * the kernel has dropped is found again by them.  vfat's are not so.  Sizeless and stacked: see
 * struct pt_mount.
 */
static const struct kind {
	uint32_t magic;
	enum pt_pace pace;
	unsigned flags;
} kinds[] = {
	{0x01021994, PT_PACE_MEMORY, HANDLES},         /* tmpfs */
	{0x858458f6, PT_PACE_MEMORY, 0},               /* ramfs */
	{0x958458f6, PT_PACE_MEMORY, 0},               /* hugetlbfs */
	{0x0000ef53, PT_PACE_DISK, HANDLES},           /* ext2, ext3, ext4 */
	{0x58465342, PT_PACE_DISK, HANDLES},           /* xfs */
	{0x9123683e, PT_PACE_DISK, HANDLES},           /* btrfs */
	{0xf2f52010, PT_PACE_DISK, HANDLES},           /* f2fs */
	{0x794c7630, PT_PACE_SLOW, HANDLES | STACKED}, /* overlayfs: a layer may be anything */
	{0xe0f5e1e2, PT_PACE_DISK, HANDLES},           /* erofs */
	{0x73717368, PT_PACE_DISK, HANDLES},           /* squashfs */
	{0x00009660, PT_PACE_DISK, HANDLES},           /* iso9660 */
	{0x15013346, PT_PACE_DISK, HANDLES},           /* udf */
	{0xca451a4e, PT_PACE_DISK, HANDLES},           /* bcachefs */
	{0x2fc12fc1, PT_PACE_DISK, HANDLES},           /* zfs */
	{0x3153464a, PT_PACE_DISK, HANDLES},           /* jfs */
	{0x7366746e, PT_PACE_DISK, HANDLES},           /* ntfs3 */
	{0x00004d44, PT_PACE_DISK, 0},                 /* vfat */
	{0x2011bab0, PT_PACE_DISK, 0},                 /* exfat */
	{0x00006969, PT_PACE_SLOW, HANDLES},           /* nfs */
	{0x65735546, PT_PACE_SLOW, STACKED},           /* FUSE */
	{0x00009fa0, PT_PACE_SLOW, SIZELESS},          /* proc */
	{0x62656572, PT_PACE_SLOW, SIZELESS},          /* sysfs */
	{0x64626720, PT_PACE_SLOW, SIZELESS},          /* debugfs */
	{0x74726163, PT_PACE_SLOW, SIZELESS},          /* tracefs */
	{0x73636673, PT_PACE_SLOW, SIZELESS},          /* securityfs */
	{0x62656570, PT_PACE_SLOW, SIZELESS},          /* configfs */
	{0x0027e0eb, PT_PACE_SLOW, SIZELESS},          /* cgroup */
	{0x63677270, PT_PACE_SLOW, SIZELESS},          /* cgroup2 */
};

static struct kind kind_of(uint32_t magic)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].magic == magic)
			return kinds[i];
	return (struct kind){.magic = magic, .pace = PT_PACE_SLOW};
}

/* Makes a handle of the inode and comes back by it: so it is seen whether the file system can do
 * it, and whether we may. */
static bool handles_work(int mount_fd, int fd, const struct statx *stx)
{
	struct pt_handle handle;
	struct statx again;
	int back;
	bool same;

	if (pt_handle_make(fd, &handle))
		return false;
	back = pt_handle_open(mount_fd, &handle);
	if (back < 0)
		return false;
	same = pt_sys_stat(back, "", &again) == 0 && again.stx_ino == stx->stx_ino;
	close(back);
	return same;
}

int pt_kind_look(int fd, const struct statx *stx, struct pt_mount *mount)
{
	struct statfs sfs;
	struct kind kind;
	int opened;

	if (fstatfs(fd, &sfs) < 0)
		return -errno;
	kind = kind_of((uint32_t)sfs.f_type);
	mount->pace = kind.pace;
	mount->sizeless = kind.flags & SIZELESS;
	mount->stacked = kind.flags & STACKED;
	mount->handles = false;
	/* open_by_handle_at() takes no O_PATH descriptor.  Only a directory is opened without any
	 * effect; a mount of a single file needs no handles. */
	if ((kind.flags & HANDLES) && S_ISDIR(stx->stx_mode)) {
		opened = pt_sys_open(fd, ".", O_RDONLY | O_DIRECTORY, 0);
		if (opened >= 0 && handles_work(opened, fd, stx)) {
			mount->handles = true;
			mount->fd = opened;
			return 0;
		}
		if (opened >= 0)
			close(opened);
	}
	mount->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return mount->fd < 0 ? -errno : 0;
}
