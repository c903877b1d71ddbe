/* SPDX-License-Identifier: Apache-2.0 */
/* The UPLOAD_ARTIFACTS phase as far as the leader goes: artifacts and reports are gathered into
 * JOB/out; the server takes them from there. */
#include "leader/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "leader/job.h"

/* What gathering found, from the report of collect_inside(). */
struct gathered {
	long long files, bytes;
	bool no_base;
	char *error; /* or NULL */
	struct strv skipped;
};

static void gathered_release(struct gathered *g)
{
	free(g->error);
	strv_release(&g->skipped);
}

static int parse_report(int fd, struct gathered *g, struct err *err)
{
	struct str text CLEANUP_STR = STR_INIT;
	struct view rest, line, word;
	bool complete = false;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "cannot read what was collected");
	if (fd_read_all(fd, LIMIT_COMMAND_OUTPUT, &text, err) < 0)
		return -1;
	rest = str_view(&text);
	while (rest.len) {
		line = view_cut(&rest, '\n');
		word = view_cut(&line, ' ');
		if (view_eq_str(word, "skip")) {
			strv_adopt(&g->skipped, xstrndup(line.p ? line.p : "", line.len));
		} else if (view_eq_str(word, "nobase")) {
			complete = g->no_base = true;
		} else if (view_eq_str(word, "error")) {
			complete = true;
			g->error = xstrndup(line.p ? line.p : "", line.len);
		} else if (view_eq_str(word, "total") && line.p) {
			complete = sscanf(line.p, "%lld %lld", &g->files, &g->bytes) == 2;
		}
	}
	return complete ? 0 : err_set(err, ERR_IO, "collecting ended too early");
}

static int expand_into(struct job *j, const char *text, struct strv *out, struct err *err)
{
	struct str value CLEANUP_STR = STR_INIT;

	if (shell_expand(j, text, &value, err) < 0)
		return -1;
	strv_adopt(out, str_take(&value));
	return 0;
}

static int collect_argv(struct job *j, const struct towpath_leader_files *f, bool zip,
	struct strv *argv, struct err *err)
{
	strv_add(argv, "collect");
	strv_add(argv, j->source_target);
	if (expand_into(j, f->base_directory && f->base_directory[0] ? f->base_directory : ".",
		    argv, err) < 0)
		return -1;
	strv_addf(argv, "-%s%s%s", zip ? "z" : "", wire_or(f->discard_paths, false) ? "f" : "",
		wire_or(f->enable_symlinks, false) ? "l" : "");
	for (size_t i = 0; i < f->files.n; i++)
		if (expand_into(j, f->files.v[i], argv, err) < 0)
			return -1;
	strv_add(argv, COLLECT_SPLIT);
	for (size_t i = 0; i < f->exclude_paths.n; i++)
		if (expand_into(j, f->exclude_paths.v[i], argv, err) < 0)
			return -1;
	return 0;
}

static int log_argv(struct job *j, const struct strv *argv, struct err *err)
{
	if (output_line(&j->output, err, "Expanding base directory path: %s", argv->v[2]) < 0 ||
		output_line(&j->output, err, "Assembling file list") < 0 ||
		output_line(&j->output, err, "Expanding %s", argv->v[2]) < 0 ||
		output_line(&j->output, err, "Expanding file paths for base directory %s",
			argv->v[2]) < 0)
		return -1;
	for (size_t i = 4; i < argv->n && !streq(argv->v[i], COLLECT_SPLIT); i++)
		if (output_line(&j->output, err, "Expanding %s", argv->v[i]) < 0)
			return -1;
	return 0;
}

/* Gathers one set of files into out_fd. */
static int gather(struct job *j, const struct towpath_leader_files *f, bool zip, int out_fd,
	struct gathered *g, struct err *err)
{
	/* In memory: a full disk must not hide what failed. */
	int report CLEANUP_FD = memfd_create("collected", MFD_CLOEXEC);
	struct strv argv CLEANUP_STRV = {0};
	struct job_exit ended;
	const int fds[] = {out_fd, report};

	if (report < 0)
		return err_errno(err, errno, "cannot make a file in memory");
	if (collect_argv(j, f, zip, &argv, err) < 0 || log_argv(j, &argv, err) < 0)
		return -1;
	if (job_builtin(j, collect_inside, (const char *const *)argv.v, fds, ARRAY_SIZE(fds),
		    &ended, err) < 0)
		return -1;
	if (!ended.ended)
		return 0;
	if (parse_report(report, g, err) < 0)
		return -1;
	for (size_t i = 0; i < g->skipped.n; i++)
		if (output_line(&j->output, err, "Skipping invalid file path %s", g->skipped.v[i]) <
			0)
			return -1;
	return g->no_base ? 0 : output_line(&j->output, err, "Found %lld file(s)", g->files);
}

static int digest_file(
	struct job *j, const char *path, struct towpath_leader_record *r, struct err *err)
{
	struct digest md5 CLEANUP_DIGEST = {0}, sha CLEANUP_DIGEST = {0};
	char *buf CLEANUP(freep) = xmalloc(256 * KIB);
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);
	struct digest_value value;
	ssize_t got;

	if (fd < 0)
		return err_errno(err, errno, "cannot read %s", path);
	digest_init(&md5, DIGEST_MD5);
	digest_init(&sha, DIGEST_SHA256);
	while ((got = fd_read_full(fd, buf, 256 * KIB, err)) > 0) {
		digest_update(&md5, buf, (size_t)got);
		digest_update(&sha, buf, (size_t)got);
	}
	if (got < 0)
		return -1;
	value = digest_value(&md5);
	r->md5 = arena_strdup(&j->arena, digest_hex(&value).text);
	value = digest_value(&sha);
	r->sha256 = arena_strdup(&j->arena, digest_hex(&value).text);
	return 0;
}

/* Makes the file or folder that a set is gathered into, and opens it. */
static int open_target(const struct job *j, const char *relative, bool zip, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", j->dir, relative);
	int fd;

	if (!zip && mkdir(path, 0755) < 0 && errno != EEXIST)
		return err_errno(err, errno, "cannot make %s", path);
	fd = zip ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640)
		 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	/* User 0 of a privileged root is nobody here. The folder lies in one that only we enter. */
	if (fd < 0 || (!zip && j->spec->engine && fchmod(fd, 0777) < 0))
		return err_errno(err, errno, "cannot make %s", path);
	return fd;
}

static void fail(struct job *j, struct phase_result *r, const char *message)
{
	if (streq(r->status, "SUCCEEDED"))
		*r = (struct phase_result){
			"FAILED", "CLIENT_ERROR", arena_strdup(&j->arena, message)};
}

/* What is wrong with a gathered set; NULL when nothing is. */
static const char *complaint(
	struct job *j, const struct towpath_leader_files *f, const struct gathered *g)
{
	if (g->no_base)
		return arena_printf(&j->arena, "no matching base directory path found for %s",
			f->base_directory ? f->base_directory : ".");
	if (g->error)
		return g->error;
	return g->files == 0 ? "no matching artifact paths found" : NULL;
}

static int record_artifact(struct job *j, const struct towpath_leader_files *f, const char *path,
	const struct gathered *g, bool zip, struct err *err)
{
	struct towpath_leader_record r = {.identifier = f->identifier ? f->identifier : "",
		.path = path,
		.packaging = zip ? "ZIP" : "NONE",
		.files = WIRE_SET_LONG(g->files),
		.bytes = WIRE_SET_LONG(g->bytes)};
	char *full CLEANUP(freep) = xasprintf("%s/%s", j->dir, path);
	struct str name CLEANUP_STR = STR_INIT;
	struct stat st;

	if (f->name && shell_expand(j, f->name, &name, err) < 0)
		return -1;
	r.name = name.len ? str_text(&name) : NULL;
	if (zip && digest_file(j, full, &r, err) < 0)
		return -1;
	if (zip && stat(full, &st) == 0)
		r.bytes = WIRE_SET_LONG(st.st_size);
	return status_log_add(&j->status, "artifact", &r, false, err);
}

/* Half an artifact is of no use, and where the disk is full the end of the build needs its room. */
static void give_back(const struct job *j, const char *relative, int fd, bool zip)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", j->dir, relative);

	if (zip ? ftruncate(fd, 0) < 0 : file_remove_tree(path, NULL) < 0)
		errno = 0;
}

static int collect_artifact(struct job *j, const struct towpath_leader_files *f,
	struct phase_result *result, struct err *err)
{
	bool zip = !streq(f->packaging, "NONE");
	const char *id = f->identifier && f->identifier[0] ? f->identifier : "primary";
	const char *path = arena_printf(&j->arena, LEADER_OUT "/%s%s", id, zip ? ".zip" : "");
	struct gathered g CLEANUP(gathered_release) = {0};
	int fd CLEANUP_FD = open_target(j, path, zip, err);
	const char *bad;

	if (fd < 0)
		return -1;
	if (gather(j, f, zip, fd, &g, err) < 0) {
		give_back(j, path, fd, zip);
		return -1;
	}
	if (j->ended)
		return 0;
	bad = complaint(j, f, &g);
	if (bad) {
		give_back(j, path, fd, zip);
		fail(j, result, bad);
		return output_line(&j->output, err, "%s", bad);
	}
	return record_artifact(j, f, path, &g, zip, err);
}

/* Has the gathered files read. What becomes of that is in the outcome's file; when reading dies
 * there is none, and the server says so. */
static int read_report(struct job *j, const struct towpath_leader_record *r, bool guess, int dir_fd,
	struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/%s", j->dir, r->outcome);
	int fd CLEANUP_FD = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	const char *const argv[] = {"report", r->identifier, r->format, guess ? "guess" : "", NULL};
	const int fds[] = {dir_fd, fd};
	struct job_exit ended;

	if (fd < 0)
		return err_errno(err, errno, "cannot make %s", path);
	return job_builtin(j, report_inside, argv, fds, ARRAY_SIZE(fds), &ended, err);
}

/* A report never fails a build: what is missing is the server's to tell. */
static int collect_report(
	struct job *j, size_t i, const struct towpath_leader_files *f, struct err *err)
{
	const char *path = arena_printf(&j->arena, LEADER_OUT "/reports/%zu", i);
	struct towpath_leader_record r = {.path = path, .format = f->format};
	struct gathered g CLEANUP(gathered_release) = {0};
	struct str name CLEANUP_STR = STR_INIT;
	int fd CLEANUP_FD = open_target(j, path, false, err);

	if (fd < 0 || shell_expand(j, f->identifier, &name, err) < 0 ||
		gather(j, f, false, fd, &g, err) < 0)
		return -1;
	r.identifier = str_text(&name);
	r.outcome = arena_printf(&j->arena, "%s.outcome", path);
	r.files = WIRE_SET_LONG(g.files);
	if (!j->ended && read_report(j, &r, !wire_or(f->format_given, false), fd, err) < 0)
		return -1;
	return j->ended ? 0 : status_log_add(&j->status, "report", &r, false, err);
}

static int make_out(const struct job *j, struct err *err)
{
	char *path CLEANUP(freep) = xasprintf("%s/" LEADER_OUT "/reports", j->dir);

	return file_make_dirs(path, 0755, err);
}

int collect_run(struct job *j, struct phase_result *ret, struct err *err)
{
	struct towpath_leader_record r = {.phase = "UPLOAD_ARTIFACTS"};

	*ret = PHASE_OK;
	if (status_log_add(&j->status, "phaseStarted", &r, false, err) < 0)
		return -1;
	if (j->spec->artifacts.n + j->spec->reports.n > 0 && make_out(j, err) < 0)
		return -1;
	for (size_t i = 0; i < j->spec->reports.n && !job_check_end(j); i++)
		if (collect_report(j, i, &j->spec->reports.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < j->spec->artifacts.n && !job_check_end(j); i++)
		if (collect_artifact(j, &j->spec->artifacts.v[i], ret, err) < 0)
			return -1;
	phase_note_end(j, ret);
	return phase_end(j, "UPLOAD_ARTIFACTS", ret, err);
}
