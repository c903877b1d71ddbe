/* SPDX-License-Identifier: Apache-2.0 */
/* Unquoted globs in YAML: what begins with `*` is an alias to YAML and a pattern to people.
 *
 * Most such texts parse as an alias whose name no anchor has; yaml.c takes those as text. The rest
 * (`[*, b]`, `- *.{js,ts}`) do not parse at all; for them the text is quoted and parsed again.
 * Private to codec/yaml*.c. */
#ifndef TOWPATH_CODEC_YAML_GLOB_H
#define TOWPATH_CODEC_YAML_GLOB_H

#include "base/str.h"
#include "base/vec.h"
#include "codec/yaml.h"

struct yaml_glob_fixed {
	int line, column; /* where the asterisk stood in the user's text, from 1 */
	size_t length;
};

struct yaml_glob_fixes {
	VEC(struct yaml_glob_fixed) list;
};

void yaml_glob_fixes_release(struct yaml_glob_fixes *f);
/* Quotes one unquoted glob on the line that the parse error names. False: there is none, the
 * error stands. */
bool yaml_glob_fix(
	struct str *text, const struct err *why, const char *file, struct yaml_glob_fixes *fixes);
/* How many quotes were put before this column (from 0) of the repaired text's line. */
int yaml_glob_shift(const struct yaml_glob_fixes *f, int line, int column);
/* True when the scalar at this place of the user's text was quoted by yaml_glob_fix(). */
bool yaml_glob_was_fixed(const struct yaml_glob_fixes *f, int line, int column);
/* Warns about a glob taken as text. */
void yaml_glob_warn(struct yaml_document *d, const struct yaml_node *n);

/* yaml_text.c: UTF-8, no control characters, no directives. ERR_MALFORMED with the place. */
int yaml_text_check(const char *file, struct view text, struct err *err);

#endif
