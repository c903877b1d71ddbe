/* SPDX-License-Identifier: Apache-2.0 */
/* Sources on git hosts elsewhere (build/host.h): cloned over HTTP, checked out with HEAD detached.
 */
#include "base/mem.h"
#include "build/host.h"
#include "provider/build_world.h"
#include "vcs/remote.h"

#define NAMES_MAX 3

struct version {
	struct vcs_remote_wish wish;
	const char *names[NAMES_MAX + 1]; /* references it may stand for, the first found counts */
};

/* "refs/x^{<commit>}" is that reference alone, at the commit; a commit's id is looked for in the
 * whole repository. False: what stands in the braces is no commit's id. */
static bool read_version(
	const struct build_host *host, const char *version, struct arena *a, struct version *ret)
{
	const char *name = version && *version ? version : "HEAD", *brace = strstr(name, "^{");
	struct vcs_id id;

	*ret = (struct version){0};
	if (vcs_id_parse(view_of(name), &id)) {
		ret->wish.commit = arena_strdup(a, id.hex);
		return true;
	}
	if (brace) {
		const char *commit = arena_strndup(a, brace + 2, strcspn(brace + 2, "}"));

		if (!vcs_id_parse(view_of(commit), &id))
			return false;
		ret->wish.commit = commit;
		ret->wish.only_ref = true;
		name = arena_strndup(a, name, (size_t)(brace - name));
	}
	if (streq(name, "HEAD") || starts_with(name, "refs/")) {
		ret->names[0] = name;
		return true;
	}
	ret->names[0] = arena_printf(a, "refs/heads/%s", name);
	ret->names[1] = arena_printf(a, "refs/tags/%s", name);
	if (host->pull && starts_with(name, "pr/"))
		ret->names[2] = arena_printf(a, "%s%s/head", host->pull, name + strlen("pr/"));
	return true;
}

static const char *which(const struct build_source_request *req, struct arena *a)
{
	const char *source = *req->identifier ? req->identifier : "primary source";

	return req->version && *req->version
		       ? arena_printf(a, "%s and source version %s", source, req->version)
		       : source;
}

static int no_reference(const struct build_source_request *req, struct arena *a, struct err *err)
{
	if (!req->version || !*req->version)
		return err_set(err, ERR_NOT_FOUND, "no commit found for %s: %s is empty",
			which(req, a), req->source->location);
	err_set(err, ERR_NOT_FOUND,
		"reference not found for %s: %s has no such branch, tag or commit", which(req, a),
		req->source->location);
	return err_hint(err,
		"Name a branch, a tag, a full commit id or a reference (refs/...) that "
		"the repository has");
}

static int denied(const struct build_source_request *req, struct arena *a, struct err *err)
{
	err_set(err, ERR_DENIED, "authentication required for %s: %s %s", which(req, a),
		req->source->location,
		req->credential ? "does not take the credential"
				: "wants a credential, and there is none");
	return err_hint(err,
		"Give one that may read the repository to ImportSourceCredentials "
		"(server type %s), or name a secret in the source's auth",
		req->source->type);
}

/* The same words for the same trouble; those of git stand behind. */
static int explain(const struct build_source_request *req, struct arena *a, struct err *err)
{
	CLEANUP_ERR struct err why = ERR_INIT;
	const char *url = req->source->location, *said;

	err_move(&why, err);
	said = err_message(&why);
	switch (vcs_trouble_of(said)) {
	case VCS_TROUBLE_CREDENTIAL:
		return denied(req, a, err);
	case VCS_TROUBLE_ADDRESS:
		err_set(err, ERR_NOT_FOUND, "repository not found for %s: %s (%s)", which(req, a),
			url, said);
		return err_hint(err, "Check the location; hosts answer so as well where the "
				     "credential may not read a private repository");
	case VCS_TROUBLE_REFERENCE:
		return no_reference(req, a, err);
	case VCS_TROUBLE_TLS:
		err_set(err, ERR_UNAVAILABLE, "the certificate of %s for %s is not trusted (%s)",
			url, which(req, a), said);
		return err_hint(err, "Start the server with GIT_SSL_CAINFO naming the authority "
				     "that vouches for it, or set the source's insecureSsl");
	case VCS_TROUBLE_REACH:
		err_set(err, ERR_UNAVAILABLE, "cannot reach %s for %s (%s)", url, which(req, a),
			said);
		return err_hint(err, "Check that this machine reaches the host");
	default:
		if (why.kind == ERR_NOT_FOUND)
			return no_reference(req, a, err);
		err_set(err, why.kind, "cannot clone %s for %s: %s", url, which(req, a), said);
		return why.hint ? err_hint(err, "%s", why.hint) : -1;
	}
}

/* The reference that the version stands for. */
static int find_reference(const struct vcs_remote *remote, const struct build_source_request *req,
	struct version *v, struct arena *a, struct err *err)
{
	struct vcs_remote_refs found;

	if (!v->names[0])
		return 0;
	if (vcs_remote_list(remote, v->names, a, &found, err) < 0)
		return explain(req, a, err);
	for (size_t n = 0; n < NAMES_MAX && v->names[n]; n++)
		for (size_t i = 0; i < found.n && !v->wish.ref; i++)
			if (streq(found.v[i].name, v->names[n]))
				v->wish.ref = v->names[n];
	return v->wish.ref ? 0 : no_reference(req, a, err);
}

struct vcs_bounds build_source_bounds(
	const struct build_world *w, const struct build_source_request *req)
{
	return (struct vcs_bounds){.interrupt = req->interrupt,
		.deadline_usec = req->deadline_usec,
		.disk_max = w->clone_max};
}

int build_source_git(struct build_world *w, const struct build_source_request *req, struct arena *a,
	struct build_source_result *ret, struct err *err)
{
	const struct codebuild_project_source *s = req->source;
	const struct build_host *host = build_host_of(s->type);
	const struct vcs_bounds bounds = build_source_bounds(w, req);
	const struct vcs_remote remote = {
		.url = s->location,
		.user = req->credential ? req->credential->user : NULL,
		.password = req->credential ? req->credential->password : NULL,
		.insecure_tls = wire_or(s->insecure_ssl, false),
		.bounds = &bounds,
	};
	struct version v;
	struct vcs_id commit;

	if (!read_version(host, req->version, a, &v))
		return no_reference(req, a, err);
	if (build_host_check(host, s->location, err) < 0 ||
		find_reference(&remote, req, &v, a, err) < 0)
		return -1;
	v.wish.depth = wire_or(s->git_clone_depth, 0);
	v.wish.submodules = s->git_submodules_config &&
			    wire_or(s->git_submodules_config->fetch_submodules, false);
	if (vcs_remote_clone(&remote, &v.wish, req->dir, &commit, err) < 0)
		return explain(req, a, err);
	ret->resolved_version = arena_strdup(a, commit.hex);
	ret->url = s->location;
	ret->path_suffix = build_host_folder(s->location, a);
	return 0;
}
