/* SPDX-License-Identifier: MIT */
/*
 * task_switch(save_sp, load_sp): leave one kernel stack for another. Callee-saved registers only: it is a call.
 */
	.text
	.globl task_switch
	.type task_switch, @function
task_switch:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.globl task_first_run
task_first_run:
	mov	%r12, %rdi
	xor	%ebp, %ebp
	call	*%rbx
	ud2
	.section .note.GNU-stack, "", @progbits
