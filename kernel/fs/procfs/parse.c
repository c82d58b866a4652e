/* SPDX-License-Identifier: MIT */
/*
 * Numbers that are written to files, with Linux's rules for their form.
 */
#include "fs/procfs/priv.h"

#include "abi/errno.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

int proc_next_number(const char **p, s64 *out)
{
	const char *s = *p, *first;
	bool neg = false;
	int base = 10;
	u64 v = 0;

	while (is_space(*s))
		s++;
	if (*s == '-' || *s == '+')
		neg = *s++ == '-';
	if (*s == '0' && (s[1] | 0x20) == 'x' && digit_of(s[2]) < 16) {
		base = 16;
		s += 2;
	} else if (*s == '0') {
		base = 8;
	}
	for (first = s; digit_of(*s) < base; s++) {
		if (v > (UINT64_MAX - 15) / (u64)base)
			return -EINVAL;
		v = v * (u64)base + (u64)digit_of(*s);
	}
	if (s == first || (*s && !is_space(*s)))
		return -EINVAL;
	*out = neg ? -(s64)v : (s64)v;
	*p = s;
	return 0;
}

int proc_parse_number(const char *text, s64 *out)
{
	int err = proc_next_number(&text, out);

	while (!err && is_space(*text))
		text++;
	return err ? err : *text ? -EINVAL : 0;
}
