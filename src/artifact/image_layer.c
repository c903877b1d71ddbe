/* SPDX-License-Identifier: Apache-2.0 */
/* Layers by the API: availability, uploads in parts, URLs to fetch them from. */
#include "artifact/image_upload.h"
#include "base/mem.h"

#define DOWNLOAD_USEC (3600 * USEC_PER_SEC)

static int check(struct artifact_engine *e, const char *registry, const char *name, struct err *err)
{
	return image_check_registry(e, registry, name, err);
}

/* ---- BatchCheckLayerAvailability ---- */

static int check_layer(struct image_op *o, struct db_tx *tx, const char *repository,
	const char *digest, struct ecr_layer *ret, struct err *err)
{
	struct store_image_blob blob;
	int r = store_image_link_get(tx, repository, digest, o->call->arena, &blob, err);

	if (r < 0 || (r > 0 && image_renew(o->e, tx, repository, &blob, err) < 0))
		return -1;
	*ret = (struct ecr_layer){
		.layer_digest = digest, .layer_availability = r > 0 ? "AVAILABLE" : "UNAVAILABLE"};
	if (r > 0)
		ret->layer_size = WIRE_SET_LONG(blob.size);
	return 0;
}

static int batch_check_layer_availability_step(struct db_tx *tx, void *arg, struct err *err)
{
	size_t n = 0, n_failed = 0;
	IMAGE_OP_ARGS(batch_check_layer_availability);

	if (check(e, req->registry_id, req->repository_name, err) < 0 ||
		image_check_repository(e, tx, req->repository_name, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->layers, req->layer_digests.n);
	wire_list_alloc(a, &resp->failures, req->layer_digests.n);
	for (size_t i = 0; i < req->layer_digests.n; i++) {
		const char *digest = req->layer_digests.v[i];

		if (!artifact_digest_valid(digest)) {
			resp->failures.v[n_failed++] = (struct ecr_layer_failure){
				.layer_digest = digest,
				.failure_code =
					*digest ? "InvalidLayerDigest" : "MissingLayerDigest",
				.failure_reason = "A layer digest is sha256: and 64 hex digits",
			};
		} else if (check_layer(o_, tx, req->repository_name, digest, &resp->layers.v[n++],
				   err) < 0) {
			return -1;
		}
	}
	resp->layers.n = n;
	resp->failures.n = n_failed;
	return 0;
}

IMAGE_DEFINE(batch_check_layer_availability, image_write)

/* ---- uploads in parts ---- */

int artifact_ecr_initiate_layer_upload(struct artifact_engine *e, struct call *call,
	const struct ecr_initiate_layer_upload_request *req,
	struct ecr_initiate_layer_upload_response *resp, struct err *err)
{
	resp->part_size = WIRE_SET_LONG(IMAGE_PART_SIZE);
	if (check(e, req->registry_id, req->repository_name, err) < 0)
		return -1;
	return artifact_image_upload_begin(
		e, req->repository_name, call->arena, &resp->upload_id, err);
}

/* A client that lost its place reads where to go on from the exception. */
static void say_where(const struct image_upload *u, const struct ecr_upload_layer_part_request *req,
	struct call *call)
{
	struct ecr_invalid_layer_part_exception *e =
		arena_new(call->arena, struct ecr_invalid_layer_part_exception);

	e->registry_id = call->account;
	e->repository_name = req->repository_name;
	e->upload_id = req->upload_id;
	if (u->size > 0)
		e->last_valid_byte_received = WIRE_SET_LONG(u->size - 1);
	call->exception = (struct call_exception){&ecr_invalid_layer_part_exception_shape, e};
}

static int check_part(const struct image_upload *u, const struct ecr_upload_layer_part_request *req,
	struct call *call, struct err *err)
{
	int64_t size = req->part_last_byte.v - req->part_first_byte.v + 1;

	say_where(u, req, call);

	if (req->part_first_byte.v != u->size)
		return err_set_wire(err, "InvalidLayerPartException",
			"Part of upload '%s' begins at byte %lld; the next byte wanted is %lld",
			u->id, (long long)req->part_first_byte.v, (long long)u->size);
	if (size != (int64_t)req->layer_part_blob.len)
		return err_set_wire(err, "InvalidLayerPartException",
			"Part of upload '%s' says bytes %lld to %lld, but has %zu", u->id,
			(long long)req->part_first_byte.v, (long long)req->part_last_byte.v,
			req->layer_part_blob.len);
	return 0;
}

int artifact_ecr_upload_layer_part(struct artifact_engine *e, struct call *call,
	const struct ecr_upload_layer_part_request *req,
	struct ecr_upload_layer_part_response *resp, struct err *err)
{
	struct image_upload *u CLEANUP(artifact_image_upload_closep) = NULL;

	if (check(e, req->registry_id, req->repository_name, err) < 0 ||
		artifact_image_upload_open(e, req->repository_name, req->upload_id, &u, err) < 0 ||
		check_part(u, req, call, err) < 0 ||
		artifact_image_upload_write(
			u, req->layer_part_blob.p, req->layer_part_blob.len, err) < 0)
		return -1;
	if (u->row.short_parts == 1)
		u->row.short_parts = 2;
	if (!u->row.short_parts && (int64_t)req->layer_part_blob.len < IMAGE_PART_MIN)
		u->row.short_parts = 1;
	if (artifact_image_upload_sync(u, err) < 0)
		return -1;
	resp->registry_id = e->account;
	resp->repository_name = req->repository_name;
	resp->upload_id = req->upload_id;
	resp->last_byte_received = WIRE_SET_LONG(u->size - 1);
	return 0;
}

static int check_whole(const struct image_upload *u, struct err *err)
{
	if (!u->size)
		return err_set_wire(
			err, "EmptyUploadException", "The upload '%s' has no parts", u->id);
	if (u->row.short_parts > 1)
		return err_set_wire(err, "LayerPartTooSmallException",
			"A part of upload '%s' other than its last is smaller than %lld bytes",
			u->id, (long long)IMAGE_PART_MIN);
	return 0;
}

int artifact_ecr_complete_layer_upload(struct artifact_engine *e, struct call *call,
	const struct ecr_complete_layer_upload_request *req,
	struct ecr_complete_layer_upload_response *resp, struct err *err)
{
	struct image_upload *u CLEANUP(artifact_image_upload_closep) = NULL;
	const char *digest = req->layer_digests.n ? req->layer_digests.v[0] : "";
	bool existed;

	(void)call;
	if (!artifact_digest_valid(digest))
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter at 'layerDigests': '%s' is not sha256: and 64 hex "
			"digits",
			digest);
	if (check(e, req->registry_id, req->repository_name, err) < 0 ||
		artifact_image_upload_open(e, req->repository_name, req->upload_id, &u, err) < 0 ||
		check_whole(u, err) < 0 ||
		artifact_image_upload_finish(u, digest, &existed, err) < 0)
		return -1;
	if (existed)
		return err_set_wire(err, "LayerAlreadyExistsException",
			"The layer with digest '%s' already exists in the repository with name "
			"'%s' in the registry with id '%s'",
			digest, req->repository_name, e->account);
	resp->registry_id = e->account;
	resp->repository_name = req->repository_name;
	resp->upload_id = req->upload_id;
	resp->layer_digest = digest;
	return 0;
}

/* ---- fetching ---- */

static int no_tokens(struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "passwords of the registry are not made here");
}

int artifact_ecr_get_download_url_for_layer(struct artifact_engine *e, struct call *call,
	const struct ecr_get_download_url_for_layer_request *req,
	struct ecr_get_download_url_for_layer_response *resp, struct err *err)
{
	const char *scope =
		arena_printf(call->arena, "blob %s %s", req->repository_name, req->layer_digest);
	const char *ticket;
	int64_t size, expires;

	if (check(e, req->registry_id, req->repository_name, err) < 0 ||
		artifact_image_blob_stat(e, req->repository_name, req->layer_digest, &size, err) <
			0)
		return -1;
	if (!e->tokens)
		return no_tokens(err);
	if (e->tokens->make(e->tokens->arg, call, scope, DOWNLOAD_USEC, &ticket, &expires, err) < 0)
		return -1;
	resp->layer_digest = req->layer_digest;
	resp->download_url = arena_printf(call->arena, "%s/v2/%s/blobs/%s?ticket=%s",
		image_registry_url(e, call, call->arena), req->repository_name, req->layer_digest,
		ticket);
	return 0;
}
