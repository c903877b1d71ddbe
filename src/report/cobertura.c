/* SPDX-License-Identifier: Apache-2.0 */
/* Cobertura XML (Cobertura, coverage.py, gcovr, Istanbul, coverlet). Only the lines of classes
 * count; those of methods are among them. */
#include <stdio.h>
#include <string.h>

#include "report/formats.h"
#include "report/xml.h"

struct cobertura {
	struct str path;
	struct report_counts counts;
};

/* condition-coverage="50% (1/2)" */
static int read_branches(struct cobertura *c, const struct xml_attributes *a, struct err *err)
{
	const char *text = xml_attr(a, "condition-coverage"), *branch = xml_attr(a, "branch");
	const char *open = text ? strchr(text, '(') : NULL;
	unsigned covered, all;

	if (!branch || strcasecmp(branch, "true") != 0 || !text)
		return 0;
	if (!open || sscanf(open, "(%9u/%9u)", &covered, &all) != 2 || covered > all)
		return err_set(err, ERR_MALFORMED,
			"condition-coverage is '%.40s', not 'P%% (COVERED/ALL)'", text);
	c->counts.branches_covered += covered;
	c->counts.branches_missed += all - covered;
	return 0;
}

static int read_line(struct cobertura *c, const struct xml_attributes *a, struct err *err)
{
	const char *text = xml_attr(a, "hits");

	if (!text || !*text || strspn(text, "0123456789") != strlen(text))
		return err_set(err, ERR_MALFORMED, "hits of line %.20s is '%.40s', not a count",
			xml_attr(a, "number") ? xml_attr(a, "number") : "?", text ? text : "");
	++*(strspn(text, "0") == strlen(text) ? &c->counts.lines_missed : &c->counts.lines_covered);
	return read_branches(c, a, err);
}

static int on_start(
	struct report_xml *x, const char *name, const struct xml_attributes *a, struct err *err)
{
	struct cobertura *c = x->state;

	if (x->depth == 1 && !xml_attr(a, "line-rate"))
		return err_set(err, ERR_UNSUPPORTED, "this is Clover's form, not Cobertura's");
	if (streq(name, "class")) {
		const char *path = xml_attr(a, "filename");

		if (!path || !*path)
			return err_set(err, ERR_MALFORMED, "a class without filename");
		str_clear(&c->path);
		str_add(&c->path, path);
		c->counts = (struct report_counts){0};
	}
	if (streq(name, "line") && streq(report_xml_parent(x, 1), "lines") &&
		streq(report_xml_parent(x, 2), "class"))
		return read_line(c, a, err);
	return 0;
}

static int on_end(
	struct report_xml *x, const char *name, const char *text UNUSED, struct err *err UNUSED)
{
	struct cobertura *c = x->state;

	if (streq(name, "class"))
		report_add_coverage(x->r, str_text(&c->path), &c->counts);
	return 0;
}

int report_read_cobertura(struct report *r, int fd, struct err *err)
{
	static const char *const roots[] = {"coverage", NULL};
	struct cobertura c = {0};
	struct report_xml x = {
		.r = r, .roots = roots, .start = on_start, .end = on_end, .state = &c};
	int ret = report_xml_read(&x, fd, err);

	str_release(&c.path);
	return ret;
}
