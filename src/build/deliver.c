/* SPDX-License-Identifier: Apache-2.0 */
/* A delivery of a git host: proved, read, and turned into builds. */
#include <string.h>

#include "base/mem.h"
#include "build/engine.h"
#include "build/hook.h"
#include "build/webhook.h"
#include "codec/form.h"
#include "crypto/digest.h"

#define TOKEN_MAX 64

static struct view sha256_of(const char *text)
{
	return starts_with(text, "sha256=") ? view_of(text + strlen("sha256=")) : VIEW("");
}

/* GitLab shows the secret itself; the others sign the body with it. */
static bool is_proved(const struct build_webhook_found *found, const struct build_delivery *d)
{
	struct digest_value mac = digest_hmac_sha256(view_of(found->secret), d->body);
	struct digest_text hex = digest_hex(&mac);

	if (starts_with(found->host->type, "GITLAB"))
		return d->token && digest_equal(view_of(d->token), view_of(found->secret));
	return d->signature && digest_equal(sha256_of(d->signature), view_of(hex.text));
}

/* The address ends in what only the host was told. */
static bool is_address(const struct build_webhook_found *found, const char *key)
{
	const char *end = strrchr(found->hook.payload_url, '/');

	return end && digest_equal(view_of(end + 1), view_of(key));
}

/* GitHub's other content type has the document in a field. */
static int document_of(
	const struct build_delivery *d, struct arena *a, struct view *ret, struct err *err)
{
	const char *field;
	struct form form;

	*ret = d->body;
	if (!d->is_form)
		return 0;
	if (form_parse(d->body, a, &form, err) < 0)
		return -1;
	field = form_get(&form, "payload");
	if (!field)
		return err_set(err, ERR_INVALID, "the form has no field payload");
	*ret = view_of(field);
	return 0;
}

static const char *initiator_of(
	const struct build_host *host, const struct build_delivery *d, struct arena *a)
{
	const char *label = starts_with(host->type, "GITLAB")	   ? "GitLab"
			    : starts_with(host->type, "BITBUCKET") ? "Bitbucket"
								   : "GitHub";

	if (d->user_agent && starts_with(d->user_agent, "GitHub-Hookshot/"))
		return arena_strdup(a, d->user_agent);
	return arena_printf(a, "%s-Hookshot", label);
}

/* The same delivery again, within minutes, makes the same build. */
static const char *token_of(const struct build_delivery *d, size_t n, struct arena *a)
{
	const char *text;

	if (!d->id || !*d->id)
		return NULL;
	text = arena_printf(a, "hook-%zu-%s", n, d->id);
	return strlen(text) <= TOKEN_MAX ? text : NULL;
}

static int start(struct build_engine *e, const struct build_delivery *d, struct call *call,
	const struct build_hook_event *event, const char *initiator, size_t n,
	struct build_delivered *ret, struct err *err)
{
	struct codebuild_start_build_request req = {
		.project_name = d->project,
		.source_version = event->version,
		.idempotency_token = token_of(d, n, call->arena),
	};
	struct codebuild_start_build_response resp = {0};
	struct build_hook_start how = {.initiator = initiator};

	build_hook_variables(event, call->arena, &how.variables);
	if (build_start_for_hook(e, call, &req, &how, &resp, err) < 0)
		return -1;
	ret->builds.v[ret->builds.n++] = resp.build->id;
	return 0;
}

int build_deliver(struct build_engine *e, const struct build_delivery *d, struct arena *a,
	struct build_delivered *ret, struct err *err)
{
	CLEANUP(build_hook_events_release) struct build_hook_events events = {0};
	struct call call = {
		.arena = a, .account = e->account, .region = e->region, .partition = "aws"};
	struct build_webhook_found found;
	struct view json;
	int r = build_webhook_find(e, d->project, a, &found, err);

	*ret = (struct build_delivered){0};
	if (r < 0)
		return -1;
	if (!r || !is_address(&found, d->key))
		return err_set(err, ERR_NOT_FOUND, "there is no such webhook");
	if (!is_proved(&found, d))
		return err_set(
			err, ERR_DENIED, "the delivery is not signed with the webhook's secret");
	if (document_of(d, a, &json, err) < 0 ||
		build_hook_read(found.host, d->kind, json, a, &events, err) < 0)
		return -1;
	wire_list_alloc(a, &ret->builds, events.list.n);
	ret->builds.n = 0;
	for (size_t i = 0; i < events.list.n; i++)
		if (build_hook_fits(&found.hook, &events.list.v[i]) &&
			start(e, d, &call, &events.list.v[i], initiator_of(found.host, d, a), i,
				ret, err) < 0)
			return -1;
	return 0;
}
