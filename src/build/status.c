/* SPDX-License-Identifier: Apache-2.0 */
/* How a build stands, told to the git host of its source: beside the commit, where pull requests
 * show it. A task that tells what is so when it runs, so that however often and late it runs, the
 * host has the last word right. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "build/engine.h"
#include "build/host.h"
#include "codec/base64.h"
#include "codec/form.h"
#include "codec/json.h"
#include "net/http_client.h"

#define TIMEOUT_USEC (20 * USEC_PER_SEC)

struct report {
	const struct build_engine *e;
	const struct store_build_record *r;
	struct build_credential credential;
	struct arena *a;
	const char *commit, *context, *target, *description;
};

/* ---- what is told ---- */

enum standing { PENDING, SUCCESS, FAILURE, STOPPED, FAULT, STANDINGS };

static const struct {
	const char *status, *description;
} standings[STANDINGS] = {
	[PENDING] = {CODEBUILD_STATUS_TYPE_IN_PROGRESS, "Build started"},
	[SUCCESS] = {CODEBUILD_STATUS_TYPE_SUCCEEDED, "Build succeeded"},
	[FAILURE] = {CODEBUILD_STATUS_TYPE_FAILED, "Build failed"},
	[STOPPED] = {CODEBUILD_STATUS_TYPE_STOPPED, "Build stopped"},
	[FAULT] = {CODEBUILD_STATUS_TYPE_FAULT, "Build had a fault"},
};

static enum standing standing_of(const struct codebuild_build *b)
{
	for (size_t i = 0; i < STANDINGS; i++)
		if (streq(standings[i].status, b->build_status))
			return (enum standing)i;
	return FAILURE; /* timed out */
}

static const char *build_url(const struct report *p)
{
	return arena_printf(
		p->a, "%s/builds/%s/%s", p->e->console_url, p->r->build.project_name, p->r->uuid);
}

static const char *value_of(const struct report *p, const char *name)
{
	const struct codebuild_build *b = &p->r->build;
	const struct {
		const char *name, *value;
	} values[] = {
		{"AWS_REGION", p->e->region},
		{"AWS_DEFAULT_REGION", p->e->region},
		{"CODEBUILD_BUILD_ARN", b->arn},
		{"CODEBUILD_BUILD_ID", b->id},
		{"CODEBUILD_BUILD_URL", build_url(p)},
		{"CODEBUILD_INITIATOR", b->initiator},
		{"CODEBUILD_RESOLVED_SOURCE_VERSION", b->resolved_source_version},
		{"CODEBUILD_SOURCE_VERSION", b->source_version},
	};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (streq(values[i].name, name))
			return values[i].value;
	wire_foreach (it, &p->r->extra.webhook)
		if (streq(it->key, name))
			return it->value;
	if (streq(name, "CODEBUILD_BUILD_NUMBER"))
		return arena_printf(p->a, "%" PRId64, wire_or(b->build_number, 0));
	return NULL;
}

/* $NAME and ${NAME}; what is not known is nothing. */
static const char *expand(const struct report *p, const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	CLEANUP_STR struct str out = STR_INIT;

	while (*text) {
		bool braces = text[0] == '$' && text[1] == '{';
		const char *name = text + 1 + braces;
		size_t n = strspn(name, letters);
		const char *value;

		if (*text != '$' || !n || (braces && name[n] != '}')) {
			str_add_c(&out, *text++);
			continue;
		}
		value = value_of(p, arena_strndup(p->a, name, n));
		str_add(&out, value ? value : "");
		text = name + n + braces;
	}
	return arena_strdup(p->a, str_text(&out));
}

static void describe(struct report *p)
{
	const struct codebuild_build_status_config *c = p->r->build.source->build_status_config;

	p->commit = p->r->build.resolved_source_version;
	p->context = c && c->context && *c->context
			     ? expand(p, c->context)
			     : arena_printf(p->a, "AWS CodeBuild %s (%s)", p->e->region,
				       p->r->build.project_name);
	p->target = c && c->target_url && *c->target_url ? expand(p, c->target_url) : build_url(p);
	p->description = standings[standing_of(&p->r->build)].description;
}

/* ---- how each host wants it ---- */

struct request {
	const char *url;
	const char *header;
	struct str body;
};

static void request_release(struct request *q)
{
	str_release(&q->body);
}

/* Scheme, host and port of the location; *ret_path: the repository, as "team/shop". */
static const char *base_of(const struct report *p, const char **ret_path)
{
	const char *location = p->r->build.source->location, *host = strstr(location, "://") + 3;

	*ret_path = strchr(build_host_folder(location, p->a), '/') + 1;
	return arena_strndup(p->a, location, (size_t)(host - location) + strcspn(host, "/"));
}

static const char *encoded(const struct report *p, const char *text)
{
	CLEANUP_STR struct str out = STR_INIT;

	form_encode(view_of(text), false, &out);
	return arena_strdup(p->a, str_text(&out));
}

static void write_body(struct request *q, const char *const (*members)[2], size_t n)
{
	struct json_writer w = {.out = &q->body};

	json_open(&w, '{');
	for (size_t i = 0; i < n; i++)
		json_put_member(&w, members[i][0], members[i][1]);
	json_close(&w, '}');
}

static void ask_github(const struct report *p, struct request *q)
{
	static const char *const states[STANDINGS] = {
		"pending", "success", "failure", "error", "error"};
	const char *const members[][2] = {{"state", states[standing_of(&p->r->build)]},
		{"target_url", p->target}, {"description", p->description},
		{"context", p->context}};
	const char *path, *base = base_of(p, &path);
	bool public = streq(p->r->build.source->type, CODEBUILD_SOURCE_TYPE_GITHUB);

	q->url = arena_printf(p->a, "%s/repos/%s/statuses/%s",
		public ? "https://api.github.com" : arena_printf(p->a, "%s/api/v3", base), path,
		p->commit);
	q->header = arena_printf(p->a, "Authorization: token %s", p->credential.password);
	write_body(q, members, ARRAY_SIZE(members));
}

static void ask_gitlab(const struct report *p, struct request *q)
{
	static const char *const states[STANDINGS] = {
		"running", "success", "failed", "canceled", "failed"};
	const char *const members[][2] = {{"state", states[standing_of(&p->r->build)]},
		{"target_url", p->target}, {"description", p->description}, {"name", p->context}};
	const char *path, *base = base_of(p, &path);

	q->url = arena_printf(
		p->a, "%s/api/v4/projects/%s/statuses/%s", base, encoded(p, path), p->commit);
	q->header = arena_printf(p->a, "PRIVATE-TOKEN: %s", p->credential.password);
	write_body(q, members, ARRAY_SIZE(members));
}

static void ask_bitbucket(const struct report *p, struct request *q)
{
	static const char *const states[STANDINGS] = {
		"INPROGRESS", "SUCCESSFUL", "FAILED", "STOPPED", "FAILED"};
	const char *const members[][2] = {{"state", states[standing_of(&p->r->build)]},
		{"url", p->target}, {"description", p->description}, {"name", p->context},
		{"key", arena_printf(p->a, "%.*s", 40, p->r->build.project_name)}};
	CLEANUP_STR struct str both = STR_INIT, basic = STR_INIT;
	const char *path;

	base_of(p, &path);
	str_addf(&both, "%s:%s", p->credential.user, p->credential.password);
	base64_encode(str_view(&both), &basic);
	q->url = arena_printf(p->a,
		"https://api.bitbucket.org/2.0/repositories/%s/commit/%s/statuses/build", path,
		p->commit);
	q->header = streq(p->credential.user, "x-token-auth")
			    ? arena_printf(p->a, "Authorization: Bearer %s", p->credential.password)
			    : arena_printf(p->a, "Authorization: Basic %s", str_text(&basic));
	write_body(q, members, ARRAY_SIZE(members));
}

/* ---- the task ---- */

static int post(const struct report *p, const struct request *q, struct err *err)
{
	CLEANUP(http_client_freep) struct http_client *client = http_client_new();
	CLEANUP_HTTP_ANSWER struct http_answer answer = HTTP_ANSWER_INIT;
	const char *const headers[] = {q->header, "Content-Type: application/json",
		"Accept: application/json", "User-Agent: towpath", NULL};
	const struct http_call call = {.method = "POST",
		.url = q->url,
		.headers = headers,
		.body = str_view(&q->body),
		.timeout_usec = TIMEOUT_USEC,
		.insecure_tls = wire_or(p->r->build.source->insecure_ssl, false)};

	http_client_trust(client, getenv("GIT_SSL_CAINFO"));
	if (http_client_call(client, &call, &answer, err) < 0)
		return err_wrap(err, "status of build %s at %s", p->r->build.id, q->url);
	if (answer.status >= 500 || answer.status == 429)
		return err_set(err, ERR_UNAVAILABLE, "%s answers %d to the status of build %s",
			q->url, answer.status, p->r->build.id);
	if (answer.status >= 300)
		log_warn("build",
			"%s answers %d to the status of build %s: may the credential set statuses?",
			q->url, answer.status, p->r->build.id);
	return 0;
}

static int report(struct build_engine *e, const struct store_build_record *r, struct arena *a,
	struct err *err)
{
	CLEANUP(request_release) struct request q = {0};
	struct report p = {.e = e, .r = r, .a = a};
	struct build_role role = build_role(r);
	const struct build_host *host = build_host_of(r->build.source->type);
	int has;

	if (build_host_check(host, r->build.source->location, NULL) < 0)
		return 0; /* a build of an older server's, asked for again */
	has = build_credential_of(e, &role, r->build.source, a, &p.credential, err);
	if (has <= 0) {
		if (has == 0 && !r->extra.webhook.n)
			log_warn("build",
				"the status of build %s is not reported: there is no "
				"credential for %s",
				r->build.id, host->type);
		return has;
	}
	describe(&p);
	if (starts_with(host->type, "GITHUB"))
		ask_github(&p, &q);
	else if (starts_with(host->type, "GITLAB"))
		ask_gitlab(&p, &q);
	else
		ask_bitbucket(&p, &q);
	return post(&p, &q, err);
}

struct load {
	const char *uuid;
	struct arena *a;
	struct store_build_record r;
	int found;
};

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct load *l = arg;

	l->found = store_build_record_get(tx, l->uuid, true, l->a, &l->r, err);
	return l->found < 0 ? -1 : 0;
}

int build_task_report_status(struct durable *d, const struct task *t, void *arg, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct load l = {.uuid = t->subject, .a = &a};

	if (db_read(durable_db(d), load, &l, err) < 0)
		return -1;
	return l.found ? report(arg, &l.r, &a, err) : 0;
}

int build_report_status(struct build_engine *e, struct db_tx *tx,
	const struct store_build_record *r, struct err *err)
{
	const struct codebuild_project_source *s = r->build.source;
	struct task t = {.kind = BUILD_TASK_REPORT_STATUS, .subject = r->uuid};

	if (!s || !build_host_of(s->type) || !r->build.resolved_source_version ||
		(!wire_or(s->report_build_status, false) && !r->extra.webhook.n))
		return 0;
	return task_enqueue(e->durable, tx, &t, err);
}
