/* SPDX-License-Identifier: Apache-2.0 */
/* rest-json over real HTTP, on a model of its own (zoo.json) that has members in every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fake_server.h"
#include "zoo.gen.h"

static int fake_authenticate(void *arg, struct http_exchange *x, const char *service,
	struct auth_principal **ret, struct err *err)
{
	(void)arg;
	(void)service;
	if (!http_header(x, "Authorization"))
		return err_set_wire(err, "MissingAuthenticationToken", "Missing");
	*ret = arena_new(http_arena(x), struct auth_principal);
	(*ret)->arn = "arn:aws:iam::000000000000:user/u";
	(*ret)->id = "AIDA";
	(*ret)->payload = AUTH_PAYLOAD_UNSIGNED;
	return 0;
}

static int fake_authorize(void *arg, const struct auth_principal *who,
	const struct call_access *access, const struct call *call, struct err *err)
{
	(void)arg;
	(void)who;
	(void)call;
	if (streq(access->action, "zoo:CloseZoo"))
		return err_set(err, ERR_DENIED, "not you");
	return 0;
}

/* Answers with what it got. */
static int put_animal(void *engine, struct call *call, const struct zoo_put_animal_request *req,
	struct zoo_put_animal_response *resp, struct err *err)
{
	struct zoo_animal_exists_exception *exists;

	(void)engine;
	if (streq(req->name, "there")) {
		exists = arena_new(call->arena, struct zoo_animal_exists_exception);
		exists->since = WIRE_SET_INT(1999);
		call->exception =
			(struct call_exception){&zoo_animal_exists_exception_shape, exists};
		return err_set_wire(err, "AnimalExistsException", "%s is there", req->name);
	}
	resp->keeper = req->keeper;
	resp->since = req->since;
	resp->notes.v = (void *)req->notes.v;
	resp->notes.n = req->notes.n;
	resp->notes.set = req->notes.set;
	resp->path = arena_printf(call->arena, "%s:%s", req->zoo, req->path);
	resp->tags = req->tags;
	resp->ages = req->ages;
	resp->name = req->name;
	resp->weight = req->weight;
	resp->born = req->born;
	resp->photo = req->photo;
	if (req->loud.set && req->loud.v)
		resp->status = WIRE_SET_INT(202);
	return 0;
}
CALL_ADAPTER(put_animal)

static int list_animals(void *engine, struct call *call, const struct zoo_list_animals_request *req,
	struct zoo_list_animals_response *resp, struct err *err)
{
	(void)engine;
	(void)call;
	(void)resp;
	if (streq(req->zoo, "busy"))
		return err_set(err, ERR_BUSY, "Rate exceeded");
	return 0;
}
CALL_ADAPTER(list_animals)

static int put_picture(void *engine, struct call *call, const struct zoo_put_picture_request *req,
	struct zoo_put_picture_response *resp, struct err *err)
{
	(void)engine;
	(void)call;
	(void)err;
	resp->picture = req->picture;
	return 0;
}
CALL_ADAPTER(put_picture)

static int rename_zoo(void *engine, struct call *call, const struct zoo_rename_request *req,
	struct zoo_rename_response *resp, struct err *err)
{
	(void)engine;
	(void)err;
	resp->names = arena_new(call->arena, struct zoo_names);
	resp->names->to = req->names ? req->names->from : "nobody";
	return 0;
}
CALL_ADAPTER(rename_zoo)

static int close_zoo(void *engine, struct call *call, const struct zoo_close_zoo_request *req,
	struct zoo_close_zoo_response *resp, struct err *err)
{
	(void)engine;
	(void)call;
	(void)req;
	(void)resp;
	return err_set(err, ERR_INTERNAL, "was not to be reached");
}
CALL_ADAPTER(close_zoo)

static const call_handler handlers[ZOO_OP_COUNT] = {
	[ZOO_OP_CLOSE_ZOO] = close_zoo_call,
	[ZOO_OP_LIST_ANIMALS] = list_animals_call,
	[ZOO_OP_PUT_ANIMAL] = put_animal_call,
	[ZOO_OP_PUT_PICTURE] = put_picture_call,
	[ZOO_OP_RENAME] = rename_zoo_call,
};
static const struct call_service zoo = {.wire = &zoo_service, .handlers = handlers};
static const struct call_service *const services[] = {&zoo};

static int set_up(void **state)
{
	static const struct auth auth = {
		.authenticate = fake_authenticate, .authorize = fake_authorize};

	(void)state;
	return start_server(services, ARRAY_SIZE(services), &auth);
}

#define JSON "Content-Type: application/json"

static void members_in_all_places(void **state)
{
	CLEANUP_HTTP_ANSWER struct http_answer a = HTTP_ANSWER_INIT;
	const char *headers[] = {SCOPE("zoo"), JSON, "X-Zoo-Keeper: Ann", "x-zoo-ages: 1, 22",
		"x-zoo-note-colour: red", "x-zoo-note-size: L", NULL};

	(void)state;
	ask("PUT",
		"/zoos/city%20zoo/animals/big/a%2Fb?tag=x&tag=y%20z&loud=true&since="
		"2023-11-14T22%3A13%3A20Z",
		headers,
		"{\"name\":\"Leo\",\"weight\":1.5,\"born\":1700000000.25,\"photo\":\"AQI=\","
		"\"zoo\":\"not from here\",\"more\":[]}",
		&a);
	assert_int_equal(a.status, 202);
	assert_string_equal(str_text(&a.body),
		"{\"ages\":[1,22],\"born\":1700000000.250,\"name\":\"Leo\",\"path\":\"city zoo:big/"
		"a/b\",\"photo\":\"AQI=\",\"tags\":[\"x\",\"y z\"],\"weight\":1.5}");
	assert_string_equal(http_answer_header(&a, "content-type"), "application/json");
	assert_string_equal(http_answer_header(&a, "x-zoo-keeper"), "Ann");
	assert_string_equal(http_answer_header(&a, "x-zoo-since"), "Tue, 14 Nov 2023 22:13:20 GMT");
	assert_string_equal(http_answer_header(&a, "x-zoo-note-colour"), "red");
	assert_string_equal(http_answer_header(&a, "x-zoo-note-size"), "L");
}

static void payloads(void **state)
{
	CLEANUP_HTTP_ANSWER struct http_answer blob = HTTP_ANSWER_INIT,
					       structure = HTTP_ANSWER_INIT,
					       none = HTTP_ANSWER_INIT;
	const char *headers[] = {SCOPE("zoo"), JSON, NULL}, *bytes[] = {SCOPE("zoo"), NULL};

	(void)state;
	ask("PUT", "/zoos/z/picture", bytes, "\x01 not json", &blob);
	assert_int_equal(blob.status, 200);
	assert_string_equal(str_text(&blob.body), "\x01 not json");
	assert_string_equal(http_answer_header(&blob, "content-type"), "application/octet-stream");
	ask("POST", "/zoos/z/rename", headers, "{\"from\":\"old\",\"to\":\"x\"}", &structure);
	assert_string_equal(str_text(&structure.body), "{\"to\":\"old\"}");
	ask("POST", "/zoos/z/rename", headers, "", &none);
	assert_string_equal(str_text(&none.body), "{\"to\":\"nobody\"}");
}

static void refusals(void **state)
{
	static const struct {
		const char *method, *target, *body;
		bool anonymous;
		int status;
		const char *code, *part;
	} rows[] = {
		{"PUT", "/zoos/z/animals/a", "{\"name\":\"there\"}", false, 409,
			"AnimalExistsException", "{\"message\":\"there is there\",\"since\":1999}"},
		{"PUT", "/zoos/z/animals/a", "{}", false, 400, "ValidationException",
			"Value null at 'name' failed to satisfy constraint: Member must not be "
			"null"},
		{"PUT", "/zoos/z/animals/a", "{\"name\":\"x\"}", false, 400, "ValidationException",
			"length greater than or equal to 2"},
		{"PUT", "/zoos/z/animals/a", "{\"name\":1}", false, 400, "SerializationException",
			"'name' must be a string, not a number"},
		{"PUT", "/zoos/z/animals/a", "{", false, 400, "SerializationException", "line 1"},
		{"PUT", "/zoos/z/animals/a?loud=perhaps", "{\"name\":\"Leo\"}", false, 400,
			"ValidationException", "'loud' must be true or false"},
		{"POST", "/zoos/z/rename", "{\"from\":\"x\"}", false, 400, "ValidationException",
			"'names.to'"},
		{"GET", "/zoos/z/animals?kind=CAT", "", false, 400, "ValidationException",
			"enum value set: [BIRD, FISH]"},
		{"GET", "/zoos/z/animals", "", false, 400, "ValidationException",
			"Value null at 'kind'"},
		{"GET", "/zoos/busy/animals?kind=BIRD", "", false, 429, "TooManyRequestsException",
			"Rate exceeded"},
		{"GET", "/nothing", "", false, 404, "UnknownOperationException", NULL},
		{"DELETE", "/zoos/z", "", false, 403, "AccessDeniedException", "not you"},
		{"DELETE", "/zoos/z", "", true, 403, "MissingAuthenticationTokenException", NULL},
	};
	const char *known[] = {SCOPE("zoo"), JSON, NULL}, *unknown[] = {JSON, NULL};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_HTTP_ANSWER struct http_answer a = HTTP_ANSWER_INIT;

		ask(rows[i].method, rows[i].target, rows[i].anonymous ? unknown : known,
			rows[i].body, &a);
		if (a.status != rows[i].status ||
			!streq(http_answer_header(&a, "x-amzn-errortype"), rows[i].code) ||
			(rows[i].part && !strstr(str_text(&a.body), rows[i].part)))
			fail_msg("%s %s: %d %s %s", rows[i].method, rows[i].target, a.status,
				http_answer_header(&a, "x-amzn-errortype"), str_text(&a.body));
		assert_string_equal(http_answer_header(&a, "content-type"), "application/json");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_in_all_places),
		cmocka_unit_test(payloads),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, set_up, stop_server);
}
