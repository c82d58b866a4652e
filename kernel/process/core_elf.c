/* SPDX-License-Identifier: MIT */
/*
 * Writing a core file: ELF header, program headers, notes about the process and each thread, then the
 * memory. Pages of zeros become holes. What a debugger finds in the mapped files themselves (text and
 * constants) is left out.
 */
#include "process/coredump.h"

#include <string.h>

#include "abi/elf.h"
#include "abi/errno.h"
#include "core/sched.h"
#include "core/task.h"
#include "guest/guest.h"
#include "lib/alloc.h"
#include "mm/mm.h"
#include "mm/user.h"
#include "process/process.h"
#include "vfs/vfs.h"

#define CHUNK 65536
#define XSTATE_MAX 16384
#define FX_SIZE 512
#define SEGMENTS_MAX 60000
#define SPARSE_SIZE (256ULL << 20)	/* areas from here on are asked which pages exist */

struct core_time {
	u64 sec, usec;
};

/* Linux's struct elf_prstatus and elf_prpsinfo: no header for programs has them any more. */
struct core_prstatus {
	int signo, code, err;
	short cursig;
	u64 sigpend, sighold;
	int pid, ppid, pgrp, sid;
	struct core_time utime, stime, cutime, cstime;
	struct regs regs;
	int fpvalid;
};
struct core_prpsinfo {
	char state, sname, zomb, nice;
	u64 flag;
	u32 uid, gid;
	int pid, ppid, pgrp, sid;
	char fname[16], psargs[80];
};
_Static_assert(sizeof(struct core_prstatus) == 336, "elf_prstatus");
_Static_assert(sizeof(struct core_prpsinfo) == 136, "elf_prpsinfo");

/* ---- notes: one growing buffer ---- */

struct notes {
	char *buf;
	size_t len, cap;
	bool failed;
};

static void *note_room(struct notes *n, size_t size)
{
	size_t want = n->len + size;
	char *b;

	if (want > n->cap) {
		b = krealloc(n->buf, want * 2);
		if (!b) {
			n->failed = true;
			return NULL;
		}
		n->buf = b;
		n->cap = want * 2;
	}
	b = n->buf + n->len;
	memset(b, 0, size);
	n->len = want;
	return b;
}

static void note(struct notes *n, const char *owner, u32 type, const void *data, size_t size)
{
	Elf64_Nhdr h = { .n_namesz = strlen(owner) + 1, .n_descsz = size, .n_type = type };
	char *p = note_room(n, sizeof(h) + ALIGN_UP(h.n_namesz, 4U) + ALIGN_UP(size, 4UL));

	if (!p)
		return;
	memcpy(p, &h, sizeof(h));
	memcpy(p + sizeof(h), owner, h.n_namesz);
	memcpy(p + sizeof(h) + ALIGN_UP(h.n_namesz, 4U), data, size);
}

static struct core_time core_time(u64 ns)
{
	return (struct core_time){ ns / NSEC_PER_SEC, ns % NSEC_PER_SEC / NSEC_PER_USEC };
}

static void note_status(struct notes *n, struct task *t, const siginfo_t *info)
{
	struct process *p = t->proc;
	struct core_prstatus st;
	struct acct a;

	memset(&st, 0, sizeof(st));
	st.signo = st.cursig = info->si_signo;
	st.code = info->si_code;
	st.err = info->si_errno;
	st.sigpend = t->pending.set;
	st.sighold = t->blocked;
	st.pid = t->tid;
	st.ppid = p->parent ? p->parent->tgid : 0;
	st.pgrp = pgrp_id(p);
	st.sid = session_id(p);
	task_times(t, &a);
	st.utime = core_time(a.utime);
	st.stime = core_time(a.stime);
	st.cutime = core_time(p->child_acct.utime);
	st.cstime = core_time(p->child_acct.stime);
	st.fpvalid = 1;
	if (!t->ut || uthread_get_regs(t->ut, &st.regs) ||
	    uthread_get_bases(t->ut, &st.regs.fs_base, &st.regs.gs_base))
		memset(&st.regs, 0, sizeof(st.regs));
	note(n, "CORE", NT_PRSTATUS, &st, sizeof(st));
}

static void note_fpu(struct notes *n, struct task *t)
{
	char *buf = kzalloc(XSTATE_MAX);
	ssize len = buf && t->ut ? uthread_get_fpu(t->ut, buf, XSTATE_MAX) : -ENOMEM;

	if (len >= FX_SIZE)
		note(n, "CORE", NT_PRFPREG, buf, FX_SIZE);
	if (len > FX_SIZE)
		note(n, "LINUX", NT_X86_XSTATE, buf, len);
	kfree(buf);
}

static void note_process(struct notes *n, struct task *t)
{
	struct process *p = t->proc;
	struct core_prpsinfo ps;
	size_t len = MIN(t->mm->arg_end - t->mm->arg_start, sizeof(ps.psargs) - 1);

	memset(&ps, 0, sizeof(ps));
	ps.sname = 'R';
	ps.nice = (char)t->nice;
	ps.uid = t->cred->uid;
	ps.gid = t->cred->gid;
	ps.pid = p->tgid;
	ps.ppid = p->parent ? p->parent->tgid : 0;
	ps.pgrp = pgrp_id(p);
	ps.sid = session_id(p);
	memcpy(ps.fname, t->comm, MIN(sizeof(ps.fname), sizeof(t->comm)));
	if (access_mm(t->mm, t->mm->arg_start, ps.psargs, len, false) < 0)
		memset(ps.psargs, 0, sizeof(ps.psargs));
	for (size_t i = 0; i < len; i++)
		if (!ps.psargs[i])
			ps.psargs[i] = ' ';
	note(n, "CORE", NT_PRPSINFO, &ps, sizeof(ps));
}

/* count, page size, {start, end, page offset} each, then the names. */
static void note_files(struct notes *n, struct mm *mm)
{
	struct notes names = { 0 }, body = { 0 };
	u64 *head = note_room(&body, 16), *e, count = 0;
	char buf[512], *at, *p;
	struct vma *v;

	list_for_each(v, &mm->vmas, node) {
		if (!v->file || d_path(&v->file->path, buf, sizeof(buf), &at))
			continue;
		e = note_room(&body, 24);
		p = note_room(&names, strlen(at) + 1);
		if (!e || !p)
			break;
		e[0] = v->start;
		e[1] = v->end;
		e[2] = v->pgoff / PAGE_SIZE;
		strcpy(p, at);
		count++;
	}
	p = note_room(&body, names.len);
	head = (u64 *)body.buf;
	if (p && head && !body.failed && !names.failed && count) {
		memcpy(p, names.buf, names.len);
		head[0] = count;
		head[1] = PAGE_SIZE;
		note(n, "CORE", NT_FILE, body.buf, body.len);
	}
	kfree(names.buf);
	kfree(body.buf);
}

static int make_notes(struct notes *n, struct task *t, const siginfo_t *info)
{
	struct task *o;

	note_status(n, t, info);
	note_process(n, t);
	note(n, "CORE", NT_SIGINFO, info, sizeof(*info));
	note(n, "CORE", NT_AUXV, t->mm->auxv, (size_t)t->mm->nauxv * sizeof(t->mm->auxv[0]));
	note_files(n, t->mm);
	note_fpu(n, t);
	list_for_each(o, &t->proc->threads, thread_node) {
		if (!o->core_parked || !o->ut || uthread_borrow(o->ut))
			continue;
		note_status(n, o, info);
		note_fpu(n, o);
		space_return(o->ut);
	}
	return n->failed ? -ENOMEM : 0;
}

/* ---- memory ---- */

/* The constants that the dynamic linker wrote before it protected them: they lie before the file's data. */
static bool is_relro(const struct vma *v, const struct mm *mm)
{
	const struct vma *next = list_entry(v->node.next, struct vma, node);

	return v->node.next != &mm->vmas && next->start == v->end && next->file == v->file && (next->flags & VM_WRITE) &&
	       !(next->flags & VM_SHARED);
}

/* How much of the area is written, from its start on. */
static u64 dump_size(const struct vma *v, const struct mm *mm)
{
	if ((v->flags & (VM_DONTDUMP | VM_VVAR)) || !(v->flags & (VM_READ | VM_WRITE | VM_EXEC)))
		return 0;
	if (!v->file)
		return v->end - v->start;
	if (v->flags & VM_SHARED)
		return 0;
	if ((v->flags & VM_WRITE) || (!(v->flags & VM_EXEC) && v->pgoff && is_relro(v, mm)))
		return v->end - v->start;
	return v->pgoff ? 0 : PAGE_SIZE;
}

struct segment {
	u64 start, size, offset, memsize;
	u32 flags;
};

struct writer {
	struct task *t;
	struct file *f;
	u64 limit, end;
	char *buf;
};

static int emit(struct writer *w, const void *data, size_t n, u64 at)
{
	ssize got;

	if (at + n > w->limit)
		return -EFBIG;
	got = kernel_write(w->f, data, n, (off64)at);
	if (got < 0)
		return (int)got;
	w->end = MAX(w->end, at + n);
	return (size_t)got == n ? 0 : -ENOSPC;
}

static bool all_zero(const char *p, size_t n)
{
	return !*p && !memcmp(p, p + 1, n - 1);
}

static bool any_resident(struct task *t, u64 addr, size_t n)
{
	u8 vec[CHUNK / PAGE_SIZE] = { 0 };

	if (guest_mincore(t->ut, addr, n, vec))
		return true;
	for (size_t i = 0; i < n / PAGE_SIZE; i++)
		if (vec[i] & 1)
			return true;
	return false;
}

static int write_segment(struct writer *w, const struct segment *s)
{
	for (u64 done = 0; done < s->size; done += CHUNK) {
		size_t n = MIN(s->size - done, (u64)CHUNK);
		int err;

		if (w->t->killed)
			return -EINTR;
		if (s->size >= SPARSE_SIZE && !any_resident(w->t, s->start + done, n))
			continue;
		memset(w->buf, 0, n);
		if (access_mm(w->t->mm, s->start + done, w->buf, n, false) <= 0)
			continue;
		for (size_t p = 0; p < n; p += PAGE_SIZE) {
			if (all_zero(w->buf + p, PAGE_SIZE))
				continue;
			err = emit(w, w->buf + p, PAGE_SIZE, s->offset + done + p);
			if (err)
				return err;
		}
	}
	return 0;
}

static int list_segments(const struct mm *mm, struct segment **out, u32 *count)
{
	struct segment *s = kzalloc((size_t)MAX(mm->nvmas, 1) * sizeof(*s));
	struct vma *v;
	u32 n = 0;

	if (!s)
		return -ENOMEM;
	list_for_each(v, &mm->vmas, node) {
		if (n == SEGMENTS_MAX || n == (u32)mm->nvmas)
			break;
		s[n++] = (struct segment){
			.start = v->start, .size = dump_size(v, mm), .memsize = v->end - v->start,
			.flags = ((v->flags & VM_READ) ? PF_R : 0) | ((v->flags & VM_WRITE) ? PF_W : 0) |
				 ((v->flags & VM_EXEC) ? PF_X : 0),
		};
	}
	*out = s;
	*count = n;
	return 0;
}

static void place_segments(struct segment *s, u32 n, u64 at)
{
	for (u32 i = 0; i < n; i++) {
		s[i].offset = at;
		at += s[i].size;
	}
}

static int write_headers(struct writer *w, const struct segment *s, u32 n, const struct notes *notes,
			 u64 notes_at)
{
	Elf64_Ehdr *eh = kzalloc(notes_at);
	Elf64_Phdr *ph = (Elf64_Phdr *)(eh + 1);
	int err;

	if (!eh)
		return -ENOMEM;
	memcpy(eh->e_ident, ELFMAG, SELFMAG);
	eh->e_ident[EI_CLASS] = ELFCLASS64;
	eh->e_ident[EI_DATA] = ELFDATA2LSB;
	eh->e_ident[EI_VERSION] = EV_CURRENT;
	eh->e_type = ET_CORE;
	eh->e_machine = EM_X86_64;
	eh->e_version = EV_CURRENT;
	eh->e_phoff = sizeof(*eh);
	eh->e_ehsize = sizeof(*eh);
	eh->e_phentsize = sizeof(*ph);
	eh->e_phnum = (u16)(n + 1);
	ph[0] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = notes->len,
			      .p_align = 4 };
	for (u32 i = 0; i < n; i++)
		ph[i + 1] = (Elf64_Phdr){
			.p_type = PT_LOAD, .p_flags = s[i].flags, .p_offset = s[i].offset,
			.p_vaddr = s[i].start, .p_filesz = s[i].size, .p_memsz = s[i].memsize,
			.p_align = PAGE_SIZE,
		};
	err = emit(w, eh, notes_at, 0);
	if (!err)
		err = emit(w, notes->buf, notes->len, notes_at);
	kfree(eh);
	return err;
}

static int write_all(struct writer *w, struct segment *s, u32 n, const struct notes *notes)
{
	u64 notes_at = sizeof(Elf64_Ehdr) + (n + 1) * sizeof(Elf64_Phdr), end;
	int err;

	place_segments(s, n, PAGE_ALIGN(notes_at + notes->len));
	err = write_headers(w, s, n, notes, notes_at);
	for (u32 i = 0; i < n && !err; i++)
		err = write_segment(w, &s[i]);
	/* A hole at the end belongs to the file, too. */
	end = n ? s[n - 1].offset + s[n - 1].size : 0;
	if (!err && end > w->end && end <= w->limit)
		err = vfs_truncate(&w->f->path, end, w->f);
	return err;
}

int core_write(struct task *t, const siginfo_t *info, struct file *f, u64 limit)
{
	struct writer w = { .t = t, .f = f, .limit = limit, .buf = kmalloc(CHUNK) };
	struct notes notes = { 0 };
	struct segment *s = NULL;
	u32 n = 0;
	int err = w.buf ? make_notes(&notes, t, info) : -ENOMEM;

	if (!err)
		err = list_segments(t->mm, &s, &n);
	if (!err)
		err = write_all(&w, s, n, &notes);
	kfree(s);
	kfree(notes.buf);
	kfree(w.buf);
	return err;
}
