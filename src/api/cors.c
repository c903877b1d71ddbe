/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cors.h"

#include <string.h>

#include "base/mem.h"

#define METHODS "GET, HEAD, POST, PUT, DELETE, PATCH"
/* What SDKs read of answers, beside what every page may read. */
#define EXPOSED                                                                                  \
	"x-amzn-RequestId, x-amz-request-id, x-amz-id-2, x-amzn-ErrorType, x-amzn-query-error, " \
	"ETag, Date, Content-Length, Content-Range, Last-Modified, x-amz-version-id, "           \
	"x-amz-delete-marker, x-amz-checksum-crc32, x-amz-checksum-sha256"
#define MAX_AGE "600"

static bool is_origin(struct view v)
{
	char text[300];
	const char *host;

	if (view_eq_str(v, "*"))
		return true;
	if (v.len >= sizeof(text))
		return false;
	memcpy(text, v.p, v.len);
	text[v.len] = '\0';
	host = strstr(text, "://");
	return (starts_with(text, "http://") || starts_with(text, "https://")) && host[3] &&
	       !strpbrk(host + 3, "/?#@ ");
}

int cors_init(struct cors *c, const char *list, struct err *err)
{
	struct view rest = view_of(list ? list : "");

	*c = (struct cors){0};
	while (rest.p) {
		struct view origin = view_trim(view_cut(&rest, ','));

		if (!origin.len)
			continue;
		if (!is_origin(origin)) {
			err_set(err, ERR_INVALID, "'" VIEW_FMT "' is no origin of pages",
				VIEW_ARG(origin));
			return err_hint(err, "an origin is scheme, host and port, as "
					     "https://console.example.com, "
					     "or * for all");
		}
		strv_addf(&c->origins, VIEW_FMT, VIEW_ARG(origin));
	}
	return 0;
}

void cors_release(struct cors *c)
{
	strv_release(&c->origins);
}

static bool is_allowed(const struct cors *c, const char *origin)
{
	for (size_t i = 0; i < c->origins.n; i++)
		if (streq(c->origins.v[i], "*") || streq(c->origins.v[i], origin))
			return true;
	return false;
}

static void answer_preflight(struct http_exchange *x, bool allowed)
{
	const char *headers = http_header(x, "Access-Control-Request-Headers");

	if (allowed) {
		http_set_header(x, "Access-Control-Allow-Methods", METHODS);
		if (headers) /* what is signed differs from SDK to SDK */
			http_set_header(x, "Access-Control-Allow-Headers", headers);
		http_set_header(x, "Access-Control-Max-Age", MAX_AGE);
	}
	http_reply(x, 204, (struct view){0});
}

bool cors_apply(const struct cors *c, struct http_exchange *x)
{
	const char *origin;
	bool preflight, allowed;

	if (!c->origins.n)
		return false;
	http_set_header(x, "Vary", "Origin");
	origin = http_header(x, "Origin");
	if (!origin)
		return false;
	allowed = is_allowed(c, origin);
	if (allowed)
		http_set_header(x, "Access-Control-Allow-Origin", origin);
	preflight =
		streq(http_method(x), "OPTIONS") && http_header(x, "Access-Control-Request-Method");
	if (preflight)
		answer_preflight(x, allowed);
	else if (allowed)
		http_set_header(x, "Access-Control-Expose-Headers", EXPOSED);
	return preflight;
}
