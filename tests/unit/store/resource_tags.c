/* SPDX-License-Identifier: Apache-2.0 */
/* Tags of resources, on both databases. */
#include "store/resource_tags.h"

#include "store/string_map.h"
#include "unit/store/fixture.h"

#define ARN "arn:aws:sns:us-east-1:123456789012:one"
#define OTHER ARN "-and-another"
#define TOO_MANY "TooManyTagsException"

static struct arena arena;

/* The tags as key=value pairs, in their order. */
static const char *read_all(struct db_tx *tx, const char *arn)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct towpath_string_map tags;
	struct str s CLEANUP_STR = STR_INIT;

	if (store_tags_read(tx, arn, &arena, &tags, &err) < 0)
		fail_msg("%s", err_message(&err));
	wire_foreach (kv, &tags)
		str_addf(&s, "%s=%s ", kv->key, kv->value);
	return arena_strdup(&arena, str_text(&s));
}

static struct towpath_string_map map_of(const char *const (*pairs)[2], size_t n)
{
	struct towpath_string_map map = {0};

	for (size_t i = 0; i < n; i++)
		string_map_put(&map, pairs[i][0], pairs[i][1], &arena);
	return map;
}

static int change_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	struct towpath_string_map first =
		map_of((const char *const[][2]){{"b", "1"}, {"a", "2"}, {"b", "3"}}, 3);
	struct towpath_string_map more =
		map_of((const char *const[][2]){{"a", NULL}, {"c", "4"}}, 2);
	struct towpath_string_map none = {0};

	assert_int_equal(first.n, 2);
	if (store_tags_add(tx, ARN, &first, TOO_MANY, &arena, err) < 0 ||
		store_tags_add(tx, OTHER, &more, TOO_MANY, &arena, err) < 0)
		return -1;
	assert_string_equal(read_all(tx, ARN), "b=3 a=2 ");
	if (store_tags_add(tx, ARN, &more, TOO_MANY, &arena, err) < 0 ||
		store_tags_add(tx, ARN, &none, TOO_MANY, &arena, err) < 0)
		return -1;
	assert_string_equal(read_all(tx, ARN), "b=3 a= c=4 ");
	if (store_tags_remove(tx, ARN, (const char *const[]){"a", "x"}, 2, &arena, err) < 0)
		return -1;
	assert_string_equal(read_all(tx, ARN), "b=3 c=4 ");
	if (store_tags_set(tx, ARN, &more, TOO_MANY, &arena, err) < 0)
		return -1;
	assert_string_equal(read_all(tx, ARN), "a= c=4 ");
	if (store_tags_set(tx, ARN, &none, TOO_MANY, &arena, err) < 0 ||
		store_tags_remove(tx, ARN, (const char *const[]){"a"}, 1, &arena, err) < 0)
		return -1;
	assert_string_equal(read_all(tx, ARN), "");
	assert_string_equal(read_all(tx, OTHER), "a= c=4 ");
	return 0;
}

static struct towpath_string_map numbered(const char *prefix, int n)
{
	struct towpath_string_map map = {0};

	for (int i = 0; i < n; i++)
		string_map_put(&map, arena_printf(&arena, "%sk%d", prefix, i), "", &arena);
	return map;
}

static int overfill_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	struct err refused CLEANUP_ERR = ERR_INIT;
	struct towpath_string_map map = {0};

	map = numbered("", STORE_TAGS_MAX);
	string_map_put(&map, "aws:ecs:clusterName", "does not count", &arena);
	if (store_tags_add(tx, ARN, &map, TOO_MANY, &arena, err) < 0 ||
		store_tags_add(tx, ARN, &map, TOO_MANY, &arena, err) < 0)
		return -1;
	map = map_of((const char *const[][2]){{"more", ""}}, 1);
	assert_int_equal(store_tags_add(tx, ARN, &map, TOO_MANY, &arena, &refused), -1);
	assert_string_equal(err_wire_name(&refused), TOO_MANY);
	assert_non_null(strstr(err_message(&refused), ARN " would have 51"));
	/* so many that looking through them would take long, and too many of reserved ones */
	map = numbered("", 101);
	assert_int_equal(store_tags_add(tx, OTHER, &map, TOO_MANY, &arena, NULL), -1);
	map = numbered("aws:", STORE_TAGS_RESERVED_MAX + 1);
	assert_int_equal(store_tags_add(tx, OTHER, &map, TOO_MANY, &arena, NULL), -1);
	return 0;
}

static void run(int (*fn)(struct db_tx *tx, void *arg, struct err *err))
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (db_write(db, fn, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
	arena_release(&arena);
}

static void test_changes(void **state UNUSED)
{
	run(change_fn);
}

static void test_limit(void **state UNUSED)
{
	run(overfill_fn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes), cmocka_unit_test(test_limit)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
