/* SPDX-License-Identifier: Apache-2.0 */
/* The formats that reports can have. */
#include <strings.h>

#include "base/fd.h"
#include "base/limits.h"
#include "report/formats.h"

static const struct report_format formats[] = {
	{"JUNITXML", REPORT_TEST, report_read_junit},
	{"NUNIT3XML", REPORT_TEST, report_read_nunit3},
	{"NUNITXML", REPORT_TEST, report_read_nunit},
	{"TESTNGXML", REPORT_TEST, report_read_testng},
	{"VISUALSTUDIOTRX", REPORT_TEST, report_read_trx},
	{"CUCUMBERJSON", REPORT_TEST, report_read_cucumber},
	{"SARIF", REPORT_TEST, report_read_sarif},
	{"COBERTURAXML", REPORT_COVERAGE, report_read_cobertura},
	{"CLOVERXML", REPORT_COVERAGE, report_read_clover},
	{"JACOCOXML", REPORT_COVERAGE, report_read_jacoco},
	{"SIMPLECOV", REPORT_COVERAGE, report_read_simplecov},
	{"LCOV", REPORT_COVERAGE, report_read_lcov},
};

const struct report_format *report_format_at(size_t i)
{
	return i < ARRAY_SIZE(formats) ? &formats[i] : NULL;
}

const struct report_format *report_format_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (strcasecmp(formats[i].name, name) == 0)
			return &formats[i];
	return NULL;
}

int report_json_read(int fd, struct arena *a, const struct json_node **ret, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;
	struct view v;

	if (fd_read_all(fd, LIMIT_JSON_BODY, &text, err) < 0)
		return -1;
	v = view_trim(str_view(&text));
	if (view_starts_with(v, "\xef\xbb\xbf")) { /* a byte order mark */
		v.p += 3;
		v.len -= 3;
	}
	if (!v.len || (v.p[0] != '{' && v.p[0] != '['))
		return err_set(err, ERR_UNSUPPORTED, "the file is no JSON object or array");
	return json_parse(v, a, ret, err);
}
