/*
 * What the calling thread may do on the source, for the length of one system call: as the caller of
 * the request, or without the right to keep setuid bits.  Threads have credentials, a umask and a
 * working directory of their own here.
 */
#ifndef PASSTHROUGH_CREDS_H
#define PASSTHROUGH_CREDS_H

#include <stdbool.h>
#include <stdint.h>

#include <llfused/backend.h>

struct pt;

/* What pt_creds_end() is to take back. */
struct pt_creds {
	bool switched;  /* uid */
	bool regrouped; /* gid, groups */
	bool dropped;   /* CAP_FSETID, CAP_SYS_RESOURCE */
	bool limited;   /* nothing of that: what pt_creds_begin() found the thread to be */
};

/* May the daemon make files for others?  With the rights of the calling thread. */
bool pt_creds_can_switch(void);

/*
 * Before a new inode is made: uid, gid, the group of the directory (ctx->groups) and
 * the umask of the caller.  Where the daemon may not switch, only the umask.  0, -EOVERFLOW (an
 * idmapped mount or the source's user namespace does not know the caller), or another negative
 * errno; pt_creds_end() only after 0.  The caller needs no capabilities of its own for it: the
 * kernel has checked already what it may do in the directory.  A limited thread stays so: what
 * needs more, for a caller who may exceed quotas or keep setgid, fails, and is to be tried again
 * after pt_creds_restore().
 */
int pt_creds_begin(const struct pt *fs, const struct llfused_ctx *ctx, struct pt_creds *creds);
/* As for an ordinary user: a write or truncation clears setuid and setgid, and keeps to quotas. */
int pt_creds_drop(struct pt_creds *creds);
/* Only the latter. */
int pt_creds_heed_quotas(struct pt_creds *creds);
/*
 * As pt_creds_drop(), but where it can the thread stays so, pt_creds_end() or not, since to and fro
 * costs more than an open: it is limited until pt_creds_restore().  pt_source_pace() calls that for
 * all work to which it matters.
 */
int pt_creds_limit(struct pt_creds *creds);
/* The calling thread is itself again, with all its rights.  Quick if it is.  errno is kept. */
void pt_creds_restore(void);
/* Never fails: a thread that cannot become itself again ends the daemon (llfused_fatal).  errno is
 * kept. */
void pt_creds_end(const struct pt_creds *creds);

#endif
