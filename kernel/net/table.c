/* SPDX-License-Identifier: MIT */
/*
 * The address families this kernel has. socket() gives EAFNOSUPPORT for all others.
 */
#include "net/socket.h"

extern const struct net_family unix_family;

const struct net_family *const net_families[] = {
	&unix_family,
	NULL,
};
