/*
 * INIT: from what the kernel offers and what we wish to what is answered, with the reason for each
 * feature.  A pure function, so that offers of any kernel can be tried.
 */
#ifndef PROTO_INIT_H
#define PROTO_INIT_H

#include <stddef.h>
#include <stdint.h>

#include "conn.h"

struct proto_offer {
	uint32_t major;
	uint32_t minor;
	uint32_t max_readahead; /* bytes */
	uint64_t features;
};

struct proto_wishes {
	uint64_t features;      /* FUSE_* bits to be switched on where the kernel offers them */
	uint32_t max_write;     /* bytes; cut to what max_pages allows, at least 4096 */
	uint32_t max_readahead; /* bytes; never more than the kernel's, 0 switches it off */
	uint32_t max_pages;     /* 1 to 65535; 32 in the answer when FUSE_MAX_PAGES is off */
	uint32_t page_size;     /* bytes */
	uint16_t max_background;
	uint16_t congestion_threshold;
	uint32_t time_gran;       /* ns */
	uint32_t max_stack_depth; /* with FUSE_PASSTHROUGH */
	uint16_t request_timeout; /* s; 0 none */
	uint64_t denied;          /* FUSE_* bits that we may not use, wished or not */
	const char *denied_reason;
	int default_permissions; /* given to mount: some features need it */
};

/*
 * One INIT flag.  Those by which a kernel merely tells what it can do are on when it does, wanted
 * or not, with the reason "announced by the kernel".
 */
struct proto_feature {
	const char *name; /* "async_read" */
	uint64_t bit;
	int on;
	const char *reason; /* why it is off or on: "wanted", "not offered by the kernel", ... */
};

#define PROTO_FEATURES_MAX 64

struct proto_answer {
	uint32_t major;              /* 7 */
	uint32_t minor;              /* min(the kernel's, ours) */
	struct proto_wishes settled; /* limits as they are answered; features = those in force */
	unsigned nfeatures;
	struct proto_feature feature[PROTO_FEATURES_MAX]; /* one for each known INIT flag */
};

/* 0, or -EPROTO when the kernel's major is not 7 or its minor is too old to be served. */
int proto_init_negotiate(const struct proto_offer *offer, const struct proto_wishes *wishes,
			 struct proto_answer *answer);

/* What a decoded INIT request offers (`in` is request->in.init). */
struct fuse_init_in;
void proto_init_offer(const struct fuse_init_in *in, struct proto_offer *offer);

/* The reply's body; returns its length (8, 24 or 64 by minor). */
size_t proto_init_encode(const struct proto_answer *answer, void *body);

/* The state that encoding and decoding need from now on. */
void proto_init_conn(const struct proto_answer *answer, struct proto_conn *conn);

#endif
