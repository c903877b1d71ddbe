/* SPDX-License-Identifier: Apache-2.0 */
/* Handing mail over to an SMTP server (libcurl): a relay nearby, without a password; encrypted when
 * the server offers it. */
#ifndef TOWPATH_NET_MAIL_H
#define TOWPATH_NET_MAIL_H

#include "base/err.h"
#include "base/str.h"

struct mail {
	const char *server;    /* host[:port] */
	const char *from, *to; /* bare addresses */
	struct view text;      /* headers and body (RFC 5322), lines end with CR LF */
	int64_t timeout_usec;  /* of the whole conversation */
};

/* A host, and a port from 1 to 65535 if any. ERR_INVALID says what is wrong. */
int mail_check_server(const char *server, struct err *err);
/* NAME@DOMAIN in plain characters, without anything that could end a line or an address. */
bool mail_address_ok(const char *address);
/* Returns when the server has taken the mail. ERR_INVALID when it refused it for good (5xx);
 * ERR_UNAVAILABLE when it may be tried again. */
int mail_send(const struct mail *m, struct err *err);

#endif
