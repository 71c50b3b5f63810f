/*
 * For the tests of names: the backend of pt_ops.h, and the source by a descriptor, since threads
 * that make files leave their working directory.
 */
#ifndef TESTS_PT_NAMES_FIXTURE_H
#define TESTS_PT_NAMES_FIXTURE_H

#include "pt_ops.h"

#include <stdint.h>
#include <sys/stat.h>

#define ROOT LLFUSED_ROOT_ID

/* The source; after src_start_beneath() the directory in which it is "source". */
extern int src_fd;

void src_start(void);
void src_start_with(const char *options);
void src_start_beneath(const char *options);
void src_stop(void);

/* On the source. */
struct stat src_stat(const char *name); /* lstat */
void src_file(const char *name);
void src_dir(const char *name);
void src_mount(const char *name, const char *type);

/* Through the backend, on a thread that may sleep.  A nodeid, its count raised, or an errno. */
int64_t src_look(uint64_t dir, const char *name);
int src_look_as(struct llfused_ctx *ctx, uint64_t dir, const char *name,
		struct llfused_entry *entry);
void src_forget(int64_t nodeid);

/* A caller on a thread that may not sleep (the source is memory), in a mount where umasks are left
 * to the backend; her own is 027. */
#define ALICE 12345
extern struct llfused_ctx src_alice;
void src_start_for_alice(const char *options);

/* What is in the source's root under the name is hers, and is what the entry says. */
void src_expect_alices(const char *name, const struct llfused_entry *entry, mode_t mode);
/* In the root, with the mode 0666. */
int src_create(const char *name, uint32_t flags, struct llfused_entry *entry,
	       struct llfused_open *out);
int src_tmpfile(uint32_t flags, struct llfused_entry *entry, struct llfused_open *out);

#endif
