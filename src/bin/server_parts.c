/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of engines: how each is made, which services it has. */
#include "bin/server_parts.h"

#include "api/svc_codecommit.h"
#include "api/svc_iam.h"
#include "api/svc_s3.h"
#include "api/svc_sts.h"

void server_add_service(struct server *s, struct call_service service)
{
	vec_push(&s->services, service);
}

/* ---- identity ---- */

static int open_identity(struct server *s, struct err *err)
{
	struct identity_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
		.root_key_id = s->config.root_key_id,
		.root_key_secret = s->config.root_key_secret,
	};

	if (identity_engine_new(&c, &s->identity, err) < 0)
		return -1;
	server_add_service(s, svc_iam(s->identity));
	server_add_service(s, svc_sts(s->identity));
	return 0;
}

static void close_identity(struct server *s)
{
	s->identity = identity_engine_free(s->identity);
}

/* ---- source ---- */

static int open_source(struct server *s, struct err *err)
{
	struct source_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
	};

	if (source_engine_new(&c, &s->source, err) < 0)
		return -1;
	server_add_service(s, svc_codecommit(s->source));
	return 0;
}

static void close_source(struct server *s)
{
	s->source = source_engine_free(s->source);
}

/* ---- artifact ---- */

static int open_artifact(struct server *s, struct err *err)
{
	struct artifact_config c = {
		.durable = s->durable,
		.account = s->account,
		.region = s->region,
		.data_dir = s->data_dir,
	};

	if (artifact_engine_new(&c, &s->artifact, err) < 0)
		return -1;
	server_add_service(s, svc_s3(s->artifact));
	return 0;
}

static void close_artifact(struct server *s)
{
	s->artifact = artifact_engine_free(s->artifact);
}

const struct server_part server_parts[] = {
	{"identity", open_identity, NULL, close_identity},
	{"source", open_source, NULL, close_source},
	{"artifact", open_artifact, NULL, close_artifact},
};
const size_t server_parts_n = ARRAY_SIZE(server_parts);
