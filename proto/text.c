/*
 * A bounded text builder.  Knows nothing of messages.
 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>

void text_start(struct text *t, char *buf, size_t cap)
{
	*t = (struct text){.buf = buf, .cap = cap};
	if (cap > 0)
		buf[0] = '\0';
}

void text_add(struct text *t, const char *format, ...)
{
	size_t room = t->wanted < t->cap ? t->cap - t->wanted : 0;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(room ? t->buf + t->wanted : NULL, room, format, args);
	va_end(args);
	if (n > 0)
		t->wanted += (size_t)n;
}

void text_quote(struct text *t, const char *data, size_t size, size_t limit)
{
	size_t shown = size < limit ? size : limit;

	text_add(t, "\"");
	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			text_add(t, "\\x%02x", c);
		else
			text_add(t, "%c", c);
	}
	text_add(t, "\"");
	if (shown < size)
		text_add(t, "...(%zu bytes)", size);
}
