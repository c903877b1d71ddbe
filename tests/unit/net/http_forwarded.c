/* SPDX-License-Identifier: Apache-2.0 */
/* What trusted proxies say of clients, and what nobody may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "net/http_exchange.h"

#define FOR "X-Forwarded-For"
#define PROTO "x-forwarded-proto"

static const struct {
	const char *peer;
	struct http_field headers[3];
	const char *client;
	bool secure;
} cases[] = {
	{"10.0.0.1", {{FOR, "203.0.113.9"}, {PROTO, "https"}}, "203.0.113.9", true},
	{"10.0.0.1", {{FOR, "1.1.1.1, 203.0.113.9,10.9.9.9"}}, "203.0.113.9", false},
	{"10.0.0.1", {{FOR, "203.0.113.9"}, {FOR, "10.9.9.9"}}, "203.0.113.9", false},
	{"10.0.0.1", {{FOR, "1.1.1.1"}, {FOR, "203.0.113.9"}}, "203.0.113.9", false},
	{"10.0.0.1", {{FOR, "10.2.2.2, 10.3.3.3"}}, "10.2.2.2", false},
	{"10.0.0.1", {{FOR, "[2001:DB8::7]:443"}}, "2001:db8::7", false},
	{"10.0.0.1", {{FOR, "2001:db8::7"}}, "2001:db8::7", false},
	{"10.0.0.1", {{FOR, "203.0.113.9:80"}}, "203.0.113.9", false},
	{"fd00::1", {{FOR, "203.0.113.9"}}, "203.0.113.9", false},
	/* what cannot be read ends the chain, in whatever header it stands */
	{"10.0.0.1", {{FOR, "1.1.1.1"}, {FOR, "unknown"}}, "10.0.0.1", false},
	{"10.0.0.1", {{FOR, "1.1.1.1"}, {FOR, ""}}, "10.0.0.1", false},
	{"10.0.0.1", {{FOR, "1.1.1.1, unknown, 10.2.2.2"}}, "10.2.2.2", false},
	{"10.0.0.1", {{FOR, "[2001:db8::7"}}, "10.0.0.1", false},
	{"10.0.0.1", {{FOR, "203.0.113.0/24"}}, "10.0.0.1", false},
	{"10.0.0.1", {{FOR, ",,"}}, "10.0.0.1", false},
	/* the nearest proxy's word of the scheme */
	{"10.0.0.1", {{PROTO, "https"}, {PROTO, "http"}}, "10.0.0.1", false},
	{"10.0.0.1", {{PROTO, "http, https"}}, "10.0.0.1", true},
	{"10.0.0.1", {{PROTO, "gopher"}}, "10.0.0.1", false},
	/* peers that nobody trusts */
	{"203.0.113.1", {{FOR, "10.0.0.1"}, {PROTO, "https"}}, "203.0.113.1", false},
	{"fe00::1", {{FOR, "10.0.0.1"}}, "fe00::1", false},
	{"", {{FOR, "10.0.0.1"}}, "", false},
};

static void only_trusted_proxies_are_believed(void **state)
{
	struct http_server s = {0};

	(void)state;
	assert_int_equal(http_proxies_parse("10.0.0.0/8, fd00::/16", &s.proxies, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_field headers[3];
		struct http_exchange x = {.server = &s, .headers = headers};

		memcpy(headers, cases[i].headers, sizeof(headers));
		while (x.n_headers < ARRAY_SIZE(headers) && headers[x.n_headers].name)
			x.n_headers++;
		x.peer = arena_strdup(&x.arena, cases[i].peer);
		http_forwarded_apply(&x);
		assert_string_equal(x.peer, cases[i].client);
		assert_int_equal(x.secure, cases[i].secure);
		arena_release(&x.arena);
	}
	vec_release(&s.proxies.list);
}

static void lists_are_checked(void **state)
{
	static const char *const bad[] = {"10.0.0.0/33", "proxy", "10.0.0.1, ::1/129", "10.0.0.1/"};
	struct http_proxies p = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(http_proxies_parse(bad[i], &p, NULL), -1);
	vec_release(&p.list);
	assert_int_equal(http_proxies_parse(NULL, &p, NULL), 0);
	assert_int_equal(p.list.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_trusted_proxies_are_believed),
		cmocka_unit_test(lists_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
