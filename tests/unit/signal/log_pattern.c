/* SPDX-License-Identifier: Apache-2.0 */
/* Filter patterns of logs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "signal/log_pattern.h"

#define JSON                                                                                    \
	"{\"level\":\"ERROR\",\"n\":5,\"t\":true,\"z\":null,\"a\":{\"b\":[\"x\",{\"c\":2.5}]}," \
	"\"ip\":\"10.0.0.1\",\"code\":404}"
#define ACCESS "127.0.0.1 - frank [10/Oct/2026:13:25:15 -0700] \"GET /a.png HTTP/1.0\" 404 1534"

static const struct {
	const char *pattern, *message;
	bool matches;
} table[] = {
	{"", "anything", true},
	{" ", "anything", true},
	{"ERROR", "an ERROR here", true},
	{"ERROR", "an error here", false},
	{"ERROR memory", "ERROR: out of memory", true},
	{"ERROR memory", "ERROR: disk", false},
	{"\"out of\"", "out of memory", true},
	{"\"of out\"", "out of memory", false},
	{"\"say \\\"hi\\\"\"", "say \"hi\" now", true},
	{"ERROR -memory", "ERROR: out of memory", false},
	{"ERROR -\"out of\"", "ERROR: out at", true},
	{"?ERROR ?WARN", "a WARN line", true},
	{"?ERROR ?WARN", "an INFO line", false},
	{"%AUTH[0-9]+%", "x AUTH42", true},
	{"%AUTH[0-9]+%", "x AUTH", false},
	{"-%[0-9]%", "no digits", true},
	{"{ $.level = \"ERROR\" }", JSON, true},
	{"{ $.level = ERR* }", JSON, true},
	{"{ $.level != \"ERROR\" }", JSON, false},
	{"{ $.none != \"x\" }", JSON, false},
	{"{ $.n = 5 && $.n >= 5.0 && $.n < 6 }", JSON, true},
	{"{ $.n > 5 || $.a.b[1].c = 2.5 }", JSON, true},
	{"{ ($.n = 1 || $.n = 5) && ($.t IS TRUE) }", JSON, true},
	{"{ $.n = 1 || $.n = 5 && $.t IS FALSE }", JSON, false},
	{"{ $.z IS NULL && $.none NOT EXISTS }", JSON, true},
	{"{ $.none IS NULL }", JSON, false},
	{"{ $.a.b[0] = x }", JSON, true},
	{"{ $.a = x }", JSON, false},
	{"{ $.ip = %^10\\.0% }", JSON, true},
	{"{ $.code = 4* }", JSON, true},
	{"{ $.level = \"5\" }", "not json ERROR", false},
	{"[ip, id, user, time, request, status, bytes]", ACCESS, true},
	{"[ip, id, user, time, request, status = 4*, bytes > 1000]", ACCESS, true},
	{"[ip, id, user, time, request, status = 5*, bytes]", ACCESS, false},
	{"[ip, ..., status = 404 || status = 410, bytes]", ACCESS, true},
	{"[..., bytes >= 1534 && bytes <= 2000]", ACCESS, true},
	{"[ip = %^127%, ...]", ACCESS, true},
	{"[ip, user]", ACCESS, false},
	{"[ip, id, user, time, request = \"*.png*\", status != 200, bytes]", ACCESS, true},
	{"[w1=ERROR, w2]", "ERROR disk", true},
	{"[w1=ERROR, w2]", "ERROR disk full", false},
	{"[w1!=ERROR && w1!=WARN, ...]", "INFO x", true},
};

static void matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		struct err err CLEANUP_ERR = ERR_INIT;
		const struct log_pattern *p;

		if (log_pattern_parse(table[i].pattern, &a, &p, &err) < 0)
			fail_msg("%s: %s", table[i].pattern, err_message(&err));
		if (log_pattern_matches(p, view_of(table[i].message), &a, NULL) != table[i].matches)
			fail_msg("%s on %s", table[i].pattern, table[i].message);
	}
}

static void values(void **state)
{
	static const struct {
		const char *pattern, *message, *selector, *value;
	} rows[] = {
		{"{ $.n = * }", JSON, "$.n", "5"},
		{"{ $.n = * }", JSON, "$.a.b[0]", "x"},
		{"{ $.n = * }", JSON, "$.none", NULL},
		{"{ $.n = * }", JSON, "$.a", NULL},
		{"ERROR", JSON, "$.ip", "10.0.0.1"},
		{"[ip, ..., request, status, bytes]", ACCESS, "$bytes", "1534"},
		{"[ip, ..., request, status, bytes]", ACCESS, "$request", "GET /a.png HTTP/1.0"},
		{"[ip, ..., request, status, bytes]", ACCESS, "$user", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		const struct log_pattern *p;
		struct log_line line;
		const char *got;

		assert_int_equal(log_pattern_parse(rows[i].pattern, &a, &p, NULL), 0);
		assert_true(log_pattern_matches(p, view_of(rows[i].message), &a, &line));
		got = log_pattern_value(p, &line, rows[i].selector, &a);
		if (!got != !rows[i].value || (got && strcmp(got, rows[i].value)))
			fail_msg("%s gave %s", rows[i].selector, got ? got : "nothing");
	}
}

static void refuses(void **state)
{
	static const char *const rows[] = {"\"open", "%open", "%(%", "{", "{}", "{ $.a }",
		"{ a = 1 }", "{ $.a = }", "{ $.a > x }", "{ ($.a = 1 }", "{ $.a = 1 } x", "[",
		"[a, b", "[a b]", "[..., a, ...]", "[a > x]", "%a% %b% %c%"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct arena a CLEANUP_ARENA = ARENA_INIT;
		const struct log_pattern *p;

		if (log_pattern_parse(rows[i], &a, &p, NULL) == 0)
			fail_msg("%s was taken", rows[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches), cmocka_unit_test(values), cmocka_unit_test(refuses)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
