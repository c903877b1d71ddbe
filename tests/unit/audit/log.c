/* SPDX-License-Identifier: Apache-2.0 */
/* The chain of records: what is whole verifies, whatever is done to it shows. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "audit/engine.h"
#include "base/file.h"
#include "base/path.h"

static struct {
	char dir[64];
	struct audit_engine *e;
} w;

static void open_engine(void)
{
	struct err err CLEANUP_ERR = ERR_INIT;

	if (audit_engine_new(w.dir, &w.e, &err) < 0)
		fail_msg("%s", err_message(&err));
}

static void add_records(void)
{
	snprintf(w.dir, sizeof(w.dir), "/tmp/towpath-audit-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	open_engine();
	for (int i = 0; i < 100; i++) {
		char text[64];

		snprintf(text, sizeof(text), "{\"eventID\":\"%d\"}", i);
		audit_add(w.e, view_of(text));
		if (i % 30 == 0)
			audit_flush(w.e);
	}
	w.e = audit_engine_free(w.e);
}

static int teardown(void **state)
{
	(void)state;
	w.e = audit_engine_free(w.e);
	return file_remove_tree(w.dir, NULL);
}

static void list_logs(struct strv *ret)
{
	char *dir CLEANUP(freep) = path_join(w.dir, "audit");

	assert_int_equal(audit_files(dir, ret, NULL), 0);
}

/* All records in one file, of which there is one a day. */
static int setup(void **state)
{
	for (;;) {
		struct strv files CLEANUP_STRV = {0};

		add_records();
		list_logs(&files);
		if (files.n == 1)
			return 0;
		teardown(state); /* it was midnight */
	}
}

static char *log_path(void)
{
	char *dir CLEANUP(freep) = path_join(w.dir, "audit");
	struct strv files CLEANUP_STRV = {0};

	list_logs(&files);
	assert_int_equal(files.n, 1);
	return path_join(dir, files.v[0]);
}

static void read_log(struct str *ret)
{
	char *path CLEANUP(freep) = log_path();

	assert_int_equal(file_read(path, SIZE_MAX, ret, NULL), 0);
}

static void write_log(struct view text)
{
	char *path CLEANUP(freep) = log_path();

	assert_int_equal(file_write_atomic(path, text, 0600, NULL), 0);
}

static void expect(bool whole, int64_t records)
{
	struct err err CLEANUP_ERR = ERR_INIT;
	struct audit_report report;
	int r = audit_verify(w.dir, &report, &err);

	if (whole && r < 0)
		fail_msg("%s", err_message(&err));
	assert_int_equal(r, whole ? 0 : -1);
	if (whole)
		assert_int_equal(report.records, records);
}

static void whole_records_verify(void **state)
{
	(void)state;
	expect(true, 100);
	open_engine();
	audit_add(w.e, VIEW("{\"eventID\":\"more\"}"));
	audit_flush(w.e);
	expect(true, 101); /* while it is open */
	w.e = audit_engine_free(w.e);
	expect(true, 101);
}

static void a_change_shows(void **state)
{
	struct str text CLEANUP_STR = STR_INIT;

	(void)state;
	read_log(&text);
	*strstr(text.p, "\"42\"") = '\'';
	write_log(str_view(&text));
	expect(false, 0);
}

/* Takes the lines from `first` on away, `n` of them. */
static void take_away(struct str *text, int first, size_t n)
{
	char *start = text->p, *end;

	while (first-- > 0)
		start = strchr(start, '\n') + 1;
	end = start;
	while (n-- > 0)
		end = strchr(end, '\n') + 1;
	memmove(start, end, strlen(end) + 1);
	str_truncate(text, strlen(text->p));
	write_log(str_view(text));
}

static void a_gap_shows(void **state)
{
	struct str text CLEANUP_STR = STR_INIT;

	(void)state;
	read_log(&text);
	take_away(&text, 50, 1);
	expect(false, 0);
}

static void a_cut_end_shows(void **state)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct err err CLEANUP_ERR = ERR_INIT;
	struct audit_report report;

	(void)state;
	read_log(&text);
	take_away(&text, 97, 3);
	assert_int_equal(audit_verify(w.dir, &report, &err), -1);
	assert_non_null(strstr(err_message(&err), "3 records are missing at the end"));
}

static void a_lost_file_shows(void **state)
{
	char *path CLEANUP(freep) = log_path();

	(void)state;
	assert_int_equal(unlink(path), 0);
	expect(false, 0);
}

/* What a crash leaves of the last line was never whole: it goes, the chain goes on. */
static void a_torn_line_is_cut_off(void **state)
{
	char *path CLEANUP(freep) = log_path();
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, "0123456789", 10), 10);
	close(fd);
	expect(true, 100);
	open_engine();
	audit_add(w.e, VIEW("{\"eventID\":\"after\"}"));
	w.e = audit_engine_free(w.e);
	expect(true, 101);
}

/* A head that a crash left behind does not make new records look cut. */
static void the_head_may_lag(void **state)
{
	char *head CLEANUP(freep) = xasprintf("%s/audit/head", w.dir);
	struct str before CLEANUP_STR = STR_INIT;

	(void)state;
	assert_int_equal(file_read(head, 4096, &before, NULL), 0);
	open_engine();
	audit_add(w.e, VIEW("{\"eventID\":\"x\"}"));
	w.e = audit_engine_free(w.e);
	assert_int_equal(file_write_atomic(head, str_view(&before), 0600, NULL), 0);
	expect(true, 101);
	open_engine();
	w.e = audit_engine_free(w.e);
	assert_int_equal(
		file_write_atomic(head, VIEW("towpath-audit-1 0 - - 0 00\n"), 0600, NULL), 0);
	expect(false, 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(whole_records_verify),
		CASE(a_change_shows),
		CASE(a_gap_shows),
		CASE(a_cut_end_shows),
		CASE(a_lost_file_shows),
		CASE(a_torn_line_is_cut_off),
		CASE(the_head_may_lag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
