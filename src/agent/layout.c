/* SPDX-License-Identifier: Apache-2.0 */
/* Where the agent keeps things below its root folder. */
#include "agent/layout.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"

#define MARKER_LIMIT 4096

const char *layout_deployment_dir(const struct agent_layout *l)
{
	return arena_printf(l->a, "%s/%s/%s", l->root, l->group_id, l->deployment_id);
}

const char *layout_bundle(const struct agent_layout *l)
{
	return arena_printf(l->a, "%s/bundle.tar", layout_deployment_dir(l));
}

const char *layout_archive(const struct agent_layout *l)
{
	return arena_printf(l->a, "%s/deployment-archive", layout_deployment_dir(l));
}

const char *layout_log(const struct agent_layout *l)
{
	return arena_printf(l->a, "%s/logs/scripts.log", layout_deployment_dir(l));
}

const char *layout_instructions_dir(const struct agent_layout *l)
{
	return arena_printf(l->a, "%s/deployment-instructions", l->root);
}

static const char *instructions(const struct agent_layout *l, const char *suffix)
{
	return arena_printf(l->a, "%s/%s%s", layout_instructions_dir(l), l->group_id, suffix);
}

const char *layout_install_json(const struct agent_layout *l)
{
	return instructions(l, "-install.json");
}

const char *layout_cleanup(const struct agent_layout *l)
{
	return instructions(l, "-cleanup");
}

const char *layout_last_successful(const struct agent_layout *l)
{
	return instructions(l, "_last_successful_install");
}

const char *layout_most_recent(const struct agent_layout *l)
{
	return instructions(l, "_most_recent_install");
}

const char *layout_read_marker(const struct agent_layout *l, const char *marker)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct view v;

	if (file_read(marker, MARKER_LIMIT, &text, NULL) < 0)
		return NULL;
	v = view_trim(str_view(&text));
	return v.len ? arena_view_dup(l->a, v) : NULL;
}

int layout_write_marker(const struct agent_layout *l, const char *marker, struct err *err)
{
	if (file_make_dirs(layout_instructions_dir(l), 0755, err) < 0)
		return -1;
	return file_write_atomic(marker, view_of(layout_deployment_dir(l)), 0644, err);
}

bool layout_id_ok(const char *id)
{
	return id && *id && *id != '.' && !strchr(id, '/') && strlen(id) <= 128;
}

/* ---- pruning ---- */

struct old {
	char *path;
	struct timespec time;
};

static int by_age(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	if (x->time.tv_sec != y->time.tv_sec)
		return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
	return (x->time.tv_nsec > y->time.tv_nsec) - (x->time.tv_nsec < y->time.tv_nsec);
}

struct olds {
	VEC(struct old) list;
};

static void olds_release(struct olds *o)
{
	vec_foreach (it, &o->list)
		free(it->path);
	vec_release(&o->list);
}

static int gather(const struct agent_layout *l, struct olds *olds, struct err *err)
{
	const char *dir = arena_printf(l->a, "%s/%s", l->root, l->group_id);
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return errno == ENOENT ? 0 : err_errno(err, errno, "%s", dir);
	while ((entry = readdir(d))) {
		struct stat st;
		char *path;

		if (entry->d_name[0] == '.' || streq(entry->d_name, l->deployment_id))
			continue;
		path = xasprintf("%s/%s", dir, entry->d_name);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			vec_push(&olds->list, (struct old){path, st.st_mtim});
		else
			free(path);
	}
	closedir(d);
	return 0;
}

int layout_prune(const struct agent_layout *l, int keep, struct err *err)
{
	const char *last = layout_read_marker(l, layout_last_successful(l));
	struct olds olds CLEANUP(olds_release) = {0};
	size_t stay = (size_t)MAX(keep - 1, 0);

	if (gather(l, &olds, err) < 0)
		return -1;
	if (olds.list.n <= stay)
		return 0;
	qsort(olds.list.v, olds.list.n, sizeof(*olds.list.v), by_age);
	for (size_t i = 0; i < olds.list.n - stay; i++)
		if (!streq(olds.list.v[i].path, last) &&
			file_remove_tree(olds.list.v[i].path, err) < 0)
			return -1;
	return 0;
}
