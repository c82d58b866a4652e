/* SPDX-License-Identifier: MIT */
/*
 * Directories in the order of their names' hashes: a name keeps its position when leaves are split and
 * packed, so whoever reads sees each name once that is there all the time, and positions can be
 * kept and come back to. This holds from the first block on, because an index may come while somebody reads.
 *
 * A position is the hash without its lowest bit (which is always 0), 24 bits of the minor hash, and a number
 * for names that have all that in common. Positions 0 and 1 are "." and "..".
 */
#include "fs/ext4/priv.h"

#include <string.h>

#include "abi/stat.h"
#include "lib/alloc.h"
#include "lib/sort.h"

#define LEAVES_MAX 16 /* that one hash may fill; more only in a made-up directory, and are left out */
#define ORDINALS 256u
#define DOTS 2u
#define FT_DIR 2u

struct name {
	u64 key;
	const struct ext4_dirent *de;
};

/*
 * Leaves that belong together, because a hash goes on from one to the next. Copies: the reader may wait, and in a
 * damaged image what it reads may be another directory's block, too.
 */
struct batch {
	u8 *leaf[LEAVES_MAX];
	u32 nleaves, n, cap;
	struct name *names;
	u64 end; /* where the next one begins */
};

static u64 key_of(u32 hash, u32 minor)
{
	return (u64)(hash >> 1) << 32 | (minor & ~(ORDINALS - 1));
}

bool ext4_reads_by_hash(const struct inode *dir)
{
	const struct ext4 *fs = ext4_of(dir);

	if (!ext4_compat(fs, COMPAT_DIR_INDEX) || ext4_is_inline(dir))
		return false;
	return ext4_is_htree(dir) || dir->size == fs->block_size;
}

static void batch_put(struct batch *b)
{
	while (b->nleaves)
		kfree(b->leaf[--b->nleaves]);
	kfree(b->names);
}

static int by_key(const void *pa, const void *pb)
{
	const struct name *a = pa, *b = pb;
	int order;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	order = memcmp(a->de->name, b->de->name, MIN(a->de->name_len, b->de->name_len));
	return order ? order : (int)a->de->name_len - (int)b->de->name_len;
}

/* In order, and each with a key of its own as far as there are ordinals. */
static void number(struct batch *b)
{
	u32 ordinal = 0;

	qsort(b->names, b->n, sizeof(*b->names), by_key);
	for (u32 i = 0; i < b->n; i++) {
		u64 group = b->names[i].key;

		ordinal = i && group == (b->names[i - 1].key & ~(u64)(ORDINALS - 1)) ? ordinal + 1 : 0;
		if (!group && !ordinal)
			ordinal = DOTS;
		b->names[i].key = group + MIN(ordinal, ORDINALS - 1);
	}
}

static bool is_dots(const struct ext4_dirent *de)
{
	return de->name[0] == '.' && (de->name_len == 1 || (de->name_len == 2 && de->name[1] == '.'));
}

static int add_name(struct batch *b, const struct ext4_dirent *de, u64 key)
{
	if (b->n == b->cap) {
		u32 cap = MAX(2 * b->cap, 64u);
		struct name *p = krealloc(b->names, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		b->names = p;
		b->cap = cap;
	}
	b->names[b->n++] = (struct name){ key, de };
	return 0;
}

/* The names of block lblk. What is wrong with it was reported; the rest can be read. */
static int add_leaf(struct inode *dir, struct batch *b, u32 lblk, enum ext4_dirblock kind, u8 version)
{
	u32 size = ext4_of(dir)->block_size;
	struct ext4_hash hash;
	u64 block;
	u8 *data;
	int err = ext4_dir_copy(dir, lblk, kind, &data, &block);

	if (err)
		return err == -EUCLEAN ? 0 : err;
	b->leaf[b->nleaves++] = data;
	for (u32 off = 0; off < size && !err;) {
		const struct ext4_dirent *de = (const struct ext4_dirent *)(data + off);

		if (!ext4_dirent_ok(dir, de, block, data, off, size))
			break;
		off += de->rec_len;
		if (!de->ino || !de->name_len || is_dots(de))
			continue;
		err = ext4_dirhash(ext4_of(dir), version, de->name, de->name_len, &hash);
		if (!err)
			err = add_name(b, de, key_of(hash.hash, hash.minor));
	}
	return err;
}

static int batch_indexed(struct inode *dir, struct batch *b, u64 pos)
{
	struct ext4_dx_path p;
	u32 next;
	bool more;
	int err = ext4_dx_seek(dir, (u32)(pos >> 32) << 1, &p);

	if (err)
		return err == -EUCLEAN ? -EAGAIN : err;
	do {
		err = add_leaf(dir, b, p.level[p.levels - 1].at->block & 0x0fffffff, DIRBLOCK_LEAF, p.hash_version);
		more = ext4_dx_next_hash(dir, &p, &next);
		if (err || !more || !(next & 1) || b->nleaves == LEAVES_MAX)
			break;
		err = ext4_dx_step(dir, &p);
	} while (err > 0);
	ext4_dx_put(&p);
	b->end = more ? key_of(next, 0) : (u64)EXT4_HASH_EOF;
	if (b->end <= pos)
		b->end = pos + (1ULL << 32);
	return MIN(err, 0);
}

static int batch_read(struct inode *dir, struct batch *b, u64 pos)
{
	const struct ext4 *fs = ext4_of(dir);
	int err;

	*b = (struct batch){ .end = (u64)EXT4_HASH_EOF };
	if (ext4_is_htree(dir))
		err = batch_indexed(dir, b, pos);
	else
		err = add_leaf(dir, b, 0, DIRBLOCK_ANY, (u8)(ext4_new_dir_hash(fs) + fs->hash_unsigned));
	if (err)
		batch_put(b);
	else
		number(b);
	return err == -EINVAL ? -EAGAIN : err;
}

/* True: the reader has no room for more. */
static bool emit_dots(struct inode *dir, struct dir_ctx *ctx)
{
	struct ext4_found f;
	u32 ino;

	if (ctx->pos == 0) {
		if (!ctx->actor(ctx, ".", 1, dir->ino, ext4_dir_dt(FT_DIR), 1))
			return true;
		ctx->pos = 1;
	}
	if (ctx->pos > 1)
		return false;
	if (!ext4_find_dotdot(dir, &f)) {
		ino = f.de->ino;
		ext4_found_put(&f);
		if (!ctx->actor(ctx, "..", 2, ino, ext4_dir_dt(FT_DIR), DOTS))
			return true;
	}
	ctx->pos = DOTS;
	return false;
}

static bool emit_names(struct dir_ctx *ctx, const struct batch *b)
{
	for (u32 i = 0; i < b->n; i++) {
		const struct name *n = &b->names[i];

		if (n->key < (u64)ctx->pos)
			continue;
		if (!ctx->actor(ctx, n->de->name, n->de->name_len, n->de->ino, ext4_dir_dt(n->de->type),
			       (off64)(n->key + 1)))
			return true;
		ctx->pos = (off64)(n->key + 1);
	}
	return false;
}

int ext4_read_hashed(struct inode *dir, struct dir_ctx *ctx)
{
	bool full = false;
	struct batch b;
	int err = 0;

	while (!full && ctx->pos < EXT4_HASH_EOF) {
		err = batch_read(dir, &b, (u64)ctx->pos);
		if (err)
			break;
		full = emit_dots(dir, ctx) || emit_names(ctx, &b);
		if (!full)
			ctx->pos = (off64)MIN(b.end, (u64)EXT4_HASH_EOF);
		batch_put(&b);
	}
	return err;
}
