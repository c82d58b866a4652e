/* SPDX-License-Identifier: MIT */
/*
 * What the far kernel leaves at the start of NEAR_DATA's last pages for near_start().
 */
#ifndef NEAR_BOOT_H
#define NEAR_BOOT_H

#include "lib/types.h"
#include "near/layout.h"

#define NEAR_BOOT_ADDR (NEAR_DATA + NEAR_DATA_SIZE - 0x4000)
#define NEAR_FILTER_MAX 512

struct near_insn {		/* struct sock_filter */
	u16 code;
	u8 jt, jf;
	u32 k;
};

struct near_boot {
	u64 vvar, vdso, vdso_end;	/* [vvar, vdso) data in parts, [vdso, end) text */
	u64 nparts;
	struct {
		u64 start, len;
	} parts[4];			/* host mappings that make up [vvar, end) */
	u32 fsgsbase;
	u32 nbells;
	u32 filter_len;
	struct near_insn filter[NEAR_FILTER_MAX];
};

#endif
