/* SPDX-License-Identifier: Apache-2.0 */
/* What builds get from their siblings (build/ports.h): sources from CodeCommit repositories, git
 * hosts elsewhere, S3 and pipelines, values from Parameter Store and Secrets Manager, artifacts
 * into S3, log streams into CloudWatch Logs. */
#ifndef TOWPATH_PROVIDER_BUILD_WORLD_H
#define TOWPATH_PROVIDER_BUILD_WORLD_H

#include "artifact/artifact.h"
#include "build/build.h"
#include "build/ports.h"
#include "identity/identity.h"
#include "provider/bucket_right.h"
#include "secret/secret.h"
#include "signal/signal.h"
#include "source/source.h"

/* Whom a build's role must trust, and whom the role of a pipeline. */
#define BUILD_SERVICE "codebuild.amazonaws.com"
#define PIPELINE_SERVICE "codepipeline.amazonaws.com"
/* Content type of an artifact that is a towpath_build_clone in place of files. */
#define BUILD_CLONE_REFERENCE "application/vnd.towpath.clone-reference+json"

/* Borrowed; must outlive the build engine. Any may be NULL: what needs it then answers
 * ERR_UNSUPPORTED. */
struct build_world {
	struct source_engine *source;
	struct artifact_engine *artifact;
	struct signal_engine *signal;
	struct secret_engine *secret;
	struct identity_engine *identity; /* builds act under their roles */
	struct build_engine *build;	  /* set before builds run */
	const char *endpoint;	/* of this server, as builds reach it; set when it listens */
	bool endpoint_is_local; /* it is on the loopback */
	uint64_t clone_max;	/* bytes of the disk that a clone may take */
};

/* Fills in sources and artifacts; logs go nowhere but to their files until
 * build_world_log_port(); the runner is the caller's to add. */
void build_world_ports(struct build_world *w, struct build_ports *ret);

/* Log streams go to w->signal, which must be set. */
void build_world_log_port(struct build_world *w, struct build_ports *ret);

/* Role and credentials of builds: the roles port, and the end of a build's sessions with the build.
 * w->identity and w->build must be set. */
void build_world_roles_port(struct build_world *w, struct build_ports *ret);
void build_world_revoke_with_builds(struct build_world *w);
/* The answer of the container credentials address for "build/<uuid>" to who shows the build's
 * ticket, appended as JSON: 1, 0 when the ticket is another's or the build has ended, -1. */
int build_world_credentials(
	void *world, const char *part, const char *ticket, struct str *json, struct err *err);

/* Parts, private to provider/build_*.c. */
struct identity_actor build_world_actor(const struct build_role *role, struct arena *a);
/* Whether the build's role may do this; ERR_DENIED. */
int build_world_may(struct build_world *w, const struct build_role *role, const char *action,
	const char *resource, struct err *err);
/* The same to an object of a bucket. */
int build_world_may_object(struct build_world *w, const struct build_role *role, const char *action,
	const char *bucket, const char *key, struct err *err);
int build_source_codecommit(struct build_world *w, const struct build_source_request *req,
	struct arena *a, struct build_source_result *ret, struct err *err);
/* The commit that an artifact of a source action refers to, with all history. */
int build_source_clone(struct build_world *w, const struct build_source_request *req,
	const struct towpath_build_clone *reference, struct arena *a,
	struct build_source_result *ret, struct err *err);
/* What a clone for the build is held to. */
struct vcs_bounds build_source_bounds(
	const struct build_world *w, const struct build_source_request *req);
int build_source_git(struct build_world *w, const struct build_source_request *req, struct arena *a,
	struct build_source_result *ret, struct err *err);
int build_source_s3(struct build_world *w, const struct build_source_request *req, struct arena *a,
	struct build_source_result *ret, struct err *err);
int build_source_pipeline(struct build_world *w, const struct build_source_request *req,
	struct arena *a, struct build_source_result *ret, struct err *err);
int build_source_read_object(void *world, const char *bucket, const char *key, size_t limit,
	struct str *ret, struct err *err);
int build_value_parameter(void *world, const struct build_value_request *req, struct arena *a,
	const char **ret, struct err *err);
int build_value_secret(void *world, const struct build_value_request *req, struct arena *a,
	const char **ret, struct err *err);
int build_artifact_put_file(void *world, const char *bucket, const char *key, const char *path,
	const struct towpath_string_map *metadata, struct err *err);
int build_artifact_put_tree(void *world, const struct build_role *role, const char *bucket,
	const char *prefix, const char *dir, const struct towpath_string_map *metadata,
	struct err *err);

#endif
