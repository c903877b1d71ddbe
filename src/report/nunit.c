/* SPDX-License-Identifier: Apache-2.0 */
/* NUnit's XML in its two forms: 2 (root test-results) and 3 (root test-run). */
#include "report/formats.h"
#include "report/xml.h"

struct nunit {
	bool version3;
};

static const struct {
	const char *result;
	enum report_case_status status;
} results[] = {
	{"Success", REPORT_CASE_SUCCEEDED},
	{"Passed", REPORT_CASE_SUCCEEDED},
	{"Failure", REPORT_CASE_FAILED},
	{"Failed", REPORT_CASE_FAILED},
	{"Error", REPORT_CASE_ERROR},
	{"NotRunnable", REPORT_CASE_ERROR},
	{"Cancelled", REPORT_CASE_ERROR},
	{"Ignored", REPORT_CASE_SKIPPED},
	{"Skipped", REPORT_CASE_SKIPPED},
};

/* Inconclusive, Warning and what is new are UNKNOWN. */
static enum report_case_status status_of(const struct xml_attributes *a)
{
	const char *result = xml_attr(a, "result"), *label = xml_attr(a, "label");
	const char *executed = xml_attr(a, "executed"), *success = xml_attr(a, "success");

	if (!result && executed && streq(executed, "False"))
		return REPORT_CASE_SKIPPED;
	if (!result && success)
		return streq(success, "True") ? REPORT_CASE_SUCCEEDED : REPORT_CASE_FAILED;
	for (size_t i = 0; result && i < ARRAY_SIZE(results); i++) {
		if (!streq(results[i].result, result))
			continue;
		if (results[i].status == REPORT_CASE_FAILED && label &&
			(streq(label, "Error") || streq(label, "Invalid")))
			return REPORT_CASE_ERROR;
		return results[i].status;
	}
	return REPORT_CASE_UNKNOWN;
}

static int start_case(struct report_xml *x, const struct xml_attributes *a, struct err *err)
{
	struct nunit *n = x->state;
	const char *name = xml_attr(a, "name");
	const char *suite = report_xml_suite_name(x);
	const char *prefix = n->version3 ? xml_attr(a, "classname") : suite;
	int64_t duration;

	if (report_duration(xml_attr(a, n->version3 ? "duration" : "time"), 1e9, &duration, err) <
		0)
		return err_wrap(err, "test-case %.200s", name ? name : "(unnamed)");
	report_xml_case(x, name, prefix ? prefix : suite, suite, status_of(a), duration);
	return 0;
}

static int on_start(
	struct report_xml *x, const char *name, const struct xml_attributes *a, struct err *err)
{
	if (streq(name, "test-suite"))
		report_xml_suite(x, xml_attr(a, "name"));
	if (streq(name, "test-case"))
		return start_case(x, a, err);
	return 0;
}

static int on_end(struct report_xml *x, const char *name, const char *text, struct err *err UNUSED)
{
	const char *parent = report_xml_parent(x, 1);

	if (streq(name, "test-suite"))
		report_xml_suite_end(x);
	if (streq(name, "test-case"))
		report_xml_case_end(x);
	if ((streq(name, "message") || streq(name, "stack-trace")) &&
		(streq(parent, "failure") || streq(parent, "reason")))
		report_xml_message(x, text);
	return 0;
}

static int read_version(
	struct report *r, int fd, bool version3, const char *const *roots, struct err *err)
{
	struct nunit n = {.version3 = version3};
	struct report_xml x = {
		.r = r, .roots = roots, .start = on_start, .end = on_end, .state = &n};

	return report_xml_read(&x, fd, err);
}

int report_read_nunit(struct report *r, int fd, struct err *err)
{
	static const char *const roots[] = {"test-results", NULL};

	return read_version(r, fd, false, roots, err);
}

int report_read_nunit3(struct report *r, int fd, struct err *err)
{
	static const char *const roots[] = {"test-run", NULL};

	return read_version(r, fd, true, roots, err);
}
