/* SPDX-License-Identifier: MIT */
/*
 * ubd: host files as disks, /dev/ubda .. /dev/ubdp. Syntax, flags and texts are UML's (docs/disks.md).
 *
 * Life: ubd_setup() for each option; ubd_open_files() before the kernel process gives up its rights; ubd_init() in
 * a task; ubd_shutdown() at the end of the machine. Devices come and go by the management console, too.
 */
#ifndef BLOCK_UBD_H
#define BLOCK_UBD_H

#include "lib/types.h"

struct seq_buf;

#define UBD_MAJOR 98
#define UBD_MAX 16
#define UBD_FILES_MAX (2 * UBD_MAX)

#ifdef CONFIG_BLOCK

/* What follows "ubd" of an option: "0=file", "bs=cow,backing", "=sync". Mistakes are logged. nb */
void ubd_setup(const char *text);
/* root_fs in the current directory is disk 0: for a root that is on it, when nothing else was said. nb */
void ubd_default(void);
bool ubd_default_exists(void);		/* that file can be read. May block */
bool ubd_configured(unsigned int index);
/* Opens, locks, reads headers. What fails is logged, and the device is absent. Blocks, in no task. */
void ubd_open_files(void);
/* Host files of opened disks, for self confinement: the i-th, or NULL at the end. *write: may be written. nb */
const char *ubd_host_file(unsigned int i, bool *write);
/* Registers what is open. 0 or -errno. Blocks. */
int ubd_init(void);
/* What is only in memory (bitmaps of COW files) goes to the host; no request is under way any more. May block. */
void ubd_shutdown(void);

/*
 * The management console: arg follows "ubd". 0, a negative errno or 1; *error: static text,
 * NULL: there is none. Block.
 */
int ubd_hot_config(const char *arg, const char **error);
int ubd_hot_get(const char *arg, char *out, size_t n, const char **error);
int ubd_hot_remove(const char *arg, const char **error);

#else	/* there are none, and the option is ignored as Linux does with what it was built without */

static inline void ubd_setup(const char *text) {}
static inline void ubd_default(void) {}
static inline bool ubd_default_exists(void) { return false; }
static inline bool ubd_configured(unsigned int index) { return false; }
static inline void ubd_open_files(void) {}
static inline const char *ubd_host_file(unsigned int i, bool *write) { return NULL; }
static inline int ubd_init(void) { return 0; }
static inline void ubd_shutdown(void) {}

#endif

#endif
