/* SPDX-License-Identifier: Apache-2.0 */
/* What speaks of an image: signatures, bills of materials, attestations (OCI 1.1 referrers). */
#include "artifact/image_internal.h"
#include "base/mem.h"

#define PAGE 100

struct referrers {
	struct artifact_engine *e;
	const char *repository, *subject, *after;
	size_t max;
	struct arena *a;
	struct store_image *images;
	size_t n;
	const char *last; /* of a page with more behind it */
};

static int find(struct db_tx *tx, void *arg, struct err *err)
{
	struct referrers *r = arg;

	if (image_check_repository(r->e, tx, r->repository, err) < 0 ||
		store_image_referrers(tx, r->repository, r->subject, r->after, r->max + 1, r->a,
			&r->images, &r->n, err) < 0)
		return -1;
	r->last = r->n > r->max ? r->images[r->max - 1].digest : NULL;
	r->n = MIN(r->n, r->max);
	return 0;
}

static int read_annotations(const struct store_image *image, struct arena *a,
	const struct json_node **ret, struct err *err)
{
	struct image_manifest m;

	if (image_manifest_parse(image->body, image->media_type, a, &m, err) < 0)
		return -1;
	*ret = m.annotations;
	return 0;
}

static int write_one(
	struct json_writer *w, const struct store_image *image, struct arena *a, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	const struct json_node *annotations;

	if (read_annotations(image, a, &annotations, err) < 0)
		return -1;
	json_open(w, '{');
	json_put_member(w, "mediaType", image->media_type);
	json_put_member(w, "digest", image->digest);
	json_key(w, "size");
	json_put_int(w, (int64_t)image->body.len);
	if (*image->artifact_type)
		json_put_member(w, "artifactType", image->artifact_type);
	if (annotations) {
		json_write(annotations, &text);
		json_key(w, "annotations");
		json_put_raw(w, str_view(&text));
	}
	json_close(w, '}');
	return 0;
}

int artifact_image_referrers(struct artifact_engine *e, const char *repository, const char *subject,
	const char *artifact_type, const char *after, struct arena *a, struct str *out,
	const char **ret_last, struct err *err)
{
	struct referrers r = {e, repository, subject, after, PAGE, a, NULL, 0, NULL};
	struct json_writer w = {.out = out};

	if (image_read(e, find, &r, err) < 0)
		return -1;
	json_open(&w, '{');
	json_key(&w, "schemaVersion");
	json_put_int(&w, 2);
	json_put_member(&w, "mediaType", IMAGE_OCI_INDEX);
	json_key(&w, "manifests");
	json_open(&w, '[');
	for (size_t i = 0; i < r.n; i++)
		if ((!artifact_type || streq(artifact_type, r.images[i].artifact_type)) &&
			write_one(&w, &r.images[i], a, err) < 0)
			return -1;
	json_close(&w, ']');
	json_close(&w, '}');
	*ret_last = r.last;
	return 0;
}

/* ---- ListImageReferrers ---- */

static bool wanted(const struct ecr_list_image_referrers_request *req, const char *type)
{
	if (!req->filter || !req->filter->artifact_types.n)
		return true;
	for (size_t i = 0; i < req->filter->artifact_types.n; i++)
		if (streq(req->filter->artifact_types.v[i], type))
			return true;
	return false;
}

static int show(const struct store_image *image, struct arena *a, struct ecr_image_referrer *ret,
	struct err *err)
{
	const struct json_node *annotations;

	if (read_annotations(image, a, &annotations, err) < 0)
		return -1;
	*ret = (struct ecr_image_referrer){
		.digest = image->digest,
		.media_type = image->media_type,
		.artifact_type = *image->artifact_type ? image->artifact_type : NULL,
		.size = WIRE_SET_LONG((int64_t)image->body.len),
		.artifact_status = "ACTIVE",
	};
	if (!annotations)
		return 0;
	wire_list_alloc(a, &ret->annotations, annotations->n);
	for (size_t i = 0; i < annotations->n; i++) {
		ret->annotations.v[i].key = arena_view_dup(a, annotations->items[i].key);
		ret->annotations.v[i].value = arena_view_dup(a, annotations->items[i].text);
	}
	return 0;
}

int artifact_ecr_list_image_referrers(struct artifact_engine *e, struct call *call,
	const struct ecr_list_image_referrers_request *req,
	struct ecr_list_image_referrers_response *resp, struct err *err)
{
	struct referrers r = {.e = e,
		.repository = req->repository_name,
		.subject = req->subject_id->image_digest,
		.after = req->next_token ? req->next_token : "",
		.max = image_page(req->max_results, 50, 50),
		.a = call->arena};
	size_t n = 0;

	if (image_check_registry(e, req->registry_id, req->repository_name, err) < 0 ||
		image_read(e, find, &r, err) < 0)
		return -1;
	wire_list_alloc(call->arena, &resp->referrers, r.n);
	for (size_t i = 0; i < r.n; i++)
		if (wanted(req, r.images[i].artifact_type) &&
			show(&r.images[i], call->arena, &resp->referrers.v[n++], err) < 0)
			return -1;
	resp->referrers.n = n;
	resp->next_token = r.last;
	return 0;
}
