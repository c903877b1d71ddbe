/* SPDX-License-Identifier: Apache-2.0 */
/* Buildspecs: whatever the text, parsing ends, complaints name a place, and what was read survives
 * storing. */
#include "base/mem.h"
#include "build/buildspec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void store(const struct towpath_buildspec *spec, struct arena *a)
{
	CLEANUP_STR struct str one = STR_INIT, two = STR_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct towpath_buildspec again;

	wire_encode_json(&towpath_buildspec_shape, spec, &one);
	if (wire_decode_json(&towpath_buildspec_shape, str_view(&one), a, &again, &err) < 0) {
		/* JSON wants UTF-8, a buildspec's text may be anything */
		return;
	}
	wire_encode_json(&towpath_buildspec_shape, &again, &two);
	if (!view_eq(str_view(&one), str_view(&two)))
		BUG("%s became %s", str_text(&one), str_text(&two));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_ERR struct err err = ERR_INIT;
	struct buildspec_result got;

	if (buildspec_parse("f", (struct view){(const char *)data, size}, &a, &got, &err) == 0)
		store(got.spec, &a);
	else if (!starts_with(err_message(&err), "f:"))
		BUG("a complaint without a place: %s", err_message(&err));
	for (const struct yaml_warning *w = got.warnings; w; w = w->next)
		if (w->line < 1 || w->column < 1)
			BUG("a warning without a place: %s", w->message);
	return 0;
}
