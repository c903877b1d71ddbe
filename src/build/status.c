/* SPDX-License-Identifier: Apache-2.0 */
/* How a build stands, told to the git host of its source: beside the commit, where pull requests
 * show it. A task that tells what is so when it runs, so that however often and late it runs, the
 * host has the last word right. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "build/batch.h"
#include "build/host_api.h"
#include "codec/json.h"

struct report {
	const struct build_engine *e;
	const struct store_build_record *r;
	struct arena *a;
	const char *name; /* of the project; of one build of a batch "project/identifier" */
	const char *context, *target, *description;
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

/* One build of a batch, and not the one that stands for it. */
static bool is_one_of_many(const struct store_build_record *r)
{
	return r->extra.batch_identifier && !streq(r->extra.batch_identifier, BATCH_SOURCE_GROUP);
}

static void describe(struct report *p)
{
	const struct codebuild_build_status_config *c = p->r->build.source->build_status_config;

	p->name = p->r->build.project_name;
	if (is_one_of_many(p->r))
		p->name = arena_printf(p->a, "%s/%s", p->name, p->r->extra.batch_identifier);
	p->context = arena_printf(p->a, "AWS CodeBuild %s (%s)", p->e->region, p->name);
	if (c && c->context && *c->context)
		p->context = is_one_of_many(p->r)
				     ? arena_printf(p->a, "%s/%s", expand(p, c->context),
					       p->r->extra.batch_identifier)
				     : expand(p, c->context);
	p->target = c && c->target_url && *c->target_url ? expand(p, c->target_url) : build_url(p);
	p->description = standings[standing_of(&p->r->build)].description;
}

/* ---- how each host wants it ---- */

static const char *const states[][STANDINGS] = {
	[BUILD_HOST_GITHUB] = {"pending", "success", "failure", "error", "error"},
	[BUILD_HOST_GITLAB] = {"running", "success", "failed", "canceled", "failed"},
	[BUILD_HOST_BITBUCKET] = {"INPROGRESS", "SUCCESSFUL", "FAILED", "STOPPED", "FAILED"},
};

static void write_body(const struct report *p, enum build_host_family family, struct str *out)
{
	bool bitbucket = family == BUILD_HOST_BITBUCKET, github = family == BUILD_HOST_GITHUB;
	struct json_writer w = {.out = out};

	json_open(&w, '{');
	json_put_member(&w, "state", states[family][standing_of(&p->r->build)]);
	json_put_member(&w, bitbucket ? "url" : "target_url", p->target);
	json_put_member(&w, "description", p->description);
	json_put_member(&w, github ? "context" : "name", p->context);
	if (bitbucket)
		json_put_member(&w, "key", arena_printf(p->a, "%.40s", p->name));
	json_close(&w, '}');
}

/* ---- the task ---- */

static int post(const struct report *p, const struct build_host_api *api, struct err *err)
{
	CLEANUP_HTTP_ANSWER struct http_answer answer = HTTP_ANSWER_INIT;
	CLEANUP_STR struct str body = STR_INIT;
	const char *url = arena_printf(p->a,
		api->family == BUILD_HOST_BITBUCKET ? "%s/commit/%s/statuses/build"
						    : "%s/statuses/%s",
		api->root, p->r->build.resolved_source_version);

	write_body(p, api->family, &body);
	if (build_host_api_call(api, "POST", url, str_view(&body), &answer, err) < 0)
		return err_wrap(err, "the status of build %s", p->r->build.id);
	if (answer.status >= 300)
		log_warn("build",
			"%s answers %d to the status of build %s: may the credential set statuses?",
			url, answer.status, p->r->build.id);
	return 0;
}

static int report(struct build_engine *e, const struct store_build_record *r, struct arena *a,
	struct err *err)
{
	struct report p = {.e = e, .r = r, .a = a};
	struct build_role role = build_role(r);
	struct build_host_api api;
	int has = build_host_api_open(e, &role, r->build.source, a, &api, err);

	if (has == 0 && !r->extra.webhook.n)
		log_warn("build",
			"the status of build %s is not reported: there is no credential for %s",
			r->build.id, r->build.source->type);
	if (has <= 0)
		return has;
	describe(&p);
	return post(&p, &api, err);
}

struct load {
	const char *uuid;
	struct arena *a;
	struct store_build_record r;
	int found;
};

/* The first build of a batch stands for all of it. */
static int stand_for_batch(struct db_tx *tx, struct load *l, struct err *err)
{
	struct store_build_batch batch;
	int found;

	if (!l->r.extra.batch_identifier || is_one_of_many(&l->r))
		return 0;
	found = store_build_batch_get(
		tx, batch_uuid_of(l->r.build.build_batch_arn), l->a, &batch, err);
	if (found > 0)
		l->r.build.build_status = batch.batch.build_batch_status;
	return found < 0 ? -1 : 0;
}

static int load(struct db_tx *tx, void *arg, struct err *err)
{
	struct load *l = arg;

	l->found = store_build_record_get(tx, l->uuid, true, l->a, &l->r, err);
	if (l->found > 0)
		return stand_for_batch(tx, l, err);
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

/* Of a batch: its first build reports for all, or every other one for itself. */
static bool reports(const struct store_build_record *r)
{
	const struct codebuild_project_build_batch_config *c = r->spec.build_batch_config;
	bool each = c && streq(c->batch_report_mode,
				 CODEBUILD_BATCH_REPORT_MODE_TYPE_REPORT_INDIVIDUAL_BUILDS);

	return !r->extra.batch_identifier || is_one_of_many(r) == each;
}

int build_report_status(struct build_engine *e, struct db_tx *tx,
	const struct store_build_record *r, struct err *err)
{
	const struct codebuild_project_source *s = r->build.source;
	struct task t = {.kind = BUILD_TASK_REPORT_STATUS, .subject = r->uuid};

	if (!s || !reports(r) || !build_host_of(s->type) || !r->build.resolved_source_version ||
		(!wire_or(s->report_build_status, false) && !r->extra.webhook.n))
		return 0;
	return task_enqueue(e->durable, tx, &t, err);
}
