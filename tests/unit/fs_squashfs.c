/* SPDX-License-Identifier: MIT */
/*
 * squashfs when memory or a read of the disk is refused: the n-th one, for each n, over everything that can be done with
 * a small image that is put together here. What fails says why and leaves nothing behind; what succeeds is right.
 */
#include "tests/unit/fake/alloc.c"
#include "tests/unit/fake/guest.c"
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/pagecache.c"
#include "tests/unit/fake/sched.c"
#include "tests/unit/test.h"

static bool refuse(void)
{
	return fake_alloc_fails();
}

#include "tests/unit/fake/disk.c"
#include "tests/unit/fake/hostmem.c"

#include "abi/fcntl.h"
#include "abi/mount.h"
#include "abi/stat.h"
#include "core/cred.h"
#include "core/offload.h"
#include "dev/blk.h"
#include "fs/fs.h"
#include "fs/squashfs/disk.h"
#include "mm/pagecache.h"
#include "mm/shrinker.h"
#include "vfs/dcache.h"
#include "vfs/vfs.h"

#define BLOCK 4096u
#define BIG (3 * BLOCK + 100)		/* a plain block, a hole, a packed block, an end in a fragment */
#define TARGET "tail"

/* <zlib.h> has types that clash with those of the kernel. */
int compress2(u8 *to, unsigned long *n, const u8 *from, unsigned long from_n, int level);

int offload_call(int (*fn)(void *arg), void *arg)
{
	return fn(arg);
}

static struct blkdev *disk;

int block_source(const char *source, struct blkdev **out)
{
	*out = blkdev_ref(disk);
	return 0;
}

/* --- the image --- */

static u8 big[BIG];
static u32 at;				/* where it goes on */

static void put(const void *p, size_t n)
{
	memcpy(fake_bytes + at, p, n);
	at += (u32)n;
}

/* A metadata block; packed if that makes it smaller. Where it is. */
static u64 put_meta(const void *p, size_t n)
{
	u64 here = at;
	u8 small[SQ_META_SIZE + 100];
	unsigned long len = sizeof(small);
	u16 word;

	assert_int_equal(compress2(small, &len, p, n, 9), 0);
	word = (u16)(len < n ? len : n | SQ_META_PLAIN);
	put(&word, 2);
	put(len < n ? small : p, len < n ? len : n);
	return here;
}

/* A table of one block, and the list that leads to it. Where the list is. */
static u64 put_table(const void *p, size_t n)
{
	u64 block = put_meta(p, n), list = at;

	put(&block, 8);
	return list;
}

static u32 put_block(const u8 *p, bool packed)
{
	unsigned long len = BLOCK + 100;
	u8 small[BLOCK + 100];

	if (!packed) {
		put(p, BLOCK);
		return BLOCK | SQ_BLOCK_PLAIN;
	}
	assert_int_equal(compress2(small, &len, p, BLOCK, 9), 0);
	assert_true(len < BLOCK);
	put(small, len);
	return (u32)len;
}

static u8 meta[SQ_META_SIZE];
static u32 meta_len;

static u16 add(const void *p, size_t n)
{
	u16 off = (u16)meta_len;

	memcpy(meta + meta_len, p, n);
	meta_len += (u32)n;
	return off;
}

static u16 add_inode(u16 type, u16 mode, u32 number)
{
	struct sq_disk_inode i = { .type = type, .mode = mode, .mtime = 1700000000, .number = number };

	return add(&i, sizeof(i));
}

static void add_entry(u16 offset, u16 type, u16 number, const char *name)
{
	struct sq_disk_entry e = { offset, number, type, (u16)(strlen(name) - 1) };

	add(&e, sizeof(e));
	add(name, strlen(name));
}

static void make_image(void)
{
	struct sq_super s = { .magic = SQ_MAGIC, .inodes = 4, .block_size = BLOCK, .fragments = 1, .compression = 1,
		.block_log = 12, .ids = 1, .major = 4, .export_table = SQ_NO_TABLE };
	struct sq_disk_lreg lreg = { .start = sizeof(s), .size = BIG, .nlink = 1, .fragment = 0, .xattr = 0 };
	struct sq_disk_reg reg = { .start = 0, .fragment = 0, .offset = 100, .size = 50 };
	struct sq_disk_lnk lnk = { 1, sizeof(TARGET) - 1 };
	struct sq_disk_dir dir = { .block = 0, .nlink = 2, .parent = 5 };
	struct sq_disk_header header = { .count = 2 };
	struct sq_disk_fragment frag = { .word = 150 | SQ_BLOCK_PLAIN };
	struct sq_disk_name xname = { 0, 1 };
	struct sq_disk_xattr_id xid = { .count = 1, .size = 16 };
	struct sq_disk_xattrs xattrs = { .count = 1 };
	u32 words[3], id = 0, five = 5;
	u16 o_big, o_tail, o_link, o_root;
	u64 ids;

	for (u32 i = 0; i < BIG; i++)
		big[i] = i >= BLOCK && i < 2 * BLOCK ? 0 : (u8)(i * 7 + i / 1000);
	at = sizeof(s);
	words[0] = put_block(big, false);
	words[1] = 0;
	words[2] = put_block(big + 2 * BLOCK, true);
	frag.start = at;
	put(big + 3 * BLOCK, 100);
	put(big, 50);

	meta_len = 0;
	o_big = add_inode(SQ_LONG + SQ_REG, 0644, 1);
	add(&lreg, sizeof(lreg));
	add(words, sizeof(words));
	o_tail = add_inode(SQ_REG, 0600, 2);
	add(&reg, sizeof(reg));
	o_link = add_inode(SQ_LNK, 0777, 3);
	add(&lnk, sizeof(lnk));
	add(TARGET, sizeof(TARGET) - 1);
	o_root = add_inode(SQ_DIR, 0755, 4);
	dir.size = (u16)(sizeof(header) + 3 * sizeof(struct sq_disk_entry) + 3 + 4 + 4 + SQ_LISTING_EXTRA);
	add(&dir, sizeof(dir));
	s.inode_table = put_meta(meta, meta_len);
	s.root = o_root;

	meta_len = 0;
	add(&header, sizeof(header));
	add_entry(o_big, SQ_REG, 1, "big");
	add_entry(o_link, SQ_LNK, 3, "link");
	add_entry(o_tail, SQ_REG, 2, "tail");
	s.dir_table = put_meta(meta, meta_len);
	s.fragment_table = put_table(&frag, sizeof(frag));
	s.id_table = put_table(&id, sizeof(id));

	meta_len = 0;
	add(&xname, sizeof(xname));
	add("a", 1);
	add(&five, 4);
	add("value", 5);
	xattrs.start = put_meta(meta, meta_len);
	ids = put_meta(&xid, sizeof(xid));
	s.xattr_table = at;
	put(&xattrs, sizeof(xattrs));
	put(&ids, 8);
	s.bytes_used = at;
	memcpy(fake_bytes, &s, sizeof(s));
}

/* --- what is done with it --- */

static int expected;			/* the error that is injected */
static bool failed;

/* An error must be the injected one, and ends the round as failed. */
static bool fine(ssize ret)
{
	if (ret >= 0)
		return true;
	assert_int_equal(ret, expected);
	failed = true;
	return false;
}

struct names {
	struct dir_ctx ctx;
	char all[64];
};

static bool collect(struct dir_ctx *ctx, const char *name, size_t len, u64 ino, u32 type, off64 next)
{
	struct names *n = container_of(ctx, struct names, ctx);

	strncat(n->all, name, len);
	strcat(n->all, " ");
	return true;
}

static void list(void)
{
	struct names n = { .ctx.actor = collect };
	struct file *f;

	if (!fine(vfs_open(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0, 0, &f)))
		return;
	if (fine(f->ops->readdir(f, &n.ctx)))
		assert_string_equal(n.all, ". .. big link tail ");
	fput(f);
}

static void read_all(const char *name, const u8 *want, size_t size)
{
	static u8 buf[BIG + 100];
	struct file *f;
	ssize n;

	if (!fine(vfs_open(AT_FDCWD, name, O_RDONLY, 0, LOOKUP_FOLLOW, &f)))
		return;
	n = kernel_read(f, buf, sizeof(buf), 0);
	/* What came before an error is said first, and is right. */
	if (n >= 0 && (size_t)n < size && !failed)
		failed = expected != 0;
	if (fine(n)) {
		assert_true((size_t)n <= size && (failed || (size_t)n == size));
		assert_memory_equal(buf, want, (size_t)n);
	}
	fput(f);
}

static void attributes(void)
{
	char buf[64];
	struct path p;
	ssize n;

	if (!fine(path_lookup(AT_FDCWD, "/big", 0, &p)))
		return;
	n = vfs_getxattr(&p, "user.a", buf, sizeof(buf));
	if (fine(n)) {
		assert_int_equal(n, 5);
		assert_memory_equal(buf, "value", 5);
	}
	n = vfs_listxattr(&p, buf, sizeof(buf));
	if (fine(n))
		assert_string_equal(buf, "user.a");
	path_put(&p);
	if (!fine(path_lookup(AT_FDCWD, "/link", 0, &p)))
		return;
	n = vfs_readlink(&p, buf, sizeof(buf));
	if (fine(n))
		assert_memory_equal(buf, TARGET, sizeof(TARGET) - 1);
	path_put(&p);
}

static void all(void)
{
	list();
	read_all("/big", big, BIG);
	read_all("/link", big, 50);
	attributes();
}

/* One round: from the mount to the end of everything. */
static void round_of(void)
{
	struct mount_ns *ns;
	struct mount *m;
	struct path root;
	struct fs_ctx *fs = NULL;

	failed = false;
	fake_task.fs = NULL;
	if (!fine(vfs_kern_mount(&squashfs_type, "disk", MS_RDONLY, "", &m)))
		return;
	root = (struct path){ m, m->root };
	ns = mount_ns_new(m);		/* takes m, if there is one */
	fs = ns ? fs_ctx_new(ns, &root) : NULL;
	fake_task.fs = fs;
	if (fs)
		all();
	else
		failed = true;
	if (fs)
		fs_ctx_put(fs);
	if (ns)
		mount_ns_put(ns);
	else
		mntput(m);
	fake_task.fs = NULL;
	pagecache_drop_clean();
}

static int setup(void **state)
{
	static const struct fs_type *const types[] = { &squashfs_type, NULL };

	if (disk)
		return 0;
	vfs_init();
	fs_types_set(types);
	fake_task.cred = &init_cred;
	fake_task.files = files_new();
	fake_process.rlim[7].cur = fake_process.rlim[7].max = 1024;
	fake_process.rlim[1].cur = fake_process.rlim[1].max = ~0ULL;
	disk = fake_disk(sizeof(fake_bytes));
	make_image();
	return 0;
}

static void everything(void **state)
{
	expected = 0;
	round_of();
	assert_false(failed);
}

static void gives_up_memory(void **state)
{
	struct mount *m;
	struct path root;
	s64 before = fake_file_bytes;

	expected = 0;
	assert_int_equal(vfs_kern_mount(&squashfs_type, "disk", MS_RDONLY, "", &m), 0);
	root = (struct path){ m, m->root };
	fake_task.fs = fs_ctx_new(mount_ns_new(m), &root);
	all();
	pagecache_drop_clean();
	assert_int_equal(fake_file_bytes, before);
	all();
	assert_true(fake_file_bytes > before + 2 * BLOCK);
	assert_int_equal(shrinkers_run(1), BLOCK);
	assert_false(failed);
	mount_ns_put(fake_task.fs->ns);
	fs_ctx_put(fake_task.fs);
	fake_task.fs = NULL;
	pagecache_drop_clean();
	assert_int_equal(fake_file_bytes, before);
}

static void each_allocation(void **state)
{
	long before;

	expected = -ENOMEM;
	round_of();			/* what is made once is there */
	before = fake_alloc_live;
	for (long n = 1;; n++) {
		assert_true(n < 2000);
		fake_alloc_fail_at = n;
		round_of();
		assert_int_equal(fake_alloc_live, before);
		assert_int_equal(disk->users, 0);
		if (fake_alloc_fail_at)
			break;
	}
	fake_alloc_fail_at = 0;
	assert_false(failed);
}

static void each_read(void **state)
{
	long before;
	int n;

	expected = -EIO;
	round_of();
	before = fake_alloc_live;
	for (n = 0; n < 200; n++) {
		fake_fail = n;
		round_of();
		assert_int_equal(fake_alloc_live, before);
		assert_int_equal(disk->users, 0);
		if (fake_fail)
			break;
	}
	assert_true(n > 3 && n < 200);
	fake_fail = -1;
	assert_false(failed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { CASE(everything), CASE(gives_up_memory), CASE(each_allocation), CASE(each_read) };

	return cmocka_run_group_tests(tests, setup, NULL);
}
