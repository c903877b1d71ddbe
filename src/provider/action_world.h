/* SPDX-License-Identifier: Apache-2.0 */
/* What actions and rules of pipelines do for real (pipeline/provider.h), over the sibling engines.
 * One file a provider: its row of the table stands in it, and what start, check and stop do. */
#ifndef TOWPATH_PROVIDER_ACTION_WORLD_H
#define TOWPATH_PROVIDER_ACTION_WORLD_H

#include "artifact/artifact.h"
#include "build/build.h"
#include "connection/connection.h"
#include "deploy/deploy.h"
#include "fleet/fleet.h"
#include "identity/identity.h"
#include "pipeline/pipeline.h"
#include "pipeline/provider.h"
#include "provider/bucket_right.h"
#include "signal/signal.h"
#include "source/source.h"

#define ACTION_WORLD_MAX 24

/* Fill in the engines before the server starts to run tasks; all are borrowed. */
struct action_world {
	struct source_engine *source;
	struct connection_engine *connection;
	struct artifact_engine *artifact;
	struct build_engine *build;
	struct deploy_engine *deploy;
	struct signal_engine *signal;
	struct fleet_engine *fleet;
	struct identity_engine *identity; /* actions act under their roles; NULL: nobody asks */
	struct pipeline_engine *pipeline; /* set before jobs have credentials */
	struct durable *durable;	  /* where changes are looked for; NULL: nowhere */
	const char *data_dir;		  /* actions/ below it holds files in the making */
	uint64_t clone_max;		  /* bytes of the disk that a clone may take */
	/* the table */
	struct action_provider providers[ACTION_WORLD_MAX];
	const struct action_provider *table[ACTION_WORLD_MAX];
	size_t n;
};

/* Makes the table and the folder. The world must outlive the pipeline engine. */
int action_world_init(struct action_world *w, const char *data_dir, struct err *err);
/* Only the table: enough to check definitions with. */
void action_world_list(struct action_world *w);
void action_world_release(struct action_world *w);
struct action_registry action_world_registry(const struct action_world *w);
/* Credentials of job workers, under the roles of their actions. */
struct pipeline_workers job_credentials_port(struct action_world *w);
/* They end with their jobs; w->pipeline must be set. */
void job_credentials_revoke_with_jobs(struct action_world *w);

/* ---- private to provider/action_*.c ---- */

extern const struct action_provider action_codecommit;
extern const struct action_provider action_connection;
extern const struct action_provider action_s3_source;
extern const struct action_provider action_ecr_source;
extern const struct action_provider action_codebuild_build;
extern const struct action_provider action_codebuild_test;
extern const struct action_provider action_manual;
extern const struct action_provider action_codedeploy;
extern const struct action_provider action_codedeploy_ecs;
extern const struct action_provider action_commands;
extern const struct action_provider action_ecs;
extern const struct action_provider action_s3_deploy;
extern const struct action_provider rule_alarm;
extern const struct action_provider rule_codebuild;
extern const struct action_provider rule_commands;
extern const struct action_provider rule_report;
extern const struct action_provider rule_window;

#define ACTION_KEYS(rows) .keys = (rows), .n_keys = ARRAY_SIZE(rows)

/* A call of a sibling's operation in the name of the action's role. */
struct call action_call(const struct action_run *run);
/* The action's role, as identity/ asks it. */
struct identity_actor action_actor(const struct action_run *run);
/* Whether the action's role may do all that the action will do; ERR_DENIED says what is missing. p
 * NULL: what it does with its artifacts alone. */
int action_check_rights(struct action_world *w, const struct action_run *run,
	const struct action_provider *p, struct err *err);
/* Whether it may do this to an object of which only the action itself knows; encryption: as of
 * bucket_role_may(). */
int action_check_object(struct action_world *w, const struct action_run *run, const char *action,
	const char *bucket, const char *key, const char *encryption, struct err *err);
/* An unnamed file in the actions' folder; closing it removes it. */
int action_temp_file(const struct action_world *w, int *ret_fd, struct err *err);
/* Reads a text file out of an input artifact (by its name; NULL: the first). What is wrong with
 * the artifact or the file is ERR_INVALID, ERR_NOT_FOUND, ERR_TOO_LARGE or ERR_MALFORMED and names
 * both. */
int action_artifact_text(const struct action_world *w, const struct action_run *run,
	const char *artifact, const char *path, size_t limit, struct str *ret, struct err *err);
/* A sibling's error: what the user can mend becomes ACTION_FAILED with this code (0 is returned),
 * the rest stays an error (-1), to be tried again. */
int action_sibling_failed(const struct action_run *run, struct action_result *ret, const char *code,
	const char *what, struct err *err);
/* Whether a configuration value holds a variable reference, which is checked when it is known. */
bool action_value_is_variable(const char *value);

#endif
