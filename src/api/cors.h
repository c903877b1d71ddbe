/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of other origins in a browser (a console) that call the API: Fetch Standard, "CORS
 * protocol". Signatures are what admits a request; no cookies are used or allowed. */
#ifndef TOWPATH_API_CORS_H
#define TOWPATH_API_CORS_H

#include "base/vec.h"
#include "net/http_server.h"

struct cors {
	struct strv origins; /* "https://console.example.com"; "*": all; none: no page may call */
};

/* Reads "ORIGIN[,ORIGIN]"; NULL: none. ERR_INVALID names what is no origin. Release also after an
 * error. */
int cors_init(struct cors *c, const char *list, struct err *err);
void cors_release(struct cors *c);
/* For a request from an allowed origin: sets the headers by which the browser shows the answer to
 * the page. True when it was a preflight, which has then been answered; one from an origin that is
 * not allowed is answered without them. */
bool cors_apply(const struct cors *c, struct http_exchange *x);

#endif
