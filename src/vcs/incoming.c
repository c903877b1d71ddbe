/* SPDX-License-Identifier: Apache-2.0 */
#include "vcs/incoming.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/path.h"
#include "base/vec.h"
#include "vcs/git2.h"
#include "vcs/pkt.h"
#include "vcs/relay.h"

#define FOLDER "objects/tmp_objdir-push-XXXXXX" /* vcs_remove_leftovers() knows the name */
#define COMMIT_MAX (20 * MIB)
#define ALIVE_MSEC 5000 /* how long a client hears nothing at most */
#define ANOTHER "refused because another reference of this push was refused"

/* ---- the repository's rules ---- */

static int64_t get_int(git_config *config, const char *name, int64_t dflt)
{
	int64_t v;

	return git_config_get_int64(&v, config, name) == 0 && v > 0 ? v : dflt;
}

/* receive.fsck.<what> = <how> */
static int add_fsck_rule(const git_config_entry *e, void *arg)
{
	static const char section[] = "receive.fsck.";
	struct str *out = arg;

	if (starts_with(e->name, section))
		str_addf(out, "%c%s=%s", starts_with(str_text(out), "--strict=") ? ',' : '=',
			e->name + strlen(section), e->value);
	return 0;
}

int incoming_init(struct incoming *in, const char *path, struct err *err)
{
	CLEANUP(freep) char *file = path_join(path, "config");
	CLEANUP(git_config_freep) git_config *config = NULL;
	int rc;

	*in = (struct incoming){.path = path};
	vcs_git2_init();
	rc = git_config_open_ondisk(&config, file);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot read the configuration of %s", path);
	in->push_max = (uint64_t)get_int(config, "receive.maxInputSize", VCS_PUSH_MAX);
	in->file_max = (uint64_t)get_int(config, "towpath.maxFileSize", VCS_FILE_MAX);
	str_add(&in->strict, "--strict");
	rc = git_config_foreach(config, add_fsck_rule, &in->strict);
	return rc < 0 ? vcs_git2_err(err, rc, "cannot read the configuration of %s", path) : 0;
}

void incoming_release(struct incoming *in)
{
	if (in->folder)
		file_remove_tree(in->folder, NULL);
	free(in->folder);
	str_release(&in->strict);
	str_release(&in->message);
}

static int refuse(const struct vcs_push *p, const char **reasons, const char *reason)
{
	for (size_t i = 0; i < p->n; i++)
		reasons[i] = reason;
	return 0;
}

/* ---- receiving ---- */

static int make_folder(struct incoming *in, struct err *err)
{
	char *folder = path_join(in->path, FOLDER);
	CLEANUP(freep) char *pack = NULL;

	if (!mkdtemp(folder)) {
		err_errno(err, errno, "cannot make a folder for the objects of a push");
		free(folder);
		return -1;
	}
	in->folder = folder;
	pack = path_join(folder, "pack");
	return file_make_dirs(pack, 0755, err);
}

/* Commits that the client has without their parents: git looks no further there. */
static int write_shallow(struct incoming *in, const struct vcs_push *p, char **ret, struct err *err)
{
	CLEANUP(freep) char *file = path_join(in->folder, "shallow");

	if (!p->shallow.len)
		return 0;
	if (file_replace(file, str_view(&p->shallow), 0644, err) < 0)
		return -1;
	*ret = TAKE_PTR(file);
	return 0;
}

static int start(struct incoming *in, const struct vcs_push *p, struct relay *r,
	const struct vcs_stream *s, struct err *err)
{
	struct vcs_child_how how = {.out_is_stderr = true};
	CLEANUP(freep) char *shallow = NULL;
	CLEANUP_STRV struct strv args = {0};

	if (make_folder(in, err) < 0 || write_shallow(in, p, &shallow, err) < 0)
		return -1;
	how.objects = in->folder;
	if (shallow) {
		strv_add(&args, "--shallow-file");
		strv_add(&args, shallow);
	}
	strv_add(&args, "index-pack");
	strv_add(&args, "--stdin");
	strv_add(&args, "--fix-thin");
	strv_add(&args, str_text(&in->strict));
	strv_addf(&args, "--max-input-size=%llu", (unsigned long long)in->push_max);
	if (p->sideband && !p->quiet)
		strv_add(&args, "--show-resolving-progress");
	return relay_start(r, in->path, (const char *const *)args.v, &how, s, err);
}

/* Waits for what the child says next; a client that hears nothing would give up. */
static int await(struct relay *r, bool sideband, struct err *err)
{
	static const char alive[] = "0005\1";
	struct pollfd p = {.fd = r->child.out, .events = POLLIN};
	int rc;

	while ((rc = poll(&p, 1, ALIVE_MSEC)) == 0)
		if (sideband && r->peer->write(r->peer->arg, alive, strlen(alive), err) < 0)
			return -1;
	return rc < 0 && errno != EINTR ? err_errno(err, errno, "cannot wait for git") : 0;
}

static int tell(struct relay *r, bool sideband, struct view words, struct err *err)
{
	CLEANUP_STR struct str out = STR_INIT;

	if (!sideband || !words.len)
		return 0;
	pkt_add_band(&out, 2, words);
	return r->peer->write(r->peer->arg, out.p, out.len, err);
}

/* Progress, and at last what is wrong. */
static int tell_all(struct relay *r, bool sideband, struct err *err)
{
	ssize_t got;

	if (tell(r, sideband, str_view(&r->early), err) < 0)
		return -1;
	for (;;) {
		if (await(r, sideband, err) < 0)
			return -1;
		got = relay_read(r, err);
		if (got <= 0)
			return (int)got;
		if (tell(r, sideband, (struct view){r->buf, (size_t)got}, err) < 0)
			return -1;
	}
}

/* git's own words do not always name the limit. */
static void explain(struct incoming *in, uint64_t fed)
{
	if (fed <= in->push_max)
		return;
	str_add(&in->message, "A push may have ");
	str_add_size(&in->message, in->push_max);
	str_addf(&in->message, "; this one has %llu bytes.", (unsigned long long)fed);
}

int incoming_receive(struct incoming *in, const struct vcs_push *p, const struct vcs_stream *s,
	const char **reasons, struct err *err)
{
	CLEANUP(relay_release) struct relay r = RELAY_INIT;
	CLEANUP_ERR struct err ended = ERR_INIT;
	struct view begun = {p->raw.p + p->head, p->raw.len - p->head};
	int last;

	if (start(in, p, &r, s, err) < 0 || relay_feed(&r, begun, &last, err) < 0 ||
		relay_feed_last(&r, last, err) < 0 || tell_all(&r, p->sideband, err) < 0)
		return -1;
	if (vcs_child_wait(&r.child, &ended) == 0)
		return 1;
	explain(in, r.fed);
	return refuse(p, reasons, "unpacker error");
}

/* ---- judging ---- */

/* The first object that is too large. */
struct sizing {
	git_odb *odb;
	uint64_t file_max;
	git_oid oid;
	uint64_t size, limit;
};

static int look_at_size(const git_oid *oid, void *arg)
{
	struct sizing *z = arg;
	git_object_t type;
	size_t size;
	int rc = git_odb_read_header(&size, &type, z->odb, oid);

	if (rc < 0)
		return rc;
	z->limit = type == GIT_OBJECT_BLOB     ? z->file_max
		   : type == GIT_OBJECT_COMMIT ? COMMIT_MAX
					       : UINT64_MAX;
	if (size <= z->limit)
		return 0;
	z->oid = *oid;
	z->size = size;
	return 1;
}

/* 1 found, 0 all are small enough. */
static int find_large(struct incoming *in, struct sizing *z, struct err *err)
{
	CLEANUP(git_odb_freep) git_odb *odb = NULL;
	int rc = git_odb_open(&odb, in->folder);

	z->odb = odb;
	z->file_max = in->file_max;
	if (rc == 0)
		rc = git_odb_foreach(odb, look_at_size, z);
	return rc < 0 ? vcs_git2_err(err, rc, "cannot look at the objects of a push") : rc;
}

/* The path of an object that is new with the push, in *ret (the caller's); NULL: none is found. */
static void find_path(struct incoming *in, const struct vcs_push *p, const char *id, char **ret)
{
	const struct vcs_child_how how = {.objects = in->folder};
	CLEANUP_VCS_CHILD struct vcs_child child = VCS_CHILD_INIT;
	CLEANUP_STRV struct strv args = {0};
	CLEANUP(freep) char *line = NULL;
	size_t size = 0;
	FILE *f;

	strv_add(&args, "rev-list");
	strv_add(&args, "--objects");
	for (size_t i = 0; i < p->n; i++)
		if (!vcs_id_is_zero(&p->commands[i].after))
			strv_add(&args, p->commands[i].after.hex);
	strv_add(&args, "--not");
	strv_add(&args, "--all");
	if (vcs_child_start(in->path, (const char *const *)args.v, &how, &child, NULL) < 0)
		return;
	f = fdopen(TAKE_FD(child.out), "r");
	while (f && !*ret && getline(&line, &size, f) > 0)
		if (starts_with(line, id) && line[strlen(id)] == ' ' &&
			line[strlen(id) + 1] != '\n')
			*ret = xstrndup(
				line + strlen(id) + 1, strcspn(line + strlen(id) + 1, "\n"));
	if (f)
		fclose(f);
}

static int judge_sizes(
	struct incoming *in, const struct vcs_push *p, const char **reasons, struct err *err)
{
	struct sizing z = {0};
	CLEANUP(freep) char *path = NULL;
	struct vcs_id id;
	int rc = find_large(in, &z, err);

	if (rc <= 0)
		return rc < 0 ? -1 : 1;
	id = vcs_id_of(&z.oid);
	if (z.limit == in->file_max)
		find_path(in, p, id.hex, &path);
	if (path)
		str_addf(&in->message, "The file %s (blob %s) has ", path, id.hex);
	else
		str_addf(&in->message, "The %s %s has ",
			z.limit == in->file_max ? "blob" : "commit", id.hex);
	str_addf(&in->message, "%llu bytes; at most ", (unsigned long long)z.size);
	str_add_size(&in->message, z.limit);
	str_addf(&in->message, " are allowed%s. Nothing of the push was kept.",
		path ? "; larger ones belong into Git LFS" : "");
	return refuse(p, reasons, "an object is too large");
}

/* Whether a command moves its branch as it may. */
static bool goes_forward(git_repository *git, const struct vcs_command *c)
{
	git_oid before = vcs_oid_of(&c->before), after = vcs_oid_of(&c->after);

	return !c->forward_only || git_oid_equal(&before, &after) ||
	       git_graph_descendant_of(git, &after, &before) == 1;
}

static int judge_moves(
	struct incoming *in, const struct vcs_push *p, const char **reasons, struct err *err)
{
	CLEANUP_VCS struct vcs_repository *r = NULL;
	CLEANUP(git_odb_freep) git_odb *odb = NULL;
	bool refused = false;
	int rc;

	if (vcs_repository_open(in->path, &r, err) < 0)
		return -1;
	rc = git_repository_odb(&odb, r->git);
	if (rc == 0 && in->folder)
		rc = git_odb_add_disk_alternate(odb, in->folder);
	if (rc < 0)
		return vcs_git2_err(err, rc, "cannot look at the objects of a push");
	for (size_t i = 0; i < p->n; i++) {
		reasons[i] = goes_forward(r->git, &p->commands[i]) ? NULL : "non-fast-forward";
		refused = refused || reasons[i];
	}
	for (size_t i = 0; refused && i < p->n; i++)
		if (!reasons[i])
			reasons[i] = ANOTHER;
	return !refused;
}

static bool has_forward_only(const struct vcs_push *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->commands[i].forward_only)
			return true;
	return false;
}

int incoming_judge(
	struct incoming *in, const struct vcs_push *p, const char **reasons, struct err *err)
{
	int rc = in->folder ? judge_sizes(in, p, reasons, err) : 1;

	if (rc > 0 && has_forward_only(p))
		rc = judge_moves(in, p, reasons, err);
	return rc;
}

/* ---- taking ---- */

/* Moves files with the ending from the folder's pack/ to the repository's. */
static int take_files(struct incoming *in, const char *ending, const char *to, struct err *err)
{
	CLEANUP(freep) char *from = path_join(in->folder, "pack");
	DIR *dir = opendir(from);
	struct dirent *e;
	int rc = dir ? 0 : err_errno(err, errno, "cannot read %s", from);

	while (rc == 0 && (e = readdir(dir))) {
		CLEANUP(freep) char *old = path_join(from, e->d_name);
		CLEANUP(freep) char *new = path_join(to, e->d_name);

		if (starts_with(e->d_name, "pack-") && ends_with(e->d_name, ending) &&
			rename(old, new) < 0)
			rc = err_errno(err, errno, "cannot keep the objects of a push");
	}
	if (dir)
		closedir(dir);
	return rc;
}

int incoming_take(struct incoming *in, struct err *err)
{
	/* A pack is seen by its index, so that comes last. The files themselves are synced. */
	static const char *const endings[] = {".pack", ".rev", ".idx"};
	CLEANUP(freep) char *to = path_join(in->path, "objects/pack");

	if (!in->folder)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (take_files(in, endings[i], to, err) < 0)
			return -1;
	return file_sync_dir(to, err);
}
