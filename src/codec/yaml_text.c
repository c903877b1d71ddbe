/* SPDX-License-Identifier: Apache-2.0 */
/* What a YAML text may be made of, checked before the parser sees it: libfyaml does not come back
 * from some malformed texts (broken UTF-8, unfinished directives). */
#include "base/utf8.h"
#include "codec/yaml_glob.h"

static const char *fault_at(const char *p, size_t left, int column)
{
	unsigned char c = (unsigned char)*p;

	if (utf8_sequence(p, left) == 0)
		return "this is not UTF-8";
	if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f)
		return "a control character";
	if (c == '%' && column == 1)
		return "YAML directives (%...) are not accepted";
	return NULL;
}

int yaml_text_check(const char *file, struct view text, struct err *err)
{
	const char *p = text.p;
	int line = 1, column = 1;

	for (size_t i = 0; i < text.len;) {
		const char *fault = fault_at(p + i, text.len - i, column);

		if (fault)
			return err_set(
				err, ERR_MALFORMED, "%s:%d:%d: %s", file, line, column, fault);
		column++;
		if (p[i] == '\n') {
			line++;
			column = 1;
		}
		i += utf8_sequence(p + i, text.len - i);
	}
	return 0;
}
