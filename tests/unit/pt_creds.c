/*
 * passthrough: what a thread may do while it makes a file for its caller, and what it is
 * afterwards.  As root, on real directories.
 */
#include "passthrough/creds.h"
#include "passthrough/passthrough.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALICE 12345
#define STAFF 23456

static char place[] = "/tmp/pt-creds-XXXXXX";
static int dir; /* of root, 0755 */
static struct pt fs;
static struct llfused_ctx alice;

static void start(void)
{
	cr_assert(mkdtemp(place));
	cr_assert_eq(chmod(place, 0755), 0);
	dir = open(place, O_PATH | O_DIRECTORY);
	cr_assert_geq(dir, 0);
	fs = (struct pt){.can_switch = true, .wants = LLFUSED_WANT_ACL};
	alice = (struct llfused_ctx){.fs = &fs, .uid = ALICE, .gid = ALICE + 1, .umask = 022};
}

static void stop(void)
{
	static const char *const names[] = {"f", "g", "d"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(dir, names[i], 0);
	cr_expect_eq(rmdir(place), 0);
	close(dir);
}

TestSuite(pt_creds, .init = start, .fini = stop, .timeout = 60);

static uint32_t fsuid(void)
{
	return (uint32_t)syscall(SYS_setfsuid, -1);
}

static uint32_t fsgid(void)
{
	return (uint32_t)syscall(SYS_setfsgid, -1);
}

static uint64_t effective(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[2];

	cr_assert_eq(syscall(SYS_capget, &head, caps), 0);
	return caps[0].effective | (uint64_t)caps[1].effective << 32;
}

static void give_up(uint64_t caps)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	cr_assert_eq(syscall(SYS_capget, &head, data), 0);
	data[0].effective &= ~(uint32_t)caps;
	data[0].permitted &= ~(uint32_t)caps;
	cr_assert_eq(syscall(SYS_capset, &head, data), 0);
}

/* Makes "f" for the caller; what came of it. */
static struct stat make(const struct llfused_ctx *ctx, mode_t mode)
{
	struct pt_creds creds;
	struct stat st;

	unlinkat(dir, "f", 0);
	cr_assert_eq(pt_creds_begin(&fs, ctx, &creds), 0);
	cr_assert_eq(mknodat(dir, "f", S_IFREG | mode, 0), 0, "%m");
	pt_creds_end(&creds);
	cr_assert_eq(fstatat(dir, "f", &st, 0), 0);
	return st;
}

static void expect_root(void)
{
	cr_expect_eq(fsuid(), 0);
	cr_expect_eq(fsgid(), 0);
	cr_expect_eq(getgroups(0, NULL), 0);
}

Test(pt_creds, new_file_belongs_to_the_caller)
{
	struct stat st = make(&alice, 0666);

	cr_expect_eq(st.st_uid, ALICE);
	cr_expect_eq(st.st_gid, ALICE + 1);
	cr_expect_eq(st.st_mode, S_IFREG | 0644);
}

static void expect_itself_after_switches(void)
{
	uint64_t before = effective();
	struct stat st = make(&alice, 0666);

	cr_expect_eq(st.st_uid, ALICE);
	expect_root();
	cr_expect_eq(effective(), before);
	make(&alice, 02777);
	expect_root();
	cr_expect_eq(effective(), before);
}

Test(pt_creds, thread_is_itself_again_with_all_its_rights)
{
	expect_itself_after_switches();
}

Test(pt_creds, who_may_not_keep_capabilities_raises_them_again)
{
	struct stat st;

	give_up(UINT64_C(1) << CAP_SETPCAP);
	expect_itself_after_switches();
	cr_expect_eq(prctl(PR_GET_SECUREBITS), 0);
	st = make(&alice, 0666);
	cr_expect_eq(st.st_uid, ALICE, "made in a directory of root, so as one who may");
}

Test(pt_creds, who_may_not_switch_makes_files_of_its_own)
{
	struct stat st;

	cr_assert(pt_creds_can_switch());
	give_up(UINT64_C(1) << CAP_SETUID);
	cr_assert_not(pt_creds_can_switch());
	fs.can_switch = false;
	st = make(&alice, 0666);
	cr_expect_eq(st.st_uid, 0);
	cr_expect_eq(st.st_mode, S_IFREG | 0644);
}

Test(pt_creds, device_is_made_for_a_caller_that_the_kernel_let_through)
{
	struct pt_creds creds;
	struct stat st;

	cr_assert_eq(pt_creds_begin(&fs, &alice, &creds), 0);
	cr_expect_eq(mknodat(dir, "d", S_IFCHR | 0600, makedev(1, 3)), 0);
	pt_creds_end(&creds);
	cr_assert_eq(fstatat(dir, "d", &st, 0), 0);
	cr_expect_eq(st.st_uid, ALICE);
	cr_expect_eq(st.st_rdev, makedev(1, 3));
}

Test(pt_creds, caller_without_credentials_makes_nothing)
{
	struct pt_creds creds;

	alice.uid = alice.gid = UINT32_MAX;
	alice.flags = LLFUSED_CTX_NOCREDS;
	cr_expect_eq(pt_creds_begin(&fs, &alice, &creds), -EOVERFLOW);
	expect_root();
}

Test(pt_creds, who_may_not_switch_makes_files_of_its_own_for_nobody_too)
{
	alice.flags = LLFUSED_CTX_NOCREDS;
	fs.can_switch = false;
	cr_expect_eq(make(&alice, 0666).st_uid, 0);
}

Test(pt_creds, root_in_another_group_makes_files_of_that_group)
{
	struct stat st;

	alice.uid = 0;
	st = make(&alice, 0666);
	cr_expect_eq(st.st_uid, 0);
	cr_expect_eq(st.st_gid, ALICE + 1);
	cr_expect_eq(fsgid(), 0);
	cr_assert_eq(fchownat(dir, "", 0, STAFF, AT_EMPTY_PATH), 0);
	cr_assert_eq(chmod(place, 02755), 0);
	cr_expect_eq(make(&alice, 02775).st_mode, S_IFREG | 02755, "root may keep setgid");
}

/* ---- umask ---- */

Test(pt_creds, each_caller_has_its_own_umask)
{
	for (mode_t mask = 0; mask <= 0777; mask += 0111) {
		alice.umask = mask;
		cr_expect_eq(make(&alice, 0777).st_mode, (S_IFREG | 0777) & ~mask);
	}
}

Test(pt_creds, umask_that_the_kernel_has_applied_is_not_applied_again)
{
	fs.wants = 0;
	cr_expect_eq(make(&alice, 0666).st_mode, S_IFREG | 0666);
}

Test(pt_creds, create_mode_knows_no_umask)
{
	fs.options.has_create_mode = true;
	cr_expect_eq(make(&alice, 0666).st_mode, S_IFREG | 0666);
}

static void *switch_there(void *arg)
{
	struct pt_creds creds;
	uint64_t left = effective();

	(void)arg;
	cr_assert_eq(pt_creds_begin(&fs, &alice, &creds), 0);
	cr_expect_eq(fsuid(), ALICE);
	cr_expect_eq(fsgid(), ALICE + 1);
	pt_creds_end(&creds);
	cr_expect_eq(effective(), left);
	return NULL;
}

Test(pt_creds, other_threads_keep_umask_directory_and_groups)
{
	char before[256], after[256];
	int groups = getgroups(0, NULL);
	pthread_t thread;

	umask(027);
	cr_assert_eq(chdir(place), 0);
	cr_assert(getcwd(before, sizeof(before)));
	cr_assert_eq(pthread_create(&thread, NULL, switch_there, NULL), 0);
	pthread_join(thread, NULL);
	cr_expect_eq(umask(0), 027);
	cr_assert(getcwd(after, sizeof(after)));
	cr_expect_str_eq(before, after);
	cr_expect_eq(getgroups(0, NULL), groups);
	cr_expect_eq(prctl(PR_GET_SECUREBITS), 0);
}

Test(pt_creds, thread_holds_no_directory_busy)
{
	char now[256];

	cr_assert_eq(chdir(place), 0);
	make(&alice, 0666);
	cr_assert(getcwd(now, sizeof(now)));
	cr_expect_str_eq(now, "/");
}

/* ---- groups and setgid ---- */

Test(pt_creds, setgid_is_kept_by_members_of_the_directorys_group_only)
{
	const uint32_t staff = STAFF;

	cr_assert_eq(fchownat(dir, "", 0, STAFF, AT_EMPTY_PATH), 0);
	cr_assert_eq(chmod(place, 02755), 0);
	cr_expect_eq(make(&alice, 02775).st_mode, S_IFREG | 0755);
	alice.ngroups = 1;
	alice.groups = &staff;
	cr_expect_eq(make(&alice, 02775).st_mode, S_IFREG | 02755);
	expect_root();
	alice.ngroups = 0;
	cr_expect_eq(make(&alice, 02775).st_mode, S_IFREG | 0755, "the group has left");
	cr_expect_eq(make(&alice, 02775).st_gid, STAFF);
	alice.gid = STAFF;
	cr_expect_eq(make(&alice, 02775).st_mode, S_IFREG | 02755);
	alice.uid = 0;
	alice.gid = 0;
	cr_expect_eq(make(&alice, 02775).st_mode, S_IFREG | 02755);
}

Test(pt_creds, setuid_bit_of_the_caller_stays)
{
	cr_expect_eq(make(&alice, 04711).st_mode, S_IFREG | 04711);
}

/* ---- ids that cannot be taken ---- */

Test(pt_creds, invalid_ids_are_refused_and_the_thread_is_itself)
{
	struct pt_creds creds;

	alice.uid = UINT32_MAX;
	cr_expect_eq(pt_creds_begin(&fs, &alice, &creds), -EOVERFLOW);
	expect_root();
	alice.uid = ALICE;
	alice.gid = UINT32_MAX;
	cr_expect_eq(pt_creds_begin(&fs, &alice, &creds), -EOVERFLOW);
	expect_root();
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_geq(write(fd, text, strlen(text)), 0, "%s: %m", path);
	close(fd);
}

/* In a user namespace that knows the ids 0 to ALICE: 0 when all is as it should be. */
static int switch_in_namespace(int ready, int go)
{
	struct llfused_ctx low = alice, high = alice;
	struct pt_creds creds;
	char byte;

	if (unshare(CLONE_NEWUSER) < 0 || write(ready, "x", 1) != 1 || read(go, &byte, 1) != 1)
		return 1;
	low.gid = 5;
	high.uid = ALICE + 1;
	high.gid = 5;
	if (!pt_creds_can_switch() || pt_creds_begin(&fs, &low, &creds) || fsuid() != ALICE)
		return 2;
	pt_creds_end(&creds);
	if (pt_creds_begin(&fs, &high, &creds) != -EOVERFLOW || fsuid() != 0 || fsgid() != 0)
		return 3;
	if (pt_creds_begin(&fs, &low, &creds) || fsuid() != ALICE || fsgid() != 5)
		return 4;
	pt_creds_end(&creds);
	return fsuid() != 0 ? 5 : 0;
}

Test(pt_creds, ids_that_the_user_namespace_does_not_know_are_refused)
{
	char path[64], map[64], byte;
	int ready[2], go[2], status;
	pid_t pid;

	cr_assert_eq(pipe(ready), 0);
	cr_assert_eq(pipe(go), 0);
	pid = fork();
	if (pid == 0)
		_exit(switch_in_namespace(ready[1], go[0]));
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	snprintf(map, sizeof(map), "0 0 %d", ALICE + 1);
	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	write_text(path, map);
	snprintf(path, sizeof(path), "/proc/%d/gid_map", pid);
	write_text(path, map);
	cr_assert_eq(write(go[1], "x", 1), 1);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0, "step %d", WEXITSTATUS(status));
}

/* ---- without CAP_FSETID ---- */

static mode_t mode_after_write(int fd)
{
	struct stat st;

	cr_assert_eq(fchmod(fd, 06777), 0);
	cr_assert_eq(pwrite(fd, "x", 1, 0), 1);
	cr_assert_eq(fstat(fd, &st), 0);
	return st.st_mode & 07777;
}

Test(pt_creds, write_without_fsetid_clears_setuid_and_the_next_one_does_not)
{
	uint64_t before = effective();
	int fd = openat(dir, "g", O_RDWR | O_CREAT, 0600);
	struct pt_creds creds;
	struct stat st;

	cr_assert_geq(fd, 0);
	cr_expect_eq(mode_after_write(fd), 06777);
	cr_assert_eq(fchmod(fd, 06777), 0);
	creds.regrouped = true;
	cr_assert_eq(pt_creds_drop(&creds), 0);
	cr_expect_eq(pwrite(fd, "x", 1, 0), 1);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0777);
	pt_creds_end(&creds);
	cr_expect_eq(effective(), before);
	cr_expect_eq(mode_after_write(fd), 06777);
	close(fd);
}

Test(pt_creds, daemons_own_group_keeps_no_setgid_bit_on_a_write_for_others)
{
	int fd = openat(dir, "g", O_RDWR | O_CREAT, 0600);
	struct pt_creds creds;
	struct stat st;

	cr_assert_geq(fd, 0);
	cr_assert_eq(fchmod(fd, 02666), 0);
	cr_assert_eq(pt_creds_drop(&creds), 0);
	cr_expect_eq(pwrite(fd, "x", 1, 0), 1);
	pt_creds_end(&creds);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_expect_eq(st.st_mode & 07777, 0666);
	cr_expect_eq(st.st_gid, getegid());
	close(fd);
}

/* ---- a thread that stays limited ---- */

/* The thread has been limited, and may have had something to do. */
static void limit(void)
{
	struct pt_creds creds;

	cr_assert_eq(pt_creds_limit(&creds), 0);
	pt_creds_end(&creds);
}

static const uint64_t limits = UINT64_C(1) << CAP_FSETID | UINT64_C(1) << CAP_SYS_RESOURCE;

Test(pt_creds, limited_thread_stays_so_until_it_is_restored)
{
	uint64_t before = effective();
	struct pt_creds creds;

	limit();
	cr_expect_eq(effective(), before & ~limits);
	cr_expect_neq(fsgid(), 0);
	cr_assert_eq(pt_creds_drop(&creds), 0);
	pt_creds_end(&creds);
	cr_assert_eq(pt_creds_heed_quotas(&creds), 0);
	pt_creds_end(&creds);
	cr_expect_eq(effective(), before & ~limits);
	errno = EXDEV;
	pt_creds_restore();
	cr_expect_eq(errno, EXDEV);
	expect_root();
	cr_expect_eq(effective(), before);
}

Test(pt_creds, limited_thread_makes_files_of_each_caller)
{
	struct llfused_ctx root = {.fs = &fs, .umask = 022};
	uint64_t before = effective();
	const uint32_t staff = STAFF;
	struct pt_creds creds;
	uint32_t group;
	struct stat st;

	limit();
	group = fsgid();
	st = make(&root, 0666);
	cr_expect_eq(st.st_uid, 0);
	cr_expect_eq(st.st_gid, 0);
	cr_expect_eq(fsgid(), group);
	alice.ngroups = 1;
	alice.groups = &staff;
	st = make(&alice, 0666);
	cr_expect_eq(st.st_uid, ALICE);
	cr_expect_eq(st.st_gid, ALICE + 1);
	cr_expect_eq(fsuid(), 0);
	cr_expect_eq(fsgid(), group);
	cr_expect_eq(getgroups(0, NULL), 0);
	cr_expect_eq(effective(), before & ~limits);
	cr_assert_eq(pt_creds_begin(&fs, &root, &creds), 0);
	cr_expect(creds.limited, "who begins is told");
	pt_creds_end(&creds);
	pt_creds_restore();
	expect_root();
	cr_expect_eq(effective(), before);
}

Test(pt_creds, limited_thread_that_may_not_switch_is_the_daemon)
{
	fs.can_switch = false;
	limit();
	cr_expect_eq(make(&alice, 0666).st_gid, 0);
	expect_root();
}

Test(pt_creds, who_may_not_keep_capabilities_does_not_stay_limited)
{
	uint64_t before;

	give_up(UINT64_C(1) << CAP_SETPCAP);
	before = effective();
	limit();
	expect_root();
	cr_expect_eq(effective(), before);
	expect_itself_after_switches();
}
