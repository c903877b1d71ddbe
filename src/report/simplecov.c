/* SPDX-License-Identifier: Apache-2.0 */
/* SimpleCov's documents: .resultset.json (suite -> coverage -> file; up to 0.17 a file is its list
 * of hits, since 0.18 an object with lines and branches), coverage.json of the JSON formatter of
 * 0.22 (coverage -> file) and of simplecov-json (files: [{filename, coverage}]). */
#include "report/formats.h"

static void count(bool hit, int64_t *covered, int64_t *missed)
{
	++*(hit ? covered : missed);
}

/* A list of hits: null is no line of code, "ignored" one that does not count. */
static int read_lines(const struct json_node *list, struct report_counts *c, struct err *err)
{
	if (list->kind != JSON_KIND_ARRAY)
		return err_set(err, ERR_MALFORMED, "its lines are %s, not an array",
			json_kind_name(list->kind));
	for (size_t i = 0; i < list->n; i++) {
		const struct json_node *hits = &list->items[i];

		if (hits->kind == JSON_KIND_INT && hits->integer >= 0)
			count(hits->integer > 0, &c->lines_covered, &c->lines_missed);
		else if (hits->kind != JSON_KIND_NULL && hits->kind != JSON_KIND_STRING)
			return err_set(err, ERR_MALFORMED, "line %zu has no count of hits", i + 1);
	}
	return 0;
}

static void count_branch(const struct json_node *hits, struct report_counts *c)
{
	if (hits && hits->kind == JSON_KIND_INT)
		count(hits->integer > 0, &c->branches_covered, &c->branches_missed);
}

/* Objects of conditions with their ways and hits, or a list of ways. */
static void read_branches(const struct json_node *node, struct report_counts *c)
{
	for (size_t i = 0; node && node->items && i < node->n; i++) {
		const struct json_node *condition = &node->items[i];

		if (node->kind == JSON_KIND_ARRAY)
			count_branch(json_member(condition, "coverage"), c);
		for (size_t j = 0; node->kind == JSON_KIND_OBJECT &&
				   condition->kind == JSON_KIND_OBJECT && j < condition->n;
			j++)
			count_branch(&condition->items[j], c);
	}
}

static int read_file(
	struct report *r, const char *path, const struct json_node *node, struct err *err)
{
	const struct json_node *lines =
		node->kind == JSON_KIND_OBJECT ? json_member(node, "lines") : node;
	struct report_counts c = {0};

	if (!lines)
		return err_set(err, ERR_MALFORMED, "%.200s: it has no lines", path);
	if (read_lines(lines, &c, err) < 0)
		return err_wrap(err, "%.200s", path);
	read_branches(json_member(node, "branches"), &c);
	report_add_coverage(r, path, &c);
	return 0;
}

static int read_coverage(struct report *r, const struct json_node *files, struct err *err)
{
	for (size_t i = 0; i < files->n; i++)
		if (read_file(r, files->items[i].key.p, &files->items[i], err) < 0)
			return -1;
	return 0;
}

static int read_file_list(struct report *r, const struct json_node *files, struct err *err)
{
	for (size_t i = 0; i < files->n; i++) {
		const char *path = json_member_text(&files->items[i], "filename");
		const struct json_node *coverage = json_member(&files->items[i], "coverage");

		if (!path || !coverage)
			return err_set(err, ERR_MALFORMED,
				"file %zu has no filename or no coverage", i + 1);
		if (read_file(r, path, coverage, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_coverage(const struct json_node *node)
{
	return node && node->kind == JSON_KIND_OBJECT;
}

int report_read_simplecov(struct report *r, int fd, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const struct json_node *root, *files;
	bool known = false;

	if (report_json_read(fd, &a, &root, err) < 0)
		return -1;
	files = json_member(root, "files");
	if (files && files->kind == JSON_KIND_ARRAY)
		return read_file_list(r, files, err);
	if (is_coverage(json_member(root, "coverage")) && json_member(root, "meta"))
		return read_coverage(r, json_member(root, "coverage"), err);
	for (size_t i = 0; root->kind == JSON_KIND_OBJECT && i < root->n; i++) {
		const struct json_node *coverage = json_member(&root->items[i], "coverage");

		if (!is_coverage(coverage))
			continue;
		known = true;
		report_begin_document(r, r->file); /* each suite for itself; the best counts */
		if (read_coverage(r, coverage, err) < 0)
			return err_wrap(err, "suite %.200s", root->items[i].key.p);
	}
	return known ? 0 : err_set(err, ERR_UNSUPPORTED, "the document is no result of SimpleCov");
}
