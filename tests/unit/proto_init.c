/*
 * INIT against the offers of kernels of many ages, and each rule by which a feature is on or off.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "proto/init.h"
#include "proto_message.h"

#define ALL_WISHES UINT64_MAX

/* What 6.18 offers with the ring enabled. */
#define OFFER_6_18 (0x73fffffbull | 0x7fdull << 32)

static struct proto_offer offer_of(uint32_t minor, uint64_t features)
{
	return (struct proto_offer){
		.major = 7, .minor = minor, .max_readahead = 131072, .features = features};
}

static struct proto_wishes wishes_of(uint64_t features)
{
	return (struct proto_wishes){
		.features = features,
		.max_write = 1048576,
		.max_readahead = 1048576,
		.max_pages = 256,
		.page_size = 4096,
		.max_background = 64,
		.congestion_threshold = 48,
		.time_gran = 1,
		.max_stack_depth = 1,
		.request_timeout = 60,
		.default_permissions = 1,
	};
}

static struct proto_answer answered(uint32_t minor, uint64_t offered, struct proto_wishes wishes)
{
	struct proto_offer offer = offer_of(minor, offered);
	struct proto_answer answer;

	cr_assert_eq(proto_init_negotiate(&offer, &wishes, &answer), 0);
	return answer;
}

static struct proto_answer settled(uint64_t offered, uint64_t wished)
{
	return answered(45, offered | FUSE_INIT_EXT, wishes_of(wished));
}

static const struct proto_feature *feature(const struct proto_answer *a, uint64_t bit)
{
	for (unsigned i = 0; i < a->nfeatures; i++) {
		if (a->feature[i].bit == bit)
			return &a->feature[i];
	}
	cr_assert_fail("no row for 0x%llx", (unsigned long long)bit);
	return NULL;
}

static void expect_off(const struct proto_answer *a, uint64_t bit, const char *reason)
{
	const struct proto_feature *f = feature(a, bit);

	cr_expect_not(f->on, "%s", f->name);
	cr_expect_str_eq(f->reason, reason, "%s", f->name);
	cr_expect_eq(a->settled.features & bit, 0, "%s", f->name);
}

static void expect_on(const struct proto_answer *a, uint64_t bit, const char *reason)
{
	const struct proto_feature *f = feature(a, bit);

	cr_expect(f->on, "%s", f->name);
	cr_expect_str_eq(f->reason, reason, "%s", f->name);
	cr_expect_eq(a->settled.features & bit, bit, "%s", f->name);
}

Test(proto_init, every_known_flag_has_its_row)
{
	struct proto_answer a = settled(OFFER_6_18, 0);
	uint64_t seen = 0;

	cr_assert_eq(a.nfeatures, 43);
	for (unsigned i = 0; i < a.nfeatures; i++) {
		cr_expect_eq(a.feature[i].bit, 1ull << i);
		cr_expect(a.feature[i].name && a.feature[i].name[0]);
		cr_expect(a.feature[i].reason && a.feature[i].reason[0]);
		seen |= a.feature[i].bit;
	}
	cr_expect_eq(seen, (1ull << 43) - 1);
	cr_expect_str_eq(feature(&a, FUSE_ASYNC_READ)->name, "async_read");
	cr_expect_str_eq(feature(&a, FUSE_REQUEST_TIMEOUT)->name, "request_timeout");
	cr_expect_str_eq(feature(&a, FUSE_WRITEBACK_CACHE)->name, "writeback_cache");
	cr_expect_str_eq(feature(&a, FUSE_OVER_IO_URING)->name, "over_io_uring");
}

Test(proto_init, what_is_offered_and_wished_is_on_and_nothing_else)
{
	struct proto_answer a =
		settled(FUSE_ASYNC_READ | FUSE_BIG_WRITES, FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS);

	expect_on(&a, FUSE_ASYNC_READ, "wanted");
	expect_off(&a, FUSE_BIG_WRITES, "not wanted");
	expect_off(&a, FUSE_PARALLEL_DIROPS, "not offered by the kernel");
	cr_expect_eq(a.settled.features, FUSE_ASYNC_READ);
}

Test(proto_init, features_in_force_are_those_of_the_rows)
{
	struct proto_answer a = settled(OFFER_6_18, ALL_WISHES);
	uint64_t on = 0;

	for (unsigned i = 0; i < a.nfeatures; i++)
		on |= a.feature[i].on ? a.feature[i].bit : 0;
	cr_expect_eq(a.settled.features, on);
	cr_expect_eq(on & ~OFFER_6_18, 0, "never more than is offered");
}

Test(proto_init, announcements_are_taken_unasked)
{
	static const uint64_t infos[] = {FUSE_SPLICE_WRITE,    FUSE_SPLICE_MOVE,
					 FUSE_SPLICE_READ,     FUSE_HAS_IOCTL_DIR,
					 FUSE_NO_OPEN_SUPPORT, FUSE_NO_OPENDIR_SUPPORT,
					 FUSE_HAS_EXPIRE_ONLY, FUSE_HAS_RESEND};
	struct proto_answer a = settled(OFFER_6_18, 0), none = settled(0, ALL_WISHES);

	for (size_t i = 0; i < sizeof(infos) / sizeof(infos[0]); i++) {
		expect_on(&a, infos[i], "announced by the kernel");
		expect_off(&none, infos[i], "not offered by the kernel");
	}
}

Test(proto_init, features_of_other_servers_stay_off)
{
	struct proto_answer a = settled(UINT64_MAX, ALL_WISHES);

	expect_off(&a, FUSE_FILE_OPS, "without use");
	expect_off(&a, PROTO_INIT_RESERVED, "without use");
	expect_off(&a, FUSE_MAP_ALIGNMENT, "for virtiofs only");
	expect_off(&a, FUSE_SUBMOUNTS, "for virtiofs only");
	expect_off(&a, FUSE_HAS_INODE_DAX, "for virtiofs only");
	cr_expect_eq(a.settled.features >> 43, 0, "flags of the future");
}

/* ---- rules ---- */

Test(proto_init, explicit_invalidation_yields_to_automatic)
{
	struct proto_answer a =
		settled(OFFER_6_18, FUSE_AUTO_INVAL_DATA | FUSE_EXPLICIT_INVAL_DATA);

	expect_on(&a, FUSE_AUTO_INVAL_DATA, "wanted");
	expect_off(&a, FUSE_EXPLICIT_INVAL_DATA, "excluded by auto_inval_data");
	a = settled(OFFER_6_18, FUSE_EXPLICIT_INVAL_DATA);
	expect_on(&a, FUSE_EXPLICIT_INVAL_DATA, "wanted");
	a = settled(OFFER_6_18 & ~FUSE_AUTO_INVAL_DATA,
		    FUSE_AUTO_INVAL_DATA | FUSE_EXPLICIT_INVAL_DATA);
	expect_on(&a, FUSE_EXPLICIT_INVAL_DATA, "wanted");
}

Test(proto_init, passthrough_yields_to_writeback_cache)
{
	struct proto_answer a = settled(OFFER_6_18, FUSE_WRITEBACK_CACHE | FUSE_PASSTHROUGH);

	expect_on(&a, FUSE_WRITEBACK_CACHE, "wanted");
	expect_off(&a, FUSE_PASSTHROUGH, "excluded by writeback_cache");
	cr_expect_eq(a.settled.max_stack_depth, 0);
	a = settled(OFFER_6_18, FUSE_PASSTHROUGH);
	expect_on(&a, FUSE_PASSTHROUGH, "wanted");
	cr_expect_eq(a.settled.max_stack_depth, 1);
}

Test(proto_init, passthrough_needs_a_stack_depth_of_1_or_2)
{
	for (uint32_t depth = 0; depth <= 4; depth++) {
		struct proto_wishes wishes = wishes_of(FUSE_PASSTHROUGH);
		struct proto_answer a;

		wishes.max_stack_depth = depth;
		a = answered(45, OFFER_6_18, wishes);
		if (depth == 1 || depth == 2) {
			expect_on(&a, FUSE_PASSTHROUGH, "wanted");
			cr_expect_eq(a.settled.max_stack_depth, depth);
		} else {
			expect_off(&a, FUSE_PASSTHROUGH, "needs max_stack_depth 1 or 2");
			cr_expect_eq(a.settled.max_stack_depth, 0);
		}
	}
}

Test(proto_init, what_we_may_not_use_is_off_for_that_reason)
{
	struct proto_wishes wishes = wishes_of(FUSE_PASSTHROUGH | FUSE_ASYNC_READ);
	struct proto_answer a;

	wishes.max_stack_depth = 1;
	wishes.denied = FUSE_PASSTHROUGH | FUSE_ASYNC_DIO;
	wishes.denied_reason = "forbidden to us";
	a = answered(45, OFFER_6_18, wishes);
	expect_off(&a, FUSE_PASSTHROUGH, "forbidden to us");
	cr_expect_eq(a.settled.max_stack_depth, 0);
	expect_on(&a, FUSE_ASYNC_READ, "wanted");
	expect_off(&a, FUSE_ASYNC_DIO, "not wanted");
	a = answered(39, OFFER_6_18 & ~FUSE_PASSTHROUGH, wishes);
	expect_off(&a, FUSE_PASSTHROUGH, "not offered by the kernel");
}

Test(proto_init, adaptive_readdirplus_needs_readdirplus)
{
	struct proto_answer a = settled(OFFER_6_18, FUSE_READDIRPLUS_AUTO);

	expect_off(&a, FUSE_READDIRPLUS_AUTO, "needs do_readdirplus");
	a = settled(OFFER_6_18, FUSE_READDIRPLUS_AUTO | FUSE_DO_READDIRPLUS);
	expect_on(&a, FUSE_READDIRPLUS_AUTO, "wanted");
}

Test(proto_init, idmapped_mounts_need_permission_checks)
{
	struct proto_wishes wishes = wishes_of(FUSE_ALLOW_IDMAP);
	struct proto_answer a = answered(45, OFFER_6_18, wishes);

	expect_on(&a, FUSE_ALLOW_IDMAP, "wanted");
	wishes.default_permissions = 0;
	a = answered(45, OFFER_6_18, wishes);
	expect_off(&a, FUSE_ALLOW_IDMAP, "needs default_permissions or posix_acl");
	wishes.features |= FUSE_POSIX_ACL | FUSE_DONT_MASK;
	a = answered(45, OFFER_6_18, wishes);
	expect_on(&a, FUSE_ALLOW_IDMAP, "wanted");
	wishes.features &= ~(uint64_t)FUSE_DONT_MASK;
	a = answered(45, OFFER_6_18, wishes);
	expect_off(&a, FUSE_POSIX_ACL, "needs dont_mask");
	expect_off(&a, FUSE_ALLOW_IDMAP, "needs default_permissions or posix_acl");
}

Test(proto_init, the_second_killpriv_replaces_the_first)
{
	struct proto_answer a = settled(OFFER_6_18, FUSE_HANDLE_KILLPRIV | FUSE_HANDLE_KILLPRIV_V2);

	expect_on(&a, FUSE_HANDLE_KILLPRIV_V2, "wanted");
	expect_off(&a, FUSE_HANDLE_KILLPRIV, "replaced by handle_killpriv_v2");
	a = settled(FUSE_HANDLE_KILLPRIV, FUSE_HANDLE_KILLPRIV | FUSE_HANDLE_KILLPRIV_V2);
	expect_on(&a, FUSE_HANDLE_KILLPRIV, "wanted");
}

Test(proto_init, export_support_excludes_its_opposite)
{
	struct proto_answer a = settled(OFFER_6_18, FUSE_EXPORT_SUPPORT | FUSE_NO_EXPORT_SUPPORT);

	expect_on(&a, FUSE_EXPORT_SUPPORT, "wanted");
	expect_off(&a, FUSE_NO_EXPORT_SUPPORT, "excluded by export_support");
}

Test(proto_init, a_request_timeout_needs_its_seconds)
{
	struct proto_wishes wishes = wishes_of(FUSE_REQUEST_TIMEOUT);
	struct proto_answer a = answered(45, OFFER_6_18, wishes);

	expect_on(&a, FUSE_REQUEST_TIMEOUT, "wanted");
	cr_expect_eq(a.settled.request_timeout, 60);
	wishes.request_timeout = 0;
	a = answered(45, OFFER_6_18, wishes);
	expect_off(&a, FUSE_REQUEST_TIMEOUT, "needs request_timeout");
	a = answered(42, OFFER_6_18 & ~FUSE_REQUEST_TIMEOUT, wishes_of(FUSE_REQUEST_TIMEOUT));
	cr_expect_eq(a.settled.request_timeout, 0);
}

Test(proto_init, security_contexts_need_a_length_of_extensions)
{
	struct proto_answer a = answered(37, OFFER_6_18, wishes_of(FUSE_SECURITY_CTX));

	expect_off(&a, FUSE_SECURITY_CTX, "needs protocol 7.38");
	a = answered(38, OFFER_6_18, wishes_of(FUSE_SECURITY_CTX));
	expect_on(&a, FUSE_SECURITY_CTX, "wanted");
}

Test(proto_init, high_flags_need_init_ext_and_bring_it_along)
{
	struct proto_answer a =
		answered(45, OFFER_6_18 & ~(uint64_t)FUSE_INIT_EXT, wishes_of(ALL_WISHES));

	expect_off(&a, FUSE_PASSTHROUGH, "needs init_ext");
	expect_off(&a, FUSE_HAS_RESEND, "needs init_ext");
	cr_expect_eq(a.settled.features >> 32, 0);
	a = answered(45, FUSE_INIT_EXT | FUSE_DIRECT_IO_ALLOW_MMAP,
		     wishes_of(FUSE_DIRECT_IO_ALLOW_MMAP));
	expect_on(&a, FUSE_INIT_EXT, "needed by flags above bit 31");
	a = answered(45, FUSE_INIT_EXT | FUSE_DIRECT_IO_ALLOW_MMAP, wishes_of(0));
	expect_off(&a, FUSE_INIT_EXT, "not wanted");
}

/* ---- limits ---- */

Test(proto_init, max_write_is_what_the_pages_hold)
{
	struct proto_wishes wishes = wishes_of(FUSE_MAX_PAGES);
	struct proto_answer a = answered(45, OFFER_6_18, wishes);

	cr_expect_eq(a.settled.max_pages, 256);
	cr_expect_eq(a.settled.max_write, 1048576);
	wishes.max_write = 2 * 1048576;
	a = answered(45, OFFER_6_18, wishes);
	cr_expect_eq(a.settled.max_write, 1048576);
	wishes.max_write = 1;
	a = answered(45, OFFER_6_18, wishes);
	cr_expect_eq(a.settled.max_write, 4096);
	wishes.max_write = UINT32_MAX;
	wishes.max_pages = UINT32_MAX;
	wishes.page_size = 65536;
	a = answered(45, OFFER_6_18, wishes);
	cr_expect_eq(a.settled.max_pages, 65535);
	cr_expect_eq(a.settled.max_write, 65535u * 65536u);
}

Test(proto_init, without_max_pages_there_are_32)
{
	struct proto_wishes wishes = wishes_of(0);
	struct proto_answer a = answered(45, OFFER_6_18, wishes);

	cr_expect_eq(a.settled.max_pages, 32);
	cr_expect_eq(a.settled.max_write, 131072);
	wishes = wishes_of(FUSE_MAX_PAGES);
	wishes.max_pages = 0;
	a = answered(45, OFFER_6_18, wishes);
	expect_off(&a, FUSE_MAX_PAGES, "needs max_pages");
	cr_expect_eq(a.settled.max_pages, 32);
	wishes = wishes_of(FUSE_MAX_PAGES);
	a = answered(27, OFFER_6_18 & ~(uint64_t)FUSE_MAX_PAGES, wishes);
	cr_expect_eq(a.settled.max_write, 131072);
	wishes.page_size = 0;
	a = answered(27, 0, wishes);
	cr_expect_eq(a.settled.max_write, 131072, "pages of 4096 when nothing is known");
}

Test(proto_init, readahead_can_only_be_lowered)
{
	struct proto_wishes wishes = wishes_of(0);

	cr_expect_eq(answered(45, 0, wishes).settled.max_readahead, 131072);
	wishes.max_readahead = 4096;
	cr_expect_eq(answered(45, 0, wishes).settled.max_readahead, 4096);
	wishes.max_readahead = 0;
	cr_expect_eq(answered(45, 0, wishes).settled.max_readahead, 0);
}

Test(proto_init, granularity_lies_within_a_second)
{
	struct proto_wishes wishes = wishes_of(0);

	wishes.time_gran = 0;
	cr_expect_eq(answered(45, 0, wishes).settled.time_gran, 1);
	wishes.time_gran = 1000000000;
	cr_expect_eq(answered(45, 0, wishes).settled.time_gran, 1000000000);
	wishes.time_gran = 1000000001;
	cr_expect_eq(answered(45, 0, wishes).settled.time_gran, 1);
}

/* ---- versions and bytes ---- */

Test(proto_init, strange_versions_are_refused)
{
	static const struct {
		uint32_t major, minor;
	} strange[] = {{6, 45}, {8, 0}, {0, 0}, {UINT32_MAX, 1}, {7, 0}, {7, 2}};
	struct proto_wishes wishes = wishes_of(0);

	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		struct proto_offer offer = {.major = strange[i].major, .minor = strange[i].minor};
		struct proto_answer answer;

		cr_expect_eq(proto_init_negotiate(&offer, &wishes, &answer), -EPROTO);
	}
}

Test(proto_init, the_smaller_minor_is_spoken)
{
	cr_expect_eq(answered(31, 0, wishes_of(0)).minor, 31);
	cr_expect_eq(answered(45, 0, wishes_of(0)).minor, 45);
	cr_expect_eq(answered(46, 0, wishes_of(0)).minor, 45);
	cr_expect_eq(answered(UINT32_MAX, 0, wishes_of(0)).minor, 45);
}

Test(proto_init, the_answer_has_the_length_of_its_minor)
{
	static const struct {
		uint32_t minor;
		size_t size;
	} lengths[] = {{3, 8},   {4, 8},   {5, 24},  {8, 24},  {12, 24}, {22, 24},
		       {23, 64}, {31, 64}, {34, 64}, {36, 64}, {45, 64}, {99, 64}};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct proto_answer a = answered(lengths[i].minor, 0, wishes_of(0));
		unsigned char body[65];

		memset(body, 0x5a, sizeof(body));
		cr_expect_eq(proto_init_encode(&a, body), lengths[i].size, "7.%u",
			     lengths[i].minor);
		cr_expect_eq(body[lengths[i].size], 0x5a);
		cr_expect_eq(get32(body, 0), 7);
	}
}

Test(proto_init, the_answer_lies_as_the_kernel_reads_it)
{
	struct proto_answer a =
		answered(45, OFFER_6_18, wishes_of(ALL_WISHES & ~(uint64_t)FUSE_WRITEBACK_CACHE));
	unsigned char body[64];

	cr_assert_eq(proto_init_encode(&a, body), 64);
	cr_expect_eq(get32(body, 0), 7);
	cr_expect_eq(get32(body, 4), 45);
	cr_expect_eq(get32(body, 8), 131072);
	cr_expect_eq(get32(body, 12), (uint32_t)a.settled.features);
	cr_expect_eq(get32(body, 12) >> 30 & 1, 1, "init_ext");
	cr_expect_eq(get16(body, 16), 64);
	cr_expect_eq(get16(body, 18), 48);
	cr_expect_eq(get32(body, 20), 1048576);
	cr_expect_eq(get32(body, 24), 1);
	cr_expect_eq(get16(body, 28), 256);
	cr_expect_eq(get16(body, 30), 0);
	cr_expect_eq(get32(body, 32), a.settled.features >> 32);
	cr_expect_eq(get32(body, 32) >> 5 & 1, 1, "passthrough");
	cr_expect_eq(get32(body, 36), 1);
	cr_expect_eq(get16(body, 40), 60);
	for (size_t i = 42; i < 64; i++)
		cr_expect_eq(body[i], 0);
}

Test(proto_init, no_max_pages_is_sent_without_its_flag)
{
	struct proto_answer a = answered(45, OFFER_6_18, wishes_of(0));
	unsigned char body[64];

	proto_init_encode(&a, body);
	cr_expect_eq(get16(body, 28), 0);
}

Test(proto_init, the_connection_keeps_what_was_settled)
{
	struct proto_answer a =
		answered(31, FUSE_MAX_PAGES | FUSE_BIG_WRITES, wishes_of(ALL_WISHES));
	struct proto_conn conn;

	proto_init_conn(&a, &conn);
	cr_expect_eq(conn.minor, 31);
	cr_expect_eq(conn.features, FUSE_MAX_PAGES | FUSE_BIG_WRITES);
	cr_expect_eq(conn.max_write, 1048576);
	cr_expect_eq(conn.max_pages, 256);
}

/* ---- from the request's bytes ---- */

static struct proto_offer offered(size_t size, uint32_t minor, uint32_t flags, uint32_t flags2)
{
	struct proto_conn before_init = {.minor = 0};
	struct proto_request out;
	struct proto_offer offer;
	struct message m;
	void *block;

	message_make(&m, proto_opcode_find(FUSE_INIT), size);
	memset(m.fixed, 0, sizeof(m.fixed));
	put32(m.fixed, 0, 7);
	put32(m.fixed, 4, minor);
	put32(m.fixed, 8, 131072);
	put32(m.fixed, 12, flags);
	put32(m.fixed, 16, flags2);
	cr_assert_eq(message_decode(&before_init, &m, &out, &block), 0);
	proto_init_offer(&out.in.init, &offer);
	free(block);
	return offer;
}

Test(proto_init, high_flags_count_only_with_init_ext)
{
	struct proto_offer offer = offered(64, 45, 1u << 30 | 1, 0x20);

	cr_expect_eq(offer.major, 7);
	cr_expect_eq(offer.minor, 45);
	cr_expect_eq(offer.max_readahead, 131072);
	cr_expect_eq(offer.features, 1ull << 37 | 1ull << 30 | 1);
	cr_expect_eq(offered(64, 45, 1, 0x20).features, 1);
	cr_expect_eq(offered(64, 45, 1u << 31, 0).features, 1ull << 31, "not sign-extended");
}

/* Real kernels: what they send, and what all our wishes come to there. */
static void expect_kernel(size_t size, uint32_t minor, uint32_t flags, size_t reply, uint64_t on)
{
	struct proto_offer offer = offered(size, minor, flags, 0);
	struct proto_wishes wishes = wishes_of(ALL_WISHES);
	struct proto_answer answer;
	unsigned char body[64];

	cr_assert_eq(proto_init_negotiate(&offer, &wishes, &answer), 0);
	cr_expect_eq(answer.minor, minor);
	cr_expect_eq(answer.settled.features, on, "7.%u: 0x%llx", minor,
		     (unsigned long long)answer.settled.features);
	cr_expect_eq(proto_init_encode(&answer, body), reply, "7.%u", minor);
	cr_expect_eq(get32(body, 4), minor);
}

Test(proto_init, old_kernels_get_what_they_know)
{
	expect_kernel(8, 5, 0, 24, 0);
	expect_kernel(16, 8, 0x3, 24, 0x3);
	expect_kernel(16, 12, 0x7b, 24, 0x7b);
	expect_kernel(16, 23, 0x3fffb, 64, 0x3fffb);
	/* 25 yields to 12, 26 is not for us */
	expect_kernel(16, 31, 0x7fffffb, 64, 0x1fffffb);
	/* 19 yields to 28 as well */
	expect_kernel(16, 34, 0x3ffffffb, 64, 0x31f7fffb);
}
