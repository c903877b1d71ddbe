/* SPDX-License-Identifier: Apache-2.0 */
/* One report as it grows. */
#include "report/report.h"

#include "base/limits.h"
#include "base/utf8.h"

static const char *const status_names[REPORT_CASE_STATUSES] = {
	[REPORT_CASE_SUCCEEDED] = "SUCCEEDED",
	[REPORT_CASE_FAILED] = "FAILED",
	[REPORT_CASE_ERROR] = "ERROR",
	[REPORT_CASE_SKIPPED] = "SKIPPED",
	[REPORT_CASE_UNKNOWN] = "UNKNOWN",
};

const char *report_case_status_name(enum report_case_status status)
{
	return status_names[status];
}

bool report_case_status_known(const char *name)
{
	for (int i = 0; i < REPORT_CASE_STATUSES; i++)
		if (streq(status_names[i], name))
			return true;
	return false;
}

void report_init(struct report *r, enum report_kind kind)
{
	*r = (struct report){.kind = kind};
}

void report_release(struct report *r)
{
	vec_release(&r->failed);
	vec_release(&r->others);
	vec_release(&r->covered);
	map_release(&r->paths);
	arena_release(&r->arena);
}

void report_begin_document(struct report *r, const char *file)
{
	if (file != r->file)
		r->file = file ? arena_strdup(&r->arena, file) : NULL;
	r->documents++;
}

/* ---- tests ---- */

/* A copy without white space around it, of at most max characters; NULL when nothing is left. */
static const char *cut(struct arena *a, const char *text, size_t max)
{
	struct view v = view_trim(view_of(text));
	size_t n = 0;

	for (size_t chars = 0; n < v.len && chars < max; chars++)
		n += MAX(utf8_sequence(v.p + n, v.len - n), (size_t)1);
	return n ? arena_strndup(a, v.p, n) : NULL;
}

static struct report_case copy(struct report *r, const struct report_case *c)
{
	struct report_case kept = *c;

	kept.name = cut(&r->arena, c->name, LIMIT_REPORT_NAME);
	kept.prefix = cut(&r->arena, c->prefix, LIMIT_REPORT_NAME);
	kept.suite = cut(&r->arena, c->suite, LIMIT_REPORT_NAME);
	kept.message = cut(&r->arena, c->message, LIMIT_REPORT_MESSAGE);
	kept.file = r->file;
	if (!kept.name)
		kept.name = "(unnamed)";
	return kept;
}

void report_add_case(struct report *r, const struct report_case *c)
{
	bool failed = c->status == REPORT_CASE_FAILED || c->status == REPORT_CASE_ERROR;
	size_t kept = r->failed.n + (failed ? 0 : r->others.n);

	r->total[c->status]++;
	if (c->duration_nsec > INT64_MAX - r->duration_nsec)
		r->duration_nsec = INT64_MAX;
	else
		r->duration_nsec += c->duration_nsec;
	if (kept >= LIMIT_REPORT_CASES)
		r->truncated = true;
	else if (failed)
		vec_push(&r->failed, copy(r, c));
	else
		vec_push(&r->others, copy(r, c));
}

/* Cases that failed late push out others. */
static void drop_others(struct report *r)
{
	size_t room = LIMIT_REPORT_CASES - r->failed.n;

	if (r->others.n <= room)
		return;
	r->others.n = room;
	r->truncated = true;
}

/* ---- coverage ---- */

static void add_counts(struct report_counts *to, const struct report_counts *c)
{
	to->lines_covered += c->lines_covered;
	to->lines_missed += c->lines_missed;
	to->branches_covered += c->branches_covered;
	to->branches_missed += c->branches_missed;
}

static double share(int64_t covered, int64_t missed)
{
	return covered + missed ? (double)covered / (double)(covered + missed) : 0;
}

static bool is_better(const struct report_counts *a, const struct report_counts *b)
{
	double a_lines = share(a->lines_covered, a->lines_missed);
	double b_lines = share(b->lines_covered, b->lines_missed);

	if (a_lines > b_lines || a_lines < b_lines)
		return a_lines > b_lines;
	return share(a->branches_covered, a->branches_missed) >=
	       share(b->branches_covered, b->branches_missed);
}

/* Of documents about the same file the best one counts. */
static void close_document(struct report_coverage *c)
{
	static const struct report_counts none;

	if (is_better(&c->open, &c->counts))
		c->counts = c->open;
	c->open = none;
}

static struct report_coverage *covered_at(struct report *r, const char *path)
{
	size_t place = (size_t)map_get(&r->paths, path);

	if (place)
		return &r->covered.v[place - 1];
	if (r->covered.n >= LIMIT_REPORT_COVERED_FILES)
		return NULL;
	vec_push(&r->covered, (struct report_coverage){.path = arena_strdup(&r->arena, path),
				      .document = r->documents});
	map_set(&r->paths, path, (void *)r->covered.n);
	return &r->covered.v[r->covered.n - 1];
}

void report_add_coverage(struct report *r, const char *path, const struct report_counts *counts)
{
	struct report_coverage *c = covered_at(r, path);

	if (!c) {
		add_counts(&r->dropped, counts);
		r->truncated = true;
		return;
	}
	if (c->document != r->documents)
		close_document(c);
	c->document = r->documents;
	add_counts(&c->open, counts);
}

struct report_counts report_covered(const struct report *r)
{
	struct report_counts sum = r->dropped;

	vec_foreach (c, &r->covered)
		add_counts(&sum, &c->counts);
	return sum;
}

void report_finish(struct report *r)
{
	drop_others(r);
	vec_foreach (c, &r->covered)
		close_document(c);
}
