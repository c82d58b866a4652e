/* SPDX-License-Identifier: MIT */
/*
 * Bytes that the build puts into the kernel binary. Each pair marks first byte and end; a part
 * that was configured out has equal ends.
 *
 *	near_image       code mapped into every guest process; page aligned
 *	initramfs_image  newc cpio archive of the embedded root file system
 *	config_data      the .config of this kernel, as text (--showconfig)
 *	filter_first     seccomp filter of the kernel process, one that may execute itself again
 *	filter_last      the same with noreboot
 */
#ifndef EMBED_EMBED_H
#define EMBED_EMBED_H

extern const char near_image[], near_image_end[];
extern const char initramfs_image[], initramfs_image_end[];
extern const char config_data[], config_data_end[];
extern const char filter_first[], filter_first_end[];
extern const char filter_last[], filter_last_end[];

#endif
