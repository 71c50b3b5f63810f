/*
 * The functions of the public header about files that the kernel reads and writes by itself.
 * Which of them are open, and with which id, is the backend's to know.
 */
#include "host.h"

#include <errno.h>
#include <sys/ioctl.h>

#include "proto/abi.h"
#include "session_impl.h"

/* What ioctl(2) on the mounted descriptor returns, or a negative errno. */
static int command(unsigned long number, const void *arg)
{
	struct session *s = host_session();
	int ret = host_enter(s);

	if (ret != 0)
		return ret;
	if (!(s->conn.features & FUSE_PASSTHROUGH)) {
		ret = -EPERM;
	} else {
		ret = ioctl(s->fuse_fd, number, arg);
		if (ret < 0)
			ret = -errno;
	}
	host_leave(s);
	return ret;
}

LLFUSED_EXPORT int llfused_backing_open(int fd, uint32_t *id)
{
	struct proto_backing_map map = {.fd = fd};
	int ret = command(FUSE_DEV_IOC_BACKING_OPEN, &map);

	if (ret == -EISDIR) /* what newer kernels call a directory */
		return -EINVAL;
	if (ret <= 0)
		return ret < 0 ? ret : -EIO; /* ids begin at 1 */
	*id = (uint32_t)ret;
	return 0;
}

LLFUSED_EXPORT int llfused_backing_close(uint32_t id)
{
	return command(FUSE_DEV_IOC_BACKING_CLOSE, &id);
}
