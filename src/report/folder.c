/* SPDX-License-Identifier: Apache-2.0 */
/* All files of a report's folder put into reports. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "report/outcome.h"

#define DEPTH_MAX 64

struct source {
	char *path;   /* below the folder */
	bool foreign; /* of another format than the one asked for */
	bool claimed; /* read, or broken, in one format */
};

struct folder {
	const char *name;
	int dir_fd;
	VEC(struct source) sources;
	FILE *log;
	struct str *out;
};

static void folder_release(struct folder *f)
{
	vec_foreach (s, &f->sources)
		free(s->path);
	vec_release(&f->sources);
}

/* ---- listing ---- */

static int list_into(struct folder *f, int dir_fd, const char *prefix, int depth, struct err *err)
{
	DIR *dir = fdopendir(dir_fd); /* takes dir_fd */
	struct dirent *entry;
	int r = 0;

	if (!dir) {
		close(dir_fd);
		return err_errno(err, errno, "cannot read folder %s", prefix);
	}
	while (r == 0 && (entry = readdir(dir))) {
		char *path CLEANUP(freep) = NULL;
		struct stat st;

		if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
			continue;
		path = xasprintf("%s%s%s", prefix, *prefix ? "/" : "", entry->d_name);
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISREG(st.st_mode)) {
			vec_push(&f->sources, (struct source){.path = TAKE_PTR(path)});
		} else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			int fd = openat(dirfd(dir), entry->d_name,
				O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			if (fd >= 0)
				r = list_into(f, fd, path, depth + 1, err);
		}
	}
	closedir(dir);
	return r;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct source *)a)->path, ((const struct source *)b)->path);
}

static int list(struct folder *f, struct err *err)
{
	int fd = openat(f->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "cannot read the folder of report %s", f->name);
	if (list_into(f, fd, "", 0, err) < 0)
		return -1;
	if (f->sources.n)
		qsort(f->sources.v, f->sources.n, sizeof(*f->sources.v), by_path);
	return 0;
}

/* ---- reading ---- */

struct reading {
	struct report report;
	size_t files;	     /* read whole */
	struct str trouble;  /* what is wrong with the first file that is broken */
	struct str mismatch; /* why the first file is not of the format */
};

static void reading_release(struct reading *r)
{
	report_release(&r->report);
	str_release(&r->trouble);
	str_release(&r->mismatch);
}

static void say(const struct folder *f, const char *text)
{
	fprintf(f->log, "Report %s: %s\n", f->name, text);
}

static void note(struct str *first, const char *path, const struct err *why)
{
	if (!first->len)
		str_addf(first, "%s: %s", path, err_message(why));
}

static void read_source(
	struct folder *f, struct source *s, const struct report_format *format, struct reading *r)
{
	CLEANUP_ERR struct err err = ERR_INIT;
	int fd CLEANUP_FD = openat(f->dir_fd, s->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	report_begin_document(&r->report, s->path);
	if (fd < 0)
		err_errno(&err, errno, "cannot be read");
	else if (format->read(&r->report, fd, &err) == 0)
		r->files++;
	s->foreign = err_is(&err, ERR_UNSUPPORTED);
	s->claimed = !s->foreign;
	if (s->foreign)
		note(&r->mismatch, s->path, &err);
	else if (err.kind != ERR_NONE)
		note(&r->trouble, s->path, &err);
}

static void finish(
	struct folder *f, const struct report_format *format, struct reading *r, bool discovered)
{
	CLEANUP_STR struct str message = STR_INIT;
	struct towpath_report_outcome head = {.format = format->name,
		.files = WIRE_SET_LONG(r->files),
		.discovered = WIRE_SET_BOOL(discovered)};
	bool failed;

	report_finish(&r->report);
	failed = r->report.total[REPORT_CASE_FAILED] + r->report.total[REPORT_CASE_ERROR] > 0;
	head.status = failed ? "FAILED" : "SUCCEEDED";
	if (r->trouble.len)
		str_add_view(&message, str_view(&r->trouble));
	else if (!f->sources.n)
		str_add(&message, "no file matches");
	else if (!r->files)
		str_addf(&message, "no file of format %s among %zu: %s", format->name, f->sources.n,
			str_text(&r->mismatch));
	if (message.len) {
		head.status = "INCOMPLETE";
		str_truncate(&message, MIN(message.len, (size_t)LIMIT_REPORT_MESSAGE));
		head.message = str_text(&message);
		say(f, head.message);
	}
	report_outcome_write(&r->report, &head, f->out);
	fprintf(f->log, "Report %s: %zu file(s) read as %s, %s\n", f->name, r->files, format->name,
		head.status);
}

/* Files that are of none of the formats asked for: read in the first one that fits. */
static bool discover(struct folder *f, const struct report_format *format)
{
	CLEANUP(reading_release) struct reading r = {0};

	report_init(&r.report, format->kind);
	vec_foreach (s, &f->sources)
		if (!s->claimed)
			read_source(f, s, format, &r);
	if (!r.files)
		return false;
	finish(f, format, &r, true);
	return true;
}

static void discover_all(struct folder *f, const struct report_format *asked)
{
	const struct report_format *format;
	bool has_coverage = false;

	for (size_t i = 0; (format = report_format_at(i)); i++)
		if (format != asked && !(format->kind == REPORT_COVERAGE && has_coverage))
			has_coverage |= discover(f, format) && format->kind == REPORT_COVERAGE;
}

int report_read_folder(const char *name, int dir_fd, const struct report_format *format, bool guess,
	FILE *log, struct str *out, struct err *err)
{
	CLEANUP(folder_release)
	struct folder f = {.name = name, .dir_fd = dir_fd, .log = log, .out = out};
	CLEANUP(reading_release) struct reading r = {0};

	report_init(&r.report, format->kind);
	if (list(&f, err) < 0)
		return -1;
	vec_foreach (s, &f.sources)
		read_source(&f, s, format, &r);
	finish(&f, format, &r, false);
	if (guess)
		discover_all(&f, format);
	return 0;
}
