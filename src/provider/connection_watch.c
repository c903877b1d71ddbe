/* SPDX-License-Identifier: Apache-2.0 */
#include "provider/connection_watch.h"

#include <stdlib.h>

#include "base/file.h"
#include "base/id.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "provider/action_commit.h"
#include "store/document.h"
#include "towpath.gen.h"
#include "vcs/remote.h"

#define TASK_LOOK "connection.look"
#define LOOK_EVERY (60 * USEC_PER_SEC)
#define LOOKS_AT_ONCE 4
#define LIST_USEC (60 * USEC_PER_SEC)
#define FETCH_USEC (600 * USEC_PER_SEC)

int connection_watch_begin(struct durable *d, struct db_tx *tx, const char *key, struct err *err)
{
	return task_enqueue(
		d, tx, &(struct task){.kind = TASK_LOOK, .subject = key, .token = ""}, err);
}

/* A look at one repository. */
struct look {
	struct connection_watch *w;
	const struct task *task;
	struct arena *a;
	const char *id, *name; /* of the connection, of the repository */
	struct pipeline_wants wants;
	struct towpath_connection_watch last;
	bool seen; /* there was a last look */
	struct connection_repository repository;
	struct vcs_bounds bounds;
	struct vcs_remote remote;
	struct vcs_remote_refs refs;
	VEC(struct towpath_event_connection) changes;
};

/* "connection ID NAME" */
static void read_key(struct look *l)
{
	struct view rest = view_of(l->task->subject);

	view_cut(&rest, ' ');
	l->id = arena_view_dup(l->a, view_cut(&rest, ' '));
	l->name = rest.p ? arena_view_dup(l->a, rest) : "";
}

static int load_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;
	int r;

	if (pipeline_watch_wants(l->w->pipeline, tx, l->task->subject, &l->wants, err) < 0)
		return -1;
	r = store_document_get(tx, &STORE_CONNECTION_WATCH, l->task->subject, l->a, &l->last, err);
	l->seen = r > 0;
	return r < 0 ? -1 : 0;
}

/* ---- what has changed ---- */

/* "refs/heads/x" -> x, a branch; "refs/tags/x" -> x, a tag. */
static const char *short_name(const char *ref, const char **ret_type)
{
	bool tag = starts_with(ref, "refs/tags/");

	*ret_type = tag ? "tag" : "branch";
	return ref + strlen(tag ? "refs/tags/" : "refs/heads/");
}

static void add_change(
	struct look *l, const char *ref, const char *event, const char *before, const char *after)
{
	struct towpath_event_connection c = {
		.connection_arn = l->repository.arn,
		.provider_type = l->repository.provider,
		.repository_name = l->name,
		.event = event,
		.commit_id = after,
		.old_commit_id = before,
	};

	c.reference_name = short_name(ref, &c.reference_type);
	vec_push(&l->changes, c);
}

static void compare(struct look *l)
{
	struct map before = {0};

	wire_foreach (kv, &l->last.refs)
		map_set(&before, kv->key, (void *)kv->value);
	for (size_t i = 0; i < l->refs.n; i++) {
		const struct vcs_remote_ref *ref = &l->refs.v[i];
		const char *old = map_get(&before, ref->name);

		if (!old)
			add_change(l, ref->name, "referenceCreated", NULL, ref->id.hex);
		else if (!streq(old, ref->id.hex))
			add_change(l, ref->name, "referenceUpdated", old, ref->id.hex);
		map_remove(&before, ref->name);
	}
	wire_foreach (kv, &l->last.refs)
		if (map_has(&before, kv->key))
			add_change(l, kv->key, "referenceDeleted", kv->value, NULL);
	map_release(&before);
}

static int tree_of(const char *git_dir, const char *commit, struct arena *a, struct vcs_id *ret,
	struct err *err)
{
	struct vcs_repository *r CLEANUP_VCS = NULL;
	struct vcs_commit c;
	struct vcs_id id;

	if (!vcs_id_parse(view_of(commit), &id) || vcs_repository_open(git_dir, &r, err) < 0 ||
		vcs_commit_read(r, &id, a, &c, err) <= 0)
		return err_set(err, ERR_NOT_FOUND, "commit %s cannot be read", commit);
	*ret = c.tree;
	return 0;
}

/* The files that differ between the two commits of a change, which are fetched for it. */
static int fetch_paths(struct look *l, struct towpath_event_connection *c, struct err *err)
{
	CLEANUP(freep) char *dir = xasprintf("%s/actions/%s", l->w->data_dir, id_uuid().text);
	CLEANUP(freep) char *git_dir = xasprintf("%s/.git", dir);
	const struct vcs_remote_wish wish = {.commit = c->commit_id, .depth = 1, .no_files = true};
	struct vcs_remote remote = l->remote;
	const char *const *paths;
	struct vcs_id id, before, after;
	size_t n;
	int r;

	remote.timeout_usec = FETCH_USEC;
	r = vcs_remote_clone(&remote, &wish, dir, &id, err) < 0 ||
	    vcs_remote_add(&remote, dir, c->old_commit_id, 1, err) < 0 ||
	    tree_of(git_dir, c->old_commit_id, l->a, &before, err) < 0 ||
	    tree_of(git_dir, c->commit_id, l->a, &after, err) < 0 ||
	    action_commit_paths(git_dir, &before, &after, l->a, &paths, &n, err) < 0;
	file_remove_tree(dir, NULL);
	if (r)
		return -1;
	wire_list_alloc(l->a, &c->changed_paths, n);
	for (size_t i = 0; i < n; i++)
		c->changed_paths.v[i] = paths[i];
	c->paths_known = WIRE_SET_BOOL(true);
	return 0;
}

static void add_paths(struct look *l)
{
	vec_foreach (c, &l->changes) {
		struct err why CLEANUP_ERR = ERR_INIT;

		if (streq(c->event, "referenceUpdated") && streq(c->reference_type, "branch") &&
			fetch_paths(l, c, &why) < 0)
			log_err("connection", &why, "files changed in %s", l->name);
	}
}

/* Asks the host. */
static int ask(struct look *l, struct err *err)
{
	if (connection_open_id(l->w->connection, l->id, l->name, l->a, &l->repository, err) < 0)
		return -1;
	l->remote = (struct vcs_remote){.url = l->repository.url,
		.user = l->repository.user,
		.password = l->repository.token,
		.timeout_usec = LIST_USEC,
		.bounds = &l->bounds};
	if (vcs_remote_heads(&l->remote, l->a, &l->refs, err) < 0)
		return -1;
	if (l->seen)
		compare(l);
	if (l->wants.paths)
		add_paths(l);
	return interrupt_check(l->bounds.interrupt, "the look", err);
}

/* ---- steps ---- */

static int journal(struct look *l, struct db_tx *tx, struct err *err)
{
	vec_foreach (c, &l->changes) {
		struct str detail CLEANUP_STR = STR_INIT;
		struct journal_entry e = {.kind = "connection.ref", .subject = l->repository.arn};

		wire_encode_json(&towpath_event_connection_shape, c, &detail);
		e.detail = str_text(&detail);
		if (journal_append(l->w->durable, tx, &e, err) < 0)
			return -1;
	}
	return 0;
}

static int keep_refs(struct look *l, struct db_tx *tx, struct err *err)
{
	struct towpath_connection_watch now = {0};

	if (l->seen && !l->changes.n)
		return 0;
	wire_list_alloc(l->a, &now.refs, l->refs.n);
	for (size_t i = 0; i < l->refs.n; i++)
		now.refs.v[i] =
			(struct towpath_string_map_kv){l->refs.v[i].name, l->refs.v[i].id.hex};
	return store_document_put(tx, &STORE_CONNECTION_WATCH, l->task->subject, NULL, &now, err);
}

static int again(struct look *l, struct db_tx *tx, struct err *err)
{
	struct task next = {.kind = TASK_LOOK,
		.subject = l->task->subject,
		.token = "",
		.due_usec = durable_now(l->w->durable) + LOOK_EVERY};

	return task_enqueue(l->w->durable, tx, &next, err);
}

/* What was seen, the changes and the next look: all or nothing. */
static int seen_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;

	if (task_done(l->w->durable, tx, l->task, err) < 0 || keep_refs(l, tx, err) < 0 ||
		journal(l, tx, err) < 0)
		return -1;
	return again(l, tx, err);
}

/* The host could not be asked: what was seen last stays. */
static int unseen_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;

	return task_done(l->w->durable, tx, l->task, err) < 0 ? -1 : again(l, tx, err);
}

/* Nobody wants to know; whoever does later begins anew. */
static int end_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct look *l = arg;

	if (task_done(l->w->durable, tx, l->task, err) < 0)
		return -1;
	return store_document_delete(tx, &STORE_CONNECTION_WATCH, l->task->subject, err);
}

static int look_run(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct err why CLEANUP_ERR = ERR_INIT;
	struct look l = {.w = arg, .task = t, .a = &a};
	int r;

	l.bounds = (struct vcs_bounds){
		.interrupt = task_interrupt_of(d, t), .disk_max = l.w->clone_max};
	read_key(&l);
	if (db_read(durable_db(d), load_step, &l, err) < 0)
		return -1;
	if (!l.wants.changes)
		return durable_step(d, end_step, &l, err);
	if (ask(&l, &why) == 0) {
		r = durable_step(d, seen_step, &l, err);
	} else if (err_is(&why, ERR_CANCELLED)) {
		r = err_move(err, &why);
	} else {
		log_err("connection", &why, "looking for changes of %s", l.name);
		r = durable_step(d, unseen_step, &l, err);
	}
	vec_release(&l.changes);
	return r;
}

void connection_watch_register(struct connection_watch *w)
{
	task_register(w->durable, &(struct task_kind){.name = TASK_LOOK,
					  .run = look_run,
					  .arg = w,
					  .max_running = LOOKS_AT_ONCE});
}
