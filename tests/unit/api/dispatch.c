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

#include "api/dispatch.h"
#include "base/mem.h"
#include "cloudwatch.gen.h"
#include "codecommit.gen.h"
#include "codedeploy.gen.h"
#include "ec2.gen.h"
#include "net/http_client.h"
#include "s3.gen.h"

static struct http_server *server;
static struct http_client *client;
static struct api *api;

/* ---- who asks ---- */

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

static char uploaded[64];

static int put_object(void *engine, struct call *call, const struct s3_put_object_request *req,
	struct s3_put_object_response *resp, struct err *err)
{
	size_t n = 0;
	ssize_t got;

	(void)engine;
	while ((got = call->stream->read(
			call->stream, uploaded + n, sizeof(uploaded) - 1 - n, err)) > 0)
		n += (size_t)got;
	if (got < 0)
		return -1;
	uploaded[n] = '\0';
	resp->e_tag = arena_printf(call->arena, "\"%s:%zu\"", req->key, n);
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
	struct http_server_config http = {.address = "127.0.0.1", .threads = 2, .max_streams = 4};
	struct api_config config = {.services = services,
		.n_services = ARRAY_SIZE(services),
		.auth = &auth,
		.account = "000000000000",
		.region = "us-east-1",
		.validate_replies = true};
	CLEANUP_ERR struct err err = ERR_INIT;

	(void)state;
	api = api_new(&config);
	http.routes = api_routes(api);
	http.body_limit = 100000;
	if (http_server_start(&http, &server, &err) < 0)
		fail_msg("%s", err_message(&err));
	client = http_client_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	http_client_free(client);
	http_server_stop(server, 0);
	api_free(api);
	return 0;
}

/* ---- asking ---- */

#define SCOPE(service)                                                              \
	"Authorization: AWS4-HMAC-SHA256 Credential=AK/20240101/us-east-1/" service \
	"/aws4_request, SignedHeaders=host, Signature=0"
#define FORM "Content-Type: application/x-www-form-urlencoded; charset=utf-8"

static void ask(const char *method, const char *target, const char *const *headers,
	const char *body, struct http_answer *ret)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP(freep)
	char *url = xasprintf("http://127.0.0.1:%d%s", http_server_port(server), target);
	struct http_call call = {
		.method = method, .url = url, .headers = headers, .body = view_of(body)};

	if (http_client_call(client, &call, ret, &err) < 0)
		fail_msg("%s %s: %s", method, target, err_message(&err));
}

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
		{"CodeCommit_20150413.ListRepositories", "{}", 200, "{\"nextToken\":\"later\"}"},
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
	expect(&a, 200, "</requestId><nextToken>t</nextToken></DescribeInstancesResponse>");
	ask("GET", "/?Action=DescribeInstances&Version=2016-11-15&Bogus=1", headers, "", &b);
	expect(&b, 200, "<nextToken>t</nextToken>");
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
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
