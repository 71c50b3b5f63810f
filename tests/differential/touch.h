/*
 * Copying from or to mapped memory that may fault: a fault ends the copy and is told, not fatal.
 * Knows nothing of files.
 */
#ifndef DIFF_TOUCH_H
#define DIFF_TOUCH_H

#include <stddef.h>

/* Installs the handlers; once a process. */
void touch_init(void);
/* Copies byte by byte, upwards.  0, ERR_SIGBUS or ERR_SIGSEGV; *done is what was copied before the
 * fault. */
int touch_copy(volatile unsigned char *to, const volatile unsigned char *from, size_t len,
	       size_t *done);

#endif
