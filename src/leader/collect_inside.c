/* SPDX-License-Identifier: Apache-2.0 */
/* The part of collecting that runs inside the root: every path and every link means what it means
 * to the build, so nothing of the host can be collected. Speaks to collect.c through a pipe of
 * lines: "skip PATTERN", "nobase", "total FILES BYTES", "error TEXT". */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"
#include "codec/glob.h"
#include "codec/zip_writer.h"
#include "leader/collect.h"

struct gathering {
	const char *base; /* folder in hand */
	struct strv bases;
	char **excludes;
	bool flat, links, zip;
	int out_fd; /* the ZIP file, or the folder to copy into */
	FILE *report;
	struct zip_writer *writer;
	struct map seen; /* names in the result; values are not used */
	int64_t files, bytes;
	size_t found; /* by the pattern in hand */
	struct err err;
};

/* The path in the result, or NULL when the file is not wanted. Caller frees. */
static char *result_name(struct gathering *g, const char *path)
{
	const char *name = path;

	while (*name == '/')
		name++;
	for (char **x = g->excludes; *x; x++)
		if (glob_match(**x == '/' ? *x + 1 : *x, name))
			return NULL;
	if (g->flat)
		name = path_base(name);
	return path_is_inside(name) ? xstrdup(name) : NULL;
}

static int make_parents(int dir_fd, const char *name, struct err *err)
{
	char *copy CLEANUP(freep) = xstrdup(name);

	for (char *p = strchr(copy, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdirat(dir_fd, copy, 0755) < 0 && errno != EEXIST)
			return err_errno(err, errno, "cannot make folder %s", copy);
		*p = '/';
	}
	return 0;
}

static int copy_file(struct gathering *g, const char *name, int from, const struct stat *st)
{
	int to CLEANUP_FD = -1;
	char *buf CLEANUP(freep) = xmalloc(256 * KIB);
	ssize_t got;

	if (make_parents(g->out_fd, name, &g->err) < 0)
		return -1;
	to = openat(g->out_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		st->st_mode & 0777);
	if (to < 0)
		return err_errno(&g->err, errno, "cannot write %s", name);
	while ((got = read(from, buf, 256 * KIB)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno(&g->err, errno, "cannot read %s", name);
		if (fd_write_all(to, buf, (size_t)got, &g->err) < 0)
			return err_wrap(&g->err, "%s", name);
	}
	return 0;
}

static int take_link(struct gathering *g, const char *name, const char *disk, const struct stat *st)
{
	char target[4096];
	ssize_t n = readlink(disk, target, sizeof(target) - 1);

	if (n < 0)
		return err_errno(&g->err, errno, "cannot read link %s", name);
	target[n] = '\0';
	return zip_writer_add_link(g->writer, name, target, st, &g->err);
}

/* Opens what is to be stored: 1 a file, 0 nothing that can be stored. */
static int open_file(const char *disk, int *ret_fd, struct stat *ret_st)
{
	*ret_fd = open(disk, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	return *ret_fd >= 0 && fstat(*ret_fd, ret_st) == 0 && S_ISREG(ret_st->st_mode);
}

static int take(const char *path, const struct stat *st, void *arg)
{
	struct gathering *g = arg;
	char *disk CLEANUP(freep) = path_join(g->base, path);
	char *name CLEANUP(freep) = result_name(g, path);
	int fd CLEANUP_FD = -1;
	struct stat file = *st;

	g->found++;
	if (!name || (map_has(&g->seen, name) && !(g->flat && !g->zip)))
		return 0;
	if (g->files >= LIMIT_ARCHIVE_ENTRIES)
		return err_set(&g->err, ERR_TOO_LARGE, "more than %d files", LIMIT_ARCHIVE_ENTRIES);
	if (S_ISLNK(st->st_mode) && g->links && g->zip) {
		if (take_link(g, name, disk, st) < 0)
			return -1;
	} else {
		if (!open_file(disk, &fd, &file))
			return 0;
		if ((g->zip ? zip_writer_add_file(g->writer, name, fd, &file, &g->err)
			    : copy_file(g, name, fd, &file)) < 0)
			return -1;
	}
	map_set(&g->seen, name, g);
	g->files++;
	g->bytes += file.st_size;
	return 0;
}

static int add_base(const char *path, const struct stat *st, void *arg)
{
	(void)st;
	strv_add(arg, path);
	return 0;
}

/* One folder, or every folder that fits a pattern, relative to the source folder. */
static bool find_bases(struct gathering *g, const char *base)
{
	char cwd[4096];
	struct stat st;

	if (!glob_is_pattern(base)) {
		strv_add(&g->bases, base);
		return stat(base, &st) == 0 && S_ISDIR(st.st_mode);
	}
	if (!getcwd(cwd, sizeof(cwd)))
		return false;
	glob_walk(cwd, base, true, add_base, &g->bases);
	return g->bases.n > 0;
}

static int gather(struct gathering *g, char **patterns)
{
	for (char **p = patterns; *p; p++) {
		g->found = 0;
		for (size_t i = 0; i < g->bases.n; i++) {
			g->base = g->bases.v[i];
			if (glob_walk(g->base, *p, false, take, g) != 0)
				return -1;
		}
		if (g->found == 0)
			fprintf(g->report, "skip %s\n", *p);
	}
	if (g->zip && zip_writer_close(g->writer, &g->err) < 0)
		return -1;
	fprintf(g->report, "total %lld %lld\n", (long long)g->files, (long long)g->bytes);
	return 0;
}

/* argv: name, source folder, base, flags, patterns..., "--", excludes... */
int collect_inside(char **argv, const int *fds, size_t n_fds)
{
	struct gathering g = {.err = ERR_INIT, .out_fd = fds[0]};
	char **split = argv + 4;
	int bad = n_fds != 2;

	while (*split && !streq(*split, COLLECT_SPLIT))
		split++;
	g.excludes = *split ? split + 1 : split;
	*split = NULL;
	g.zip = strchr(argv[3], 'z');
	g.flat = strchr(argv[3], 'f');
	g.links = strchr(argv[3], 'l');
	g.report = fdopen(fds[1], "w");
	if (bad || !g.report)
		return 1;
	if (chdir(argv[1]) < 0 || !find_bases(&g, argv[2])) {
		fprintf(g.report, "nobase\n");
	} else {
		bad = g.zip && zip_writer_new(g.out_fd, &g.writer, &g.err) < 0;
		if (bad || gather(&g, argv + 4) < 0)
			fprintf(g.report, "error %s\n", err_message(&g.err));
	}
	zip_writer_free(g.writer);
	return fclose(g.report) == 0 ? 0 : 1;
}
