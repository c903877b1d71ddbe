/* SPDX-License-Identifier: Apache-2.0 */
/* The source engine: CodeCommit's operations, git's pushes, and what providers ask of it. */
#ifndef TOWPATH_SOURCE_SOURCE_H
#define TOWPATH_SOURCE_SOURCE_H

#include "codecommit.gen.h"
#include "durable/durable.h"
#include "vcs/object.h"
#include "vcs/transport.h"
#include "wire/call.h"

struct source_engine;

struct source_config {
	struct durable *durable;
	const char *account, *region;
	const char *data_dir; /* repositories live in data_dir/git */
	int ssh_port;	      /* where they are served over SSH; 0: nowhere */
};

/* Registers its tasks (so: before durable_start()) and settles what a crash left open. Strings of
 * the configuration are copied. */
int source_engine_new(const struct source_config *c, struct source_engine **ret, struct err *err);
struct source_engine *source_engine_free(struct source_engine *e);
DEFINE_FREEP(struct source_engine, source_engine_free)

/* ---- for providers ---- */

/* A commit that a branch, tag, full commit id or (specifier NULL) the default branch names. */
struct source_commit {
	const char *repository_id, *repository_name, *repository_arn;
	const char *repository_path; /* on disk: for vcs_archive_zip() and vcs_clone() */
	const char *branch;	     /* when the specifier was a branch, else NULL */
	struct vcs_commit commit;
};
/* RepositoryDoesNotExistException, CommitDoesNotExistException. */
int source_resolve(struct source_engine *e, const char *repository_name, const char *specifier,
	struct arena *a, struct source_commit *ret, struct err *err);
/* The repository's name in a clone URL (http://host/v1/repos/NAME), in the arena; NULL if it is
 * no such URL. */
const char *source_name_of_url(const char *url, struct arena *a);

/* ---- for permissions ---- */

/* The full name of the branch that a commit specifier names, in the arena, or NULL when it is a
 * commit's id (or HEAD of a repository without branches). Whether it exists is not looked at. */
const char *source_branch_named(struct source_engine *e, const char *repository_name,
	const char *specifier, struct arena *a);

/* The repository's ARN and the destination (its full name) of a pull request, in the arena: 1, 0
 * when there is none of that number. */
int source_pull_place(struct source_engine *e, const char *id, struct arena *a,
	const char **ret_arn, const char **ret_destination, struct err *err);

/* The ARN of the repository that a comment belongs to, in the arena, or NULL. */
const char *source_comment_place(struct source_engine *e, const char *id, struct arena *a);

/* ---- for git over HTTP ---- */

/* Name, ARN and path of a repository: 1 found, 0 not, -1 error. Strings in the arena. */
struct source_repository {
	const char *id, *name, *arn, *path;
};
int source_find(struct source_engine *e, const char *name, struct arena *a,
	struct source_repository *ret, struct err *err);

/* What a push does to a reference. SOURCE_PUSH_FORCE: a branch moves to a commit that does not
 * follow, any other reference moves at all. */
enum source_push_kind {
	SOURCE_PUSH_CREATE,
	SOURCE_PUSH_UPDATE,
	SOURCE_PUSH_FORCE,
	SOURCE_PUSH_DELETE,
};

struct source_push {
	const struct source_repository *repository;
	const char *actor_arn;
	bool stateful; /* the connection stays open behind the push: it ends where the pack does */
	/* Who signed the push, which comes before any other question: -1 refuses it. Only for
	 * pushes that have a certificate. */
	int (*verify)(void *arg, const struct vcs_push_cert *cert, struct err *err);
	struct vcs_id *ret_cert; /* the blob of the repository that keeps the certificate */
	/* May the actor push to this reference so? 0 yes; -1 no, err says why. */
	int (*authorize)(void *arg, const char *ref, enum source_push_kind kind, struct err *err);
	void *arg;
};
/* Serves one receive-pack request. Refusals are told to the client in the report; -1 means that
 * the exchange broke off. */
int source_receive_pack(struct source_engine *e, const struct source_push *p,
	const struct vcs_stream *s, struct err *err);
/* Settles changes whose event could not be written when they happened; cheap when there are
 * none. Called before references are advertised. */
int source_settle(struct source_engine *e, const struct source_repository *r, struct err *err);

/* ---- locks of Git LFS ---- */

struct source_lock {
	const char *id, *path, *owner; /* an ARN */
	int64_t locked_usec;
};
/* 1 made, 0 somebody has it (*ret says who); texts in the arena. */
int source_lock_create(struct source_engine *e, const char *repository_id, const char *path,
	const char *owner, struct arena *a, struct source_lock *ret, struct err *err);
/* 1 removed, 0 there was none. ERR_DENIED: another's, and not forced. */
int source_lock_remove(struct source_engine *e, const char *repository_id, const char *id,
	const char *owner, bool force, struct arena *a, struct source_lock *ret, struct err *err);
/* At most max, those behind the id `after` (NULL: from the start). */
int source_locks_list(struct source_engine *e, const char *repository_id, const char *after,
	size_t max, struct arena *a, struct source_lock **ret, size_t *ret_n, struct err *err);
/* The id that a path's lock has, in the arena. */
const char *source_lock_id(const char *path, struct arena *a);

/* ---- triggers ---- */

/* Sends a message to a topic, in the caller's step or (tx NULL) by itself. */
struct source_teller {
	int (*tell)(void *arg, struct db_tx *tx, const char *repository_arn, const char *topic_arn,
		const char *message, struct err *err);
	void *arg;
};
/* For TestRepositoryTriggers. Before the first operation. */
void source_set_teller(struct source_engine *e, const struct source_teller *teller);
/* Tells the topics of a repository's triggers what a journal entry codecommit.push says; a topic
 * that cannot be told is logged. */
int source_run_triggers(struct source_engine *e, struct db_tx *tx,
	const struct journal_entry *entry, const struct source_teller *teller, struct err *err);

/* ---- events ---- */

/* The detail of the EventBridge event "CodeCommit Repository State Change" that a codecommit.ref
 * journal entry stands for, as JSON. */
int source_event_detail(const char *journal_detail, struct str *out, struct err *err);

/* ---- operations ---- */

#define SOURCE_OPERATIONS(X)                                           \
	X(associate_approval_rule_template_with_repository)            \
	X(batch_associate_approval_rule_template_with_repositories)    \
	X(batch_describe_merge_conflicts)                              \
	X(batch_disassociate_approval_rule_template_from_repositories) \
	X(batch_get_commits)                                           \
	X(batch_get_repositories)                                      \
	X(create_approval_rule_template)                               \
	X(create_branch)                                               \
	X(create_commit)                                               \
	X(create_pull_request)                                         \
	X(create_pull_request_approval_rule)                           \
	X(create_repository)                                           \
	X(create_unreferenced_merge_commit)                            \
	X(delete_approval_rule_template)                               \
	X(delete_branch)                                               \
	X(delete_comment_content)                                      \
	X(delete_file)                                                 \
	X(delete_pull_request_approval_rule)                           \
	X(delete_repository)                                           \
	X(describe_merge_conflicts)                                    \
	X(describe_pull_request_events)                                \
	X(disassociate_approval_rule_template_from_repository)         \
	X(evaluate_pull_request_approval_rules)                        \
	X(get_approval_rule_template)                                  \
	X(get_blob)                                                    \
	X(get_branch)                                                  \
	X(get_comment)                                                 \
	X(get_comment_reactions)                                       \
	X(get_comments_for_compared_commit)                            \
	X(get_comments_for_pull_request)                               \
	X(get_commit)                                                  \
	X(get_differences)                                             \
	X(get_file)                                                    \
	X(get_folder)                                                  \
	X(get_merge_commit)                                            \
	X(get_merge_conflicts)                                         \
	X(get_merge_options)                                           \
	X(get_pull_request)                                            \
	X(get_pull_request_approval_states)                            \
	X(get_pull_request_override_state)                             \
	X(get_repository)                                              \
	X(get_repository_triggers)                                     \
	X(list_approval_rule_templates)                                \
	X(list_associated_approval_rule_templates_for_repository)      \
	X(list_branches)                                               \
	X(list_file_commit_history)                                    \
	X(list_pull_requests)                                          \
	X(list_repositories)                                           \
	X(list_repositories_for_approval_rule_template)                \
	X(list_tags_for_resource)                                      \
	X(merge_branches_by_fast_forward)                              \
	X(merge_branches_by_squash)                                    \
	X(merge_branches_by_three_way)                                 \
	X(merge_pull_request_by_fast_forward)                          \
	X(merge_pull_request_by_squash)                                \
	X(merge_pull_request_by_three_way)                             \
	X(override_pull_request_approval_rules)                        \
	X(post_comment_for_compared_commit)                            \
	X(post_comment_for_pull_request)                               \
	X(post_comment_reply)                                          \
	X(put_comment_reaction)                                        \
	X(put_file)                                                    \
	X(put_repository_triggers)                                     \
	X(tag_resource)                                                \
	X(test_repository_triggers)                                    \
	X(untag_resource)                                              \
	X(update_approval_rule_template_content)                       \
	X(update_approval_rule_template_description)                   \
	X(update_approval_rule_template_name)                          \
	X(update_comment)                                              \
	X(update_default_branch)                                       \
	X(update_pull_request_approval_rule_content)                   \
	X(update_pull_request_approval_state)                          \
	X(update_pull_request_description)                             \
	X(update_pull_request_status)                                  \
	X(update_pull_request_title)                                   \
	X(update_repository_description)                               \
	X(update_repository_encryption_key)                            \
	X(update_repository_name)

#define SOURCE_DECLARE(op)                                          \
	int source_##op(struct source_engine *e, struct call *call, \
		const struct codecommit_##op##_request *req,        \
		struct codecommit_##op##_response *resp, struct err *err);
SOURCE_OPERATIONS(SOURCE_DECLARE)
#undef SOURCE_DECLARE

#endif
