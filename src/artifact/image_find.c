/* SPDX-License-Identifier: Apache-2.0 */
/* Images by tag and digest, and the lists of them. */
#include "artifact/image_internal.h"
#include "base/mem.h"

/* How old a noted pull may be before it is noted anew: not every pull is a write. */
#define PULL_NOTE_USEC (60 * USEC_PER_SEC)

static int no_image(const struct artifact_engine *e, const char *repository, const char *reference,
	struct err *err)
{
	bool digest = strchr(reference, ':') != NULL;

	return err_set_wire(err, "ImageNotFoundException",
		"The image with imageId {imageDigest:'%s', imageTag:'%s'} does not exist within "
		"the repository with name '%s' in the registry with id '%s'",
		digest ? reference : "null", digest ? "null" : reference, repository, e->account);
}

int image_find(struct artifact_engine *e, struct db_tx *tx, const char *repository,
	const char *reference, struct arena *a, struct store_image *ret, struct err *err)
{
	struct store_image_tag tag = {.digest = reference};
	int r = 1;

	if (image_check_repository(e, tx, repository, err) < 0)
		return -1;
	if (!strchr(reference, ':'))
		r = store_image_tag_get(tx, repository, reference, a, &tag, err);
	if (r > 0)
		r = store_image_get(tx, repository, tag.digest, a, ret, err);
	return r == 0 ? no_image(e, repository, reference, err) : MIN(r, 0);
}

int image_tags_of(struct db_tx *tx, const char *repository, const char *digest, struct arena *a,
	struct ecr_image_tag_list *ret, struct err *err)
{
	struct store_image_tag *tags;
	size_t n;

	if (store_image_tag_list(tx, repository, digest, "", 0, a, &tags, &n, err) < 0)
		return -1;
	if (!n)
		return 0;
	wire_list_alloc(a, ret, n);
	for (size_t i = 0; i < n; i++)
		ret->v[i] = tags[i].tag;
	return 0;
}

/* ---- for the registry ---- */

struct get_manifest {
	struct artifact_engine *e;
	const char *repository, *reference;
	struct arena *a;
	struct store_image image;
};

static int get_manifest(struct db_tx *tx, void *arg, struct err *err)
{
	struct get_manifest *g = arg;

	return image_find(g->e, tx, g->repository, g->reference, g->a, &g->image, err);
}

static int note_pull(struct db_tx *tx, void *arg, struct err *err)
{
	struct get_manifest *g = arg;

	return store_image_set_pulled(
		tx, g->repository, g->image.digest, durable_now(g->e->durable), err);
}

int artifact_manifest_get(struct artifact_engine *e, const char *repository, const char *reference,
	bool pull, struct arena *a, struct artifact_manifest *ret, struct err *err)
{
	struct get_manifest g = {e, repository, reference, a, {0}};

	if (image_read(e, get_manifest, &g, err) < 0)
		return -1;
	if (pull && g.image.pulled_usec < durable_now(e->durable) - PULL_NOTE_USEC &&
		image_write(e, note_pull, &g, err) < 0)
		return -1;
	*ret = (struct artifact_manifest){
		.digest = g.image.digest,
		.media_type = g.image.media_type,
		.artifact_type = g.image.artifact_type,
		.subject = g.image.subject,
		.size = g.image.size,
		.pushed_usec = g.image.pushed_usec,
		.body = g.image.body,
	};
	return 0;
}

struct name_tags {
	struct artifact_engine *e;
	const char *repository, *after;
	size_t max;
	struct arena *a;
	struct artifact_names *ret;
};

static int name_tags(struct db_tx *tx, void *arg, struct err *err)
{
	struct name_tags *t = arg;
	struct store_image_tag *tags;
	size_t n;

	if (image_check_repository(t->e, tx, t->repository, err) < 0 ||
		store_image_tag_list(
			tx, t->repository, NULL, t->after, t->max + 1, t->a, &tags, &n, err) < 0)
		return -1;
	t->ret->n = MIN(n, t->max);
	t->ret->more = n > t->max;
	t->ret->v = arena_new_n(t->a, t->ret->n, const char *);
	for (size_t i = 0; i < t->ret->n; i++)
		t->ret->v[i] = tags[i].tag;
	return 0;
}

int artifact_image_tags(struct artifact_engine *e, const char *repository, const char *after,
	size_t max, struct arena *a, struct artifact_names *ret, struct err *err)
{
	struct name_tags t = {e, repository, after, max, a, ret};

	return image_read(e, name_tags, &t, err);
}

/* ---- ListImages ---- */

/* A page goes over the tags first, then over the images without one: the token says which and
 * where ("t <tag>", "d <digest>"). */
struct list_images {
	struct artifact_engine *e;
	const char *repository;
	bool tagged, untagged;
	size_t max;
	struct arena *a;
	struct ecr_list_images_response *resp;
};

static void add_id(struct list_images *l, const char *digest, const char *tag)
{
	l->resp->image_ids.v[l->resp->image_ids.n++] = (struct ecr_image_identifier){
		.image_digest = digest,
		.image_tag = tag,
	};
}

static int list_tagged(struct list_images *l, struct db_tx *tx, const char *after, struct err *err)
{
	size_t room = l->max - l->resp->image_ids.n, n;
	struct store_image_tag *tags;

	if (store_image_tag_list(tx, l->repository, NULL, after, room + 1, l->a, &tags, &n, err) <
		0)
		return -1;
	for (size_t i = 0; i < MIN(n, room); i++)
		add_id(l, tags[i].digest, tags[i].tag);
	if (n > room)
		l->resp->next_token = room ? arena_printf(l->a, "t %s", tags[room - 1].tag)
					   : arena_printf(l->a, "t %s", after);
	return 0;
}

static int list_untagged(
	struct list_images *l, struct db_tx *tx, const char *after, struct err *err)
{
	struct store_image *images;
	struct ecr_image_tag_list tags;
	size_t n;

	if (store_image_list(tx, l->repository, after, 0, l->a, &images, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		tags = (struct ecr_image_tag_list){0};
		if (image_tags_of(tx, l->repository, images[i].digest, l->a, &tags, err) < 0)
			return -1;
		if (tags.n)
			continue;
		if (l->resp->image_ids.n == l->max) {
			l->resp->next_token =
				arena_printf(l->a, "d %s", i ? images[i - 1].digest : after);
			return 0;
		}
		add_id(l, images[i].digest, NULL);
	}
	return 0;
}

static int list_images_step(struct db_tx *tx, void *arg, struct err *err)
{
	const char *status, *token;
	bool second;
	IMAGE_OP_ARGS(list_images);
	struct list_images l = {.e = e, .repository = req->repository_name, .a = a, .resp = resp};

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		image_check_repository(e, tx, req->repository_name, err) < 0)
		return -1;
	status = req->filter && req->filter->tag_status ? req->filter->tag_status : "ANY";
	token = req->next_token ? req->next_token : "t ";
	second = starts_with(token, "d ");
	if (!second && !starts_with(token, "t "))
		return err_set_wire(err, "InvalidParameterException",
			"Invalid parameter at 'nextToken': it is none that was given out");
	l.max = image_page(req->max_results, 100, 100);
	wire_list_alloc(a, &resp->image_ids, l.max);
	resp->image_ids.n = 0;
	if (!streq(status, "UNTAGGED") && !second && list_tagged(&l, tx, token + 2, err) < 0)
		return -1;
	if (streq(status, "TAGGED") || resp->next_token)
		return 0;
	return list_untagged(&l, tx, second ? token + 2 : "", err);
}

IMAGE_DEFINE(list_images, image_read)

/* ---- DescribeImages ---- */

static int describe_image(struct image_op *o, struct db_tx *tx, const struct store_image *i,
	struct ecr_image_detail *ret, struct err *err)
{
	*ret = (struct ecr_image_detail){
		.registry_id = o->e->account,
		.repository_name = i->repository,
		.image_digest = i->digest,
		.image_size_in_bytes = WIRE_SET_LONG(i->size),
		.image_pushed_at = WIRE_SET_TIME(i->pushed_usec),
		.image_manifest_media_type = i->media_type,
		.artifact_media_type = *i->artifact_type ? i->artifact_type : NULL,
		.subject_manifest_digest = *i->subject ? i->subject : NULL,
		.image_status = "ACTIVE",
	};
	if (i->pulled_usec)
		ret->last_recorded_pull_time = WIRE_SET_TIME(i->pulled_usec);
	return image_tags_of(tx, i->repository, i->digest, o->call->arena, &ret->image_tags, err);
}

static int describe_asked(struct image_op *o, struct db_tx *tx,
	const struct ecr_describe_images_request *req, struct ecr_describe_images_response *resp,
	struct err *err)
{
	size_t n = 0;

	wire_list_alloc(o->call->arena, &resp->image_details, req->image_ids.n);
	wire_foreach (id, &req->image_ids) {
		const char *reference = id->image_digest ? id->image_digest : id->image_tag;
		struct store_image image;
		bool twice = false;

		if (!reference)
			return err_set_wire(err, "InvalidParameterException",
				"Invalid parameter at 'imageIds': an id has a tag or a digest");
		if (image_find(o->e, tx, req->repository_name, reference, o->call->arena, &image,
			    err) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			twice |= streq(resp->image_details.v[i].image_digest, image.digest);
		if (!twice && describe_image(o, tx, &image, &resp->image_details.v[n++], err) < 0)
			return -1;
	}
	resp->image_details.n = n;
	return 0;
}

static bool wanted(const char *status, const struct ecr_image_detail *d)
{
	return streq(status, "ANY") || streq(status, "TAGGED") == (d->image_tags.n > 0);
}

static int describe_images_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct store_image *images;
	const char *status;
	size_t n, max;
	IMAGE_OP_ARGS(describe_images);

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		image_check_repository(e, tx, req->repository_name, err) < 0)
		return -1;
	if (req->image_ids.n)
		return describe_asked(o_, tx, req, resp, err);
	status = req->filter && req->filter->tag_status ? req->filter->tag_status : "ANY";
	max = image_page(req->max_results, 100, 1000);
	if (store_image_list(tx, req->repository_name, req->next_token ? req->next_token : "",
		    max + 1, a, &images, &n, err) < 0)
		return -1;
	if (n > max)
		resp->next_token = images[max - 1].digest;
	n = MIN(n, max);
	wire_list_alloc(a, &resp->image_details, n);
	resp->image_details.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct ecr_image_detail *d = &resp->image_details.v[resp->image_details.n];

		if (describe_image(o_, tx, &images[i], d, err) < 0)
			return -1;
		if (wanted(status, d))
			resp->image_details.n++;
	}
	return 0;
}

IMAGE_DEFINE(describe_images, image_read)

/* ---- BatchGetImage ---- */

struct ecr_image_failure image_failure(
	const struct ecr_image_identifier *id, const struct image_fault *why, struct arena *a)
{
	struct ecr_image_identifier *copy = arena_new(a, struct ecr_image_identifier);

	*copy = *id;
	return (struct ecr_image_failure){
		.image_id = copy, .failure_code = why->code, .failure_reason = why->reason};
}

static const struct image_fault *fault_of(const struct ecr_image_identifier *id)
{
	static const struct image_fault missing = {"MissingDigestAndTag",
		"Invalid request parameters: both tag and digest cannot be null"};
	static const struct image_fault invalid = {"InvalidImageDigest",
		"Invalid request parameters: image digest should satisfy the regex "
		"'sha256:[a-f0-9]{64}'"};

	if (!id->image_digest && !id->image_tag)
		return &missing;
	if (id->image_digest && !artifact_digest_valid(id->image_digest))
		return &invalid;
	return NULL;
}

int image_look_up(struct db_tx *tx, const char *repository, const struct ecr_image_identifier *id,
	struct arena *a, struct store_image *ret, const struct image_fault **ret_fault,
	struct err *err)
{
	static const struct image_fault differs = {"ImageTagDoesNotMatchDigest",
		"Requested image tag does not refer to the requested digest"};
	static const struct image_fault none = {"ImageNotFound", "Requested image not found"};
	const char *digest = id->image_digest, *tag = id->image_tag;
	struct store_image_tag row = {.digest = digest};
	int r = 1;

	*ret_fault = fault_of(id);
	if (*ret_fault)
		return 0;
	if (tag)
		r = store_image_tag_get(tx, repository, tag, a, &row, err);
	if (r > 0 && digest && !streq(row.digest, digest)) {
		*ret_fault = &differs;
		return 0;
	}
	if (r > 0)
		r = store_image_get(tx, repository, row.digest, a, ret, err);
	if (r == 0)
		*ret_fault = &none;
	return MIN(r, 0);
}

static int batch_get_image_step(struct db_tx *tx, void *arg, struct err *err)
{
	size_t n = 0, n_failed = 0;
	IMAGE_OP_ARGS(batch_get_image);

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		image_check_repository(e, tx, req->repository_name, err) < 0)
		return -1;
	wire_list_alloc(a, &resp->images, req->image_ids.n);
	wire_list_alloc(a, &resp->failures, req->image_ids.n);
	wire_foreach (id, &req->image_ids) {
		struct store_image image;
		struct ecr_image_identifier *shown;
		const struct image_fault *fault;

		if (image_look_up(tx, req->repository_name, id, a, &image, &fault, err) < 0)
			return -1;
		if (fault) {
			resp->failures.v[n_failed++] = image_failure(id, fault, a);
			continue;
		}
		shown = arena_new(a, struct ecr_image_identifier);
		shown->image_digest = image.digest;
		shown->image_tag = id->image_tag;
		resp->images.v[n++] = (struct ecr_image){
			.registry_id = e->account,
			.repository_name = req->repository_name,
			.image_id = shown,
			.image_manifest = image.body.p,
			.image_manifest_media_type = image.media_type,
		};
		if (store_image_set_pulled(tx, req->repository_name, image.digest,
			    durable_now(e->durable), err) < 0)
			return -1;
	}
	resp->images.n = n;
	resp->failures.n = n_failed;
	return 0;
}

IMAGE_DEFINE(batch_get_image, image_write)
