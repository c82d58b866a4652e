/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses of the kernel's own code: from the symbol table of its file, static functions
 * included. Only a panic asks, so nothing is prepared.
 */
#include "host/host.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unwind.h>

static const unsigned char *image;
static size_t image_len;

static int map_image(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	if (fd < 0)
		return -errno;
	p = fstat(fd, &st) ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -ENOENT;
	image = p;
	image_len = (size_t)st.st_size;
	return 0;
}

static const Elf64_Shdr *section(const Elf64_Ehdr *e, unsigned int i)
{
	return (const Elf64_Shdr *)(image + e->e_shoff) + i;
}

static const Elf64_Shdr *find_table(const Elf64_Ehdr *e)
{
	for (unsigned int i = 0; i < e->e_shnum; i++)
		if (section(e, i)->sh_type == SHT_SYMTAB)
			return section(e, i);
	return NULL;
}

/* Our own file, so its numbers are trusted. */
int host_symbol(void *pc, char *buf, size_t n)
{
	const Elf64_Shdr *t;
	const Elf64_Sym *s, *end;
	const char *names;

	if (!image && map_image())
		return -ENOENT;
	t = find_table((const void *)image);
	if (!t)
		return -ENOENT;
	names = (const char *)image + section((const void *)image, t->sh_link)->sh_offset;
	s = (const void *)(image + t->sh_offset);
	for (end = s + t->sh_size / sizeof(*s); s < end; s++) {
		u64 off = (u64)pc - s->st_value;

		if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || (u64)pc < s->st_value || off >= s->st_size)
			continue;
		snprintf(buf, n, "%s+0x%lx", names + s->st_name, (unsigned long)off);
		return 0;
	}
	return -ENOENT;
}

struct walk {
	void **pcs;
	int n, max;
};

static _Unwind_Reason_Code take_frame(struct _Unwind_Context *ctx, void *arg)
{
	struct walk *w = arg;

	if (w->n == w->max)
		return _URC_END_OF_STACK;
	w->pcs[w->n++] = (void *)_Unwind_GetIP(ctx);
	return _URC_NO_REASON;
}

/* Not libc's backtrace(), which loads a library on its first call: too late when confined. */
int host_backtrace(void **pcs, int n)
{
	struct walk w = { pcs, 0, n };

	_Unwind_Backtrace(take_frame, &w);
	return w.n;
}
