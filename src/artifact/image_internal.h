/* SPDX-License-Identifier: Apache-2.0 */
/* What the files src/artifact/image_*.c share. */
#ifndef TOWPATH_ARTIFACT_IMAGE_INTERNAL_H
#define TOWPATH_ARTIFACT_IMAGE_INTERNAL_H

#include "artifact/engine.h"
#include "artifact/image.h"
#include "artifact/image_manifest.h"
#include "store/image.h"
#include "store/image_blob.h"
#include "towpath.gen.h"

#define IMAGE_TASK_COLLECT "image.collect"
#define IMAGE_TASK_UPLOAD "image.upload"
#define IMAGE_TASK_LIFECYCLE "image.lifecycle"

#define IMAGE_DAY_USEC (24 * 3600 * USEC_PER_SEC)
#define IMAGE_GRACE_USEC IMAGE_DAY_USEC	      /* R3 */
#define IMAGE_UPLOAD_IDLE_USEC IMAGE_DAY_USEC /* an upload that nobody goes on with */
#define IMAGE_PART_MIN ((int64_t)(5 * MIB))
#define IMAGE_PART_SIZE ((int64_t)(8 * MIB)) /* what a part's base64 leaves room for */

/* An operation of the API on its way into a step; `a` is the call's arena. */
struct image_op {
	struct artifact_engine *e;
	struct call *call;
	const void *req;
	void *resp;
};
#define IMAGE_OP_ARGS(op)                                      \
	struct image_op *o_ = arg;                             \
	struct artifact_engine *e UNUSED = o_->e;              \
	struct call *call UNUSED = o_->call;                   \
	struct arena *a UNUSED = o_->call->arena;              \
	const struct ecr_##op##_request *req UNUSED = o_->req; \
	struct ecr_##op##_response *resp UNUSED = o_->resp
/* Defines the public operation over op##_step(tx, arg, err); how: image_read or image_write. */
#define IMAGE_DEFINE(op, how)                                                           \
	int artifact_ecr_##op(struct artifact_engine *e, struct call *call,             \
		const struct ecr_##op##_request *req, struct ecr_##op##_response *resp, \
		struct err *err)                                                        \
	{                                                                               \
		struct image_op o = {e, call, req, resp};                               \
                                                                                        \
		return how(e, op##_step, &o, err);                                      \
	}
int image_read(struct artifact_engine *e, db_fn fn, void *arg, struct err *err);
int image_write(struct artifact_engine *e, db_fn fn, void *arg, struct err *err);

/* ---- image_repository.c ---- */

/* RepositoryNotFoundException. */
int image_need_repository(struct artifact_engine *e, struct db_tx *tx, const char *name,
	struct arena *a, struct ecr_repository *ret, struct err *err);
/* The same where nothing of it matters but that it is there. */
int image_check_repository(
	struct artifact_engine *e, struct db_tx *tx, const char *name, struct err *err);
/* The registryId of a request, NULL or our account; RepositoryNotFoundException for others. */
int image_check_registry(
	struct artifact_engine *e, const char *registry_id, const char *name, struct err *err);
/* Host (and port) that clients pull from, and the same with its scheme; in the arena. */
const char *image_registry_host(
	const struct artifact_engine *e, const struct call *call, struct arena *a);
const char *image_registry_url(
	const struct artifact_engine *e, const struct call *call, struct arena *a);
/* Page size and token of a list. A token is the last name seen. */
size_t image_page(struct wire_int asked, size_t dflt, size_t max);

/* ---- image_find.c ---- */

/* ImageNotFoundException. reference: a tag or a digest. */
int image_find(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const char *reference, struct arena *a, struct store_image *ret, struct err *err);
int image_tags_of(struct db_tx *tx, const char *repository, const char *digest, struct arena *a,
	struct ecr_image_tag_list *ret, struct err *err);

/* Why an id of a batch was not served. */
struct image_fault {
	const char *code, *reason;
};
/* Which image an id means; or *ret_fault is set. */
int image_look_up(struct db_tx *tx, const char *repository, const struct ecr_image_identifier *id,
	struct arena *a, struct store_image *ret, const struct image_fault **ret_fault,
	struct err *err);
struct ecr_image_failure image_failure(
	const struct ecr_image_identifier *id, const struct image_fault *why, struct arena *a);

/* ---- image_delete.c ---- */

/* Takes an image away with all its tags, with an event each. */
int image_remove(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const char *digest, const char *actor, struct arena *a, struct err *err);

/* ---- image_event.c ---- */

int image_journal(struct artifact_engine *e, struct db_tx *tx, const char *action,
	const char *repository, const char *digest, const char *tag, const char *actor,
	struct err *err);

/* ---- image_collect.c ---- */

/* The repository relies on the blob: makes the link or renews it, and sees that somebody looks at
 * it once it is old. */
int image_link(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const char *digest, struct err *err);
/* Takes the link away, and the blob with its last. */
int image_unlink(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const char *digest, struct arena *a, struct err *err);
/* Sees that loose links of the repository are looked at when their time has come. */
int image_collect_later(
	struct artifact_engine *e, struct db_tx *tx, const char *repository, struct err *err);
/* Renews a link that is no longer young: somebody relies on it. */
int image_renew(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const struct store_image_blob *blob, struct err *err);
/* LayersNotFoundException. */
int image_no_layer(const struct artifact_engine *e, const char *repository, const char *digest,
	struct err *err);
void image_collect_register(struct artifact_engine *e);

/* ---- image_upload.c ---- */

struct image_sessions;
struct image_sessions *image_sessions_new(void);
void image_sessions_free(struct image_sessions *s);
void image_upload_register(struct artifact_engine *e);
/* Ends every upload into a repository that goes. */
int image_uploads_drop(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	struct arena *a, struct err *err);

/* ---- image_lifecycle.c: which images a policy takes away. Pure. ---- */

/* An image as a policy sees it. */
struct image_candidate {
	const char *digest;
	const char **tags;
	size_t n_tags;
	int64_t pushed_usec, pulled_usec;
	bool kept;	       /* speaks of an image that is there: no rule's business */
	const size_t *indexes; /* of the images that name it, which keep it while they stay */
	size_t n_indexes;
	int priority; /* out: of the rule that takes it, or 0 */
};

enum image_status { IMAGE_TAGGED, IMAGE_UNTAGGED, IMAGE_ANY };
enum image_count { IMAGE_COUNT_MORE_THAN, IMAGE_SINCE_PUSHED, IMAGE_SINCE_PULLED };

struct image_lifecycle_rule {
	int priority;
	enum image_status status;
	const char **patterns; /* each must fit one of the tags; prefixes end in "*" */
	size_t n_patterns;
	enum image_count count;
	int64_t number;
};
struct image_lifecycle {
	struct image_lifecycle_rule *rules; /* by priority */
	size_t n;
};
/* InvalidParameterException says what is wrong with the text. */
int image_lifecycle_parse(
	const char *text, struct arena *a, struct image_lifecycle *ret, struct err *err);
/* Sets the priority of those that go. */
void image_lifecycle_decide(const struct image_lifecycle *policy, struct image_candidate *images,
	size_t n, int64_t now_usec, struct arena *a);

/* ---- image_expire.c ---- */

void image_expire_register(struct artifact_engine *e);

#endif
