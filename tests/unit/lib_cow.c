/* SPDX-License-Identifier: MIT */
/*
 * Headers of copy-on-write files: every version, bytes made by hand; damaged ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cow.h"
#include "lib/endian.h"
#include "tests/unit/test.h"

/* As section 4.1 of the inventory has the fields. */
static void make_v1(u8 *b, u64 size, bool little)
{
	u32 magic = 0x4f4f4f4d, one = 1, mtime = 1234567, sector = 512;

	memset(b, 0, COW_HEADER_MAX);
	strcpy((char *)b + 8, "/disks/base");
	if (little) {
		memcpy(b, &magic, 4);
		memcpy(b + 4, &one, 4);
		memcpy(b + 264, &mtime, 4);
		memcpy(b + 268, &size, 8);
		memcpy(b + 276, &sector, 4);
		return;
	}
	put_be32(b, magic);
	put_be32(b + 4, one);
	put_be32(b + 264, mtime);
	put_be64(b + 268, size);
	put_be32(b + 276, sector);
}

static void make_v2(u8 *b, u64 size)
{
	memset(b, 0, COW_HEADER_MAX);
	memcpy(b, "OOOM", 4);
	put_be32(b + 4, 2);
	strcpy((char *)b + 8, "/disks/base");
	put_be32(b + 4104, 1234567);
	put_be64(b + 4108, size);
	put_be32(b + 4116, 512);
}

static void make_v3b(u8 *b, u64 size)
{
	memset(b, 0, COW_HEADER_MAX);
	memcpy(b, "OOOM", 4);
	put_be32(b + 4, 3);
	put_be32(b + 8, 1234567);
	put_be64(b + 16, size);
	put_be32(b + 24, 512);
	put_be32(b + 28, 4096);
	strcpy((char *)b + 36, "/disks/base");
}

static void expect(const u8 *b, int version, u64 size, u64 bitmap, u64 bitmap_len, u64 data)
{
	struct cow_header h;

	assert_int_equal(cow_parse(b, COW_HEADER_MAX, &h), COW_OK);
	assert_int_equal(h.version, version);
	assert_string_equal(h.backing, "/disks/base");
	assert_int_equal(h.mtime, 1234567);
	assert_true(h.size == size);
	assert_int_equal(h.sector, 512);
	assert_true(h.bitmap_off == bitmap);
	assert_true(h.bitmap_len == bitmap_len);
	assert_true(h.data_off == data);
}

static void versions(void **state)
{
	u8 b[COW_HEADER_MAX];

	make_v1(b, 1 << 20, true);
	expect(b, 1, 1 << 20, 280, 256, 1024);
	make_v1(b, 1 << 20, false);
	expect(b, 1, 1 << 20, 280, 256, 1024);
	make_v2(b, 1 << 20);
	expect(b, 2, 1 << 20, 4120, 256, 4608);
	make_v3b(b, 1 << 20);
	expect(b, 3, 1 << 20, 8192, 256, 12288);
}

/* The old versions round the bitmap down: 12 sectors have a byte, and room in what is left of its sector. */
static void short_bitmap(void **state)
{
	u8 b[COW_HEADER_MAX];
	struct cow_header h;

	make_v1(b, 12 * 512, true);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_OK);
	assert_true(h.bitmap_len == 1);
	assert_true(cow_bitmap_need(&h) == 2);
	assert_true(cow_bitmap_room(&h) == 2);
	/* Just no room: the bitmap as rounded ends where the data begins. */
	make_v1(b, ((512 - 280) * 8 + 4) * 512ULL, true);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_OK);
	assert_true(h.data_off == 512);
	assert_true(cow_bitmap_need(&h) == 233);
	assert_true(cow_bitmap_room(&h) == 232);
}

/* The checked example: 8 MiB have their bitmap at 8192, data at 12288. */
static void example(void **state)
{
	struct cow_header h, back;
	u8 b[COW_HEADER_MAX] = { 0 };

	assert_int_equal(cow_new(&h, "/disks/base", 8 << 20, 77, COW_ALIGN), COW_OK);
	assert_true(h.bitmap_off == 8192 && h.data_off == 12288);
	cow_build(&h, b);
	assert_memory_equal(b, "OOOM\0\0\0\3", 8);
	assert_int_equal(cow_parse(b, COW_HEADER_V3, &back), COW_OK);
	assert_string_equal(back.backing, h.backing);
	assert_true(back.size == h.size && back.mtime == 77 && back.data_off == h.data_off && !back.broken);
}

static void patching(void **state)
{
	char longer[300];
	struct cow_header h;
	u8 b[COW_HEADER_MAX];

	memset(longer, 'x', sizeof(longer));
	longer[299] = 0;
	for (int little = 0; little < 2; little++) {
		make_v1(b, 1 << 20, little);
		assert_int_equal(cow_parse(b, sizeof(b), &h), COW_OK);
		assert_int_equal(cow_patch(b, &h, longer, 1), COW_BAD_NAME);
		assert_int_equal(cow_patch(b, &h, "/new", 99), COW_OK);
		assert_int_equal(cow_parse(b, sizeof(b), &h), COW_OK);
		assert_string_equal(h.backing, "/new");
		assert_int_equal(h.mtime, 99);
	}
	make_v3b(b, 1 << 20);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_OK);
	assert_int_equal(cow_patch(b, &h, longer, 5), COW_OK);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_OK);
	assert_true(h.broken && h.mtime == 5);
	assert_string_equal(h.backing, longer);
}

static void refused(void **state)
{
	struct cow_header h = { .version = 77 };
	u8 b[COW_HEADER_MAX];

	memset(b, 0, sizeof(b));
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_NONE);
	assert_int_equal(cow_parse(b, 3, &h), COW_SHORT);
	make_v2(b, 1 << 20);
	assert_int_equal(cow_parse(b, 4119, &h), COW_SHORT_V2);
	put_be32(b + 4, 4);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_BAD_VERSION);
	make_v2(b, 0);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_BAD_SIZE);
	make_v2(b, ~0ULL);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_BAD_SIZE);
	make_v2(b, 1 << 20);
	put_be32(b + 4116, 513);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_BAD_SECTOR);
	make_v2(b, 1 << 20);
	memset(b + 8, 'a', 4096);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_BAD_NAME);
	make_v3b(b, 1 << 20);
	put_be32(b + 28, 0);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_BAD_ALIGN);
	assert_int_equal(cow_new(&h, "/disks/base", 1 << 20, 1, 4096), COW_OK);
	h.version = 77;
	cow_build(&h, b);
	put_be32(b + 28, 1);
	assert_int_equal(cow_parse(b, sizeof(b), &h), COW_BAD_FORMAT);
	assert_int_equal(h.version, 77);	/* untouched by all of these */
	for (int r = COW_SHORT; r <= COW_BAD_SIZE; r++)
		assert_non_null(cow_text((enum cow_result)r));
}

/* Whatever is in a header that is taken, calculating with it is safe. */
static void random_bytes(void **state)
{
	struct cow_header h;
	u8 b[COW_HEADER_MAX];
	unsigned int taken = 0;

	srand(1);
	for (int i = 0; i < 200000; i++) {
		if (i % 3)
			make_v3b(b, (u64)rand() << (rand() % 40));
		else
			make_v2(b, (u64)rand() << (rand() % 40));
		for (int k = rand() % 4; k; k--)
			b[rand() % 40] = (u8)rand();
		if (cow_parse(b, (size_t)(rand() % 8 ? sizeof(b) : (size_t)rand() % sizeof(b)), &h))
			continue;
		taken++;
		assert_true(h.data_off >= h.bitmap_off + h.bitmap_len);
		assert_true(cow_bitmap_room(&h) <= cow_bitmap_need(&h));
		assert_true(h.data_off + h.size > h.size);
		assert_true(cow_sectors(&h) * h.sector >= h.size);
	}
	assert_true(taken > 1000);
}

RUN(CASE(versions), CASE(short_bitmap), CASE(example), CASE(patching), CASE(refused), CASE(random_bytes))
