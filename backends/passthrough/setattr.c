/*
 * Changes of attributes: size, owner, mode and times, each by the call that a program would make on
 * the source, which so moves times and clears bits by its own rules.
 * Knows nothing of what the kernel is told afterwards.
 */
#include "attr.h"

#include "creds.h"
#include "file.h"
#include "passthrough.h"
#include "system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers of Debian 12. */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* Freeing so much memory takes longer than handing the request over. */
#define SHRINK_AT_ONCE (UINT64_C(16) << 20)

#define SET_OWNER (LLFUSED_SET_UID | LLFUSED_SET_GID)
#define SET_TIMES (LLFUSED_SET_ATIME | LLFUSED_SET_MTIME)

/* The inode that is changed: by an open file of it, or by its node. */
struct target {
	const struct pt_node *node;
	int fd; /* of the file, or O_PATH */
	bool is_open;
	struct pt_ref ref; /* if it is not open */
};

static int target_begin(const struct llfused_ctx *ctx, uint64_t nodeid,
			const struct llfused_setattr *set, struct target *t)
{
	struct pt *fs = pt_of(ctx);
	int result;

	if (set->valid & LLFUSED_SET_FH) {
		const struct pt_file *file = pt_file_at(fs, set->fh);

		if (!file)
			return -EBADF;
		*t = (struct target){.node = file->node, .fd = file->fd, .is_open = true};
		return pt_source_pace(fs, ctx, t->node->mount, PT_WORK_CHANGE);
	}
	*t = (struct target){.is_open = false};
	result = pt_node_begin(ctx, nodeid, PT_WORK_CHANGE, &t->ref);
	if (result == 0 && pt_source_stops_at(fs, t->ref.node->mount)) {
		pt_node_put(fs, &t->ref);
		return -EPERM;
	}
	t->node = t->ref.node;
	t->fd = t->ref.fd;
	return result;
}

static void target_end(struct pt *fs, struct target *t)
{
	if (!t->is_open)
		pt_node_put(fs, &t->ref);
}

/* ---- size ---- */

static bool may_sleep(const struct llfused_ctx *ctx)
{
	return (ctx->flags & LLFUSED_CTX_MAY_SLEEP) != 0;
}

/* 0, LLFUSED_AGAIN if too much would be freed here, or a negative errno. */
static int truncate_file(const struct llfused_ctx *ctx, int fd, uint64_t size)
{
	struct stat st;

	if (!may_sleep(ctx) && fstat(fd, &st) == 0 && (uint64_t)st.st_size > size + SHRINK_AT_ONCE)
		return LLFUSED_AGAIN;
	return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

/* As O_TRUNC, which reaches us as a size of 0, and moves the times of an empty file, too. */
static int truncate_by_open(const struct llfused_ctx *ctx, const struct target *t)
{
	/* somebody may hold a lease on the file: waiting for him is not for this thread */
	uint32_t flags = O_WRONLY | (may_sleep(ctx) ? 0u : O_NONBLOCK);
	int fd = pt_sys_reopen(pt_of(ctx), t->fd, flags);
	int result;

	if (fd < 0)
		return fd == -EAGAIN && !may_sleep(ctx) ? LLFUSED_AGAIN : fd;
	result = truncate_file(ctx, fd, 0);
	close(fd);
	return result;
}

/* truncate(2), which leaves the times when the size is the same.  It waits for leases. */
static int truncate_by_path(const struct llfused_ctx *ctx, const struct target *t, uint64_t size)
{
	char path[32];

	if (!may_sleep(ctx))
		return LLFUSED_AGAIN;
	pt_sys_fd_path(path, t->fd);
	return truncate(path, (off_t)size) < 0 ? -errno : 0;
}

static int set_size(const struct llfused_ctx *ctx, const struct target *t,
		    const struct llfused_setattr *set)
{
	struct pt_creds creds = {.dropped = false};
	bool kill = (set->valid & LLFUSED_SET_KILL_SUIDGID) != 0;
	int result;

	if (!S_ISREG((mode_t)t->node->type << 12))
		return -EINVAL;
	if (set->size > INT64_MAX)
		return -EFBIG;
	result = kill ? pt_creds_drop(&creds) : 0;
	if (result)
		return result;
	if (t->is_open)
		result = truncate_file(ctx, t->fd, set->size);
	else if (set->size == 0)
		result = truncate_by_open(ctx, t);
	else
		result = truncate_by_path(ctx, t, set->size);
	if (kill)
		pt_creds_end(&creds);
	return result;
}

/* ---- owner, mode, times ---- */

/* Clears setuid, setgid and capabilities, too, but of directories. */
static int set_owner(const struct llfused_ctx *ctx, const struct target *t,
		     const struct llfused_setattr *set)
{
	uid_t uid = set->valid & LLFUSED_SET_UID ? set->uid : (uid_t)-1;
	gid_t gid = set->valid & LLFUSED_SET_GID ? set->gid : (gid_t)-1;

	(void)ctx;
	return fchownat(t->fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* A request that sets nothing asks to clear setuid and setgid: before fallocate and copy_file_range
 * by somebody who must not keep them, and of chown(2) with neither id. */
static int clear_suid(const struct llfused_ctx *ctx, const struct target *t,
		      const struct llfused_setattr *set)
{
	struct pt_creds creds;
	int result = pt_creds_drop(&creds);

	if (result)
		return result;
	result = set_owner(ctx, t, set);
	pt_creds_end(&creds);
	return result;
}

static int set_mode(const struct llfused_ctx *ctx, const struct target *t,
		    const struct llfused_setattr *set)
{
	static atomic_bool is_missing; /* kernels before 6.6 */
	mode_t mode = set->mode & 07777;
	char path[32];

	(void)ctx;
	if (!atomic_load_explicit(&is_missing, memory_order_relaxed)) {
		if (syscall(SYS_fchmodat2, t->fd, "", mode, AT_EMPTY_PATH) == 0)
			return 0;
		if (errno != ENOSYS)
			return -errno;
		atomic_store_explicit(&is_missing, true, memory_order_relaxed);
	}
	pt_sys_fd_path(path, t->fd);
	return chmod(path, mode) < 0 ? -errno : 0;
}

static struct timespec time_to_set(const struct llfused_setattr *set, uint32_t bit,
				   uint32_t now_bit, const struct timespec *time)
{
	if (!(set->valid & bit))
		return (struct timespec){.tv_nsec = UTIME_OMIT};
	if (set->valid & now_bit)
		return (struct timespec){.tv_nsec = UTIME_NOW};
	return *time;
}

static int set_times(const struct llfused_ctx *ctx, const struct target *t,
		     const struct llfused_setattr *set)
{
	struct timespec times[2] = {
		time_to_set(set, LLFUSED_SET_ATIME, LLFUSED_SET_ATIME_NOW, &set->atime),
		time_to_set(set, LLFUSED_SET_MTIME, LLFUSED_SET_MTIME_NOW, &set->mtime),
	};

	(void)ctx;
	return utimensat(t->fd, "", times, AT_EMPTY_PATH) < 0 ? -errno : 0;
}

/* ---- all together ---- */

/* In an order in which none undoes another: a new size moves times, a new owner clears bits. */
static const struct {
	uint32_t bits;
	int (*set)(const struct llfused_ctx *ctx, const struct target *t,
		   const struct llfused_setattr *set);
} steps[] = {
	{LLFUSED_SET_SIZE, set_size},
	{SET_OWNER, set_owner},
	{LLFUSED_SET_MODE, set_mode},
	{SET_TIMES, set_times},
};

static int apply(const struct llfused_ctx *ctx, const struct target *t,
		 const struct llfused_setattr *set)
{
	unsigned done = 0;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int result = set->valid & steps[i].bits ? steps[i].set(ctx, t, set) : 0;

		if (result) {
			/* what the kernel has cached is wrong if there was a step before */
			if (done > 0)
				llfused_notify_inval_inode(pt_node_id(t->node), -1, 0);
			return result;
		}
		done += (set->valid & steps[i].bits) != 0;
	}
	return done > 0 ? 0 : clear_suid(ctx, t, set);
}

int pt_attr_setattr(struct llfused_ctx *ctx, uint64_t nodeid, const struct llfused_setattr *set,
		    struct llfused_attr_out *out)
{
	struct pt *fs = pt_of(ctx);
	struct target t;
	int result;

	/* whose file it is shown to be is not kept anywhere */
	if ((set->valid & SET_OWNER) && (fs->options.has_force_user || fs->options.has_force_group))
		return -EPERM;
	result = target_begin(ctx, nodeid, set, &t);
	if (result)
		return result;
	result = apply(ctx, &t, set);
	if (!result)
		result = pt_attr_answer(fs, t.node, t.fd, out);
	target_end(fs, &t);
	return result;
}
