/*
 * Bytes of a FUSE-over-io_uring entry on the way back.  Submitting it is not known here.
 */
#include "ring.h"

#include <string.h>

#include "reply.h"

void proto_ring_reply(void *header, uint64_t unique, int error, uint32_t payload_size)
{
	char *at = header;
	struct fuse_out_header out;
	uint32_t size;

	proto_put_header(at, unique, error, payload_size);
	memcpy(&out, at, sizeof(out));
	size = out.len - (uint32_t)sizeof(out);
	memcpy(at + offsetof(struct proto_uring_req_header, ring_ent_in_out.payload_sz), &size,
	       sizeof(size));
}

size_t proto_ring_payload_min(uint32_t max_write, uint32_t max_pages, uint32_t page_size)
{
	size_t pages = (size_t)max_pages * page_size;
	size_t size = FUSE_MIN_READ_BUFFER;

	if (max_write > size)
		size = max_write;
	return pages > size ? pages : size;
}
