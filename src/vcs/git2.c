/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/git2.h"

#include <ctype.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init(void)
{
	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	/* The server made the folders itself. */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)(8 * MIB));
	git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, 256 * MIB);
	/* Nobody's personal configuration changes what the server does. */
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_SYSTEM, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_XDG, "");
	git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, GIT_CONFIG_LEVEL_GLOBAL, "");
}

void vcs_git2_init(void)
{
	pthread_once(&once, init);
}

static enum err_kind kind_of(int code)
{
	switch (code) {
	case GIT_ENOTFOUND:
		return ERR_NOT_FOUND;
	case GIT_EEXISTS:
	case GIT_EMODIFIED:
	case GIT_ELOCKED:
	case GIT_ECONFLICT:
		return ERR_CONFLICT;
	case GIT_EINVALIDSPEC:
		return ERR_INVALID;
	default:
		return ERR_IO;
	}
}

int vcs_git2_err(struct err *err, int code, const char *fmt, ...)
{
	const git_error *last = git_error_last();
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, kind_of(code), fmt, ap);
	va_end(ap);
	if (err && last && last->message) {
		char *text = xasprintf("%s: %s", err->message, last->message);

		free(err->message);
		err->message = text;
	}
	return -1;
}

struct vcs_id vcs_id_of(const git_oid *oid)
{
	struct vcs_id id;

	git_oid_tostr(id.hex, sizeof(id.hex), oid);
	return id;
}

git_oid vcs_oid_of(const struct vcs_id *id)
{
	git_oid oid = {{0}};

	if (id->hex[0])
		git_oid_fromstr(&oid, id->hex);
	return oid;
}

bool vcs_id_parse(struct view text, struct vcs_id *ret)
{
	struct vcs_id id = {""};

	if (text.len != 40)
		return false;
	for (size_t i = 0; i < 40; i++) {
		if (!isxdigit((unsigned char)text.p[i]))
			return false;
		id.hex[i] = (char)tolower((unsigned char)text.p[i]);
	}
	if (ret)
		*ret = id;
	return true;
}

bool vcs_id_is_zero(const struct vcs_id *id)
{
	return id->hex[strspn(id->hex, "0")] == '\0';
}

bool vcs_id_eq(const struct vcs_id *a, const struct vcs_id *b)
{
	return strcmp(a->hex, b->hex) == 0;
}
