/*
 * Which fields of which struct are worth a reader's eye, as tables.  Private to proto/.
 */
#ifndef PROTO_FIELD_H
#define PROTO_FIELD_H

#include <stdint.h>

#include "text.h"

/* Each adds " name=value" for the known fields that lie whole within the `size` bytes at `data`. */
void field_add_request(struct text *t, uint32_t opcode, const void *data, size_t size);
void field_add_reply(struct text *t, unsigned reply_kind, const void *data, size_t size);
void field_add_notify(struct text *t, uint32_t code, const void *data, size_t size);

#endif
