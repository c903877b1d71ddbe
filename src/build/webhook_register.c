/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks at their host: made, changed and taken away through its interface, by tasks. The host is
 * asked first for the one with our address, so that a task that runs twice makes one. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "build/hook.h"
#include "build/host_api.h"
#include "build/webhook.h"
#include "codec/form.h"
#include "codec/json_path.h"
#include "store/build_credential.h"

static const struct family {
	const char *list; /* where the hooks are in the answer */
	const char *payload_url, *id;
	const char *change; /* method */
} families[] = {
	[BUILD_HOST_GITHUB] = {"$", "$.config.url", "$.id", "PATCH"},
	[BUILD_HOST_GITLAB] = {"$", "$.url", "$.id", "PUT"},
	[BUILD_HOST_BITBUCKET] = {"$.values", "$.url", "$.uuid", "PUT"},
};

struct registration {
	struct build_engine *e;
	const char *project;
	struct arena a;
	struct store_build_project row;
	bool has_project;
	struct build_webhook_found found;
	struct build_host_api api;
	const char *address; /* of the hook at its host */
	const char *why;     /* it could not be registered, or NULL */
	const struct task *task;
};

static void registration_release(struct registration *g)
{
	arena_release(&g->a);
}

static struct build_role role_of(const struct codebuild_project *p, struct arena *a)
{
	return (struct build_role){
		.arn = p->service_role, .build = arena_printf(a, "webhook-%s", p->name)};
}

/* ---- what hosts are told ---- */

static void put_events(struct json_writer *w, const char *const *events)
{
	json_key(w, "events");
	json_open(w, '[');
	for (; *events; events++)
		json_put_text(w, *events);
	json_close(w, ']');
}

static void put_true(struct json_writer *w, const char *key)
{
	json_key(w, key);
	json_put_bool(w, true);
}

static void write_github(struct json_writer *w, const char *url, const char *secret)
{
	static const char *const events[] = {"push", "pull_request", NULL};

	json_put_member(w, "name", "web");
	put_true(w, "active");
	put_events(w, events);
	json_key(w, "config");
	json_open(w, '{');
	json_put_member(w, "url", url);
	json_put_member(w, "content_type", "json");
	json_put_member(w, "secret", secret);
	json_close(w, '}');
}

static void write_gitlab(struct json_writer *w, const char *url, const char *secret)
{
	json_put_member(w, "url", url);
	json_put_member(w, "token", secret);
	put_true(w, "push_events");
	put_true(w, "tag_push_events");
	put_true(w, "merge_requests_events");
}

static void write_bitbucket(struct json_writer *w, const char *url, const char *secret)
{
	static const char *const events[] = {"repo:push", "pullrequest:created",
		"pullrequest:updated", "pullrequest:fulfilled", "pullrequest:rejected", NULL};

	json_put_member(w, "description", "CodeBuild");
	json_put_member(w, "url", url);
	json_put_member(w, "secret", secret);
	put_true(w, "active");
	put_events(w, events);
}

static void write_body(const struct registration *g, struct str *out)
{
	static void (*const writers[])(struct json_writer *, const char *, const char *) = {
		[BUILD_HOST_GITHUB] = write_github,
		[BUILD_HOST_GITLAB] = write_gitlab,
		[BUILD_HOST_BITBUCKET] = write_bitbucket,
	};
	struct json_writer w = {.out = out};

	json_open(&w, '{');
	writers[g->api.family](&w, g->found.hook.payload_url, g->found.secret);
	json_close(&w, '}');
}

/* ---- what hosts answer ---- */

static const char *text_at(const struct json_node *n, const char *path)
{
	const struct json_node *found = json_path_find(n, view_of(path));

	return found && found->kind == JSON_KIND_STRING ? found->text.p : NULL;
}

/* Below the root, whatever address the host itself tells: the credential is for there. */
static const char *address_of(struct registration *g, const struct json_node *hook)
{
	const struct json_node *id = json_path_find(hook, view_of(families[g->api.family].id));
	CLEANUP_STR struct str out = STR_INIT;

	str_addf(&out, "%s/hooks/", g->api.root);
	if (id && id->kind == JSON_KIND_INT)
		str_addf(&out, "%" PRId64, id->integer);
	else if (id && id->kind == JSON_KIND_STRING)
		form_encode(id->text, false, &out);
	else
		return NULL;
	return arena_strdup(&g->a, str_text(&out));
}

static int call(struct registration *g, const char *method, const char *url, struct view body,
	const struct json_node **ret, struct err *err)
{
	CLEANUP_HTTP_ANSWER struct http_answer answer = HTTP_ANSWER_INIT;

	*ret = NULL;
	if (build_host_api_call(&g->api, method, url, body, &answer, err) < 0)
		return -1;
	if (answer.status >= 300)
		g->why = arena_printf(&g->a,
			"%s answers %d to %s %s: may the credential manage "
			"webhooks? Register payloadUrl by hand, or delete the "
			"webhook and create it again",
			g->api.host->label, answer.status, method, url);
	else
		json_parse(str_view(&answer.body), &g->a, ret, NULL);
	return 0;
}

/* The hook that is there already, if any. */
static int find(struct registration *g, struct err *err)
{
	const struct family *f = &families[g->api.family];
	const char *url = arena_printf(&g->a, "%s/hooks?%s=100", g->api.root,
		g->api.family == BUILD_HOST_BITBUCKET ? "pagelen" : "per_page");
	const struct json_node *answer, *list;

	if (call(g, "GET", url, VIEW(""), &answer, err) < 0)
		return -1;
	list = answer ? json_path_find(answer, view_of(f->list)) : NULL;
	for (size_t i = 0; list && list->kind == JSON_KIND_ARRAY && i < list->n; i++)
		if (streq(text_at(&list->items[i], f->payload_url), g->found.hook.payload_url))
			g->address = address_of(g, &list->items[i]);
	return 0;
}

static int put(struct registration *g, struct err *err)
{
	CLEANUP_STR struct str body = STR_INIT;
	const struct json_node *answer;
	bool known = g->address;
	const char *url = known ? g->address : arena_printf(&g->a, "%s/hooks", g->api.root);

	write_body(g, &body);
	if (call(g, known ? families[g->api.family].change : "POST", url, str_view(&body), &answer,
		    err) < 0)
		return -1;
	if (answer && !known)
		g->address = address_of(g, answer);
	return 0;
}

/* ---- the tasks ---- */

static int load_project(struct db_tx *tx, void *arg, struct err *err)
{
	struct registration *g = arg;
	int r = store_build_project_get(tx, g->project, &g->a, &g->row, err);

	g->has_project = r > 0;
	return r < 0 ? -1 : 0;
}

/* One that was changed meanwhile has a task of its own; one that is gone goes at its host, too. */
static int store(struct db_tx *tx, struct registration *g, struct err *err)
{
	const struct codebuild_webhook there = {.url = g->address};
	struct codebuild_webhook hook;
	int r = store_document_get(tx, &STORE_BUILD_WEBHOOK, g->project, &g->a, &hook, err);

	if (r < 0)
		return -1;
	if (!r || !streq(hook.payload_url, g->found.hook.payload_url))
		return build_webhook_unregister(g->e, tx, &g->row.project, &there, err);
	if (!streq(hook.secret, g->found.hook.secret))
		return 0;
	hook.status =
		g->why ? CODEBUILD_WEBHOOK_STATUS_CREATE_FAILED : CODEBUILD_WEBHOOK_STATUS_ACTIVE;
	hook.status_message = g->why;
	if (g->address)
		hook.url = g->address;
	return store_document_put(tx, &STORE_BUILD_WEBHOOK, g->project, NULL, &hook, err);
}

static int finish(struct db_tx *tx, void *arg, struct err *err)
{
	struct registration *g = arg;

	return store(tx, g, err) < 0 ? -1 : task_done(g->e->durable, tx, g->task, err);
}

int build_task_webhook_register(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	CLEANUP(registration_release)
	struct registration g = {.e = arg, .project = t->subject, .task = t};
	struct build_role role;
	int r = build_webhook_find(g.e, g.project, &g.a, &g.found, err);

	if (r <= 0 || !streq(g.found.hook.status, CODEBUILD_WEBHOOK_STATUS_CREATING))
		return r < 0 ? -1 : 0;
	if (db_read(durable_db(d), load_project, &g, err) < 0)
		return -1;
	if (!g.has_project) /* it went meanwhile, and its webhook with it */
		return 0;
	role = role_of(&g.row.project, &g.a);
	r = build_host_api_open(g.e, &role, g.row.project.source, &g.a, &g.api, err);
	if (r < 0)
		return -1;
	if (r == 0)
		g.why = "there is no credential for the host any more: register payloadUrl by hand";
	if (r > 0 && (find(&g, err) < 0 || (!g.why && put(&g, err) < 0)))
		return -1;
	return durable_step(d, finish, &g, err);
}

int build_task_webhook_register_gave_up(struct durable *d UNUSED, struct db_tx *tx,
	const struct task *t, const struct err *why, void *arg, struct err *err)
{
	CLEANUP(registration_release)
	struct registration g = {.e = arg, .project = t->subject, .task = t};
	int r = store_document_get(tx, &STORE_BUILD_WEBHOOK, g.project, &g.a, &g.found.hook, err);

	g.why = arena_printf(&g.a,
		"%s. Register payloadUrl by hand, or delete the webhook and "
		"create it again",
		err_message(why));
	return r < 0 ? -1 : finish(tx, &g, err);
}

/* The source may have moved since: its credential is not for the host that it was at. */
static bool is_below(const struct build_host_api *api, const char *address)
{
	size_t n = strlen(api->root);

	return strncmp(address, api->root, n) == 0 && starts_with(address + n, "/hooks/");
}

/* payload: the project as it was, with its webhook. */
int build_task_webhook_unregister(
	struct durable *d UNUSED, const struct task *t, void *arg, struct err *err)
{
	CLEANUP(registration_release)
	struct registration g = {.e = arg, .project = t->subject, .task = t};
	struct codebuild_project p;
	const struct json_node *ignored;
	struct build_role role;
	int r;

	if (wire_decode_json(&codebuild_project_shape, view_of(t->payload), &g.a, &p, err) < 0)
		return -1;
	role = role_of(&p, &g.a);
	r = build_host_api_open(g.e, &role, p.source, &g.a, &g.api, err);
	if (r > 0 && !is_below(&g.api, p.webhook->url)) {
		g.why = arena_printf(&g.a, "the source has moved from where %s is: delete it there",
			p.webhook->url);
		r = 0;
	}
	if (r > 0)
		r = call(&g, "DELETE", p.webhook->url, VIEW(""), &ignored, err);
	if (r == 0 && g.why)
		log_warn("build", "the webhook of project %s stays at its host: %s", g.project,
			g.why);
	return r;
}

int build_webhook_register(
	struct build_engine *e, struct db_tx *tx, const char *project, struct err *err)
{
	struct task t = {.kind = BUILD_TASK_WEBHOOK_REGISTER, .subject = project};

	return task_enqueue(e->durable, tx, &t, err);
}

int build_webhook_unregister(struct build_engine *e, struct db_tx *tx,
	const struct codebuild_project *project, const struct codebuild_webhook *hook,
	struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;
	struct codebuild_webhook at = {.url = hook->url};
	struct codebuild_project p = {.name = project->name,
		.service_role = project->service_role,
		.source = project->source,
		.webhook = &at};
	struct task t = {.kind = BUILD_TASK_WEBHOOK_UNREGISTER,
		.subject = project->name,
		.token = hook->url};

	if (!hook->url)
		return 0;
	wire_encode_json(&codebuild_project_shape, &p, &text);
	t.payload = str_text(&text);
	return task_enqueue(e->durable, tx, &t, err);
}
