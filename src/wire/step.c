/* SPDX-License-Identifier: Apache-2.0 */
/* Places in documents, and numbers, as all decoders of trees see them. */
#include <math.h>

#include "base/mem.h"
#include "wire/step.h"

static void step_text(const struct wire_step *at, struct str *out)
{
	if (at->up)
		step_text(at->up, out);
	if (!at->name && !at->up)
		return;
	if (!at->name)
		str_addf(out, "[%zu]", at->index);
	else
		str_addf(out, "%s%s", out->len ? "." : "", at->name);
}

int wire_step_wanted(const struct wire_step *at, const char *what, const char *got, struct err *err)
{
	CLEANUP_STR struct str path = STR_INIT;

	step_text(at, &path);
	if (!path.len)
		return err_set(err, ERR_MALFORMED, "the document must be %s, not %s", what, got);
	return err_set(err, ERR_MALFORMED, "'%s' must be %s, not %s", str_text(&path), what, got);
}

int wire_step_room(const struct wire_step *at, const struct wire_shape *shape, size_t n,
	struct arena *a, struct wire_list *list, struct err *err)
{
	CLEANUP_STR struct str path = STR_INIT;

	if (!wire_room(shape, n, a)) {
		step_text(at, &path);
		return err_set(
			err, ERR_TOO_LARGE, "'%s' has too many elements (%zu)", str_text(&path), n);
	}
	list->set = true;
	list->v = arena_array(a, n, shape->stride);
	return 0;
}

bool wire_whole(double d, int64_t min, int64_t max, int64_t *ret)
{
	if (d != floor(d) || fabs(d) > 9007199254740992.0)
		return false;
	*ret = (int64_t)d;
	return *ret >= min && *ret <= max;
}

bool wire_seconds(double seconds, int64_t *ret)
{
	if (!(fabs(seconds) < 1e12))
		return false;
	*ret = llround(seconds * 1e6);
	return true;
}
