/*
 * File handles.
 * Knows nothing of nodes.
 */
#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

/* As the system calls want it, with room for the longest. */
union raw {
	struct file_handle head;
	unsigned char room[offsetof(struct file_handle, f_handle) + PT_HANDLE_MAX];
};

int pt_handle_make(int fd, struct pt_handle *handle)
{
	union raw raw;
	int mount_id;

	raw.head.handle_bytes = PT_HANDLE_MAX;
	if (name_to_handle_at(fd, "", &raw.head, &mount_id, AT_EMPTY_PATH) < 0)
		return -errno;
	if (raw.head.handle_bytes > PT_HANDLE_MAX || raw.head.handle_type < 0 ||
	    raw.head.handle_type > UINT8_MAX)
		return -EOVERFLOW;
	handle->size = (uint8_t)raw.head.handle_bytes;
	handle->type = (uint8_t)raw.head.handle_type;
	memcpy(handle->bytes, raw.head.f_handle, handle->size);
	return 0;
}

int pt_handle_open(int mount_fd, const struct pt_handle *handle)
{
	union raw raw;
	int fd;

	raw.head.handle_bytes = handle->size;
	raw.head.handle_type = handle->type;
	memcpy(raw.head.f_handle, handle->bytes, handle->size);
	do
		fd = open_by_handle_at(mount_fd, &raw.head, O_PATH | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return fd;
	return errno == ENOENT ? -ESTALE : -errno;
}
