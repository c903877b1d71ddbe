/* SPDX-License-Identifier: Apache-2.0 */
/* Metric samples grow older: seconds are dropped, minutes become five minutes, those hours. */
#include "store/metric.h"

#include "unit/store/fixture.h"

#define DAY 86400
#define START (INT64_C(1700000000) / 3600 * 3600)

/* The sets that a reader with this period sees, and their sum. */
static size_t read_all(struct db_tx *tx, int period, double *ret_sum, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct store_metric_stream *streams;
	struct store_metric_set *sets;
	size_t n;

	*ret_sum = 0;
	if (store_metric_streams(tx, "N", NULL, NULL, NULL, 0, &a, &streams, &n, err) < 0 ||
		store_metric_read(
			tx, streams[0].id, period, START, START + 2 * 3600, &a, &sets, &n, err) < 0)
		fail_msg("%s", err_message(err));
	for (size_t i = 0; i < n; i++)
		*ret_sum += sets[i].sum;
	return n;
}

/* One sample a minute for an hour: 0 to 59. */
static int fill(struct db_tx *tx, void *arg, struct err *err)
{
	const struct store_metric_stream stream = {
		.name_space = "N", .name = "m", .unit = "Count", .dimensions = "{}"};

	(void)arg;
	for (int i = 0; i < 60; i++) {
		const double value = i, count = 1;
		struct store_metric_set set = {.sec = START + i * 60,
			.count = 1,
			.sum = i,
			.min = i,
			.max = i,
			.values = &value,
			.counts = &count,
			.n = 1};

		if (store_metric_add(tx, &stream, &set, true, err) < 0)
			return -1;
	}
	return 0;
}

static int grow_old(struct db_tx *tx, void *arg, struct err *err)
{
	static const struct {
		int64_t age;
		int period;
		size_t n;
	} seen[] = {
		{0, 1, 60},
		{0, 60, 60},
		{0, 300, 60},
		{DAY, 1, 0},
		{DAY, 60, 60},
		{16 * DAY, 60, 0},
		{16 * DAY, 300, 12},
		{16 * DAY, 3600, 12},
		{64 * DAY, 300, 0},
		{64 * DAY, 3600, 1},
		{457 * DAY, 3600, 0},
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
		double sum;

		if (store_metric_prune(tx, START + seen[i].age, err) < 0)
			return -1;
		assert_int_equal(read_all(tx, seen[i].period, &sum, err), seen[i].n);
		assert_true(sum == (seen[i].n ? 59 * 60 / 2 : 0));
	}
	return 0;
}

static void ages(void **state)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	if (db_write(db, fill, NULL, &err) < 0 || db_write(db, grow_old, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ages)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
