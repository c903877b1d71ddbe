/* SPDX-License-Identifier: Apache-2.0 */
/* rest-xml, which is S3: the operation in method, path and query, errors as <Error>. */
#include "api/protocol.h"
#include "base/mem.h"
#include "wire/xml.h"

#define S3_NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"

/* Root elements that the model does not name. */
static const struct {
	const char *operation, *root;
} roots[] = {
	{"CompleteMultipartUpload", "CompleteMultipartUploadResult"},
	{"CreateMultipartUpload", "InitiateMultipartUploadResult"},
	{"DeleteObjects", "DeleteResult"},
	{"GetBucketVersioning", "VersioningConfiguration"},
	{"ListBuckets", "ListAllMyBucketsResult"},
	{"ListMultipartUploads", "ListMultipartUploadsResult"},
	{"ListObjectVersions", "ListVersionsResult"},
	{"ListObjects", "ListBucketResult"},
	{"ListObjectsV2", "ListBucketResult"},
	{"ListParts", "ListPartsResult"},
};

static const char *root_of(const struct wire_operation *op)
{
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++)
		if (streq(roots[i].operation, op->name))
			return roots[i].root;
	return NULL;
}

static int decode(struct api_request *r, struct view body, struct err *err)
{
	struct wire_rest_request req;

	api_rest_request(r, body, &req);
	return wire_rest_decode(r->operation, &req, WIRE_BODY_XML, r->call.arena, r->input, err);
}

static bool document_is_valid(const struct api_request *r)
{
	const struct wire_shape *input = r->operation->input;

	for (size_t i = 0; i < input->n_members; i++) {
		const struct wire_member *m = &input->members[i];
		const void *const *document = (const void *)((const char *)r->input + m->offset);

		if (m->location == WIRE_IN_PAYLOAD && !m->streaming &&
			m->shape->type == WIRE_STRUCT && *document)
			return wire_validate(m->shape, *document, NULL) == 0;
	}
	return true;
}

/* A document that breaks a constraint does not fit the service's schema: it is as malformed as one
 * that cannot be read. Headers and the query are arguments. */
static void refused(const struct api_request *r, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;

	if (document_is_valid(r))
		return;
	err_move(&why, err);
	(void)err_set(err, ERR_MALFORMED,
		"The XML you provided was not well-formed or did not validate against our "
		"published schema: %s",
		err_message(&why));
}

/* The one answer whose root element is text: a bucket's location. */
static bool encode_location(struct api_request *r, struct api_reply *reply)
{
	const struct wire_member *m;
	const char *place;

	if (!streq(r->operation->name, "GetBucketLocation"))
		return false;
	m = &r->operation->output->members[0];
	place = *(const char **)((char *)r->output + m->offset);
	reply->status = 200;
	reply->content_type = "application/xml";
	xml_open_ns(&reply->body, "LocationConstraint", S3_NAMESPACE);
	xml_text(&reply->body, view_of(place));
	xml_close(&reply->body, "LocationConstraint");
	return true;
}

static void encode(struct api_request *r, struct api_reply *reply)
{
	struct wire_rest_response out = {0};

	if (encode_location(r, reply))
		return;
	wire_rest_encode(r->operation, r->output, WIRE_BODY_XML, root_of(r->operation),
		S3_NAMESPACE, r->call.arena, &out);
	api_rest_reply(&out, reply);
}

static void encode_error(struct api_request *r, const struct api_error *e, const struct err *err,
	struct api_reply *reply)
{
	struct str *out = &reply->body;

	reply->status = e->status;
	if (e->status == 304 || streq(http_method(r->x), "HEAD"))
		return;
	reply->content_type = "application/xml";
	str_add(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	xml_open(out, "Error");
	xml_element(out, "Code", e->code);
	xml_element(out, "Message", api_error_text(err, r->call.arena));
	if (api_exception(r, e))
		wire_encode_xml_members(e->shape, api_exception(r, e), out);
	xml_element(out, "Resource", r->path);
	xml_element(out, "RequestId", r->call.request_id);
	xml_element(out, "HostId", r->call.request_id);
	xml_close(out, "Error");
}

const struct api_protocol api_protocol_rest_xml = {
	.name = "rest-xml",
	.family = API_FAMILY_S3,
	.request_id_header = "x-amz-request-id",
	.decode = decode,
	.refused = refused,
	.encode = encode,
	.encode_error = encode_error,
};
