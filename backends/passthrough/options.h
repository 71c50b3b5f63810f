/*
 * The backend's -o options, from text to settled values.  It knows nothing of what they do.
 */
#ifndef PASSTHROUGH_OPTIONS_H
#define PASSTHROUGH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <llfused/backend.h>

enum pt_cache { PT_CACHE_NONE, PT_CACHE_AUTO, PT_CACHE_ALWAYS };

struct pt_options {
	char *source; /* as it was given; owned */
	enum pt_cache cache;
	uint64_t entry_timeout; /* ns; settled: by itself or by cache= */
	uint64_t attr_timeout;
	bool has_entry_timeout, has_attr_timeout;
	bool passthrough;  /* kernel passthrough where it can be had */
	bool submounts;    /* what is mounted beneath the source is shown */
	bool export;       /* file handles for NFS */
	bool watch;        /* changes of the source are told to the kernel at once */
	bool locks_source; /* locks are taken on the source's files */
	bool has_force_user, has_force_group;
	uint32_t force_user, force_group; /* owners shown; chown is EPERM then */
	uint32_t umask;                   /* permission bits that no new file gets */
	bool has_create_mode;
	uint32_t create_mode; /* of new files; directories get x where r is */
};

extern const struct llfused_option pt_options_list[];

void pt_options_defaults(struct pt_options *o);
int pt_options_set(struct pt_options *o, const char *key, const char *value,
		   struct llfused_error *error);
/* Once all are known: fills in the timeouts that cache= implies, refuses what contradicts. */
int pt_options_settle(struct pt_options *o, struct llfused_error *error);
void pt_options_free(struct pt_options *o);

#endif
