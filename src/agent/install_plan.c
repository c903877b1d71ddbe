/* SPDX-License-Identifier: Apache-2.0 */
/* Plans an installation: folders, copies, permissions; finds every conflict beforehand. */
#include "agent/install_plan.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"

void install_plan_release(struct install_plan *p)
{
	vec_release(&p->items);
	map_release(&p->made);
	map_release(&p->permitted);
}

static const struct install_item *made(const struct install_plan *p, const char *path)
{
	size_t n = (size_t)(uintptr_t)map_get(&p->made, path);

	return n ? &p->items.v[n - 1] : NULL;
}

static void add(
	struct install_plan *p, enum install_kind kind, const char *path, const char *source)
{
	vec_push(&p->items,
		(struct install_item){
			.kind = kind, .path = arena_strdup(p->a, path), .source = source});
	map_set(&p->made, path, (void *)(uintptr_t)p->items.n);
}

/* ---- folders ---- */

static int add_folder(struct install_plan *p, const char *path, struct err *err)
{
	const struct install_item *item = made(p, path);
	struct stat st;

	if (item && item->kind == INSTALL_MKDIR)
		return 0;
	if (item)
		return err_set(err, ERR_INVALID,
			"The deployment failed because the folder %s is to be made where the "
			"file %s goes",
			path, item->path);
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		return err_set(err, ERR_INVALID,
			"The deployment failed because a file stands where the folder %s is to be "
			"made",
			path);
	}
	add(p, INSTALL_MKDIR, path, NULL);
	return 0;
}

/* The folder and its missing parents, outermost first. */
static int add_folders(struct install_plan *p, const char *path, struct err *err)
{
	char *parent CLEANUP(freep) = xstrdup(path);
	char *slash = strrchr(parent, '/');

	if (slash && slash != parent) {
		*slash = '\0';
		if (add_folders(p, parent, err) < 0)
			return -1;
	}
	return add_folder(p, path, err);
}

/* ---- files ---- */

static int add_copy(struct install_plan *p, const char *source, const char *path,
	const char *behavior, struct err *err)
{
	const struct install_item *item = made(p, path);
	struct stat st;

	if (item)
		return err_set(err, ERR_INVALID,
			"The deployment failed because two files go to the same destination: %s",
			path);
	if (lstat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return err_set(err, ERR_INVALID,
				"The deployment failed because a folder stands where the file %s "
				"is to go",
				path);
		if (streq(behavior, "RETAIN"))
			return 0;
		if (!streq(behavior, "OVERWRITE"))
			return err_set(err, ERR_CONFLICT,
				"The deployment failed because a specified file already exists at "
				"this location: %s",
				path);
	}
	add(p, INSTALL_COPY, path, arena_strdup(p->a, source));
	return 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_tree(struct install_plan *p, const char *source, const char *destination,
	const char *behavior, struct err *err);

static int add_entry(struct install_plan *p, const char *source, const char *path,
	const char *behavior, struct err *err)
{
	struct stat st;

	if (lstat(source, &st) < 0)
		return err_errno(err, errno, "%s", source);
	if (!S_ISDIR(st.st_mode))
		return add_copy(p, source, path, behavior, err);
	if (add_folder(p, path, err) < 0)
		return -1;
	return add_tree(p, source, path, behavior, err);
}

static int add_tree(struct install_plan *p, const char *source, const char *destination,
	const char *behavior, struct err *err)
{
	struct dirent **entries;
	int n = scandir(source, &entries, NULL, by_name), failed = 0;

	if (n < 0)
		return err_errno(err, errno, "%s", source);
	for (int i = 0; i < n; i++) {
		const char *name = entries[i]->d_name;

		if (!failed && !streq(name, ".") && !streq(name, "..")) {
			char *from CLEANUP(freep) = path_join(source, name);
			char *to CLEANUP(freep) = path_join(destination, name);

			failed = add_entry(p, from, to, behavior, err);
		}
		free(entries[i]);
	}
	free(entries);
	return failed;
}

static int add_file(struct install_plan *p, const char *archive, const struct appspec_file *f,
	const char *behavior, struct err *err)
{
	const char *relative = f->source + strspn(f->source, "/\\");
	char *source CLEANUP(freep) = path_join(archive, relative);
	char *destination CLEANUP(freep) = path_normalise(f->destination);
	char *path CLEANUP(freep) = NULL;
	struct stat st;

	if (*relative && !path_is_inside(relative))
		return err_set(err, ERR_INVALID,
			"The source %s of the AppSpec file leads out of the revision", f->source);
	if (f->destination[0] != '/' || !destination)
		return err_set(err, ERR_INVALID,
			"The destination %s of the AppSpec file is no absolute path",
			f->destination);
	if (add_folders(p, destination, err) < 0)
		return -1;
	if (stat(source, &st) == 0 && S_ISDIR(st.st_mode))
		return add_tree(p, source, destination, behavior, err);
	path = path_join(destination, path_base(source));
	return add_copy(p, source, path, behavior, err);
}

int install_plan_make(struct install_plan *p, const char *archive, const struct appspec *spec,
	const char *behavior, struct err *err)
{
	for (size_t i = 0; i < spec->n_files; i++)
		if (add_file(p, archive, &spec->files[i], behavior, err) < 0)
			return -1;
	return 0;
}

/* ---- permissions ---- */

static void add_change(struct install_plan *p, enum install_kind kind, const char *path,
	const struct appspec_permission *permission)
{
	vec_push(&p->items,
		(struct install_item){.kind = kind, .path = path, .permission = permission});
}

/* Order: mode, ACL, context, owner. */
static int permit(struct install_plan *p, const char *path, const struct appspec_permission *perm,
	struct err *err)
{
	if (map_set(&p->permitted, path, p))
		return err_set(err, ERR_INVALID,
			"The deployment failed because the permissions setting for (%s) is "
			"specified more than once in the application specification file.",
			path);
	if (perm->mode)
		add_change(p, INSTALL_CHMOD, path, perm);
	if (perm->n_acls)
		add_change(p, INSTALL_SETFACL, path, perm);
	if (perm->context_type)
		add_change(p, INSTALL_CONTEXT, path, perm);
	if (perm->owner || perm->group)
		add_change(p, INSTALL_CHOWN, path, perm);
	return 0;
}

static bool excepted(const struct appspec_permission *perm, const char *name)
{
	for (size_t i = 0; i < perm->n_except; i++)
		if (appspec_glob(perm->except[i], name))
			return true;
	return false;
}

static int permit_below(struct install_plan *p, const char *object,
	const struct appspec_permission *perm, size_t n_made, struct err *err)
{
	size_t len = strlen(object);

	for (size_t i = 0; i < n_made; i++) {
		const struct install_item item = p->items.v[i];
		const char *name = item.path + len + 1;

		if (strncmp(item.path, object, len) != 0 || item.path[len] != '/')
			continue;
		if (item.kind == INSTALL_MKDIR ? !perm->directories : !perm->files)
			continue;
		if (!streq(perm->pattern, "**") && !appspec_glob(perm->pattern, name))
			continue;
		if (!excepted(perm, name) && permit(p, item.path, perm, err) < 0)
			return -1;
	}
	return 0;
}

static int check_file_entry(const struct appspec_permission *perm, struct err *err)
{
	if (!streq(perm->pattern, "**") || perm->n_except)
		return err_set(err, ERR_INVALID,
			"The permissions for the file %s cannot have a pattern or exceptions",
			perm->object);
	for (size_t i = 0; i < perm->n_acls; i++)
		if (perm->acls[i].is_default)
			return err_set(err, ERR_INVALID,
				"The permissions for the file %s cannot have a default ACL",
				perm->object);
	return 0;
}

int install_plan_permit(struct install_plan *p, const struct appspec *spec, struct err *err)
{
	size_t n_made = p->items.n;

	for (size_t i = 0; i < spec->n_permissions; i++) {
		const struct appspec_permission *perm = &spec->permissions[i];
		char *object CLEANUP(freep) = path_normalise(perm->object);
		const struct install_item *item = object ? made(p, object) : NULL;

		if (!object)
			return err_set(err, ERR_INVALID, "The object %s of a permission is no path",
				perm->object);
		if (item && item->kind == INSTALL_COPY) {
			const char *path = item->path;

			if (perm->files &&
				(check_file_entry(perm, err) < 0 || permit(p, path, perm, err) < 0))
				return -1;
		} else if (permit_below(p, object, perm, n_made, err) < 0) {
			return -1;
		}
	}
	return 0;
}
