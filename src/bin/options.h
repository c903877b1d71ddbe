/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines: --name VALUE, --name=VALUE, -n VALUE, flags, words, "--" to end the options. */
#ifndef TOWPATH_BIN_OPTIONS_H
#define TOWPATH_BIN_OPTIONS_H

#include "base/err.h"
#include "base/map.h"
#include "base/vec.h"

struct option_spec {
	const char *name;	 /* without the dashes */
	char letter;		 /* short form, or 0 */
	const char *value;	 /* what the value is called in the help ("DIR"), NULL for a flag */
	const char *environment; /* taken when the option is not given, or NULL */
	const char *help;	 /* one line; says the default */
};

struct options {
	const struct command *command;
	struct map values; /* name -> char * (owned) */
	struct strv words; /* what is no option */
};

/* Options that every command has: --help, --data DIR, --json. */
extern const struct option_spec common_options[];

/* Parses argv[0..argc) (without the program's and the command's name). ERR_INVALID names the
 * argument and what to do. Release with options_release, also after an error. */
int options_parse(
	struct options *o, const struct command *c, int argc, char *const *argv, struct err *err);
void options_release(struct options *o);
/* The value as given, from the environment, or NULL; borrowed. */
const char *option_text(const struct options *o, const char *name);
bool option_flag(const struct options *o, const char *name);
/* A whole number from min to max; dflt when absent. */
int option_int(const struct options *o, const char *name, int64_t min, int64_t max, int64_t dflt,
	int64_t *ret, struct err *err);
/* A number of bytes of at least 1 MiB: "64G", "500M". */
int option_size(
	const struct options *o, const char *name, uint64_t dflt, uint64_t *ret, struct err *err);
/* The data folder: --data, TOWPATH_DATA, else /var/lib/towpath for root and
 * $XDG_STATE_HOME/towpath (~/.local/state/towpath) for others. Caller frees. */
char *option_data_dir(const struct options *o) MUST_CHECK;
/* Whether to use colours: standard output is a terminal, NO_COLOR is not set, no --json. */
bool option_colours(const struct options *o);

#endif
