/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/view.h"

char *path_join(const char *a, const char *b)
{
	if (b[0] == '/' || a[0] == '\0')
		return xstrdup(b);
	return xasprintf("%s%s%s", a, ends_with(a, "/") ? "" : "/", b);
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Cuts the last part off; false when there is none. */
static bool pop_part(struct str *out, size_t root)
{
	if (out->len <= root)
		return false;
	while (out->len > root && out->p[out->len - 1] != '/')
		str_truncate(out, out->len - 1);
	if (out->len > root)
		str_truncate(out, out->len - 1);
	return true;
}

char *path_normalise(const char *path)
{
	struct str out = STR_INIT;
	struct view rest = view_of(path);
	size_t root = path[0] == '/' ? 1 : 0;

	if (root)
		str_add_c(&out, '/');
	while (rest.p) {
		struct view part = view_cut(&rest, '/');

		if (part.len == 0 || view_eq_str(part, "."))
			continue;
		if (view_eq_str(part, "..")) {
			if (!pop_part(&out, root)) {
				str_release(&out);
				return NULL;
			}
			continue;
		}
		if (out.len > root)
			str_add_c(&out, '/');
		str_add_view(&out, part);
	}
	if (out.len == 0)
		str_add_c(&out, '.');
	return str_take(&out);
}

bool path_is_inside(const char *path)
{
	char *normal;

	if (path[0] == '/' || path[0] == '\0')
		return false;
	normal = path_normalise(path);
	free(normal);
	return normal != NULL;
}
