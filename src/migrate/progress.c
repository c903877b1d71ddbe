/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define DRAW_USEC (USEC_PER_SEC / 10)
#define TELL_USEC (10 * USEC_PER_SEC)
#define SILENCE_USEC (5 * USEC_PER_SEC)

static int64_t now_usec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

void migrate_progress_init(struct migrate_progress *p)
{
	*p = (struct migrate_progress){
		.terminal = isatty(STDERR_FILENO) == 1, .started_usec = now_usec()};
}

static void wipe(struct migrate_progress *p)
{
	if (p->drawn)
		fputs("\r\033[K", stderr);
	p->drawn = false;
}

void migrate_progress_release(struct migrate_progress *p)
{
	wipe(p);
	str_release(&p->step);
	str_release(&p->detail);
}

static void print_elapsed(const struct migrate_progress *p)
{
	long long s = (now_usec() - p->started_usec) / USEC_PER_SEC;

	fprintf(stderr, "[%lld:%02lld:%02lld] ", s / 3600, s / 60 % 60, s % 60);
}

static void tell(struct migrate_progress *p)
{
	int64_t now = now_usec();

	wipe(p);
	print_elapsed(p);
	fprintf(stderr, "%s%s%s", str_text(&p->step), p->detail.len ? ": " : "",
		str_text(&p->detail));
	if (now - p->heard_usec > SILENCE_USEC)
		fprintf(stderr, " (nothing heard for %lld s)",
			(long long)((now - p->heard_usec) / USEC_PER_SEC));
	if (!p->terminal)
		fputc('\n', stderr);
	p->drawn = p->terminal;
	p->told_usec = now;
	fflush(stderr);
}

void migrate_progress_step(struct migrate_progress *p, const char *fmt, ...)
{
	va_list ap;

	str_clear(&p->step);
	str_clear(&p->detail);
	va_start(ap, fmt);
	str_vaddf(&p->step, fmt, ap);
	va_end(ap);
	p->heard_usec = now_usec();
	tell(p);
}

void migrate_progress_detail(struct migrate_progress *p, struct view text)
{
	p->heard_usec = now_usec();
	str_clear(&p->detail);
	str_add_view(&p->detail, text);
	if (p->heard_usec - p->told_usec > (p->terminal ? DRAW_USEC : TELL_USEC))
		tell(p);
}

void migrate_progress_tick(struct migrate_progress *p)
{
	if (now_usec() - p->told_usec > (p->terminal ? USEC_PER_SEC / 2 : TELL_USEC))
		tell(p);
}

void migrate_progress_note(struct migrate_progress *p, const char *fmt, ...)
{
	va_list ap;

	wipe(p);
	print_elapsed(p);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	fflush(stderr);
}
