/* SPDX-License-Identifier: Apache-2.0 */
/* Images for siblings that run them: from a reference to manifest, configuration and layers. */
#include <ctype.h>
#include <sys/utsname.h>

#include "artifact/image_internal.h"
#include "base/mem.h"

/* ---- references ---- */

struct reference {
	const char *host;	/* with port, or NULL */
	const char *repository; /* without host, tag and digest */
	const char *at;		/* tag or digest */
};

/* As Docker tells hosts from names: a dot, a colon, or "localhost". */
static bool is_host(struct view first)
{
	return memchr(first.p, '.', first.len) || memchr(first.p, ':', first.len) ||
	       view_eq_str(first, "localhost");
}

static void parse_reference(const char *text, struct arena *a, struct reference *ret)
{
	struct view rest = view_of(text), first;
	char *name, *at, *colon;

	*ret = (struct reference){.at = "latest"};
	first = view_cut(&rest, '/');
	if (rest.p && is_host(first)) {
		ret->host = arena_view_dup(a, first);
		name = arena_view_dup(a, rest);
	} else {
		name = arena_strdup(a, text);
	}
	at = strchr(name, '@');
	if (at) {
		*at = '\0';
		ret->at = at + 1;
	}
	colon = strchr(name, ':');
	if (colon) {
		*colon = '\0';
		if (!at)
			ret->at = colon + 1;
	}
	ret->repository = name;
}

static bool is_loopback(const char *host, const char *port)
{
	const char *colon = strrchr(host, ':');
	size_t n = colon ? (size_t)(colon - host) : strlen(host);
	struct view name = {host, n};

	return colon && port && streq(colon, port) &&
	       (view_eq_str(name, "localhost") || view_starts_with(name, "127.") ||
		       view_eq_str(name, "[::1]"));
}

/* "http://host" without its scheme. */
static const char *without_scheme(const char *url)
{
	const char *mark = url ? strstr(url, "://") : NULL;

	return mark ? mark + 3 : url;
}

const char *artifact_image_registry(const struct artifact_engine *e)
{
	const char *host = e->registry_host ? e->registry_host : e->endpoint;

	return host ? without_scheme(host) : "localhost";
}

bool artifact_image_is_ours(const struct artifact_engine *e, const char *reference)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	const char *own = without_scheme(e->endpoint);
	const char *port = own ? strrchr(own, ':') : NULL;
	const char *local = e->local_port ? arena_printf(&a, ":%d", e->local_port) : NULL;
	const char *named = arena_printf(&a, "%s.dkr.ecr.%s.", e->account, e->region);
	struct reference r;

	parse_reference(reference, &a, &r);
	return !r.host || streq(r.host, own) || streq(r.host, without_scheme(e->registry_host)) ||
	       is_loopback(r.host, port) || is_loopback(r.host, local) ||
	       starts_with(r.host, named);
}

/* ---- from manifest to image ---- */

static struct artifact_platform here(struct arena *a)
{
	static const char *const machines[][2] = {
		{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"}, {"i686", "386"}};
	struct artifact_platform p = {.os = "linux"};
	struct utsname u;

	uname(&u);
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (streq(u.machine, machines[i][0]))
			p.architecture = machines[i][1];
	if (!p.architecture)
		p.architecture = arena_strdup(a, u.machine);
	return p;
}

static int no_platform(const char *reference, const struct artifact_platform *p, struct err *err)
{
	err_set_wire(err, "ImageNotFoundException", "%s holds no image for %s/%s", reference, p->os,
		p->architecture);
	if (err)
		err->kind = ERR_NOT_FOUND;
	return -1;
}

struct resolve {
	struct artifact_engine *e;
	const char *reference;
	struct reference name;
	struct artifact_platform platform;
	struct arena *a;
	struct artifact_image *ret;
};

static int resolve_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct resolve *x = arg;
	const char *at = x->name.at;
	struct store_image found;
	struct image_manifest m;

	for (int depth = 0;; depth++) {
		const struct image_member *member;

		if (image_find(x->e, tx, x->name.repository, at, x->a, &found, err) < 0 ||
			image_manifest_parse(found.body, found.media_type, x->a, &m, err) < 0)
			return -1;
		if (!depth)
			x->ret->asked = found.digest;
		if (!m.is_index)
			break;
		member = image_manifest_select(&m, &x->platform);
		if (!member || depth > 3)
			return no_platform(x->reference, &x->platform, err);
		at = member->what.digest;
	}
	x->ret->repository = found.repository;
	x->ret->digest = found.digest;
	x->ret->media_type = found.media_type;
	x->ret->manifest = found.body;
	x->ret->config = m.config;
	x->ret->layers = m.layers;
	x->ret->n_layers = m.n_layers;
	return 0;
}

static int not_found_kind(struct err *err)
{
	if (err && err->wire && ends_with(err->wire, "NotFoundException"))
		err->kind = ERR_NOT_FOUND;
	return -1;
}

int artifact_image_resolve(struct artifact_engine *e, const char *reference,
	const struct artifact_platform *platform, struct arena *a, struct artifact_image *ret,
	struct err *err)
{
	struct resolve x = {.e = e, .reference = reference, .a = a, .ret = ret};

	*ret = (struct artifact_image){0};
	parse_reference(reference, a, &x.name);
	x.platform = platform ? *platform : here(a);
	if (db_read(durable_db(e->durable), resolve_fn, &x, err) < 0)
		return not_found_kind(err);
	return 0;
}

/* ---- blobs ---- */

struct find_blob {
	struct artifact_engine *e;
	const char *repository, *digest;
	struct arena *a;
	struct store_image_blob blob;
};

static int find_blob_fn(struct db_tx *tx, void *arg, struct err *err)
{
	struct find_blob *f = arg;
	int r;

	if (image_check_repository(f->e, tx, f->repository, err) < 0)
		return -1;
	r = store_image_link_get(tx, f->repository, f->digest, f->a, &f->blob, err);
	return r == 0 ? image_no_layer(f->e, f->repository, f->digest, err) : MIN(r, 0);
}

int artifact_image_blob_open(struct artifact_engine *e, const char *repository, const char *digest,
	int *ret_fd, int64_t *ret_size, struct err *err)
{
	struct arena a CLEANUP_ARENA = ARENA_INIT;
	struct find_blob f = {e, repository, digest, &a, {0}};

	if (db_read(durable_db(e->durable), find_blob_fn, &f, err) < 0)
		return not_found_kind(err);
	if (blob_open(&e->blobs, f.blob.file, ret_fd, err) < 0)
		return -1;
	*ret_size = f.blob.size;
	return 0;
}
