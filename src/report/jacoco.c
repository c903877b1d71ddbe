/* SPDX-License-Identifier: Apache-2.0 */
/* JaCoCo XML: the LINE and BRANCH counters of each sourcefile. */
#include "report/formats.h"
#include "report/xml.h"

struct jacoco {
	struct str package, path;
	struct report_counts counts;
};

static void start_file(struct jacoco *j, const char *name)
{
	str_clear(&j->path);
	if (j->package.len)
		str_addf(&j->path, "%s/", str_text(&j->package));
	str_add(&j->path, name ? name : "");
	j->counts = (struct report_counts){0};
}

static int read_counter(struct jacoco *j, const struct xml_attributes *a, struct err *err)
{
	const char *type = xml_attr(a, "type");
	int64_t covered, missed;

	if (!type || (!streq(type, "LINE") && !streq(type, "BRANCH")))
		return 0;
	if (report_count(xml_attr(a, "covered"), "covered", &covered, err) < 0 ||
		report_count(xml_attr(a, "missed"), "missed", &missed, err) < 0)
		return err_wrap(err, "counter of %.200s", str_text(&j->path));
	if (streq(type, "LINE")) {
		j->counts.lines_covered = covered;
		j->counts.lines_missed = missed;
	} else {
		j->counts.branches_covered = covered;
		j->counts.branches_missed = missed;
	}
	return 0;
}

static int on_start(
	struct report_xml *x, const char *name, const struct xml_attributes *a, struct err *err)
{
	struct jacoco *j = x->state;

	if (streq(name, "package")) {
		str_clear(&j->package);
		str_add(&j->package, xml_attr(a, "name") ? xml_attr(a, "name") : "");
	}
	if (streq(name, "sourcefile"))
		start_file(j, xml_attr(a, "name"));
	if (streq(name, "counter") && streq(report_xml_parent(x, 1), "sourcefile"))
		return read_counter(j, a, err);
	return 0;
}

static int on_end(
	struct report_xml *x, const char *name, const char *text UNUSED, struct err *err UNUSED)
{
	struct jacoco *j = x->state;

	if (streq(name, "sourcefile") && j->path.len)
		report_add_coverage(x->r, str_text(&j->path), &j->counts);
	return 0;
}

int report_read_jacoco(struct report *r, int fd, struct err *err)
{
	static const char *const roots[] = {"report", NULL};
	struct jacoco j = {0};
	struct report_xml x = {
		.r = r, .roots = roots, .start = on_start, .end = on_end, .state = &j};
	int ret = report_xml_read(&x, fd, err);

	str_release(&j.package);
	str_release(&j.path);
	return ret;
}
