/* SPDX-License-Identifier: Apache-2.0 */
/* Every format read from files as its tools write them (tests/fuzz/corpus/report), and what is
 * refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/limits.h"
#include "report/outcome.h"

static int open_sample(const char *name)
{
	CLEANUP(freep)
	char *path = xasprintf("%s/tests/fuzz/corpus/report/%s", getenv("TOWPATH_SOURCE"), name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail_msg("cannot open %s", path);
	return fd;
}

static int read_sample(struct report *r, const char *format, const char *name, struct err *err)
{
	const struct report_format *f = report_format_find(format);
	int fd CLEANUP_FD = open_sample(name);
	int ret;

	report_init(r, f->kind);
	report_begin_document(r, name);
	ret = f->read(r, fd, err);
	report_finish(r);
	return ret;
}

static const struct report_case *find_case(const struct report *r, const char *name)
{
	vec_foreach (c, &r->failed)
		if (streq(c->name, name))
			return c;
	vec_foreach (c, &r->others)
		if (streq(c->name, name))
			return c;
	fail_msg("no case %s", name);
	return NULL;
}

static void test_formats(void **state)
{
	static const struct {
		const char *file, *format;
		int succeeded, failed, error, skipped, unknown;
		const char *name, *prefix, *suite, *message; /* of one of the cases */
		int64_t nsec;
	} rows[] = {
		{"jest-junit.xml", "junitxml", 2, 1, 0, 1, 0, "payment api refuses an old card",
			"payment api refuses an old card", "payment api",
			"Error: expect(received).toBe(expected)\n"
			"    at Object.toBe (/src/pay.test.js:12:20)",
			125000000},
		{"surefire.xml", "JUNITXML", 1, 1, 1, 0, 0, "sums", "com.example.CartTest",
			"com.example.CartTest",
			"java.lang.AssertionError: expected:<3> but was:<4>\n"
			"\tat com.example.CartTest.sums(CartTest.java:9)",
			20000000},
		{"pytest.xml", "JUNITXML", 1, 0, 0, 1, 0, "test_later", "tests.test_pay", "pytest",
			"/src/test_pay.py:3: later", 0},
		{"cucumber.json", "CUCUMBERJSON", 1, 1, 0, 1, 0, "by cheque", "Pay", "Pay",
			"no cheques", 3000000},
		{"nunit2.xml", "NUNITXML", 1, 1, 1, 1, 1, "Shop.CartTests.Sums", "CartTests",
			"CartTests", "Expected: 3\nat Shop.CartTests.Sums()", 21000000},
		{"nunit3.xml", "NUNIT3XML", 1, 1, 1, 1, 0, "Sums", "Shop.CartTests", "CartTests",
			"Expected: 3\nat Sums", 10000000},
		{"testng.xml", "TESTNGXML", 1, 1, 0, 1, 0, "sums", "com.example.CartTest", "Cart",
			"java.lang.AssertionError: expected [3] but found [4]\n"
			"\tat com.example.CartTest.sums(CartTest.java:9)",
			30000000},
		{"results.trx", "VISUALSTUDIOTRX", 1, 1, 1, 1, 0, "Sums", "Shop.CartTests",
			"Shop.CartTests", "Assert.AreEqual failed.\nat Shop.CartTests.Sums()",
			60500000000},
		{"nested.xml", "JUNITXML", 2, 1, 0, 0, 0, "after", "C", "outer", "too late",
			500000000},
		{"scan.sarif", "SARIF", 1, 1, 1, 1, 1, "src/pay.js:12:5", "no-eval", "lint",
			"eval of a request", 0},
		{"packs.sarif", "SARIF", 0, 0, 3, 0, 1, "src/pay.js:7", "js/sql-injection",
			"CodeQL", "a query of a request", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_REPORT struct report r;
		CLEANUP_ERR struct err err = ERR_INIT;
		const struct report_case *c;

		if (read_sample(&r, rows[i].format, rows[i].file, &err) < 0)
			fail_msg("%s: %s", rows[i].file, err_message(&err));
		print_message("# %s\n", rows[i].file);
		assert_int_equal(r.total[REPORT_CASE_SUCCEEDED], rows[i].succeeded);
		assert_int_equal(r.total[REPORT_CASE_FAILED], rows[i].failed);
		assert_int_equal(r.total[REPORT_CASE_ERROR], rows[i].error);
		assert_int_equal(r.total[REPORT_CASE_SKIPPED], rows[i].skipped);
		assert_int_equal(r.total[REPORT_CASE_UNKNOWN], rows[i].unknown);
		c = find_case(&r, rows[i].name);
		assert_string_equal(c->prefix, rows[i].prefix);
		assert_string_equal(c->suite, rows[i].suite);
		assert_string_equal(c->message, rows[i].message);
		assert_int_equal(c->duration_nsec, rows[i].nsec);
		assert_string_equal(c->file, rows[i].file);
	}
}

static void coverage_formats(void **state)
{
	static const struct {
		const char *file, *format;
		int files, lines_covered, lines_missed, branches_covered, branches_missed;
		const char *first;
	} rows[] = {
		{"jest-clover.xml", "CLOVERXML", 2, 17, 3, 3, 3, "/src/cart.js"},
		{"phpunit-clover.xml", "CLOVERXML", 1, 1, 1, 1, 1, "/src/Cart.php"},
		{"coverage-py.xml", "COBERTURAXML", 2, 5, 2, 3, 1, "shop/cart.py"},
		{"cobertura.xml", "COBERTURAXML", 1, 2, 1, 0, 0, "p/Cart.java"},
		{"jacoco.xml", "JACOCOXML", 2, 18, 2, 3, 1, "com/example/Cart.java"},
		{"simplecov-017.json", "SIMPLECOV", 2, 4, 0, 0, 0, "/src/cart.rb"},
		{"simplecov-022.json", "SIMPLECOV", 1, 2, 1, 1, 1, "/src/cart.rb"},
		{"simplecov-formatter.json", "SIMPLECOV", 1, 1, 1, 1, 0, "/src/cart.rb"},
		{"simplecov-json.json", "SIMPLECOV", 1, 1, 1, 0, 0, "/src/cart.rb"},
		{"lcov.info", "LCOV", 2, 3, 1, 1, 1, "src/cart.js"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_REPORT struct report r;
		CLEANUP_ERR struct err err = ERR_INIT;
		struct report_counts c;

		if (read_sample(&r, rows[i].format, rows[i].file, &err) < 0)
			fail_msg("%s: %s", rows[i].file, err_message(&err));
		print_message("# %s\n", rows[i].file);
		c = report_covered(&r);
		assert_int_equal(r.covered.n, rows[i].files);
		assert_int_equal(c.lines_covered, rows[i].lines_covered);
		assert_int_equal(c.lines_missed, rows[i].lines_missed);
		assert_int_equal(c.branches_covered, rows[i].branches_covered);
		assert_int_equal(c.branches_missed, rows[i].branches_missed);
		assert_string_equal(r.covered.v[0].path, rows[i].first);
	}
}

/* What is broken says where; what is of another format says so, in every format. */
static void refused(void **state)
{
	static const struct {
		const char *file, *format;
		enum err_kind kind;
		const char *says;
	} rows[] = {
		{"bomb.xml", "JUNITXML", ERR_UNSUPPORTED, "a DOCTYPE with declarations"},
		{"deep.xml", "JUNITXML", ERR_MALFORMED, "nested too deep"},
		{"bad-time.xml", "JUNITXML", ERR_MALFORMED,
			"line 3, column 2: time of testcase b: 'soon' is not a duration"},
		{"cut.xml", "JUNITXML", ERR_MALFORMED, "line 3, column 2: unclosed token"},
		{"page.html", "JUNITXML", ERR_UNSUPPORTED, "html"},
		{"lcov.info", "JUNITXML", ERR_UNSUPPORTED, "line 1"},
		{"jest-clover.xml", "JUNITXML", ERR_UNSUPPORTED, "coverage, not testsuites"},
		{"jest-clover.xml", "COBERTURAXML", ERR_UNSUPPORTED, "Clover"},
		{"coverage-py.xml", "CLOVERXML", ERR_UNSUPPORTED, "Cobertura"},
		{"scan.sarif", "SIMPLECOV", ERR_UNSUPPORTED, "SimpleCov"},
		{"scan.sarif", "CUCUMBERJSON", ERR_UNSUPPORTED, "features"},
		{"cucumber.json", "SARIF", ERR_UNSUPPORTED, "SARIF"},
		{"page.html", "LCOV", ERR_UNSUPPORTED, "tracefile"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_REPORT struct report r;
		CLEANUP_ERR struct err err = ERR_INIT;

		if (read_sample(&r, rows[i].format, rows[i].file, &err) == 0)
			fail_msg("%s was read as %s", rows[i].file, rows[i].format);
		if (err.kind != rows[i].kind || !strstr(err_message(&err), rows[i].says))
			fail_msg("%s as %s: %s: %s", rows[i].file, rows[i].format,
				err_kind_name(err.kind), err_message(&err));
	}
}

/* Wrong numbers in each format that has them. */
static void wrong_numbers(void **state)
{
	static const struct {
		const char *format, *text, *says;
	} rows[] = {
		{"CLOVERXML",
			"<coverage><file name='a'><metrics statements='3' coveredstatements='4'/>"
			"</file></coverage>",
			"coveredstatements is above statements"},
		{"CLOVERXML",
			"<coverage><file name='a'><metrics statements='-1' coveredstatements='0'/>"
			"</file></coverage>",
			"'-1', not a count"},
		{"COBERTURAXML",
			"<coverage line-rate='1'><class filename='a'><lines><line number='1' "
			"hits='x'/></lines></class></coverage>",
			"hits of line 1 is 'x'"},
		{"COBERTURAXML",
			"<coverage line-rate='1'><class filename='a'><lines><line number='1' "
			"hits='1' branch='true' condition-coverage='(3/2)'/></lines></class>"
			"</coverage>",
			"'(3/2)'"},
		{"JACOCOXML",
			"<report><sourcefile name='a'><counter type='LINE' covered='1'/>"
			"</sourcefile></report>",
			"counter of a: missed is missing"},
		{"SIMPLECOV", "{\"RSpec\":{\"coverage\":{\"a\":[-1]}}}", "line 1 has no count"},
		{"LCOV", "SF:a\nDA:1\nend_of_record\n", "line 2: '' is not a count of hits"},
		{"LCOV", "SF:a\nLF:1\nLH:2\nend_of_record\n", "line 4: more is covered"},
		{"LCOV", "SF:a\nDA:1,1\n", "the record of a has no end"},
		{"VISUALSTUDIOTRX",
			"<TestRun><UnitTestResult testName='a' duration='1h'/></TestRun>",
			"duration of a: '1h' is not a duration"},
		{"CUCUMBERJSON",
			"[{\"name\":\"f\",\"elements\":[{\"steps\":[{\"result\":{\"duration\":"
			"\"x\"}}]}]}]",
			"feature f: step 1: its duration is a string"},
		{"SARIF",
			"{\"version\":\"2.1.0\",\"runs\":[{\"invocations\":[{"
			"\"executionSuccessful\":"
			"false,\"toolExecutionNotifications\":[{\"message\":{\"text\":\"out of "
			"memory\"}}]}]}]}",
			"run 1: the tool says that its run failed: out of memory"},
		{"SARIF", "{\"version\":\"2.1.0\",\"runs\":[{\"results\":[{\"level\":\"bad\"}]}]}",
			"run 1: result 1: level 'bad'"},
		{"SARIF", "{\"version\":\"1.0.0\",\"runs\":[]}", "SARIF version 1.0.0"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_REPORT struct report r;
		CLEANUP_ERR struct err err = ERR_INIT;
		int fd CLEANUP_FD = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		const struct report_format *f = report_format_find(rows[i].format);

		assert_int_equal(fd_write_all(fd, rows[i].text, strlen(rows[i].text), &err), 0);
		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		report_init(&r, f->kind);
		assert_int_equal(f->read(&r, fd, &err), -1);
		if (err.kind != ERR_MALFORMED || !strstr(err_message(&err), rows[i].says))
			fail_msg("%s: %s", rows[i].text, err_message(&err));
	}
}

/* Failed cases are kept before others, all are counted. */
static void truncated(void **state)
{
	CLEANUP_REPORT struct report r;

	(void)state;
	report_init(&r, REPORT_TEST);
	report_begin_document(&r, "a");
	for (int i = 0; i < 2 * LIMIT_REPORT_CASES; i++) {
		const struct report_case c = {.name = "n",
			.status = i >= LIMIT_REPORT_CASES + 100 ? REPORT_CASE_FAILED
								: REPORT_CASE_SUCCEEDED};

		report_add_case(&r, &c);
	}
	report_finish(&r);
	assert_int_equal(r.failed.n, LIMIT_REPORT_CASES - 100);
	assert_int_equal(r.others.n, 100);
	assert_int_equal(r.total[REPORT_CASE_SUCCEEDED], LIMIT_REPORT_CASES + 100);
	assert_true(r.truncated);
}

/* Of several documents about a file the best counts; its parts within one add up. */
static void merged(void **state)
{
	const struct report_counts half = {.lines_covered = 1, .lines_missed = 1};
	const struct report_counts full = {.lines_covered = 2};
	CLEANUP_REPORT struct report r;

	(void)state;
	report_init(&r, REPORT_COVERAGE);
	report_begin_document(&r, "a");
	report_add_coverage(&r, "x", &half);
	report_add_coverage(&r, "x", &half);
	report_begin_document(&r, "b");
	report_add_coverage(&r, "x", &full);
	report_begin_document(&r, "c");
	report_add_coverage(&r, "x", &half);
	report_finish(&r);
	assert_int_equal(report_covered(&r).lines_covered, 2);
	assert_int_equal(report_covered(&r).lines_missed, 0);
}

static void add_file(const char *dir, const char *name, const char *sample)
{
	CLEANUP(freep) char *to = xasprintf("%s/%s", dir, name);
	CLEANUP_STR struct str text = STR_INIT;
	int fd CLEANUP_FD = open_sample(sample);

	assert_int_equal(fd_read_all(fd, LIMIT_JSON_BODY, &text, NULL), 0);
	assert_int_equal(file_write_atomic(to, str_view(&text), 0600, NULL), 0);
}

/* A folder as jest leaves it behind: nobody named a format, none of it is JUnit. */
static void jest_folder(void **state)
{
	char dir[] = "/tmp/towpath-report-XXXXXX";
	CLEANUP_STR struct str out = STR_INIT;
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	CLEANUP(freep) char *below = NULL;
	struct towpath_report_outcome o;
	struct towpath_report_item *items;
	struct view rest;
	int fd CLEANUP_FD = -1;

	(void)state;
	assert_non_null(mkdtemp(dir));
	below = xasprintf("%s/lcov-report", dir);
	assert_int_equal(mkdir(below, 0700), 0);
	add_file(dir, "clover.xml", "jest-clover.xml");
	add_file(dir, "lcov.info", "lcov.info");
	add_file(dir, "lcov-report/index.html", "page.html");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(report_read_folder("jest-reports", fd, report_format_find("JUNITXML"),
				 true, stderr, &out, &err),
		0);
	rest = str_view(&out);
	assert_int_equal(report_outcome_read(&rest, &a, &o, &items, &err), 1);
	assert_string_equal(o.status, "INCOMPLETE");
	assert_non_null(strstr(o.message, "no file of format JUNITXML among 3: clover.xml"));
	assert_int_equal(report_outcome_read(&rest, &a, &o, &items, &err), 1);
	assert_string_equal(o.format, "CLOVERXML");
	assert_string_equal(o.status, "SUCCEEDED");
	assert_true(o.discovered.v);
	assert_int_equal(o.lines_covered.v, 17);
	assert_string_equal(items[1].name, "/src/pay.js");
	assert_int_equal(report_outcome_read(&rest, &a, &o, &items, &err), 0);
	assert_int_equal(file_remove_tree(dir, &err), 0);
}

/* The outcome's document comes from inside a build: what no reader of ours writes is refused. */
static void unsound_outcomes(void **state)
{
	static const char *const rows[] = {
		"{}",
		"not json",
		"{\"format\":\"JUNITXML\"}",
		"{\"format\":\"OTHER\",\"status\":\"FAILED\",\"items\":0}",
		"{\"format\":\"JUNITXML\",\"status\":\"FAILED\",\"items\":501}",
		"{\"format\":\"JUNITXML\",\"status\":\"FAILED\",\"items\":-1}",
		"{\"format\":\"JUNITXML\",\"status\":\"FAILED\",\"items\":1}",
		"{\"format\":\"JUNITXML\",\"status\":\"FAILED\",\"items\":1}\n"
		"{\"name\":\"a\",\"status\":\"GOOD\"}",
		"{\"format\":\"LCOV\",\"status\":\"FAILED\",\"items\":1}\n"
		"{\"name\":\"a\",\"linesCovered\":-5}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP_ARENA struct arena a = ARENA_INIT;
		CLEANUP_ERR struct err err = ERR_INIT;
		struct towpath_report_outcome o;
		struct towpath_report_item *items;
		struct view rest = view_of(rows[i]);

		if (report_outcome_read(&rest, &a, &o, &items, &err) != -1)
			fail_msg("%s was accepted", rows[i]);
		assert_int_equal(err.kind, ERR_MALFORMED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_formats),
		cmocka_unit_test(coverage_formats),
		cmocka_unit_test(refused),
		cmocka_unit_test(wrong_numbers),
		cmocka_unit_test(truncated),
		cmocka_unit_test(merged),
		cmocka_unit_test(jest_folder),
		cmocka_unit_test(unsound_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
