/* SPDX-License-Identifier: MIT */
/*
 * Cases and chance: random numbers, values that hurt, which case comes next, what a case has reached.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

/* --- random numbers --- */

struct rng rng_of(u64 seed)
{
	struct rng r = { seed * 0x9e3779b97f4a7c15ULL ^ 0x5851f42d4c957f2dULL };

	r.x |= r.x == 0;
	for (int i = 0; i < 4; i++)
		rnd(&r);
	return r;
}

u64 rnd(struct rng *r)
{
	r->x ^= r->x << 13;
	r->x ^= r->x >> 7;
	r->x ^= r->x << 17;
	return r->x * 0x2545f4914f6cdd1dULL;
}

u32 rnd_below(struct rng *r, u32 n)
{
	return n ? (u32)((rnd(r) >> 32) % n) : 0;
}

bool one_in(struct rng *r, u32 n)
{
	return rnd_below(r, n) == 0;
}

/* --- mutations of any format --- */

u64 hurting_value(struct rng *r, u64 old)
{
	static const u64 values[] = { 0, 1, 2, 3, 4, 7, 8, 11, 12, 16, 127, 128, 255, 256, 1023, 1024, 4095, 4096, 0x7fff,
		0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff, 1ULL << 32, 1ULL << 63, ~0ULL };

	switch (rnd_below(r, 6)) {
	case 0:
		return old + 1;
	case 1:
		return old - 1;
	case 2:
		return old ^ 1ULL << rnd_below(r, 32);
	case 3:
		return rnd_below(r, 4096);
	case 4:
		return rnd(r);
	}
	return values[rnd_below(r, ARRAY_SIZE(values))];
}

/* Where there is something: most of a block is zeroes that nobody looks at. */
static size_t place(struct rng *r, const u8 *p, size_t len, size_t n)
{
	static const u8 zeroes[16];
	size_t at = 0;

	if (len < 32)
		return len > n ? rnd_below(r, (u32)(len - n)) : 0;
	for (int i = 0; i < 6; i++) {
		size_t limit = one_in(r, 3) ? MIN(len, (size_t)64) : len;

		at = rnd_below(r, (u32)(limit - 16)) / n * n;
		if (memcmp(p + at, zeroes, 16))
			break;
	}
	return at;
}

void mutate_bytes(struct rng *r, u8 *p, size_t len)
{
	size_t n = MIN((size_t)1 << rnd_below(r, 4), len), at = place(r, p, len, n), from, k;
	u64 v = 0;

	if (!len)
		return;
	switch (rnd_below(r, 12)) {
	case 0:				/* a piece comes from elsewhere */
		k = MIN((size_t)4 << rnd_below(r, 5), len);
		from = place(r, p, len, 4);
		memmove(p + MIN(at, len - k), p + MIN(from, len - k), k);
		break;
	case 1:
		k = 1 + rnd_below(r, (u32)MIN(len - at, (size_t)256));
		memset(p + at, one_in(r, 2) ? 0 : (int)rnd(r), k);
		break;
	default:
		memcpy(&v, p + at, n);
		v = hurting_value(r, v);
		memcpy(p + at, &v, n);
	}
}

/* --- coverage: gcc calls this at each branch target of a SAN=fuzz build --- */

#define PLACES sizeof(shared->seen)
static u8 counts[PLACES];
static bool counting;

void __sanitizer_cov_trace_pc(void);

__attribute__((no_sanitize("address", "undefined"), no_sanitize_coverage)) void __sanitizer_cov_trace_pc(void)
{
	u64 pc = (u64)__builtin_return_address(0);
	u8 *c = &counts[(pc ^ pc >> 16) % PLACES];

	if (counting && *c != 255)
		++*c;
}

void cover_start(void)
{
	memset(counts, 0, sizeof(counts));
	counting = true;
}

void cover_stop(void)
{
	counting = false;
}

/* 1, 2, 3, 4 to 7, 8 to 15, to 31, to 127, more: other than that, how often does not matter. */
static u8 class_of(u8 n)
{
	return n < 4 ? (u8)(1 << (n - 1)) : n < 8 ? 8 : n < 16 ? 16 : n < 32 ? 32 : n < 128 ? 64 : 128;
}

void case_note_coverage(const struct fuzz_case *c)
{
	u32 fresh = 0;

	for (size_t i = 0; i < PLACES; i++) {
		u8 class = counts[i] ? class_of(counts[i]) : 0;

		fresh += class & ~shared->seen[i] ? 1 : 0;
		shared->seen[i] |= class;
	}
	shared->nseen += fresh;
	if (fresh && shared->ncorpus < CORPUS_MAX)
		shared->corpus[shared->ncorpus++] = *c;
}

/* --- the next case --- */

static void add_genes(struct fuzz_case *c, struct rng *r, u32 n)
{
	while (n-- && c->ngenes < GENES_MAX)
		c->gene[c->ngenes++] = rnd(r);
}

static void cross(struct fuzz_case *c, struct rng *r)
{
	const struct fuzz_case *other = &shared->corpus[rnd_below(r, shared->ncorpus)];

	for (u32 i = 0; other->sample == c->sample && i < other->ngenes && c->ngenes < GENES_MAX; i++)
		c->gene[c->ngenes++] = other->gene[i];
}

void case_fresh(struct fuzz_case *c, struct rng *r)
{
	if (!shared->ncorpus || one_in(r, 4)) {
		*c = (struct fuzz_case){ .sample = rnd_below(r, nsamples), .work = rnd(r) };
		add_genes(c, r, one_in(r, 8) ? 0 : 1 + rnd_below(r, one_in(r, 2) ? 3 : 12));
		return;
	}
	*c = shared->corpus[rnd_below(r, shared->ncorpus)];
	if (c->ngenes && one_in(r, 3)) {
		u32 last = --c->ngenes;

		c->gene[rnd_below(r, last + 1)] = c->gene[last];
	}
	if (one_in(r, 4))
		cross(c, r);
	else
		add_genes(c, r, 1 + rnd_below(r, 3));
	if (one_in(r, 2))
		c->work = rnd(r);
}
