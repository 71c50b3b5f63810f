/*
 * INIT: the limits, and the wire forms of offer and answer.  Single features are settled in
 * feature.c; what a feature means to the daemon is known to neither.
 */
#include "init.h"

#include <errno.h>
#include <string.h>

#include "abi.h"
#include "feature.h"

#define PAGES_WITHOUT_FLAG 32
#define MAX_WRITE_LEAST    4096
#define TIME_GRAN_MAX      1000000000u
#define PAGE_SIZE_DEFAULT  4096

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t settle_max_write(uint32_t wish, uint32_t pages, uint32_t page_size)
{
	uint64_t room = (uint64_t)pages * page_size;

	if (wish > room)
		wish = (uint32_t)room;
	return wish < MAX_WRITE_LEAST ? MAX_WRITE_LEAST : wish;
}

/* What the kernel would ignore is zeroed, so that the answer shows what is in force. */
static void settle_limits(const struct proto_offer *offer, struct proto_wishes *s)
{
	if (s->page_size == 0)
		s->page_size = PAGE_SIZE_DEFAULT;
	s->max_readahead = min_u32(s->max_readahead, offer->max_readahead);
	s->max_pages = s->features & FUSE_MAX_PAGES ? min_u32(s->max_pages, UINT16_MAX)
						    : PAGES_WITHOUT_FLAG;
	s->max_write = settle_max_write(s->max_write, s->max_pages, s->page_size);
	if (s->time_gran < 1 || s->time_gran > TIME_GRAN_MAX)
		s->time_gran = 1;
	if (!(s->features & FUSE_PASSTHROUGH))
		s->max_stack_depth = 0;
	if (!(s->features & FUSE_REQUEST_TIMEOUT))
		s->request_timeout = 0;
}

int proto_init_negotiate(const struct proto_offer *offer, const struct proto_wishes *wishes,
			 struct proto_answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	if (offer->major != PROTO_MAJOR || offer->minor < PROTO_MINOR_OLDEST)
		return -EPROTO;
	answer->major = PROTO_MAJOR;
	answer->minor = min_u32(offer->minor, PROTO_MINOR);
	answer->settled = *wishes;
	answer->settled.features = feature_settle(offer, wishes, answer);
	settle_limits(offer, &answer->settled);
	return 0;
}

void proto_init_offer(const struct fuse_init_in *in, struct proto_offer *offer)
{
	/* Fields that an old kernel did not send are zero already. */
	*offer = (struct proto_offer){
		.major = in->major,
		.minor = in->minor,
		.max_readahead = in->max_readahead,
		.features = in->flags,
	};
	if (in->flags & FUSE_INIT_EXT)
		offer->features |= (uint64_t)in->flags2 << 32;
}

static size_t answer_size(uint32_t minor)
{
	if (minor < 5)
		return FUSE_COMPAT_INIT_OUT_SIZE;
	if (minor < 23)
		return FUSE_COMPAT_22_INIT_OUT_SIZE;
	return sizeof(struct proto_init_out);
}

size_t proto_init_encode(const struct proto_answer *answer, void *body)
{
	const struct proto_wishes *s = &answer->settled;
	struct proto_init_out out = {
		.major = answer->major,
		.minor = answer->minor,
		.max_readahead = s->max_readahead,
		.flags = (uint32_t)s->features,
		.max_background = s->max_background,
		.congestion_threshold = s->congestion_threshold,
		.max_write = s->max_write,
		.time_gran = s->time_gran,
		.max_pages = s->features & FUSE_MAX_PAGES ? (uint16_t)s->max_pages : 0,
		.flags2 = (uint32_t)(s->features >> 32),
		.max_stack_depth = s->max_stack_depth,
		.request_timeout = s->request_timeout,
	};
	size_t size = answer_size(answer->minor);

	memcpy(body, &out, size);
	return size;
}

void proto_init_conn(const struct proto_answer *answer, struct proto_conn *conn)
{
	*conn = (struct proto_conn){
		.minor = answer->minor,
		.features = answer->settled.features,
		.max_write = answer->settled.max_write,
		.max_pages = answer->settled.max_pages,
	};
}
