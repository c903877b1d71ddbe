/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/options.h"

#include <errno.h>
#include <unistd.h>

#include "bin/command.h"

const struct option_spec common_options[] = {
	{"data", 0, "DIR", "TOWPATH_DATA", "the server's data folder (/var/lib/towpath)"},
	{"help", 'h', NULL, NULL, "show this"},
	{"json", 0, NULL, NULL, "answer in JSON, for programs"},
	{NULL, 0, NULL, NULL, NULL},
};

static const struct option_spec *find_in(
	const struct option_spec *specs, struct view name, char letter)
{
	for (; specs && specs->name; specs++)
		if (letter ? specs->letter == letter : view_eq_str(name, specs->name))
			return specs;
	return NULL;
}

static const struct option_spec *find_option(const struct command *c, struct view name, char letter)
{
	const struct option_spec *spec = find_in(c->options, name, letter);

	return spec ? spec : find_in(common_options, name, letter);
}

static void set(struct options *o, const struct option_spec *spec, const char *value)
{
	free(map_set(&o->values, spec->name, xstrdup(value)));
}

/* Handles argv[*i], which starts with a dash. */
static int parse_option(struct options *o, int argc, char *const *argv, int *i, struct err *err)
{
	const char *arg = argv[*i];
	bool is_long = arg[1] == '-';
	struct view rest = view_of(arg + 2);
	struct view name = is_long ? view_cut(&rest, '=') : (struct view){NULL, 0};
	const struct option_spec *spec = find_option(o->command, name, is_long ? 0 : arg[1]);
	bool attached = is_long ? rest.p != NULL : arg[2] != '\0';
	const char *value = is_long ? rest.p : arg + 2;

	if (!spec) {
		err_set(err, ERR_INVALID, "unknown option %s", arg);
		return err_hint(err, "`towpath help %s` lists them", o->command->name);
	}
	if (!spec->value) {
		if (attached)
			return err_set(err, ERR_INVALID, "option --%s takes no value", spec->name);
		set(o, spec, "true");
		return 0;
	}
	if (!attached) {
		if (*i + 1 >= argc)
			return err_set(err, ERR_INVALID, "option --%s wants a %s", spec->name,
				spec->value);
		value = argv[++*i];
	}
	set(o, spec, value);
	return 0;
}

static int check_words(const struct options *o, struct err *err)
{
	const struct command *c = o->command;
	int n = (int)o->words.n;

	if (option_flag(o, "help") ||
		(n >= c->min_words && (c->max_words < 0 || n <= c->max_words)))
		return 0;
	err_set(err, ERR_INVALID,
		n < c->min_words ? "an argument is missing" : "too many arguments");
	return err_hint(err, "usage: towpath %s %s", c->name, c->arguments ? c->arguments : "");
}

int options_parse(
	struct options *o, const struct command *c, int argc, char *const *argv, struct err *err)
{
	bool only_words = false;

	*o = (struct options){.command = c};
	for (int i = 0; i < argc; i++) {
		if (only_words || argv[i][0] != '-' || argv[i][1] == '\0')
			strv_add(&o->words, argv[i]);
		else if (streq(argv[i], "--"))
			only_words = true;
		else if (parse_option(o, argc, argv, &i, err) < 0)
			return -1;
	}
	return check_words(o, err);
}

void options_release(struct options *o)
{
	map_release_with(&o->values, free);
	strv_release(&o->words);
}

const char *option_text(const struct options *o, const char *name)
{
	const struct option_spec *spec = find_option(o->command, view_of(name), 0);
	const char *value = map_get(&o->values, name);

	if (!spec)
		BUG("command %s has no option --%s", o->command->name, name);
	return value || !spec->environment ? value : getenv(spec->environment);
}

bool option_flag(const struct options *o, const char *name)
{
	return option_text(o, name) != NULL;
}

int option_int(const struct options *o, const char *name, int64_t min, int64_t max, int64_t dflt,
	int64_t *ret, struct err *err)
{
	const char *text = option_text(o, name);
	char *end;

	*ret = dflt;
	if (!text)
		return 0;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	if (errno || end == text || *end || *ret < min || *ret > max)
		return err_set(err, ERR_INVALID,
			"option --%s wants a whole number from %lld to %lld, not \"%s\"", name,
			(long long)min, (long long)max, text);
	return 0;
}

int option_size(
	const struct options *o, const char *name, uint64_t dflt, uint64_t *ret, struct err *err)
{
	static const struct {
		const char *unit;
		uint64_t size;
	} units[] = {{"M", MIB}, {"G", GIB}, {"T", GIB * KIB}};
	const char *text = option_text(o, name);
	unsigned long long n;
	char *end;

	*ret = dflt;
	if (!text)
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (errno || *text < '1' || *text > '9' || !streq(end, units[i].unit) ||
			n > INT64_MAX / units[i].size)
			continue;
		*ret = n * units[i].size;
		return 0;
	}
	return err_set(err, ERR_INVALID, "option --%s wants a size such as 500M or 64G, not \"%s\"",
		name, text);
}

char *option_data_dir(const struct options *o)
{
	const char *given = option_text(o, "data");
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (given)
		return xstrdup(given);
	if (geteuid() == 0)
		return xstrdup("/var/lib/towpath");
	if (state && state[0])
		return xasprintf("%s/towpath", state);
	return xasprintf("%s/.local/state/towpath", home ? home : ".");
}

bool option_colours(const struct options *o)
{
	return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && !option_flag(o, "json");
}
