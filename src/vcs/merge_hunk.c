/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces in which two versions of a file differ from their base. */
#include "base/vec.h"
#include "vcs/git2.h"
#include "vcs/merge.h"

bool vcs_is_binary(struct view content)
{
	return git_blob_data_is_binary(content.p, content.len);
}

/* A change of one side: lines [start, end) of the base became `added` lines. */
struct change {
	int start, end, added;
};
struct side {
	struct view text;
	VEC(size_t) lines; /* where each starts, and the end */
	VEC(struct change) changes;
	size_t at; /* changes taken */
	int shift; /* of line numbers behind them */
};

static void split(struct side *s)
{
	vec_push(&s->lines, 0);
	for (size_t i = 0; i < s->text.len; i++)
		if (s->text.p[i] == '\n' && i + 1 < s->text.len)
			vec_push(&s->lines, i + 1);
	if (s->text.len)
		vec_push(&s->lines, s->text.len);
}

static int note_hunk(const git_diff_delta *delta UNUSED, const git_diff_hunk *h, void *arg)
{
	struct side *s = arg;
	/* A hunk without old lines names the line before it. */
	int start = h->old_lines ? h->old_start - 1 : h->old_start;

	vec_push(&s->changes, (struct change){start, start + h->old_lines, h->new_lines});
	return 0;
}

static int compare(struct view base, struct side *s, struct err *err)
{
	git_diff_options options = GIT_DIFF_OPTIONS_INIT;
	int rc;

	options.context_lines = options.interhunk_lines = 0;
	options.flags |= GIT_DIFF_FORCE_TEXT;
	rc = git_diff_buffers(base.p, base.len, NULL, s->text.p, s->text.len, NULL, &options, NULL,
		NULL, note_hunk, NULL, s);
	return rc < 0 ? vcs_git2_err(err, rc, "cannot compare two files") : 0;
}

static struct vcs_merge_lines lines_of(const struct side *s, int start, int end)
{
	size_t from = s->lines.v[start], to = s->lines.v[end];

	return (struct vcs_merge_lines){
		start, end - start, {s->text.p ? s->text.p + from : "", to - from}};
}

/* Takes the side's changes that touch [.., *end], and moves the end. */
static bool absorb(struct side *s, int *end, int *shift)
{
	bool any = false;

	for (; s->at < s->changes.n && s->changes.v[s->at].start <= *end; s->at++) {
		const struct change *c = &s->changes.v[s->at];

		*end = MAX(*end, c->end);
		*shift += c->added - (c->end - c->start);
		any = true;
	}
	return any;
}

static struct vcs_merge_hunk next_hunk(
	const struct side *base, struct side *ours, struct side *theirs)
{
	int start = INT32_MAX, end, our_shift = ours->shift, their_shift = theirs->shift;
	bool our_change = false, their_change = false, more = true;
	struct vcs_merge_hunk h;

	if (ours->at < ours->changes.n)
		start = ours->changes.v[ours->at].start;
	if (theirs->at < theirs->changes.n)
		start = MIN(start, theirs->changes.v[theirs->at].start);
	for (end = start; more;) {
		bool mine = absorb(ours, &end, &our_shift);
		bool other = absorb(theirs, &end, &their_shift);

		our_change |= mine;
		their_change |= other;
		more = mine || other;
	}
	h.base = lines_of(base, start, end);
	h.ours = lines_of(ours, start + ours->shift, end + our_shift);
	h.theirs = lines_of(theirs, start + theirs->shift, end + their_shift);
	h.conflict = our_change && their_change && !view_eq(h.ours.text, h.theirs.text);
	ours->shift = our_shift;
	theirs->shift = their_shift;
	return h;
}

int vcs_merge_hunks(struct view base, struct view ours, struct view theirs, struct arena *a,
	struct vcs_merge_hunk **ret, size_t *ret_n, struct err *err)
{
	struct side b = {.text = base}, o = {.text = ours}, t = {.text = theirs};
	VEC(struct vcs_merge_hunk) found = {0};
	int rc;

	split(&b);
	split(&o);
	split(&t);
	rc = compare(base, &o, err) < 0 || compare(base, &t, err) < 0 ? -1 : 0;
	while (rc == 0 && (o.at < o.changes.n || t.at < t.changes.n))
		vec_push(&found, next_hunk(&b, &o, &t));
	*ret_n = found.n;
	*ret = arena_new_n(a, found.n, struct vcs_merge_hunk);
	if (found.n)
		memcpy(*ret, found.v, found.n * sizeof(*found.v));
	vec_release(&found);
	vec_release(&b.lines);
	vec_release(&o.lines);
	vec_release(&o.changes);
	vec_release(&t.lines);
	vec_release(&t.changes);
	return rc;
}
