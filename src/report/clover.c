/* SPDX-License-Identifier: Apache-2.0 */
/* Clover XML (OpenClover, Istanbul/jest, PHPUnit). Lines are a file's statements, branches its
 * conditionals, as its metrics tell; without metrics its line elements are counted. */
#include "report/formats.h"
#include "report/xml.h"

struct clover {
	struct str path;
	bool in_file, has_metrics;
	struct report_counts counts, counted;
};

/* A pair of attributes: how many there are, and how many of them are covered. */
static int read_pair(const struct xml_attributes *a, const char *all, const char *covered,
	int64_t *ret_covered, int64_t *ret_missed, struct err *err)
{
	int64_t total, hit;

	if (!xml_attr(a, all) && !xml_attr(a, covered))
		return 0;
	if (report_count(xml_attr(a, all), all, &total, err) < 0 ||
		report_count(xml_attr(a, covered), covered, &hit, err) < 0)
		return -1;
	if (hit > total)
		return err_set(err, ERR_MALFORMED, "%s is above %s", covered, all);
	*ret_covered = hit;
	*ret_missed = total - hit;
	return 0;
}

static int read_metrics(struct clover *c, const struct xml_attributes *a, struct err *err)
{
	c->has_metrics = true;
	if (read_pair(a, "statements", "coveredstatements", &c->counts.lines_covered,
		    &c->counts.lines_missed, err) < 0)
		return -1;
	return read_pair(a, "conditionals", "coveredconditionals", &c->counts.branches_covered,
		&c->counts.branches_missed, err);
}

static void count(bool hit, int64_t *covered, int64_t *missed)
{
	++*(hit ? covered : missed);
}

static int read_line(struct clover *c, const struct xml_attributes *a, struct err *err)
{
	static const char *const ways[] = {"truecount", "falsecount"};
	const char *type = xml_attr(a, "type");
	int64_t hits;

	if (!type || !streq(type, "cond")) {
		if (report_count(xml_attr(a, "count"), "count of a line", &hits, err) < 0)
			return -1;
		if (!type || !streq(type, "method"))
			count(hits > 0, &c->counted.lines_covered, &c->counted.lines_missed);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!xml_attr(a, ways[i]))
			continue;
		if (report_count(xml_attr(a, ways[i]), ways[i], &hits, err) < 0)
			return -1;
		count(hits > 0, &c->counted.branches_covered, &c->counted.branches_missed);
	}
	return 0;
}

static void start_file(struct clover *c, const struct xml_attributes *a)
{
	const char *path = xml_attr(a, "path");

	if (!path)
		path = xml_attr(a, "name");
	str_clear(&c->path);
	str_add(&c->path, path ? path : "");
	c->in_file = true;
	c->has_metrics = false;
	c->counts = c->counted = (struct report_counts){0};
}

static int on_start(
	struct report_xml *x, const char *name, const struct xml_attributes *a, struct err *err)
{
	struct clover *c = x->state;

	if (streq(name, "file"))
		start_file(c, a);
	if (!c->in_file || !streq(report_xml_parent(x, 1), "file"))
		return 0;
	if (streq(name, "metrics"))
		return read_metrics(c, a, err);
	return streq(name, "line") ? read_line(c, a, err) : 0;
}

static int on_end(struct report_xml *x, const char *name, const char *text UNUSED, struct err *err)
{
	struct clover *c = x->state;

	if (!streq(name, "file") || !c->in_file)
		return 0;
	c->in_file = false;
	if (!c->path.len)
		return err_set(err, ERR_MALFORMED, "a file without path and name");
	report_add_coverage(x->r, str_text(&c->path), c->has_metrics ? &c->counts : &c->counted);
	return 0;
}

/* Cobertura's root has the same name, but tells its rate. */
static int start_root(
	struct report_xml *x, const char *name, const struct xml_attributes *a, struct err *err)
{
	if (x->depth == 1 && xml_attr(a, "line-rate"))
		return err_set(err, ERR_UNSUPPORTED, "this is Cobertura's form, not Clover's");
	return on_start(x, name, a, err);
}

int report_read_clover(struct report *r, int fd, struct err *err)
{
	static const char *const roots[] = {"coverage", NULL};
	struct clover c = {0};
	struct report_xml x = {
		.r = r, .roots = roots, .start = start_root, .end = on_end, .state = &c};
	int ret = report_xml_read(&x, fd, err);

	str_release(&c.path);
	return ret;
}
