/* SPDX-License-Identifier: Apache-2.0 */
/* Event patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "signal/event_pattern.h"

static const char event[] =
	"{\"source\":\"aws.codecommit\",\"resources\":[\"arn:a\",\"arn:b\"],\"detail\":{"
	"\"event\":\"referenceUpdated\",\"referenceName\":\"main\",\"count\":300,\"flag\":true,"
	"\"nothing\":null,\"items\":[{\"k\":1,\"v\":\"x\"},{\"k\":2,\"v\":\"y\"}],"
	"\"ip\":\"10.0.0.77\",\"ip6\":\"2001:db8::1\",\"path\":\"a/b/c/d/e/f.*\",\"empty\":[],"
	"\"nested\":[[{\"k\":1}],[{\"k\":2}]]}}";

static const struct {
	const char *pattern;
	bool matches;
} patterns[] = {
	{"{\"source\":[\"aws.codecommit\"]}", true},
	{"{\"source\":[\"aws.s3\"]}", false},
	{"{\"source\":[\"aws.s3\",\"aws.codecommit\"],\"resources\":[\"arn:b\"]}", true},
	{"{\"resources\":[\"arn:c\"]}", false},
	{"{\"detail\":{\"referenceName\":[{\"prefix\":\"ma\"}]}}", true},
	{"{\"detail\":{\"referenceName\":[{\"suffix\":\"in\"}]}}", true},
	{"{\"detail\":{\"referenceName\":[{\"equals-ignore-case\":\"MAIN\"}]}}", true},
	{"{\"detail\":{\"referenceName\":[{\"wildcard\":\"m*n\"}]}}", true},
	{"{\"detail\":{\"referenceName\":[{\"wildcard\":\"m*x\"}]}}", false},
	{"{\"detail\":{\"referenceName\":[{\"anything-but\":\"main\"}]}}", false},
	{"{\"detail\":{\"referenceName\":[{\"anything-but\":[\"a\",\"b\"]}]}}", true},
	{"{\"detail\":{\"referenceName\":[{\"anything-but\":{\"prefix\":\"ma\"}}]}}", false},
	{"{\"detail\":{\"absent\":[{\"anything-but\":\"x\"}]}}", false},
	{"{\"detail\":{\"count\":[300.0]}}", true},
	{"{\"detail\":{\"count\":[{\"numeric\":[\">\",200,\"<=\",300]}]}}", true},
	{"{\"detail\":{\"count\":[{\"numeric\":[\"<\",300]}]}}", false},
	{"{\"detail\":{\"absent\":[{\"exists\":false}]}}", true},
	{"{\"detail\":{\"count\":[{\"exists\":true}]}}", true},
	{"{\"detail\":[{\"exists\":false}]}", true},
	{"{\"detail\":{\"flag\":[true],\"nothing\":[null]}}", true},
	{"{\"detail\":{\"items\":{\"k\":[1],\"v\":[\"x\"]}}}", true},
	{"{\"detail\":{\"items\":{\"k\":[1],\"v\":[\"y\"]}}}", false},
	{"{\"$or\":[{\"source\":[\"x\"]},{\"detail\":{\"event\":[\"referenceUpdated\"]}}]}", true},
	{"{\"$or\":[{\"source\":[\"x\"]},{\"source\":[\"y\"]}]}", false},
	{"{\"detail.items.v\":[\"x\"],\"detail\":{\"items.k\":[1]}}", true},
	{"{\"detail.items.v\":[\"z\"]}", false},
	{"{\"detail.absent\":[{\"exists\":false}],\"no.such\":[{\"exists\":false}]}", true},
	{"{\"detail.count\":[{\"exists\":false}]}", false},
	{"{\"detail\":{\"ip\":[{\"cidr\":\"10.0.0.0/24\"}]}}", true},
	{"{\"detail\":{\"ip\":[{\"cidr\":\"10.0.1.0/25\"}]}}", false},
	{"{\"detail\":{\"ip\":[{\"cidr\":\"0.0.0.0/0\"}]}}", true},
	{"{\"detail\":{\"ip6\":[{\"cidr\":\"2001:db8::/33\"}]}}", true},
	{"{\"detail\":{\"ip6\":[{\"cidr\":\"10.0.0.0/8\"}]}}", false},
	{"{\"detail\":{\"event\":[{\"cidr\":\"10.0.0.0/8\"}]}}", false},
	{"{\"detail\":{\"path\":[{\"wildcard\":\"a/*/c/*.\\\\*\"}]}}", true},
	{"{\"detail\":{\"path\":[{\"wildcard\":\"a/*/c/*.png\"}]}}", false},
	{"{\"detail\":{\"path\":[{\"wildcard\":\"*b*\"}]}}", true},
	{"{\"detail\":{\"path\":[{\"prefix\":{\"equals-ignore-case\":\"A/B\"}}]}}", true},
	{"{\"detail\":{\"path\":[{\"suffix\":{\"equals-ignore-case\":\"F.*\"}}]}}", true},
	{"{\"detail\":{\"path\":[{\"anything-but\":{\"suffix\":[\".a\",\".*\"]}}]}}", false},
	{"{\"detail\":{\"path\":[{\"anything-but\":{\"wildcard\":\"*.png\"}}]}}", true},
	{"{\"detail\":{\"event\":[{\"anything-but\":{\"equals-ignore-case\":[\"REFERENCEUPDATED\"]"
	 "}}]}}",
		false},
	{"{\"detail\":{\"count\":[{\"anything-but\":[1,300]}]}}", false},
	{"{\"resources\":[{\"anything-but\":\"arn:a\"}]}", true},
	{"{\"detail\":{\"empty\":[{\"exists\":false}]}}", true},
	{"{\"detail\":{\"empty\":{\"x\":[{\"exists\":false}]}}}", true},
	{"{\"detail\":{\"nested\":{\"k\":[2]}}}", true},
	{"{\"detail\":{\"$or\":[{\"count\":[1]},{\"$or\":[{\"flag\":[false]},{\"flag\":[true]}]}]}"
	 "}",
		true},
	{"{\"detail\":{\"items\":{\"$or\":[{\"k\":[9]},{\"v\":[\"y\"]}],\"k\":[1]}}}", false},
};

static const char *const malformed[] = {
	"[]",
	"{}",
	"{\"source\":\"aws.codecommit\"}",
	"{\"source\":[]}",
	"{\"source\":[[\"x\"]]}",
	"{\"source\":[{\"like\":\"x\"}]}",
	"{\"source\":[{\"exists\":1}]}",
	"{\"source\":[{\"numeric\":[\"~\",1]}]}",
	"{\"source\":[{\"prefix\":1}]}",
	"{\"$or\":[{\"source\":[\"x\"]}]}",
	"{\"source\":[{\"wildcard\":\"a**b\"}]}",
	"{\"source\":[{\"wildcard\":\"a\\\\b\"}]}",
	"{\"source\":[{\"cidr\":\"10.0.0.0\"}]}",
	"{\"source\":[{\"cidr\":\"10.0.0.0/33\"}]}",
	"{\"source\":[{\"cidr\":\"ten/8\"}]}",
	"{\"source\":[{\"numeric\":[\"<\",1,\">\",0]}]}",
	"{\"source\":[{\"numeric\":[\">\",5,\"<\",5]}]}",
	"{\"source\":[{\"numeric\":[\">\"]}]}",
	"{\"source\":[{\"numeric\":[]}]}",
	"{\"source\":[{\"anything-but\":[\"a\",1]}]}",
	"{\"source\":[{\"anything-but\":[]}]}",
	"{\"source\":[{\"anything-but\":null}]}",
	"{\"source\":[{\"anything-but\":{\"numeric\":[\"=\",1]}}]}",
	"{\"source\":[{\"anything-but\":{\"prefix\":[1]}}]}",
	"{\"source\":[{\"prefix\":{\"suffix\":\"x\"}}]}",
	"{\"source\":[{\"prefix\":\"a\",\"suffix\":\"b\"}]}",
	"{\"source\":[{}]}",
	"{\"a\":{}}",
};

static const struct json_node *parse(const char *text, struct arena *a)
{
	const struct json_node *node;
	struct err err CLEANUP_ERR = ERR_INIT;

	if (json_parse(view_of(text), a, &node, &err) < 0)
		fail_msg("%s: %s", text, err_message(&err));
	return node;
}

static void test_patterns(void **state)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const struct json_node *node = parse(event, &a);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct err err CLEANUP_ERR = ERR_INIT;
		const struct json_node *pattern = parse(patterns[i].pattern, &a);

		if (event_pattern_check(pattern, &err) < 0)
			fail_msg("%s: %s", patterns[i].pattern, err_message(&err));
		if (event_pattern_matches(pattern, node) != patterns[i].matches)
			fail_msg("%s", patterns[i].pattern);
	}
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		struct err err CLEANUP_ERR = ERR_INIT;

		if (event_pattern_check(parse(malformed[i], &a), &err) == 0)
			fail_msg("%s was accepted", malformed[i]);
		assert_string_equal(err_wire_name(&err), "InvalidEventPatternException");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
