/* SPDX-License-Identifier: Apache-2.0 */
/* Smithy's RPC v2 in CBOR: POST /service/SERVICE/operation/OPERATION, errors with __type. */
#include "api/protocol.h"
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

static void encode_error(struct api_request *r, const struct api_error *e, const struct err *err,
	struct api_reply *reply)
{
	begin(r, e->status, reply);
	reply->content_type = "application/cbor";
	cbor_write_head(&reply->body, CBOR_MAP, 2);
	cbor_write_text(&reply->body, VIEW("__type"));
	cbor_write_text(&reply->body, view_of(e->code));
	cbor_write_text(&reply->body, VIEW("message"));
	cbor_write_text(&reply->body, view_of(api_error_text(err, r->call.arena)));
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
