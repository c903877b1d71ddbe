/* SPDX-License-Identifier: Apache-2.0 */
#include "api/encoding.h"

#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"
#include "codec/gzip.h"

/* Below this, packing costs more time than the network takes for the difference. */
#define WORTH_PACKING ((size_t)16 * KIB)

int api_body_unpack(struct http_exchange *x, struct view *ret, struct err *err)
{
	const char *coding = http_header(x, "Content-Encoding");
	struct str plain CLEANUP_STR = STR_INIT;

	*ret = http_body(x);
	if (!coding || strcasecmp(coding, "gzip") != 0 || !ret->len)
		return 0;
	if (gzip_unpack(*ret, LIMIT_API_BODY, &plain, err) < 0) {
		if (err_is(err, ERR_TOO_LARGE))
			return err_set_wire(err, "RequestEntityTooLarge",
				"The request unpacks to more than %lld bytes.",
				(long long)LIMIT_API_BODY);
		return err_set_wire(err, "SerializationException",
			"The body says Content-Encoding: gzip and is not gzip.");
	}
	ret->p = arena_view_dup(http_arena(x), str_view(&plain));
	ret->len = plain.len;
	return 0;
}

/* Whether a list such as "br, gzip;q=0.8, *;q=0" takes gzip. */
static bool takes_gzip(const char *list)
{
	struct view rest = view_of(list);

	while (rest.p) {
		struct view item = view_cut(&rest, ',');
		struct view name = view_trim(view_cut(&item, ';'));

		if (name.len != 4 || strncasecmp(name.p, "gzip", 4) != 0)
			continue;
		item = view_trim(item);
		return !item.len || !view_starts_with(item, "q=") || strtod(item.p + 2, NULL) > 0;
	}
	return false;
}

void api_reply_pack(struct http_exchange *x, struct api_reply *reply)
{
	const char *accepted;
	struct str packed = STR_INIT;

	if (reply->body.len < WORTH_PACKING)
		return;
	http_set_header(x, "Vary", "Accept-Encoding");
	accepted = http_header(x, "Accept-Encoding");
	if (!accepted || !takes_gzip(accepted))
		return;
	gzip_pack(str_view(&reply->body), &packed);
	str_release(&reply->body);
	reply->body = packed;
	http_set_header(x, "Content-Encoding", "gzip");
}
