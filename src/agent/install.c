/* SPDX-License-Identifier: Apache-2.0 */
/* The Install event. */
#include "agent/install.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/install_plan.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/spawn.h"
#include "towpath.gen.h"

#define CLEANUP_LIMIT (64 * MIB)

/* ---- what the last revision left ---- */

static int remove_path(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_errno(err, errno, "%s", path);
	if (S_ISDIR(st.st_mode)) {
		if (rmdir(path) < 0 && errno != ENOTEMPTY && errno != EEXIST && errno != EBUSY)
			return err_errno(err, errno, "%s", path);
		return 0;
	}
	if (unlink(path) < 0)
		return err_errno(err, errno, "%s", path);
	return 0;
}

static int undo_line(struct view line, struct err *err)
{
	char *path CLEANUP(freep) = NULL;

	if (line.len > 9 && memcmp(line.p, "semanage\0", 9) == 0) {
		path = xstrndup(line.p + 9, line.len - 9);
		return spawn_check(
			(const char *const[]){"semanage", "fcontext", "-d", path, NULL}, NULL, err);
	}
	if (!line.len || line.p[0] != '/')
		return 0;
	path = xstrndup(line.p, line.len);
	return remove_path(path, err);
}

/* Lines in reverse; one that was not written to its end does not count. */
static int clean_up(const char *path, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	size_t end, start;

	if (!file_exists(path))
		return 0;
	if (file_read(path, CLEANUP_LIMIT, &text, err) < 0)
		return -1;
	for (end = text.len; end > 0 && text.p[end - 1] != '\n'; end--)
		;
	for (; end > 0; end = start) {
		start = end - 1;
		while (start > 0 && text.p[start - 1] != '\n')
			start--;
		if (undo_line((struct view){text.p + start, end - 1 - start}, err) < 0)
			return -1;
	}
	if (unlink(path) < 0)
		return err_errno(err, errno, "%s", path);
	return 0;
}

/* ---- the instructions, for people and for the stock agent ---- */

static void describe(const struct install_item *item, struct towpath_agent_instruction *out)
{
	static const char *const types[] = {
		"mkdir", "copy", "chmod", "setfacl", "semanage", "chown"};
	const struct appspec_permission *p = item->permission;

	out->type = types[item->kind];
	if (item->kind == INSTALL_MKDIR) {
		out->directory = item->path;
	} else if (item->kind == INSTALL_COPY) {
		out->source = item->source;
		out->destination = item->path;
	} else {
		out->file = item->path;
		out->mode = item->kind == INSTALL_CHMOD ? p->mode : NULL;
		out->owner = item->kind == INSTALL_CHOWN ? p->owner : NULL;
		out->group = item->kind == INSTALL_CHOWN ? p->group : NULL;
	}
}

static int write_instructions(
	const struct agent_layout *l, const struct install_plan *plan, struct err *err)
{
	struct towpath_agent_instructions all = {0};
	struct str json CLEANUP_STR = STR_INIT;

	wire_list_alloc(l->a, &all.instructions, plan->items.n);
	for (size_t i = 0; i < plan->items.n; i++)
		describe(&plan->items.v[i], &all.instructions.v[i]);
	wire_encode_json(&towpath_agent_instructions_shape, &all, &json);
	return file_write_atomic(layout_install_json(l), str_view(&json), 0644, err);
}

/* ---- running ---- */

static int note(int fd, const char *prefix, size_t n_prefix, const char *path, struct err *err)
{
	struct str line CLEANUP_STR = STR_INIT;

	str_add_n(&line, prefix, n_prefix);
	str_add(&line, path);
	str_add_c(&line, '\n');
	return fd_write_all(fd, line.p, line.len, err);
}

/* A copy is noted before it is made, a folder after. */
static int run_item(const struct install_item *item, int cleanup_fd, struct err *err)
{
	if (item->kind == INSTALL_COPY && note(cleanup_fd, "", 0, item->path, err) < 0)
		return -1;
	if (install_run_item(item, err) < 0)
		return -1;
	if (item->kind == INSTALL_MKDIR)
		return note(cleanup_fd, "", 0, item->path, err);
	if (item->kind == INSTALL_CONTEXT)
		return note(cleanup_fd, "semanage", sizeof("semanage"), item->path, err);
	return 0;
}

static int run_plan(const struct agent_layout *l, const struct install_plan *plan, struct err *err)
{
	const char *path = layout_cleanup(l);
	int fd CLEANUP_FD = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	for (size_t i = 0; i < plan->items.n; i++)
		if (run_item(&plan->items.v[i], fd, err) < 0)
			return -1;
	return 0;
}

int agent_install(const struct agent_layout *l, const struct appspec *spec, const char *behavior,
	struct err *err)
{
	struct install_plan plan CLEANUP(install_plan_release) = {.a = l->a};

	if (spec->file_exists_behavior)
		behavior = spec->file_exists_behavior;
	if (file_make_dirs(layout_instructions_dir(l), 0755, err) < 0 ||
		clean_up(layout_cleanup(l), err) < 0 ||
		install_plan_make(&plan, layout_archive(l), spec, behavior, err) < 0 ||
		install_plan_permit(&plan, spec, err) < 0 ||
		write_instructions(l, &plan, err) < 0 || run_plan(l, &plan, err) < 0)
		return -1;
	return layout_write_marker(l, layout_last_successful(l), err);
}
