/* SPDX-License-Identifier: Apache-2.0 */
/* JUnit XML: what Ant, Surefire, pytest, jest-junit, Gradle and many others write. */
#include "report/formats.h"
#include "report/xml.h"

/* What an element in a testcase says of it. Surefire tells of reruns in elements of their own:
 * a flaky test has passed in the end. */
static const struct {
	const char *name;
	enum report_case_status status;
} outcomes[] = {
	{"failure", REPORT_CASE_FAILED},
	{"error", REPORT_CASE_ERROR},
	{"skipped", REPORT_CASE_SKIPPED},
	{"ignored", REPORT_CASE_SKIPPED},
};

static int start_case(struct report_xml *x, const struct xml_attributes *a, struct err *err)
{
	const char *name = xml_attr(a, "name");
	int64_t duration;

	if (report_duration(xml_attr(a, "time"), 1e9, &duration, err) < 0)
		return err_wrap(err, "time of testcase %.200s", name ? name : "(unnamed)");
	report_xml_case(x, name, xml_attr(a, "classname"), report_xml_suite_name(x),
		REPORT_CASE_SUCCEEDED, duration);
	return 0;
}

static int on_start(
	struct report_xml *x, const char *name, const struct xml_attributes *a, struct err *err)
{
	if (streq(name, "testsuite"))
		report_xml_suite(x, xml_attr(a, "name"));
	if (streq(name, "testcase"))
		return start_case(x, a, err);
	if (!x->in_case || !streq(report_xml_parent(x, 1), "testcase"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++) {
		if (!streq(outcomes[i].name, name))
			continue;
		x->test.status = outcomes[i].status;
		report_xml_message(x, xml_attr(a, "message"));
	}
	return 0;
}

static int on_end(struct report_xml *x, const char *name, const char *text, struct err *err UNUSED)
{
	if (streq(name, "testsuite"))
		report_xml_suite_end(x);
	if (streq(name, "testcase")) {
		report_xml_case_end(x);
		return 0;
	}
	if (!x->in_case || !streq(report_xml_parent(x, 1), "testcase"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(outcomes); i++)
		if (streq(outcomes[i].name, name))
			report_xml_message(x, text);
	return 0;
}

int report_read_junit(struct report *r, int fd, struct err *err)
{
	static const char *const roots[] = {"testsuites", "testsuite", NULL};
	struct report_xml x = {.r = r, .roots = roots, .start = on_start, .end = on_end};

	return report_xml_read(&x, fd, err);
}
