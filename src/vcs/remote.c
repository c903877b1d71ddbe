/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/remote.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/view.h"
#include "vcs/child.h"

#define LIST_MAX (4 * MIB)
#define HEADS_MAX (64 * MIB)
#define PEELED "^{}"

static const enum err_kind kinds[] = {
	[VCS_TROUBLE_OTHER] = ERR_IO,
	[VCS_TROUBLE_HOST_KEY] = ERR_DENIED,
	[VCS_TROUBLE_CREDENTIAL] = ERR_DENIED,
	[VCS_TROUBLE_STALE] = ERR_CONFLICT,
	[VCS_TROUBLE_REFERENCE] = ERR_NOT_FOUND,
	[VCS_TROUBLE_TLS] = ERR_UNAVAILABLE,
	[VCS_TROUBLE_REACH] = ERR_UNAVAILABLE,
	[VCS_TROUBLE_ADDRESS] = ERR_NOT_FOUND,
	[VCS_TROUBLE_FULL] = ERR_DISK_FULL,
};

/* dir: what is filled; NULL: nothing. */
static int run(const struct vcs_remote *r, const char *const *args, const char *dir, int out,
	struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	const struct vcs_child_how how = {
		.remote = r, .timeout_usec = r->timeout_usec, .bounds = r->bounds, .filled = dir};

	if (vcs_git_how(NULL, args, &how, -1, out, &why) == 0)
		return 0;
	if (err_is(&why, ERR_TOO_LARGE))
		err_hint(&why, "%s", VCS_DISK_HINT);
	if (!err_is(&why, ERR_IO))
		return err_move(err, &why);
	return err_set(err, kinds[vcs_trouble_of(err_message(&why))], "%s", err_message(&why));
}

/* ---- listing ---- */

static bool is_wanted(const char *const *names, struct view name)
{
	for (; *names; names++)
		if (view_eq_str(name, *names))
			return true;
	return false;
}

/* Lines of "<id>\t<name>"; names that only end alike are the host's answer, too. */
static void take_refs(
	struct view text, const char *const *names, struct arena *a, struct vcs_remote_refs *ret)
{
	size_t n = 0;

	while (names[n])
		n++;
	ret->v = arena_new_n(a, n, struct vcs_remote_ref);
	ret->n = 0;
	while (text.len && ret->n < n) {
		struct view name = view_cut(&text, '\n'), id = view_cut(&name, '\t');
		struct vcs_remote_ref *ref = &ret->v[ret->n];

		if (id.len != sizeof(ref->id.hex) - 1 || !is_wanted(names, name))
			continue;
		memcpy(ref->id.hex, id.p, id.len);
		ref->name = arena_view_dup(a, name);
		ret->n++;
	}
}

/* What git answers to a question, up to limit bytes. */
static int answer_of(const struct vcs_remote *r, const struct strv *args, size_t limit,
	struct str *ret, struct err *err)
{
	CLEANUP_FD int out = memfd_create("git-refs", MFD_CLOEXEC);

	if (out < 0)
		return err_errno(err, errno, "cannot start git");
	if (run(r, (const char *const *)args->v, NULL, out, err) < 0)
		return -1;
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "cannot read what git wrote");
	return fd_read_all(out, limit, ret, err);
}

int vcs_remote_list(const struct vcs_remote *r, const char *const *names, struct arena *a,
	struct vcs_remote_refs *ret, struct err *err)
{
	CLEANUP_STRV struct strv args = {0};
	CLEANUP_STR struct str text = STR_INIT;

	strv_add(&args, "ls-remote");
	strv_add(&args, "--quiet");
	strv_add(&args, "--");
	strv_add(&args, r->url);
	for (const char *const *name = names; *name; name++)
		strv_add(&args, *name);
	if (answer_of(r, &args, LIST_MAX, &text, err) < 0)
		return -1;
	take_refs(str_view(&text), names, a, ret);
	return 0;
}

/* A line "<id>\t<name>^{}" says what the annotated tag before it stands for. */
static void take_head(struct view line, struct arena *a, struct vcs_remote_refs *ret)
{
	struct view id = view_cut(&line, '\t');
	struct vcs_remote_ref *last = ret->n ? &ret->v[ret->n - 1] : NULL;
	struct vcs_remote_ref ref;
	char *name;

	if (!line.p || !vcs_id_parse(id, &ref.id))
		return;
	name = arena_view_dup(a, line);
	if (ends_with(name, PEELED)) {
		name[strlen(name) - strlen(PEELED)] = '\0';
		if (last && streq(last->name, name))
			last->id = ref.id;
		return;
	}
	ref.name = name;
	ret->v[ret->n++] = ref;
}

int vcs_remote_heads(
	const struct vcs_remote *r, struct arena *a, struct vcs_remote_refs *ret, struct err *err)
{
	CLEANUP_STRV struct strv args = {0};
	CLEANUP_STR struct str text = STR_INIT;
	struct view rest;
	size_t lines = 1;

	strv_add(&args, "ls-remote");
	strv_add(&args, "--quiet");
	strv_add(&args, "--heads");
	strv_add(&args, "--tags");
	strv_add(&args, "--");
	strv_add(&args, r->url);
	if (answer_of(r, &args, HEADS_MAX, &text, err) < 0)
		return -1;
	rest = str_view(&text);
	for (size_t i = 0; i < rest.len; i++)
		lines += rest.p[i] == '\n';
	*ret = (struct vcs_remote_refs){.v = arena_new_n(a, lines, struct vcs_remote_ref)};
	while (rest.p)
		take_head(view_cut(&rest, '\n'), a, ret);
	return 0;
}

/* ---- cloning ---- */

#define BRANCHES "+refs/heads/*:refs/remotes/origin/*"
#define TAGS "+refs/tags/*:refs/tags/*"

struct clone {
	const struct vcs_remote *r;
	const struct vcs_remote_wish *wish;
	const char *dir;
};

static int in_clone(const struct clone *c, const char *const *more, int out, struct err *err)
{
	CLEANUP_STRV struct strv args = {0};

	strv_add(&args, "-C");
	strv_add(&args, c->dir);
	for (; *more; more++)
		strv_add(&args, *more);
	return run(c->r, (const char *const *)args.v, c->dir, out, err);
}

static int begin(const struct clone *c, struct err *err)
{
	const char *const init[] = {"init", "--quiet", "--", c->dir, NULL};
	const char *const origin[] = {"remote", "add", "origin", c->r->url, NULL};

	return run(c->r, init, c->dir, -1, err) < 0 ? -1 : in_clone(c, origin, -1, err);
}

/* Where a reference of the host stands in the clone: as `git clone` has it. */
static char *local_name(const char *ref)
{
	if (starts_with(ref, "refs/tags/"))
		return xstrdup(ref);
	if (starts_with(ref, "refs/heads/"))
		return xasprintf("refs/remotes/origin/%s", ref + strlen("refs/heads/"));
	return xasprintf(
		"refs/remotes/origin/%s", starts_with(ref, "refs/") ? ref + strlen("refs/") : ref);
}

static int fetch(const struct clone *c, const char *spec, int depth, bool all, struct err *err)
{
	CLEANUP_STRV struct strv args = {0};

	strv_add(&args, "fetch");
	strv_add(&args, "--quiet");
	strv_add(&args, "--no-write-fetch-head");
	strv_add(&args, "--no-recurse-submodules");
	if (depth > 0)
		strv_addf(&args, "--depth=%d", depth);
	if (!all)
		strv_add(&args, "--no-tags");
	strv_add(&args, "--");
	strv_add(&args, "origin");
	if (all) {
		strv_add(&args, BRANCHES);
		strv_add(&args, TAGS);
	}
	if (spec)
		strv_add(&args, spec);
	return in_clone(c, (const char *const *)args.v, -1, err);
}

static bool has_commit(const struct clone *c)
{
	CLEANUP(freep) char *object = xasprintf("%s^{commit}", c->wish->commit);
	const char *const args[] = {"cat-file", "-e", object, NULL};
	CLEANUP_ERR struct err no = ERR_INIT;

	return in_clone(c, args, -1, &no) == 0;
}

/* Hosts may refuse a commit by its id: then it is looked for in all that they have. */
static int fetch_commit(const struct clone *c, struct err *err)
{
	CLEANUP_ERR struct err refused = ERR_INIT;

	if (c->wish->depth > 0) {
		if (fetch(c, c->wish->commit, c->wish->depth, false, &refused) == 0)
			return 0;
		if (!err_is(&refused, ERR_NOT_FOUND)) {
			err_move(err, &refused);
			return -1;
		}
	}
	if (fetch(c, NULL, 0, true, err) < 0)
		return -1;
	return has_commit(c) ? 0 : fetch(c, c->wish->commit, 0, false, err);
}

static int fetch_ref(const struct clone *c, const char *local, struct err *err)
{
	const struct vcs_remote_wish *w = c->wish;
	CLEANUP(freep) char *spec = xasprintf("+%s:%s", w->ref, local);
	bool all = w->depth <= 0 && !w->only_ref;
	bool within =
		all && (starts_with(w->ref, "refs/heads/") || starts_with(w->ref, "refs/tags/"));

	return fetch(c, within ? NULL : spec, w->depth, all, err);
}

/* A reference's commit, or the one that was asked for by its id. */
static int resolve(const struct clone *c, const char *name, struct vcs_id *ret, struct err *err)
{
	CLEANUP(freep) char *object = xasprintf("%s^{commit}", name);
	const char *const args[] = {"rev-parse", "--verify", "--quiet", object, NULL};
	CLEANUP_STR struct str text = STR_INIT;
	CLEANUP_FD int out = memfd_create("git-commit", MFD_CLOEXEC);
	CLEANUP_ERR struct err why = ERR_INIT;

	if (out < 0)
		return err_errno(err, errno, "cannot start git");
	if (in_clone(c, args, out, &why) < 0 && !err_is(&why, ERR_IO))
		return err_move(err, &why);
	if (why.kind)
		return err_set(err, ERR_NOT_FOUND, "%s is no commit of %s", name, c->r->url);
	if (lseek(out, 0, SEEK_SET) < 0 || fd_read_all(out, KIB, &text, err) < 0)
		return err_errno(err, errno, "cannot read what git wrote");
	if (text.len < sizeof(ret->hex) - 1)
		return err_set(err, ERR_IO, "git names no commit for %s", name);
	memcpy(ret->hex, text.p, sizeof(ret->hex) - 1);
	ret->hex[sizeof(ret->hex) - 1] = 0;
	return 0;
}

/* The commit of a reference may lie deeper than the history that was asked for. */
static int deepen(const struct clone *c, struct err *err)
{
	if (!c->wish->commit || c->wish->depth <= 0 || has_commit(c))
		return 0;
	return fetch(c, c->wish->commit, c->wish->depth, false, err);
}

static int check_out(const struct clone *c, const struct vcs_id *commit, struct err *err)
{
	const char *const checkout[] = {"checkout", "--quiet", "--detach", commit->hex, NULL};
	const char *const submodules[] = {
		"submodule", "--quiet", "update", "--init", "--recursive", NULL};

	if (c->wish->no_files)
		return 0;
	if (in_clone(c, checkout, -1, err) < 0)
		return -1;
	if (c->wish->submodules && in_clone(c, submodules, -1, err) < 0)
		return err_wrap(err, "submodules of %s", c->r->url);
	return 0;
}

int vcs_remote_clone(const struct vcs_remote *r, const struct vcs_remote_wish *wish,
	const char *dir, struct vcs_id *ret, struct err *err)
{
	struct clone c = {r, wish, dir};
	CLEANUP(freep) char *local = wish->ref ? local_name(wish->ref) : NULL;

	if (begin(&c, err) < 0 || (local ? fetch_ref(&c, local, err) : fetch_commit(&c, err)) < 0 ||
		(local && deepen(&c, err) < 0))
		return -1;
	if (resolve(&c, wish->commit ? wish->commit : local, ret, err) < 0)
		return -1;
	return check_out(&c, ret, err);
}

int vcs_remote_add(
	const struct vcs_remote *r, const char *dir, const char *commit, int depth, struct err *err)
{
	const struct vcs_remote_wish wish = {.commit = commit, .depth = depth};
	const struct clone c = {r, &wish, dir};

	return has_commit(&c) ? 0 : fetch(&c, commit, depth, false, err);
}
