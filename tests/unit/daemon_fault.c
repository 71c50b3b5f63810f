/*
 * Warnings about a backend's mistakes: what they say, and how often.
 */
#include <criterion/criterion.h>

#include "daemon/fault.h"
#include "daemon/log.h"
#include "daemon_caught.h"
#include "proto/abi.h"

static struct faults faults;
static char backend[8];

static void note(uint32_t opcode, enum fault fault)
{
	fault_note(&faults, backend, proto_opcode_find(opcode), fault);
}

static void start(void)
{
	catch_stderr(0);
	strcpy(backend, "somefs");
}

TestSuite(fault, .init = start);

Test(fault, a_warning_names_the_backend_and_the_request)
{
	note(FUSE_READLINK, FAULT_LENGTH);
	cr_expect_eq(strncmp(caught(), "llfused: backend somefs: fault: READLINK answered ", 50), 0,
		     "%s", caught());
	cr_expect_eq(caught_count("\n"), 1);
}

Test(fault, each_sort_is_told_once_a_request)
{
	static const uint32_t opcodes[] = {FUSE_LOOKUP, FUSE_MKDIR, PROTO_OP_STATX};
	unsigned lines = 0;

	for (unsigned i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		for (int sort = FAULT_RESULT; sort <= FAULT_LOCK; sort++) {
			note(opcodes[i], (enum fault)sort);
			cr_expect_eq(caught_count("\n"), ++lines);
			note(opcodes[i], (enum fault)sort);
			cr_expect_eq(caught_count("\n"), lines);
		}
	cr_expect_eq(caught_count(": LOOKUP "), FAULT_LOCK + 1);
	cr_expect_eq(caught_count(": MKDIR "), FAULT_LOCK + 1);
	cr_expect_eq(caught_count("(null)"), 0);
}

Test(fault, sorts_have_texts_of_their_own)
{
	char *line, *seen[FAULT_LOCK + 1];

	for (int sort = FAULT_RESULT; sort <= FAULT_LOCK; sort++)
		note(FUSE_LOOKUP, (enum fault)sort);
	caught();
	line = strtok(caught_text, "\n");
	for (int sort = FAULT_RESULT; sort <= FAULT_LOCK; sort++, line = strtok(NULL, "\n")) {
		cr_assert_not_null(line);
		seen[sort] = line;
		for (int other = FAULT_RESULT; other < sort; other++)
			cr_expect_str_neq(seen[other], line);
	}
	cr_expect_null(line);
}

Test(fault, it_is_a_warning)
{
	log_set_level(LLFUSED_LOG_ERROR);
	note(FUSE_LOOKUP, FAULT_INODE);
	cr_expect_str_eq(caught(), "");
	log_set_level(LLFUSED_LOG_WARNING);
	note(FUSE_MKDIR, FAULT_INODE);
	cr_expect_eq(caught_count("\n"), 1);
}
