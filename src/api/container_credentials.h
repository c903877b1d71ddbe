/* SPDX-License-Identifier: Apache-2.0 */
/* The container credentials address: what runs in Towpath's care (a build) fetches credentials of
 * its role here, as the SDKs do where AWS_CONTAINER_CREDENTIALS_FULL_URI is set, and shows the
 * ticket of AWS_CONTAINER_AUTHORIZATION_TOKEN. */
#ifndef TOWPATH_API_CONTAINER_CREDENTIALS_H
#define TOWPATH_API_CONTAINER_CREDENTIALS_H

#include "net/http_server.h"

struct container_credentials {
	void *arg;
	/* Appends the answer for who shows the part's ticket ("build/<uuid>"): 1, 0 when there is
	 * none for him, -1. May be called from any thread. */
	int (*give)(
		void *arg, const char *part, const char *ticket, struct str *json, struct err *err);
};

bool container_credentials_matches(const struct http_exchange *x);
void container_credentials_handle(const struct container_credentials *c, struct http_exchange *x);

#endif
