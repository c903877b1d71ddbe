/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens by which clients ask for the next page. What a handler calls its token (the key of the
 * last thing shown) leaves the server sealed under a key that is not in the database, and bound to
 * the operation, the account and the filters of the request: it tells nothing, cannot be made up,
 * and is of no use with another request. It is good for a day.
 *
 * Which members are tokens stands in the operation's row (wire_operation.page_in and page_out). */
#ifndef TOWPATH_API_PAGE_TOKEN_H
#define TOWPATH_API_PAGE_TOKEN_H

#include "api/protocol.h"
#include "crypto/seal.h"

/* Both for paged operations only (page_in is not 0); now is true time.
 * Replaces the token of r->input by what it holds. An error of the operation's own for a token that
 * this operation did not give for this request, or that has expired. */
int api_page_open(
	const struct seal_key *key, int64_t now_usec, struct api_request *r, struct err *err);
/* Seals the tokens of r->output. One that holds what the request's token held goes out as it came
 * in: by that readers of logs know that they stand at the end. */
void api_page_seal(const struct seal_key *key, int64_t now_usec, struct api_request *r);

#endif
