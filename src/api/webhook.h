/* SPDX-License-Identifier: Apache-2.0 */
/* POST to the payload addresses of webhooks: git hosts sign in their own way, not with SigV4. */
#ifndef TOWPATH_API_WEBHOOK_H
#define TOWPATH_API_WEBHOOK_H

#include "build/build.h"
#include "identity/identity.h"
#include "net/http_server.h"

/* Borrowed. */
struct webhook_front {
	struct build_engine *build;
	struct identity_engine *identity; /* counts those that fail to prove themselves */
};

bool webhook_matches(const struct http_exchange *x);
void webhook_handle(const struct webhook_front *f, struct http_exchange *x);

#endif
