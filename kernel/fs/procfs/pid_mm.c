/* SPDX-License-Identifier: MIT */
/*
 * The address space of a process: maps, smaps, mem, and the strings on its stack. Which pages are
 * resident only the host knows.
 */
#include "fs/procfs/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "abi/limits.h"
#include "abi/ioctl.h"
#include "core/task.h"
#include "lib/alloc.h"
#include "mm/iter.h"
#include "mm/mm.h"
#include "mm/smaps.h"
#include "mm/user.h"

#define NAME_COLUMN 73
#define KB(bytes) ((bytes) >> 10)

/* ---- maps ---- */

static const char *special_name(const struct mm *mm, const struct vma *v)
{
	if (v->flags & VM_VDSO)
		return "[vdso]";
	if (v->flags & VM_VVAR)
		return "[vvar]";
	if (v->flags & VM_STACK || (v->start <= mm->start_stack && v->end > mm->start_stack))
		return "[stack]";
	if (v->flags & VM_HEAP || (v->start <= mm->brk && v->end > mm->start_brk && !v->backing))
		return "[heap]";
	return NULL;
}

static void show_name(struct seq_buf *s, const struct mm *mm, const struct vma *v, char *page)
{
	const char *special;
	char *text;

	if (v->file && v->file->path.dentry) {
		if (!d_path(&v->file->path, page, PATH_MAX, &text))
			seq_escape(s, text, "\n");
	} else if (v->backing && v->backing->name) {
		seq_puts(s, v->backing->name);
	} else {
		special = special_name(mm, v);
		if (special)
			seq_puts(s, special);
	}
}

static void show_vma(struct seq_buf *s, const struct mm *mm, const struct vma *v, char *page)
{
	size_t start = s->len, name;
	u32 dev = v->backing ? v->backing->dev_mm : 0;
	u64 ino = v->file && v->file->inode ? v->file->inode->ino : v->backing ? v->backing->ino : 0;

	seq_printf(s, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", v->start, v->end,
		   v->flags & VM_READ ? 'r' : '-', v->flags & VM_WRITE ? 'w' : '-',
		   v->flags & VM_EXEC ? 'x' : '-', v->flags & VM_SHARED ? 's' : 'p',
		   v->backing ? v->pgoff : 0, major_k(dev), minor_k(dev), ino);
	name = s->len;
	while (s->len - start < NAME_COLUMN && !s->overflow)
		seq_putc(s, ' ');
	start = s->len;
	show_name(s, mm, v, page);
	/* No blanks in front of no name. */
	if (s->len == start && s->buf)
		s->len = name;
	seq_putc(s, '\n');
}

int proc_maps(struct seq_buf *s, struct proc_node *n)
{
	struct mm *mm = proc_get_mm(n);
	char *page = kmalloc(PATH_MAX);
	struct vma *v;

	if (mm && page)
		list_for_each(v, &mm->vmas, node)
			show_vma(s, mm, v, page);
	kfree(page);
	if (mm)
		mm_put(mm);
	return page ? 0 : -ENOMEM;
}

/* ---- smaps ---- */

static void show_smap(struct seq_buf *s, const struct smap *m)
{
	seq_printf(s, "Rss:            %8lu kB\nPss:            %8lu kB\nPss_Dirty:      %8lu kB\n",
		   m->rss, m->pss, m->pss_dirty);
	seq_printf(s, "Shared_Clean:   %8lu kB\nShared_Dirty:   %8lu kB\n"
		   "Private_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n", m->shared_clean,
		   m->shared_dirty, m->private_clean, m->private_dirty);
	seq_printf(s, "Referenced:     %8lu kB\nAnonymous:      %8lu kB\nKSM:                   0 kB\n"
		   "LazyFree:       %8lu kB\nAnonHugePages:  %8lu kB\n", m->referenced, m->anonymous,
		   m->lazy_free, m->huge);
	seq_printf(s, "ShmemPmdMapped:        0 kB\nFilePmdMapped:         0 kB\n"
		   "Shared_Hugetlb:        0 kB\nPrivate_Hugetlb:       0 kB\n"
		   "Swap:           %8lu kB\nSwapPss:        %8lu kB\nLocked:         %8lu kB\n",
		   m->swap, m->swap, m->locked);
}

struct flag_code {
	u32 flag;
	char code[4];
};

static const struct flag_code flag_codes[] = {
	{ VM_READ, "rd " }, { VM_WRITE, "wr " }, { VM_EXEC, "ex " }, { VM_SHARED, "sh " },
};
static const struct flag_code late_codes[] = {
	{ VM_GROWSDOWN, "gd " }, { VM_LOCKED, "lo " }, { VM_DONTCOPY, "dc " },
	{ VM_NORESERVE, "nr " }, { VM_HUGETLB, "ht " }, { VM_WIPEONFORK, "wf " },
	{ VM_DONTDUMP, "dd " },
};
static const struct flag_code may_codes[] = {
	{ VM_READ, "mr " }, { VM_WRITE, "mw " }, { VM_EXEC, "me " },
};

static void show_codes(struct seq_buf *s, u32 flags, const struct flag_code *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (flags & c[i].flag)
			seq_puts(s, c[i].code);
}

/* The address space with what the host says of it; the areas may change in between. */
static int get_smaps(struct proc_node *n, struct mm **mm, struct smap **v, ssize *count)
{
	*mm = proc_get_mm(n);
	if (!*mm)
		return -ESRCH;
	*count = mm_smaps(*mm, v);
	if (*count < 0)
		mm_put(*mm);
	return *count < 0 ? (int)*count : 0;
}

int proc_smaps(struct seq_buf *s, struct proc_node *n)
{
	char *page = kmalloc(PATH_MAX);
	struct smap *host;
	struct vma *v;
	struct mm *mm;
	ssize count;
	int err = page ? get_smaps(n, &mm, &host, &count) : -ENOMEM;

	if (err) {
		kfree(page);
		return err == -ENOMEM ? err : 0;
	}
	list_for_each(v, &mm->vmas, node) {
		struct smap m = { .rss = 0 };

		smaps_add(&m, host, (size_t)count, v->start, v->end);
		m.locked = v->flags & VM_LOCKED ? m.pss : 0;
		show_vma(s, mm, v, page);
		seq_printf(s, "Size:           %8lu kB\nKernelPageSize:        4 kB\n"
			   "MMUPageSize:           4 kB\n", KB(v->end - v->start));
		show_smap(s, &m);
		seq_puts(s, "THPeligible:           0\nVmFlags: ");
		show_codes(s, v->flags, flag_codes, ARRAY_SIZE(flag_codes));
		show_codes(s, v->may, may_codes, ARRAY_SIZE(may_codes));
		show_codes(s, v->flags, late_codes, ARRAY_SIZE(late_codes));
		seq_putc(s, '\n');
	}
	kfree(host);
	kfree(page);
	mm_put(mm);
	return 0;
}

static void show_rollup(struct seq_buf *s, const struct smap *m, const struct mm *mm)
{
	u64 anon = MIN(m->anonymous, m->pss);

	seq_printf(s, "%08lx-%08lx ---p 00000000 00:00 0%*s[rollup]\n",
		   list_first(&mm->vmas, struct vma, node)->start,
		   list_last(&mm->vmas, struct vma, node)->end, 26, "");
	seq_printf(s, "Rss:            %8lu kB\nPss:            %8lu kB\nPss_Dirty:      %8lu kB\n"
		   "Pss_Anon:       %8lu kB\nPss_File:       %8lu kB\nPss_Shmem:             0 kB\n",
		   m->rss, m->pss, m->pss_dirty, anon, m->pss - anon);
}

int proc_smaps_rollup(struct seq_buf *s, struct proc_node *n)
{
	struct smap *host, sum = { .rss = 0 };
	struct seq_buf rest = { .buf = NULL };
	const char *tail;
	struct vma *v;
	struct mm *mm;
	ssize count;
	int err = get_smaps(n, &mm, &host, &count);

	if (err)
		return err;
	list_for_each(v, &mm->vmas, node)
		smaps_add(&sum, host, (size_t)count, v->start, v->end);
	if (!list_empty(&mm->vmas)) {
		show_rollup(s, &sum, mm);
		show_smap(&rest, &sum);
		tail = rest.buf ? strstr(rest.buf, "Shared_Clean:") : NULL;
		seq_puts(s, tail ? tail : "");
	}
	seq_free(&rest);
	kfree(host);
	mm_put(mm);
	return 0;
}

int proc_statm(struct seq_buf *s, struct proc_node *n)
{
	struct mm *mm = proc_get_mm(n);
	u64 rss = 0, shared = 0;

	if (!mm) {
		seq_puts(s, "0 0 0 0 0 0 0\n");
		return 0;
	}
	mm_rss_split(mm, &rss, &shared);
	seq_printf(s, "%lu %lu %lu %lu 0 %lu 0\n", mm->total_pages, rss, shared,
		   (mm->end_code - mm->start_code + PAGE_SIZE - 1) / PAGE_SIZE,
		   mm->data_pages + mm->stack_pages);
	mm_put(mm);
	return 0;
}

/* ---- strings on the stack ---- */

/* Guest bytes [from, to) to the end of s. */
static int add_guest(struct seq_buf *s, struct mm *mm, u64 from, u64 to)
{
	char *page = kmalloc(PAGE_SIZE);
	ssize got = 0;

	if (!page)
		return -ENOMEM;
	while (from < to) {
		got = access_mm(mm, from, page, MIN(to - from, PAGE_SIZE), false);
		if (got <= 0)
			break;
		for (ssize i = 0; i < got; i++)
			seq_putc(s, page[i]);
		from += (u64)got;
	}
	kfree(page);
	return got < 0 && !s->len ? (int)got : 0;
}

/*
 * A program may write a title over its arguments. If it destroyed the last byte, the title is what stands
 * there up to the first NUL, maybe into the environment.
 */
int proc_cmdline(struct seq_buf *s, struct proc_node *n)
{
	struct mm *mm = proc_get_mm(n);
	size_t args;
	int err;

	if (!mm)
		return 0;
	err = add_guest(s, mm, mm->arg_start, mm->arg_end);
	args = mm->arg_end - mm->arg_start;
	if (!err && args && s->len == args && s->buf[args - 1]) {
		if (mm->env_start == mm->arg_end)
			err = add_guest(s, mm, mm->env_start, mm->env_end);
		if (s->buf)
			s->len = MIN(strnlen(s->buf, s->len) + 1, s->len);
	}
	mm_put(mm);
	return err == -ENOMEM ? err : 0;
}

int proc_environ(struct seq_buf *s, struct proc_node *n)
{
	struct mm *mm = proc_get_mm(n);
	int err;

	if (!mm)
		return 0;
	err = add_guest(s, mm, mm->env_start, mm->env_end);
	mm_put(mm);
	return err;
}

int proc_auxv(struct seq_buf *s, struct proc_node *n)
{
	struct mm *mm = proc_get_mm(n);
	const char *bytes;

	if (!mm)
		return 0;
	bytes = (const char *)mm->auxv;
	for (size_t i = 0; i < (size_t)mm->nauxv * sizeof(mm->auxv[0]); i++)
		seq_putc(s, bytes[i]);
	mm_put(mm);
	return 0;
}

/* ---- mem ---- */

static int mem_open(struct inode *inode, struct file *f)
{
	const struct proc_node *n = PN(inode);

	if (!proc_may_trace(n->task))
		return -EACCES;
	f->private = proc_get_mm(n);
	return 0;
}

static void mem_release(struct file *f)
{
	if (f->private)
		mm_put(f->private);
}

static ssize mem_rw(struct file *f, struct iter *it, off64 *pos, bool write)
{
	char *page = kmalloc(PAGE_SIZE);
	ssize done = 0, got = 0, moved;

	if (!f->private) {
		kfree(page);
		return 0;
	}
	if (!page)
		return -ENOMEM;
	while (it->count) {
		size_t n = MIN(it->count, (size_t)PAGE_SIZE);

		if (write) {
			got = iter_copy_from(it, page, n);
			if (got > 0)
				got = access_mm(f->private, (u64)*pos, page, (size_t)got, true);
		} else {
			got = access_mm(f->private, (u64)*pos, page, n, false);
			moved = got > 0 ? iter_copy_to(it, page, (size_t)got) : 0;
			got = moved ? moved : got;
		}
		if (got <= 0)
			break;
		*pos += got;
		done += got;
		if ((size_t)got < n)
			break;
	}
	kfree(page);
	if (!done && got == -EFAULT)
		return -EIO;
	return done ? done : got;
}

static ssize mem_read(struct file *f, struct iter *to, off64 *pos)
{
	return mem_rw(f, to, pos, false);
}

static ssize mem_write(struct file *f, struct iter *from, off64 *pos)
{
	return mem_rw(f, from, pos, true);
}

static off64 mem_llseek(struct file *f, off64 off, int whence)
{
	if (whence == SEEK_CUR)
		off += f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	f->pos = off;
	return off;
}

const struct file_ops proc_mem_fops = {
	.open = mem_open,
	.release = mem_release,
	.read = mem_read,
	.write = mem_write,
	.llseek = mem_llseek,
};

/* ---- pagemap ---- */

static int pagemap_open(struct inode *inode, struct file *f)
{
	const struct proc_node *n = PN(inode);

	if (!proc_may_trace(n->task))
		return -EPERM;
	f->private = proc_get_mm(n);
	return 0;
}

static ssize pagemap_read(struct file *f, struct iter *to, off64 *pos)
{
	u64 *page = kmalloc(PAGE_SIZE);
	ssize got = 0, done = 0;

	if (!page || *pos % 8 || to->count % 8) {
		kfree(page);
		return page ? -EINVAL : -ENOMEM;
	}
	while (f->private && to->count && (u64)*pos / 8 < GUEST_TASK_SIZE / PAGE_SIZE) {
		got = mm_pagemap(f->private, (u64)*pos / 8 * PAGE_SIZE, page,
				 MIN(to->count, (size_t)PAGE_SIZE) / 8);
		if (got <= 0)
			break;
		got = iter_copy_to(to, page, (size_t)got * 8);
		if (got <= 0)
			break;
		*pos += got;
		done += got;
	}
	kfree(page);
	return done ? done : got;
}

const struct file_ops proc_pagemap_fops = {
	.open = pagemap_open,
	.release = mem_release,
	.read = pagemap_read,
	.llseek = mem_llseek,
};
