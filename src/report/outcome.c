/* SPDX-License-Identifier: Apache-2.0 */
/* Outcome documents. */
#include "report/outcome.h"

#include "base/limits.h"
#include "base/utf8.h"

static void add_line(struct str *out, const struct wire_shape *shape, const void *value)
{
	wire_encode_json(shape, value, out);
	str_add_c(out, '\n');
}

static void put_counts(struct towpath_report_outcome *head, const struct report *r)
{
	struct report_counts c = report_covered(r);

	head->succeeded = WIRE_SET_LONG(r->total[REPORT_CASE_SUCCEEDED]);
	head->failed = WIRE_SET_LONG(r->total[REPORT_CASE_FAILED]);
	head->errors = WIRE_SET_LONG(r->total[REPORT_CASE_ERROR]);
	head->skipped = WIRE_SET_LONG(r->total[REPORT_CASE_SKIPPED]);
	head->unknown = WIRE_SET_LONG(r->total[REPORT_CASE_UNKNOWN]);
	head->duration_in_nano_seconds = WIRE_SET_LONG(r->duration_nsec);
	head->lines_covered = WIRE_SET_LONG(c.lines_covered);
	head->lines_missed = WIRE_SET_LONG(c.lines_missed);
	head->branches_covered = WIRE_SET_LONG(c.branches_covered);
	head->branches_missed = WIRE_SET_LONG(c.branches_missed);
	head->truncated = WIRE_SET_BOOL(r->truncated);
	head->items = WIRE_SET_LONG(r->failed.n + r->others.n + r->covered.n);
}

static void write_case(const struct report_case *c, struct str *out)
{
	const struct towpath_report_item item = {
		.name = c->name,
		.prefix = c->prefix,
		.suite = c->suite,
		.message = c->message,
		.file = c->file,
		.status = report_case_status_name(c->status),
		.duration_in_nano_seconds = WIRE_SET_LONG(c->duration_nsec),
	};

	add_line(out, &towpath_report_item_shape, &item);
}

static void write_covered(const struct report_coverage *c, struct str *out)
{
	const struct towpath_report_item item = {
		.name = c->path,
		.lines_covered = WIRE_SET_LONG(c->counts.lines_covered),
		.lines_missed = WIRE_SET_LONG(c->counts.lines_missed),
		.branches_covered = WIRE_SET_LONG(c->counts.branches_covered),
		.branches_missed = WIRE_SET_LONG(c->counts.branches_missed),
	};

	add_line(out, &towpath_report_item_shape, &item);
}

void report_outcome_write(
	const struct report *r, struct towpath_report_outcome *head, struct str *out)
{
	put_counts(head, r);
	add_line(out, &towpath_report_outcome_shape, head);
	vec_foreach (c, &r->failed)
		write_case(c, out);
	vec_foreach (c, &r->others)
		write_case(c, out);
	vec_foreach (c, &r->covered)
		write_covered(c, out);
}

/* ---- reading ---- */

/* Every number of these documents is a count. */
static bool counts_are_sound(const struct wire_shape *shape, const void *value)
{
	for (size_t i = 0; i < shape->n_members; i++) {
		const struct wire_member *m = &shape->members[i];
		const struct wire_long *v = (const void *)((const char *)value + m->offset);

		if (m->shape->type == WIRE_LONG && v->set && v->v < 0)
			return false;
	}
	return true;
}

static bool is_short(const char *text, size_t max)
{
	return !text || utf8_count(view_of(text)) <= max;
}

static bool item_is_sound(const struct towpath_report_item *item, enum report_kind kind)
{
	if (!item->name || !*item->name || !counts_are_sound(&towpath_report_item_shape, item))
		return false;
	if (kind == REPORT_COVERAGE)
		return true;
	return item->status && report_case_status_known(item->status) &&
	       is_short(item->name, LIMIT_REPORT_NAME) &&
	       is_short(item->prefix, LIMIT_REPORT_NAME) &&
	       is_short(item->suite, LIMIT_REPORT_NAME) &&
	       is_short(item->message, LIMIT_REPORT_MESSAGE);
}

static int next_line(struct view *rest, const struct wire_shape *shape, struct arena *a, void *ret,
	struct err *err)
{
	struct view line = view_cut(rest, '\n');

	return wire_decode_json(shape, line, a, ret, err) < 0
		       ? err_wrap(err, "the document of a report's outcome")
		       : 0;
}

int report_outcome_read(struct view *rest, struct arena *a, struct towpath_report_outcome *ret,
	struct towpath_report_item **ret_items, struct err *err)
{
	const struct report_format *format;
	size_t n, limit;

	if (!rest->len)
		return 0;
	if (next_line(rest, &towpath_report_outcome_shape, a, ret, err) < 0)
		return -1;
	format = ret->format ? report_format_find(ret->format) : NULL;
	n = (size_t)wire_or(ret->items, 0);
	limit = format && format->kind == REPORT_TEST ? LIMIT_REPORT_CASES
						      : LIMIT_REPORT_COVERED_FILES;
	if (!format || !ret->status || n > limit || !is_short(ret->message, LIMIT_REPORT_MESSAGE) ||
		!counts_are_sound(&towpath_report_outcome_shape, ret))
		return err_set(err, ERR_MALFORMED, "the document of a report's outcome is unsound");
	*ret_items = arena_new_n(a, n, struct towpath_report_item);
	for (size_t i = 0; i < n; i++) {
		if (next_line(rest, &towpath_report_item_shape, a, &(*ret_items)[i], err) < 0)
			return -1;
		if (!item_is_sound(&(*ret_items)[i], format->kind))
			return err_set(err, ERR_MALFORMED, "item %zu of a report is unsound", i);
	}
	return 1;
}
