/* SPDX-License-Identifier: Apache-2.0 */
/* COMBINE_ARTIFACTS: what the builds of a batch stored is fetched, put together and stored once. A
 * task, tried again while the fault may pass; what may not pass fails the batch. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "build/batch.h"
#include "codec/archive.h"

#define COMBINE CODEBUILD_BUILD_BATCH_PHASE_TYPE_COMBINE_ARTIFACTS

struct combine {
	struct build_engine *e;
	const struct task *task;
	struct arena arena;
	struct store_build_batch r;
	struct store_build_record actor; /* whose role acts: the project's, as in its builds */
	const char *dir;
	const char *location; /* of the primary artifact, once stored */
	const char *error;
	int64_t begun_usec; /* of the phase that it works for; 0: of the present one */
};

static void combine_release(struct combine *c)
{
	arena_release(&c->arena);
}

/* One artifact of all builds. */
struct joined {
	const char *identifier; /* of an output of a pipeline; "" for the primary artifact */
	struct build_destination to;
	const char *dir;
	size_t parts;
};

/* ---- where it goes ---- */

/* Cuts the build's own part from the end of its place, and puts the batch's id for the build's. */
static const char *without_build(
	struct combine *c, const char *key, const struct codebuild_build_group *g, struct arena *a)
{
	const char *uuid = build_uuid_of(g->current_build_summary->arn);
	const char *at = strstr(key, uuid);
	size_t n = strlen(key), part = strlen(g->identifier);
	bool folder = ends_with(key, "/");
	const char *text;

	n -= MIN(n, part + (folder ? 1 : 0));
	if (n && !folder && key[n - 1] == '/')
		n--;
	text = arena_strndup(a, key, n);
	if (!at || (size_t)(at - key) + strlen(uuid) > n)
		return text;
	return arena_printf(
		a, "%.*s%s%s", (int)(at - key), key, c->r.uuid, text + (at - key) + strlen(uuid));
}

/* Splits an ARN of S3. */
static bool place_of(const char *location, struct arena *a, struct build_destination *ret)
{
	const char *at = location ? build_bucket_of(location) : "";
	const char *slash = strchr(at, '/');

	if (!slash)
		return false;
	*ret = (struct build_destination){.bucket = arena_strndup(a, at, (size_t)(slash - at)),
		.key = slash + 1,
		.zip = !ends_with(slash + 1, "/")};
	return true;
}

/* Where the build of a group stored it; false when it has not. */
static bool stored_by(struct combine *c, const struct codebuild_build_group *g,
	const char *identifier, struct build_destination *ret)
{
	const struct codebuild_build_summary *s = g->current_build_summary;

	if (!batch_group_is(g, CODEBUILD_STATUS_TYPE_SUCCEEDED) || !s->primary_artifact)
		return false;
	wire_foreach (it, &s->secondary_artifacts)
		if (streq(it->identifier, identifier))
			return place_of(it->location, &c->arena, ret);
	if (*identifier && (!c->r.extra.pipeline || c->r.extra.pipeline->outputs.n > 1))
		return false;
	return place_of(s->primary_artifact->location, &c->arena, ret);
}

/* ---- fetching ---- */

static int fetch_part(
	struct combine *c, const struct build_destination *from, const char *dir, struct err *err)
{
	const struct build_sources *port = &c->e->ports->sources;
	struct towpath_build_input input = {
		.name = from->key, .bucket = from->bucket, .key = from->key};
	struct codebuild_project_source source = {
		.type = from->zip ? CODEBUILD_SOURCE_TYPE_CODEPIPELINE : CODEBUILD_SOURCE_TYPE_S3,
		.location = arena_printf(&c->arena, "%s/%s", from->bucket, from->key)};
	struct build_source_request req = {.account = c->e->account,
		.region = c->e->region,
		.project = c->r.spec.name,
		.role = build_role(&c->actor),
		.identifier = "",
		.source = &source,
		.input = from->zip ? &input : NULL,
		.dir = dir};
	struct build_source_result found = {0};

	if (build_may(c->e, &c->actor, "s3:GetObject",
		    arena_printf(&c->arena, "s3:::%s/%s", from->bucket, from->key), err) < 0)
		return -1;
	return port->fetch(port->arg, &req, &c->arena, &found, err);
}

/* A build may have made nothing of an artifact. */
static int add_part(
	struct combine *c, struct joined *j, const struct codebuild_build_group *g, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	bool together = wire_or(c->r.spec.build_batch_config->combine_artifacts, false);
	const char *dir =
		together ? j->dir : arena_printf(&c->arena, "%s/%s", j->dir, g->identifier);
	struct build_destination from;

	if (!stored_by(c, g, j->identifier, &from))
		return 0;
	if (!j->to.bucket)
		j->to = (struct build_destination){
			from.bucket, without_build(c, from.key, g, &c->arena), from.zip};
	if (file_make_dirs(dir, 0755, err) < 0)
		return -1;
	if (fetch_part(c, &from, dir, &why) == 0)
		j->parts++;
	else if (!err_is(&why, ERR_NOT_FOUND))
		return err_move(err, &why);
	return 0;
}

/* ---- storing ---- */

static int pack(const char *dir, const char *path, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, errno, "open %s", path);
	return archive_pack_all(ARCHIVE_KIND_ZIP, dir, fd, NULL, err);
}

static int store(struct combine *c, const struct joined *j, struct err *err)
{
	const struct build_artifacts *port = &c->e->ports->artifacts;
	const char *zip = arena_printf(&c->arena, "%s.zip", j->dir);
	struct build_role role = build_role(&c->actor);
	struct towpath_string_map metadata;

	wire_list_alloc(&c->arena, &metadata, 1);
	metadata.v[0].key = "codebuild-buildarn";
	metadata.v[0].value = c->r.batch.arn;
	if (build_may(c->e, &c->actor, "s3:PutObject",
		    arena_printf(&c->arena, "s3:::%s/%s", j->to.bucket, j->to.key), err) < 0)
		return -1;
	if (!j->to.zip)
		return port->put_tree(
			port->arg, &role, j->to.bucket, j->to.key, j->dir, &metadata, err);
	if (pack(j->dir, zip, err) < 0)
		return -1;
	return port->put_file(port->arg, j->to.bucket, j->to.key, zip, &metadata, err);
}

static int join(struct combine *c, const char *identifier, struct err *err)
{
	struct joined j = {.identifier = identifier,
		.dir = arena_printf(&c->arena, "%s/join-%s", c->dir, identifier)};

	if (file_make_dirs(j.dir, 0755, err) < 0)
		return -1;
	wire_foreach (g, &c->r.batch.build_groups)
		if (!streq(g->identifier, BATCH_SOURCE_GROUP) && add_part(c, &j, g, err) < 0)
			return err_wrap(err, "artifact of build %s", g->identifier);
	if (!j.parts)
		return err_set(err, ERR_INVALID, "no build of the batch stored artifact %s",
			*identifier ? identifier : "(primary)");
	if (store(c, &j, err) < 0)
		return err_wrap(err, "cannot store the combined artifact in s3://%s/%s",
			j.to.bucket, j.to.key);
	if (!c->location)
		c->location = arena_printf(&c->arena, "arn:aws:s3:::%s/%s", j.to.bucket, j.to.key);
	return 0;
}

/* Every output of a pipeline, else the primary artifact. */
static int join_all(struct combine *c, struct err *err)
{
	const struct towpath_build_pipeline *p = c->r.extra.pipeline;

	if (!p)
		return join(c, "", err);
	wire_foreach (o, &p->outputs)
		if (join(c, o->name, err) < 0)
			return -1;
	return 0;
}

/* ---- the task ---- */

static int64_t phase_begun(const struct codebuild_build_batch *b)
{
	return b->phases.v[b->phases.n - 1].start_time.usec;
}

/* A batch that was stopped and retried meanwhile is combined anew. */
static int decide_combined(struct batch_step *s, struct db_tx *tx, struct err *err)
{
	const struct combine *c = s->arg;
	struct batch_end end = {.status = CODEBUILD_STATUS_TYPE_SUCCEEDED};

	if (!streq(s->r.batch.current_phase, COMBINE) ||
		(c->begun_usec && c->begun_usec != phase_begun(&s->r.batch)))
		return 1;
	if (c->error)
		end = (struct batch_end){CODEBUILD_STATUS_TYPE_FAILED, "CLIENT_ERROR", c->error};
	else if (s->r.batch.artifacts && c->location)
		s->r.batch.artifacts->location = c->location;
	return batch_finish(s, tx, &end, err);
}

static int finish(struct combine *c, struct err *err)
{
	CLEANUP_BATCH_STEP struct batch_step s = {.e = c->e,
		.uuid = c->task->subject,
		.task = c->task,
		.decide = decide_combined,
		.arg = c};

	return batch_step_run(&s, err);
}

static struct store_build_record actor_of(const struct store_build_batch *r)
{
	struct store_build_record actor = {.uuid = r->uuid, .spec = r->spec};

	actor.build.arn = r->batch.arn;
	actor.extra.pipeline = r->extra.pipeline;
	return actor;
}

/* Whatever comes of it, and of a try that a crash cut off, nothing is left in the folder. */
int batch_task_combine(struct durable *d UNUSED, const struct task *t, void *arg, struct err *err)
{
	CLEANUP(combine_release) struct combine c = {.e = arg, .task = t};
	CLEANUP_ERR struct err why = ERR_INIT;
	int found = batch_load(c.e, t->subject, &c.arena, &c.r, err);

	c.dir = build_job_dir(c.e, t->subject, &c.arena);
	if (found < 0 || file_remove_tree(c.dir, err) < 0)
		return -1;
	if (!found || !streq(c.r.batch.current_phase, COMBINE))
		return 0;
	c.actor = actor_of(&c.r);
	c.begun_usec = phase_begun(&c.r.batch);
	if (join_all(&c, &why) < 0)
		c.error = arena_strdup(&c.arena, err_message(&why));
	if (file_remove_tree(c.dir, err) < 0)
		return -1;
	return build_fault_may_pass(&why) ? err_move(err, &why) : finish(&c, err);
}

int batch_task_combine_gave_up(struct durable *d UNUSED, struct db_tx *tx, const struct task *t,
	const struct err *why, void *arg, struct err *err)
{
	struct combine c = {.e = arg, .task = t, .error = err_message(why)};
	CLEANUP_BATCH_STEP struct batch_step s = {
		.e = arg, .uuid = t->subject, .task = t, .decide = decide_combined, .arg = &c};

	return batch_step_within(&s, tx, err);
}
