/* SPDX-License-Identifier: Apache-2.0 */
/* The build engine: projects, builds, the queue. One function an API operation, in the handler
 * form of wire/call.h.
 *
 * A build is QUEUED until one of the slots is free, then its source is fetched and its leader
 * started; it holds its slot until the leader has ended. Builds wait in the order in which they
 * were asked for. Every change of a build is told by journal entries `codebuild.build`. */
#ifndef TOWPATH_BUILD_BUILD_H
#define TOWPATH_BUILD_BUILD_H

#include "build/ports.h"
#include "codebuild.gen.h"
#include "crypto/seal.h"
#include "durable/durable.h"
#include "wire/call.h"

struct build_engine;

struct build_config {
	struct durable *durable;	 /* borrowed */
	const struct build_ports *ports; /* borrowed; must outlive the engine */
	const char *account, *region;
	const char *data_dir;	 /* builds/ and cache/ are made below it */
	int slots;		 /* builds at one time; 0: as many as there are processors */
	const char *console_url; /* front of links, e.g. "http://127.0.0.1:8080"; may be NULL */
	/* borrowed; seals tokens for git hosts. NULL: none are kept */
	const struct seal_key *seal;
};

/* Registers tasks: call before durable_start(). */
int build_engine_new(const struct build_config *c, struct build_engine **ret, struct err *err);
/* After durable_start(): takes up builds that were under way when the last server ended. */
int build_engine_recover(struct build_engine *e, struct err *err);
/* After durable_stop(). Builds that run go on. NULL is fine. */
struct build_engine *build_engine_free(struct build_engine *e);
DEFINE_FREEP(struct build_engine, build_engine_free)

#define BUILD_OPERATION(name)                                       \
	int build_##name(struct build_engine *e, struct call *call, \
		const struct codebuild_##name##_request *req,       \
		struct codebuild_##name##_response *resp, struct err *err)

BUILD_OPERATION(batch_delete_builds);
BUILD_OPERATION(batch_get_build_batches);
BUILD_OPERATION(batch_get_builds);
BUILD_OPERATION(batch_get_projects);
BUILD_OPERATION(batch_get_report_groups);
BUILD_OPERATION(batch_get_reports);
BUILD_OPERATION(create_project);
BUILD_OPERATION(create_report_group);
BUILD_OPERATION(create_webhook);
BUILD_OPERATION(delete_build_batch);
BUILD_OPERATION(delete_project);
BUILD_OPERATION(delete_report);
BUILD_OPERATION(delete_report_group);
BUILD_OPERATION(delete_source_credentials);
BUILD_OPERATION(delete_webhook);
BUILD_OPERATION(describe_code_coverages);
BUILD_OPERATION(describe_test_cases);
BUILD_OPERATION(get_report_group_trend);
BUILD_OPERATION(import_source_credentials);
BUILD_OPERATION(invalidate_project_cache);
BUILD_OPERATION(list_build_batches);
BUILD_OPERATION(list_build_batches_for_project);
BUILD_OPERATION(list_builds);
BUILD_OPERATION(list_builds_for_project);
BUILD_OPERATION(list_curated_environment_images);
BUILD_OPERATION(list_projects);
BUILD_OPERATION(list_report_groups);
BUILD_OPERATION(list_reports);
BUILD_OPERATION(list_reports_for_report_group);
BUILD_OPERATION(list_source_credentials);
BUILD_OPERATION(retry_build);
BUILD_OPERATION(retry_build_batch);
BUILD_OPERATION(start_build);
BUILD_OPERATION(start_build_batch);
BUILD_OPERATION(stop_build);
BUILD_OPERATION(stop_build_batch);
BUILD_OPERATION(update_project);
BUILD_OPERATION(update_report_group);
BUILD_OPERATION(update_webhook);

/* StartBuild for a pipeline's action: sources of type CODEPIPELINE are taken from
 * pipeline->inputs (primaryInput names the primary one), artifacts go to pipeline->outputs, the
 * initiator is "codepipeline/<pipelineName>"; without inputs there is no source. With
 * actsAsPipeline the service role is the pipeline's, which trusts pipelines and not builds.
 * req->idempotency_token must be set (the action's token): the same token answers the same build,
 * for ever. Exported variables are in resp->build once it is complete (BatchGetBuilds). */
int build_start_for_pipeline(struct build_engine *e, struct call *call,
	const struct codebuild_start_build_request *req,
	const struct towpath_build_pipeline *pipeline, struct codebuild_start_build_response *resp,
	struct err *err);

/* StartBuildBatch for a pipeline's action, as build_start_for_pipeline(). Each output artifact is
 * one archive: with pipeline->combine the files of all builds together, else a folder a build. */
int build_start_batch_for_pipeline(struct build_engine *e, struct call *call,
	const struct codebuild_start_build_batch_request *req,
	const struct towpath_build_pipeline *pipeline,
	struct codebuild_start_build_batch_response *resp, struct err *err);

/* The newest report of a group (name or ARN) that a build of this pipeline execution made. 1 found,
 * 0 none. *ret_message: why it is INCOMPLETE, or "". */
int build_report_of_execution(struct build_engine *e, const char *group, const char *execution_id,
	struct arena *a, struct codebuild_report *ret, const char **ret_message, struct err *err);

/* Path of the spool file (codec/spool.h) with a build's whole log; id as in the API or its ARN.
 * The file is missing until the build leaves the queue. Caller frees; NULL for a bad id. */
char *build_log_path(const struct build_engine *e, const char *id) MUST_CHECK;

/* ---- deliveries of git hosts to webhooks ---- */

/* Followed by the project's name, a slash and the webhook's key. */
#define BUILD_WEBHOOK_PATH "/_towpath/webhook/"

struct build_delivery {
	const char *project, *key; /* of the address */
	const char *kind;	   /* what it tells, as the host's header says */
	const char *id;		   /* of the delivery */
	const char *signature, *token;
	const char *user_agent;
	bool is_form; /* the document is a form's field */
	struct view body;
};
struct build_delivered {
	struct codebuild_build_ids builds; /* that it started, or had started before */
};
/* Starts what the delivery builds; texts live in the arena. ERR_NOT_FOUND: there is no such
 * webhook; ERR_DENIED: it is not signed with its secret. */
int build_deliver(struct build_engine *e, const struct build_delivery *d, struct arena *a,
	struct build_delivered *ret, struct err *err);

/* In a transaction of a stopped server: opens every token and secret with one key and seals it with
 * the other; adds how many to *n. */
int build_reseal(struct db_tx *tx, const struct seal_key *from, const struct seal_key *to,
	size_t *n, struct err *err);

/* The service role of a build that has not ended, in the arena: 1, 0 when it has ended or never
 * was, -1. */
int build_role_of(struct build_engine *e, const char *uuid, struct arena *a, struct build_role *ret,
	struct err *err);

#endif
