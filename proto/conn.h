/*
 * What INIT settled, as far as encoding and decoding depend on it.  Pure data.
 */
#ifndef PROTO_CONN_H
#define PROTO_CONN_H

#include <stdint.h>

struct proto_conn {
	uint32_t minor;     /* negotiated: 7.minor; 0 before INIT */
	uint64_t features;  /* FUSE_* INIT flags in force, flags2 in the high half */
	uint32_t max_write; /* bytes */
	uint32_t max_pages;
};

#endif
