/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of all protocols over real HTTP to handlers that stand on the real tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "cloudwatch.gen.h"
#include "codecommit.gen.h"
#include "codedeploy.gen.h"
#include "crypto/sigv4.h"
#include "ec2.gen.h"
#include "fake_server.h"
#include "s3.gen.h"

/* ---- who asks ---- */

/* Bodies in signed chunks, as in the published examples of S3. */
static void set_chunks(struct auth_principal *who, const char *key)
{
	static const struct {
		const char *word;
		enum auth_payload payload;
		const char *seed;
	} rows[] = {
		{"signed-chunks", AUTH_PAYLOAD_CHUNKS,
			"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"},
		{"signed-trailer", AUTH_PAYLOAD_CHUNKS_TRAILER,
			"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"},
		{"unsigned-trailer", AUTH_PAYLOAD_UNSIGNED_TRAILER, NULL},
	};
	struct sigv4_key k = sigv4_derive(
		"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1", "s3");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strstr(key, rows[i].word)) {
			who->payload = rows[i].payload;
			who->seed_signature = rows[i].seed;
		}
	memcpy(who->signing_key, k.bytes, sizeof(who->signing_key));
	who->scope = "20130524/us-east-1/s3/aws4_request";
	who->amz_date = "20130524T000000Z";
}

static int fake_authenticate(void *arg, struct http_exchange *x, const char *service,
	struct auth_principal **ret, struct err *err)
{
	const char *key = http_header(x, "Authorization");

	(void)arg;
	(void)service;
	if (!key)
		return err_set_wire(err, "MissingAuthenticationToken", "Missing");
	*ret = arena_new(http_arena(x), struct auth_principal);
	(*ret)->arn = "arn:aws:iam::000000000000:user/u";
	(*ret)->id = "AIDA";
	(*ret)->payload = AUTH_PAYLOAD_UNSIGNED;
	if (strstr(key, "bad-digest")) {
		(*ret)->payload = AUTH_PAYLOAD_HASH;
		(*ret)->payload_hash = "00";
	}
	set_chunks(*ret, key);
	return 0;
}

static int fake_authorize(void *arg, const struct auth_principal *who,
	const struct call_access *access, const struct call *call, struct err *err)
{
	(void)arg;
	(void)who;
	if (streq(access->action, "codecommit:DeleteRepository"))
		return err_set(err, ERR_DENIED, "User: %s may not %s on %s", call->principal_arn,
			access->action, access->resources[0]);
	return 0;
}

/* ---- services ---- */

static int get_repository(void *engine, struct call *call,
	const struct codecommit_get_repository_request *req,
	struct codecommit_get_repository_response *resp, struct err *err)
{
	(void)engine;
	if (streq(req->repository_name, "gone"))
		return err_set_wire(err, "RepositoryDoesNotExistException", "gone does not exist");
	if (streq(req->repository_name, "odd"))
		return err_set_wire(err, "NobodyKnowsException", "odd");
	resp->repository_metadata = arena_new(call->arena, struct codecommit_repository_metadata);
	resp->repository_metadata->repository_name = req->repository_name;
	if (streq(req->repository_name, "wrong"))
		resp->repository_metadata->repository_name = "not a name";
	resp->repository_metadata->arn = call_arn(call, "codecommit", "%s", req->repository_name);
	return 0;
}
CALL_ADAPTER(get_repository)

static int delete_repository(void *engine, struct call *call,
	const struct codecommit_delete_repository_request *req,
	struct codecommit_delete_repository_response *resp, struct err *err)
{
	(void)engine;
	(void)call;
	(void)req;
	(void)resp;
	return err_set(err, ERR_INTERNAL, "was not to be reached");
}
CALL_ADAPTER(delete_repository)

static int codecommit_access(
	void *engine, struct call *call, const void *req, struct call_access *ret, struct err *err)
{
	const char **arn = arena_new(call->arena, const char *);

	(void)engine;
	(void)req;
	(void)err;
	*arn = "arn:aws:codecommit:us-east-1:000000000000:r";
	ret->resources = arn;
	ret->n_resources = 1;
	return 0;
}

static void *answer_later(void *arg)
{
	struct call *call = arg;
	struct codecommit_list_repositories_response resp = {0};

	usleep(20000);
	resp.next_token = "later";
	call->finish(call, &resp, NULL);
	return NULL;
}

static int list_repositories(void *engine, struct call *call,
	const struct codecommit_list_repositories_request *req,
	struct codecommit_list_repositories_response *resp, struct err *err)
{
	pthread_t thread;

	(void)engine;
	(void)req;
	(void)resp;
	(void)err;
	call->defer(call, NULL, NULL);
	assert_int_equal(pthread_create(&thread, NULL, answer_later, call), 0);
	pthread_detach(thread);
	return CALL_LATER;
}
CALL_ADAPTER(list_repositories)

static int put_metric_data(void *engine, struct call *call,
	const struct cloudwatch_put_metric_data_request *req,
	struct cloudwatch_put_metric_data_response *resp, struct err *err)
{
	(void)engine;
	(void)call;
	(void)resp;
	if (req->metric_data.n != 2)
		return err_set_wire(
			err, "InvalidParameterValueException", "n is %zu", req->metric_data.n);
	return 0;
}
CALL_ADAPTER(put_metric_data)

static int list_metrics(void *engine, struct call *call,
	const struct cloudwatch_list_metrics_request *req,
	struct cloudwatch_list_metrics_response *resp, struct err *err)
{
	(void)engine;
	(void)req;
	(void)err;
	wire_list_alloc(call->arena, &resp->metrics, 1);
	resp->metrics.v[0].namespace = "a<b";
	return 0;
}
CALL_ADAPTER(list_metrics)

static int describe_instances(void *engine, struct call *call,
	const struct ec2_describe_instances_request *req,
	struct ec2_describe_instances_response *resp, struct err *err)
{
	(void)engine;
	(void)call;
	if (req->instance_ids.n)
		return err_set_wire(err, "InvalidInstanceID.NotFound", "none");
	resp->next_token = "t";
	return 0;
}
CALL_ADAPTER(describe_instances)

static char uploaded[64]; /* how the last upload began */

static int put_object(void *engine, struct call *call, const struct s3_put_object_request *req,
	struct s3_put_object_response *resp, struct err *err)
{
	char buf[1000];
	size_t n = 0;
	ssize_t got;

	(void)engine;
	memset(uploaded, 0, sizeof(uploaded));
	while ((got = call->stream->read(call->stream, buf, sizeof(buf), err)) > 0) {
		if (n == 0)
			memcpy(uploaded, buf, MIN((size_t)got, sizeof(uploaded) - 1));
		n += (size_t)got;
	}
	if (got < 0)
		return -1;
	resp->e_tag = arena_printf(call->arena, "\"%s:%zu\"", req->key, n);
	resp->checksum_crc32_c = call->stream->trailer(call->stream, "x-amz-checksum-crc32c");
	return 0;
}
CALL_ADAPTER(put_object)

static int get_object(void *engine, struct call *call, const struct s3_get_object_request *req,
	struct s3_get_object_response *resp, struct err *err)
{
	(void)engine;
	if (streq(req->key, "gone"))
		return err_set_wire(err, "NoSuchKey", "The specified key does not exist.");
	resp->content_length = WIRE_SET_LONG(4);
	resp->e_tag = "\"e\"";
	call->stream->fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	call->stream->offset = 0;
	call->stream->size = 4;
	call->status = 206;
	return 0;
}
CALL_ADAPTER(get_object)

static int head_object(void *engine, struct call *call, const struct s3_head_object_request *req,
	struct s3_head_object_response *resp, struct err *err)
{
	(void)engine;
	(void)call;
	(void)err;
	resp->content_length = WIRE_SET_LONG(12345);
	resp->e_tag = req->bucket;
	return 0;
}
CALL_ADAPTER(head_object)

static const call_handler codecommit_handlers[CODECOMMIT_OP_COUNT] = {
	[CODECOMMIT_OP_GET_REPOSITORY] = get_repository_call,
	[CODECOMMIT_OP_DELETE_REPOSITORY] = delete_repository_call,
	[CODECOMMIT_OP_LIST_REPOSITORIES] = list_repositories_call,
};
static const call_handler cloudwatch_handlers[CLOUDWATCH_OP_COUNT] = {
	[CLOUDWATCH_OP_PUT_METRIC_DATA] = put_metric_data_call,
	[CLOUDWATCH_OP_LIST_METRICS] = list_metrics_call,
};
static const call_handler ec2_handlers[EC2_OP_COUNT] = {
	[EC2_OP_DESCRIBE_INSTANCES] = describe_instances_call,
};
static const call_handler s3_handlers[S3_OP_COUNT] = {
	[S3_OP_PUT_OBJECT] = put_object_call,
	[S3_OP_GET_OBJECT] = get_object_call,
	[S3_OP_HEAD_OBJECT] = head_object_call,
};
static const struct call_service codecommit = {
	.wire = &codecommit_service, .handlers = codecommit_handlers, .access = codecommit_access};
static const struct call_service cloudwatch = {.wire = &cloudwatch_service,
	.handlers = cloudwatch_handlers,
	.action_prefix = "cloudwatch"};
static const struct call_service ec2 = {.wire = &ec2_service, .handlers = ec2_handlers};
static const struct call_service s3 = {.wire = &s3_service, .handlers = s3_handlers};
static const struct call_service *const services[] = {&codecommit, &cloudwatch, &ec2, &s3};

static int set_up(void **state)
{
	static const struct auth auth = {
		.authenticate = fake_authenticate, .authorize = fake_authorize};

	(void)state;
	return start_server(services, ARRAY_SIZE(services), &auth);
}

/* ---- asking ---- */

#define FORM "Content-Type: application/x-www-form-urlencoded; charset=utf-8"

static void expect(const struct http_answer *a, int status, const char *part)
{
	if (a->status != status || (part && !strstr(str_text(&a->body), part)))
		fail_msg("%d %s, wanted %d %s", a->status, str_text(&a->body), status, part);
}

struct json_row {
	const char *target, *body;
	int status;
	const char *part;
};

static void ask_json(const struct json_row *row)
{
	CLEANUP_HTTP_ANSWER struct http_answer a = HTTP_ANSWER_INIT;
	CLEANUP(freep) char *target = xasprintf("X-Amz-Target: %s", row->target);
	const char *headers[] = {
		target, SCOPE("codecommit"), "Content-Type: application/x-amz-json-1.1", NULL};

	ask("POST", "/", headers, row->body, &a);
	expect(&a, row->status, row->part);
	assert_string_equal(http_answer_header(&a, "content-type"), "application/x-amz-json-1.1");
	assert_int_equal(strlen(http_answer_header(&a, "x-amzn-requestid")), 36);
}

static void json(void **state)
{
	static const struct json_row rows[] = {
		{"CodeCommit_20150413.GetRepository", "{\"repositoryName\":\"r\"}", 200,
			"{\"repositoryMetadata\":{\"Arn\":\"arn:aws:codecommit:us-east-1:"
			"000000000000:r\",\"repositoryName\":\"r\"}}"},
		{"CodeCommit_20150413.GetRepository", "{\"repositoryName\":\"gone\"}", 400,
			"{\"__type\":\"RepositoryDoesNotExistException\",\"message\":\"gone does "
			"not exist\"}"},
		{"CodeCommit_20150413.GetRepository", "{\"repositoryName\":7}", 400,
			"{\"__type\":\"SerializationException\""},
		{"CodeCommit_20150413.GetRepository", "{", 400, "SerializationException"},
		{"CodeCommit_20150413.GetRepository", "", 400, "RepositoryNameRequiredException"},
		{"CodeCommit_20150413.GetRepository", "{\"repositoryName\":\"a b\"}", 400,
			"InvalidRepositoryNameException"},
		{"CodeCommit_20150413.MergeBranchesBySquash", "{}", 501,
			"{\"__type\":\"NotImplementedException\",\"message\":\"codecommit:"
			"MergeBranchesBySquash is an operation"},
		{"CodeCommit_20150413.CreateRepository", "{}", 501, "NotImplementedException"},
		{"CodeCommit_20150413.Nothing", "{}", 400,
			"{\"__type\":\"UnknownOperationException\",\"message\":\"Operation "
			"Nothing"},
		{"Nobody_20150413.GetRepository", "{}", 400, "UnknownOperationException"},
		{"CodeCommit_20150413.DeleteRepository", "{\"repositoryName\":\"r\"}", 400,
			"{\"__type\":\"AccessDeniedException\",\"message\":\"User: arn:aws:iam::"
			"000000000000:user/u may not codecommit:DeleteRepository"},
		{"CodeCommit_20150413.ListRepositories", "{}", 200, "{\"nextToken\":\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ask_json(&rows[i]);
}

/* Faults of handlers show in tests: answers and errors that are not the model's. */
static void model_breaches(void **state)
{
	static const struct json_row rows[] = {
		{"CodeCommit_20150413.GetRepository", "{\"repositoryName\":\"wrong\"}", 500,
			"breaks its model: 1 validation error detected: Value 'not a name' at "
			"'repositoryMetadata.repositoryName'"},
		{"CodeCommit_20150413.GetRepository", "{\"repositoryName\":\"odd\"}", 500,
			"answered NobodyKnowsException, which is not in its model"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		ask_json(&rows[i]);
}

static void without_credentials(void **state)
{
	static const struct {
		const char *method, *target, *header, *body;
		int status;
		const char *part;
	} rows[] = {
		{"POST", "/", "X-Amz-Target: CodeCommit_20150413.GetRepository", "{}", 400,
			"MissingAuthenticationTokenException"},
		{"POST", "/", FORM, "Action=ListMetrics&Version=2010-08-01", 403,
			"<Code>MissingAuthenticationToken</Code>"},
		{"GET", "/b/k", "A: b", "", 403, "<Code>AccessDenied</Code>"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_HTTP_ANSWER struct http_answer a = HTTP_ANSWER_INIT;
		const char *headers[] = {rows[i].header, NULL};

		ask(rows[i].method, rows[i].target, headers, rows[i].body, &a);
		expect(&a, rows[i].status, rows[i].part);
	}
}

static void body_digest(void **state)
{
	CLEANUP_HTTP_ANSWER struct http_answer a = HTTP_ANSWER_INIT;
	const char *headers[] = {"X-Amz-Target: CodeCommit_20150413.GetRepository",
		"Authorization: bad-digest", NULL};

	(void)state;
	ask("POST", "/", headers, "{}", &a);
	expect(&a, 400, "InvalidSignatureException");
}

static void query(void **state)
{
	static const struct {
		const char *body;
		int status;
		const char *part;
	} rows[] = {
		{"Action=ListMetrics&Version=2010-08-01", 200,
			"<ListMetricsResponse xmlns=\"http://monitoring.amazonaws.com/doc/"
			"2010-08-01/\"><ListMetricsResult><Metrics><member><Namespace>a&lt;b"
			"</Namespace></member></Metrics></ListMetricsResult><ResponseMetadata>"
			"<RequestId>"},
		{"Action=PutMetricData&Namespace=n&MetricData.member.1.MetricName=a"
		 "&MetricData.member.2.MetricName=b",
			200, "<PutMetricDataResponse xmlns"},
		{"Action=PutMetricData&Namespace=n&MetricData.member.1.MetricName=a", 400,
			"<Type>Sender</Type><Code>InvalidParameterValue</Code>"
			"<Message>n is 1</Message>"},
		{"Action=PutMetricData&Namespace=:n", 400, "<Code>ValidationError</Code>"},
		{"Action=PutMetricData&MetricData=x", 400, "<Code>MalformedQueryString</Code>"},
		{"Action=PutDashboard", 501, "<Code>NotImplemented</Code>"},
		{"Action=Nothing", 400, "<Code>InvalidAction</Code>"},
		{"Version=2010-08-01", 400, "Action is missing"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_HTTP_ANSWER struct http_answer a = HTTP_ANSWER_INIT;
		const char *headers[] = {FORM, SCOPE("monitoring"), NULL};

		ask("POST", "/", headers, rows[i].body, &a);
		expect(&a, rows[i].status, rows[i].part);
	}
}

/* One service by both protocols. */
static void cloudwatch_as_json(void **state)
{
	CLEANUP_HTTP_ANSWER struct http_answer a = HTTP_ANSWER_INIT, b = HTTP_ANSWER_INIT;
	const char *headers[] = {"X-Amz-Target: GraniteServiceVersion20100801.ListMetrics",
		"Content-Type: application/x-amz-json-1.0", SCOPE("monitoring"), NULL};
	const char *failing[] = {"X-Amz-Target: GraniteServiceVersion20100801.PutMetricData",
		"Content-Type: application/x-amz-json-1.0", "x-amzn-query-mode: true",
		SCOPE("monitoring"), NULL};

	(void)state;
	ask("POST", "/", headers, "{}", &a);
	expect(&a, 200, "{\"Metrics\":[{\"Namespace\":\"a<b\"}]}");
	assert_string_equal(http_answer_header(&a, "content-type"), "application/x-amz-json-1.0");
	ask("POST", "/", failing, "{\"Namespace\":\"n\",\"MetricData\":[]}", &b);
	expect(&b, 400, "{\"__type\":\"InvalidParameterValueException\"");
	assert_string_equal(
		http_answer_header(&b, "x-amzn-query-error"), "InvalidParameterValue;Sender");
}

static void ec2_variant(void **state)
{
	CLEANUP_HTTP_ANSWER struct http_answer a = HTTP_ANSWER_INIT, b = HTTP_ANSWER_INIT;
	const char *headers[] = {FORM, SCOPE("ec2"), NULL};

	(void)state;
	ask("POST", "/", headers, "Action=DescribeInstances&Version=2016-11-15", &a);
	expect(&a, 200, "</requestId><nextToken>");
	ask("GET", "/?Action=DescribeInstances&Version=2016-11-15&Bogus=1", headers, "", &b);
	expect(&b, 200, "<nextToken>");
}

static void rest_xml(void **state)
{
	CLEANUP_HTTP_ANSWER struct http_answer put = HTTP_ANSWER_INIT, get = HTTP_ANSWER_INIT,
					       gone = HTTP_ANSWER_INIT, head = HTTP_ANSWER_INIT,
					       host = HTTP_ANSWER_INIT, acl = HTTP_ANSWER_INIT;
	const char *headers[] = {SCOPE("s3"), NULL};
	const char *virtual_host[] = {SCOPE("s3"), "Host: shop.s3.localhost:80", NULL};

	(void)state;
	ask("PUT", "/b/a%20b/c", headers, "hello", &put);
	expect(&put, 200, NULL);
	assert_string_equal(http_answer_header(&put, "etag"), "\"a b/c:5\"");
	assert_string_equal(uploaded, "hello");
	ask("GET", "/b/k", headers, "", &get);
	assert_int_equal(get.status, 206);
	assert_memory_equal(get.body.p, "\177ELF", 4);
	assert_non_null(http_answer_header(&get, "x-amz-id-2"));
	ask("GET", "/b/gone", headers, "", &gone);
	expect(&gone, 404,
		"<Error><Code>NoSuchKey</Code><Message>The specified key does not "
		"exist.</Message><Resource>/b/gone</Resource><RequestId>");
	ask("HEAD", "/b/k", headers, "", &head);
	assert_int_equal(head.status, 200);
	assert_string_equal(http_answer_header(&head, "content-length"), "12345");
	assert_string_equal(http_answer_header(&head, "etag"), "b");
	ask("HEAD", "/k", virtual_host, "", &host);
	assert_string_equal(http_answer_header(&host, "etag"), "shop");
	ask("GET", "/b?acl", headers, "", &acl);
	expect(&acl, 501, "<Code>NotImplemented</Code>");
}

#define CHUNK(head, n, signature) head ";chunk-signature=" signature "\r\n", n
#define A1 "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
#define A2 "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
#define A3 "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
#define T1 "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2"
#define T2 "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7"
#define T3 "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992"
#define CRC "x-amz-checksum-crc32c:sOO8/Q==\n"
#define TRAILER                                                                                    \
	CRC "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2" \
	    "e435\r\n\r\n"

struct chunk {
	const char *head;
	size_t n; /* letters 'a' that follow */
};

/* Uploads chunks of letters and says status and body. */
static void upload(const char *word, const char *length, const struct chunk *chunks,
	const char *end, struct http_answer *ret)
{
	CLEANUP_STR struct str body = STR_INIT;
	CLEANUP(freep) char *auth = xasprintf("%s, %s", SCOPE("s3"), word);
	CLEANUP(freep) char *decoded = xasprintf("X-Amz-Decoded-Content-Length: %s", length);
	const char *headers[] = {auth, decoded, NULL};

	for (const struct chunk *c = chunks; c->head; c++) {
		str_add(&body, c->head);
		for (size_t i = 0; i < c->n; i++)
			str_add_c(&body, 'a');
		if (c->n)
			str_add(&body, "\r\n");
	}
	str_add(&body, end);
	ask("PUT", "/b/k", headers, str_text(&body), ret);
}

static void signed_chunks(void **state)
{
	static const struct chunk good[] = {{CHUNK("10000", 65536, A1)}, {CHUNK("400", 1024, A2)},
		{CHUNK("0", 0, A3)}, {NULL, 0}};
	static const struct chunk other[] = {{CHUNK("10000", 65536, A1)}, {CHUNK("3ff", 1023, A2)},
		{CHUNK("0", 0, A3)}, {NULL, 0}};
	static const struct chunk swapped[] = {{CHUNK("400", 1024, A2)}, {NULL, 0}};
	static const struct chunk unsigned_chunk[] = {{"400\r\n", 1024}, {"0\r\n", 0}, {NULL, 0}};
	static const struct {
		const char *length;
		const struct chunk *chunks;
		const char *end;
		int status;
		const char *part;
	} rows[] = {
		{"66560", good, "\r\n", 200, NULL},
		{"66560", good, "", 200, NULL},
		{"66559", good, "\r\n", 400, "<Code>IncompleteBody</Code>"},
		{"66561", good, "\r\n", 400, "<Code>IncompleteBody</Code>"},
		{"x", good, "\r\n", 411, "<Code>MissingContentLength</Code>"},
		{"66559", other, "\r\n", 403, "<Code>SignatureDoesNotMatch</Code>"},
		{"1024", swapped, "\r\n", 403, "<Code>SignatureDoesNotMatch</Code>"},
		{"1024", unsigned_chunk, "\r\n", 403, "<Code>SignatureDoesNotMatch</Code>"},
		{"1024", &good[3], "zz\r\n", 400, "<Code>IncompleteBody</Code>"},
		{"1024", &good[3], "ffffffffffffffff\r\n", 400, "<Code>IncompleteBody</Code>"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_HTTP_ANSWER struct http_answer a = HTTP_ANSWER_INIT;

		upload("signed-chunks", rows[i].length, rows[i].chunks, rows[i].end, &a);
		expect(&a, rows[i].status, rows[i].part);
		if (a.status == 200)
			assert_string_equal(http_answer_header(&a, "etag"), "\"k:66560\"");
	}
}

static void trailers(void **state)
{
	static const struct chunk chunks[] = {{CHUNK("10000", 65536, T1)}, {CHUNK("400", 1024, T2)},
		{CHUNK("0", 0, T3)}, {NULL, 0}};
	static const struct chunk plain[] = {{"5\r\n", 5}, {"0\r\n", 0}, {NULL, 0}};
	CLEANUP_HTTP_ANSWER struct http_answer good = HTTP_ANSWER_INIT, bad = HTTP_ANSWER_INIT,
					       none = HTTP_ANSWER_INIT, open = HTTP_ANSWER_INIT;

	(void)state;
	upload("signed-trailer", "66560", chunks, TRAILER, &good);
	expect(&good, 200, NULL);
	assert_string_equal(http_answer_header(&good, "x-amz-checksum-crc32c"), "sOO8/Q==");
	upload("signed-trailer", "66560", chunks, "x-amz-checksum-crc32c:AAAAAA==\n\r\n", &bad);
	expect(&bad, 403, "SignatureDoesNotMatch");
	upload("signed-trailer", "66560", chunks, "\r\n", &none);
	expect(&none, 403, "SignatureDoesNotMatch");
	upload("unsigned-trailer", "5", plain, CRC "\r\n", &open);
	expect(&open, 200, NULL);
	assert_string_equal(http_answer_header(&open, "x-amz-checksum-crc32c"), "sOO8/Q==");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json),
		cmocka_unit_test(model_breaches),
		cmocka_unit_test(without_credentials),
		cmocka_unit_test(body_digest),
		cmocka_unit_test(query),
		cmocka_unit_test(cloudwatch_as_json),
		cmocka_unit_test(ec2_variant),
		cmocka_unit_test(rest_xml),
		cmocka_unit_test(signed_chunks),
		cmocka_unit_test(trailers),
	};

	return cmocka_run_group_tests(tests, set_up, stop_server);
}
