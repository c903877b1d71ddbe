/* SPDX-License-Identifier: Apache-2.0 */
/* What a server shows in TLS handshakes (GnuTLS, which libmicrohttpd speaks TLS with). Private to
 * net/http_*.c.
 *
 * A certificate may be replaced at any time: handshakes that begin later show the new one. GnuTLS
 * borrows what it shows for the length of a handshake, so earlier ones are kept until the end. */
#ifndef TOWPATH_NET_HTTP_TLS_H
#define TOWPATH_NET_HTTP_TLS_H

#include <microhttpd.h>

#include "base/err.h"
#include "base/view.h"

struct http_tls;

struct http_tls *http_tls_new(void);
struct http_tls *http_tls_free(struct http_tls *t);
/* Shows this chain (PEM, the server's own certificate first) from now on. On failure the one
 * before stays. */
int http_tls_show(struct http_tls *t, struct view chain_pem, struct view key_pem, struct err *err);

/* For MHD_OPTION_NOTIFY_CONNECTION, with the http_tls as its argument: connections remember it. */
void http_tls_on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
	enum MHD_ConnectionNotificationCode code);
/* For MHD_OPTION_HTTPS_CERT_CALLBACK2. */
extern void *const http_tls_certificate_callback;
/* For MHD_OPTION_HTTPS_PRIORITIES: TLS 1.2 and 1.3. */
#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

#endif
