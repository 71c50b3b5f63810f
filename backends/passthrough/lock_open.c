/*
 * The descriptor by which an owner takes its record locks: one that nobody shares, with the rights
 * that its locks need.
 */
#include "lock_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "file.h"
#include "passthrough.h"
#include "system.h"

const struct llfused_lock pt_lock_everything = {.end = INT64_MAX, .type = F_UNLCK};

static void close_fd(struct pt *fs, int fd)
{
	close(fd);
	pt_node_fd_free(fs);
}

static void set_lender(struct pt_locks *locks, struct pt_holder *holder,
		       const struct pt_file *lender)
{
	pthread_mutex_lock(&locks->mutex);
	holder->lender = lender;
	pthread_mutex_unlock(&locks->mutex);
}

/* A description can be lent to one holder at a time. */
static bool borrow(struct pt_locks *locks, struct pt_holder *holder, const struct pt_file *file)
{
	const struct pt_holder *other;
	bool lent = false;

	pthread_mutex_lock(&locks->mutex);
	for (other = *pt_holder_bucket(locks, holder->nodeid); other && !lent; other = other->next)
		lent = other->lender == file;
	if (!lent)
		holder->lender = file;
	pthread_mutex_unlock(&locks->mutex);
	return !lent;
}

/* The inode opened anew as far as that is allowed now: a file may have been opened when it still
 * was, or made with a mode that forbids it. */
static int open_anew(const struct pt *fs, const struct pt_file *file)
{
	uint32_t access = file->flags & O_ACCMODE;
	int fd = -EACCES;

	/* its owner may open it for reading, too, and want read locks then */
	if (access == O_WRONLY)
		fd = pt_sys_reopen(fs, file->fd, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fd = pt_sys_reopen(fs, file->fd, access | O_NONBLOCK | O_CLOEXEC);
	return fd;
}

/* A description for the locks of the holder alone, or a negative errno. */
static int open_description(struct pt *fs, struct pt_holder *holder, const struct pt_file *file,
			    bool *lent)
{
	int ret = pt_node_fd_take(fs);
	int fd;

	if (ret != 0)
		return ret;
	fd = open_anew(fs, file);
	*lent = fd < 0 && borrow(fs->locks, holder, file);
	if (*lent)
		fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		pt_node_fd_free(fs);
	return fd;
}

/* Takes all that is held by another description, too: read locks, which do not exclude each other.
 */
static int copy_locks(const struct pt_holder *holder, int fd)
{
	int ret = 0;

	for (uint32_t i = 0; i < holder->held.count && ret == 0; i++) {
		const struct pt_range *r = &holder->held.list[i];
		struct llfused_lock lock = {.start = r->start, .end = r->end, .type = r->type};

		ret = pt_lock_fcntl(fd, F_OFD_SETLK, &lock);
	}
	return ret;
}

static void use_description(struct pt *fs, struct pt_holder *holder, int fd)
{
	int access = fcntl(fd, F_GETFL) & O_ACCMODE;

	if (holder->fd >= 0) {
		/* who lent it has it open still */
		pt_lock_fcntl(holder->fd, F_OFD_SETLK, &pt_lock_everything);
		close_fd(fs, holder->fd);
	}
	holder->fd = fd;
	holder->readable = access != O_WRONLY;
	holder->writable = access != O_RDONLY;
}

static bool is_waited_on(struct pt_locks *locks, const struct pt_holder *holder)
{
	bool waited_on;

	pthread_mutex_lock(&locks->mutex);
	waited_on = holder->waits > 0;
	pthread_mutex_unlock(&locks->mutex);
	return waited_on;
}

int pt_holder_open(struct pt *fs, struct pt_holder *holder, const struct pt_file *file,
		   uint32_t type)
{
	const struct pt_file *lender = holder->lender;
	bool lent = false;
	int fd;

	if (holder->fd >= 0 && (type == F_WRLCK ? holder->writable : holder->readable))
		return 0;
	/* who waits would get the lock for a description that is no longer the owner's */
	if (is_waited_on(fs->locks, holder))
		return -ENOLCK;
	fd = open_description(fs, holder, file, &lent);
	if (fd >= 0 && copy_locks(holder, fd) != 0) {
		close_fd(fs, fd);
		fd = -ENOLCK;
	}
	if (fd >= 0)
		use_description(fs, holder, fd);
	else
		set_lender(fs->locks, holder, lender);
	if (fd >= 0 && !lent)
		set_lender(fs->locks, holder, NULL);
	return fd >= 0 ? 0 : -ENOLCK;
}

void pt_holder_close(struct pt *fs, struct pt_holder *holder)
{
	if (holder->fd >= 0)
		close_fd(fs, holder->fd);
	holder->fd = -1;
}
