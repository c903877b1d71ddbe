/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent is at, on disk. */
#include "agent/tracking.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"

#define RECORD_LIMIT (64 * KIB)
#define STALE_SEC (24 * 3600)

static char *folder(const struct agent_config *c)
{
	return xasprintf("%s/ongoing-deployment", c->root_dir);
}

static char *file(const struct agent_config *c, const struct towpath_agent_command *record)
{
	return xasprintf("%s/ongoing-deployment/%s", c->root_dir, record->deployment_id);
}

int tracking_write(
	const struct agent_config *c, const struct towpath_agent_command *record, struct err *err)
{
	char *dir CLEANUP(freep) = folder(c), *path CLEANUP(freep) = file(c, record);
	struct str json CLEANUP_STR = STR_INIT;

	wire_encode_json(&towpath_agent_command_shape, record, &json);
	if (file_make_dirs(dir, 0755, err) < 0)
		return -1;
	return file_write_atomic(path, str_view(&json), 0600, err);
}

int tracking_remove(
	const struct agent_config *c, const struct towpath_agent_command *record, struct err *err)
{
	char *path CLEANUP(freep) = file(c, record);

	if (unlink(path) < 0 && errno != ENOENT)
		return err_errno(err, errno, "%s", path);
	return 0;
}

/* The stock agent's records are the command's id alone: it was started. */
static void read_record(
	const char *name, struct view text, struct arena *a, struct towpath_agent_command *ret)
{
	*ret = (struct towpath_agent_command){0};
	if (wire_decode_json(&towpath_agent_command_shape, text, a, ret, NULL) == 0 &&
		ret->host_command_identifier && ret->deployment_id)
		return;
	*ret = (struct towpath_agent_command){
		.host_command_identifier = arena_view_dup(a, view_trim(text)),
		.deployment_id = arena_strdup(a, name),
		.status = TRACKING_STARTED};
}

int tracking_load(
	const struct agent_config *c, struct arena *a, struct tracking_list *ret, struct err *err)
{
	char *dir CLEANUP(freep) = folder(c);
	VEC(struct towpath_agent_command) all = {0};
	DIR *d = opendir(dir);
	struct dirent *entry;

	*ret = (struct tracking_list){0};
	if (!d)
		return errno == ENOENT ? 0 : err_errno(err, errno, "%s", dir);
	while ((entry = readdir(d))) {
		char *path CLEANUP(freep) = xasprintf("%s/%s", dir, entry->d_name);
		struct str text CLEANUP_STR = STR_INIT;
		struct towpath_agent_command one;
		struct stat st;

		if (entry->d_name[0] == '.' || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		if (st.st_mtime < time(NULL) - STALE_SEC) {
			unlink(path);
			continue;
		}
		if (file_read(path, RECORD_LIMIT, &text, NULL) < 0 || !text.len)
			continue;
		read_record(entry->d_name, str_view(&text), a, &one);
		vec_push(&all, one);
	}
	closedir(d);
	ret->v = arena_new_n(a, all.n + 1, struct towpath_agent_command);
	ret->n = all.n;
	if (all.n)
		memcpy(ret->v, all.v, all.n * sizeof(*all.v));
	vec_release(&all);
	return 0;
}
