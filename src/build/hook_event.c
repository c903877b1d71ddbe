/* SPDX-License-Identifier: Apache-2.0 */
/* Deliveries of GitHub (and what speaks as it does), GitLab and Bitbucket, as their manuals have
 * them. */
#include "build/hook.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "codec/json_path.h"
#include "vcs/id.h"

void build_hook_events_release(struct build_hook_events *e)
{
	for (size_t i = 0; i < e->list.n; i++)
		vec_release(&e->list.v[i].files);
	vec_release(&e->list);
}

struct reader {
	const struct json_node *root;
	struct arena *a;
	struct build_hook_events *ret;
};

static const struct json_node *node_at(const struct json_node *root, const char *path)
{
	return path ? json_path_find(root, view_of(path)) : NULL;
}

/* A text, or a number as text; NULL for anything else and for "". */
static const char *text_of(const struct json_node *n, struct arena *a)
{
	if (n && n->kind == JSON_KIND_INT)
		return arena_printf(a, "%" PRId64, n->integer);
	return n && n->kind == JSON_KIND_STRING && n->text.len ? arena_view_dup(a, n->text) : NULL;
}

static const char *text_at(const struct reader *r, const char *path)
{
	return text_of(node_at(r->root, path), r->a);
}

static bool is_true(const struct reader *r, const char *path)
{
	const struct json_node *n = node_at(r->root, path);

	return n && n->kind == JSON_KIND_BOOL && n->boolean;
}

static bool is_commit(const char *text)
{
	struct vcs_id id;

	return text && vcs_id_parse(view_of(text), &id) && !vcs_id_is_zero(&id);
}

static struct build_hook_event *add(struct reader *r, const char *event)
{
	struct build_hook_event e = {.event = event};

	vec_push(&r->ret->list, e);
	return &r->ret->list.v[r->ret->list.n - 1];
}

/* ---- pushes ---- */

static void add_files(struct build_hook_event *e, const struct json_node *commit, struct arena *a)
{
	static const char *const lists[] = {"added", "modified", "removed"};

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		const struct json_node *list = json_member(commit, lists[l]);

		for (size_t i = 0; list && list->kind == JSON_KIND_ARRAY && i < list->n; i++)
			if (text_of(&list->items[i], a))
				vec_push(&e->files, text_of(&list->items[i], a));
	}
}

static void name_ref(struct build_hook_event *e, const char *ref, struct arena *a)
{
	bool tag = starts_with(ref, "refs/tags/");

	e->head_ref = ref;
	e->trigger = arena_printf(a, "%s/%s", tag ? "tag" : "branch",
		ref + strlen(tag ? "refs/tags/" : "refs/heads/"));
}

/* GitHub and GitLab: one reference a delivery, with its commits. */
static void read_push(struct reader *r, const char *head, const char *message, const char *actor)
{
	const char *ref = text_at(r, "$.ref"), *after = text_at(r, "$.after");
	const struct json_node *commits = json_member(r->root, "commits");
	struct build_hook_event *e;

	if (!ref || !is_commit(after) ||
		(!starts_with(ref, "refs/heads/") && !starts_with(ref, "refs/tags/")))
		return;
	e = add(r, "PUSH");
	name_ref(e, ref, r->a);
	e->version = is_commit(text_at(r, head)) ? text_at(r, head) : after;
	e->previous = text_at(r, "$.before");
	e->actor = text_at(r, actor);
	e->message = text_at(r, message);
	for (size_t i = 0; commits && commits->kind == JSON_KIND_ARRAY && i < commits->n; i++) {
		const struct json_node *c = &commits->items[i];

		if (!e->message && streq(json_member_text(c, "id"), e->version))
			e->message = json_member_text(c, "message");
		add_files(e, c, r->a);
	}
}

/* Bitbucket: several references a delivery, without their files. */
static void read_changes(struct reader *r)
{
	const struct json_node *changes = node_at(r->root, "$.push.changes");

	for (size_t i = 0; changes && changes->kind == JSON_KIND_ARRAY && i < changes->n; i++) {
		const struct json_node *new = json_member(&changes->items[i], "new");
		const struct json_node *target = json_member(new, "target");
		const struct json_node *old = json_member(&changes->items[i], "old");
		const char *name = json_member_text(new, "name");
		const char *hash = json_member_text(target, "hash");
		struct build_hook_event *e;

		if (!name || !is_commit(hash))
			continue;
		e = add(r, "PUSH");
		name_ref(e,
			arena_printf(r->a, "refs/%s/%s",
				streq(json_member_text(new, "type"), "tag") ? "tags" : "heads",
				name),
			r->a);
		e->version = hash;
		e->previous = json_member_text(json_member(old, "target"), "hash");
		e->message = json_member_text(target, "message");
		e->actor = text_at(r, "$.actor.account_id");
	}
}

/* ---- pull requests ---- */

static const struct pull_paths {
	const char *number, *head, *base, *actor, *message, *merge;
	const char *head_repository, *base_repository; /* they differ: it is of a fork */
} github_pull = {"$.pull_request.number", "$.pull_request.head.ref", "$.pull_request.base.ref",
	"$.sender.id", NULL, "$.pull_request.merge_commit_sha", "$.pull_request.head.repo.id",
	"$.pull_request.base.repo.id"},
  gitlab_pull = {"$.object_attributes.iid", "$.object_attributes.source_branch",
	  "$.object_attributes.target_branch", "$.user.id",
	  "$.object_attributes.last_commit.message", "$.object_attributes.merge_commit_sha",
	  "$.object_attributes.source_project_id", "$.object_attributes.target_project_id"},
  bitbucket_pull = {"$.pullrequest.id", "$.pullrequest.source.branch.name",
	  "$.pullrequest.destination.branch.name", "$.actor.account_id", NULL,
	  "$.pullrequest.merge_commit.hash", "$.pullrequest.source.repository.uuid",
	  "$.pullrequest.destination.repository.uuid"};

static void read_pull(struct reader *r, const struct build_host *host, const char *event,
	const struct pull_paths *paths)
{
	const char *number = text_at(r, paths->number), *head = text_at(r, paths->head);
	const char *base = text_at(r, paths->base);
	const char *own = text_at(r, paths->head_repository);
	bool merged = streq(event, "PULL_REQUEST_MERGED");
	struct build_hook_event *e;

	if (!number || !head || !base)
		return;
	e = add(r, event);
	e->is_pull = true;
	e->trigger = arena_printf(r->a, "pr/%s", number);
	e->head_ref = arena_printf(r->a, "refs/heads/%s", head);
	e->base_ref = arena_printf(r->a, "refs/heads/%s", base);
	/* Where there are no references of pull requests, the branch itself; a merged one's is
	 * often gone. */
	e->version = host->pull ? e->trigger : merged ? e->base_ref : e->head_ref;
	e->actor = text_at(r, paths->actor);
	e->message = text_at(r, paths->message);
	e->merge = merged ? text_at(r, paths->merge) : NULL;
	e->of_fork = !own || !streq(own, text_at(r, paths->base_repository));
}

/* ---- the hosts ---- */

struct action {
	const char *action, *event;
};

static const char *event_of(const struct action *actions, const char *action)
{
	for (; actions->action; actions++)
		if (streq(actions->action, action))
			return actions->event;
	return NULL;
}

static void read_github(struct reader *r, const struct build_host *host, const char *kind)
{
	static const struct action actions[] = {{"opened", "PULL_REQUEST_CREATED"},
		{"synchronize", "PULL_REQUEST_UPDATED"}, {"reopened", "PULL_REQUEST_REOPENED"},
		{"closed", "PULL_REQUEST_CLOSED"}, {NULL, NULL}};
	const char *event = event_of(actions, text_at(r, "$.action"));

	if (streq(kind, "push"))
		read_push(r, "$.head_commit.id", "$.head_commit.message", "$.sender.id");
	else if (streq(kind, "pull_request") && event)
		read_pull(r, host,
			streq(event, "PULL_REQUEST_CLOSED") && is_true(r, "$.pull_request.merged")
				? "PULL_REQUEST_MERGED"
				: event,
			&github_pull);
}

static void read_gitlab(struct reader *r, const struct build_host *host, const char *kind)
{
	static const struct action actions[] = {{"open", "PULL_REQUEST_CREATED"},
		{"update", "PULL_REQUEST_UPDATED"}, {"reopen", "PULL_REQUEST_REOPENED"},
		{"merge", "PULL_REQUEST_MERGED"}, {"close", "PULL_REQUEST_CLOSED"}, {NULL, NULL}};
	const char *action = text_at(r, "$.object_attributes.action");

	if (streq(kind, "Push Hook") || streq(kind, "Tag Push Hook"))
		read_push(r, "$.checkout_sha", NULL, "$.user_id");
	/* Titles and labels are updates without an old commit. */
	else if (streq(kind, "Merge Request Hook") && event_of(actions, action) &&
		 (!streq(action, "update") || text_at(r, "$.object_attributes.oldrev")))
		read_pull(r, host, event_of(actions, action), &gitlab_pull);
}

static void read_bitbucket(struct reader *r, const struct build_host *host, const char *kind)
{
	static const struct action actions[] = {{"pullrequest:created", "PULL_REQUEST_CREATED"},
		{"pullrequest:updated", "PULL_REQUEST_UPDATED"},
		{"pullrequest:fulfilled", "PULL_REQUEST_MERGED"},
		{"pullrequest:rejected", "PULL_REQUEST_CLOSED"}, {NULL, NULL}};

	if (streq(kind, "repo:push"))
		read_changes(r);
	else if (event_of(actions, kind))
		read_pull(r, host, event_of(actions, kind), &bitbucket_pull);
}

int build_hook_read(const struct build_host *host, const char *kind, struct view json,
	struct arena *a, struct build_hook_events *ret, struct err *err)
{
	struct reader r = {.a = a, .ret = ret};

	if (!kind)
		return err_set(err, ERR_INVALID, "the delivery does not say what it tells");
	if (json_parse(json, a, &r.root, err) < 0)
		return -1;
	if (starts_with(host->type, "GITHUB"))
		read_github(&r, host, kind);
	else if (starts_with(host->type, "GITLAB"))
		read_gitlab(&r, host, kind);
	else
		read_bitbucket(&r, host, kind);
	return 0;
}

void build_hook_variables(
	const struct build_hook_event *e, struct arena *a, struct towpath_string_map *ret)
{
	const struct {
		const char *name, *value;
	} all[] = {
		{"CODEBUILD_WEBHOOK_ACTOR_ACCOUNT_ID", e->actor},
		{"CODEBUILD_WEBHOOK_BASE_REF", e->base_ref},
		{"CODEBUILD_WEBHOOK_EVENT", e->event},
		{"CODEBUILD_WEBHOOK_HEAD_REF", e->head_ref},
		{"CODEBUILD_WEBHOOK_MERGE_COMMIT", e->merge},
		{"CODEBUILD_WEBHOOK_PREV_COMMIT", e->previous},
		{"CODEBUILD_WEBHOOK_TRIGGER", e->trigger},
	};

	wire_list_alloc(a, ret, ARRAY_SIZE(all));
	ret->n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!all[i].value)
			continue;
		ret->v[ret->n].key = all[i].name;
		ret->v[ret->n++].value = all[i].value;
	}
}
