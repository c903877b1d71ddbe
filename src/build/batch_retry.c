/* SPDX-License-Identifier: Apache-2.0 */
/* RetryBuildBatch: the same batch goes on with new builds. */
#include "build/batch.h"

#define SUCCEEDED CODEBUILD_STATUS_TYPE_SUCCEEDED

/* A group goes again when its build did not succeed, or one that it depends on goes again. */
static bool must_again(struct codebuild_build_batch *b, const struct codebuild_build_group *g)
{
	if (!batch_group_is(g, SUCCEEDED))
		return true;
	wire_foreach (id, &g->depends_on) {
		const struct codebuild_build_group *d = batch_group(b, *id);

		if (d && !d->current_build_summary)
			return true;
	}
	return false;
}

/* Until no more are found: groups stand in no order. */
static void reset_failed(struct codebuild_build_batch *b, struct arena *a)
{
	bool found = true;

	while (found) {
		found = false;
		wire_foreach (g, &b->build_groups) {
			if (!g->current_build_summary || !must_again(b, g))
				continue;
			batch_group_reset(g, a);
			found = true;
		}
	}
}

struct retry {
	const struct codebuild_retry_build_batch_request *req;
	int64_t now;
};

/* The batch began again by a request with this token, as long as tokens are valid. */
static bool is_known(const struct batch_step *s, const struct retry *q)
{
	const char *token = q->req->idempotency_token;
	int64_t begun = s->r.batch.phases.v[0].start_time.usec;

	return token && streq(s->r.extra.retry_token, token) &&
	       begun + BUILD_TOKEN_VALID_USEC > q->now;
}

/* 1 for a request that was made already, 0, -1. */
static int check(const struct batch_step *s, const struct retry *q, struct err *err)
{
	const struct codebuild_build_batch *b = &s->r.batch;

	if (is_known(s, q))
		return 1;
	if (!wire_or(b->complete, false))
		return build_invalid(err, "Cannot retry batch %s: it is still in progress", b->id);
	if (streq(b->build_batch_status, SUCCEEDED))
		return build_invalid(
			err, "Cannot retry batch %s: it succeeded, only failed ones can be", b->id);
	return 0;
}

static int decide_retry(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	const struct retry *q = s->arg;
	struct codebuild_build_batch *b = &s->r.batch;
	int known = check(s, q, err);

	if (known)
		return known;
	s->r.extra.retry_token = q->req->idempotency_token;
	s->r.extra.ending = s->r.extra.ending_code = s->r.extra.ending_message = NULL;
	if (streq(q->req->retry_type, CODEBUILD_RETRY_BUILD_BATCH_TYPE_RETRY_ALL_BUILDS))
		wire_foreach (g, &b->build_groups)
			batch_group_reset(g, &s->arena);
	else
		reset_failed(b, &s->arena);
	batch_submit(b, q->now, &s->arena);
	if (batch_report(s, tx, err) < 0 || batch_set_timeout(s->e, tx, &s->r, err) < 0)
		return -1;
	return batch_advance(s, tx, err);
}

/* The role that the batch has is asked first, outside of the step. */
static int check_role(struct build_engine *e, const struct batch_step *s, struct err *err)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	struct store_build_batch r;
	int found = batch_load(e, s->uuid, &a, &r, err);

	if (found <= 0 || !build_id_is_of(s->id, r.batch.project_name))
		return MIN(found, 0);
	return batch_role_may(e, r.spec.build_batch_config->service_role, "codebuild:RetryBuild",
		r.spec.name, err);
}

int build_retry_build_batch(struct build_engine *e, struct call *call,
	const struct codebuild_retry_build_batch_request *req,
	struct codebuild_retry_build_batch_response *resp, struct err *err)
{
	struct retry q = {.req = req, .now = durable_now(e->durable)};
	CLEANUP_BATCH_STEP struct batch_step s = {
		.e = e, .decide = decide_retry, .arg = &q, .actor = call->principal_arn};

	s.id = req->id;
	s.uuid = req->id ? batch_uuid_of(req->id) : NULL;
	if (s.uuid && (check_role(e, &s, err) < 0 || batch_step_run(&s, err) < 0))
		return -1;
	if (!s.uuid || !s.found)
		return batch_not_there(req->id ? req->id : "", err);
	resp->build_batch = wire_copy(&codebuild_build_batch_shape, &s.r.batch, call->arena);
	return 0;
}
