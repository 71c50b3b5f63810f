/*
 * Layout of a FUSE-over-io_uring entry and of its commands, as far as bytes go.
 */
#ifndef PROTO_RING_H
#define PROTO_RING_H

#include <stddef.h>
#include <stdint.h>

#include "abi.h"

/* The header buffer's reply half: error, unique and the number of bytes in the payload (0 on
 * error). */
void proto_ring_reply(void *header, uint64_t unique, int error, uint32_t payload_size);

/* Smallest payload buffer for these limits. */
size_t proto_ring_payload_min(uint32_t max_write, uint32_t max_pages, uint32_t page_size);

#endif
