/* SPDX-License-Identifier: Apache-2.0 */
/* Which service, protocol and operation a request means. */
#ifndef TOWPATH_API_LOCATE_H
#define TOWPATH_API_LOCATE_H

#include "api/protocol.h"

struct api_services {
	const struct call_service *const *v;
	size_t n;
	const char *host; /* the server's own name, for bucket.NAME hosts; may be NULL */
};

/* From the head alone: sets protocol (always), service, path, query and, where the head names it,
 * the operation. In this order: X-Amz-Target, the path of RPC v2, the
 * credential's scope, the host, Action. */
int api_locate(const struct api_services *s, struct api_request *r, struct err *err);
/* Query protocol: reads the fields from the body or the URL and finds the operation by Action. */
int api_locate_action(
	const struct api_services *s, struct api_request *r, struct view body, struct err *err);
/* The bucket that a virtual-host style Host header names, in the arena; NULL: none. */
const char *api_host_bucket(const char *host, const char *own, struct arena *a);

#endif
