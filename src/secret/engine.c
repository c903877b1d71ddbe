/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's life, its steps, sealing, small lists. */
#include "secret/engine.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"

int secret_engine_new(const struct secret_config *c, struct secret_engine **ret, struct err *err)
{
	char *folder CLEANUP(freep) = path_join(c->data_dir, "keys");
	char *file CLEANUP(freep) = path_join(folder, "seal.key");
	struct secret_engine *e CLEANUP(secret_engine_freep) = xcalloc(1, sizeof(*e));
	struct task_kind deletion = {
		.name = SECRET_TASK_DELETE, .run = secret_delete_run, .arg = e};

	e->durable = c->durable;
	e->account = xstrdup(c->account);
	e->region = xstrdup(c->region);
	e->check_policy = c->check_policy;
	if (c->seal)
		e->seal = *c->seal;
	else if (file_make_dirs(folder, 0700, err) < 0 || seal_key_load(file, &e->seal, err) < 0)
		return -1;
	task_register(e->durable, &deletion);
	*ret = TAKE_PTR(e);
	return 0;
}

struct secret_engine *secret_engine_free(struct secret_engine *e)
{
	if (!e)
		return NULL;
	explicit_bzero(&e->seal, sizeof(e->seal));
	free(e->account);
	free(e->region);
	free(e);
	return NULL;
}

static int run_step(struct db_tx *tx, void *arg, struct err *err)
{
	struct secret_step *s = arg;

	return s->run(s, tx, err);
}

int secret_write(struct secret_step *s, struct err *err)
{
	return durable_step(s->e->durable, run_step, s, err);
}

int secret_read(struct secret_step *s, struct err *err)
{
	return db_read(durable_db(s->e->durable), run_step, s, err);
}

/* ---- X1 ---- */

const char *secret_seal(const struct secret_engine *e, struct view plain, const char *name,
	const char *version, struct arena *a)
{
	struct str out CLEANUP_STR = STR_INIT;

	seal_close(&e->seal, plain, arena_printf(a, "%s %s", name, version), &out);
	return arena_strdup(a, str_text(&out));
}

int secret_unseal(const struct secret_engine *e, const char *sealed, const char *name,
	const char *version, struct arena *a, struct view *ret, struct err *err)
{
	struct str out CLEANUP_STR = STR_INIT;

	if (seal_open(&e->seal, view_of(sealed), arena_printf(a, "%s %s", name, version), &out,
		    err) < 0)
		return err_wrap(err, "the value of %s", name);
	*ret = (struct view){arena_strndup(a, str_text(&out), out.len), out.len};
	explicit_bzero(out.p, out.len);
	return 0;
}

/* ---- lists ---- */

bool secret_has(const struct towpath_string_list *list, const char *text)
{
	wire_foreach (it, list)
		if (streq(*it, text))
			return true;
	return false;
}

void secret_add(struct towpath_string_list *list, const char *text, struct arena *a)
{
	struct towpath_string_list old = *list;

	if (secret_has(list, text))
		return;
	wire_list_alloc(a, list, old.n + 1);
	if (old.n)
		memcpy(list->v, old.v, old.n * sizeof(*old.v));
	list->v[old.n] = text;
}

void secret_drop(struct towpath_string_list *list, const char *text)
{
	size_t kept = 0;

	wire_foreach (it, list)
		if (!streq(*it, text))
			list->v[kept++] = *it;
	list->n = kept;
}
