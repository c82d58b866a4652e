/* SPDX-License-Identifier: MIT */
/*
 * Learnt call sites. A site that trapped a few times, in a program that makes many calls, is remembered per file (device,
 * inode, time of change) and offset, and patched in this process, with all others of the same text that are remembered. Not
 * before: most programs end after few calls, and writing to their texts would cost them more than the traps. The near
 * kernel checks the bytes before it writes, so a stale memory costs nothing but a look.
 */
#include "guest/priv.h"

#include <string.h>

#include "abi/errno.h"
#include "core/sched.h"
#include "core/task.h"
#include "lib/alloc.h"

#define FILES_MAX 1024
#define SITES_MAX 2000

struct text_file {
	struct list_head node;
	u64 dev, ino, mtime;
	u32 nsites;
	u32 cap;
	u64 *sites;			/* file offsets behind the syscall instruction */
};

static LIST_HEAD(files);
static int nfiles;

static struct text_file *file_get(u64 dev, u64 ino, u64 mtime)
{
	struct text_file *f;

	list_for_each(f, &files, node) {
		if (f->ino != ino || f->dev != dev)
			continue;
		if (f->mtime != mtime) {
			f->mtime = mtime;
			f->nsites = 0;
		}
		list_del_init(&f->node);
		list_add(&f->node, &files);
		return f;
	}
	if (nfiles < FILES_MAX) {
		f = kzalloc(sizeof(*f));
		if (!f)
			return NULL;
		nfiles++;
	} else {
		f = list_last(&files, struct text_file, node);
		list_del_init(&f->node);
		f->nsites = 0;
	}
	f->dev = dev;
	f->ino = ino;
	f->mtime = mtime;
	list_add(&f->node, &files);
	return f;
}

static bool learn(struct text_file *f, u64 off)
{
	for (u32 i = 0; i < f->nsites; i++)
		if (f->sites[i] == off)
			return true;
	if (f->nsites == SITES_MAX)
		return false;
	if (f->nsites == f->cap) {
		u32 n = f->cap ? f->cap * 2 : 16;
		u64 *s = krealloc(f->sites, n * sizeof(*s));

		if (!s)
			return false;
		f->sites = s;
		f->cap = n;
	}
	f->sites[f->nsites++] = off;
	return true;
}

/* The offsets of known sites inside t, relative to its start. */
static u32 collect(const struct text *t, u32 *out)
{
	u32 n = 0;

	for (u32 i = 0; i < t->file->nsites; i++) {
		u64 off = t->file->sites[i];

		if (off >= t->off + 9 && off + 7 <= t->off + t->len)
			out[n++] = (u32)(off - t->off);
	}
	return n;
}

static void order_patch(struct uthread *ut, u32 op, const struct text *t, const u32 *offs, u32 n)
{
	struct near_order *o;
	char *window = (char *)ut->area + AREA_WINDOW;
	u32 size = n * (u32)sizeof(u32);

	if (ut->wpos + size > AREA_WINDOW_SIZE / 2 || uthread_room(ut, 1) || ut->norders == ORDERS_MAX)
		return;
	memcpy(window + ut->wpos, offs, size);
	o = uthread_order(ut, op);
	o->a[0] = t->start;
	o->a[1] = t->len;
	o->a[2] = n;
	o->a[3] = ut->wpos;
	o->a[4] = ut->space->nthreads == 1;
	ut->wpos += ALIGN_UP(size, 16u);
}

void guest_text_mapped(struct uthread *ut, u64 addr, u64 len, u64 off, u64 dev, u64 ino, u64 mtime)
{
	struct space *s = ut->space;
	struct text *t;

	guest_text_unmapped(s, addr, len);
	if (!guest_patching || s->ntexts == TEXTS_MAX || len > 0x7fffffff)
		return;
	t = &s->texts[s->ntexts];
	*t = (struct text){ .start = addr, .len = len, .off = off, .file = file_get(dev, ino, mtime) };
	if (t->file)
		s->ntexts++;
}

void guest_text_unmapped(struct space *s, u64 addr, u64 len)
{
	for (int i = 0; i < s->ntexts;) {
		struct text *t = &s->texts[i];

		if (t->start < addr + len && addr < t->start + t->len)
			*t = s->texts[--s->ntexts];
		else
			i++;
	}
}

/* The one that trapped; and, the first time that one is worth it, all that are known. */
static void patch_text(struct uthread *ut, struct text *t, u32 off)
{
	u32 offs[SITES_MAX], n = 1;

	offs[0] = off;
	if (!t->begun)
		n = collect(t, offs);
	t->begun = true;
	if (n)
		order_patch(ut, ORD_PATCH, t, offs, n);
}

void text_trap(struct uthread *ut, u64 site)
{
	struct space *s = ut->space;

	if (s->original)
		return;
	for (int i = 0; i < s->ntexts; i++) {
		struct text *t = &s->texts[i];

		if (site - t->start >= t->len)
			continue;
		if (s->tried[site / 2 % ARRAY_SIZE(s->tried)] == site)
			return;		/* it cannot be patched here */
		s->tried[site / 2 % ARRAY_SIZE(s->tried)] = site;
		if (!learn(t->file, site - t->start + t->off))
			return;
		patch_text(ut, t, (u32)(site - t->start));
		return;
	}
}

void text_fork(struct space *parent, struct space *child)
{
	memcpy(child->texts, parent->texts, sizeof(child->texts));
	memcpy(child->tried, parent->tried, sizeof(child->tried));
	child->ntexts = parent->ntexts;
}

int guest_text_original(struct uthread *ut)
{
	struct space *s = ut->space;
	u32 offs[SITES_MAX], n;
	int err = 0;

	if (s->original)
		return 0;
	s->original = true;
	memset(s->tried, 0, sizeof(s->tried));
	for (int i = 0; i < s->ntexts && !err; i++) {
		s->texts[i].begun = false;
		n = collect(&s->texts[i], offs);
		if (!n)
			continue;
		if (ut->wpos + n * sizeof(*offs) > AREA_WINDOW_SIZE / 2)
			err = uthread_flush(ut);
		if (!err)
			order_patch(ut, ORD_UNPATCH, &s->texts[i], offs, n);
	}
	return !err && ut->norders ? uthread_flush(ut) : err;
}

void guest_text_patchable(struct space *s)
{
	s->original = false;
}
