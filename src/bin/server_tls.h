/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate that the server shows: the operator's own, or one that it makes for itself. */
#ifndef TOWPATH_BIN_SERVER_TLS_H
#define TOWPATH_BIN_SERVER_TLS_H

#include "base/err.h"
#include "base/str.h"
#include "crypto/certificate.h"

struct server_tls_config {
	const char *cert, *key; /* PEM files; both NULL: one is made */
	const char *host;	/* the server's name, or NULL; buckets are found below it */
	const char *names;	/* more names of a certificate that is made, parted by commas */
	const char *data_dir, *address;
};

struct server_tls {
	struct str chain, key; /* PEM */
	struct certificate_info info;
	char *ca_file; /* what clients are to trust; NULL with the operator's own certificate */
};

/* Reads the files; or those of DATA/tls, after it made them where they are missing, the certificate
 * ends within 30 days or lacks a name (the key stays). Errors name the file. */
int server_tls_load(const struct server_tls_config *c, struct server_tls *ret, struct err *err);
void server_tls_release(struct server_tls *t);

#endif
