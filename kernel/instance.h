/* SPDX-License-Identifier: MIT */
/*
 * The machine's directory uml_dir/umid with its pid file (reference: umid directory of UML).
 */
#ifndef KERNEL_INSTANCE_H
#define KERNEL_INSTANCE_H

/* Makes it. 0 or -errno (said on stderr); a name in use is replaced by a random one. */
int instance_create(const char *uml_dir, const char *umid);
void instance_remove(void);		/* idempotent, callable at any end */
const char *instance_name(void);	/* "" when there is no directory */
const char *instance_dir(void);		/* its path; "" when there is none */
const char *instance_parent(void);	/* the directory that holds it */

#endif
