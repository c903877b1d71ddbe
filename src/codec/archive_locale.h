/* SPDX-License-Identifier: Apache-2.0 */
/* libarchive turns names by the thread's locale: within a scope, this makes it UTF-8. Only for
 * src/codec/archive*.c. */
#ifndef TOWPATH_CODEC_ARCHIVE_LOCALE_H
#define TOWPATH_CODEC_ARCHIVE_LOCALE_H

#include <locale.h>

#include "base/macros.h"

struct archive_locale {
	locale_t utf8, before;
};

static inline struct archive_locale archive_locale_enter(void)
{
	struct archive_locale l = {newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0), (locale_t)0};

	if (l.utf8)
		l.before = uselocale(l.utf8);
	return l;
}

static inline void archive_locale_leave(struct archive_locale *l)
{
	if (!l->utf8)
		return;
	uselocale(l->before);
	freelocale(l->utf8);
}

#define ARCHIVE_LOCALE(name) \
	CLEANUP(archive_locale_leave) UNUSED struct archive_locale name = archive_locale_enter()

#endif
