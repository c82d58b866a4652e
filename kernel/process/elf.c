/* SPDX-License-Identifier: MIT */
/*
 * Loading ELF programs. First all headers are read and checked, the interpreter's as well
 * (elf_prepare); then the segments are entered into the new address space in one batch (elf_load), the
 * ends of data pages are cleared, and the stack is built.
 */
#include "process/exec.h"

#include <string.h>

#include "abi/elf.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "abi/mman.h"
#include "abi/utsname.h"
#include "core/random.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/demand.h"
#include "mm/mm.h"
#include "vfs/vfs.h"

#define PIE_BASE (GUEST_TASK_SIZE / 3 * 2)
#define BRK_RANDOM_PAGES 0x2000		/* 32 MiB */
#define MAX_PHDRS (65536 / sizeof(struct elf64_phdr))

struct elf_image {
	struct file *file;		/* borrowed by the program, owned by the interpreter's image */
	struct elf64_hdr eh;
	struct elf64_phdr *ph;
	struct backing *backing;
	u64 min, max;			/* of PT_LOAD, page bounds, before bias */
	u64 bias;
	u64 brk;			/* end of the highest segment, with bias */
};

struct elf_info {
	struct elf_image prog, interp;
	bool has_interp;
	int stack_flags;		/* PT_GNU_STACK's, -1: none */
};

/* ---- headers ---- */

static int read_exact(struct file *f, void *buf, size_t n, u64 off)
{
	ssize got = kernel_read(f, buf, n, off);

	if (got < 0)
		return got;
	return (size_t)got == n ? 0 : -EIO;
}

static bool header_ok(const struct elf64_hdr *eh)
{
	return !memcmp(eh->e_ident, ELFMAG, SELFMAG) && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_machine == EM_X86_64 && (eh->e_type == ET_EXEC || eh->e_type == ET_DYN) &&
	       eh->e_phentsize == sizeof(struct elf64_phdr) && eh->e_phnum >= 1 &&
	       eh->e_phnum <= MAX_PHDRS;
}

static int image_read_phdrs(struct elf_image *im)
{
	size_t n = im->eh.e_phnum * sizeof(*im->ph);

	im->ph = kmalloc(n);
	if (!im->ph)
		return -ENOMEM;
	return read_exact(im->file, im->ph, n, im->eh.e_phoff);
}

/* The span of all PT_LOAD, and that each is sane by itself. */
static int image_span(struct elf_image *im)
{
	bool any = false;

	for (int i = 0; i < im->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->ph[i];

		if (ph->p_type != PT_LOAD || !ph->p_memsz)
			continue;
		if (ph->p_filesz > ph->p_memsz || ph->p_memsz > GUEST_TASK_SIZE ||
		    ph->p_vaddr > GUEST_TASK_SIZE - ph->p_memsz)
			return -EINVAL;
		if (ph->p_filesz && ((ph->p_offset ^ ph->p_vaddr) & ~PAGE_MASK))
			return -EINVAL;
		if (!any || (ph->p_vaddr & PAGE_MASK) < im->min)
			im->min = ph->p_vaddr & PAGE_MASK;
		im->max = MAX(im->max, PAGE_ALIGN(ph->p_vaddr + ph->p_memsz));
		any = true;
	}
	return any ? 0 : -EINVAL;
}

static int image_backing(struct elf_image *im)
{
	struct file *f = im->file;

	if (!f->ops->mmap)
		return -ENODEV;
	return f->ops->mmap(f, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, &im->backing);
}

static int interp_open(struct exec *x, struct elf_info *info, const struct elf64_phdr *ph)
{
	struct elf_image *im = &info->interp;
	char *name;
	int err;

	if (ph->p_filesz > PATH_MAX || ph->p_filesz < 2)
		return -ENOEXEC;
	name = kmalloc(ph->p_filesz);
	if (!name)
		return -ENOMEM;
	err = read_exact(x->file, name, ph->p_filesz, ph->p_offset);
	if (!err && name[ph->p_filesz - 1])
		err = -ENOEXEC;
	if (!err)
		err = exec_open(AT_FDCWD, name, LOOKUP_FOLLOW, &im->file);
	kfree(name);
	if (err)
		return err;
	info->has_interp = true;
	err = read_exact(im->file, &im->eh, sizeof(im->eh), 0);
	if (!err && !header_ok(&im->eh))
		err = -ELIBBAD;
	if (!err)
		err = image_read_phdrs(im);
	if (!err && image_span(im))
		err = -ELIBBAD;
	return err ? err : image_backing(im);
}

static int program_headers(struct exec *x, struct elf_info *info)
{
	struct elf_image *im = &info->prog;
	int err = 0;

	for (int i = 0; i < im->eh.e_phnum && !err; i++) {
		const struct elf64_phdr *ph = &im->ph[i];

		if (ph->p_type == PT_INTERP && !info->has_interp)
			err = interp_open(x, info, ph);
		else if (ph->p_type == PT_GNU_STACK)
			info->stack_flags = ph->p_flags;
	}
	return err;
}

void elf_info_free(struct elf_info *info)
{
	if (!info)
		return;
	kfree(info->prog.ph);
	kfree(info->interp.ph);
	if (info->prog.backing)
		backing_put(info->prog.backing);
	if (info->interp.backing)
		backing_put(info->interp.backing);
	if (info->interp.file)
		fput(info->interp.file);
	kfree(info);
}

int elf_prepare(struct exec *x, struct elf_info **out)
{
	struct elf_info *info;
	struct elf_image *im;
	int err;

	info = kzalloc(sizeof(*info));
	if (!info)
		return -ENOMEM;
	im = &info->prog;
	im->file = x->file;
	info->stack_flags = -1;
	memcpy(&im->eh, x->head, sizeof(im->eh));
	err = header_ok(&im->eh) ? image_read_phdrs(im) : -ENOEXEC;
	if (err == -EIO)		/* the file is too short */
		err = -ENOEXEC;
	if (!err)
		err = program_headers(x, info);
	if (!err)
		err = image_span(im);
	if (!err)
		err = image_backing(im);
	if (err) {
		elf_info_free(info);
		return err;
	}
	*out = info;
	return 0;
}

/* ---- where ---- */

static bool randomize(void)
{
	const struct process *p = current->proc;

	return !(p->personality & ADDR_NO_RANDOMIZE);
}

static u64 image_align(const struct elf_image *im)
{
	u64 align = PAGE_SIZE;

	for (int i = 0; i < im->eh.e_phnum; i++) {
		u64 a = im->ph[i].p_align;

		if (im->ph[i].p_type == PT_LOAD && a > align && !(a & (a - 1)) && a <= 1UL << 30)
			align = a;
	}
	return align;
}

static int place_in_mmap_area(struct mm *mm, struct elf_image *im)
{
	u64 align = image_align(im), len = im->max - im->min, at;

	at = mm_unmapped_area(mm, 0, len + (align > PAGE_SIZE ? align : 0));
	if (!at)
		return -ENOMEM;
	im->bias = ALIGN_UP(at, align) - ALIGN_DOWN(im->min, align);
	return 0;
}

static int place_program(struct exec *x, struct elf_info *info)
{
	struct elf_image *im = &info->prog;
	u64 at = PIE_BASE;

	if (im->eh.e_type == ET_EXEC)
		return 0;
	/* Near the top, where its call sites can be patched (mm.c); at the known place when debugged. */
	if (!info->has_interp || randomize())
		return place_in_mmap_area(x->mm, im);
	at = ALIGN_DOWN(at, image_align(im));
	im->bias = at - ALIGN_DOWN(im->min, image_align(im));
	return 0;
}

/* ---- mapping, inside a batch ---- */

static u32 phdr_prot(const struct elf64_phdr *ph)
{
	return (ph->p_flags & PF_R ? PROT_READ : 0) | (ph->p_flags & PF_W ? PROT_WRITE : 0) |
	       (ph->p_flags & PF_X ? PROT_EXEC : 0);
}

static int map_range(struct exec *x, struct elf_image *im, u64 start, u64 end, u32 prot, u64 off,
		     bool from_file)
{
	struct mmap_args a = {
		.addr = start,
		.len = end - start,
		.prot = prot,
		.flags = MAP_PRIVATE | MAP_FIXED | (from_file ? 0 : MAP_ANONYMOUS),
		.pgoff = off,
		.backing = from_file ? im->backing : NULL,
		.file = from_file ? im->file : NULL,
	};
	s64 ret;

	if (start >= end)
		return 0;
	ret = mm_mmap(x->mm, x->ut, &a);
	return ret < 0 ? ret : 0;
}

static int map_segment(struct exec *x, struct elf_image *im, const struct elf64_phdr *ph)
{
	u64 va = im->bias + ph->p_vaddr, start = va & PAGE_MASK;
	u64 file_end = ph->p_filesz ? PAGE_ALIGN(va + ph->p_filesz) : start;
	u64 end = PAGE_ALIGN(va + ph->p_memsz);
	u32 prot = phdr_prot(ph);
	int err;

	im->brk = MAX(im->brk, va + ph->p_memsz);
	err = map_range(x, im, start, file_end, prot, ph->p_offset - (va - start), true);
	return err ? err : map_range(x, im, file_end, end, prot, 0, false);
}

static int map_image(struct exec *x, struct elf_image *im)
{
	int err = 0;

	for (int i = 0; i < im->eh.e_phnum && !err; i++)
		if (im->ph[i].p_type == PT_LOAD && im->ph[i].p_memsz)
			err = map_segment(x, im, &im->ph[i]);
	return err;
}

static int map_vdso(struct exec *x)
{
	u64 vvar = guest_vvar_base(), vdso = guest_vdso_base();
	struct mmap_args a = {
		.addr = vvar, .len = vdso - vvar, .prot = PROT_READ,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, .vm_flags = VM_VVAR,
	};
	s64 ret;

	if (!vdso)
		return 0;
	ret = vvar < vdso ? mm_mmap(x->mm, x->ut, &a) : 0;
	if (ret < 0)
		return ret;
	a.addr = vdso;
	a.len = guest_vdso_size();
	a.prot = PROT_READ | PROT_EXEC;
	a.vm_flags = VM_VDSO;
	ret = mm_mmap(x->mm, x->ut, &a);
	x->mm->vdso = vdso;
	return ret < 0 ? ret : 0;
}

static int map_all(struct exec *x, struct elf_info *info)
{
	int err = map_vdso(x);

	if (!err)
		err = stack_map(x);
	if (!err)
		err = place_program(x, info);
	if (!err)
		err = map_image(x, &info->prog);
	if (!err && info->has_interp) {
		if (info->interp.eh.e_type == ET_DYN)
			err = place_in_mmap_area(x->mm, &info->interp);
		if (!err)
			err = map_image(x, &info->interp);
	}
	return err;
}

/* ---- contents ---- */

/* The file's bytes behind the data in its last page become zero: .bss begins there. */
static int clear_tails(struct exec *x, const struct elf_image *im)
{
	static const char zeros[PAGE_SIZE];

	for (int i = 0; i < im->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->ph[i];
		u64 from = im->bias + ph->p_vaddr + ph->p_filesz;
		u64 n = PAGE_ALIGN(from) - from;

		if (ph->p_type != PT_LOAD || !ph->p_filesz || ph->p_memsz <= ph->p_filesz || !n)
			continue;
		if (!(ph->p_flags & PF_W))
			continue;
		/* A page that comes on demand is not there yet. */
		if (x->mm->ndemand && demand_range(x->mm, x->ut, from, n, true) < n)
			return -EFAULT;
		if (guest_copy_out(x->ut, from, zeros, n))
			return -EFAULT;
	}
	return 0;
}

static void set_code_bounds(struct mm *mm, const struct elf_image *im)
{
	mm->start_code = ~0UL;
	for (int i = 0; i < im->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->ph[i];
		u64 start = im->bias + ph->p_vaddr, end = start + ph->p_filesz;

		if (ph->p_type != PT_LOAD)
			continue;
		if ((ph->p_flags & PF_X) && start < mm->start_code)
			mm->start_code = start;
		mm->start_data = MAX(mm->start_data, start);
		if (ph->p_flags & PF_X)
			mm->end_code = MAX(mm->end_code, end);
		mm->end_data = MAX(mm->end_data, end);
	}
}

static void set_brk(struct exec *x, const struct elf_info *info)
{
	u64 brk = PAGE_ALIGN(info->prog.brk);

	if (randomize()) {
		if (info->prog.eh.e_type == ET_DYN)
			brk = PIE_BASE;
		brk += random_u64() % BRK_RANDOM_PAGES * PAGE_SIZE;
	}
	x->mm->start_brk = x->mm->brk = brk;
}

static u64 phdr_address(const struct elf_image *im)
{
	u64 at = 0;

	for (int i = 0; i < im->eh.e_phnum; i++) {
		const struct elf64_phdr *ph = &im->ph[i];

		if (ph->p_type == PT_PHDR)
			return im->bias + ph->p_vaddr;
		if (ph->p_type == PT_LOAD && !at && ph->p_offset <= im->eh.e_phoff &&
		    im->eh.e_phoff < ph->p_offset + ph->p_filesz)
			at = im->bias + ph->p_vaddr + (im->eh.e_phoff - ph->p_offset);
	}
	return at;
}

int elf_load(struct exec *x, struct elf_info *info)
{
	const struct elf_image *prog = &info->prog, *interp = &info->interp;
	int err;

	x->exec_stack = info->stack_flags >= 0 && (info->stack_flags & PF_X);
	err = map_all(x, info);
	if (!err)
		err = clear_tails(x, prog);
	if (!err && info->has_interp)
		err = clear_tails(x, interp);
	if (err)
		return err;
	set_code_bounds(x->mm, prog);
	set_brk(x, info);
	x->phdr = phdr_address(prog);
	x->phnum = prog->eh.e_phnum;
	x->prog_entry = prog->bias + prog->eh.e_entry;
	x->entry = x->prog_entry;
	if (info->has_interp) {
		x->interp_base = interp->bias + (interp->eh.e_type == ET_EXEC ? interp->min : 0);
		x->entry = interp->bias + interp->eh.e_entry;
	}
	return stack_fill(x);
}
