/* SPDX-License-Identifier: Apache-2.0 */
#include "source/file_set.h"

#include "base/mem.h"

#define CONTENT_MAX ((size_t)7 * MIB) /* of all files of a commit */
#define KEEP_FILE ".gitkeep"

void file_set_release(struct file_set *s)
{
	map_release(&s->paths);
	vec_release(&s->changes);
}

int file_set_mode(const char *name, uint32_t dflt, uint32_t *ret, struct err *err)
{
	static const struct {
		const char *name;
		uint32_t mode;
	} modes[] = {
		{CODECOMMIT_FILE_MODE_TYPE_ENUM_NORMAL, VCS_MODE_FILE},
		{CODECOMMIT_FILE_MODE_TYPE_ENUM_EXECUTABLE, VCS_MODE_EXECUTABLE},
		{CODECOMMIT_FILE_MODE_TYPE_ENUM_SYMLINK, VCS_MODE_SYMLINK},
	};

	*ret = dflt;
	if (!name || !*name)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (streq(modes[i].name, name)) {
			*ret = modes[i].mode;
			return 0;
		}
	}
	return err_set_wire(err, "InvalidFileModeException",
		"%s is not a file mode: give NORMAL, EXECUTABLE or SYMLINK.", name);
}

static int lookup(struct file_set *s, const char *path, struct vcs_entry *ret, struct err *err)
{
	*ret = (struct vcs_entry){.mode = 0};
	if (vcs_id_is_zero(&s->base))
		return 0;
	return vcs_tree_find(s->git, &s->base, path, s->arena, ret, err) < 0 ? -1 : 0;
}

/* Starts a change of a path, with what stands there now. */
static int add(struct file_set *s, const char *path, struct file_change **ret, struct err *err)
{
	struct file_change c = {.path = path};

	if (source_check_path(path, err) < 0)
		return -1;
	if (map_set(&s->paths, path, s))
		return err_set_wire(err, "SamePathRequestException",
			"The path %s is named more than once in this request.", path);
	if (lookup(s, path, &c.before, err) < 0)
		return -1;
	vec_push(&s->changes, c);
	*ret = &s->changes.v[s->changes.n - 1];
	return 0;
}

static int need_file(const struct vcs_entry *e, const char *path, struct err *err)
{
	if (e->mode == 0 || e->mode == VCS_MODE_TREE || e->mode == VCS_MODE_SUBMODULE)
		return err_set_wire(err, "FileDoesNotExistException",
			"There is no file %s in the parent commit.", path);
	return 0;
}

int file_set_put(
	struct file_set *s, const char *path, struct view content, uint32_t mode, struct err *err)
{
	struct file_change *c;

	s->bytes += content.len;
	if (content.len > SOURCE_FILE_MAX)
		return err_set_wire(err, "FileContentSizeLimitExceededException",
			"The file %s has %zu bytes; %zu can be sent. Use git for larger files.",
			path, content.len, SOURCE_FILE_MAX);
	if (s->bytes > CONTENT_MAX)
		return err_set_wire(err, "FolderContentSizeLimitExceededException",
			"The files of this commit have more than %zu bytes. Use several commits, "
			"or "
			"git.",
			CONTENT_MAX);
	if (source_check_depth(path, err) < 0 || add(s, path, &c, err) < 0)
		return -1;
	c->mode = mode;
	return vcs_blob_write(s->git, content, &c->blob, err);
}

int file_set_copy(struct file_set *s, const char *path, const char *from, bool move, uint32_t mode,
	struct err *err)
{
	struct vcs_entry source;
	struct file_change *c;

	if (source_check_path(from, err) < 0 || source_check_depth(path, err) < 0 ||
		lookup(s, from, &source, err) < 0)
		return -1;
	if (ends_with(from, KEEP_FILE))
		return err_set_wire(err, "RestrictedSourceFileException",
			"%s keeps an empty folder and cannot be copied or moved.", from);
	if (need_file(&source, from, err) < 0 || add(s, path, &c, err) < 0)
		return -1;
	c->mode = mode ? mode : source.mode;
	c->blob = source.id;
	return move ? file_set_delete(s, from, err) : 0;
}

int file_set_delete(struct file_set *s, const char *path, struct err *err)
{
	struct file_change *c;

	if (add(s, path, &c, err) < 0)
		return -1;
	return need_file(&c->before, path, err);
}

int file_set_chmod(struct file_set *s, const char *path, uint32_t mode, struct err *err)
{
	struct file_change *c;

	if (add(s, path, &c, err) < 0 || need_file(&c->before, path, err) < 0)
		return -1;
	c->mode = mode;
	c->blob = c->before.id;
	return 0;
}

/* ---- conflicts ---- */

static bool is_deleted(const struct file_set *s, const char *path)
{
	vec_foreach (c, &s->changes)
		if (!c->mode && streq(c->path, path))
			return true;
	return false;
}

static bool is_put(const struct file_set *s, const char *path)
{
	vec_foreach (c, &s->changes)
		if (c->mode && streq(c->path, path))
			return true;
	return false;
}

/* A folder of the path that is a file, in the request or in the tree. */
static int check_folder(
	struct file_set *s, const struct file_change *c, const char *folder, struct err *err)
{
	struct vcs_entry e;

	if (is_put(s, folder))
		return err_set_wire(err, "PutFileEntryConflictException",
			"%s is a file and a folder (of %s) in this request.", folder, c->path);
	if (lookup(s, folder, &e, err) < 0)
		return -1;
	if (e.mode == VCS_MODE_SUBMODULE)
		return err_set_wire(err, "FilePathConflictsWithSubmodulePathException",
			"%s is a submodule, so %s cannot be put there.", folder, c->path);
	if (e.mode && e.mode != VCS_MODE_TREE && !is_deleted(s, folder))
		return err_set_wire(err, "DirectoryNameConflictsWithFileNameException",
			"%s is a file, so %s cannot be put there.", folder, c->path);
	return 0;
}

/* Whether the changes delete every file below the folder. */
static int is_emptied(struct file_set *s, const char *folder, const struct vcs_id *tree, bool *ret,
	struct err *err)
{
	struct vcs_entry *entries;
	size_t n;

	*ret = false;
	if (vcs_tree_read(s->git, tree, s->arena, &entries, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const char *path = arena_printf(s->arena, "%s/%s", folder, entries[i].name);
		bool gone = is_deleted(s, path);

		if (entries[i].mode == VCS_MODE_TREE &&
			is_emptied(s, path, &entries[i].id, &gone, err) < 0)
			return -1;
		if (!gone)
			return 0;
	}
	*ret = true;
	return 0;
}

/* A file where a folder is: only in place of all that is in it. */
static int check_place(struct file_set *s, const struct file_change *c, struct err *err)
{
	bool emptied;

	if (is_emptied(s, c->path, &c->before.id, &emptied, err) < 0)
		return -1;
	if (!emptied)
		return err_set_wire(err, "FileNameConflictsWithDirectoryNameException",
			"%s is a folder.", c->path);
	return 0;
}

static int check_change(struct file_set *s, const struct file_change *c, struct err *err)
{
	if (!c->mode)
		return 0;
	if (c->before.mode == VCS_MODE_SUBMODULE)
		return err_set_wire(err, "FilePathConflictsWithSubmodulePathException",
			"%s is a submodule.", c->path);
	if (c->before.mode == VCS_MODE_TREE && check_place(s, c, err) < 0)
		return -1;
	for (const char *p = strchr(c->path, '/'); p; p = strchr(p + 1, '/')) {
		char *folder = arena_strndup(s->arena, c->path, (size_t)(p - c->path));

		if (check_folder(s, c, folder, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- folders that become empty ---- */

/* Whether the folder keeps nothing after the changes. */
static int becomes_empty(struct file_set *s, const char *folder, bool *ret, struct err *err)
{
	struct vcs_entry tree, *entries;
	size_t n, len = strlen(folder);

	*ret = false;
	vec_foreach (c, &s->changes)
		if (c->mode && starts_with(c->path, folder) && c->path[len] == '/') {
			return 0;
		}
	if (lookup(s, folder, &tree, err) < 0 ||
		vcs_tree_read(s->git, &tree.id, s->arena, &entries, &n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!is_deleted(s, arena_printf(s->arena, "%s/%s", folder, entries[i].name)))
			return 0;
	*ret = true;
	return 0;
}

/* Whether a file takes the place of the folder, or of one above it. */
static bool is_replaced(const struct file_set *s, const char *folder)
{
	vec_foreach (c, &s->changes) {
		size_t n = strlen(c->path);

		if (c->mode && strncmp(folder, c->path, n) == 0 &&
			(folder[n] == '/' || folder[n] == '\0'))
			return true;
	}
	return false;
}

static int keep_folders(struct file_set *s, struct err *err)
{
	size_t n = s->changes.n;

	for (size_t i = 0; i < n; i++) {
		const struct file_change *c = &s->changes.v[i];
		const char *slash = strrchr(c->path, '/');
		char *folder, *keep;
		bool empty;

		if (c->mode || !slash)
			continue;
		folder = arena_strndup(s->arena, c->path, (size_t)(slash - c->path));
		keep = arena_printf(s->arena, "%s/" KEEP_FILE, folder);
		if (map_has(&s->paths, keep) || is_replaced(s, folder))
			continue;
		if (becomes_empty(s, folder, &empty, err) < 0 ||
			(empty && file_set_put(s, keep, VIEW(""), VCS_MODE_FILE, err) < 0))
			return -1;
	}
	return 0;
}

/* ---- the tree ---- */

static int edit(struct file_set *s, bool removals, struct vcs_id *tree, struct err *err)
{
	struct vcs_edit *edits = arena_new_n(s->arena, s->changes.n, struct vcs_edit);
	size_t n = 0;

	vec_foreach (c, &s->changes)
		if ((c->mode == 0) == removals)
			edits[n++] = (struct vcs_edit){c->path, c->mode, c->blob};
	return n ? vcs_tree_edit(s->git, tree, edits, n, tree, err) : 0;
}

int file_set_write(struct file_set *s, struct vcs_id *ret_tree, struct err *err)
{
	vec_foreach (c, &s->changes)
		if (check_change(s, c, err) < 0)
			return -1;
	if (s->keep_empty_folders && keep_folders(s, err) < 0)
		return -1;
	*ret_tree = s->base;
	/* Removals first, so that a file can take the place of a folder and the other way round. */
	if (edit(s, true, ret_tree, err) < 0)
		return -1;
	return edit(s, false, ret_tree, err);
}
