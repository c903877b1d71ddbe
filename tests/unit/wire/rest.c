/* SPDX-License-Identifier: Apache-2.0 */
/* rest-xml: routes, members in all parts of a request, answers; XML of every shape. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "all_services.h"
#include "wire/rest.h"
#include "wire/xml.h"

static void set_query(struct wire_rest_request *req, const char *query, struct arena *a)
{
	assert_int_equal(form_parse(view_of(query), a, &req->query, NULL), 0);
}

static void routes(void **state)
{
	static const struct wire_header copy[] = {{"X-Amz-Copy-Source", "/a/b"}};
	static const struct {
		const char *method, *path, *query, *operation;
		bool copy;
	} rows[] = {
		{"GET", "/", "", "ListBuckets", false},
		{"GET", "/b", "", "ListObjects", false},
		{"GET", "/b/", "prefix=x", "ListObjects", false},
		{"GET", "/b", "list-type=2&prefix=", "ListObjectsV2", false},
		{"GET", "/b", "location", "GetBucketLocation", false},
		{"GET", "/b", "versions", "ListObjectVersions", false},
		{"GET", "/b", "uploads", "ListMultipartUploads", false},
		{"GET", "/b", "acl", "GetBucketAcl", false},
		{"GET", "/b/k/with/parts", "", "GetObject", false},
		{"GET", "/b/k", "uploadId=u", "ListParts", false},
		{"HEAD", "/b", "", "HeadBucket", false},
		{"HEAD", "/b/k", "", "HeadObject", false},
		{"PUT", "/b", "", "CreateBucket", false},
		{"PUT", "/b", "versioning", "PutBucketVersioning", false},
		{"PUT", "/b/k", "", "PutObject", false},
		{"PUT", "/b/k", "", "CopyObject", true},
		{"PUT", "/b/k", "partNumber=1&uploadId=u", "UploadPart", false},
		{"PUT", "/b/k", "partNumber=1&uploadId=u", "UploadPartCopy", true},
		{"PUT", "/b/k", "tagging", "PutObjectTagging", false},
		{"POST", "/b/k", "uploads", "CreateMultipartUpload", false},
		{"POST", "/b/k", "uploadId=u", "CompleteMultipartUpload", false},
		{"POST", "/b", "delete", "DeleteObjects", false},
		{"DELETE", "/b", "", "DeleteBucket", false},
		{"DELETE", "/b/k", "", "DeleteObject", false},
		{"DELETE", "/b/k", "uploadId=u", "AbortMultipartUpload", false},
		{"POST", "/b", "", NULL, false},
		{"PATCH", "/b", "", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		struct wire_rest_request req = {.method = rows[i].method, .path = rows[i].path};
		const struct wire_operation *op;

		set_query(&req, rows[i].query, &a);
		if (rows[i].copy) {
			req.headers = copy;
			req.n_headers = 1;
		}
		op = wire_rest_route(&s3_service, &req);
		if (!streq(op ? op->name : NULL, rows[i].operation))
			fail_msg("%s %s?%s is %s", rows[i].method, rows[i].path, rows[i].query,
				op ? op->name : "nothing");
	}
}

static void request_members(void **state)
{
	static const struct wire_header headers[] = {{"content-length", "5"},
		{"Content-Type", "text/plain"}, {"X-Amz-Meta-Colour", "red"},
		{"x-amz-meta-size", "L"}, {"Expires", "Tue, 14 Nov 2023 22:13:20 GMT"}};
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct wire_rest_request req = {.method = "PUT",
		.path = "/b/a%20b/%2Bc+d",
		.headers = headers,
		.n_headers = ARRAY_SIZE(headers)};
	struct s3_put_object_request r;

	(void)state;
	assert_int_equal(wire_rest_decode(&s3_service.operations[S3_OP_PUT_OBJECT], &req,
				 WIRE_BODY_XML, &a, &r, &err),
		0);
	assert_string_equal(r.bucket, "b");
	assert_string_equal(r.key, "a b/+c+d");
	assert_string_equal(r.content_type, "text/plain");
	assert_true(r.content_length.v == 5);
	assert_int_equal(r.metadata.n, 2);
	assert_string_equal(r.metadata.v[0].key, "Colour");
	assert_string_equal(r.metadata.v[0].value, "red");
}

static void request_bodies(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct wire_rest_request req = {.method = "POST",
		.path = "/b",
		.body = VIEW("<Delete xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Object><Key>"
			     "a</Key></Object><Object><Key>b</Key><VersionId>v</VersionId>"
			     "</Object><Quiet>true</Quiet></Delete>")};
	const struct wire_operation *op = &s3_service.operations[S3_OP_DELETE_OBJECTS];
	struct s3_delete_objects_request r;

	(void)state;
	set_query(&req, "delete", &a);
	assert_int_equal(wire_rest_decode(op, &req, WIRE_BODY_XML, &a, &r, &err), 0);
	assert_int_equal(r.delete->objects.n, 2);
	assert_string_equal(r.delete->objects.v[1].version_id, "v");
	assert_true(r.delete->quiet.v);
	req.body = VIEW("<Remove/>");
	assert_int_equal(wire_rest_decode(op, &req, WIRE_BODY_XML, &a, &r, &err), -1);
	assert_int_equal(err.kind, ERR_MALFORMED);
	req.body = VIEW("<Delete><Quiet>maybe</Quiet></Delete>");
	assert_int_equal(wire_rest_decode(op, &req, WIRE_BODY_XML, &a, &r, &err), -1);
	assert_string_equal(err_message(&err), "element 'Quiet' must be true or false");
}

static void bad_members(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct wire_rest_request req = {.method = "GET", .path = "/b"};
	struct s3_list_objects_v2_request r;

	(void)state;
	set_query(&req, "list-type=2&max-keys=many", &a);
	assert_int_equal(wire_rest_decode(&s3_service.operations[S3_OP_LIST_OBJECTS_V2], &req,
				 WIRE_BODY_XML, &a, &r, &err),
		-1);
	assert_int_equal(err.kind, ERR_INVALID);
	assert_string_equal(err_message(&err), "'max-keys' must be a whole number of 32 bits");
}

static void answers(void **state)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct wire_rest_response out = {0};
	struct s3_head_object_response head = {.e_tag = "\"x\"",
		.content_length = WIRE_SET_LONG(7),
		.last_modified = WIRE_SET_TIME(INT64_C(1700000000000000))};
	struct s3_list_objects_response list = {.name = "b<"};

	(void)state;
	wire_rest_encode(&s3_service.operations[S3_OP_HEAD_OBJECT], &head, WIRE_BODY_XML, NULL,
		NULL, &a, &out);
	assert_int_equal(out.status, 200);
	assert_null(out.content_type);
	assert_int_equal(out.n_headers, 3);
	assert_string_equal(out.headers[0].name, "Content-Length");
	assert_string_equal(out.headers[2].value, "Tue, 14 Nov 2023 22:13:20 GMT");
	wire_list_alloc(&a, &list.contents, 2);
	list.contents.v[0].key = "k1";
	list.contents.v[1].size = WIRE_SET_LONG(3);
	wire_rest_encode(&s3_service.operations[S3_OP_LIST_OBJECTS], &list, WIRE_BODY_XML,
		"ListBucketResult", "http://s3/", &a, &out);
	assert_string_equal(str_text(&out.body),
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<ListBucketResult xmlns=\"http://s3/\"><Contents><Key>k1</Key></Contents>"
		"<Contents><Size>3</Size></Contents><Name>b&lt;</Name></ListBucketResult>");
	str_release(&out.body);
}

static void check_xml(const struct wire_shape *shape, void *arg)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP_STR struct str xml = STR_INIT, one = STR_INIT, two = STR_INIT;
	const struct xml_node *root;
	void *value, *again = arena_alloc(&a, shape->size);

	if (shape->type != WIRE_STRUCT)
		return;
	for (size_t i = 0; i < shape->n_members; i++)
		if (shape->members[i].xml_attribute)
			return; /* stands on the element, which is not written here */
	value = fill_value(shape, arg, &a);
	xml_open(&xml, "Root");
	wire_encode_xml_members(shape, value, &xml);
	xml_close(&xml, "Root");
	if (xml_parse(str_view(&xml), &a, &root, &err) < 0 ||
		wire_decode_xml(shape, root, &a, again, &err) < 0)
		fail_msg("%s: %s: %s", shape->name, err_message(&err), str_text(&xml));
	wire_encode_json(shape, value, &one);
	wire_encode_json(shape, again, &two);
	if (!view_eq(str_view(&one), str_view(&two)))
		fail_msg("%s:\n%s\n%s\n%s", shape->name, str_text(&xml), str_text(&one),
			str_text(&two));
}

static void every_shape_as_xml(void **state)
{
	static const struct wire_service *const services[] = {&s3_service, &ec2_service,
		&elbv2_service, &iam_service, &sns_service, &sts_service, &autoscaling_service,
		&cloudwatch_service};
	unsigned seed = 1;

	(void)state;
	for (size_t s = 0; s < ARRAY_SIZE(services); s++)
		each_shape(services[s], check_xml, &seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes),
		cmocka_unit_test(request_members),
		cmocka_unit_test(request_bodies),
		cmocka_unit_test(bad_members),
		cmocka_unit_test(answers),
		cmocka_unit_test(every_shape_as_xml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
