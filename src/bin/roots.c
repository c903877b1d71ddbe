/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/roots.h"

#include <dirent.h>
#include <errno.h>

#include "base/mem.h"

typedef int root_fn(
	const struct roots_visitor *v, const char *id, const char *dir, struct err *err);

static int visit_root(
	const struct roots_visitor *v, const char *id, const char *dir, struct err *err)
{
	return v->root(v->arg, id, dir, err);
}

/* What of a folder is named so; a missing one holds nothing. */
static int each(const char *folder, const char *prefix, root_fn *fn, const struct roots_visitor *v,
	struct err *err)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : err_errno(err, errno, "cannot open %s", folder);
	while (r == 0 && (e = readdir(dir))) {
		char *path CLEANUP(freep) = xasprintf("%s/%s", folder, e->d_name);

		if (starts_with(e->d_name, prefix))
			r = fn(v, e->d_name, path, err);
	}
	closedir(dir);
	return r;
}

static int visit_task(
	const struct roots_visitor *v, const char *id, const char *dir, struct err *err)
{
	if (each(dir, "t-", visit_root, v, err) < 0)
		return -1;
	return v->task ? v->task(v->arg, id, dir, err) : 0;
}

int roots_visit(const char *data_dir, const struct roots_visitor *v, struct err *err)
{
	char *fleet CLEANUP(freep) = xasprintf("%s/fleet", data_dir);

	return each(fleet, "i-", visit_root, v, err) < 0 ? -1
							 : each(fleet, "t-", visit_task, v, err);
}
