/* SPDX-License-Identifier: Apache-2.0 */
/* Action providers: what an action of a pipeline does, and what a rule of a condition does
 * (category Rule; its summary or error message is what people read). One file a provider in
 * provider/action_*.c (over the sibling engines) and the scripted ones in sim/.
 *
 * An action runs like this: the engine creates the action execution (its id is the idempotency
 * token), then a task calls start(). start() either ends the action at once or leaves it pending
 * with an external id. A pending action is looked at with check(): right after its external id
 * was stored, whenever correlate() finds that external id in a journal entry, and after
 * `check_after_usec`. Both may be called again after a crash with the same run->id, so they do
 * nothing twice. The engine owns timeouts, retries, stops and the state. */
#ifndef TOWPATH_PIPELINE_PROVIDER_H
#define TOWPATH_PIPELINE_PROVIDER_H

#include "base/arena.h"
#include "base/err.h"
#include "codepipeline.gen.h"
#include "durable/durable.h"
#include "towpath.gen.h"

/* A configuration key of an action type. */
struct action_key {
	const char *name;
	bool required, secret;
	const char *description;
};

/* Where an artifact lies, or shall be written: one object of the pipeline's artifact store. */
struct action_artifact {
	const char *name;
	const char *bucket, *key;
	const char *revision_id;  /* of the source it comes from, or NULL */
	const char *const *files; /* output of a Commands action: patterns; else NULL */
	size_t n_files;
};

/* One action execution, as its provider sees it. All is borrowed for the call. */
struct action_run {
	struct arena *arena; /* results live here */
	const char *account, *region, *partition;
	const char *pipeline, *stage, *action;
	int64_t pipeline_version;
	const char *execution_id; /* of the pipeline */
	const char *id;		  /* action execution id, UUID: the idempotency token */
	int64_t execution_number; /* 1 for the pipeline's first execution */
	int attempt;		  /* 1, then one more with each retry in this execution */
	const char *role_arn;	  /* the action's or the pipeline's */
	/* Within start() with the #{...} in its commands and their environment resolved. */
	const struct codepipeline_action_declaration *declaration;
	/* #{...} resolved */
	const struct codepipeline_resolved_action_configuration_map *configuration;
	const struct action_artifact *inputs, *outputs;
	size_t n_inputs, n_outputs;
	/* Source actions: revisions that the start of the execution asked for. */
	const struct codepipeline_source_revision_override *overrides;
	size_t n_overrides;
	const char *condition;	 /* of a rule: BEFORE_ENTRY, ON_SUCCESS, ON_FAILURE; else NULL */
	const char *external_id; /* as start() or check() set it last; NULL within start() */
	int64_t started_usec, now_usec;
	/* The action was ended, or the server ends: start() that waits for something outside gives
	 * up with ERR_CANCELLED. May be NULL. */
	const struct interrupt *interrupt;
};

enum action_outcome { ACTION_PENDING, ACTION_SUCCEEDED, ACTION_FAILED };

/* What start() and check() answer; zeroed before the call, text in the run's arena. What is NULL
 * leaves the stored value as it was. */
struct action_result {
	enum action_outcome outcome;
	const char *external_id, *external_url, *summary;
	const char *log_stream_arn;
	/* ACTION_FAILED: an error code of the service (JobFailed, ConfigurationError,
	 * PermissionError ...) and a message that says what failed: which command, host, why. */
	const char *error_code, *error_message;
	struct codepipeline_output_variables_map variables;
	/* Source actions: the revision that the output artifact holds. */
	const char *revision_id, *revision_change_id, *revision_summary, *revision_url;
	struct wire_time revision_created;
	struct wire_int percent_complete;
	/* ACTION_PENDING: call check() again after this time on the clock; 0: on journal entries
	 * alone. */
	int64_t check_after_usec;
};

/* A change of a source that starts executions, from one journal entry. */
struct action_change {
	const char *watch;	   /* equals watch_key() of the source actions concerned */
	const char *branch, *tag;  /* without refs/...; NULL for sources without */
	const char *revision_type; /* COMMIT_ID or S3_OBJECT_VERSION_ID */
	const char *revision, *old_revision;
	const char *repository; /* what changed_paths() needs; NULL without */
	bool created;		/* the branch did not exist before */
	const void *detail;	/* the provider's own, for trigger_detail() and changed_paths() */
};

struct action_provider {
	const char *category, *owner, *provider, *version;
	bool v2_only;
	int min_inputs, max_inputs, min_outputs, max_outputs; /* lists show 5 at most */
	const struct action_key *keys;
	size_t n_keys;
	int64_t timeout_usec;
	/* Templates shown by ListActionTypes, or NULL. */
	const char *entity_url_template, *execution_url_template, *revision_url_template;
	void *arg;

	/* Kinds of journal entries that correlate() or change() want; NULL-terminated or NULL. */
	const char *const *journal_kinds;

	/* Further checks at Create/UpdatePipeline, on raw values (may hold #{...}); names the
	 * action in the message and uses err_set_wire("InvalidActionDeclarationException", ...).
	 * NULL: none beyond the keys and artifact counts above, which the engine checks. */
	int (*validate)(void *arg, const struct codepipeline_action_declaration *action,
		struct arena *a, struct err *err);
	/* Begins the work. -1: could not tell (a sibling is not there, I/O): tried again. What is
	 * the user's to mend is ACTION_FAILED. */
	int (*start)(void *arg, const struct action_run *run, struct action_result *ret,
		struct err *err);
	/* Looks at pending work. It may name other work that goes on in its place (external_id), at
	 * which it then looks at once. NULL: nothing to look at (approvals). */
	int (*check)(void *arg, const struct action_run *run, struct action_result *ret,
		struct err *err);
	/* Ends pending work after its timeout; best effort. NULL: nothing to end. */
	void (*stop)(void *arg, const struct action_run *run);
	/* The external id that an entry is about, when pending work with it should be checked now;
	 * else NULL. */
	const char *(*correlate)(void *arg, const struct journal_entry *e, struct arena *a);

	/* Sources only. What an action watches, e.g. "codecommit shop-api"; NULL: nothing. */
	const char *(*watch_key)(
		void *arg, const struct codepipeline_action_declaration *action, struct arena *a);
	/* Within the step that stores a definition with such an action: somebody watches the key.
	 * NULL: changes come by themselves. */
	int (*watched)(void *arg, struct db_tx *tx, const char *key, struct err *err);
	/* Reads a change from an entry: true when it is one. */
	bool (*change)(void *arg, const struct journal_entry *e, struct arena *a,
		struct action_change *ret);
	/* Whether the change concerns this action's configuration (branch, key). */
	bool (*concerns)(void *arg, const struct codepipeline_action_declaration *action,
		const struct action_change *c);
	/* The paths that differ between the change's revisions, for file path filters. */
	int (*changed_paths)(void *arg, const struct action_change *c, struct arena *a,
		const char *const **ret_paths, size_t *ret_n, struct err *err);
	/* How a start by the change is explained, with type WebhookV2. NULL: as by polling or by a
	 * rule of the event bus. */
	const char *(*trigger_detail)(void *arg,
		const struct codepipeline_action_declaration *action, const struct action_change *c,
		struct arena *a);
	/* Page of the configured resource or of a revision, or NULL. */
	const char *(*entity_url)(void *arg, const struct codepipeline_action_declaration *action,
		const char *region, struct arena *a);
};

/* The providers of an installation: one table, made by bin/ (or a simulation). */
struct action_registry {
	const struct action_provider *const *v;
	size_t n;
	/* Of every type with the owner Custom; NULL: the table holds those that there are. */
	const struct action_provider *custom;
};

const struct action_provider *action_registry_find(
	const struct action_registry *r, const struct codepipeline_action_type_id *id);
/* The value of a resolved configuration key; NULL when absent; borrowed. */
const char *action_run_setting(const struct action_run *run, const char *key);
/* The same of a declaration's raw configuration. */
const char *action_setting(const struct codepipeline_action_declaration *action, const char *key);
/* "true" in any case; dflt when absent. */
bool action_flag(const char *value, bool dflt);
/* <first 20 of the pipeline>/<first 10 of the artifact>/<7 random letters and digits>. */
char *action_artifact_key(const char *pipeline, const char *artifact, struct arena *a) MUST_CHECK;
/* Sets ACTION_FAILED with a code and a formatted message. Returns 0, as start() does then. */
int action_fail(const struct action_run *run, struct action_result *ret, const char *code,
	const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
