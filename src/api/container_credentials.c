/* SPDX-License-Identifier: Apache-2.0 */
#include "api/container_credentials.h"

#include "base/log.h"
#include "base/mem.h"

#define PATH "/_towpath/credentials/"

bool container_credentials_matches(const struct http_exchange *x)
{
	return starts_with(http_raw_path(x), PATH);
}

void container_credentials_handle(const struct container_credentials *c, struct http_exchange *x)
{
	const char *part = http_raw_path(x) + strlen(PATH);
	const char *ticket = http_header(x, "Authorization");
	struct str json CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	int given = c->give ? c->give(c->arg, part, ticket, &json, &err) : 0;

	http_set_header(x, "Content-Type", "application/json");
	if (given > 0) {
		http_reply(x, 200, str_view(&json));
		explicit_bzero(json.p, json.len);
		return;
	}
	if (given < 0)
		log_err("api", &err, "credentials for %s", part);
	http_reply(x, given < 0 ? 500 : 403,
		VIEW("{\"code\":\"AccessDenied\",\"message\":\"There are no credentials here for "
		     "who "
		     "asks.\"}"));
}
