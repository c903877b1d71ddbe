/* SPDX-License-Identifier: Apache-2.0 */
/* What receivers of notifications ask for without a signature: the certificate that signs, and the
 * links to confirm and to end a subscription. */
#ifndef TOWPATH_API_SNSHTTP_H
#define TOWPATH_API_SNSHTTP_H

#include "net/http_server.h"
#include "signal/signal.h"

/* Whether a request is one of these: the server's routes ask this before the API. */
bool snshttp_matches(const struct http_exchange *x);
void snshttp_handle(
	struct signal_engine *e, const char *account, const char *region, struct http_exchange *x);

#endif
