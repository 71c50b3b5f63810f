/*
 * The error object of set-up code: one line for the user, filled by whoever found the fault and
 * wrapped by the layers above.  Success leaves it alone.  The data path does not use it.
 */
#ifndef DAEMON_ERR_H
#define DAEMON_ERR_H

struct err {
	char text[512];
};

/* Sets the text and returns `code` (a negative errno), so that it can stand in a return. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, int code, const char *format,
						  ...);

/* Puts "prefix: " before the text that is there. */
__attribute__((format(printf, 2, 3))) void err_wrap(struct err *err, const char *format, ...);

#endif
