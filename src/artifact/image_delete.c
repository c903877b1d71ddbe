/* SPDX-License-Identifier: Apache-2.0 */
/* How images and tags go. */
#include "artifact/image_internal.h"
#include "base/mem.h"

int image_remove(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const char *digest, const char *actor, struct arena *a, struct err *err)
{
	struct ecr_image_tag_list tags = {0};

	if (image_tags_of(tx, repository, digest, a, &tags, err) < 0 ||
		store_image_delete(tx, repository, digest, err) < 0 ||
		image_collect_later(e, tx, repository, err) < 0)
		return -1;
	for (size_t i = 0; i < MAX(tags.n, (size_t)1); i++)
		if (image_journal(e, tx, "DELETE", repository, digest, tags.n ? tags.v[i] : NULL,
			    actor, err) < 0)
			return -1;
	return 0;
}

struct removal {
	struct artifact_engine *e;
	const char *repository, *reference, *actor;
	struct arena *a;
};

/* The tag, and the image with its last tag unless an index names it. */
static int remove_tag(const struct removal *r, struct db_tx *tx, const char *tag,
	const char *digest, struct err *err)
{
	struct ecr_image_tag_list tags = {0};
	int named;

	if (image_tags_of(tx, r->repository, digest, r->a, &tags, err) < 0)
		return -1;
	named = store_image_named(tx, r->repository, digest, true, r->a, NULL, err);
	if (named < 0)
		return -1;
	if (tags.n == 1 && !named)
		return image_remove(r->e, tx, r->repository, digest, r->actor, r->a, err);
	if (store_image_tag_delete(tx, r->repository, tag, err) < 0)
		return -1;
	return image_journal(r->e, tx, "DELETE", r->repository, digest, tag, r->actor, err);
}

/* 1: an index names it (*ret_index), so it stays. */
static int remove_image(const struct removal *r, struct db_tx *tx, const char *digest,
	const char **ret_index, struct err *err)
{
	int named = store_image_named(tx, r->repository, digest, true, r->a, ret_index, err);

	if (named)
		return named;
	return image_remove(r->e, tx, r->repository, digest, r->actor, r->a, err);
}

/* ---- for the registry ---- */

static int remove_reference(struct db_tx *tx, void *arg, struct err *err)
{
	const struct removal *r = arg;
	struct store_image image;
	const char *index;
	int named;

	if (image_find(r->e, tx, r->repository, r->reference, r->a, &image, err) < 0)
		return -1;
	if (!strchr(r->reference, ':'))
		return remove_tag(r, tx, r->reference, image.digest, err);
	named = remove_image(r, tx, image.digest, &index, err);
	if (named <= 0)
		return named;
	return err_set(err, ERR_CONFLICT,
		"The image %s is a part of the image index %s: delete that first", image.digest,
		index);
}

int artifact_manifest_delete(struct artifact_engine *e, const char *repository,
	const char *reference, const char *actor, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct removal r = {e, repository, reference, actor, &a};

	return image_write(e, remove_reference, &r, err);
}

/* ---- BatchDeleteImage ---- */

/* What is gone: the tag, or the image under each of its tags. */
static void show_gone(struct ecr_batch_delete_image_response *resp, const char *digest,
	const struct ecr_image_tag_list *tags, struct arena *a)
{
	size_t more = MAX(tags->n, (size_t)1);
	const struct ecr_image_identifier_list before = resp->image_ids;

	wire_list_alloc(a, &resp->image_ids, before.n + more);
	for (size_t i = 0; i < before.n; i++)
		resp->image_ids.v[i] = before.v[i];
	for (size_t i = 0; i < more; i++)
		resp->image_ids.v[before.n + i] = (struct ecr_image_identifier){
			.image_digest = digest, .image_tag = tags->n ? tags->v[i] : NULL};
}

static int delete_one(const struct removal *r, struct db_tx *tx,
	const struct ecr_image_identifier *id, struct ecr_batch_delete_image_response *resp,
	struct err *err)
{
	const char *asked[] = {id->image_tag};
	struct ecr_image_tag_list tags = {.v = asked, .n = 1};
	struct store_image image;
	const struct image_fault *fault;
	struct image_fault named = {.code = "ImageReferencedByManifestList"};
	const char *index = NULL;
	int kept = 0;

	if (image_look_up(tx, r->repository, id, r->a, &image, &fault, err) < 0)
		return -1;
	if (!fault) {
		if (!id->image_tag &&
			image_tags_of(tx, r->repository, image.digest, r->a, &tags, err) < 0)
			return -1;
		kept = id->image_tag ? remove_tag(r, tx, id->image_tag, image.digest, err)
				     : remove_image(r, tx, image.digest, &index, err);
		if (kept < 0)
			return -1;
	}
	if (kept) {
		named.reason = arena_printf(
			r->a, "Requested image referenced by manifest list: [%s]", index);
		fault = &named;
	}
	if (fault) {
		resp->failures.v[resp->failures.n++] = image_failure(id, fault, r->a);
		return 0;
	}
	show_gone(resp, image.digest, &tags, r->a);
	return 0;
}

static int batch_delete_image_step(struct db_tx *tx, void *arg, struct err *err)
{
	IMAGE_OP_ARGS(batch_delete_image);
	struct removal r = {e, req->repository_name, NULL, call->principal_arn, a};

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		image_check_repository(e, tx, req->repository_name, err) < 0)
		return -1;
	resp->image_ids.set = true;
	wire_list_alloc(a, &resp->failures, req->image_ids.n);
	resp->failures.n = 0;
	wire_foreach (id, &req->image_ids)
		if (delete_one(&r, tx, id, resp, err) < 0)
			return -1;
	return 0;
}

IMAGE_DEFINE(batch_delete_image, image_write)
