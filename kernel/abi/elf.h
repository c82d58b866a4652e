/* SPDX-License-Identifier: MIT */
/* ELF and auxv. */
#ifndef ABI_ELF_H
#define ABI_ELF_H

#include <linux/elf.h>
#include <linux/elf-em.h>
#include <linux/auxvec.h>

#endif
