/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/glob.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

#define GLOB_DEPTH 256

bool glob_is_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

static bool part_matches(struct view part, struct view name)
{
	char *p CLEANUP(freep) = xstrndup(part.p, part.len);
	char *n CLEANUP(freep) = xstrndup(name.p, name.len);

	return fnmatch(p, n, 0) == 0;
}

/* The next part that says something; p == NULL at the end. */
static struct view next_part(struct view *rest)
{
	struct view part;

	do
		part = view_cut(rest, '/');
	while (part.p && rest->p && (part.len == 0 || view_eq_str(part, ".")));
	if (part.len == 0 || view_eq_str(part, "."))
		part.p = NULL;
	return part;
}

static bool match_parts(struct view pattern, struct view path)
{
	struct view want = next_part(&pattern), have, later;

	if (!want.p)
		return next_part(&path).p == NULL;
	if (!view_eq_str(want, "**")) {
		have = next_part(&path);
		return have.p && part_matches(want, have) && match_parts(pattern, path);
	}
	later = pattern;
	if (!next_part(&later).p)
		return next_part(&path).p != NULL; /* everything below, but not the folder */
	do {
		if (match_parts(pattern, path))
			return true;
	} while (next_part(&path).p);
	return false;
}

bool glob_match(const char *pattern, const char *path)
{
	return match_parts(view_of(pattern), view_of(path));
}

struct walk {
	bool dirs;
	int (*fn)(const char *path, const struct stat *st, void *arg);
	void *arg;
	struct str disk, shown; /* the folder in hand: on the disk, and as fn sees it */
	int depth;
};

static int walk_parts(struct walk *w, struct view pattern);

/* Goes on with one name of the folder in hand. */
static int descend(struct walk *w, const char *name, struct view rest)
{
	size_t disk_len = w->disk.len, shown_len = w->shown.len;
	struct view probe = rest;
	bool last = next_part(&probe).p == NULL;
	struct stat st;
	int r = 0;

	if (w->disk.len == 0 || w->disk.p[w->disk.len - 1] != '/')
		str_add_c(&w->disk, '/');
	str_add(&w->disk, name);
	if (w->shown.len && w->shown.p[w->shown.len - 1] != '/')
		str_add_c(&w->shown, '/');
	str_add(&w->shown, name);
	if (lstat(w->disk.p, &st) == 0) {
		if (last && S_ISDIR(st.st_mode) == w->dirs)
			r = w->fn(w->shown.p, &st, w->arg);
		else if (!last && S_ISDIR(st.st_mode))
			r = walk_parts(w, rest);
	}
	str_truncate(&w->disk, disk_len);
	str_truncate(&w->shown, shown_len);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_names(const char *dir, struct strv *names)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			strv_add(names, e->d_name);
	if (d)
		closedir(d);
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_name);
}

/* Every name of the folder that fits one part; `**`: every file below, or rest in every folder. */
static int walk_names(struct walk *w, struct view part, struct view rest, struct view whole)
{
	bool deep = view_eq_str(part, "**");
	struct strv names CLEANUP_STRV = {0};
	int r = 0;

	list_names(w->disk.len ? w->disk.p : "/", &names);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		if (deep)
			r = descend(w, names.v[i], whole);
		else if (part_matches(part, view_of(names.v[i])))
			r = descend(w, names.v[i], rest);
	}
	return r;
}

static bool is_special(struct view part)
{
	for (size_t i = 0; i < part.len; i++)
		if (strchr("*?[\\", part.p[i]))
			return true;
	return false;
}

static int walk_parts(struct walk *w, struct view pattern)
{
	struct view rest = pattern, part = next_part(&rest), probe;
	int r = 0;

	if (!part.p || w->depth >= GLOB_DEPTH)
		return 0;
	w->depth++;
	if (!is_special(part)) {
		char *name CLEANUP(freep) = xstrndup(part.p, part.len);

		r = descend(w, name, rest);
	} else if (!view_eq_str(part, "**")) {
		r = walk_names(w, part, rest, pattern);
	} else if (probe = rest, !next_part(&probe).p) {
		r = walk_parts(w, VIEW("**/*"));
	} else {
		r = walk_parts(w, rest);
		if (r == 0)
			r = walk_names(w, part, rest, pattern);
	}
	w->depth--;
	return r;
}

int glob_walk(const char *base, const char *pattern, bool dirs,
	int (*fn)(const char *path, const struct stat *st, void *arg), void *arg)
{
	struct walk w = {.dirs = dirs, .fn = fn, .arg = arg};
	int r;

	if (pattern[0] == '/')
		str_add_c(&w.shown, '/');
	else
		str_add(&w.disk, base);
	r = walk_parts(&w, view_of(pattern));
	str_release(&w.disk);
	str_release(&w.shown);
	return r;
}
