/* SPDX-License-Identifier: Apache-2.0 */
#include "leader/mask.h"

#define MASK_MIN 3
#define MASK_TEXT "***"

void mask_release(struct mask *m)
{
	vec_release(&m->secrets);
	str_release(&m->held);
	str_release(&m->out);
}

static void add_view(struct mask *m, struct view secret)
{
	size_t i;

	if (secret.len < MASK_MIN)
		return;
	vec_push(&m->secrets, secret);
	for (i = m->secrets.n - 1; i > 0 && m->secrets.v[i - 1].len < secret.len; i--)
		m->secrets.v[i] = m->secrets.v[i - 1];
	m->secrets.v[i] = secret;
}

void mask_add(struct mask *m, const char *secret)
{
	struct view rest = view_of(secret);

	add_view(m, rest);
	if (!memchr(rest.p, '\n', rest.len))
		return;
	while (rest.len)
		add_view(m, view_trim(view_cut(&rest, '\n')));
}

/* The first secret in v: its offset, or v.len; the longest of those that start there. */
static size_t find(const struct mask *m, struct view v, size_t *ret_len)
{
	size_t best = v.len;

	vec_foreach (s, &m->secrets) {
		const char *at = memmem(v.p, MIN(v.len, best + s->len), s->p, s->len);

		if (at && (size_t)(at - v.p) < best) {
			best = (size_t)(at - v.p);
			*ret_len = s->len;
		}
	}
	return best;
}

/* Length of the longest end of v that is a proper start of a secret. */
static size_t open_end(const struct mask *m, struct view v)
{
	size_t longest = 0;

	vec_foreach (s, &m->secrets) {
		for (size_t n = MIN(s->len - 1, v.len); n > longest; n--)
			if (memcmp(v.p + v.len - n, s->p, n) == 0) {
				longest = n;
				break;
			}
	}
	return longest;
}

/* A secret that starts where a longer one may still be coming in is not replaced yet. */
static struct view replace(struct mask *m, struct view v, bool final)
{
	struct view whole = v;
	size_t len = 0, at, keep;

	while (true) {
		keep = final ? 0 : open_end(m, v);
		at = find(m, v, &len);
		if (at >= v.len - keep)
			break;
		str_add_n(&m->out, v.p, at);
		str_add(&m->out, MASK_TEXT);
		v.p += at + len;
		v.len -= at + len;
	}
	if (v.p == whole.p && keep == 0)
		return whole;
	str_add_n(&m->out, v.p, v.len - keep);
	str_clear(&m->held);
	str_add_n(&m->held, v.p + v.len - keep, keep);
	return str_view(&m->out);
}

static struct view run(struct mask *m, struct view bytes, bool final)
{
	struct str joined CLEANUP_STR = STR_INIT;
	struct view result;

	str_clear(&m->out);
	if (m->secrets.n == 0 || (m->held.len == 0 && bytes.len == 0))
		return bytes;
	if (m->held.len == 0)
		return replace(m, bytes, final);
	joined = m->held;
	m->held = STR_INIT;
	str_add_view(&joined, bytes);
	result = replace(m, str_view(&joined), final);
	if (result.p == joined.p) { /* nothing to replace: the text must outlive this call */
		str_add_view(&m->out, result);
		result = str_view(&m->out);
	}
	return result;
}

struct view mask_bytes(struct mask *m, struct view bytes)
{
	return run(m, bytes, false);
}

struct view mask_flush(struct mask *m)
{
	return run(m, VIEW(""), true);
}

void mask_text(const struct mask *m, struct view text, struct str *out)
{
	size_t len = 0, at;

	while ((at = find(m, text, &len)) < text.len) {
		str_add_n(out, text.p, at);
		str_add(out, MASK_TEXT);
		text.p += at + len;
		text.len -= at + len;
	}
	str_add_view(out, text);
}
