/* SPDX-License-Identifier: Apache-2.0 */
/* The DownloadBundle event. Nothing of an archive lands outside of its folder. */
#include "agent/revision.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/mem.h"
#include "codec/archive.h"

static int fetch_s3(struct agent_client *c,
	const struct towpath_deploy_specification_s3_revision *r, int fd, struct arena *a,
	struct err *err)
{
	const char *etag;

	if (agent_get_object(c, r->bucket, r->key, r->version, fd, a, &etag, err) < 0)
		return -1;
	if (r->e_tag && *r->e_tag && !streq(r->e_tag, etag))
		return err_set(err, ERR_CONFLICT,
			"Expected deployment artifact bundle etag %s but was actually \"%s\"",
			r->e_tag, etag);
	return 0;
}

static int fetch(struct agent_client *c, const struct agent_layout *l,
	const struct towpath_deploy_specification_revision *r, struct err *err)
{
	const char *path = layout_bundle(l);
	int fd CLEANUP_FD = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const struct towpath_deploy_specification_git_hub_revision *hub = r->git_hub_revision;

	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	if (r->s3_revision)
		return fetch_s3(c, r->s3_revision, fd, l->a, err);
	return agent_get_github(c, hub->account, hub->repository, hub->commit_id,
		hub->bundle_type ? hub->bundle_type : "tar", NULL, fd, err);
}

/* Whether the folder has an entry whose name is like "appspec". */
static bool has_appspec(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d)))
		found = strcasestr(entry->d_name, "appspec") != NULL;
	if (d)
		closedir(d);
	return found;
}

/* The only entry of the folder, when it is a folder; else NULL. */
static char *only_folder(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	char *only = NULL;
	struct stat st;
	size_t n = 0;

	while (d && (entry = readdir(d))) {
		if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
			continue;
		n++;
		free(only);
		only = xasprintf("%s/%s", dir, entry->d_name);
	}
	if (d)
		closedir(d);
	if (n == 1 && lstat(only, &st) == 0 && S_ISDIR(st.st_mode))
		return only;
	free(only);
	return NULL;
}

/* An archive that wraps everything in one folder is as good as one that does not. */
static int strip_wrapper(const struct agent_layout *l, const char *archive, struct err *err)
{
	char *inner CLEANUP(freep) = only_folder(archive);
	const char *aside = arena_printf(l->a, "%s.unwrapped", archive);

	if (!inner || !has_appspec(inner))
		return 0;
	if (file_remove_tree(aside, err) < 0)
		return -1;
	if (rename(inner, aside) < 0 || rmdir(archive) < 0 || rename(aside, archive) < 0)
		return err_errno(err, errno, "%s", inner);
	return 0;
}

static int unpack(const struct agent_layout *l, const char *bundle_type, struct err *err)
{
	const char *archive = layout_archive(l), *path = layout_bundle(l);
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);
	enum archive_kind kind;

	if (fd < 0)
		return err_errno(err, errno, "%s", path);
	if (!bundle_type || archive_kind_parse(bundle_type, &kind) < 0)
		kind = ARCHIVE_KIND_AUTO;
	if (streq(bundle_type, "tar"))
		kind = ARCHIVE_KIND_AUTO; /* GitHub's are compressed */
	if (file_remove_tree(archive, err) < 0 || file_make_dirs(archive, 0755, err) < 0)
		return -1;
	if (archive_unpack(kind, fd, archive, NULL, NULL, err) < 0)
		return err_wrap(err, "the bundle cannot be unpacked");
	return strip_wrapper(l, archive, err);
}

int agent_download(struct agent_client *c, const struct agent_layout *l,
	const struct towpath_deploy_specification *spec, struct err *err)
{
	const struct towpath_deploy_specification_revision *r = spec->revision;
	const char *type =
		r->s3_revision ? r->s3_revision->bundle_type : r->git_hub_revision->bundle_type;

	if (layout_prune(l, c->config->max_revisions, err) < 0 ||
		file_make_dirs(layout_deployment_dir(l), 0755, err) < 0)
		return -1;
	if (fetch(c, l, r, err) < 0 || unpack(l, type, err) < 0) {
		/* What is of no use must not fill the disk. */
		file_remove_tree(layout_archive(l), NULL);
		unlink(layout_bundle(l));
		return -1;
	}
	return layout_write_marker(l, layout_most_recent(l), err);
}
