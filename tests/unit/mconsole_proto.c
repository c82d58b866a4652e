/* SPDX-License-Identifier: MIT */
/*
 * Datagrams of the management console: good ones, wrong ones, garbage, and answers in packets.
 */
#include <stdlib.h>
#include <string.h>

#include "mconsole/proto.h"
#include "tests/unit/test.h"

static size_t make(struct mc_packet *p, u32 magic, u32 version, u32 len, const char *data)
{
	*p = (struct mc_packet){ .magic = magic, .version = version, .len = len };
	strcpy(p->data, data);
	return MC_REQUEST_HEAD + strlen(data);
}

static void requests(void **state)
{
	char text[MC_DATA_MAX];
	struct mc_packet p;
	size_t n = make(&p, MC_MAGIC, 2, 7, "version");

	assert_int_equal(mc_parse(&p, n, text), MC_OK);
	assert_string_equal(text, "version");
	/* A length beyond what came does not read on. */
	n = make(&p, MC_MAGIC, 2, 511, "halt");
	assert_int_equal(mc_parse(&p, n, text), MC_OK);
	assert_string_equal(text, "halt");
	n = make(&p, MC_MAGIC, 2, 4, "proc uptime");
	assert_int_equal(mc_parse(&p, n, text), MC_OK);
	assert_string_equal(text, "proc");
	n = make(&p, MC_MAGIC, 2, 512, "x");
	assert_int_equal(mc_parse(&p, n, text), MC_TOO_LARGE);
	n = make(&p, MC_MAGIC, 2, ~0u, "x");
	assert_int_equal(mc_parse(&p, n, text), MC_TOO_LARGE);
	n = make(&p, MC_MAGIC, 1, 1, "x");
	assert_int_equal(mc_parse(&p, n, text), MC_BAD_VERSION);
	n = make(&p, 0x1234, 2, 1, "x");
	assert_int_equal(mc_parse(&p, n, text), MC_BAD_MAGIC);
	assert_int_equal(mc_parse("help", 4, text), MC_BAD_MAGIC);
	assert_int_equal(mc_parse("", 0, text), MC_IGNORE);
}

static void garbage(void **state)
{
	char text[MC_DATA_MAX], datagram[sizeof(struct mc_packet)];

	srand(1);
	for (int i = 0; i < 20000; i++) {
		size_t n = (size_t)rand() % sizeof(datagram);

		for (size_t j = 0; j < n; j++)
			datagram[j] = (char)rand();
		if (n >= 8 && i % 2) {
			memcpy(datagram, &(u32){ MC_MAGIC }, 4);
			memcpy(datagram + 4, &(u32){ MC_VERSION }, 4);
		}
		if (mc_parse(datagram, n, text) == MC_OK)
			assert_true(strlen(text) < MC_DATA_MAX);
	}
}

static void answers(void **state)
{
	char text[1200];
	struct mc_answer a;
	size_t took, n;

	memset(text, 'x', sizeof(text));
	n = mc_fill(&a, "", 0, -22, false, &took);
	assert_int_equal(n, MC_ANSWER_HEAD + 1);
	assert_int_equal((int)a.err, -22);
	assert_int_equal(a.len, 1);
	assert_int_equal(a.more, 0);
	n = mc_fill(&a, text, sizeof(text), 0, false, &took);
	assert_int_equal(n, sizeof(a));
	assert_int_equal(took, 511);
	assert_int_equal(a.len, 512);
	assert_int_equal(a.more, 1);
	assert_int_equal(a.data[511], 0);
	mc_fill(&a, text, 511, 0, false, &took);
	assert_int_equal(a.more, 0);
	mc_fill(&a, text, 5, 0, true, &took);
	assert_int_equal(a.more, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests), cmocka_unit_test(garbage), cmocka_unit_test(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
