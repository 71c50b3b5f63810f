/*
 * Builds valid messages for every row of the opcode table, in both layouts, as heap blocks of
 * exactly their size, so that a sanitizer sees each byte read too far.  Offsets are written by hand
 * from the kernel's layout, not through the structs under test.
 */
#ifndef TESTS_PROTO_MESSAGE_H
#define TESTS_PROTO_MESSAGE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/request.h"

#define HEAD_SIZE   40
#define ENTRY_SIZE  288
#define STALE       0xa5 /* what an op_in holds that nobody has written */
#define TEST_UNIQUE 0x1122334455667788ull

static inline void put16(void *at, size_t offset, uint16_t value)
{
	memcpy((char *)at + offset, &value, sizeof(value));
}

static inline void put32(void *at, size_t offset, uint32_t value)
{
	memcpy((char *)at + offset, &value, sizeof(value));
}

static inline void put64(void *at, size_t offset, uint64_t value)
{
	memcpy((char *)at + offset, &value, sizeof(value));
}

static inline uint16_t get16(const void *at, size_t offset)
{
	uint16_t value;

	memcpy(&value, (const char *)at + offset, sizeof(value));
	return value;
}

static inline uint32_t get32(const void *at, size_t offset)
{
	uint32_t value;

	memcpy(&value, (const char *)at + offset, sizeof(value));
	return value;
}

static inline uint64_t get64(const void *at, size_t offset)
{
	uint64_t value;

	memcpy(&value, (const char *)at + offset, sizeof(value));
	return value;
}

struct message {
	uint32_t opcode;
	uint16_t extwords; /* of 8 bytes, at the end of the tail */
	size_t fixed_size;
	size_t tail_size;
	unsigned char fixed[128];
	unsigned char tail[8192];
};

static inline struct proto_conn conn_newest(void)
{
	return (struct proto_conn){
		.minor = 45, .features = FUSE_SETXATTR_EXT, .max_write = 131072, .max_pages = 32};
}

static inline void message_tail(struct message *m, const void *data, size_t size)
{
	memcpy(m->tail + m->tail_size, data, size);
	m->tail_size += size;
}

/* Announces `size` bytes of data (or records) where the op's struct does so. */
static inline void message_announce(struct message *m, uint32_t size)
{
	switch (m->opcode) {
	case FUSE_WRITE:
	case FUSE_NOTIFY_REPLY:
		put32(m->fixed, 16, size);
		break;
	case FUSE_SETXATTR:
	case FUSE_BATCH_FORGET:
		put32(m->fixed, 0, size);
		break;
	case FUSE_IOCTL:
		put32(m->fixed, 24, size);
		break;
	default:
		break;
	}
}

/* A struct of distinct bytes and the names or data that belong to it. */
static inline void message_make(struct message *m, const struct proto_opcode *op, size_t fixed_size)
{
	static const uint64_t forgets[] = {101, 1, 102, 2, 103, 3};

	memset(m, 0, sizeof(*m));
	m->opcode = op->number;
	m->fixed_size = fixed_size;
	for (size_t i = 0; i < fixed_size; i++)
		m->fixed[i] = (unsigned char)(i + 1);
	switch (op->layout) {
	case PROTO_NAME:
		message_tail(m, op->number == FUSE_TMPFILE ? "/" : "name",
			     op->number == FUSE_TMPFILE ? 2 : 5);
		break;
	case PROTO_NAME_NAME:
		message_tail(m, "first\0second", 13);
		break;
	case PROTO_NAME_VALUE:
		message_tail(m, "user.key\0value", 14);
		message_announce(m, 5);
		break;
	case PROTO_DATA:
	case PROTO_IOCTL_DATA:
		message_tail(m, "bytes", 5);
		message_announce(m, 5);
		break;
	case PROTO_FORGETS:
		message_tail(m, forgets, sizeof(forgets));
		message_announce(m, 3);
		break;
	case PROTO_OPAQUE:
		message_tail(m, "anything", 8);
		break;
	default:
		break;
	}
}

static inline size_t message_size(const struct message *m)
{
	return HEAD_SIZE + m->fixed_size + m->tail_size;
}

static inline void message_head(const struct message *m, void *at, uint32_t len)
{
	put32(at, 0, len);
	put32(at, 4, m->opcode);
	put64(at, 8, TEST_UNIQUE);
	put64(at, 16, 77);   /* nodeid */
	put32(at, 24, 1000); /* uid */
	put32(at, 28, 1001); /* gid */
	put32(at, 32, 4321); /* pid */
	put16(at, 36, m->extwords);
	put16(at, 38, 0);
}

/* The first `size` bytes of the message as read from the device, with that length said; bytes
 * beyond its end are 'x'.  To be freed. */
static inline void *message_classic(const struct message *m, size_t size)
{
	size_t whole = message_size(m);
	char *all = malloc(whole > size ? whole : size);
	char *cut = malloc(size);

	memset(all, 'x', whole > size ? whole : size);
	message_head(m, all, (uint32_t)size);
	memcpy(all + HEAD_SIZE, m->fixed, m->fixed_size);
	memcpy(all + HEAD_SIZE + m->fixed_size, m->tail, m->tail_size);
	memcpy(cut, all, size);
	free(all);
	return cut;
}

/* The same as a ring entry with `payload_size` bytes of payload. */
struct entry {
	char *header;
	char *payload;
	size_t payload_size;
};

static inline size_t message_payload_size(const struct message *m)
{
	return (m->opcode == FUSE_NOTIFY_REPLY ? m->fixed_size : 0) + m->tail_size;
}

static inline struct entry message_ring(const struct message *m, size_t payload_size)
{
	size_t inlined = m->opcode == FUSE_NOTIFY_REPLY ? m->fixed_size : 0;
	size_t total = HEAD_SIZE + m->fixed_size - inlined + payload_size;
	struct entry e = {
		.header = malloc(ENTRY_SIZE),
		.payload = malloc(payload_size),
		.payload_size = payload_size,
	};

	memset(e.header, STALE, 256);
	memset(e.header + 256, 0, 32);
	message_head(m, e.header, (uint32_t)total);
	if (inlined == 0)
		memcpy(e.header + 128, m->fixed, m->fixed_size);
	put64(e.header, 264, TEST_UNIQUE + 1); /* commit_id */
	put32(e.header, 272, (uint32_t)payload_size);
	for (size_t i = 0; i < payload_size; i++) {
		if (i < inlined)
			e.payload[i] = (char)m->fixed[i];
		else
			e.payload[i] =
				i - inlined < m->tail_size ? (char)m->tail[i - inlined] : 'x';
	}
	return e;
}

static inline void entry_free(struct entry *e)
{
	free(e->header);
	free(e->payload);
}

static inline int message_decode(const struct proto_conn *conn, const struct message *m,
				 struct proto_request *out, void **block)
{
	*block = message_classic(m, message_size(m));
	return proto_decode(conn, *block, message_size(m), out);
}

/* Only the verdict: what `out` points to is freed. */
static inline int message_verdict(const struct proto_conn *conn, const struct message *m)
{
	struct proto_request out;
	void *block;
	int err = message_decode(conn, m, &out, &block);

	free(block);
	return err;
}

#endif
