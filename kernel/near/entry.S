/* SPDX-License-Identifier: MIT */
/*
 * Entry points of the near kernel that C cannot express.
 *
 * near_fast: from a patched call site's island. rcx = thread area, r11 = return address (in the
 *   island), rax = number; everything else is the guest's, nothing may be pushed on its stack.
 * Between near_exit_check and near_exit_end a kick may arrive after the last look at "kicked": the
 *   handler then continues at near_exit_trap, which needs rcx and the area's saved fields only.
 */
#include "near/layout.h"

	.section .text.near_entry, "ax", @progbits
	.globl near_fast, near_exit_check, near_exit_end, near_exit_trap, near_trap_ret
	.globl near_restorer, near_sigreturn, near_fork_asm, near_thread_asm
	.globl near_uaccess_begin, near_uaccess_end, near_uaccess_fault
	.globl near_xsave, near_fpu_reset
	.globl near_copy, near_strcopy, near_cmpxchg, near_clear, near_switch

near_fast:
	mov	%rsp, A_BRSP(%rcx)
	mov	%r11, A_BRET(%rcx)
	lea	AREA_BSTACK_TOP(%rcx), %rsp
	pushfq
	popq	A_BFLAGS(%rcx)
	cld
	/* struct near_frame: nr, six arguments, the area */
	push	%rcx
	push	%r9
	push	%r8
	push	%r10
	push	%rdx
	push	%rsi
	push	%rdi
	push	%rax
	mov	%rcx, %rdi
	mov	%rsp, %rsi
	call	near_fast_call
	/* rdx: 0 return, 1 trap with the result in rax, 2 make the call again with all saved, 3 deliver a signal */
near_leave:
	mov	%rdx, %r11
	mov	8(%rsp), %rdi
	mov	16(%rsp), %rsi
	mov	24(%rsp), %rdx
	mov	32(%rsp), %r10
	mov	40(%rsp), %r8
	mov	48(%rsp), %r9
	mov	56(%rsp), %rcx
	lea	AREA_BSTACK_TOP(%rcx), %rsp
	test	%r11d, %r11d
	jnz	near_exit_special
near_exit_check:
	cmpl	$0, A_KICKED(%rcx)
	jne	near_exit_trap
	mov	A_BRET(%rcx), %r11
	pushq	A_BFLAGS(%rcx)
	popfq
	mov	A_BRSP(%rcx), %rsp
	jmp	*%r11
near_exit_end:

near_exit_special:
	cmp	$2, %r11d
	je	near_exit_redo
	cmp	$3, %r11d
	jne	near_exit_trap
	/* What near_fast has not saved is as it was: struct near_saved below struct near_frame. */
	sub	$64, %rsp
	mov	%rcx, %rdi
	mov	%rsp, %rsi
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbp
	push	%rbx
	mov	%rsp, %rdx
	call	near_fast_signal
	add	$48, %rsp
	jmp	near_leave
near_exit_trap:
	mov	%rax, A_BRAX(%rcx)
	mov	A_BRSP(%rcx), %rsp
	mov	$NEAR_NR_TRAP, %eax
	syscall
near_trap_ret:
	ud2
near_exit_redo:
	mov	%rax, A_BRAX(%rcx)
	mov	A_BRSP(%rcx), %rsp
	mov	$NEAR_NR_REDO, %eax
	syscall
	ud2

near_restorer:
	mov	$15, %eax
	syscall
	ud2

/* near_sigreturn(ucontext): leave through this context. */
near_sigreturn:
	mov	%rdi, %rsp
	mov	$15, %eax
	syscall
	ud2

/* near_switch(stack, fn, arg): go on at fn(arg) on another stack. */
near_switch:
	mov	%rdi, %rsp
	mov	%rdx, %rdi
	xor	%ebp, %ebp
	push	%rbp
	jmp	*%rsi

/*
 * near_fork_asm(flags, memfd, ctlfd, stack, fn, arg): the parent returns the child's host pid. The child
 * must not touch the stack before its own area is mapped over the parent's.
 */
near_fork_asm:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsi, %rbx		/* memfd */
	mov	%rdx, %rbp		/* ctl */
	mov	%rcx, %r12		/* stack */
	mov	%r8, %r13		/* fn */
	mov	%r9, %r14		/* arg */
	xor	%esi, %esi
	lea	A_BORN(%r14), %rdx
	xor	%r10d, %r10d
	xor	%r8d, %r8d
	mov	$56, %eax		/* clone */
	syscall
	test	%rax, %rax
	jz	1f
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
1:	movabs	$NEAR_SHARED, %rdi
	mov	$NEAR_SHARED_SIZE, %esi
	mov	$3, %edx		/* PROT_READ | PROT_WRITE */
	mov	$0x11, %r10d		/* MAP_SHARED | MAP_FIXED */
	mov	%rbx, %r8
	xor	%r9d, %r9d
	mov	$9, %eax		/* mmap */
	syscall
	test	%rax, %rax
	js	2f
	mov	%rbp, %rdi
	mov	$NEAR_FD_CTL, %esi
	xor	%edx, %edx
	mov	$292, %eax		/* dup3 */
	syscall
	test	%rax, %rax
	js	2f
	/* All but the doorbells and the channel: what else there is is the parent's, its area first of all. */
	movabs	NEAR_WATCH + W_NBELLS, %eax
	mov	%eax, %edi
	mov	$NEAR_FD_CTL - 1, %esi
	xor	%edx, %edx
	mov	$436, %eax		/* close_range */
	syscall
	mov	$NEAR_FD_LIFE, %edi
	mov	$-1, %esi
	mov	$436, %eax
	syscall
	/* Reading maps all that there is around this page at once; a write, as the push below, maps one page. */
	mov	(%r14), %eax
	mov	%r12, %rsp
	mov	%r14, %rdi
	xor	%ebp, %ebp
	push	%rbp
	jmp	*%r13
2:	mov	$231, %eax		/* exit_group */
	mov	$1, %edi
	syscall
	ud2

/* near_thread_asm(flags, stack, tls, fn, arg): the new thread starts in fn(arg). */
near_thread_asm:
	push	%rbx
	push	%r12
	mov	%rcx, %rbx
	mov	%r8, %r12
	mov	%rdx, %r8		/* tls */
	xor	%edx, %edx
	lea	A_ALIVE(%r12), %r10	/* cleared when the thread is gone */
	mov	$56, %eax
	syscall
	test	%rax, %rax
	jz	1f
	pop	%r12
	pop	%rbx
	ret
1:	mov	%r12, %rdi
	xor	%ebp, %ebp
	push	%rbp
	jmp	*%rbx

/*
 * Accesses to guest memory. A fault between begin and end continues at near_uaccess_fault: no function here
 * uses the stack, so that returns -EFAULT to the caller.
 */
near_uaccess_begin:
/* near_copy(dst, src, n): 0 or -EFAULT. A string instruction takes as long to begin as 100 bytes by words. */
near_copy:
	mov	%rdx, %rcx
	cmp	$160, %rcx
	ja	2f
1:	sub	$8, %rcx
	jb	3f
	mov	(%rsi), %rax
	mov	%rax, (%rdi)
	add	$8, %rsi
	add	$8, %rdi
	jmp	1b
3:	add	$8, %rcx
	jz	4f
2:	rep movsb
4:
	xor	%eax, %eax
	ret
/* near_clear(dst, n) */
near_clear:
	mov	%rsi, %rcx
	xor	%eax, %eax
	rep stosb
	ret
/* near_strcopy(dst, src, n): length without NUL, n when none, -EFAULT */
near_strcopy:
	xor	%eax, %eax
1:	cmp	%rdx, %rax
	jae	2f
	movb	(%rsi,%rax), %cl
	movb	%cl, (%rdi,%rax)
	test	%cl, %cl
	jz	2f
	inc	%rax
	jmp	1b
2:	ret
/* near_cmpxchg(addr, expect, desired, &old): 0 or -EFAULT */
near_cmpxchg:
	mov	%rcx, %r8
	mov	%esi, %eax
	lock cmpxchgl %edx, (%rdi)
	mov	%eax, (%r8)
	xor	%eax, %eax
	ret
/* near_xsave(dst, features): 0 or -EFAULT */
near_xsave:
	mov	%rsi, %rax
	mov	%rsi, %rdx
	shr	$32, %rdx
	xsave64	(%rdi)
	xor	%eax, %eax
	ret
near_uaccess_end:
near_uaccess_fault:
	mov	$-14, %rax
	ret
/* near_fpu_reset(features): initial state */
near_fpu_reset:
	mov	%rdi, %rax
	mov	%rdi, %rdx
	shr	$32, %rdx
	xrstor64 fpu_initial(%rip)
	ret
	.balign	64
fpu_initial:
	.word	0x37f
	.skip	22
	.long	0x1f80			/* MXCSR */
	.skip	576 - 28
	.section .note.GNU-stack, "", @progbits
