/* SPDX-License-Identifier: Apache-2.0 */
/* How an image comes into a repository: its manifest is read, everything it names is there, then
 * manifest, references, tag and event in one step (R2, R5). */
#include "artifact/image_internal.h"
#include "base/mem.h"
#include "codec/glob.h"
#include "crypto/digest.h"

struct put_step {
	struct artifact_engine *e;
	struct artifact_manifest_put *put;
	struct image_manifest manifest;
	const char *digest;
	int64_t size;
};

static const char *digest_text(struct view body, struct arena *a)
{
	struct digest_value v = digest_of(DIGEST_SHA256, body);

	return arena_printf(a, "sha256:%s", digest_hex(&v).text);
}

/* ---- what it names ---- */

static int missing_layer(struct put_step *p, const char *digest, struct err *err)
{
	p->put->missing = digest;
	return err_set_wire(err, "LayersNotFoundException",
		"Layers with digests '[%s]' required for pushing image into repository with name "
		"'%s' in the registry with id '%s' do not exist",
		digest, p->put->repository, p->e->account);
}

static int need_blob(
	struct put_step *p, struct db_tx *tx, const struct artifact_descriptor *d, struct err *err)
{
	struct store_image_blob blob;
	int r;

	if (d->external)
		return 0;
	r = store_image_link_get(tx, p->put->repository, d->digest, p->put->arena, &blob, err);
	if (r <= 0)
		return r < 0 ? -1 : missing_layer(p, d->digest, err);
	if (blob.size != d->size)
		return err_set_wire(err, "InvalidParameterException",
			"Invalid image manifest: it says that %s has %lld bytes, it has %lld",
			d->digest, (long long)d->size, (long long)blob.size);
	p->size += d->size;
	return 0;
}

static int need_member(
	struct put_step *p, struct db_tx *tx, const struct artifact_descriptor *d, struct err *err)
{
	struct store_image member;
	int r = store_image_get(tx, p->put->repository, d->digest, p->put->arena, &member, err);

	if (r > 0)
		p->size = MAX(p->size, member.size);
	if (r)
		return MIN(r, 0);
	p->put->missing = d->digest;
	return err_set_wire(err, "ReferencedImagesNotFoundException",
		"Images with digests '[%s]' required for pushing image into repository with name "
		"'%s' in the registry with id '%s' do not exist",
		d->digest, p->put->repository, p->e->account);
}

static int need_all(struct put_step *p, struct db_tx *tx, struct err *err)
{
	const struct image_manifest *m = &p->manifest;

	p->size = 0;
	for (size_t i = 0; i < m->n_members; i++)
		if (need_member(p, tx, &m->members[i].what, err) < 0)
			return -1;
	if (m->is_index)
		return 0;
	if (need_blob(p, tx, &m->config, err) < 0)
		return -1;
	for (size_t i = 0; i < m->n_layers; i++)
		if (need_blob(p, tx, &m->layers[i], err) < 0)
			return -1;
	return 0;
}

static int refer(struct put_step *p, struct db_tx *tx, const struct artifact_descriptor *d,
	bool is_manifest, struct err *err)
{
	return store_image_reference_add(
		tx, p->put->repository, p->digest, d->digest, is_manifest, err);
}

static int refer_all(struct put_step *p, struct db_tx *tx, struct err *err)
{
	const struct image_manifest *m = &p->manifest;

	for (size_t i = 0; i < m->n_members; i++)
		if (refer(p, tx, &m->members[i].what, true, err) < 0)
			return -1;
	if (!m->is_index && refer(p, tx, &m->config, false, err) < 0)
		return -1;
	for (size_t i = 0; i < m->n_layers; i++)
		if (refer(p, tx, &m->layers[i], false, err) < 0)
			return -1;
	return 0;
}

/* ---- tags ---- */

bool artifact_tag_valid(const char *tag)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	size_t n = strlen(tag);

	return n && n <= 128 && tag[0] != '.' && tag[0] != '-' && strspn(tag, allowed) == n;
}

static bool is_excluded(const struct ecr_repository *r, const char *tag)
{
	wire_foreach (f, &r->image_tag_mutability_exclusion_filters)
		if (glob_match(f->filter, tag))
			return true;
	return false;
}

static bool may_move(const struct ecr_repository *r, const char *tag)
{
	bool immutable = starts_with(r->image_tag_mutability, "IMMUTABLE");

	return is_excluded(r, tag) ? immutable : !immutable;
}

/* 1: the tag stands there already, 0: it was set. */
static int set_tag(struct put_step *p, struct db_tx *tx, const struct ecr_repository *repository,
	int64_t now, struct err *err)
{
	struct artifact_manifest_put *put = p->put;
	struct store_image_tag tag = {put->tag, p->digest, now}, present;
	int r = store_image_tag_get(tx, put->repository, put->tag, put->arena, &present, err);

	if (r < 0 || (r > 0 && streq(present.digest, p->digest)))
		return r;
	if (r > 0 && !may_move(repository, put->tag))
		return err_set_wire(err, "ImageTagAlreadyExistsException",
			"The image tag '%s' already exists in the '%s' repository and cannot be "
			"overwritten because the tag is immutable.",
			put->tag, put->repository);
	return store_image_tag_put(tx, put->repository, &tag, err);
}

/* ---- the step ---- */

static int insert(struct put_step *p, struct db_tx *tx, int64_t now, struct err *err)
{
	struct store_image image = {
		.repository = p->put->repository,
		.digest = p->digest,
		.media_type = p->manifest.media_type,
		.artifact_type = p->manifest.artifact_type,
		.subject = p->manifest.subject,
		.pushed_usec = now,
		.body = p->put->body,
	};

	if (need_all(p, tx, err) < 0)
		return -1;
	image.size = p->size;
	if (store_image_insert(tx, &image, err) < 0)
		return -1;
	return refer_all(p, tx, err);
}

static void tell(struct put_step *p, int64_t size, int64_t pushed)
{
	p->put->manifest = (struct artifact_manifest){
		.digest = p->digest,
		.media_type = p->manifest.media_type,
		.artifact_type = p->manifest.artifact_type,
		.subject = p->manifest.subject,
		.size = size,
		.pushed_usec = pushed,
		.body = p->put->body,
	};
}

static int put_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct put_step *p = arg;
	struct artifact_manifest_put *put = p->put;
	int64_t now = durable_now(p->e->durable);
	struct ecr_repository repository;
	struct store_image present;
	int there, tagged = 0;

	if (image_need_repository(p->e, tx, put->repository, put->arena, &repository, err) < 0)
		return -1;
	there = store_image_get(tx, put->repository, p->digest, put->arena, &present, err);
	if (there < 0 || (!there && insert(p, tx, now, err) < 0))
		return -1;
	if (put->tag) {
		tagged = set_tag(p, tx, &repository, now, err);
		if (tagged < 0)
			return -1;
	}
	tell(p, there ? present.size : p->size, there ? present.pushed_usec : now);
	if (!there || (put->tag && !tagged))
		return image_journal(
			p->e, tx, "PUSH", put->repository, p->digest, put->tag, put->actor, err);
	if (!put->again_is_error)
		return 0;
	return err_set_wire(err, "ImageAlreadyExistsException",
		"Image with digest '%s' and tag '%s' already exists in the repository with name "
		"'%s' in registry with id '%s'",
		p->digest, put->tag ? put->tag : "null", put->repository, p->e->account);
}

int artifact_manifest_put(
	struct artifact_engine *e, struct artifact_manifest_put *put, struct err *err)
{
	struct put_step p = {.e = e, .put = put, .digest = digest_text(put->body, put->arena)};

	if (put->digest && !streq(put->digest, p.digest))
		return err_set_wire(err, "ImageDigestDoesNotMatchException",
			"The image digest %s does not match %s, which is that of the manifest",
			put->digest, p.digest);
	if (image_manifest_parse(put->body, put->media_type, put->arena, &p.manifest, err) < 0)
		return -1;
	return image_write(e, put_fn, &p, err);
}

int artifact_ecr_put_image(struct artifact_engine *e, struct call *call,
	const struct ecr_put_image_request *req, struct ecr_put_image_response *resp,
	struct err *err)
{
	struct artifact_manifest_put put = {
		.repository = req->repository_name,
		.tag = req->image_tag,
		.digest = req->image_digest,
		.media_type = req->image_manifest_media_type,
		.body = view_of(req->image_manifest),
		.actor = call->principal_arn,
		.again_is_error = true,
		.arena = call->arena,
	};
	struct ecr_image *image = arena_new(call->arena, struct ecr_image);

	if (put.tag && !artifact_tag_valid(put.tag))
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter at 'imageTag': '%s' is not " ARTIFACT_TAG_FORM, put.tag);
	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		artifact_manifest_put(e, &put, err) < 0)
		return -1;
	image->registry_id = e->account;
	image->repository_name = req->repository_name;
	image->image_manifest = req->image_manifest;
	image->image_manifest_media_type = put.manifest.media_type;
	image->image_id = arena_new(call->arena, struct ecr_image_identifier);
	image->image_id->image_digest = put.manifest.digest;
	image->image_id->image_tag = req->image_tag;
	resp->image = image;
	return 0;
}
