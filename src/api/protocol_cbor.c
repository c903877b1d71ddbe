/* SPDX-License-Identifier: Apache-2.0 */
/* Smithy's RPC v2 in CBOR: POST /service/SERVICE/operation/OPERATION, errors with __type. */
#include "api/protocol.h"
#include "base/mem.h"
#include "codec/cbor.h"
#include "wire/cbor.h"

static int decode(struct api_request *r, struct view body, struct err *err)
{
	if (!body.len)
		body = VIEW("\xa0"); /* the empty map */
	return wire_decode_cbor(r->operation->input, body, r->call.arena, r->input, err);
}

static void begin(struct api_request *r, int status, struct api_reply *reply)
{
	reply->status = status;
	api_add_header(r, reply, "smithy-protocol", "rpc-v2-cbor");
}

static void encode(struct api_request *r, struct api_reply *reply)
{
	begin(r, 200, reply);
	if (!r->operation->has_output)
		return;
	reply->content_type = "application/cbor";
	wire_encode_cbor(r->operation->output, r->output, &reply->body);
}

/* The members that an exception has beside its message, without the map around them. */
static size_t exception_members(
	const struct api_request *r, const struct api_error *e, struct str *out)
{
	CLEANUP_STR struct str map = STR_INIT;
	struct cbor_reader in;
	struct cbor_item head;

	if (!api_exception(r, e))
		return 0;
	wire_encode_cbor(e->shape, api_exception(r, e), &map);
	in = cbor_reader(str_view(&map));
	if (cbor_next(&in, &head, NULL) < 0)
		BUG("an exception is a map");
	str_add_n(out, in.p, (size_t)(in.end - in.p));
	return (size_t)head.n;
}

static void encode_error(struct api_request *r, const struct api_error *e, const struct err *err,
	struct api_reply *reply)
{
	CLEANUP_STR struct str members = STR_INIT;
	size_t n = exception_members(r, e, &members);

	begin(r, e->status, reply);
	reply->content_type = "application/cbor";
	cbor_write_head(&reply->body, CBOR_MAP, 2 + n);
	cbor_write_text(&reply->body, VIEW("__type"));
	cbor_write_text(&reply->body, view_of(e->code));
	cbor_write_text(&reply->body, VIEW("message"));
	cbor_write_text(&reply->body, view_of(api_error_text(err, r->call.arena)));
	str_add_view(&reply->body, str_view(&members));
	api_add_query_error(r, e, reply);
}

const struct api_protocol api_protocol_cbor = {
	.name = "rpc-v2-cbor",
	.family = API_FAMILY_JSON,
	.request_id_header = "x-amzn-RequestId",
	.decode = decode,
	.encode = encode,
	.encode_error = encode_error,
};
