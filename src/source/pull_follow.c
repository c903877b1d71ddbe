/* SPDX-License-Identifier: Apache-2.0 */
/* What the change of a branch does to open pull requests (P2 of pull.h). */
#include "source/pull_follow.h"

#include "base/mem.h"
#include "base/vec.h"
#include "source/pull.h"
#include "vcs/merge.h"

struct pull_follow {
	const struct ref_change *change;
	const char *key;
	const char *merge_base; /* of the new source and the destination, or "" */
};

struct listing {
	const char *owner;
	struct arena *arena;
	struct store_documents found;
};

static int list_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct listing *l = arg;

	return store_document_list(tx, &STORE_SOURCE_PULL_REF,
		&(struct store_document_filter){.owner = l->owner}, l->arena, &l->found, err);
}

struct other {
	const char *key;
	struct arena *arena;
	struct pull p;
	int found;
};

static int other_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct other *o = arg;

	o->found = pull_get(tx, o->key, o->arena, &o->p, err);
	return o->found < 0 ? -1 : 0;
}

/* Histories are walked here, ahead of the step. */
static int find_base(struct ref_update *u, struct pull_follow *f, struct err *err)
{
	struct other o = {.key = f->key, .arena = &u->arena};
	struct vcs_id destination, base;
	int rc;

	f->merge_base = "";
	if (vcs_id_is_zero(&f->change->after))
		return 0;
	if (db_read(durable_db(u->e->durable), other_fn, &o, err) < 0)
		return -1;
	if (!o.found || !streq(o.p.target->source_reference, f->change->ref))
		return 0;
	rc = vcs_ref_get(u->git, o.p.target->destination_reference, &destination, err);
	if (rc > 0)
		rc = vcs_merge_base(u->git, &destination, &f->change->after, &base, err);
	if (rc > 0)
		f->merge_base = arena_strdup(&u->arena, base.hex);
	return rc < 0 ? -1 : 0;
}

int pull_follow_prepare(struct ref_update *u, struct err *err)
{
	VEC(struct pull_follow) follows = {0};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < u->n; i++) {
		const struct ref_change *c = &u->changes[i];
		struct listing l = {.arena = &u->arena};

		if (!c->applied || !starts_with(c->ref, "refs/heads/"))
			continue;
		l.owner = arena_printf(&u->arena, "%s %s", u->repository_id, c->ref);
		rc = db_read(durable_db(u->e->durable), list_fn, &l, err);
		for (size_t k = 0; rc == 0 && k < l.found.n; k++) {
			const struct towpath_source_token *row = l.found.v[k];
			struct pull_follow f = {.change = c, .key = row->id};

			rc = find_base(u, &f, err);
			vec_push(&follows, f);
		}
	}
	u->n_follows = follows.n;
	u->follows = arena_new_n(&u->arena, follows.n, struct pull_follow);
	if (follows.n)
		memcpy(u->follows, follows.v, follows.n * sizeof(*follows.v));
	vec_release(&follows);
	return rc;
}

/* ---- in the step ---- */

static int close_it(struct ref_update *u, struct db_tx *tx, struct pull *p, struct arena *a,
	const struct towpath_event_pull *event, const char *actor, struct err *err)
{
	struct codecommit_pull_request_status_changed_event_metadata status = {
		.pull_request_status = CODECOMMIT_PULL_REQUEST_STATUS_ENUM_CLOSED};
	struct pull_news news = {.actor = actor, .journal = event};

	news.event.pull_request_event_type =
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_STATUS_CHANGED;
	news.event.pull_request_status_changed_event_metadata = &status;
	if (pull_close(tx, p, a, err) < 0)
		return -1;
	return pull_tell(u->e, tx, p, a, &news, err);
}

static int closed_by_deletion(
	struct ref_update *u, struct db_tx *tx, struct pull *p, struct arena *a, struct err *err)
{
	struct towpath_event_pull event = {.event = "pullRequestStatusChanged"};

	return close_it(u, tx, p, a, &event, u->actor, err);
}

static int source_moved(struct ref_update *u, struct db_tx *tx, struct pull *p,
	const struct pull_follow *f, struct arena *a, struct err *err)
{
	struct codecommit_pull_request_source_reference_updated_event_metadata moved = {
		.repository_name = p->target->repository_name,
		.before_commit_id = p->target->source_commit,
		.after_commit_id = f->change->after.hex,
		.merge_base = f->merge_base};
	struct towpath_event_pull event = {.event = "pullRequestSourceBranchUpdated"};
	struct pull_news news = {.actor = u->actor, .journal = &event};

	news.event.pull_request_event_type =
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_SOURCE_REFERENCE_UPDATED;
	news.event.pull_request_source_reference_updated_event_metadata = &moved;
	p->target->source_commit = f->change->after.hex;
	p->target->merge_base = f->merge_base;
	p->doc.revision_id = pull_new_revision(a);
	return pull_tell(u->e, tx, p, a, &news, err);
}

static int merged(struct ref_update *u, struct db_tx *tx, struct pull *p,
	const struct ref_change *c, struct arena *a, struct err *err)
{
	bool by_api = streq(p->more.merge_commit, c->after.hex);
	struct codecommit_merge_metadata *merge = arena_new(a, struct codecommit_merge_metadata);
	struct codecommit_pull_request_merged_state_changed_event_metadata state = {
		.repository_name = p->target->repository_name,
		.destination_reference = p->target->destination_reference,
		.merge_metadata = merge};
	struct towpath_event_pull event = {.event = "pullRequestMergeStatusUpdated"};
	struct pull_news news = {.actor = by_api ? p->more.merge_actor : u->actor};

	*merge = (struct codecommit_merge_metadata){.is_merged = WIRE_SET_BOOL(true),
		.merged_by = news.actor,
		.merge_commit_id = c->after.hex,
		.merge_option = by_api ? p->more.merge_option
				       : CODECOMMIT_MERGE_OPTION_TYPE_ENUM_FAST_FORWARD_MERGE};
	p->target->merge_metadata = merge;
	p->target->destination_commit = c->before.hex;
	event.merge_option = merge->merge_option;
	news.event.pull_request_event_type =
		CODECOMMIT_PULL_REQUEST_EVENT_TYPE_PULL_REQUEST_MERGE_STATE_CHANGED;
	news.event.pull_request_merged_state_changed_event_metadata = &state;
	if (pull_tell(u->e, tx, p, a, &news, err) < 0)
		return -1;
	/* One event of the journal for both. */
	return close_it(u, tx, p, a, &event, news.actor, err);
}

static int follow(struct ref_update *u, struct db_tx *tx, const struct pull_follow *f, bool sources,
	struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct pull p;
	bool is_source;
	int rc = pull_get(tx, f->key, &a, &p, err);

	if (rc <= 0)
		return rc;
	is_source = streq(p.target->source_reference, f->change->ref);
	if (is_source != sources || !pull_is_open(&p))
		return 0;
	if (vcs_id_is_zero(&f->change->after))
		rc = closed_by_deletion(u, tx, &p, &a, err);
	else if (is_source)
		rc = source_moved(u, tx, &p, f, &a, err);
	else if (streq(p.more.merge_commit, f->change->after.hex) ||
		 streq(p.target->source_commit, f->change->after.hex))
		rc = merged(u, tx, &p, f->change, &a, err);
	else
		return 0;
	return rc < 0 ? -1 : pull_save(u->e, tx, &p, err);
}

int pull_follow_step(struct ref_update *u, struct db_tx *tx, struct err *err)
{
	/* Sources first: a push of both may make a fast forward. */
	for (int sources = 1; sources >= 0; sources--)
		for (size_t i = 0; i < u->n_follows; i++)
			if (follow(u, tx, &u->follows[i], sources, err) < 0)
				return -1;
	return 0;
}
