/* SPDX-License-Identifier: Apache-2.0 */
/* What a request needs permission for, by the tables of model/access/. */
#ifndef TOWPATH_API_ACCESS_H
#define TOWPATH_API_ACCESS_H

#include "wire/access.h"
#include "wire/call.h"

/* The table of a service, or NULL when it has none. */
const struct access_table *api_access_find(const struct wire_service *wire);
/* Whether an operation is served to whoever asks, without a signature. */
bool api_access_anonymous(const struct access_table *table, const struct wire_service *wire,
	const struct wire_operation *op);
/* Fills in ret from the operation's row and then, where the row or the lack of one says so, from
 * the service's own function. ret is zeroed. */
int api_access(const struct access_table *table, const struct call_service *s, struct call *call,
	const void *req, struct call_access *ret, struct err *err);

#endif
