/*
 * Settles each INIT flag and says why.  Limits and the wire are not its business.
 */
#include "feature.h"

#include <stdbool.h>

#include "abi.h"

#define BIT(n) (1ull << (n))

enum kind {
	CHOICE, /* on when offered and wished */
	INFO,   /* the kernel tells what it can do; echoing it changes nothing */
	DAX,    /* for virtiofs only */
	UNUSED  /* no kernel acts on it */
};

/* Indexed by bit. */
static const struct {
	const char *name;
	enum kind kind;
} rows[] = {
	[0] = {"async_read", CHOICE},
	[1] = {"posix_locks", CHOICE},
	[2] = {"file_ops", UNUSED},
	[3] = {"atomic_o_trunc", CHOICE},
	[4] = {"export_support", CHOICE},
	[5] = {"big_writes", CHOICE},
	[6] = {"dont_mask", CHOICE},
	[7] = {"splice_write", INFO},
	[8] = {"splice_move", INFO},
	[9] = {"splice_read", INFO},
	[10] = {"flock_locks", CHOICE},
	[11] = {"has_ioctl_dir", INFO},
	[12] = {"auto_inval_data", CHOICE},
	[13] = {"do_readdirplus", CHOICE},
	[14] = {"readdirplus_auto", CHOICE},
	[15] = {"async_dio", CHOICE},
	[16] = {"writeback_cache", CHOICE},
	[17] = {"no_open_support", INFO},
	[18] = {"parallel_dirops", CHOICE},
	[19] = {"handle_killpriv", CHOICE},
	[20] = {"posix_acl", CHOICE},
	[21] = {"abort_error", CHOICE},
	[22] = {"max_pages", CHOICE},
	[23] = {"cache_symlinks", CHOICE},
	[24] = {"no_opendir_support", INFO},
	[25] = {"explicit_inval_data", CHOICE},
	[26] = {"map_alignment", DAX},
	[27] = {"submounts", DAX},
	[28] = {"handle_killpriv_v2", CHOICE},
	[29] = {"setxattr_ext", CHOICE},
	[30] = {"init_ext", CHOICE},
	[31] = {"init_reserved", UNUSED},
	[32] = {"security_ctx", CHOICE},
	[33] = {"has_inode_dax", DAX},
	[34] = {"create_supp_group", CHOICE},
	[35] = {"has_expire_only", INFO},
	[36] = {"direct_io_allow_mmap", CHOICE},
	[37] = {"passthrough", CHOICE},
	[38] = {"no_export_support", CHOICE},
	[39] = {"has_resend", INFO},
	[40] = {"allow_idmap", CHOICE},
	[41] = {"over_io_uring", CHOICE},
	[42] = {"request_timeout", CHOICE},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))
_Static_assert(ROW_COUNT <= PROTO_FEATURES_MAX, "the answer has room for every feature");

static void switch_off(struct proto_answer *a, unsigned bit, const char *reason)
{
	a->feature[bit].on = 0;
	a->feature[bit].reason = reason;
}

/* By itself, without regard to the other features. */
static void row_settle(struct proto_feature *f, enum kind kind, bool offered,
		       const struct proto_wishes *wishes)
{
	f->on = 0;
	if (kind == DAX) {
		f->reason = "for virtiofs only";
	} else if (kind == UNUSED) {
		f->reason = "without use";
	} else if (!offered) {
		f->reason = "not offered by the kernel";
	} else if (kind == INFO) {
		f->on = 1;
		f->reason = "announced by the kernel";
	} else if (!(wishes->features & f->bit)) {
		f->reason = "not wanted";
	} else if (wishes->denied & f->bit) {
		f->reason = wishes->denied_reason;
	} else {
		f->on = 1;
		f->reason = "wanted";
	}
}

/* Features that another one forbids or replaces.  The kernel would drop some of them silently. */
static const struct {
	uint8_t off;
	uint8_t because; /* is on */
	const char *reason;
} exclusions[] = {
	{25, 12, "excluded by auto_inval_data"},
	{37, 16, "excluded by writeback_cache"},
	{38, 4, "excluded by export_support"},
	{19, 28, "replaced by handle_killpriv_v2"},
};

/* Features that make no sense without another one. */
static const struct {
	uint8_t off;
	uint8_t without; /* is off */
	const char *reason;
} needs[] = {
	{14, 13, "needs do_readdirplus"},
	{20, 6, "needs dont_mask"}, /* else the umask would spoil default ACLs */
};

static void settle_pairs(struct proto_answer *a)
{
	for (unsigned i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (a->feature[needs[i].off].on && !a->feature[needs[i].without].on)
			switch_off(a, needs[i].off, needs[i].reason);
	}
	for (unsigned i = 0; i < sizeof(exclusions) / sizeof(exclusions[0]); i++) {
		if (a->feature[exclusions[i].off].on && a->feature[exclusions[i].because].on)
			switch_off(a, exclusions[i].off, exclusions[i].reason);
	}
}

/* Features that depend on a limit, a mount option or the protocol's minor. */
static void settle_conditions(const struct proto_wishes *wishes, struct proto_answer *a)
{
	struct proto_feature *f = a->feature;

	if (f[22].on && wishes->max_pages == 0)
		switch_off(a, 22, "needs max_pages");
	if (f[37].on && (wishes->max_stack_depth < 1 || wishes->max_stack_depth > 2))
		switch_off(a, 37, "needs max_stack_depth 1 or 2");
	if (f[42].on && wishes->request_timeout == 0)
		switch_off(a, 42, "needs request_timeout");
	/* The kernel would refuse the whole connection. */
	if (f[40].on && !wishes->default_permissions && !f[20].on)
		switch_off(a, 40, "needs default_permissions or posix_acl");
	/* Before that the header does not tell where the contexts begin. */
	if (f[32].on && a->minor < 38)
		switch_off(a, 32, "needs protocol 7.38");
}

/* The flag that makes bits above 31 count comes along with them, and is useless without. */
static void settle_high(const struct proto_offer *offer, struct proto_answer *a)
{
	bool high = false;

	for (unsigned bit = 32; bit < ROW_COUNT; bit++) {
		if (a->feature[bit].on && !(offer->features & FUSE_INIT_EXT))
			switch_off(a, bit, "needs init_ext");
		high |= a->feature[bit].on;
	}
	if (high) {
		a->feature[30].on = 1;
		a->feature[30].reason = "needed by flags above bit 31";
	}
}

uint64_t feature_settle(const struct proto_offer *offer, const struct proto_wishes *wishes,
			struct proto_answer *answer)
{
	uint64_t on = 0;

	answer->nfeatures = ROW_COUNT;
	for (unsigned bit = 0; bit < ROW_COUNT; bit++) {
		struct proto_feature *f = &answer->feature[bit];

		f->name = rows[bit].name;
		f->bit = BIT(bit);
		row_settle(f, rows[bit].kind, offer->features & f->bit, wishes);
	}
	settle_high(offer, answer);
	settle_pairs(answer);
	settle_conditions(wishes, answer);
	for (unsigned bit = 0; bit < ROW_COUNT; bit++)
		on |= answer->feature[bit].on ? answer->feature[bit].bit : 0;
	return on;
}
