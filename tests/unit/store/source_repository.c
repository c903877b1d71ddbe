/* SPDX-License-Identifier: Apache-2.0 */
/* Repositories page by page, in each order, on both databases. */
#include "store/source_repository.h"

#include "unit/store/fixture.h"

static struct arena arena;

static int add(struct db_tx *tx, const char *name, int64_t modified, struct err *err)
{
	struct store_source_repository r = {.meta = {.repository_id = name,
						    .repository_name = name,
						    .creation_date = WIRE_SET_TIME(modified),
						    .last_modified_date = WIRE_SET_TIME(modified)}};

	return store_source_repository_insert(tx, &r, err);
}

/* All names in the order, two at a time; one comes before all others in between. */
static int walk(struct db_tx *tx, struct store_source_repository_order o, const char *early,
	int64_t early_usec, struct str *out, struct err *err)
{
	struct store_source_repository_name *v;
	size_t n = 2;

	str_clear(out);
	while (n == 2) {
		if (store_source_repository_list(tx, &o, 2, &arena, &v, &n, err) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			str_addf(out, "%s ", v[i].name);
		if (n) {
			o.after_name = v[n - 1].name;
			o.after_usec = v[n - 1].modified_usec;
		}
		if (early && add(tx, early, early_usec, err) < 0)
			return -1;
		early = NULL;
	}
	return 0;
}

static int pages_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;

	(void)arg;
	if (add(tx, "b", 30, err) < 0 || add(tx, "c", 10, err) < 0 || add(tx, "d", 20, err) < 0 ||
		add(tx, "e", 20, err) < 0)
		return -1;
	if (walk(tx, (struct store_source_repository_order){0}, "a", 5, &out, err) < 0)
		return -1;
	assert_string_equal(str_text(&out), "b c d e ");
	if (walk(tx, (struct store_source_repository_order){.descending = true}, "f", 40, &out,
		    err) < 0)
		return -1;
	assert_string_equal(str_text(&out), "e d c b a ");
	if (walk(tx, (struct store_source_repository_order){.by_date = true}, "g", 1, &out, err) <
		0)
		return -1;
	assert_string_equal(str_text(&out), "a c d e b f ");
	if (walk(tx, (struct store_source_repository_order){.by_date = true, .descending = true},
		    "h", 50, &out, err) < 0)
		return -1;
	assert_string_equal(str_text(&out), "f b e d c a g ");
	return 0;
}

static void pages(void **state)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	(void)state;
	if (db_write(db, pages_fn, NULL, &err) < 0)
		fail_msg("%s", err_message(&err));
}

static int release(void **state)
{
	arena_release(&arena);
	return tear_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
	};

	return cmocka_run_group_tests(tests, set_up, release);
}
