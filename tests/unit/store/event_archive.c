/* SPDX-License-Identifier: Apache-2.0 */
/* Archived events, on both databases. */
#include "store/event_archive.h"

#include "unit/store/fixture.h"

static struct arena arena;

static int read_from(
	struct db_tx *tx, const struct store_archive_query *q, const char *ids, struct err *err)
{
	struct store_archived_event *v;
	struct str got CLEANUP_STR = STR_INIT;
	size_t n;

	if (store_event_archive_read(tx, q, &arena, &v, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		str_add(&got, v[i].id);
	assert_string_equal(str_text(&got), ids);
	return 0;
}

static int archive_fn(struct db_tx *tx, void *arg UNUSED, struct err *err)
{
	static const struct store_archived_event events[] = {
		{20, "b", "{\"n\":2}"}, {10, "z", "{}"}, {20, "a", "{\"n\":1}"}, {30, "c", "{}"}};
	struct store_archive_query q = {
		.archive = "one", .from_usec = 10, .to_usec = 30, .max = 10};
	int64_t count, bytes;

	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (store_event_archive_add(tx, "one", &events[i], err) < 0)
			return -1;
	/* again is fine; another archive's are its own */
	if (store_event_archive_add(tx, "one", &events[0], err) < 0 ||
		store_event_archive_add(tx, "two", &events[0], err) < 0 ||
		read_from(tx, &q, "zab", err) < 0)
		return -1;
	q.at_usec = 20;
	q.at_id = "a";
	if (read_from(tx, &q, "b", err) < 0 ||
		store_event_archive_measure(tx, "one", &count, &bytes, err) < 0)
		return -1;
	assert_int_equal(count, 4);
	assert_int_equal(bytes, 18);
	if (store_event_archive_drop(tx, "one", 20, err) < 0 ||
		store_event_archive_measure(tx, "one", &count, &bytes, err) < 0)
		return -1;
	assert_int_equal(count, 3);
	if (store_event_archive_drop(tx, "one", INT64_MAX, err) < 0 ||
		store_event_archive_measure(tx, "one", &count, &bytes, err) < 0)
		return -1;
	assert_int_equal(count, 0);
	assert_int_equal(bytes, 0);
	return 0;
}

static void test_archive(void **state)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	if (db_write(db, archive_fn, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_archive)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
