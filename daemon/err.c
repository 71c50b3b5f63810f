/*
 * The error line of set-up code: formatted, wrapped, always one line.
 * It must not know who prints it, nor end the program.
 */
#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A path or an option may hold anything; what the user gets is one line all the same. */
static void keep_one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

int err_set(struct err *err, int code, const char *format, ...)
{
	char text[sizeof err->text]; /* an argument may be the old text */
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	keep_one_line(text);
	memcpy(err->text, text, sizeof text);
	return code;
}

void err_wrap(struct err *err, const char *format, ...)
{
	char text[sizeof err->text];
	va_list args;
	size_t len;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	len = strlen(text);
	/* What does not fit is cut off at its end. */
	if (snprintf(text + len, sizeof text - len, ": %s", err->text) < 0)
		return;
	keep_one_line(text);
	memcpy(err->text, text, sizeof text);
}
