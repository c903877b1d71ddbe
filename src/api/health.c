/* SPDX-License-Identifier: Apache-2.0 */
#include "api/health.h"

#include "base/log.h"
#include "base/mem.h"

bool health_matches(const struct http_exchange *x)
{
	return streq(http_raw_path(x), "/_towpath/health");
}

void health_handle(struct db *db, struct http_exchange *x)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	http_set_header(x, "Content-Type", "text/plain");
	http_set_header(x, "Cache-Control", "no-store");
	if (db_ping(db, &err) == 0) {
		http_reply(x, 200, VIEW("ok\n"));
		return;
	}
	log_err("api", &err, "the database does not answer");
	http_reply(x, 503, VIEW("the database does not answer\n"));
}
