/*
 * The files of the second store: made, looked at, changed and removed, one for each inode.
 * Knows nothing of requests on data, and of why a file is open.
 */
#include "backed_impl.h"

#include "attr.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

struct backed_name backed_name(const struct inode *inode)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t file = inode->backed.file;
	struct backed_name name = {0};
	char *to = name.text;

	*to++ = digits[file >> 4 & 15];
	*to++ = digits[file & 15];
	*to++ = '/';
	do
		*to++ = digits[file & 15];
	while (file >>= 4);
	*to = '\0';
	return name;
}

/* ---- looking ---- */

static int look(const struct memfs *fs, const struct inode *inode, struct stat *st)
{
	struct backed_name name = backed_name(inode);

	return fstatat(fs->backed->root, name.text, st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

void backed_fill(const struct memfs *fs, const struct inode *inode, struct llfused_attr *out)
{
	struct stat st;

	if (!inode->backed.opens || look(fs, inode, &st))
		return;
	out->size = (uint64_t)st.st_size;
	out->blocks = (uint64_t)st.st_blocks;
	out->atime = st.st_atim;
	out->mtime = st.st_mtim;
	out->ctime = st.st_ctim;
}

void backed_refresh(const struct memfs *fs, struct inode *inode)
{
	struct stat st;

	if (look(fs, inode, &st))
		return;
	if (inode->backed.state & BACKED_DYING)
		backed_space_dying(fs->backed, st.st_blocks - (int64_t)inode->backed.blocks);
	inode->backed.size = (uint64_t)st.st_size;
	inode->backed.blocks = (uint64_t)st.st_blocks;
	attr_set_time(inode, INODE_ATIME, &st.st_atim);
	attr_set_time(inode, INODE_MTIME, &st.st_mtim);
	attr_set_time(inode, INODE_CTIME, &st.st_ctim);
}

int backed_descriptor(const struct memfs *fs, const struct inode *inode, int flags)
{
	struct backed_name name = backed_name(inode);
	int fd = openat(fs->backed->root, name.text, flags | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- life ---- */

int backed_make(struct memfs *fs, struct inode *inode)
{
	struct backed_name name;

	inode->backed.file = atomic_load_explicit(&inode->ino, memory_order_relaxed);
	name = backed_name(inode);
	if (mknodat(fs->backed->root, name.text, S_IFREG | 0600, 0) < 0)
		return -errno;
	backed_refresh(fs, inode);
	inode->sec[INODE_BTIME] = inode->sec[INODE_CTIME];
	inode->nsec[INODE_BTIME] = inode->nsec[INODE_CTIME];
	return 0;
}

void backed_judge(struct memfs *fs, struct inode *inode)
{
	int dying = !inode->nlink && !inode->backed.opens;
	int64_t blocks = (int64_t)inode->backed.blocks;

	if (dying == !!(inode->backed.state & BACKED_DYING))
		return;
	inode->backed.state ^= BACKED_DYING;
	backed_space_dying(fs->backed, dying ? blocks : -blocks);
}

void backed_free(struct memfs *fs, struct inode *inode)
{
	struct backed_name name = backed_name(inode);

	backed_drop_id(inode);
	unlinkat(fs->backed->root, name.text, 0);
	if (inode->backed.state & BACKED_DYING)
		backed_space_dying(fs->backed, -(int64_t)inode->backed.blocks);
}

/* ---- changing ---- */

void backed_touch(const struct memfs *fs, struct inode *inode)
{
	struct backed_name name = backed_name(inode);

	/* the kernel moves ctime, by its own clock, although the mode stays as it is */
	fchmodat(fs->backed->root, name.text, 0600, 0);
	backed_refresh(fs, inode);
}

/*
 * truncate(2) that changes nothing at all leaves the times; ftruncate (has a handle) and O_TRUNC
 * (size 0) move them always.
 */
static int size_moves_times(const struct inode *inode, const struct llfused_setattr *set)
{
	return set->size != inode->backed.size || inode->backed.blocks || set->size == 0 ||
	       (set->valid & LLFUSED_SET_FH);
}

static int set_size(const struct memfs *fs, const struct inode *inode, uint64_t size)
{
	int fd = backed_descriptor(fs, inode, O_WRONLY);
	int error;

	if (fd < 0)
		return fd;
	error = ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
	close(fd);
	return error;
}

static struct timespec time_to_set(const struct llfused_setattr *set, uint32_t bit, uint32_t now,
				   const struct timespec *time)
{
	if (!(set->valid & bit))
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	if (set->valid & now)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return *time;
}

static int set_times(const struct memfs *fs, const struct inode *inode,
		     const struct llfused_setattr *set)
{
	struct backed_name name = backed_name(inode);
	struct timespec times[2] = {
		time_to_set(set, LLFUSED_SET_ATIME, LLFUSED_SET_ATIME_NOW, &set->atime),
		time_to_set(set, LLFUSED_SET_MTIME, LLFUSED_SET_MTIME_NOW, &set->mtime),
	};

	return utimensat(fs->backed->root, name.text, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int backed_setattr(struct memfs *fs, struct inode *inode, const struct llfused_setattr *set)
{
	uint32_t rest = set->valid & ~(uint32_t)(LLFUSED_SET_SIZE | LLFUSED_SET_LOCKOWNER);
	int moved = 0;
	int error = 0;

	if (set->valid & LLFUSED_SET_SIZE) {
		if (inode->backed.opens)
			backed_refresh(fs, inode);
		moved = size_moves_times(inode, set);
		if (moved)
			error = set_size(fs, inode, set->size);
		if (error)
			return error;
	}
	if (rest & (LLFUSED_SET_ATIME | LLFUSED_SET_MTIME))
		error = set_times(fs, inode, set);
	else if (!moved && (rest || !(set->valid & LLFUSED_SET_SIZE)))
		backed_touch(fs, inode);
	backed_refresh(fs, inode);
	return error;
}

/* ---- pages of others ---- */

int backed_take_page(struct memfs *fs, uint32_t index)
{
	return fallocate(fs->backed->pages, FALLOC_FL_KEEP_SIZE, (off_t)index * PAGE_BYTES,
			 PAGE_BYTES) < 0
		       ? -ENOSPC
		       : 0;
}

void backed_give_page(struct memfs *fs, uint32_t index)
{
	fallocate(fs->backed->pages, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
		  (off_t)index * PAGE_BYTES, PAGE_BYTES);
}
