/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets on a real store: the deletion window on a simulated clock, references of builds, a
 * reopened engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "secret/secret.h"
#include "store/migrations.h"

#define DAY_USEC (24 * 3600 * USEC_PER_SEC)

struct world {
	char dir[64];
	struct clock clock;
	struct db *db;
	struct durable *durable;
	struct secret_engine *e;
	struct arena arena;
	struct call call;
};

static struct world w;

static void open_world(void)
{
	struct secret_config c = {
		.account = "111122223333", .region = "us-east-1", .data_dir = w.dir};
	char url[128];

	snprintf(url, sizeof(url), "sqlite:%s/x.db", w.dir);
	assert_int_equal(db_open(url, &w.db, NULL), 0);
	assert_int_equal(store_migrate(w.db, NULL), 0);
	assert_int_equal(durable_new(w.db, &w.clock, &w.durable, NULL), 0);
	c.durable = w.durable;
	assert_int_equal(secret_engine_new(&c, &w.e, NULL), 0);
}

static void close_world(void)
{
	w.e = secret_engine_free(w.e);
	durable_free(w.durable);
	db_close(w.db);
}

static int setup(void **state)
{
	(void)state;
	w = (struct world){.dir = "/tmp/towpath-secret-XXXXXX"};
	assert_non_null(mkdtemp(w.dir));
	clock_init_simulated(&w.clock, 1000 * DAY_USEC);
	w.call =
		(struct call){.arena = &w.arena, .principal_arn = "arn:aws:iam::111122223333:root"};
	open_world();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close_world();
	clock_release(&w.clock);
	arena_release(&w.arena);
	return file_remove_tree(w.dir, NULL);
}

static const char *create(const char *name, const char *text)
{
	struct secretsmanager_create_secret_request req = {.name = name, .secret_string = text};
	struct secretsmanager_create_secret_response resp = {0};

	assert_int_equal(secret_secretsmanager_create_secret(w.e, &w.call, &req, &resp, NULL), 0);
	return resp.arn;
}

static void delete_later(const char *name, int days)
{
	struct secretsmanager_delete_secret_request req = {
		.secret_id = name, .recovery_window_in_days = WIRE_SET_LONG(days)};
	struct secretsmanager_delete_secret_response resp = {0};

	assert_int_equal(secret_secretsmanager_delete_secret(w.e, &w.call, &req, &resp, NULL), 0);
	assert_int_equal(resp.deletion_date.usec, durable_now(w.durable) + days * DAY_USEC);
}

static bool exists(const char *name)
{
	struct secretsmanager_describe_secret_request req = {.secret_id = name};
	struct secretsmanager_describe_secret_response resp = {0};

	return secret_secretsmanager_describe_secret(w.e, &w.call, &req, &resp, NULL) == 0;
}

static void run_days(int days)
{
	assert_true(
		durable_run(w.durable, true, durable_now(w.durable) + days * DAY_USEC, NULL) >= 0);
	clock_set(&w.clock, 1000 * DAY_USEC + days * DAY_USEC);
}

static void test_deletion_window(void **state)
{
	struct secretsmanager_restore_secret_request back = {.secret_id = "kept"};
	struct secretsmanager_restore_secret_response resp = {0};

	(void)state;
	create("gone", "x");
	create("kept", "x");
	delete_later("gone", 7);
	delete_later("kept", 7);
	assert_int_equal(secret_secretsmanager_restore_secret(w.e, &w.call, &back, &resp, NULL), 0);
	/* what waits is in the store, not in the process */
	close_world();
	open_world();
	run_days(6);
	assert_true(exists("gone"));
	run_days(8);
	assert_false(exists("gone"));
	assert_true(exists("kept"));
}

static const char *text_of(const char *reference, struct err *err)
{
	struct secret_reference r;
	const char *text = NULL;

	if (secret_reference_parse(w.e, reference, &w.arena, &r, err) == 0)
		secret_text(w.e, &r, &w.arena, &text, err);
	return text;
}

static void test_references(void **state)
{
	static const struct {
		const char *reference, *message;
	} bad[] = {
		{"", "not of the form"},
		{"db:k:s:v:more", "not of the form"},
		{"db:user:AWSCURRENT:00000000", "names a version stage and a version id"},
		{"db:nothing", "has no JSON key nothing"},
		{"db:port", "is a number, not a string"},
		{"plain:key", "is no JSON object"},
		{"nobody", "can't find the specified secret"},
		{"db::AWSPREVIOUS", "AWSPREVIOUS"},
	};
	const char *arn = create("db", "{\"user\": \"u\", \"port\": 5432}");

	(void)state;
	create("plain", "just text");
	assert_string_equal(text_of("plain", NULL), "just text");
	assert_string_equal(text_of("db:user", NULL), "u");
	assert_string_equal(text_of("db:user:AWSCURRENT", NULL), "u");
	assert_string_equal(text_of(arena_printf(&w.arena, "%s:user", arn), NULL), "u");
	assert_string_equal(text_of(arn, NULL), "{\"user\": \"u\", \"port\": 5432}");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CLEANUP_ERR struct err err = ERR_INIT;

		assert_null(text_of(bad[i].reference, &err));
		if (!strstr(err_message(&err), bad[i].message))
			fail_msg("%s: %s", bad[i].reference, err_message(&err));
	}
}

/* Another key file opens nothing. */
static void test_key_file(void **state)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	char path[128];

	(void)state;
	create("sealed", "x");
	close_world();
	open_world();
	assert_string_equal(text_of("sealed", NULL), "x");
	close_world();
	snprintf(path, sizeof(path), "%s/keys/seal.key", w.dir);
	assert_int_equal(remove(path), 0);
	open_world();
	assert_null(text_of("sealed", &err));
	assert_non_null(strstr(err_message(&err), "the value of sealed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_deletion_window, setup, teardown),
		cmocka_unit_test_setup_teardown(test_references, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
