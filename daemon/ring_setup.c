/*
 * Setting up the io_uring of a queue.  It knows nothing of entries and requests.
 */
#include "ring_setup.h"

#include <errno.h>
#include <liburing.h>
#include <string.h>

#include "proto/abi.h"

#define SQ_ENTRIES 64u
#define CQ_ENTRIES 1024u

int ring_setup_make(struct io_uring *ring)
{
	static const unsigned ways[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		0,
	};
	int ret = -EINVAL;

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]) && ret == -EINVAL; i++) {
		struct io_uring_params params = {
			.flags = ways[i] | IORING_SETUP_SQE128 | IORING_SETUP_CQSIZE,
			.cq_entries = CQ_ENTRIES,
		};

		ret = io_uring_queue_init_params(SQ_ENTRIES, ring, &params);
	}
	return ret;
}

int ring_setup_probe(void)
{
	struct io_uring ring;
	int ret = ring_setup_make(&ring);

	if (ret == 0)
		io_uring_queue_exit(&ring);
	return ret;
}

/* A registration that the kernel refuses switches the feature off for the connection. */
int ring_setup_decline(int fuse_fd)
{
	struct io_uring_sqe *sqe;
	struct io_uring ring;
	int ret = ring_setup_make(&ring);

	if (ret != 0)
		return ret;
	sqe = io_uring_get_sqe(&ring);
	if (sqe) {
		memset(sqe, 0, 2 * sizeof(*sqe));
		sqe->opcode = IORING_OP_URING_CMD;
		sqe->fd = fuse_fd;
		sqe->cmd_op = PROTO_URING_CMD_REGISTER;
	}
	ret = io_uring_submit(&ring);
	io_uring_queue_exit(&ring);
	return ret < 0 ? ret : 0;
}
