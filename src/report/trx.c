/* SPDX-License-Identifier: Apache-2.0 */
/* Visual Studio's TRX. Results name their test by an id; the class stands in the definitions,
 * behind the results, so the file is read twice. */
#include <unistd.h>

#include "report/formats.h"
#include "report/xml.h"

struct trx {
	struct map classes; /* id of a test -> its class, owned */
	struct str id;	    /* of the definition in hand */
};

static const struct {
	const char *outcome;
	enum report_case_status status;
} outcomes[] = {
	{"Passed", REPORT_CASE_SUCCEEDED},
	{"PassedButRunAborted", REPORT_CASE_SUCCEEDED},
	{"Failed", REPORT_CASE_FAILED},
	{"Error", REPORT_CASE_ERROR},
	{"Timeout", REPORT_CASE_ERROR},
	{"Aborted", REPORT_CASE_ERROR},
	{"NotRunnable", REPORT_CASE_ERROR},
	{"Disconnected", REPORT_CASE_ERROR},
	{"NotExecuted", REPORT_CASE_SKIPPED},
	{"Pending", REPORT_CASE_SKIPPED},
};

static enum report_case_status status_of(const char *outcome)
{
	for (size_t i = 0; outcome && i < ARRAY_SIZE(outcomes); i++)
		if (streq(outcomes[i].outcome, outcome))
			return outcomes[i].status;
	return outcome ? REPORT_CASE_UNKNOWN : REPORT_CASE_SUCCEEDED;
}

/* ---- the definitions ---- */

static int define(
	struct report_xml *x, const char *name, const struct xml_attributes *a, struct err *err)
{
	struct trx *t = x->state;
	const char *class = xml_attr(a, "className");

	if (streq(name, "UnitTest")) {
		str_clear(&t->id);
		str_add(&t->id, xml_attr(a, "id") ? xml_attr(a, "id") : "");
	}
	if (!streq(name, "TestMethod") || !class || !t->id.len)
		return 0;
	if (t->classes.count >= LIMIT_REPORT_TESTS)
		return err_set(
			err, ERR_TOO_LARGE, "more than %d tests are defined", LIMIT_REPORT_TESTS);
	free(map_set(&t->classes, str_text(&t->id), xstrdup(class)));
	return 0;
}

static int ignore_end(struct report_xml *x UNUSED, const char *name UNUSED, const char *text UNUSED,
	struct err *err UNUSED)
{
	return 0;
}

/* ---- the results ---- */

static int on_start(
	struct report_xml *x, const char *name, const struct xml_attributes *a, struct err *err)
{
	struct trx *t = x->state;
	const char *id = xml_attr(a, "testId"), *test = xml_attr(a, "testName");
	const char *class;
	int64_t duration;

	if (!streq(name, "UnitTestResult"))
		return 0;
	report_xml_case_end(x); /* the results of a test with data hold one another */
	if (report_clock_duration(xml_attr(a, "duration"), &duration, err) < 0)
		return err_wrap(err, "duration of %.200s", test ? test : "(unnamed)");
	class = id ? map_get(&t->classes, id) : NULL;
	report_xml_case(x, test, class, class, status_of(xml_attr(a, "outcome")), duration);
	return 0;
}

static int on_end(struct report_xml *x, const char *name, const char *text, struct err *err UNUSED)
{
	if (streq(name, "UnitTestResult"))
		report_xml_case_end(x);
	if (streq(report_xml_parent(x, 1), "ErrorInfo") &&
		(streq(name, "Message") || streq(name, "StackTrace")))
		report_xml_message(x, text);
	return 0;
}

int report_read_trx(struct report *r, int fd, struct err *err)
{
	static const char *const roots[] = {"TestRun", NULL};
	struct trx t = {0};
	struct report_xml definitions = {
		.r = r, .roots = roots, .start = define, .end = ignore_end, .state = &t};
	struct report_xml x = {
		.r = r, .roots = roots, .start = on_start, .end = on_end, .state = &t};
	CLEANUP_ERR struct err first = ERR_INIT;
	int ret = report_xml_read(&definitions, fd, &first);

	/* A broken file is read up to where it breaks. */
	if (ret < 0 && !err_is(&first, ERR_MALFORMED))
		err_move(err, &first);
	else if (lseek(fd, 0, SEEK_SET) < 0)
		ret = err_set(err, ERR_IO, "the file cannot be read twice");
	else
		ret = report_xml_read(&x, fd, err);
	map_release_with(&t.classes, free);
	str_release(&t.id);
	return ret;
}
