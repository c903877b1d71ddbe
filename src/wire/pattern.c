/* SPDX-License-Identifier: Apache-2.0 */
/* The models' regular expressions (Java's dialect), compiled once by PCRE2. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "wire/pattern.h"

/* Work allowed for one match: the models have patterns that backtrack. */
#define MATCH_LIMIT 200000

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct map compiled; /* pattern -> pcre2_code, for the life of the process */

static bool hex4(const char *p, unsigned *ret)
{
	char digits[5] = {0};

	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)p[i]))
			return false;
		digits[i] = p[i];
	}
	*ret = (unsigned)strtoul(digits, NULL, 16);
	return true;
}

/* Translates one \uXXXX escape at p; returns how much of it was read, 0 if it is none. Pairs of
 * surrogates become their character; what stands for U+10000 and U+10FFFF is written in the
 * models with five and six digits. */
static size_t unicode_escape(const char *p, struct str *out)
{
	unsigned high, low;

	if (p[0] != '\\' || p[1] != 'u' || !hex4(p + 2, &high))
		return 0;
	if (starts_with(p + 2, "10000")) {
		str_add(out, "\\x{10000}");
		return 7;
	}
	if (starts_with(p + 2, "10FFFF")) {
		str_add(out, "\\x{10FFFF}");
		return 8;
	}
	if (high >= 0xd800 && high < 0xdc00 && p[6] == '\\' && p[7] == 'u' && hex4(p + 8, &low)) {
		str_addf(out, "\\x{%X}", 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
		return 12;
	}
	str_addf(out, "\\x{%X}", high);
	return 6;
}

static void translate(const char *pattern, struct str *out)
{
	while (*pattern) {
		size_t n = unicode_escape(pattern, out);

		if (n == 0) {
			n = pattern[0] == '\\' && pattern[1] ? 2 : 1;
			str_add_n(out, pattern, n);
		}
		pattern += n;
	}
}

static int compile(
	const char *pattern, const char *text, uint32_t options, pcre2_code **ret, struct err *err)
{
	PCRE2_UCHAR why[128];
	PCRE2_SIZE offset;
	int code;

	*ret = pcre2_compile(
		(PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options, &code, &offset, NULL);
	if (!*ret) {
		pcre2_get_error_message(code, why, sizeof(why));
		return err_set(err, ERR_INVALID, "'%s' is no regular expression: at %zu: %s",
			pattern, (size_t)offset, (const char *)why);
	}
	return 0;
}

/* A pattern in the models' dialect, for a whole text. */
static int compile_whole(const char *pattern, pcre2_code **ret, struct err *err)
{
	CLEANUP_STR struct str text = STR_INIT;

	translate(pattern, &text);
	if (compile(pattern, str_text(&text),
		    PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY, ret,
		    err) < 0)
		return -1;
	pcre2_jit_compile(*ret, PCRE2_JIT_COMPLETE);
	return 0;
}

static int find_compiled(const char *pattern, pcre2_code **ret, struct err *err)
{
	pcre2_code *other;

	pthread_rwlock_rdlock(&lock);
	*ret = map_get(&compiled, pattern);
	pthread_rwlock_unlock(&lock);
	if (*ret)
		return 0;
	if (compile_whole(pattern, ret, err) < 0)
		return -1;
	pthread_rwlock_wrlock(&lock);
	other = map_get(&compiled, pattern);
	if (other) { /* another thread was faster */
		pcre2_code_free(*ret);
		*ret = other;
	} else {
		map_set(&compiled, pattern, *ret);
	}
	pthread_rwlock_unlock(&lock);
	return 0;
}

static int match(pcre2_code *code, const char *text)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int rc;

	if (!context || !data)
		BUG("out of memory");
	pcre2_set_match_limit(context, MATCH_LIMIT);
	rc = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, context);
	if (rc == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter has the heap for a long text */
		rc = pcre2_match(
			code, (PCRE2_SPTR)text, strlen(text), 0, PCRE2_NO_JIT, data, context);
	pcre2_match_data_free(data);
	pcre2_match_context_free(context);
	return rc >= 0;
}

int wire_pattern_match(const char *pattern, const char *text, struct err *err)
{
	pcre2_code *code;

	if (find_compiled(pattern, &code, err) < 0)
		return -1;
	return match(code, text);
}

int wire_pattern_match_once(const char *pattern, const char *text, struct err *err)
{
	pcre2_code *code;
	int rc;

	if (compile_whole(pattern, &code, err) < 0)
		return -1;
	rc = match(code, text);
	pcre2_code_free(code);
	return rc;
}

int wire_pattern_search(const char *pattern, const char *text, struct err *err)
{
	pcre2_code *code;
	int rc;

	if (compile(pattern, pattern, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &code, err) < 0)
		return -1;
	rc = match(code, text);
	pcre2_code_free(code);
	return rc;
}
