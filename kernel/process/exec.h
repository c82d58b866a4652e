/* SPDX-License-Identifier: MIT */
/*
 * What exec.c, args.c, script.c, elf.c and stack.c share: an exec in progress. The new image is built in a fresh
 * space beside the old one; until exec.c commits, any failure just drops it and the old program goes on.
 */
#ifndef PROCESS_EXEC_H
#define PROCESS_EXEC_H

#include "lib/types.h"

struct cred;
struct file;
struct mm;
struct uthread;

#define EXEC_HEAD_SIZE 256
#define EXEC_MAX_DEPTH 5

/* Argument and environment strings, NUL-terminated one after the other. */
struct exec_args {
	char *buf;
	size_t len, cap;
	int argc, envc;
	u64 limit;			/* bytes of strings and pointers together */
};

struct exec {
	struct file *file;		/* to be loaded; reference, writers denied */
	char head[EXEC_HEAD_SIZE];	/* its first bytes, zero filled */
	const char *filename;		/* as the caller named it: comm, AT_EXECFN, script argument */
	const char *interp;		/* name of file when it is a script's interpreter */
	bool fd_closes;			/* filename goes through a close-on-exec descriptor */
	struct exec_args args;

	struct cred *cred;		/* new credentials; reference */
	bool secure, setid, unreadable;

	struct mm *mm;			/* new image; reference */
	struct uthread *ut;		/* its only thread */
	bool exec_stack;
	u64 entry, sp;
	u64 load_bias, phdr, phent, phnum, prog_entry, interp_base;
	u64 stack_top;
};

/* args.c. All may block. */
int exec_args_init(struct exec_args *a);
void exec_args_free(struct exec_args *a);
int exec_args_user(struct exec_args *a, uaddr_t vec, int *count);	/* guest char *[] */
int exec_args_kernel(struct exec_args *a, char *const vec[], int *count);
int exec_args_replace_first(struct exec_args *a, const char *const strs[], int n);	/* argv[0] by n strings */

/* exec.c: open for execution: rights, type, noexec, ETXTBSY checked. Blocks. */
int exec_open(int dirfd, const char *path, u32 lookup_flags, struct file **out);
int exec_read_head(struct exec *x);

/* script.c: 0: x->file is the interpreter now, try again; -ENOEXEC: no script. Blocks. */
int script_load(struct exec *x);

/* elf.c: map everything into x->mm and build the stack. Blocks. */
struct elf_info;
int elf_prepare(struct exec *x, struct elf_info **out);	/* reads and checks headers, opens the interpreter */
int elf_load(struct exec *x, struct elf_info *info);
void elf_info_free(struct elf_info *info);

/* stack.c */
int stack_map(struct exec *x);		/* inside a batch */
int stack_fill(struct exec *x);		/* after it: strings, vectors, auxv; sets x->sp */
#endif
