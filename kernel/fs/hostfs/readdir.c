/* SPDX-License-Identifier: MIT */
/*
 * Listing directories: the host's entries, order and positions. Entries that do not fit into the
 * guest's buffer stay in ours for the next call.
 */
#include "fs/hostfs/priv.h"

#include "abi/errno.h"
#include "abi/stat.h"
#include "host/host.h"
#include "lib/alloc.h"
#include "vfs/vfs.h"

#include <string.h>

#define BUF_SIZE 32768
#define DT_UNKNOWN_K 0
#define DT_DIR_K 4
#define DT_REG_K 8

/* What getdents64 writes. */
struct dent {
	u64 ino;
	s64 next;
	u16 reclen;
	u8 type;
	char name[];
};

/* Have entries from position pos on in the buffer: 1, 0 at the end, -errno. */
static ssize fill(struct hostfs_file *hf, off64 pos)
{
	ssize n;

	if (!hf->buf) {
		hf->buf = kmalloc(BUF_SIZE);
		if (!hf->buf)
			return -ENOMEM;
		hf->next = 0;
	}
	/* A rewind reads again, as the names may have changed. */
	if (pos != hf->next || (pos == 0 && hf->at)) {
		s64 err = HOST(host_lseek(hf->fd, pos, 0));

		if (err < 0)
			return err;
		hf->len = hf->at = 0;
		hf->next = pos;
	}
	if (hf->at < hf->len)
		return 1;
	n = HOST(host_file_getdents(hf->fd, hf->buf, BUF_SIZE));
	hf->at = 0;
	hf->len = n > 0 ? (size_t)n : 0;
	return n > 0 ? 1 : n;
}

static bool is_dots(const char *name)
{
	return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* The host's ".." at the root of the mount is none of the guest's business. */
static u64 dots_ino(struct inode *dir, const char *name)
{
	const struct inode *up = HI(dir)->dir;

	return name[1] && up ? up->ino : dir->ino;
}

static u32 type_of(struct hostfs_file *hf, struct inode *dir, const struct dent *e)
{
	if (e->type != DT_REG_K || !HSB(dir->sb)->ids)
		return e->type;
	if (hf->special < 0)
		hf->special = hostfs_ids_has_special(dir);
	return hf->special ? DT_UNKNOWN_K : DT_REG_K;
}

/* Hands over one buffer. 1: all of it, 0: the guest's buffer is full. */
static int emit(struct hostfs_file *hf, struct inode *dir, struct dir_ctx *ctx)
{
	while (hf->at < hf->len) {
		struct dent *e = (struct dent *)(hf->buf + hf->at);
		bool dots = is_dots(e->name);
		u64 ino = dots ? dots_ino(dir, e->name) : e->ino;

		if ((dots || !HI(dir)->hidden) &&
		    !ctx->actor(ctx, e->name, strlen(e->name), ino, type_of(hf, dir, e), e->next))
			return 0;
		hf->at += e->reclen;
		hf->next = e->next;
		ctx->pos = e->next;
	}
	return 1;
}

int hostfs_readdir(struct file *f, struct dir_ctx *ctx)
{
	struct hostfs_file *hf = f->private;
	ssize more;

	while ((more = fill(hf, ctx->pos)) > 0) {
		more = emit(hf, f->inode, ctx);
		if (!more)
			break;
	}
	return (int)more;
}
