/* SPDX-License-Identifier: MIT */
/*
 * tmpfs files that guest processes serve themselves: they read and overwrite the memfd directly. What would
 * change size or pages of the file still comes here (write_limit), so only times have to be fetched.
 */
#include "fs/tmpfs/priv.h"

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "host/host.h"
#include "host/path.h"
#include "mm/mm.h"

static struct tdata *tdata(const struct inode *i)
{
	return &tnode(i)->data;
}

static struct ts_k ts_of(struct host_ts h)
{
	return (struct ts_k){ h.sec, h.nsec };
}

static bool later(struct ts_k a, struct ts_k b)
{
	return a.sec > b.sec || (a.sec == b.sec && a.nsec > b.nsec);
}

static bool has_holes(const struct inode *i)
{
	return tdata(i)->charged < (i->size + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* Without holes, so that no page is added behind our back. */
static u64 write_limit(const struct file *f)
{
	return has_holes(f->inode) ? 0 : f->inode->size;
}

/*
 * Processes that serve it change times: of writing, and once that of reading (tdata_times()). Those that map it fill
 * its holes; MADV_REMOVE, in a mapping that writes, makes some.
 */
bool tmpfs_settled(struct inode *i, bool others)
{
	const struct tdata *d = tdata(i);

	if (!S_ISREG(i->mode) || (d->rw && (has_holes(i) || ref_read(&d->rw->ref) > 1)))
		return false;
	return !others || (!d->overwritten && later(i->atime, i->mtime));
}

bool tmpfs_serve(struct file *f, struct file_serve *out)
{
	struct inode *i = f->inode;
	struct tdata *d = tdata(i);
	bool writes = f->mode & FMODE_WRITE && !(f->flags & O_APPEND);
	int err;

	/* There is no memfd that only writes, nor one that only appends: more than was opened is never given. */
	if (!(f->mode & FMODE_READ))
		return false;
	mutex_lock(&i->lock);
	err = tdata_to_memfd(i);
	if (!err && !d->served) {
		d->served = true;
		tdata_saw_times(i);
	}
	if (!err && writes)
		d->overwritten = true;
	mutex_unlock(&i->lock);
	if (err)
		return false;
	out->kind = SERVE_FILE;
	out->hostfd = writes ? d->rw->hostfd : d->ro->hostfd;
	out->write_limit = writes ? write_limit(f) : 0;
	return true;
}

void tdata_saw_times(struct inode *i)
{
	struct host_stat st;

	if (tdata(i)->served && !host_file_stat(tdata_fd(i), &st))
		tdata(i)->seen = ts_of(st.mtime);
}

void tdata_times(struct inode *i)
{
	struct tdata *d = tdata(i);
	struct host_stat st;

	if (!d->served || host_file_stat(tdata_fd(i), &st))
		return;
	if (later(ts_of(st.mtime), d->seen)) {
		d->seen = ts_of(st.mtime);
		if (later(d->seen, i->mtime))
			i->mtime = d->seen;
		if (later(d->seen, i->ctime))
			i->ctime = d->seen;
		inode_changed(i);
	}
	if (!later(i->atime, i->mtime) && later(ts_of(st.atime), i->mtime)) {
		i->atime = ts_of(st.atime);
		inode_changed(i);
	}
}

void tdata_shrinks(struct inode *i)
{
	if (tdata(i)->served)
		served_limit(i, 0);
}
