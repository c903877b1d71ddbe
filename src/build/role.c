/* SPDX-License-Identifier: Apache-2.0 */
/* What a build does, it does under its service role: the role's policies are asked first. */
#include "build/engine.h"
#include "build/locate.h"

#define S3_ARN "arn:aws:s3:::" /* before a source's bucket, where users like it */

struct build_role build_role(const struct store_build_record *r)
{
	const struct towpath_build_pipeline *p = r->extra.pipeline;

	return (struct build_role){.arn = r->spec.service_role,
		.build = r->uuid,
		.build_arn = r->build.arn,
		.pipeline = p && wire_or(p->acts_as_pipeline, false) ? p->pipeline_name : NULL};
}

int build_may(const struct build_engine *e, const struct store_build_record *r, const char *action,
	const char *resource, struct err *err)
{
	const struct build_roles *port = &e->ports->roles;
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct build_role role = build_role(r);

	if (!port->may)
		return 0;
	return port->may(port->arg, &role, action, arena_printf(&a, "arn:aws:%s", resource), err);
}

static int may_read(const struct build_engine *e, const struct store_build_record *r,
	const char *object, const char *version, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	return build_may(e, r, version && *version ? "s3:GetObjectVersion" : "s3:GetObject",
		arena_printf(&a, "s3:::%s", object), err);
}

int build_may_fetch(const struct build_engine *e, const struct store_build_record *r,
	const struct build_source_request *req, struct err *err)
{
	const char *location = req->source->location ? req->source->location : "";
	const char *slash = strrchr(location, '/');
	struct arena a CLEANUP_ARENA = ARENA_INIT;

	if (req->input)
		return may_read(e, r,
			arena_printf(&a, "%s/%s", req->input->bucket, req->input->key), NULL, err);
	if (streq(req->source->type, CODEBUILD_SOURCE_TYPE_CODECOMMIT))
		return build_may(e, r, "codecommit:GitPull",
			arena_printf(&a, "codecommit:%s:%s:%s", e->region, e->account,
				slash ? slash + 1 : location),
			err);
	if (starts_with(location, S3_ARN))
		location += strlen(S3_ARN);
	if (!streq(req->source->type, CODEBUILD_SOURCE_TYPE_S3) || !strchr(location, '/'))
		return 0;
	return may_read(e, r, location, ends_with(location, "/") ? NULL : req->version, err);
}

int build_may_locate(const struct build_engine *e, const struct store_build_record *r,
	const char *buildspec, struct err *err)
{
	if (build_locate_kind(buildspec) != BUILDSPEC_OBJECT)
		return 0;
	return build_may(e, r, "s3:GetObject", buildspec + strlen("arn:aws:"), err);
}

/* ---- the credentials of builds that run ---- */

struct find_role {
	const char *uuid;
	struct arena *a;
	struct store_build_record r;
	int found;
};

static int find_role(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_role *f = arg;

	f->found = store_build_record_get(tx, f->uuid, true, f->a, &f->r, err);
	return f->found < 0 ? -1 : 0;
}

int build_role_of(struct build_engine *e, const char *uuid, struct arena *a, struct build_role *ret,
	struct err *err)
{
	struct find_role f = {.uuid = uuid, .a = a};

	if (db_read(durable_db(e->durable), find_role, &f, err) < 0)
		return -1;
	if (!f.found || f.r.state == BUILD_DONE || !f.r.spec.service_role)
		return 0;
	*ret = build_role(&f.r);
	return 1;
}
