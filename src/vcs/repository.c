/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/repository.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/path.h"
#include "base/vec.h"
#include "vcs/git2.h"

/* Rules of git fsck that old but honest histories break are not enforced. */
static const char config_text[] = "[core]\n"
				  "\trepositoryformatversion = 0\n"
				  "\tfilemode = true\n"
				  "\tbare = true\n"
				  "\tfsync = all\n"
				  "\tfsyncMethod = batch\n"
				  "\thooksPath = /dev/null\n"
				  "\tbigFileThreshold = 16m\n"
				  "\tdeltaBaseCacheLimit = 32m\n"
				  "\tlogAllRefUpdates = false\n"
				  "[receive]\n"
				  "\tfsckObjects = true\n"
				  "\tautogc = false\n"
				  "\tdenyDeleteCurrent = refuse\n"
				  "\tadvertiseAtomic = true\n"
				  "\tadvertisePushOptions = false\n"
				  "\tmaxInputSize = 16g\n"
				  "[towpath]\n"
				  "\tmaxFileSize = 2g\n"
				  "[receive \"fsck\"]\n"
				  "\tbadTimezone = ignore\n"
				  "\tmissingSpaceBeforeDate = ignore\n"
				  "\tzeroPaddedFilemode = ignore\n"
				  "[uploadpack]\n"
				  "\tallowFilter = true\n"
				  "[gc]\n"
				  "\tauto = 0\n"
				  "[maintenance]\n"
				  "\tauto = false\n"
				  "[pack]\n"
				  "\tthreads = 1\n"
				  "\twindowMemory = 64m\n"
				  "\tdeltaCacheSize = 64m\n";

/* git archive would leave out or rewrite files that the repository's own attributes name. */
static const char attributes_text[] =
	"* -export-ignore -export-subst -text -eol -ident -filter -working-tree-encoding\n";

static const struct {
	const char *name, *text;
} files[] = {
	{"config", config_text},
	{"info/attributes", attributes_text},
	{"description", "A repository of Towpath.\n"},
	/* Last: a folder without HEAD is no repository. */
	{"HEAD", "ref: refs/heads/main\n"},
};

int vcs_repository_create(const char *path, struct err *err)
{
	static const char *const dirs[] = {
		"objects/pack", "objects/info", "refs/heads", "refs/tags", "info"};

	if (file_exists(path))
		return err_set(err, ERR_CONFLICT, "cannot make a repository: %s exists", path);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		CLEANUP(freep) char *dir = path_join(path, dirs[i]);

		if (file_make_dirs(dir, 0755, err) < 0)
			return err_wrap(err, "cannot make a repository");
	}
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(freep) char *file = path_join(path, files[i].name);

		if (file_write_atomic(file, view_of(files[i].text), 0644, err) < 0)
			return err_wrap(err, "cannot make a repository");
	}
	{
		CLEANUP(freep) char *parent = xstrndup(path, (size_t)(path_base(path) - path));

		return file_sync_dir(*parent ? parent : ".", err);
	}
}

int vcs_repository_open(const char *path, struct vcs_repository **ret, struct err *err)
{
	git_repository *git = NULL;
	int rc;

	vcs_git2_init();
	rc = git_repository_open_ext(
		&git, path, GIT_REPOSITORY_OPEN_NO_SEARCH | GIT_REPOSITORY_OPEN_BARE, NULL);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot open repository %s", path);
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->git = git;
	(*ret)->path = xstrdup(path);
	return 0;
}

struct vcs_repository *vcs_repository_close(struct vcs_repository *r)
{
	if (r) {
		git_repository_free(r->git);
		free(r->path);
		free(r);
	}
	return NULL;
}

const char *vcs_repository_path(const struct vcs_repository *r)
{
	return r->path;
}

bool vcs_ref_name_valid(const char *full_name)
{
	int valid = 0;

	vcs_git2_init();
	return starts_with(full_name, "refs/") &&
	       git_reference_name_is_valid(&valid, full_name) == 0 && valid;
}

int vcs_ref_get(
	struct vcs_repository *r, const char *full_name, struct vcs_id *ret, struct err *err)
{
	git_oid oid;
	int rc = git_reference_name_to_id(&oid, r->git, full_name);

	if (rc == GIT_ENOTFOUND)
		return 0;
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot read reference %s", full_name);
	*ret = vcs_id_of(&oid);
	return 1;
}

static int ref_delete(struct vcs_repository *r, const char *full_name, const struct vcs_id *before,
	struct err *err)
{
	CLEANUP(git_reference_freep) git_reference *ref = NULL;
	struct vcs_id now;
	int rc = git_reference_lookup(&ref, r->git, full_name);

	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot delete reference %s", full_name);
	now = vcs_id_of(git_reference_target(ref));
	if (!vcs_id_eq(&now, before))
		return err_set(err, ERR_CONFLICT, "reference %s has changed", full_name);
	/* Compares with the value that was read. */
	rc = git_reference_delete(ref);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot delete reference %s", full_name);
	return 0;
}

/* Whether a part of the name is a reference, or the name a folder of references. */
static bool collides(struct vcs_repository *r, const char *full_name, struct err *err)
{
	CLEANUP(git_reference_iterator_freep) git_reference_iterator *it = NULL;
	CLEANUP(freep) char *below = xasprintf("%s/*", full_name);
	const char *other = NULL;
	git_oid oid;

	for (const char *p = strchr(full_name, '/'); p; p = strchr(p + 1, '/')) {
		CLEANUP(freep) char *part = xstrndup(full_name, (size_t)(p - full_name));

		if (starts_with(part, "refs/") &&
			git_reference_name_to_id(&oid, r->git, part) == 0) {
			err_set(err, ERR_CONFLICT, "%s is in the way of %s", part, full_name);
			return true;
		}
	}
	if (git_reference_iterator_glob_new(&it, r->git, below) < 0 ||
		git_reference_next_name(&other, it) < 0)
		return false;
	err_set(err, ERR_CONFLICT, "%s is in the way of %s", other, full_name);
	return true;
}

int vcs_ref_sync_folders(const char *path, const char *full_name, struct err *err)
{
	CLEANUP(freep) char *folder = path_join(path, full_name);
	size_t top = strlen(path) + strlen("/refs");
	char *slash;

	/* One that became empty with a deletion is gone. */
	while ((slash = strrchr(folder, '/')) && (size_t)(slash - folder) >= top) {
		*slash = '\0';
		if (file_exists(folder) && file_sync_dir(folder, err) < 0)
			return -1;
	}
	return 0;
}

/* New folders of loose objects last. */
static int sync_objects_folder(struct vcs_repository *r, struct err *err)
{
	CLEANUP(freep) char *folder = path_join(r->path, "objects");

	return file_sync_dir(folder, err);
}

int vcs_ref_update(struct vcs_repository *r, const char *full_name, const struct vcs_id *before,
	const struct vcs_id *after, struct err *err)
{
	CLEANUP(git_reference_freep) git_reference *ref = NULL;
	git_oid new_oid = vcs_oid_of(after), old_oid = vcs_oid_of(before);
	int rc;

	if (vcs_id_is_zero(after))
		return ref_delete(r, full_name, before, err) < 0
			       ? -1
			       : vcs_ref_sync_folders(r->path, full_name, err);
	if (sync_objects_folder(r, err) < 0)
		return -1;
	if (vcs_id_is_zero(before) && collides(r, full_name, err))
		return -1;
	if (vcs_id_is_zero(before))
		rc = git_reference_create(&ref, r->git, full_name, &new_oid, 0, NULL);
	else
		rc = git_reference_create_matching(
			&ref, r->git, full_name, &new_oid, 1, &old_oid, NULL);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot set reference %s", full_name);
	/* libgit2 has synced the folder itself, but not those above, which may be new. */
	return vcs_id_is_zero(before) ? vcs_ref_sync_folders(r->path, full_name, err) : 0;
}

static int ref_compare(const void *a, const void *b)
{
	const struct vcs_ref *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int vcs_refs_list(struct vcs_repository *r, const char *prefix, struct arena *a,
	struct vcs_ref **ret, size_t *ret_n, struct err *err)
{
	CLEANUP(git_reference_iterator_freep) git_reference_iterator *it = NULL;
	CLEANUP(freep) char *glob = xasprintf("%s*", prefix);
	VEC(struct vcs_ref) refs = {0};
	int rc = git_reference_iterator_glob_new(&it, r->git, glob);

	while (rc == 0) {
		CLEANUP(git_reference_freep) git_reference *ref = NULL;

		rc = git_reference_next(&ref, it);
		if (rc == 0 && git_reference_type(ref) == GIT_REFERENCE_DIRECT)
			vec_push(&refs, (struct vcs_ref){arena_strdup(a, git_reference_name(ref)),
						vcs_id_of(git_reference_target(ref))});
	}
	if (rc != GIT_ITEROVER) {
		vec_release(&refs);
		return vcs_git2_err(err, rc, "cannot list the references of %s", r->path);
	}
	*ret = arena_new_n(a, refs.n, struct vcs_ref);
	*ret_n = refs.n;
	if (refs.n) {
		memcpy(*ret, refs.v, refs.n * sizeof(*refs.v));
		qsort(*ret, refs.n, sizeof(**ret), ref_compare);
	}
	vec_release(&refs);
	return 0;
}

int vcs_has_branches(struct vcs_repository *r, struct err *err)
{
	CLEANUP(git_reference_iterator_freep) git_reference_iterator *it = NULL;
	const char *name;
	int rc = git_reference_iterator_glob_new(&it, r->git, "refs/heads/*");

	if (rc == 0)
		rc = git_reference_next_name(&name, it);
	if (rc < 0 && rc != GIT_ITEROVER)
		return vcs_git2_err(err, rc, "cannot list the references of %s", r->path);
	return rc == 0;
}

int vcs_head_set(struct vcs_repository *r, const char *full_name, struct err *err)
{
	CLEANUP(freep) char *path = path_join(r->path, "HEAD");
	CLEANUP(freep) char *text = xasprintf("ref: %s\n", full_name);
	CLEANUP_STR struct str now = STR_INIT;

	if (file_read(path, 4 * KIB, &now, NULL) == 0 && view_eq(str_view(&now), view_of(text)))
		return 0;
	return file_write_atomic(path, view_of(text), 0644, err);
}
