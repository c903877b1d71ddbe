/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests, tags, referrers and the catalogue. */
#include "api/registry_request.h"
#include "base/mem.h"
#include "codec/json.h"

#define PAGE 1000

static void head(struct registry_request *r, const struct artifact_manifest *m)
{
	http_set_header(r->x, "Docker-Content-Digest", m->digest);
	registry_set_header(r, "ETag", "\"%s\"", m->digest);
}

int registry_get_manifest(struct registry_request *r, struct err *err)
{
	bool pull = streq(http_method(r->x), "GET");
	struct artifact_manifest m;

	if (artifact_manifest_get(r->config->artifact, r->name, r->reference, pull, r->a, &m, err) <
		0)
		return -1;
	head(r, &m);
	http_set_header(r->x, "Content-Type", m.media_type);
	http_reply(r->x, 200, m.body);
	return 0;
}

int registry_put_manifest(struct registry_request *r, struct err *err)
{
	const char *type = http_header(r->x, "Content-Type");
	bool by_digest = strchr(r->reference, ':') != NULL;
	struct artifact_manifest_put put = {
		.repository = r->name,
		.tag = by_digest ? NULL : r->reference,
		.digest = by_digest ? r->reference : NULL,
		.body = http_body(r->x),
		.actor = r->who->arn,
		.arena = r->a,
	};

	if (type && *type) {
		struct view rest = view_of(type);

		put.media_type = arena_view_dup(r->a, view_trim(view_cut(&rest, ';')));
	}
	if (put.tag && !artifact_tag_valid(put.tag)) {
		registry_refuse(r, 400, "TAG_INVALID", "A tag has " ARTIFACT_TAG_FORM);
		return 0;
	}
	if (artifact_manifest_put(r->config->artifact, &put, err) < 0) {
		r->missing = put.missing;
		return -1;
	}
	head(r, &put.manifest);
	registry_set_header(r, "Location", "/v2/%s/manifests/%s", r->name, put.manifest.digest);
	if (*put.manifest.subject)
		http_set_header(r->x, "OCI-Subject", put.manifest.subject);
	http_reply(r->x, 201, VIEW(""));
	return 0;
}

int registry_delete_manifest(struct registry_request *r, struct err *err)
{
	if (artifact_manifest_delete(r->config->artifact, r->name, r->reference, r->who->arn, err) <
		0)
		return -1;
	http_reply(r->x, 202, VIEW(""));
	return 0;
}

/* ---- lists ---- */

/* Where the next page begins. */
static void link_next(struct registry_request *r, size_t n, const char *last)
{
	struct str text CLEANUP_STR = STR_INIT;

	form_encode(view_of(last), false, &text);
	registry_set_header(r, "Link", "<%s?n=%zu&last=%s>; rel=\"next\"", http_raw_path(r->x), n,
		str_text(&text));
}

static void reply_names(
	struct registry_request *r, const char *key, const struct artifact_names *names)
{
	struct str body CLEANUP_STR = STR_INIT;
	struct json_writer w = {.out = &body};

	if (names->more && names->n)
		link_next(r, names->n, names->v[names->n - 1]);
	json_open(&w, '{');
	json_put_member(&w, "name", r->name);
	json_key(&w, key);
	json_open(&w, '[');
	for (size_t i = 0; i < names->n; i++)
		json_put_text(&w, names->v[i]);
	json_close(&w, ']');
	json_close(&w, '}');
	http_set_header(r->x, "Content-Type", "application/json");
	http_reply(r->x, 200, str_view(&body));
}

static const char *last_seen(const struct registry_request *r)
{
	const char *last = form_get(&r->query, "last");

	return last ? last : "";
}

int registry_get_tags(struct registry_request *r, struct err *err)
{
	struct artifact_names names = {0};

	if (artifact_image_tags(r->config->artifact, r->name, last_seen(r), registry_page(r, PAGE),
		    r->a, &names, err) < 0)
		return -1;
	reply_names(r, "tags", &names);
	return 0;
}

int registry_get_catalog(struct registry_request *r, struct err *err)
{
	struct artifact_names names = {0};

	if (artifact_image_repositories(r->config->artifact, last_seen(r), registry_page(r, PAGE),
		    r->a, &names, err) < 0)
		return -1;
	reply_names(r, "repositories", &names);
	return 0;
}

int registry_get_referrers(struct registry_request *r, struct err *err)
{
	struct str body CLEANUP_STR = STR_INIT;
	const char *type = form_get(&r->query, "artifactType");
	const char *last;

	if (!artifact_digest_valid(r->reference)) {
		registry_refuse(r, 400, "DIGEST_INVALID", "A digest is sha256: and 64 hex digits");
		return 0;
	}
	if (artifact_image_referrers(r->config->artifact, r->name, r->reference, type, last_seen(r),
		    r->a, &body, &last, err) < 0)
		return -1;
	if (type)
		http_set_header(r->x, "OCI-Filters-Applied", "artifactType");
	if (last && type)
		registry_set_header(r, "Link", "<%s?artifactType=%s&last=%s>; rel=\"next\"",
			http_raw_path(r->x), type, last);
	else if (last)
		registry_set_header(
			r, "Link", "<%s?last=%s>; rel=\"next\"", http_raw_path(r->x), last);
	http_set_header(r->x, "Content-Type", "application/vnd.oci.image.index.v1+json");
	http_reply(r->x, 200, str_view(&body));
	return 0;
}
