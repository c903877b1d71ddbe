/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of pages: good for the request that they were given for, for a day, and for nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "api/page_token.h"
#include "base/clock.h"
#include "codecommit.gen.h"
#include "logs.gen.h"

#define NOW (20000LL * 24 * 3600 * USEC_PER_SEC)
#define HOUR (3600LL * USEC_PER_SEC)

static const struct seal_key key = {{1, 2, 3}};
static const struct call_service codecommit = {.wire = &codecommit_service};
static const struct call_service logs = {.wire = &logs_service};

static struct api_request request(
	struct arena *a, const struct call_service *s, int operation, void *input, void *output)
{
	return (struct api_request){
		.call = {.arena = a, .account = "123456789012"},
		.protocol = &api_protocol_json,
		.service = s,
		.operation = &s->wire->operations[operation],
		.input = input,
		.output = output,
	};
}

/* What ListPullRequests gives for these filters. */
static const char *give(struct arena *a, const char *repository, const char *status)
{
	struct codecommit_list_pull_requests_request req = {
		.repository_name = repository, .pull_request_status = status};
	struct codecommit_list_pull_requests_response resp = {.next_token = "place 7"};
	struct api_request r =
		request(a, &codecommit, CODECOMMIT_OP_LIST_PULL_REQUESTS, &req, &resp);

	api_page_seal(&key, NOW, &r);
	return resp.next_token;
}

static int take(struct arena *a, struct codecommit_list_pull_requests_request *req, int64_t now,
	struct err *err)
{
	struct api_request r = request(a, &codecommit, CODECOMMIT_OP_LIST_PULL_REQUESTS, req, NULL);

	return api_page_open(&key, now, &r, err);
}

static void it_comes_back(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *token = give(&a, "r", "OPEN");
	struct codecommit_list_pull_requests_request req = {.repository_name = "r",
		.pull_request_status = "OPEN",
		.next_token = token,
		.max_results = WIRE_SET_INT(3)}; /* how many may change */

	(void)state;
	assert_null(strstr(token, "place"));
	assert_string_not_equal(token, give(&a, "r", "OPEN"));
	assert_int_equal(take(&a, &req, NOW + 23 * HOUR, NULL), 0);
	assert_string_equal(req.next_token, "place 7");
	req.next_token = "";
	assert_int_equal(take(&a, &req, NOW, NULL), 0);
	req.next_token = NULL;
	assert_int_equal(take(&a, &req, NOW, NULL), 0);
}

static void refused(struct arena *a, struct codecommit_list_pull_requests_request req, int64_t now)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	assert_int_equal(take(a, &req, now, &err), -1);
	assert_string_equal(err_wire_name(&err), "InvalidContinuationTokenException");
}

static void it_is_good_for_nothing_else(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *token = give(&a, "r", NULL);
	struct codecommit_list_pull_requests_request req = {
		.repository_name = "r", .next_token = token};
	struct codecommit_list_branches_request branches = {
		.repository_name = "r", .next_token = token};
	struct api_request r =
		request(&a, &codecommit, CODECOMMIT_OP_LIST_BRANCHES, &branches, NULL);
	struct seal_key second = {{9}};

	(void)state;
	refused(&a, req, NOW + 25 * HOUR);
	req.pull_request_status = "OPEN";
	refused(&a, req, NOW);
	req.pull_request_status = NULL;
	req.repository_name = "s";
	refused(&a, req, NOW);
	req.repository_name = "r";
	for (size_t i = 0; i < strlen(token); i += 5) {
		char *forged = arena_strdup(&a, token);

		forged[i] = forged[i] == '0' ? '1' : '0';
		req.next_token = forged;
		refused(&a, req, NOW);
	}
	req.next_token = "place 7";
	refused(&a, req, NOW);
	assert_int_equal(api_page_open(&key, NOW, &r, NULL), -1);
	r = request(&a, &codecommit, CODECOMMIT_OP_LIST_PULL_REQUESTS, &req, NULL);
	req.next_token = token;
	r.call.account = "000000000000";
	assert_int_equal(api_page_open(&key, NOW, &r, NULL), -1);
	r.call.account = "123456789012";
	assert_int_equal(api_page_open(&second, NOW, &r, NULL), -1);
	assert_int_equal(api_page_open(&key, NOW, &r, NULL), 0);
}

/* Readers of logs stop when a token comes back as it was given. */
static void the_end_repeats_the_token(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct logs_get_log_events_request req = {
		.log_group_name = "g", .log_stream_name = "s", .start_time = WIRE_SET_LONG(5)};
	struct logs_get_log_events_response resp = {
		.next_forward_token = "f/9", .next_backward_token = "b/1"};
	struct api_request r = request(&a, &logs, LOGS_OP_GET_LOG_EVENTS, &req, &resp);
	const char *forward;

	(void)state;
	api_page_seal(&key, NOW, &r);
	forward = resp.next_forward_token;
	assert_string_not_equal(forward, resp.next_backward_token);
	req = (struct logs_get_log_events_request){
		.log_group_name = "g", .log_stream_name = "s", .next_token = forward};
	assert_int_equal(api_page_open(&key, NOW, &r, NULL), 0);
	assert_string_equal(req.next_token, "f/9");
	resp = (struct logs_get_log_events_response){
		.next_forward_token = "f/9", .next_backward_token = "b/8"};
	api_page_seal(&key, NOW, &r);
	assert_string_equal(resp.next_forward_token, forward);
	assert_string_not_equal(resp.next_backward_token, forward);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_comes_back),
		cmocka_unit_test(it_is_good_for_nothing_else),
		cmocka_unit_test(the_end_repeats_the_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
