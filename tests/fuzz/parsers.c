/* SPDX-License-Identifier: MIT */
/*
 * Formats that are only parsed: partition tables, headers of copy-on-write files, cpio archives.
 */
#include <string.h>

#include "abi/errno.h"
#include "abi/mount.h"
#include "block/priv.h"
#include "core/log.h"
#include "core/sched.h"
#include "core/task.h"
#include "fs/initramfs/initramfs.h"
#include "lib/alloc.h"
#include "lib/cow.h"
#include "lib/crc32.h"
#include "tests/fuzz/fuzz.h"
#include "vfs/vfs.h"

/* --- partition tables --- */

static int part_prepare(struct sample *s)
{
	return fuzz_disk_add(s->name, s->size, (struct blkdev **)&s->private);
}

/* Both headers of a GPT: of the table first, then of the header itself. */
static void fix_gpt(u8 *image, size_t size, u64 lba)
{
	u8 *h = image + lba * SECTOR_SIZE;
	u32 n, entry, sum;
	u64 table;

	if ((lba + 1) * SECTOR_SIZE > size || memcmp(h, "EFI PART", 8))
		return;
	memcpy(&table, h + 72, 8);
	memcpy(&n, h + 80, 4);
	memcpy(&entry, h + 84, 4);
	if (table < size / SECTOR_SIZE && (u64)n * entry <= size - table * SECTOR_SIZE) {
		sum = crc32_ieee(0, image + table * SECTOR_SIZE, (size_t)n * entry);
		memcpy(h + 88, &sum, 4);
	}
	memcpy(&n, h + 12, 4);
	memset(h + 16, 0, 4);
	sum = crc32_ieee(0, h, MIN(n, SECTOR_SIZE));
	memcpy(h + 16, &sum, 4);
}

/* The first sectors, those of the second table, and wherever chains of logical partitions lead. */
static void part_mutate(const struct sample *s, u8 *image, u64 gene)
{
	struct rng r = rng_of(gene);
	u32 sectors = (u32)(s->size / SECTOR_SIZE), at = rnd_below(&r, 34);

	if (one_in(&r, 3))
		at = sectors - 34 + at;
	else if (one_in(&r, 4))
		at = rnd_below(&r, sectors / 2048) * 2048;
	if (at == 0 || one_in(&r, 3))
		mutate_bytes(&r, image + (size_t)at * SECTOR_SIZE + 440, 72);
	else
		mutate_bytes(&r, image + (size_t)at * SECTOR_SIZE, SECTOR_SIZE);
	if (one_in(&r, 4))
		return;
	fix_gpt(image, s->size, 1);
	fix_gpt(image, s->size, sectors - 1);
}

static void part_run(const struct sample *s, u8 *image, u64 work)
{
	struct blkdev *b = s->private;
	struct rng r = rng_of(work);
	static struct blk_table t;

	stage("reread");
	if (one_in(&r, 8))
		fuzz_disk_fail_after(b, 2 + rnd_below(&r, 20));
	(void)!blkdev_reread(b);
	if (!blk_parse_partitions(b, &t))
		for (unsigned int i = 0; i < t.n; i++)
			if (!t.part[i].len || t.part[i].start >= b->size || t.part[i].len > b->size - t.part[i].start)
				panic("a partition out of its disk");
	fuzz_disk_fail_after(b, 0);
	blkdev_drop_partitions(b);
}

const struct target part_target = { .name = "part", .prepare = part_prepare, .mutate = part_mutate, .run = part_run };

/* --- copy-on-write files --- */

static void cow_mutate(const struct sample *s, u8 *image, u64 gene)
{
	struct rng r = rng_of(gene);

	mutate_bytes(&r, image, one_in(&r, 2) ? 48 : s->size);
}

static void cow_run(const struct sample *s, u8 *image, u64 work)
{
	struct rng r = rng_of(work);
	static struct cow_header h;
	static char longer[COW_NAME_MAX + 2];
	size_t n = one_in(&r, 4) ? rnd_below(&r, (u32)s->size) : s->size;
	u8 *exact = memcpy(kmalloc(n ? n : 1), image, n);
	enum cow_result got;

	stage("cow");
	got = cow_parse(exact, n, &h);
	if (got != COW_OK) {
		(void)cow_text(got);
		kfree(exact);
		return;
	}
	if (h.sector < 512 || h.sector > 4096 || cow_bitmap_room(&h) > 1ULL << 62 || cow_bitmap_need(&h) > h.size)
		panic("a header that cannot be");
	memset(longer, 'n', rnd_below(&r, COW_NAME_MAX + 1));
	(void)cow_patch(exact, &h, longer, (u32)rnd(&r));
	memset(longer, 0, sizeof(longer));
	kfree(exact);
}

const struct target cow_target = { .name = "cow", .mutate = cow_mutate, .run = cow_run };

/* --- initramfs --- */

/* Numbers of cpio headers are hexadecimal text. */
static void cpio_mutate(const struct sample *s, u8 *image, u64 gene)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	struct rng r = rng_of(gene);
	u32 at;

	if (one_in(&r, 2)) {
		mutate_bytes(&r, image, s->size);
		return;
	}
	for (u32 tries = 0; tries < 1000; tries++) {
		at = rnd_below(&r, (u32)s->size);
		if (s->size - at < 110 || memcmp(image + at, "0707", 4))
			continue;
		at += 6 + 8 * rnd_below(&r, 13);
		for (u32 n = 1 + rnd_below(&r, 8); n; n--)
			image[at + rnd_below(&r, 8)] = (u8)digits[rnd_below(&r, sizeof(digits) - 1)];
		return;
	}
}

/* The root that it is unpacked into is its own, and goes with it. */
static void cpio_run(const struct sample *s, u8 *image, u64 work)
{
	struct fs_ctx *old = current->fs;
	struct mount_ns *ns;
	struct mount *m;
	struct path root;
	u8 *exact;

	if (vfs_kern_mount(fs_type_find("tmpfs"), "none", 0, "size=8m,nr_inodes=2000", &m))
		return;
	root = (struct path){ m, m->root };
	ns = mount_ns_new(m);
	current->fs = ns ? fs_ctx_new(ns, &root) : NULL;
	if (!current->fs)
		panic("no memory");
	mount_ns_put(ns);		/* current->fs has it */
	exact = memcpy(kmalloc(s->size), image, s->size);
	stage("unpack");
	(void)!initramfs_unpack(exact, s->size);
	kfree(exact);
	fs_work("", work);
	fs_ctx_put(current->fs);
	current->fs = old;
}

const struct target cpio_target = { .name = "cpio", .mutate = cpio_mutate, .run = cpio_run };
