/*
 * Operations on the flags of chattr(1), which reach a file system by ioctl; and what files refuse
 * that must not change or only grow.  Knows nothing of the other side.
 */
#include "allow.h"
#include "gen.h"
#include "ops.h"
#include "spare.h"
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Without effect on what the other operations find. */
#define HARMLESS (FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL | FS_TOPDIR_FL)

/* Sees what an ioctl has changed: see the list of allowed differences. */
static void refresh(int fd)
{
	struct statx st;

	if (allow_is_on("ioctl-stale"))
		statx(fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st);
}

static void gen_handle_only(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
}

static void exec_getflags(struct worker *w, const struct op *op, struct result *r)
{
	int flags = 0;

	worker_done(r, ioctl(worker_fd(w, op->num[0]), FS_IOC_GETFLAGS, &flags));
	if (r->err == 0)
		worker_say(w, r, "flags=%#x", (unsigned)flags);
}

static void gen_setflags(struct gen *g, struct op *op)
{
	static const int flags[] = {0,          FS_NODUMP_FL, FS_NODUMP_FL, FS_NOATIME_FL,
				    FS_SYNC_FL, FS_TOPDIR_FL};

	op->num[0] = gen_handle(g, WANT_ANY);
	op->num[1] = RNG_PICK(&g->rng, flags);
}

/* What the file system keeps in the other flags stays. */
static void exec_setflags(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]), flags = 0;

	worker_done(r, ioctl(fd, FS_IOC_GETFLAGS, &flags));
	if (r->err)
		return;
	flags = (flags & ~HARMLESS) | ((int)op->num[1] & HARMLESS);
	worker_done(r, ioctl(fd, FS_IOC_SETFLAGS, &flags));
	refresh(fd);
}

static void gen_fsxattr(struct gen *g, struct op *op)
{
	op->num[0] = gen_handle(g, WANT_ANY);
	op->num[1] = rng_chance(&g->rng, 50);
}

/* Asks for the other form of the flags; or gives it back with one turned over. */
static void exec_fsxattr(struct worker *w, const struct op *op, struct result *r)
{
	int fd = worker_fd(w, op->num[0]);
	struct fsxattr x = {0};

	worker_done(r, ioctl(fd, FS_IOC_FSGETXATTR, &x));
	if (r->err)
		return;
	worker_say(w, r, "xflags=%#x extsize=%u projid=%u cowextsize=%u", x.fsx_xflags,
		   x.fsx_extsize, x.fsx_projid, x.fsx_cowextsize);
	x.fsx_xflags ^= FS_XFLAG_NODUMP;
	if (op->num[1])
		worker_done(r, ioctl(fd, FS_IOC_FSSETXATTR, &x));
	refresh(fd);
}

/* ---- files that must not change ---- */

static void gen_frozen(struct gen *g, struct op *op)
{
	op->num[0] = rng_chance(&g->rng, 50) ? FS_IMMUTABLE_FL : FS_APPEND_FL;
	gen_path(g, op, 0, rng_chance(&g->rng, 80) ? WANT_FILE : WANT_DIR);
}

static void say_try(struct worker *w, struct result *r, const char *what, int64_t ret)
{
	worker_say(w, r, " %s=%s", what, ret < 0 ? strerrorname_np(errno) : "done");
}

/* A change through an open of its own. */
static void try_open(struct worker *w, struct result *r, const char *what, int flags)
{
	int fd = open(w->path[0], flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	say_try(w, r, what, fd);
	if (fd >= 0)
		close(fd);
}

static void try_names(struct worker *w, struct result *r)
{
	static const char other[] = "frozen.tmp";

	say_try(w, r, "link", linkat(AT_FDCWD, w->path[0], AT_FDCWD, other, 0));
	unlink(other);
	say_try(w, r, "rename", renameat2(AT_FDCWD, w->path[0], AT_FDCWD, other, RENAME_NOREPLACE));
	renameat2(AT_FDCWD, other, AT_FDCWD, w->path[0], RENAME_NOREPLACE);
}

/* fd was opened before, if the file let us. */
static void try_all(struct worker *w, struct result *r, int fd, bool dir)
{
	try_names(w, r);
	say_try(w, r, "chmod", fchmodat(AT_FDCWD, w->path[0], 0644, 0));
	say_try(w, r, "chown", fchownat(AT_FDCWD, w->path[0], 0, 0, AT_SYMLINK_NOFOLLOW));
	say_try(w, r, "now", utimensat(AT_FDCWD, w->path[0], NULL, AT_SYMLINK_NOFOLLOW));
	say_try(w, r, "times", utimes(w->path[0], (struct timeval[2]){{1, 0}, {1, 0}}));
	say_try(w, r, "xattr", lsetxattr(w->path[0], "user.a", "f", 1, 0));
	say_try(w, r, "noxattr", lremovexattr(w->path[0], "user.a"));
	try_open(w, r, "read", O_RDONLY);
	if (dir)
		return;
	try_open(w, r, "open", O_WRONLY);
	try_open(w, r, "append", O_WRONLY | O_APPEND);
	try_open(w, r, "trunc", O_RDONLY | O_TRUNC);
	say_try(w, r, "truncate", truncate(w->path[0], 5));
	/* a write that takes privileges away changes more than bytes */
	if (fd < 0 || fgetxattr(fd, "security.capability", NULL, 0) >= 0)
		return;
	say_try(w, r, "write", pwrite(fd, "frozen", 6, 0));
	say_try(w, r, "ftruncate", ftruncate(fd, 6));
	say_try(w, r, "falloc", fallocate(fd, 0, 0, 6));
	say_try(w, r, "punch", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 6));
}

static void exec_frozen(struct worker *w, const struct op *op, struct result *r)
{
	const int extra = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int flags, held, fd = open(w->path[0], O_RDONLY | extra);
	struct stat st;

	worker_done(r, fd < 0 ? -1 : ioctl(fd, FS_IOC_GETFLAGS, &flags));
	if (r->err == 0) {
		held = open(w->path[0], O_RDWR | extra);
		if (held >= 0 && spare_write(held, 0, 0)) {
			close(held);
			held = -1;
		}
		flags |= (int)op->num[0] & (FS_IMMUTABLE_FL | FS_APPEND_FL);
		worker_done(r, ioctl(fd, FS_IOC_SETFLAGS, &flags));
		if (r->err == 0 && fstat(fd, &st) == 0)
			try_all(w, r, held, S_ISDIR(st.st_mode));
		flags &= ~(FS_IMMUTABLE_FL | FS_APPEND_FL);
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
		refresh(fd);
		if (held >= 0)
			close(held);
	}
	if (fd >= 0)
		close(fd);
}

static const struct op_row rows[] = {
	{"getflags", "flags", 6, ROW_ASKED, "h", gen_handle_only, exec_getflags},
	{"setflags", "flags", 6, ROW_ASKED, "hx", gen_setflags, exec_setflags},
	{"fsxattr", "flags", 6, ROW_ASKED, "hd", gen_fsxattr, exec_fsxattr},
	{"frozen", "flags", 6, ROW_ASKED | ROW_NAMES | ROW_LEAVES | ROW_READS, "px", gen_frozen,
	 exec_frozen},
};

const struct op_table ops_flags = OP_TABLE(rows);
