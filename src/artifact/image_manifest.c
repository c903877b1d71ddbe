/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/image_manifest.h"

#include <stdio.h>

#include "base/mem.h"

static const struct {
	const char *name;
	bool is_index;
} media_types[] = {
	{IMAGE_OCI_MANIFEST, false},
	{IMAGE_OCI_INDEX, true},
	{IMAGE_DOCKER_MANIFEST, false},
	{IMAGE_DOCKER_LIST, true},
};

#define INVALID(err, ...) \
	err_set_wire(err, "InvalidParameterException", "Invalid image manifest: " __VA_ARGS__)

bool artifact_digest_valid(const char *digest)
{
	return digest && strlen(digest) == IMAGE_DIGEST_LENGTH && starts_with(digest, "sha256:") &&
	       strspn(digest + 7, "0123456789abcdef") == 64;
}

/* ---- descriptors ---- */

static int read_descriptor(const struct json_node *node, const char *where,
	struct artifact_descriptor *ret, struct err *err)
{
	const struct json_node *size = json_member(node, "size");
	const struct json_node *urls = json_member(node, "urls");

	if (!node || node->kind != JSON_KIND_OBJECT)
		return INVALID(err, "%s must be an object", where);
	*ret = (struct artifact_descriptor){
		.digest = json_member_text(node, "digest"),
		.media_type = json_member_text(node, "mediaType"),
		.size = size && size->kind == JSON_KIND_INT ? size->integer : -1,
		.external = urls && urls->kind == JSON_KIND_ARRAY && urls->n > 0,
	};
	if (!artifact_digest_valid(ret->digest))
		return INVALID(err, "the digest '%s' of %s is not sha256 and 64 hex digits",
			ret->digest ? ret->digest : "", where);
	if (!ret->media_type)
		return INVALID(err, "%s has no mediaType", where);
	if (ret->size < 0)
		return INVALID(err, "%s (%s) has no size", where, ret->digest);
	return 0;
}

static int read_layers(
	const struct json_node *doc, struct arena *a, struct image_manifest *m, struct err *err)
{
	const struct json_node *layers = json_member(doc, "layers");
	char where[32];

	if (read_descriptor(json_member(doc, "config"), "config", &m->config, err) < 0)
		return -1;
	if (!layers || layers->kind != JSON_KIND_ARRAY)
		return INVALID(err, "layers must be a list");
	m->layers = arena_new_n(a, layers->n, struct artifact_descriptor);
	m->n_layers = layers->n;
	for (size_t i = 0; i < layers->n; i++) {
		snprintf(where, sizeof(where), "layers[%zu]", i);
		if (read_descriptor(&layers->items[i], where, &m->layers[i], err) < 0)
			return -1;
	}
	return 0;
}

static int read_members(
	const struct json_node *doc, struct arena *a, struct image_manifest *m, struct err *err)
{
	const struct json_node *list = json_member(doc, "manifests");
	char where[32];

	if (!list || list->kind != JSON_KIND_ARRAY)
		return INVALID(err, "manifests must be a list");
	m->members = arena_new_n(a, list->n, struct image_member);
	m->n_members = list->n;
	for (size_t i = 0; i < list->n; i++) {
		const struct json_node *platform = json_member(&list->items[i], "platform");

		snprintf(where, sizeof(where), "manifests[%zu]", i);
		if (read_descriptor(&list->items[i], where, &m->members[i].what, err) < 0)
			return -1;
		m->members[i].platform = (struct artifact_platform){
			.os = json_member_text(platform, "os"),
			.architecture = json_member_text(platform, "architecture"),
			.variant = json_member_text(platform, "variant"),
		};
	}
	return 0;
}

/* ---- the document ---- */

/* What the document calls itself, what the client calls it, or what its members tell. */
static int choose_media_type(
	const struct json_node *doc, const char *told, struct image_manifest *m, struct err *err)
{
	const char *own = json_member_text(doc, "mediaType");

	if (told && own && !streq(own, told))
		return INVALID(err, "it calls itself %s, but was sent as %s", own, told);
	m->media_type = own ? own : told;
	if (!m->media_type)
		m->media_type =
			json_member(doc, "manifests") ? IMAGE_OCI_INDEX : IMAGE_OCI_MANIFEST;
	for (size_t i = 0; i < ARRAY_SIZE(media_types); i++)
		if (streq(media_types[i].name, m->media_type)) {
			m->is_index = media_types[i].is_index;
			return 0;
		}
	return INVALID(err, "manifests of type '%s' are not kept here", m->media_type);
}

static int read_subject(const struct json_node *doc, struct image_manifest *m, struct err *err)
{
	const struct json_node *subject = json_member(doc, "subject");
	struct artifact_descriptor what;

	m->subject = "";
	if (!subject)
		return 0;
	if (read_descriptor(subject, "subject", &what, err) < 0)
		return -1;
	m->subject = what.digest;
	return 0;
}

int image_manifest_parse(struct view body, const char *media_type, struct arena *a,
	struct image_manifest *ret, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	const struct json_node *doc, *version, *annotations;
	const char *type;

	*ret = (struct image_manifest){0};
	if (body.len > IMAGE_MANIFEST_MAX)
		return INVALID(err, "it has %zu bytes, more than 4 MiB", body.len);
	if (json_parse(body, a, &doc, &why) < 0)
		return INVALID(err, "%s", err_message(&why));
	version = json_member(doc, "schemaVersion");
	if (!version || version->kind != JSON_KIND_INT || version->integer != 2)
		return INVALID(err, "schemaVersion must be 2");
	if (choose_media_type(doc, media_type, ret, err) < 0 || read_subject(doc, ret, err) < 0)
		return -1;
	if (json_member(doc, "manifests") && json_member(doc, "layers"))
		return INVALID(err, "it has both manifests and layers");
	if ((ret->is_index ? read_members : read_layers)(doc, a, ret, err) < 0)
		return -1;
	type = json_member_text(doc, "artifactType");
	ret->artifact_type = type ? type : ret->is_index ? "" : ret->config.media_type;
	annotations = json_member(doc, "annotations");
	if (annotations && annotations->kind == JSON_KIND_OBJECT)
		ret->annotations = annotations;
	return 0;
}

const struct image_member *image_manifest_select(
	const struct image_manifest *m, const struct artifact_platform *platform)
{
	const struct image_member *found = NULL;

	for (size_t i = 0; i < m->n_members; i++) {
		const struct artifact_platform *p = &m->members[i].platform;

		if (!streq(p->os, platform->os) || !streq(p->architecture, platform->architecture))
			continue;
		if (!platform->variant || streq(p->variant, platform->variant))
			return &m->members[i];
		if (!p->variant && !found)
			found = &m->members[i];
	}
	return found;
}
