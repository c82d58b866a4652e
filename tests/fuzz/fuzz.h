/* SPDX-License-Identifier: MIT */
/*
 * Fuzzing of what reads bytes from outside, in one process with the far kernel (no guest): a driver process, and
 * the kernel under test in its child, which it starts again after each failure.
 *
 * A case is a sample file, a list of genes and a number for the work. A gene is a random number from which a mutation
 * follows, so the same case gives the same bytes each time. In a build that counts what is executed (SAN=fuzz), cases
 * that reach something new are kept and bred from.
 *
 * To add a format: a struct target in a file of its own, a line in targets.c, samples in tests/fuzz/run.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "lib/types.h"

#define GENES_MAX 24
#define IMAGE_MAX (24u << 20)		/* of a sample */
#define CORPUS_MAX 4096u
#define SAMPLES_MAX 64u

struct fuzz_case {
	u32 sample;			/* index in samples[] */
	u32 ngenes;
	u64 gene[GENES_MAX];
	u64 work;			/* what is done with it */
};

/* Shared by driver and child. What the child has found outlives it. */
struct fuzz_shared {
	struct fuzz_case now;		/* in progress */
	u64 beat;			/* moves on with each operation */
	u64 ncases;
	char stage[96];			/* what is being done, for the report */
	bool ready, finished;		/* the kernel has booted; the child has ended as it should */
	u32 ncorpus;
	struct fuzz_case corpus[CORPUS_MAX];
	u32 nseen;
	u8 seen[1 << 16];		/* classes of counts that each place in the program has had */
	u64 hurt;			/* bytes of the image below that count */
	u8 image[IMAGE_MAX];		/* the mutated input */
};
extern struct fuzz_shared *shared;

struct sample {
	char name[64];			/* TARGET.ANYTHING */
	const struct target *target;
	u8 *bytes;			/* as the file has them */
	size_t size;
	void *private;			/* the target's */
};
extern struct sample samples[SAMPLES_MAX];
extern u32 nsamples;

struct target {
	const char *name;
	/* Once for each sample, in the kernel: what mutations need to know, devices. 0 or -errno. Optional. */
	int (*prepare)(struct sample *s);
	/* One gene's change of the image of s. */
	void (*mutate)(const struct sample *s, u8 *image, u64 gene);
	/* As a kernel task, with "/" and /dev there. Must leave nothing behind. */
	void (*run)(const struct sample *s, u8 *image, u64 work);
};
extern const struct target *const targets[];	/* NULL terminated */
extern const struct target ext_target, part_target, cow_target, cpio_target, squash_target;

/* driver.c: for the child, which is a thread of the kernel; fn is called for each case until the time is over. */
bool fuzz_next_case(struct fuzz_case *c);
void fuzz_case_done(void);

/* kernel.c: boots and runs cases; never returns. */
void fuzz_kernel(void) __noreturn;

/* case.c */
struct rng {
	u64 x;
};
u64 rnd(struct rng *r);
u32 rnd_below(struct rng *r, u32 n);	/* n 0: 0 */
bool one_in(struct rng *r, u32 n);
struct rng rng_of(u64 seed);
void case_fresh(struct fuzz_case *c, struct rng *r);	/* bred or new */
void case_note_coverage(const struct fuzz_case *c);	/* keeps it if it reached something new */
void cover_start(void);			/* what runs from here on is c's */
void cover_stop(void);

/* A change of n bytes somewhere in p[0, len), as a generic format would be hurt. */
void mutate_bytes(struct rng *r, u8 *p, size_t len);
u64 hurting_value(struct rng *r, u64 old);

/* work.c: everything a program may do below dir, by chance; dir is a mounted file system. */
void fs_work(const char *dir, u64 work);
struct blkdev;
/* Mounts the disk at /mnt, works there, unmounts. fail_after: see fuzz_disk_fail_after(). */
void fs_work_mounted(struct blkdev *disk, const char *type, u64 flags, const char *data, u32 fail_after, struct rng *r);
void stage(const char *fmt, ...) __printf(1, 2);

/* disk.c: a block device over shared->image. */
int fuzz_disk_add(const char *name, size_t size, struct blkdev **out);
void fuzz_disk_fail_after(struct blkdev *b, u32 n);	/* requests; 0: never */

#endif
