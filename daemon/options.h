/*
 * The command line: one table of options from which parsing and help are made.
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <llfused/backend.h>

#include "err.h"
#include "mount.h"

enum transport_choice { TRANSPORT_AUTO, TRANSPORT_DEV, TRANSPORT_URING };

/* How /dev/fuse is driven: by io_uring, or by plain read and write. */
enum io_choice { IO_AUTO, IO_URING, IO_PLAIN };

/* Whether each worker stays on a processor of its own. */
enum pin_choice { PIN_AUTO, PIN_ON, PIN_OFF };

/* What becomes of the mount when the backend reports a fatal error. */
enum on_fatal { ON_FATAL_UNMOUNT, ON_FATAL_ABANDON };

struct options_pair {
	char *key;
	char *value; /* NULL: given without one */
};

struct options {
	char *backend; /* as given: a name or a path; NULL: none */
	char *mountpoint;
	bool foreground;
	bool debug; /* one line a request and reply; implies foreground and log level debug */
	bool help;
	bool version;
	enum llfused_log_level log_level;
	unsigned workers; /* 0: chosen by the daemon */
	enum transport_choice transport;
	unsigned queue_depth; /* of transport uring; 0: chosen by the daemon */
	enum io_choice io;
	enum pin_choice pin;
	uint64_t stop_timeout; /* ns */
	bool no_signal_handlers;
	enum on_fatal on_fatal;
	uint32_t max_pending; /* requests that may be pending at once, at least 1 */
	struct mount_options mount;
	struct options_pair *backend_options; /* "source" among them */
	size_t nbackend_options;
};

/*
 * 0, or -EINVAL with one line in `err` that names the culprit.  With help or version set the rest
 * may be missing.  The result owns copies; free it with options_free() in both cases.
 */
int options_parse(int argc, char **argv, struct options *out, struct err *err);
void options_free(struct options *options);

/*
 * Holds what was kept for the backend against its table: forgets what mount(8) passes to everybody,
 * refuses what is unknown, a value too many or too few, and a source that is missing or not wanted.
 */
int options_fit_backend(struct options *options, const struct llfused_backend *backend,
			struct err *err);

/* With a backend (else NULL) its options too.  Plugins are listed, but none is opened. */
void options_help(FILE *to, const struct llfused_backend *backend);

#endif
