/* SPDX-License-Identifier: MIT */
/*
 * Telling AddressSanitizer that the stack pointer moves to another stack. Without it these functions are empty.
 *
 * Each side calls fiber_leave() right before the switch and fiber_arrive() right after it. A worker's own
 * stack is known only from a task that arrives there: it is told where it came from.
 */
#ifndef CORE_FIBER_H
#define CORE_FIBER_H

#include "lib/types.h"

#ifdef __SANITIZE_ADDRESS__
/* As in <sanitizer/...>, which only host/ may include. */
void __sanitizer_start_switch_fiber(void **fake_stack_save, const void *bottom, size_t size);
void __sanitizer_finish_switch_fiber(void *fake_stack_save, const void **bottom_old, size_t *size_old);
void __asan_unpoison_memory_region(void const volatile *addr, size_t size);
void __lsan_register_root_region(const void *p, size_t size);
void __lsan_unregister_root_region(const void *p, size_t size);

#define KSTACK_SIZE (512 * 1024)	/* instrumented frames are several times as large */

/* To the stack [bottom, +size). fake: where to keep notes about the one that is left, NULL: it ends here. */
static inline void fiber_leave(void **fake, const void *bottom, size_t size)
{
	__sanitizer_start_switch_fiber(fake, bottom, size);
}

/* fake: the notes, NULL: first time on this stack. bottom, size: the stack we came from. */
static inline void fiber_arrive(void *fake, const void **bottom, size_t *size)
{
	__sanitizer_finish_switch_fiber(fake, bottom, size);
}

/* The stack is used from its top again: what its last user left marked is void. */
static inline void fiber_fresh(const void *stack, size_t size)
{
	__asan_unpoison_memory_region(stack, size);
}

/* Stacks hold pointers: the leak checker looks at those that it knows. */
static inline void fiber_made(const void *stack, size_t size)
{
	__lsan_register_root_region(stack, size);
}

static inline void fiber_gone(const void *stack, size_t size)
{
	__lsan_unregister_root_region(stack, size);
}
#else
#define KSTACK_SIZE (64 * 1024)

static inline void fiber_leave(void **fake, const void *bottom, size_t size)
{
}

static inline void fiber_arrive(void *fake, const void **bottom, size_t *size)
{
}

static inline void fiber_fresh(const void *stack, size_t size)
{
}

static inline void fiber_made(const void *stack, size_t size)
{
}

static inline void fiber_gone(const void *stack, size_t size)
{
}
#endif

#endif
