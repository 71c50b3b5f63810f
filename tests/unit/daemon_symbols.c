/*
 * Names of functions: this program's own static ones, shared objects', the vdso's; addresses of
 * nothing; and ELF files that are cut, damaged, or shrink meanwhile.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/elfsym.h"
#include "daemon/symbols.h"

static volatile int touched;

/* What the tests look for. */
__attribute__((noinline)) static int a_static_function(int x)
{
	for (int i = 0; i < x; i++)
		touched += i * x;
	return touched;
}

static const char *code(void)
{
	touched += a_static_function(1);
	return (const char *)(uintptr_t)a_static_function;
}

static const char *name_of(const void *address)
{
	static char text[512];
	struct symbols symbols;
	int len;

	symbols_open(&symbols);
	len = symbols_name(&symbols, address, text, sizeof text);
	symbols_close(&symbols);
	cr_assert_eq((size_t)len, strlen(text));
	return text;
}

static const char *program(void)
{
	static char path[4096];
	ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);

	cr_assert_gt(len, 0);
	path[len] = '\0';
	return strrchr(path, '/') + 1;
}

/* ---- addresses of this process ---- */

Test(symbols, a_static_function_is_named_with_the_offset_and_the_object)
{
	char expected[512];

	snprintf(expected, sizeof expected, "a_static_function+0x0 (%s)", program());
	cr_assert_str_eq(name_of(code()), expected);
	snprintf(expected, sizeof expected, "a_static_function+0x5 (%s)", program());
	cr_assert_str_eq(name_of(code() + 5), expected);
}

Test(symbols, a_function_of_libc_is_named)
{
	cr_assert_eq(strncmp(name_of(dlsym(RTLD_DEFAULT, "l64a")), "l64a+0x0 (libc", 14), 0);
}

Test(symbols, null_and_garbage_are_hex)
{
	cr_assert_str_eq(name_of(NULL), "0x0");
	cr_assert_str_eq(name_of((const void *)(uintptr_t)0x1234), "0x1234");
	cr_assert_eq(strncmp(name_of((const void *)UINTPTR_MAX), "0xff", 4), 0);
	cr_assert_null(strchr(name_of((const void *)UINTPTR_MAX), '('));
}

Test(symbols, memory_without_a_file_is_hex)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char expected[64];

	snprintf(expected, sizeof expected, "0x%" PRIxPTR, (uintptr_t)page);
	cr_assert_str_eq(name_of(page), expected);
}

Test(symbols, data_has_the_object_and_its_place_there)
{
	static const int constant = 1;
	char expected[512];

	snprintf(expected, sizeof expected, "0x%" PRIxPTR " (%s+0x", (uintptr_t)&constant,
		 program());
	cr_assert_eq(strncmp(name_of(&constant), expected, strlen(expected)), 0);
}

Test(symbols, functions_of_the_vdso_are_named)
{
	uintptr_t base = getauxval(AT_SYSINFO_EHDR);
	size_t named = 0;

	if (base == 0)
		cr_skip_test("there is no vdso");
	cr_assert_not_null(strstr(name_of((const void *)base), "([vdso]+0x0)"));
	for (uintptr_t a = base; a < base + 4096; a += 16)
		named += strncmp(name_of((const void *)a), "__vdso_", 7) == 0;
	cr_assert_gt(named, 0);
}

Test(symbols, works_as_snprintf)
{
	struct symbols symbols;
	char text[8];
	int len;

	symbols_open(&symbols);
	len = symbols_name(&symbols, code(), text, sizeof text);
	cr_assert_eq((size_t)len, strlen(name_of(code())));
	cr_assert_str_eq(text, "a_stati");
	cr_assert_eq(symbols_name(&symbols, code(), NULL, 0), len);
	symbols_close(&symbols);
}

static size_t count_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* More objects than are kept: each name is right all the same, and no descriptor stays open. */
Test(symbols, many_objects_in_turn)
{
	void *known[] = {dlsym(RTLD_DEFAULT, "l64a"), (void *)(uintptr_t)code()};
	const size_t before = count_descriptors();
	struct symbols symbols;
	char *page[20], text[512];

	for (size_t i = 0; i < 20; i++) {
		int fd = open("/proc/self/exe", O_RDONLY);

		page[i] = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
		cr_assert_neq(page[i], MAP_FAILED);
		close(fd);
	}
	symbols_open(&symbols);
	for (size_t i = 0; i < 100; i++) {
		symbols_name(&symbols, page[i % 20], text, sizeof text);
		cr_assert_not_null(strstr(text, program()));
		symbols_name(&symbols, known[i % 2], text, sizeof text);
		cr_assert_not_null(strstr(text, i % 2 ? "a_static_function+0x0" : "l64a+0x0"));
	}
	symbols_close(&symbols);
	cr_assert_eq(count_descriptors(), before);
}

/* ---- files ---- */

struct place {
	uintptr_t address;
	uint64_t offset;
};

static int find_offset(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct place *place = arg;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && place->address >= start &&
		    place->address < start + p->p_filesz) {
			place->offset = place->address - start + p->p_offset;
			return 1;
		}
	}
	return 0;
}

/* Where a_static_function stands in this program's file. */
static uint64_t code_offset(void)
{
	struct place place = {.address = (uintptr_t)code()};

	cr_assert_eq(dl_iterate_phdr(find_offset, &place), 1);
	return place.offset;
}

static unsigned char *read_self(size_t *size)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	unsigned char *data;
	struct stat st;
	size_t at = 0;

	cr_assert_eq(fstat(fd, &st), 0);
	*size = (size_t)st.st_size;
	data = malloc(*size);
	while (at < *size) {
		ssize_t n = read(fd, data + at, *size - at);

		cr_assert_gt(n, 0);
		at += (size_t)n;
	}
	close(fd);
	return data;
}

/* A copy of this program; the caller deletes it. */
static int copy_self(char *name)
{
	size_t size;
	unsigned char *data = read_self(&size);
	int fd = mkstemp(name);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, data, size), (ssize_t)size);
	free(data);
	return fd;
}

static bool finds(const struct elfsym *e, uint64_t offset)
{
	uint64_t address, inside;
	char name[64];

	return elfsym_address(e, offset, &address) &&
	       elfsym_find(e, address, name, sizeof name, &inside) &&
	       strcmp(name, "a_static_function") == 0 && inside == 3;
}

Test(elfsym, finds_a_static_function_in_bytes_and_in_a_file)
{
	uint64_t offset = code_offset() + 3;
	int fd = open("/proc/self/exe", O_RDONLY);
	struct elfsym e;
	size_t size;
	unsigned char *data = read_self(&size);

	cr_assert_eq(elfsym_open_bytes(&e, data, size), 0);
	cr_assert(finds(&e, offset));
	cr_assert_eq(elfsym_open_file(&e, fd), 0);
	cr_assert(finds(&e, offset));
	close(fd);
	free(data);
}

Test(elfsym, long_names_are_cut)
{
	uint64_t address, inside;
	struct elfsym e;
	char name[9];
	size_t size;
	unsigned char *data = read_self(&size);

	cr_assert_eq(elfsym_open_bytes(&e, data, size), 0);
	cr_assert(elfsym_address(&e, code_offset(), &address));
	cr_assert(elfsym_find(&e, address, name, sizeof name, &inside));
	cr_assert_str_eq(name, "a_static");
	free(data);
}

Test(elfsym, what_is_no_elf_file_is_refused)
{
	unsigned char bytes[256] = "#!/bin/sh\n";
	int fds[2], directory = open("/", O_RDONLY | O_DIRECTORY);
	struct elfsym e;
	size_t size;
	unsigned char *data = read_self(&size);

	cr_assert_eq(elfsym_open_bytes(&e, bytes, sizeof bytes), -ENOEXEC);
	cr_assert_eq(elfsym_open_bytes(&e, NULL, 0), -ENOEXEC);
	cr_assert_eq(pipe(fds), 0);
	cr_assert_eq(elfsym_open_file(&e, fds[0]), -ENOEXEC);
	cr_assert_eq(elfsym_open_file(&e, directory), -ENOEXEC);
	cr_assert_eq(elfsym_open_file(&e, -1), -EBADF);
	data[EI_CLASS] = sizeof(void *) == 8 ? ELFCLASS32 : ELFCLASS64;
	cr_assert_eq(elfsym_open_bytes(&e, data, size), -ENOEXEC);
	free(data);
}

/* The section headers stand at the end of the file: whatever is cut off, no name is left of them;
 * the address sanitizer sees a read behind the end. */
Test(elfsym, a_file_that_is_cut_has_no_names)
{
	uint64_t offset = code_offset() + 3;
	size_t size;
	unsigned char *data = read_self(&size);

	for (size_t n = 0; n < size; n += n < 128 ? 1 : size / 64) {
		unsigned char *cut = malloc(n ? n : 1);
		struct elfsym e;

		memcpy(cut, data, n);
		cr_assert_eq(elfsym_open_bytes(&e, cut, n), n < sizeof(ElfW(Ehdr)) ? -ENOEXEC : 0,
			     "%zu of %zu bytes", n, size);
		cr_assert_not(finds(&e, offset), "%zu of %zu bytes", n, size);
		free(cut);
	}
	free(data);
}

/* Any header or table entry may be wrong; then names are, or there are none. */
static void damage(unsigned char *at, size_t len, const unsigned char *data, size_t size,
		   uint64_t offset)
{
	uint64_t address, inside;
	struct elfsym e;
	char name[64];

	for (size_t i = 0; i < len; i++) {
		static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
		const unsigned char saved = at[i];

		for (size_t k = 0; k < sizeof values; k++) {
			at[i] = values[k];
			if (elfsym_open_bytes(&e, data, size) == 0 &&
			    elfsym_address(&e, offset, &address) &&
			    elfsym_find(&e, address, name, sizeof name, &inside))
				cr_assert_lt(strlen(name), sizeof name);
		}
		at[i] = saved;
	}
}

Test(elfsym, damaged_headers_harm_nobody)
{
	uint64_t offset = code_offset() + 3;
	struct elfsym e;
	size_t size;
	unsigned char *data = read_self(&size);
	ElfW(Ehdr) head;

	memcpy(&head, data, sizeof head);
	damage(data, sizeof head, data, size, offset);
	damage(data + head.e_phoff, head.e_phnum * sizeof(ElfW(Phdr)), data, size, offset);
	damage(data + head.e_shoff, head.e_shnum * sizeof(ElfW(Shdr)), data, size, offset);
	cr_assert_eq(elfsym_open_bytes(&e, data, size), 0);
	cr_assert(finds(&e, offset));
	free(data);
}

/* A name that begins outside of its table, or that the table does not end. */
Test(elfsym, a_name_outside_of_its_table_is_none)
{
	uint64_t offset = code_offset() + 3;
	struct elfsym e;
	size_t size;
	unsigned char *data = read_self(&size);

	cr_assert_eq(elfsym_open_bytes(&e, data, size), 0);
	e.tables[0].names_size = 1;
	e.tables[1].names_size = 1;
	cr_assert_not(finds(&e, offset));
	free(data);
}

Test(symbols, a_mapped_file_that_was_deleted_has_no_names)
{
	char name[] = "/tmp/llfused-unit-XXXXXX", expected[64];
	int fd = copy_self(name);
	char *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	unlink(name);
	cr_assert_neq(map, MAP_FAILED);
	snprintf(expected, sizeof expected, "0x%" PRIxPTR " (%s (deleted))", (uintptr_t)map,
		 strrchr(name, '/') + 1);
	cr_assert_str_eq(name_of(map), expected);
}

#define COPY "LLFUSED_UNIT_COPY"

/* The program itself is read through the kernel.  Tested by a copy of this program that deletes
 * itself. */
Test(symbols, the_program_has_names_after_its_file_was_deleted)
{
	const char *copy = getenv(COPY);
	char name[] = "/tmp/llfused-unit-XXXXXX", command[256];
	int fd, status;

	if (copy) {
		cr_assert_eq(unlink(copy), 0);
		cr_assert_not_null(strstr(name_of(code()), " (deleted))"));
		cr_assert_eq(strncmp(name_of(code()), "a_static_function+0x0 ", 22), 0);
		return;
	}
	fd = copy_self(name);
	cr_assert_eq(fchmod(fd, 0700), 0);
	close(fd); /* a file that is open for writing cannot be run */
	/* without the variable by which a criterion process knows that it is a worker */
	snprintf(command, sizeof command,
		 "env -u BXFI_MAP " COPY "=%s %s --filter 'symbols/the_program_has_names*' "
		 ">/dev/null 2>&1",
		 name, name);
	status = system(command);
	cr_assert_neq(unlink(name), 0, "the copy has not run");
	cr_assert_eq(status, 0);
}

/* As when a new version is written over an old one: mapped pages are gone then, which must not be
 * touched. */
Test(symbols, a_file_that_shrinks_loses_its_names_only)
{
	char name[] = "/tmp/llfused-unit-XXXXXX", text[512];
	int fd = copy_self(name);
	struct symbols symbols;
	struct stat st;
	char *map;

	cr_assert_eq(fstat(fd, &st), 0);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_assert_neq(map, MAP_FAILED);
	symbols_open(&symbols);
	symbols_name(&symbols, map + code_offset() + 3, text, sizeof text);
	cr_assert_eq(strncmp(text, "a_static_function+0x3 (llfused-unit-", 36), 0, "%s", text);
	cr_assert_eq(ftruncate(fd, 100), 0);
	symbols_name(&symbols, map + code_offset() + 3, text, sizeof text);
	cr_assert_eq(strncmp(text, "0x", 2), 0, "%s", text);
	symbols_close(&symbols);
	cr_assert_eq(strncmp(name_of(map + code_offset() + 3), "0x", 2), 0);
	unlink(name);
}
