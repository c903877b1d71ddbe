/* SPDX-License-Identifier: Apache-2.0 */
/* Files inside the artifacts that an action gets. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/path.h"
#include "codec/archive.h"
#include "provider/action_world.h"

static const struct action_artifact *find(const struct action_run *run, const char *name)
{
	for (size_t i = 0; i < run->n_inputs; i++)
		if (!name || streq(run->inputs[i].name, name))
			return &run->inputs[i];
	return NULL;
}

static int read_in(const struct action_artifact *in, const char *dir, const char *path,
	size_t limit, struct str *ret, struct err *err)
{
	char *file CLEANUP(freep) = path_join(dir, path);
	CLEANUP_FD int fd = open(file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND, "Did not find the file %s in the artifact %s",
			path, in->name);
	if (fd_read_all(fd, limit, ret, err) < 0)
		return err_wrap(err, "the file %s of the artifact %s", path, in->name);
	return 0;
}

static int unpack(const struct action_world *w, const struct action_run *run,
	const struct action_artifact *in, const char *dir, struct err *err)
{
	CLEANUP_FD int fd = -1;
	struct artifact_object object;

	if (artifact_open(w->artifact, in->bucket, in->key, NULL, run->arena, &object, &fd, err) <
			0 ||
		file_make_dirs(dir, 0700, err) < 0 ||
		archive_unpack(ARCHIVE_KIND_AUTO, fd, dir, NULL, NULL, err) < 0)
		return err_wrap(err, "input artifact %s", in->name);
	return 0;
}

int action_artifact_text(const struct action_world *w, const struct action_run *run,
	const char *artifact, const char *path, size_t limit, struct str *ret, struct err *err)
{
	const struct action_artifact *in = find(run, artifact);
	char *dir CLEANUP(freep) = xasprintf("%s/actions/%s", w->data_dir, run->id);
	int rc;

	if (!in)
		return err_set(err, ERR_NOT_FOUND, "The action has no input artifact %s",
			artifact ? artifact : "");
	if (!path_is_inside(path))
		return err_set(err, ERR_INVALID, "The path %s leads out of the artifact %s", path,
			in->name);
	if (file_remove_tree(dir, err) < 0)
		return -1;
	rc = unpack(w, run, in, dir, err);
	if (rc == 0)
		rc = read_in(in, dir, path, limit, ret, err);
	file_remove_tree(dir, NULL);
	return rc;
}
