/* SPDX-License-Identifier: Apache-2.0 */
/* GET /_towpath/health, for who watches the server: no signature is asked for. */
#ifndef TOWPATH_API_HEALTH_H
#define TOWPATH_API_HEALTH_H

#include "db/db.h"
#include "net/http_server.h"

bool health_matches(const struct http_exchange *x);
/* 200 when the database answers, else 503 with what it says. */
void health_handle(struct db *db, struct http_exchange *x);

#endif
