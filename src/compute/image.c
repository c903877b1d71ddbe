/* SPDX-License-Identifier: Apache-2.0 */
/* Images: from a manifest to unpacked layers. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "codec/archive.h"
#include "codec/json.h"
#include "compute/image_internal.h"
#include "crypto/digest.h"

#define DOCUMENT_MAX (4 * MIB) /* manifests and configurations */
#define LAYERS_MAX 127

struct preparation {
	const struct image_store *store;
	const struct image_source *source;
	struct arena *a;
	struct image *ret;
};

/* ---- blobs ---- */

static bool is_digest(const char *digest)
{
	const char *hex = digest && starts_with(digest, "sha256:") ? digest + 7 : NULL;

	if (!hex || strlen(hex) != 64)
		return false;
	for (; *hex; hex++)
		if (!isdigit((unsigned char)*hex) && (*hex < 'a' || *hex > 'f'))
			return false;
	return true;
}

/* Opens a blob whose content is what its digest says; it stands at its start. */
static int open_blob(
	struct preparation *p, const char *what, const char *digest, int *ret, struct err *err)
{
	struct digest sum CLEANUP_DIGEST = {0};
	struct digest_value value;
	int fd CLEANUP_FD = -1;
	char buf[64 * KIB];
	ssize_t n;

	if (!is_digest(digest))
		return err_set(err, ERR_MALFORMED,
			"the image's %s has no sha256 digest but '%.80s'", what,
			digest ? digest : "");
	if (p->source->open(p->source->arg, digest, &fd, err) < 0)
		return err_wrap(err, "the image's %s %s", what, digest);
	digest_init(&sum, DIGEST_SHA256);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		digest_update(&sum, buf, (size_t)n);
	if (n < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "reading the image's %s %s", what, digest);
	value = digest_value(&sum);
	if (!streq(digest_hex(&value).text, digest + 7))
		return err_set(err, ERR_MALFORMED, "the image's %s %s has the digest sha256:%s",
			what, digest, digest_hex(&value).text);
	*ret = TAKE_FD(fd);
	return 0;
}

static int read_document(struct preparation *p, const char *what, const char *digest,
	const struct json_node **ret, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	int fd CLEANUP_FD = -1;

	if (open_blob(p, what, digest, &fd, err) < 0 ||
		fd_read_all(fd, DOCUMENT_MAX, &text, err) < 0)
		return -1;
	if (json_parse((struct view){arena_view_dup(p->a, str_view(&text)), text.len}, p->a, ret,
		    err) < 0)
		return err_wrap(err, "the image's %s %s", what, digest);
	return 0;
}

/* ---- layers ---- */

static int unpack_layer(struct preparation *p, const char *digest, const char *dir, struct err *err)
{
	char *partial CLEANUP(freep) = image_partial(p->store->dir);
	int fd CLEANUP_FD = -1;

	if (open_blob(p, "layer", digest, &fd, err) < 0)
		return -1;
	if (file_make_dirs(partial, 0755, err) < 0)
		return -1;
	if (chmod(partial, 0755) < 0 || archive_unpack_layer(fd, partial, NULL, NULL, err) < 0) {
		file_remove_tree(partial, NULL);
		return err_wrap(err, "layer %s", digest);
	}
	if (rename(partial, dir) < 0) {
		int bad = errno;

		file_remove_tree(partial, NULL);
		if (bad != EEXIST && bad != ENOTEMPTY) /* else somebody was faster */
			return err_errno(err, bad, "keeping layer %s", digest);
	}
	return 0;
}

static int prepare_layers(struct preparation *p, const struct json_node *layers, struct err *err)
{
	const char **paths;

	if (!layers || layers->kind != JSON_KIND_ARRAY || !layers->n)
		return err_set(err, ERR_MALFORMED, "the image's manifest %s names no layers",
			p->ret->digest);
	if (layers->n > LAYERS_MAX)
		return err_set(err, ERR_TOO_LARGE, "the image has %zu layers; at most %d are taken",
			layers->n, LAYERS_MAX);
	paths = arena_new_n(p->a, layers->n + 1, const char *);
	p->ret->leases = arena_new_n(p->a, layers->n + 1, int);
	for (size_t i = 0; i < layers->n; i++) {
		const char *digest = json_member_text(&layers->items[i], "digest");
		char *name, *dir;

		if (!is_digest(digest))
			return err_set(err, ERR_MALFORMED,
				"layer %zu of the image's manifest %s has no sha256 digest", i,
				p->ret->digest);
		name = arena_printf(p->a, "%.*s", IMAGE_LAYER_DIGITS, digest + strlen("sha256:"));
		dir = arena_printf(p->a, "%s/%s", p->store->dir, name);
		paths[layers->n - 1 - i] = dir;
		if (image_lease(p->store, name, &p->ret->leases[i], err) < 0)
			return -1;
		p->ret->n_leases++;
		if (!file_exists(dir) && unpack_layer(p, digest, dir, err) < 0)
			return -1;
	}
	p->ret->layers = paths;
	p->ret->n_layers = layers->n;
	return 0;
}

/* ---- configuration ---- */

static const char *const *texts_of(struct arena *a, const struct json_node *list)
{
	const char **out;
	size_t n = 0;

	if (!list || list->kind != JSON_KIND_ARRAY)
		return NULL;
	out = arena_new_n(a, list->n + 1, const char *);
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].kind == JSON_KIND_STRING)
			out[n++] = list->items[i].text.p;
	return out;
}

static const char *text_or_null(const struct json_node *node, const char *name)
{
	const char *text = json_member_text(node, name);

	return text && *text ? text : NULL;
}

static int prepare_config(struct preparation *p, const char *digest, struct err *err)
{
	const struct json_node *root, *config;
	struct image *image = p->ret;

	if (read_document(p, "configuration", digest, &root, err) < 0)
		return -1;
	config = json_member(root, "config");
	image->env = texts_of(p->a, json_member(config, "Env"));
	image->entrypoint = texts_of(p->a, json_member(config, "Entrypoint"));
	image->cmd = texts_of(p->a, json_member(config, "Cmd"));
	image->user = text_or_null(config, "User");
	image->working_dir = text_or_null(config, "WorkingDir");
	image->stop_signal = text_or_null(config, "StopSignal");
	return 0;
}

/* ---- manifests ---- */

static const char *architecture(void)
{
	static const struct {
		const char *machine, *name;
	} names[] = {{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"ppc64le", "ppc64le"},
		{"riscv64", "riscv64"}, {"s390x", "s390x"}};
	struct utsname u;

	if (uname(&u) == 0)
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (streq(names[i].machine, u.machine))
				return names[i].name;
	return "unknown";
}

static const char *choose(const struct json_node *manifests)
{
	for (size_t i = 0; i < manifests->n; i++) {
		const struct json_node *platform = json_member(&manifests->items[i], "platform");

		if (!platform ||
			(streq(json_member_text(platform, "os"), "linux") &&
				streq(json_member_text(platform, "architecture"), architecture())))
			return json_member_text(&manifests->items[i], "digest");
	}
	return NULL;
}

/* The manifest for this machine. */
static int find_manifest(
	struct preparation *p, struct view text, const struct json_node **ret, struct err *err)
{
	const char *digest = p->ret->digest;
	const struct json_node *manifests;

	if (text.p ? json_parse(text, p->a, ret, err) < 0
		   : read_document(p, "manifest", digest, ret, err) < 0)
		return -1;
	manifests = json_member(*ret, "manifests");
	if (!manifests || manifests->kind != JSON_KIND_ARRAY)
		return 0;
	p->ret->digest = choose(manifests);
	if (!p->ret->digest)
		return err_set(err, ERR_NOT_FOUND, "the image %s has no manifest for linux/%s",
			digest, architecture());
	return read_document(p, "manifest", p->ret->digest, ret, err);
}

int image_prepare(const struct image_store *store, const char *digest, struct view manifest_text,
	const struct image_source *source, struct arena *a, struct image *ret, struct err *err)
{
	struct preparation p = {.store = store, .source = source, .a = a, .ret = ret};
	const struct json_node *manifest;

	*ret = (struct image){.digest = arena_strdup(a, digest)};
	if (file_make_dirs(store->dir, 0700, err) < 0 ||
		find_manifest(&p, manifest_text, &manifest, err) < 0 ||
		prepare_config(
			&p, json_member_text(json_member(manifest, "config"), "digest"), err) < 0)
		return -1;
	if (prepare_layers(&p, json_member(manifest, "layers"), err) < 0) {
		image_release(ret);
		return -1;
	}
	return 0;
}

void image_release(struct image *image)
{
	while (image->n_leases > 0)
		close(image->leases[--image->n_leases]);
}
