/* SPDX-License-Identifier: Apache-2.0 */
/* testng-results.xml. Methods that only prepare or tidy (is-config) count when they fail. */
#include "report/formats.h"
#include "report/xml.h"

struct testng {
	struct str suite, class;
	bool config;
};

static const struct {
	const char *name;
	enum report_case_status status;
} statuses[] = {
	{"PASS", REPORT_CASE_SUCCEEDED},
	{"FAIL", REPORT_CASE_FAILED},
	{"SKIP", REPORT_CASE_SKIPPED},
	{"SUCCESS_PERCENTAGE_FAILURE", REPORT_CASE_SUCCEEDED},
};

static enum report_case_status status_of(const char *text)
{
	for (size_t i = 0; text && i < ARRAY_SIZE(statuses); i++)
		if (streq(statuses[i].name, text))
			return statuses[i].status;
	return REPORT_CASE_UNKNOWN;
}

static int start_method(struct report_xml *x, const struct testng *t,
	const struct xml_attributes *a, struct err *err)
{
	const char *name = xml_attr(a, "name");
	int64_t duration;

	if (report_duration(xml_attr(a, "duration-ms"), 1e6, &duration, err) < 0)
		return err_wrap(
			err, "duration-ms of test-method %.200s", name ? name : "(unnamed)");
	report_xml_case(x, name, str_text(&t->class), str_text(&t->suite),
		status_of(xml_attr(a, "status")), duration);
	return 0;
}

static int on_start(
	struct report_xml *x, const char *name, const struct xml_attributes *a, struct err *err)
{
	struct testng *t = x->state;

	if (streq(name, "test") || streq(name, "class")) {
		struct str *to = streq(name, "test") ? &t->suite : &t->class;

		str_clear(to);
		str_add(to, xml_attr(a, "name") ? xml_attr(a, "name") : "");
	}
	if (!streq(name, "test-method"))
		return 0;
	t->config = xml_attr(a, "is-config") && streq(xml_attr(a, "is-config"), "true");
	return start_method(x, t, a, err);
}

static int on_end(struct report_xml *x, const char *name, const char *text, struct err *err UNUSED)
{
	struct testng *t = x->state;

	if (streq(name, "test-method")) {
		if (t->config && x->test.status != REPORT_CASE_FAILED)
			x->in_case = false;
		report_xml_case_end(x);
	}
	if (streq(report_xml_parent(x, 1), "exception") &&
		(streq(name, "message") || streq(name, "full-stacktrace")))
		report_xml_message(x, text);
	return 0;
}

int report_read_testng(struct report *r, int fd, struct err *err)
{
	static const char *const roots[] = {"testng-results", NULL};
	struct testng t = {0};
	struct report_xml x = {
		.r = r, .roots = roots, .start = on_start, .end = on_end, .state = &t};
	int ret = report_xml_read(&x, fd, err);

	str_release(&t.suite);
	str_release(&t.class);
	return ret;
}
