/* SPDX-License-Identifier: MIT */
/*
 * Where the near kernel lies in every guest process. Used by near (C and assembly), the far
 * side (guest/) and mm (what the guest may not map). Everything from NEAR_BASE up belongs
 * to us; the guest's address space ends there.
 *
 *   NEAR_TEXT     near kernel text and constants, read + execute; the seccomp filter knows this range
 *   NEAR_WATCH    one page of the far kernel's that all guest processes only read (struct near_watch)
 *   NEAR_DATA     private read-write data of the process: thread table, patched sites (copied by fork)
 *   NEAR_ISLANDS  trampolines of patched call sites, within a jump's reach of texts mapped high
 *   NEAR_SHARED   thread areas, shared with the far kernel: one memfd per address space
 *
 *
 * From LOW_BASE to LOW_END: islands for programs linked at low fixed addresses, and the table in which
 * the patched path finds a thread's area by FS base. mm keeps guests out of it.
 */
#ifndef NEAR_LAYOUT_H
#define NEAR_LAYOUT_H

#define NEAR_BASE 0x7ffe00000000
#define NEAR_TEXT NEAR_BASE
#define NEAR_TEXT_MAX 0x10000
#define NEAR_WATCH (NEAR_BASE + 0x80000)
#define NEAR_WATCH_SIZE 0x1000
#define NEAR_DATA (NEAR_BASE + 0x100000)
#define NEAR_DATA_SIZE 0x100000
#define NEAR_ISLANDS (NEAR_BASE + 0x200000)
#define NEAR_ISLANDS_SIZE 0x200000
#define NEAR_SHARED (NEAR_BASE + 0x10000000)
#define NEAR_SHARED_SIZE 0x40000000
#define NEAR_END (NEAR_SHARED + NEAR_SHARED_SIZE)

#define LOW_BASE 0x6fd00000
#define LOW_ISLANDS LOW_BASE
#define LOW_ISLANDS_SIZE 0x100000
#define FS_TABLE 0x6fe00000		/* low, so that an instruction can hold its address */
#define FS_TABLE_SIZE 0x100000
#define LOW_END (FS_TABLE + FS_TABLE_SIZE)

/* The guest's vDSO: data pages and text end at NEAR_BASE. */
#define NEAR_VDSO_ROOM 0x20000

/* A thread area: control page, signal handlers, stack of the patched path, signal stack, transfer window. */
#define AREA_SIZE 0x40000
#define AREA_MAX (NEAR_SHARED_SIZE / AREA_SIZE)
#define AREA_ACTIONS 0x1000		/* the thread's signal handlers, while lent */
#define AREA_ACTIONS_SIZE 0x800
#define AREA_BSTACK_TOP 0x4000	/* down to 0x2000 */
#define AREA_ALTSTACK 0x4000
#define AREA_ALTSTACK_SIZE 0xc000
/* In the first area only: the process's descriptor table (struct near_fd). */
#define AREA_FDS 0x10000
#define AREA_ATTRS 0x14000		/* and what fstat says of them (struct near_attr) */
#define AREA_WINDOW 0x20000
#define AREA_WINDOW_SIZE 0x20000

/* Descriptors of a guest process. */
#define NEAR_FD_BELL 0		/* doorbells, write ends of the kernel's pipes: heard anywhere, then those of the lanes */
#define NEAR_BELLS 33
#define NEAR_FD_CTL 33		/* descriptors arrive here */
#define NEAR_FD_LIFE 34		/* the template's only: read end of the lifeline */

/* From here on: host descriptors of files that the process serves itself, at their guest number. */
#define NEAR_FD_BASE 64
#define NEAR_FDS 512		/* guest numbers from this one on are the far kernel's */

/* The signal that makes a thread enter the near kernel (SIGURG: ignored by default). */
#define NEAR_SIGKICK 23

/* Numbers that no system call has: a trap of the near kernel itself. */
#define NEAR_NR_TRAP 0x7fff0001		/* re-enter with all registers saved, call done */
#define NEAR_NR_REDO 0x7fff0002		/* the same, call to be made */

/* clone flags: the only two sets that the filter allows. */
#define NEAR_CLONE_THREAD 0x2d0f00	/* VM FS FILES SIGHAND THREAD SYSVSEM SETTLS CHILD_CLEARTID */
#define NEAR_CLONE_FORK 0x108011	/* PARENT, PARENT_SETTID, SIGCHLD */

/* The table's index is 16 bits of the FS base from this one on. */
#define FS_INDEX_SHIFT 8
#define FS_INDEX_BITS 16

/* Offsets in struct near_area for assembly; proto.h asserts them. */
#define A_KICKED 12
#define A_BRSP 64
#define A_BRET 72
#define A_BFLAGS 80
#define A_BRAX 88
#define A_ALIVE 48
#define A_BORN 36
#define W_NBELLS 8		/* in struct near_watch */

#endif
