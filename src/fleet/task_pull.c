/* SPDX-License-Identifier: Apache-2.0 */
/* Images of tasks: from our own registry or another one, unpacked here or pulled by an engine. */
#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "fleet/task_start.h"

struct own_blobs {
	struct fleet_engine *e;
	const char *repository;
};

static int open_own(void *arg, const char *digest, int *ret_fd, struct err *err)
{
	const struct own_blobs *b = arg;

	return b->e->cfg.image_open(b->e->cfg.arg, b->repository, digest, ret_fd, err);
}

/* The reference with a digest in the place of its tag. */
static char *pin_reference(const char *reference, const char *digest)
{
	const char *at = strchr(reference, '@'), *slash = strrchr(reference, '/'),
		   *colon = strchr(slash ? slash : reference, ':');
	size_t n = strlen(reference);

	if (!digest)
		return xstrdup(reference);
	if (at)
		n = (size_t)(at - reference);
	if (colon && (!at || colon < at))
		n = (size_t)(colon - reference);
	return xasprintf("%.*s@%s", (int)n, reference, digest);
}

/* Another registry's image, by way of a layout that is dropped once the layers are unpacked. */
static int prepare_foreign(const struct fleet_run *run, const struct image_store *store,
	const char *reference, struct image *ret, struct err *err)
{
	char *layout CLEANUP(freep) = NULL;
	struct image_source source = {.open = image_layout_open};
	const char *digest;
	char tail[13];
	int r;

	id_random_text(tail, 12, ID_ALPHABET_HEX);
	layout = xasprintf("%s/partial-fetch-%s", store->dir, tail);
	source.arg = layout;
	r = image_fetch(reference, layout, run->interrupt, err);
	if (r == 0)
		r = image_layout_digest(layout, NULL, run->a, &digest, err);
	if (r == 0)
		r = image_prepare(store, digest, (struct view){0}, &source, run->a, ret, err);
	file_remove_tree(layout, NULL);
	return r;
}

int fleet_image_prepare(struct fleet_run *run, const char *reference, const char *digest,
	struct image *ret, struct err *err)
{
	struct fleet_engine *e = run->e;
	char *dir CLEANUP(freep) = fleet_images_dir(e);
	struct image_store store = {dir, durable_now(e->durable)};
	char *pinned CLEANUP(freep) = pin_reference(reference, digest);
	struct own_blobs blobs = {.e = e};
	struct image_source source = {.open = open_own, .arg = &blobs};
	struct fleet_image own = {0};
	int r = 0;

	if (file_make_dirs(dir, 0700, err) < 0)
		return -1;
	if (e->cfg.image_resolve)
		r = e->cfg.image_resolve(e->cfg.arg, pinned, run->a, &own, err);
	blobs.repository = own.repository;
	if (r > 0)
		r = image_prepare(&store, own.digest, own.manifest, &source, run->a, ret, err);
	else if (r == 0)
		r = prepare_foreign(run, &store, pinned, ret, err);
	if (r < 0)
		return err_wrap(err, "CannotPullContainerError: image %s", pinned);
	return 0;
}

/* ---- of a container ---- */

/* Digest that the service's set has settled on for a container, or NULL. */
struct pin {
	struct fleet_run *r;
	const char *container, *digest;
};

static int pin_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct pin *p = arg;
	struct fleet_run *r = p->r;
	struct towpath_string_map images;
	struct towpath_fleet_set set;
	const char *service = fleet_arn(r->e, r->a, "ecs", "service/%s/%s",
		fleet_last_part(r->task.t.cluster_arn), r->task.t.group + strlen("service:"));

	if (fleet_set_get(tx, r->task.s.set_id, service, r->a, &set, err) < 0)
		return -1;
	wire_foreach (kv, &set.images) {
		if (streq(kv->key, p->container)) {
			p->digest = kv->value;
			return 0;
		}
	}
	if (!p->digest)
		return 0;
	wire_list_alloc(r->a, &images, set.images.n + 1);
	for (size_t i = 0; i < set.images.n; i++)
		images.v[i] = set.images.v[i];
	images.v[set.images.n] = (struct towpath_string_map_kv){p->container, p->digest};
	set.images = images;
	return fleet_set_put(tx, &set, err);
}

const char *fleet_start_digest(const struct fleet_start *s)
{
	return s->r->e->cfg.task_compute->pulls ? s->pulled.digest : s->image.digest;
}

/* {"username": ..., "password": ..., "serveraddress": ...} in the form of the header. */
static const char *auth_of(const struct fleet_image_grant *g, struct arena *a)
{
	struct str json CLEANUP_STR = STR_INIT, text CLEANUP_STR = STR_INIT;
	struct json_writer w = {&json, false};

	json_open(&w, '{');
	json_put_member(&w, "username", g->user);
	json_put_member(&w, "password", g->password);
	json_put_member(&w, "serveraddress", g->host);
	json_close(&w, '}');
	base64_encode(str_view(&json), &text);
	for (size_t i = 0; i < text.len; i++) /* the alphabet of URLs */
		text.p[i] = text.p[i] == '+' ? '-' : text.p[i] == '/' ? '_' : text.p[i];
	return arena_strdup(a, str_text(&text));
}

/* By the engine, which gets a password for our own registry. */
static int engine_pull(struct fleet_start *s, const char *reference, struct err *err)
{
	struct fleet_run *r = s->r;
	const struct fleet_config *cfg = &r->e->cfg;
	struct fleet_image_grant grant = {0};
	struct fleet_image own = {0};
	int ours =
		cfg->image_resolve ? cfg->image_resolve(cfg->arg, reference, r->a, &own, err) : 0;

	if (ours < 0)
		return -1;
	if (ours > 0 && cfg->image_grant) {
		if (cfg->image_grant(cfg->arg, &own, r->a, &grant, err) < 0)
			return -1;
		s->registry_auth = auth_of(&grant, r->a);
		reference = grant.reference;
	}
	return cfg->task_compute->resolve(
		cfg->task_compute, reference, s->registry_auth, r->a, &s->pulled, err);
}

static int bring(struct fleet_start *s, const char *digest, struct err *err)
{
	struct fleet_run *r = s->r;
	char *pinned CLEANUP(freep) = NULL;

	if (!r->e->cfg.task_compute->pulls)
		return fleet_image_prepare(r, s->d->image, digest, &s->image, err);
	pinned = pin_reference(s->d->image, digest);
	if (engine_pull(s, pinned, err) < 0)
		return err_wrap(err, "CannotPullContainerError: image %s", pinned);
	return 0;
}

/* All tasks of a set run the image that its first task has found under the name. */
int fleet_start_pull(struct fleet_start *s, struct err *err)
{
	struct fleet_run *r = s->r;
	struct pin pin = {.r = r, .container = s->d->name};
	bool pins = r->task.s.set_id && !streq(s->d->version_consistency, "disabled");

	if (!r->task.t.pull_started_at.set)
		r->task.t.pull_started_at = WIRE_SET_TIME(durable_now(r->e->durable));
	if (pins && fleet_read(r->e, pin_step, &pin, err) < 0)
		return -1;
	if (bring(s, pin.digest, err) < 0)
		return -1;
	if (pins && !pin.digest && fleet_start_digest(s)) {
		pin.digest = fleet_start_digest(s);
		if (fleet_write(r->e, pin_step, &pin, err) < 0)
			return -1;
	}
	r->task.t.pull_stopped_at = WIRE_SET_TIME(durable_now(r->e->durable));
	return 0;
}
