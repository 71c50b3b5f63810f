/*
 * Text that grows in a buffer of any size, counting what did not fit.  Private to proto/.
 */
#ifndef PROTO_TEXT_H
#define PROTO_TEXT_H

#include <stddef.h>

struct text {
	char *buf;
	size_t cap;
	size_t wanted; /* length so far, also beyond cap */
};

void text_start(struct text *t, char *buf, size_t cap);
__attribute__((format(printf, 2, 3))) void text_add(struct text *t, const char *format, ...);
/* At most `limit` bytes as a quoted string, what is not printable ASCII as \xNN; when it was cut,
 * the full length follows. */
void text_quote(struct text *t, const char *data, size_t size, size_t limit);

#endif
