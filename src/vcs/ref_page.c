/* SPDX-License-Identifier: Apache-2.0 */
/* A page of a repository's references, without reading the others: packed-refs is sorted, so the
 * page's start is found by halving; loose references are few, since upkeep packs them. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/path.h"
#include "base/vec.h"
#include "vcs/git2.h"
#include "vcs/repository.h"

#define ID_LENGTH 40

struct page {
	struct vcs_repository *r;
	const char *prefix, *after;
	struct arena *arena;
	VEC(const char *) loose; /* names within the page's range, sorted */
	struct view packed;	 /* what of packed-refs stands behind `after`; p NULL: nothing */
	void *map;
	size_t map_size;
	bool unsorted;
};

static void page_release(struct page *p)
{
	vec_release(&p->loose);
	if (p->map)
		munmap(p->map, p->map_size);
}

static bool in_range(const struct page *p, const char *name)
{
	return starts_with(name, p->prefix) && (!p->after || strcmp(name, p->after) > 0);
}

/* ---- loose references ---- */

/* name: a folder below the repository, without a slash at its end. */
static void find_loose(struct page *p, const char *name)
{
	CLEANUP(freep) char *folder = path_join(p->r->path, name);
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		const char *full = arena_printf(p->arena, "%s/%s", name, e->d_name);
		struct stat st;

		if (e->d_name[0] == '.' || ends_with(e->d_name, ".lock") ||
			fstatat(dirfd(dir), e->d_name, &st, 0) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			find_loose(p, full);
		else if (in_range(p, full))
			vec_push(&p->loose, full);
	}
	if (dir)
		closedir(dir);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ---- packed references ---- */

/* The line that the place lies in; a peeled value's line belongs to the one before it. */
static const char *line_start(const struct view *all, const char *at)
{
	for (;;) {
		while (at > all->p && at[-1] != '\n')
			at--;
		if (at == all->p || *at != '^')
			return at;
		at--;
	}
}

/* "<id> <name>" of the line; false for one that is not whole. */
static bool read_line(struct view rest, struct view *ret_id, struct view *ret_name)
{
	struct view line = view_cut(&rest, '\n');

	if (line.len < ID_LENGTH + 2 || line.p[ID_LENGTH] != ' ')
		return false;
	*ret_id = (struct view){line.p, ID_LENGTH};
	*ret_name = (struct view){line.p + ID_LENGTH + 1, line.len - ID_LENGTH - 1};
	return true;
}

static int compare_view(struct view a, const char *b)
{
	struct view other = view_of(b);
	int c = memcmp(a.p, other.p, MIN(a.len, other.len));

	return c ? c : (a.len > other.len) - (a.len < other.len);
}

/* The first line whose name is not before `name`. */
static struct view lower_bound(struct view all, const char *name)
{
	const char *low = all.p, *high = all.p + all.len;

	while (low < high) {
		const char *at = line_start(&all, low + (high - low) / 2);
		struct view rest = {at, (size_t)(all.p + all.len - at)}, id, found;

		if (!read_line(rest, &id, &found) || compare_view(found, name) >= 0) {
			high = at;
			continue;
		}
		do
			view_cut(&rest, '\n');
		while (rest.len && *rest.p == '^');
		low = rest.len ? rest.p : all.p + all.len;
	}
	return (struct view){low, (size_t)(all.p + all.len - low)};
}

static int open_packed(struct page *p, struct err *err)
{
	CLEANUP(freep) char *path = path_join(p->r->path, "packed-refs");
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct view all, head;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size == 0)
		return 0;
	p->map_size = (size_t)st.st_size;
	p->map = mmap(NULL, p->map_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p->map == MAP_FAILED) {
		p->map = NULL;
		return err_set(err, ERR_IO, "cannot read %s", path);
	}
	all = (struct view){p->map, p->map_size};
	head = all;
	head = view_cut(&head, '\n');
	p->unsorted = !view_starts_with(head, "# pack-refs with:") ||
		      !memmem(head.p, head.len, " sorted ", 8);
	if (p->unsorted)
		return 0;
	view_cut(&all, '\n');
	if (all.len)
		p->packed = lower_bound(
			all, p->after && strcmp(p->after, p->prefix) > 0 ? p->after : p->prefix);
	return 0;
}

/* The next packed one of the page; false at the end. */
static bool next_packed(struct page *p, struct vcs_ref *ret)
{
	struct view id, name;

	while (p->packed.len) {
		bool whole = read_line(p->packed, &id, &name);

		view_cut(&p->packed, '\n');
		if (!whole)
			continue;
		ret->name = arena_view_dup(p->arena, name);
		if (!starts_with(ret->name, p->prefix))
			return false;
		if (in_range(p, ret->name) && vcs_id_parse(id, &ret->id))
			return true;
	}
	return false;
}

/* ---- both together ---- */

static int merge(struct page *p, size_t max, struct vcs_ref *v, size_t *ret_n, bool *ret_more,
	struct err *err)
{
	struct vcs_ref packed;
	bool has_packed = next_packed(p, &packed);
	size_t at = 0;

	for (*ret_n = 0; has_packed || at < p->loose.n;) {
		int order = at == p->loose.n ? 1
			    : !has_packed    ? -1
					     : strcmp(p->loose.v[at], packed.name);
		struct vcs_ref one = packed;
		int rc = 1;

		/* A loose one stands for the packed one of its name. */
		if (order <= 0) {
			one.name = p->loose.v[at++];
			rc = vcs_ref_get(p->r, one.name, &one.id, err);
		}
		if (order >= 0)
			has_packed = next_packed(p, &packed);
		if (rc < 0)
			return -1;
		if (rc == 0) /* gone meanwhile */
			continue;
		*ret_more = *ret_n == max;
		if (*ret_more)
			return 0;
		v[(*ret_n)++] = one;
	}
	return 0;
}

/* What an unsorted packed-refs needs (an old git wrote it). */
static int filter_all(struct page *p, size_t max, struct vcs_ref *v, size_t *ret_n, bool *ret_more,
	struct err *err)
{
	struct vcs_ref *refs;
	size_t n;

	if (vcs_refs_list(p->r, p->prefix, p->arena, &refs, &n, err) < 0)
		return -1;
	*ret_n = 0;
	for (size_t i = 0; i < n && !*ret_more; i++) {
		if (!in_range(p, refs[i].name))
			continue;
		*ret_more = *ret_n == max;
		if (!*ret_more)
			v[(*ret_n)++] = refs[i];
	}
	return 0;
}

int vcs_refs_page(struct vcs_repository *r, const char *prefix, const char *after, size_t max,
	struct arena *a, struct vcs_ref **ret, size_t *ret_n, bool *ret_more, struct err *err)
{
	CLEANUP(page_release)
	struct page p = {.r = r, .prefix = prefix, .after = after, .arena = a};
	const char *folder = arena_strndup(a, prefix, strlen(prefix) - 1);

	*ret_more = false;
	*ret = arena_new_n(a, max, struct vcs_ref);
	/* In this order: one that is packed meanwhile is seen in both places. */
	find_loose(&p, folder);
	if (open_packed(&p, err) < 0)
		return -1;
	if (p.unsorted)
		return filter_all(&p, max, *ret, ret_n, ret_more, err);
	if (p.loose.n)
		qsort(p.loose.v, p.loose.n, sizeof(*p.loose.v), compare_names);
	return merge(&p, max, *ret, ret_n, ret_more, err);
}
