/*
 * Functions of an ELF file, found by reading its section headers and symbol tables piece by piece.
 * It must not know processes or where the file is mapped.
 */
#include "elfsym.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NATIVE_CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define NATIVE_DATA  (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)
#define CHUNK        64         /* symbols read at a time */
#define MAX_SYMBOLS  (1u << 22) /* nobody waits for more to be searched */

enum { ALL_SYMBOLS, LINK_SYMBOLS };

static bool fits(const struct elfsym *e, uint64_t offset, uint64_t len)
{
	return offset <= e->size && len <= e->size - offset;
}

/* All `len` bytes or nothing.  Reading, not mapping: a file that shrinks gives an error and no
 * SIGBUS. */
static bool get(const struct elfsym *e, uint64_t offset, void *buf, size_t len)
{
	if (!fits(e, offset, len))
		return false;
	if (e->fd >= 0)
		return pread(e->fd, buf, len, (off_t)offset) == (ssize_t)len;
	memcpy(buf, e->data + offset, len);
	return true;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* Entry `i` of an array of entries of `len` bytes at `base`. */
static bool get_entry(const struct elfsym *e, uint64_t base, uint64_t i, void *buf, size_t len)
{
	return base <= e->size && get(e, base + i * len, buf, len);
}

static void take_table(struct elfsym *e, const ElfW(Ehdr) * head, const ElfW(Shdr) * section)
{
	int which = section->sh_type == SHT_SYMTAB ? ALL_SYMBOLS : LINK_SYMBOLS;
	uint64_t nsymbols = section->sh_size / sizeof(ElfW(Sym));
	ElfW(Shdr) names;

	if (section->sh_entsize != sizeof(ElfW(Sym)) ||
	    !fits(e, section->sh_offset, section->sh_size))
		return;
	if (!get_entry(e, head->e_shoff, section->sh_link, &names, sizeof names) ||
	    names.sh_type != SHT_STRTAB || !fits(e, names.sh_offset, names.sh_size))
		return;
	e->tables[which] = (struct elfsym_table){
		.symbols = section->sh_offset,
		.nsymbols = nsymbols < MAX_SYMBOLS ? nsymbols : MAX_SYMBOLS,
		.names = names.sh_offset,
		.names_size = names.sh_size,
	};
}

static int open_head(struct elfsym *e)
{
	ElfW(Ehdr) head;

	if (!get(e, 0, &head, sizeof head) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
	    head.e_ident[EI_CLASS] != NATIVE_CLASS || head.e_ident[EI_DATA] != NATIVE_DATA)
		return -ENOEXEC;
	if (head.e_phentsize == sizeof(ElfW(Phdr))) {
		e->segments = head.e_phoff;
		e->nsegments = head.e_phnum;
	}
	if (head.e_shentsize != sizeof(ElfW(Shdr)))
		return 0;
	for (unsigned i = 0; i < head.e_shnum; i++) {
		ElfW(Shdr) section;

		if (!get_entry(e, head.e_shoff, i, &section, sizeof section))
			return 0;
		if (section.sh_type == SHT_SYMTAB || section.sh_type == SHT_DYNSYM)
			take_table(e, &head, &section);
	}
	return 0;
}

int elfsym_open_file(struct elfsym *e, int fd)
{
	struct stat st;

	*e = (struct elfsym){.fd = fd};
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	e->size = (uint64_t)st.st_size;
	return open_head(e);
}

int elfsym_open_bytes(struct elfsym *e, const void *data, size_t size)
{
	*e = (struct elfsym){.fd = -1, .data = data, .size = size};
	return open_head(e);
}

/* ---- looking up ----------------------------------------------------------------------------- */

bool elfsym_address(const struct elfsym *e, uint64_t offset, uint64_t *address)
{
	for (unsigned i = 0; i < e->nsegments; i++) {
		ElfW(Phdr) segment;

		if (!get_entry(e, e->segments, i, &segment, sizeof segment))
			return false;
		if (segment.p_type == PT_LOAD && offset >= segment.p_offset &&
		    offset - segment.p_offset < segment.p_filesz) {
			*address = segment.p_vaddr + (offset - segment.p_offset);
			return true;
		}
	}
	return false;
}

/* A function without a size has but its first byte. */
static bool covers(const ElfW(Sym) * symbol, uint64_t address)
{
	unsigned type = symbol->st_info & 0xf; /* the same for both classes */

	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_name == 0 || address < symbol->st_value)
		return false;
	return address == symbol->st_value || address - symbol->st_value < symbol->st_size;
}

/* Of several the one that begins last, and of those the first. */
static bool search_table(const struct elfsym *e, const struct elfsym_table *t, uint64_t address,
			 ElfW(Sym) * best)
{
	ElfW(Sym) chunk[CHUNK];
	bool found = false;

	for (uint64_t i = 0; i < t->nsymbols; i += CHUNK) {
		size_t n = t->nsymbols - i < CHUNK ? (size_t)(t->nsymbols - i) : CHUNK;

		if (!get(e, t->symbols + i * sizeof *chunk, chunk, n * sizeof *chunk))
			break;
		for (size_t k = 0; k < n; k++)
			if (covers(&chunk[k], address) &&
			    (!found || chunk[k].st_value > best->st_value)) {
				*best = chunk[k];
				found = true;
			}
	}
	return found;
}

/* Also cuts a name that the file does not end. */
static bool read_name(const struct elfsym *e, const struct elfsym_table *t, uint64_t at, char *name,
		      size_t size)
{
	uint64_t len = at < t->names_size ? t->names_size - at : 0;

	if (len > size - 1)
		len = size - 1;
	if (len == 0 || !get(e, t->names + at, name, (size_t)len))
		return false;
	name[len] = '\0';
	return name[0] != '\0';
}

bool elfsym_find(const struct elfsym *e, uint64_t address, char *name, size_t size,
		 uint64_t *inside)
{
	ElfW(Sym) symbol;

	if (size == 0)
		return false;
	for (int i = ALL_SYMBOLS; i <= LINK_SYMBOLS; i++) {
		const struct elfsym_table *t = &e->tables[i];

		if (search_table(e, t, address, &symbol) &&
		    read_name(e, t, symbol.st_name, name, size)) {
			*inside = address - symbol.st_value;
			return true;
		}
	}
	return false;
}
