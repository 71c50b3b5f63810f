/*
 * Passthrough daemons with -o watch: by each of its two ways, and with caches that are full.
 */
#ifndef INTEGRATION_PT_WATCH_H
#define INTEGRATION_PT_WATCH_H

#include "pt.h"

/* At once, that is: on a busy machine as soon as the daemon's turn comes. */
#define SEEN(condition) cr_assert(eventually_within(3000, condition), "not seen: %s", #condition)

/* The kernel would not ask again. */
#define PT_WATCH_LONG "-oattr_timeout=1000,entry_timeout=1000,watch"

enum pt_way { PT_BY_FANOTIFY, PT_BY_INOTIFY };

/* The daemon does it in this way. */
void pt_watch_choose(struct pt *p, enum pt_way way);

/* A fact of both ways, on both sorts of sources. */
#define WATCH_FACT(suite, name) \
	static void watch_##name(enum pt_kind kind, enum pt_way way); \
	PT_FACT(suite, name##_by_fanotify) \
	{ \
		watch_##name(kind, PT_BY_FANOTIFY); \
	} \
	PT_FACT(suite, name##_by_inotify) \
	{ \
		watch_##name(kind, PT_BY_INOTIFY); \
	} \
	static void watch_##name(enum pt_kind kind, enum pt_way way)

/* Makes the source, with files `f` ("one") and `dir/g` ("g") and a link `l`. */
void pt_watch_fill(struct pt *p);
/* Everything of these, and that `dir/absent` is not there, gets into the kernel's caches. */
void pt_watch_warm(const struct pt *p);

#endif
