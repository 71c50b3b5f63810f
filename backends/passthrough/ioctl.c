/*
 * File attributes by ioctl, passed on to the source; see ioctl.h.
 * Who may change them was checked by the kernel.
 */
#include "ioctl.h"

#include "dir.h"
#include "file.h"
#include "passthrough.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#define IS_ON_DIRECTORY 16u /* of llfused_ioctl.flags */

/*
 * The kernel turns the numbers of programs with 32 bits into its own, and checks who may set what
 * only for its own: another number that means the same must not be taken, it would come unchecked
 * from anybody.
 */
static const struct command {
	uint32_t cmd;
	uint32_t size;
	enum pt_work work;
} commands[] = {
	/* the kernel takes an int, whatever the size in the number says */
	{FS_IOC_GETFLAGS, sizeof(int), PT_WORK_LOOK},
	{FS_IOC_SETFLAGS, sizeof(int), PT_WORK_CHANGE},
	{FS_IOC_FSGETXATTR, sizeof(struct fsxattr), PT_WORK_LOOK},
	{FS_IOC_FSSETXATTR, sizeof(struct fsxattr), PT_WORK_CHANGE},
	{FS_IOC_GETVERSION, sizeof(int), PT_WORK_LOOK},
};

static const struct command *find(uint32_t cmd)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].cmd == cmd)
			return &commands[i];
	return NULL;
}

/* Of the open file or directory; -1: there is none. */
static int fd_of(const struct pt *fs, uint64_t fh, const struct llfused_ioctl *io)
{
	const struct pt_file *file;

	if (io->flags & IS_ON_DIRECTORY)
		return pt_dir_fd(fs, fh);
	file = pt_file_at(fs, fh);
	return file ? file->fd : -1;
}

static int run(const struct command *command, int fd, struct llfused_ioctl *io,
	       struct llfused_buf *out)
{
	struct fsxattr value = {.fsx_xflags = 0}; /* has room for an int, too */
	bool is_set = command->work == PT_WORK_CHANGE;

	if (is_set ? io->in_size < command->size : out->cap < command->size)
		return -EINVAL;
	if (is_set)
		memcpy(&value, io->in, command->size);
	io->result = ioctl(fd, command->cmd, &value);
	if (io->result < 0)
		return -errno;
	if (!is_set) {
		memcpy(out->data, &value, command->size);
		out->len = command->size;
	}
	return 0;
}

int pt_ioctl(struct llfused_ctx *ctx, uint64_t nodeid, uint64_t fh, struct llfused_ioctl *io,
	     struct llfused_buf *out)
{
	struct pt *fs = pt_of(ctx);
	const struct command *command = find(io->cmd);
	const struct pt_node *node = pt_node_at(fs, nodeid);
	int fd = command && node ? fd_of(fs, fh, io) : -1;
	int result;

	if (fd < 0)
		return -ENOTTY;
	result = pt_source_pace(fs, ctx, node->mount, command->work);
	if (result == 0)
		result = run(command, fd, io, out);
	/* the kernel does not know that this moves the ctime */
	if (result == 0 && command->work == PT_WORK_CHANGE && fs->options.attr_timeout > 0)
		llfused_notify_inval_inode(nodeid, -1, 0);
	return result;
}
