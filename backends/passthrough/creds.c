/*
 * Credentials, capabilities and umask of the calling thread, around single system calls.
 * Knows nothing of inodes and names.
 */
#include "creds.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "passthrough.h"

/* The calls with 32-bit ids, where the architecture has two of each. */
#ifdef SYS_setfsuid32
#define CALL_SETFSUID  SYS_setfsuid32
#define CALL_SETFSGID  SYS_setfsgid32
#define CALL_SETGROUPS SYS_setgroups32
#else
#define CALL_SETFSUID  SYS_setfsuid
#define CALL_SETFSGID  SYS_setfsgid
#define CALL_SETGROUPS SYS_setgroups
#endif

#define CAPS_WORDS _LINUX_CAPABILITY_U32S_3

/* What the thread must not do for an ordinary user: keep setuid and setgid bits, and go beyond
 * quotas and into reserved blocks. */
#define NOT_FOR_USERS (1u << CAP_FSETID | 1u << CAP_SYS_RESOURCE)

/* An id that nobody has: no file's group. */
#define NO_GROUP (UINT32_MAX - 1000)

/* What the thread is by itself.  libc's functions of these names change all threads, or remember
 * what they think is so: the calls are made raw. */
static _Thread_local struct self {
	bool known;
	bool keeps_caps; /* they stay when fsuid changes */
	bool bare;       /* has no supplementary groups any more */
	bool limited;    /* stays without NOT_FOR_USERS */
	uint32_t umask;
	uint32_t uid, gid;
	uint32_t rest_gid;               /* between ops: `gid`, or that of a limited thread */
	uint32_t proven_uid, proven_gid; /* last ones that the user namespace was seen to know */
	struct __user_cap_data_struct caps[CAPS_WORDS];
} self;

static int get_caps(struct __user_cap_data_struct caps[CAPS_WORDS])
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capget, &head, caps) < 0 ? -errno : 0;
}

/* What the thread has by itself, but for the bits of `without` (all are below 32). */
static int set_caps(uint32_t without)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[CAPS_WORDS];

	memcpy(caps, self.caps, sizeof(caps));
	caps[0].effective &= ~without;
	return syscall(SYS_capset, &head, caps) < 0 ? -errno : 0;
}

static uint32_t set_uid(uint32_t uid)
{
	return (uint32_t)syscall(CALL_SETFSUID, uid);
}

static uint32_t set_gid(uint32_t gid)
{
	return (uint32_t)syscall(CALL_SETFSGID, gid);
}

bool pt_creds_can_switch(void)
{
	const uint32_t needed = 1u << CAP_SETUID | 1u << CAP_SETGID;
	struct __user_cap_data_struct caps[CAPS_WORDS];

	return get_caps(caps) == 0 && (caps[0].effective & needed) == needed;
}

/* No use of changing fsuid changes capabilities afterwards, which saves a call each time.  A thread
 * that may not have it so raises them again. */
static bool keep_caps(void)
{
	int bits = prctl(PR_GET_SECUREBITS);

	return bits >= 0 &&
	       prctl(PR_SET_SECUREBITS, (unsigned long)bits | SECBIT_NO_SETUID_FIXUP) == 0;
}

/* The first time in each thread: a umask of its own, and with it a working directory of its own,
 * which is to keep nothing busy. */
static int know_self(void)
{
	int result;

	if (self.known)
		return 0;
	result = get_caps(self.caps);
	if (result)
		return result;
	if (syscall(SYS_unshare, CLONE_FS) < 0 || chdir("/") < 0)
		return -errno;
	self.umask = 0;
	umask(0);
	self.uid = set_uid(UINT32_MAX); /* not a valid one: only tells the present one */
	self.gid = set_gid(UINT32_MAX);
	self.rest_gid = self.gid;
	self.proven_uid = self.uid;
	self.proven_gid = self.gid;
	self.keeps_caps = keep_caps();
	self.known = true;
	return 0;
}

static void take_umask(uint32_t mask)
{
	if (self.umask == mask)
		return;
	umask(mask);
	self.umask = mask;
}

/* A user namespace may forbid them: then there are none that count. */
static int take_groups(const struct llfused_ctx *ctx)
{
	if (ctx->ngroups == 0 && self.bare)
		return 0;
	self.bare = ctx->ngroups == 0;
	if (syscall(CALL_SETGROUPS, (long)ctx->ngroups, ctx->groups) == 0 || errno == EPERM)
		return 0;
	return -errno;
}

static int take_gid(uint32_t gid)
{
	if (gid == self.rest_gid)
		return 0;
	set_gid(gid);
	if (gid == self.proven_gid)
		return 0;
	if (set_gid(UINT32_MAX) != gid)
		return -EOVERFLOW;
	self.proven_gid = gid;
	return 0;
}

static int take_uid(uint32_t uid)
{
	set_uid(uid);
	if (uid == self.proven_uid)
		return 0;
	if (set_uid(UINT32_MAX) != uid)
		return -EOVERFLOW;
	self.proven_uid = uid;
	return 0;
}

static int drop(uint32_t caps, struct pt_creds *creds)
{
	int result;

	if (!(self.caps[0].effective & caps))
		return 0;
	result = set_caps(caps);
	creds->dropped = result == 0;
	return result;
}

/* The other capabilities stay: the kernel has let the caller through already, maybe for some of its
 * own. */
static int become(const struct llfused_ctx *ctx, struct pt_creds *creds)
{
	int result = take_groups(ctx);

	if (result == 0)
		result = take_gid(ctx->gid);
	if (result == 0)
		result = take_uid(ctx->uid);
	if (result || self.limited)
		return result;
	if (self.caps[0].effective & NOT_FOR_USERS)
		return drop(NOT_FOR_USERS, creds);
	return self.keeps_caps ? 0 : set_caps(0);
}

int pt_creds_begin(const struct pt *fs, const struct llfused_ctx *ctx, struct pt_creds *creds)
{
	bool own_mask = !(fs->wants & LLFUSED_WANT_ACL) || fs->options.has_create_mode;
	int result = know_self();

	*creds = (struct pt_creds){0};
	if (result)
		return result;
	take_umask(own_mask ? 0 : ctx->umask & 0777);
	if (!fs->can_switch) {
		pt_creds_restore();
		return 0;
	}
	/* on an idmapped mount, somebody who is nobody here */
	if (ctx->flags & LLFUSED_CTX_NOCREDS)
		return -EOVERFLOW;
	creds->limited = self.limited;
	if (ctx->uid == self.uid && ctx->gid == self.rest_gid)
		return 0;
	creds->regrouped = true;
	creds->switched = ctx->uid != self.uid;
	result = creds->switched ? become(ctx, creds) : take_gid(ctx->gid);
	if (result)
		pt_creds_end(creds);
	return result;
}

/* Members of a file's group may keep a setgid bit without group-execute, also without CAP_FSETID;
 * and the daemon's groups are not the caller's.  A user namespace may not know the id: then the
 * thread keeps its own. */
static void leave_groups(void)
{
	if (!self.bare && syscall(CALL_SETGROUPS, 0L, NULL) == 0)
		self.bare = true;
	set_gid(NO_GROUP);
}

int pt_creds_drop(struct pt_creds *creds)
{
	int result = know_self();

	*creds = (struct pt_creds){0};
	if (result || self.limited)
		return result;
	result = drop(NOT_FOR_USERS, creds);
	if (creds->dropped) {
		leave_groups();
		creds->regrouped = true;
	}
	return result;
}

int pt_creds_heed_quotas(struct pt_creds *creds)
{
	int result = know_self();

	*creds = (struct pt_creds){0};
	return result || self.limited ? result : drop(1u << CAP_SYS_RESOURCE, creds);
}

static void check_self(bool back)
{
	if (!back)
		llfused_fatal("a thread could not take its own credentials again");
}

/* Where capabilities follow fsuid it cannot last: the way back from a user would raise them. */
int pt_creds_limit(struct pt_creds *creds)
{
	int result = pt_creds_drop(creds);

	if (result == 0 && creds->dropped && self.keeps_caps) {
		self.rest_gid = set_gid(UINT32_MAX);
		self.limited = true;
		*creds = (struct pt_creds){0};
	}
	return result;
}

void pt_creds_restore(void)
{
	int saved = errno;

	if (!self.limited)
		return;
	self.limited = false;
	self.rest_gid = self.gid;
	set_gid(self.gid);
	check_self(set_gid(UINT32_MAX) == self.gid && set_caps(0) == 0);
	errno = saved;
}

static bool come_home(const struct pt_creds *creds)
{
	if (creds->switched)
		set_uid(self.uid);
	set_gid(self.rest_gid);
	if (!self.bare) {
		self.bare = true;
		syscall(CALL_SETGROUPS, 0L, NULL);
	}
	return set_gid(UINT32_MAX) == self.rest_gid &&
	       (!creds->switched || set_uid(UINT32_MAX) == self.uid);
}

void pt_creds_end(const struct pt_creds *creds)
{
	int saved = errno;

	if (creds->regrouped)
		check_self(come_home(creds));
	if (creds->dropped)
		check_self(set_caps(0) == 0);
	errno = saved;
}
