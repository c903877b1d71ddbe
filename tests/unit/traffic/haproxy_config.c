/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration text, maps and statistics of the HAProxy data plane. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "traffic/haproxy_internal.h"

static struct haproxy_paths paths = {
	.socket = "/d/s", .state = "/d/state", .maps = "/d/maps", .config = "/d/c"};

static void test_map_text(void **state)
{
	const struct traffic_share shares[] = {{"blue", 90}, {"none", 0}, {"green", 10}};
	const struct traffic_route route = {.name = "r", .shares = shares, .n_shares = 3};
	const struct traffic_share nothing[] = {{"blue", 0}};
	const struct traffic_route closed = {.name = "r", .shares = nothing, .n_shares = 1};
	struct str text CLEANUP_STR = STR_INIT, empty CLEANUP_STR = STR_INIT;

	(void)state;
	haproxy_map_text(&route, &text);
	assert_string_equal(str_text(&text), "0:89999 blue\n90000:99999 green\n");
	haproxy_map_text(&closed, &empty);
	assert_string_equal(str_text(&empty), "");
}

static int text_of(const struct traffic_plan *plan, struct str *out, struct err *err)
{
	struct haproxy_config c = {.plan = plan, .paths = &paths};

	return haproxy_config_text(&c, out, err);
}

static void test_config_text(void **state)
{
	const char *const patterns[] = {"/api/*", "/it's.(x)"};
	const struct traffic_condition condition = {
		.kind = TRAFFIC_IF_PATH, .patterns = patterns, .n_patterns = 2};
	const struct traffic_share share = {"tg", 1};
	const struct traffic_route routes[] = {
		{.name = "r1",
			.conditions = &condition,
			.n_conditions = 1,
			.answer = TRAFFIC_FIXED,
			.status = 503,
			.body = "it's down",
			.content_type = "text/plain"},
		{.name = "r2", .answer = TRAFFIC_FORWARD, .shares = &share, .n_shares = 1},
	};
	const struct traffic_server server = {.name = "s", .address = "10.0.0.1", .port = 80};
	const struct traffic_pool pool = {
		.name = "tg",
		.check = {.enabled = true,
			.http = true,
			.path = "/health",
			.interval_sec = 5,
			.timeout_sec = 2,
			.healthy_after = 3,
			.unhealthy_after = 2,
			.codes = "200-299"},
		.servers = &server,
		.n_servers = 1,
	};
	const struct traffic_listener listener = {
		.name = "l", .address = "127.0.0.1", .port = 8080, .routes = routes, .n_routes = 2};
	const struct traffic_plan plan = {&listener, 1, &pool, 1};
	struct err err CLEANUP_ERR = ERR_INIT;
	struct str text CLEANUP_STR = STR_INIT;
	const char *t;

	(void)state;
	assert_int_equal(text_of(&plan, &text, &err), 0);
	t = str_text(&text);
	assert_non_null(strstr(t, "option idle-close-on-response"));
	assert_non_null(strstr(t, "'^/api/.*$' '^/it['\\'']s[.][(]x[)]$'"));
	assert_non_null(strstr(t, "return status 503 content-type 'text/plain' string "
				  "'it'\\''s down' if { var(txn.route) -m str r1 }"));
	assert_non_null(
		strstr(t, "use_backend %[sc_inc_gpc(1,0),mod(100000),mul(61803),mod(100000),"
			  "map_int('/d/maps/r2',nobody)] if { var(txn.route) -m str r2 }"));
	assert_null(strstr(t, "AWSALB"));
	assert_non_null(strstr(t, "tcp-request connection track-sc0 int(1) table"));
	assert_null(strstr(t, "track-sc1"));
	assert_non_null(strstr(t, "set-log-level silent unless { rand(10000) -m int -f "
				  "'/d/maps/timed.list' } or { fe_req_rate lt 1000 }"));
	assert_non_null(strstr(t, "http-check expect status 200-299"));
	assert_non_null(strstr(t, "server s 10.0.0.1:80 weight 100 pool-max-conn -1 "
				  "pool-purge-delay 5s check inter 5s"));
	assert_non_null(strstr(t, "rise 3 fall 2"));
}

/* HAProxy has a hundred counters an entry and three entries a connection. */
static void test_many_routes(void **state)
{
	const struct traffic_share share = {"tg", 1};
	const struct traffic_pool pool = {.name = "tg"};
	const char *const paths_of[] = {"/x"};
	const struct traffic_condition condition = {
		.kind = TRAFFIC_IF_PATH, .patterns = paths_of, .n_patterns = 1};
	struct traffic_route routes[301];
	char names[301][8];
	struct traffic_listener listeners[2] = {
		{.name = "a", .address = "127.0.0.1", .port = 80, .routes = routes, .n_routes = 1},
		{.name = "b", .address = "127.0.0.1", .port = 81, .routes = routes}};
	const struct traffic_plan plan = {listeners, 2, &pool, 1};
	struct err err CLEANUP_ERR = ERR_INIT;
	struct str text CLEANUP_STR = STR_INIT;

	(void)state;
	for (size_t i = 0; i < 301; i++) {
		snprintf(names[i], sizeof(names[i]), "r%zu", i);
		routes[i] = (struct traffic_route){.name = names[i],
			.conditions = &condition,
			.n_conditions = 1,
			.shares = &share,
			.n_shares = 1};
	}
	listeners[1].n_routes = 300;
	assert_int_equal(text_of(&plan, &text, &err), 0);
	assert_non_null(strstr(str_text(&text), "track-sc0 int(4) table towpath.routes\n"
						"\ttcp-request connection track-sc1 int(5) table "
						"towpath.routes\n"
						"\ttcp-request connection track-sc2 int(6)"));
	assert_non_null(strstr(str_text(&text), "sc_inc_gpc(99,2),"));
	listeners[1].n_routes = 301;
	assert_int_equal(text_of(&plan, &text, &err), -1);
	assert_int_equal(err.kind, ERR_INVALID);
}

static void test_timed(void **state)
{
	const int64_t second = USEC_PER_SEC;

	(void)state;
	assert_int_equal(haproxy_timed_wanted(10000, 0, second), 10000);
	assert_int_equal(haproxy_timed_wanted(10000, 1000, second), 10000);
	assert_int_equal(haproxy_timed_wanted(10000, 4000, second), 2500);
	assert_int_equal(haproxy_timed_wanted(2500, 4400, second), 2500); /* much the same */
	assert_int_equal(haproxy_timed_wanted(2500, 40000, 2 * second), 500);
	assert_int_equal(haproxy_timed_wanted(500, 100000000, second), 1);
	assert_int_equal(haproxy_timed_wanted(1, 900, second), 10000);
	assert_int_equal(haproxy_timed_wanted(9000, 900, second), 10000); /* all, not nearly all */
	assert_int_equal(haproxy_timed_wanted(0, 900, 0), 1); /* unknown, such as after a start */
}

static void test_sticky(void **state)
{
	const struct traffic_share shares[] = {{"blue", 1}, {"gone", 0}};
	const struct traffic_route route = {.name = "r",
		.answer = TRAFFIC_FORWARD,
		.shares = shares,
		.n_shares = 2,
		.sticky_sec = 60};
	const struct traffic_server servers[] = {{.name = "s1", .address = "10.0.0.1", .port = 80},
		{.name = "s2", .address = "10.0.0.2", .port = 80, .draining = true}};
	const struct traffic_pool pool = {
		.name = "blue", .servers = servers, .n_servers = 2, .sticky_sec = 90};
	const struct traffic_listener listener = {
		.name = "l", .address = "127.0.0.1", .port = 8080, .routes = &route, .n_routes = 1};
	const struct traffic_plan plan = {&listener, 1, &pool, 1};
	struct err err CLEANUP_ERR = ERR_INIT;
	struct str text CLEANUP_STR = STR_INIT;
	struct str tokens CLEANUP_STR = STR_INIT;

	(void)state;
	assert_int_equal(text_of(&plan, &text, &err), 0);
	assert_non_null(strstr(str_text(&text), "req.cook(AWSALBTG),map_str('/d/maps/r.stick')"));
	assert_non_null(strstr(str_text(&text), "AWSALBTG=%[var(txn.pool),sha2(256),hex,"
						"bytes(0,32)]; Expires=%[date(60),http_date]"));
	assert_non_null(strstr(str_text(&text), "req.cook(AWSALB),map_str('/d/maps/blue.stick')"));
	/* only what has a weight, only what does not drain */
	haproxy_route_tokens_text(&route, &tokens);
	haproxy_pool_tokens_text(&pool, &tokens);
	assert_string_equal(str_text(&tokens), "16477688C0E00699C6CFA4497A3612D7 blue\n"
					       "E8BC163C82EEE18733288C7D4AC636DB s1\n");
}

static void test_refusals(void **state)
{
	struct traffic_pool pool = {.name = "a b"};
	struct traffic_plan plan = {NULL, 0, &pool, 1};
	struct err err CLEANUP_ERR = ERR_INIT;
	struct str text CLEANUP_STR = STR_INIT;

	(void)state;
	assert_int_equal(text_of(&plan, &text, &err), -1);
	assert_int_equal(err.kind, ERR_INVALID);
	pool = (struct traffic_pool){.name = "a",
		.check = {
			.enabled = true, .http = true, .path = "/x\nserver evil", .codes = "200"}};
	assert_int_equal(text_of(&plan, &text, &err), -1);
	pool.check.path = "/";
	pool.check.codes = "200 rise 1";
	assert_int_equal(text_of(&plan, &text, &err), -1);
}

static void test_stat(void **state)
{
	static const char csv[] =
		"# pxname,svname,scur,stot,econ,eresp,status,check_status,check_code,hrsp_2xx,"
		"hrsp_3xx,hrsp_4xx,hrsp_5xx,last_chk,type,\n"
		"tg,s1,2,10,1,0,UP,L7OK,200,7,0,1,2,\"said \"\"ok\"\", once\",2,\n"
		"tg,BACKEND,0,0,0,0,UP,,,0,0,0,0,,1,\n";
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct haproxy_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(haproxy_stat_parse(view_of(csv), &a, &rows, &n, &err), 0);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].name, "s1");
	assert_string_equal(rows[0].check_status, "L7OK");
	assert_int_equal(rows[0].answers[2], 7);
	assert_int_equal(rows[0].answers[5], 2);
	assert_int_equal(rows[0].current, 2);
	assert_int_equal(haproxy_stat_parse(VIEW("# pxname\n"), &a, &rows, &n, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_text),
		cmocka_unit_test(test_config_text),
		cmocka_unit_test(test_many_routes),
		cmocka_unit_test(test_timed),
		cmocka_unit_test(test_sticky),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_stat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
