/* SPDX-License-Identifier: MIT */
/*
 * Partition tables, whole, damaged and hostile.
 */
#include "tests/unit/fake/mm.c"
#include "tests/unit/fake/pagecache.c"
#include "tests/unit/fake/sched.c"

#include "tests/unit/test.h"

#include "tests/unit/fake/disk.c"

#include "lib/crc32.h"
#include "lib/endian.h"

#define LAST (FAKE_SECTORS - 1)

/* The same numbers each time; <stdlib.h> does not go together with the headers of the ABI. */
static u32 rnd(void)
{
	static u32 x = 1;

	x = x * 1664525 + 1013904223;
	return x >> 8;
}

static u8 *sector(u64 n)
{
	return fake_bytes + n * SECTOR_SIZE;
}

static void put_entry(u8 *s, int i, u8 type, u32 start, u32 len)
{
	u8 *e = s + 446 + 16 * i;

	e[4] = type;
	memcpy(e + 8, &start, 4);
	memcpy(e + 12, &len, 4);
	s[510] = 0x55;
	s[511] = 0xaa;
}

static struct blk_table *parse(struct blkdev *b)
{
	static struct blk_table t;

	assert_int_equal(blk_parse_partitions(b, &t), 0);
	for (unsigned int i = 0; i < t.n; i++) {
		assert_true(t.part[i].len && t.part[i].start < b->size && t.part[i].len <= b->size - t.part[i].start);
		assert_in_range(t.part[i].no, 1, BLKDEV_PARTS - 1);
	}
	return &t;
}

static void expect(const struct blk_table *t, unsigned int i, int no, u64 start, u64 len)
{
	assert_int_equal(t->part[i].no, no);
	assert_true(t->part[i].start == start * SECTOR_SIZE);
	assert_true(t->part[i].len == len * SECTOR_SIZE);
}

static void mbr(void **state)
{
	struct blkdev *b = fake_disk(sizeof(fake_bytes));
	struct blk_table *t = parse(b);

	assert_int_equal(t->n, 0);
	assert_null(t->kind);
	memcpy(sector(0) + 440, "\x78\x56\x34\x12", 4);
	put_entry(sector(0), 0, 0x83, 64, 100);
	put_entry(sector(0), 2, 0x05, 1000, 3000);
	put_entry(sector(0), 3, 0x82, 4000, 4000);		/* over the end: cut */
	put_entry(sector(1000), 0, 0x83, 10, 200);
	put_entry(sector(1000), 1, 0x05, 500, 500);
	put_entry(sector(1500), 0, 0x83, 10, 20);
	t = parse(b);
	assert_string_equal(t->kind, "dos");
	assert_int_equal(t->n, 5);
	expect(t, 0, 1, 64, 100);
	expect(t, 1, 3, 1000, 2);
	expect(t, 2, 4, 4000, 96);
	expect(t, 3, 5, 1010, 200);
	expect(t, 4, 6, 1510, 20);
	assert_string_equal(t->part[0].uuid, "12345678-01");
	assert_int_equal(blkdev_del(b), 0);
}

/* A chain that leads back to itself ends. */
static void circle(void **state)
{
	struct blkdev *b = fake_disk(sizeof(fake_bytes));

	put_entry(sector(0), 0, 0x0f, 1000, 3000);
	put_entry(sector(1000), 1, 0x05, 500, 500);
	put_entry(sector(1500), 1, 0x05, 0, 500);
	assert_int_equal(parse(b)->n, 1);
	put_entry(sector(1500), 0, 0x83, 1, 1);
	assert_int_equal(parse(b)->n, 12);
	assert_int_equal(blkdev_del(b), 0);
}

/* The boot sector of a file system is no table. */
static void boot_sector(void **state)
{
	struct blkdev *b = fake_disk(sizeof(fake_bytes));

	put_entry(sector(0), 0, 'M', 64, 100);
	sector(0)[446] = 'x';
	assert_int_equal(parse(b)->n, 0);
	assert_int_equal(blkdev_del(b), 0);
}

static void sum_header(u8 *h)
{
	u32 sum;

	memset(h + 16, 0, 4);
	sum = crc32_ieee(0, h, 92);
	memcpy(h + 16, &sum, 4);
}

static void put_u64(u8 *p, u64 v)
{
	memcpy(p, &v, 8);
}

static void make_header(u64 at, u64 other, u64 entries)
{
	u8 *h = sector(at);
	u32 sum = crc32_ieee(0, sector(entries), 128 * 128), v;

	memcpy(h, "EFI PART\0\0\1\0", 12);
	v = 92;
	memcpy(h + 12, &v, 4);
	put_u64(h + 24, at);
	put_u64(h + 32, other);
	put_u64(h + 40, 34);
	put_u64(h + 48, LAST - 33);
	put_u64(h + 72, entries);
	v = 128;
	memcpy(h + 80, &v, 4);
	memcpy(h + 84, &v, 4);
	memcpy(h + 88, &sum, 4);
	sum_header(h);
}

static void make_gpt(void)
{
	u8 *e = sector(2);

	put_entry(sector(0), 0, 0xee, 1, LAST);
	memset(e, 1, 32);
	put_u64(e + 32, 100);
	put_u64(e + 40, 199);
	memcpy(e + 56, "r\0\xf6\0t\0", 6);
	memset(e + 256, 2, 32);
	put_u64(e + 256 + 32, 200);
	put_u64(e + 256 + 40, LAST - 33);
	memcpy(sector(LAST - 32), e, 128 * 128);
	make_header(1, LAST, 2);
	make_header(LAST, 1, LAST - 32);
}

static void expect_gpt(struct blkdev *b)
{
	struct blk_table *t = parse(b);

	assert_string_equal(t->kind, "gpt");
	assert_int_equal(t->n, 2);
	expect(t, 0, 1, 100, 100);
	expect(t, 1, 3, 200, LAST - 33 - 200 + 1);
	assert_string_equal(t->part[0].uuid, "01010101-0101-0101-0101-010101010101");
	assert_string_equal(t->part[0].label, "r\xc3\xb6t");
}

static void gpt(void **state)
{
	struct blkdev *b = fake_disk(sizeof(fake_bytes));

	assert_int_equal(crc32_ieee(0, "123456789", 9), 0xcbf43926);
	make_gpt();
	expect_gpt(b);
	sector(1)[40] ^= 1;			/* the first header: its copy serves */
	expect_gpt(b);
	make_gpt();
	sector(2)[33] ^= 1;			/* the first entries */
	expect_gpt(b);
	sector(LAST - 32)[0] ^= 1;		/* both: the protective entry is all there is */
	assert_int_equal(parse(b)->n, 1);
	assert_int_equal(blkdev_del(b), 0);
}

/* Sums that are right over values that are not. */
static void hostile(void **state)
{
	static const struct {
		u32 off;
		u64 value;
		u32 len;
	} cases[] = {
		{ 72, ~0ULL, 8 }, { 72, LAST, 8 }, { 80, 0xffffffff, 4 }, { 84, 0xffffffff, 4 }, { 84, 0, 4 },
		{ 84, 127, 4 }, { 40, ~0ULL, 8 }, { 48, ~0ULL, 8 }, { 12, 0xffffffff, 4 }, { 12, 0, 4 }, { 80, 0, 4 },
	};
	struct blkdev *b = fake_disk(sizeof(fake_bytes));

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (u64 at = 1; at <= LAST; at += LAST - 1) {
			make_gpt();
			memcpy(sector(at) + cases[i].off, &cases[i].value, cases[i].len);
			sum_header(sector(at));
			parse(b);
		}
	assert_int_equal(blkdev_del(b), 0);
}

static void random_bytes(void **state)
{
	struct blkdev *b = fake_disk(sizeof(fake_bytes));

	for (int i = 0; i < 3000; i++) {
		memset(fake_bytes, 0, sizeof(fake_bytes));
		if (i % 2) {
			make_gpt();
			for (int k = 0; k < 3; k++)
				sector(2)[rnd() % 512] = (u8)rnd();
			memcpy(sector(LAST - 32), sector(2), 128 * 128);
			make_header(1, LAST, 2);
		} else {
			for (int k = 0; k < 4; k++)
				put_entry(sector(0), k, rnd() % 2 ? 5 : 0x83, rnd() % 5000, rnd() % 5000);
			for (int k = 0; k < 20; k++)
				put_entry(sector(rnd() % FAKE_SECTORS), rnd() % 2, 5, rnd() % 5000, 100);
		}
		parse(b);
	}
	assert_int_equal(blkdev_del(b), 0);
}

RUN(CASE(mbr), CASE(circle), CASE(boot_sector), CASE(gpt), CASE(hostile), CASE(random_bytes))
