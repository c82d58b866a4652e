/* SPDX-License-Identifier: MIT */
/* Known values of the two checksums, and that pieces give the same as the whole. */
#include "lib/crc32c.h"

#include "tests/unit/test.h"

static void known_values(void **state)
{
	static const char text[] = "123456789";

	assert_int_equal(crc32c(~0u, text, 9), ~0xe3069283u);
	assert_int_equal(crc16(0, text, 9), 0xbb3d);
	assert_int_equal(crc32c(0x1234, text, 0), 0x1234);
}

static void in_pieces(void **state)
{
	u8 buf[300];
	u32 whole;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (u8)(i * 7 + 3);
	whole = crc32c(~0u, buf, sizeof(buf));
	for (size_t cut = 0; cut <= sizeof(buf); cut++)
		assert_int_equal(crc32c(crc32c(~0u, buf, cut), buf + cut, sizeof(buf) - cut), whole);
}

RUN(CASE(known_values), CASE(in_pieces))
